"""Quotas: how much a namespace may store, and what happens as it fills up."""

from typing import Annotated, Any

import strawberry

from resolvers.access.needs import SEE_QUOTA
from resolvers.access.viewer import AccountKind
from resolvers.changes import UNSET
from resolvers.quotas import quota
from resolvers.quotas.quota import Limit, LimitKind, LimitRecord, QuotaRecord, effective, may_see
from schema.connections import After, Connection, First, connect, page
from schema.context import Info
from schema.errors import Payload, mutation
from schema.guards import REFUSABLE
from schema.inputs import changes
from schema.limits import ROWS
from schema.scalars import ByteSize

strawberry.enum(
    LimitKind,
    name="QuotaLimitKind",
    description="What happens when a namespace has filled the share of its quota that a limit names.",
)


@strawberry.type(description="From which share of a quota on something happens, and what.")
class QuotaLimit:
    record: strawberry.Private[LimitRecord]
    of: strawberry.Private[QuotaRecord]

    @strawberry.field(description="The quota that it is a share of.")
    def quota(self) -> "Quota":
        return Quota(record=self.of)

    @strawberry.field(description="What it is changed and removed by.")
    def number(self) -> int:
        return self.record.id

    @strawberry.field(description="What happens.")
    def kind(self) -> LimitKind:
        return self.record.kind

    @strawberry.field(description="From how many percent of the quota on, 1 to 100.")
    def percent(self) -> int:
        return self.record.percent


@strawberry.type(
    description="How many bytes a namespace may store. What happens when they fill up is said by its limits:"
    " without a Reject limit nothing is refused. For the organization's members, the user, and superusers."
)
class Quota:
    record: strawberry.Private[QuotaRecord]

    @strawberry.field(description="The name of the user or organization whose quota it is.")
    def owner(self) -> str:
        return self.record.namespace

    @strawberry.field(
        description="Tells it from another one that the namespace had or will have; null for the registry's"
        " default."
    )
    def number(self) -> int | None:
        return self.record.id

    @strawberry.field(description="How many bytes are 100 %.")
    def limit_bytes(self) -> ByteSize:
        return ByteSize(self.record.limit_bytes)

    @strawberry.field(
        description="Whether it is the registry's default, for namespaces without a quota of their own. It"
        " rejects at 100 %."
    )
    def is_default(self) -> bool:
        return self.record.id is None

    @strawberry.field(description="Whether the registry has a default, which would hold without this quota.")
    def has_default(self, info: Info) -> bool:
        return info.context.context.site.default_reject_quota_bytes > 0

    # A limit leads back to its quota, so that each level of these multiplies the answer.
    @strawberry.field(
        description="Its limits, lowest first, at most 200; none for the registry's default.",
        metadata={ROWS: 50},
    )
    def limits(self) -> list[QuotaLimit]:
        return [QuotaLimit(record=limit, of=self.record) for limit in self.record.limits]

    @strawberry.field(description="One of its limits; null if there is none such.")
    def limit(
        self, number: Annotated[int, strawberry.argument(description="The limit's `number`.")]
    ) -> QuotaLimit | None:
        found = self.record.limit(number)
        return QuotaLimit(record=found, of=self.record) if found else None


@strawberry.input(description="A limit of a quota.")
class QuotaLimitInput:
    kind: LimitKind = strawberry.field(description="What happens.")
    percent: int = strawberry.field(description="From how many percent of the quota on, 1 to 100.")


@strawberry.input(description="What to change; absent fields stay as they are.")
class QuotaLimitUpdateInput:
    kind: strawberry.Maybe[LimitKind] = strawberry.field(description="What happens.")
    percent: strawberry.Maybe[int] = strawberry.field(
        description="From how many percent of the quota on, 1 to 100."
    )


@strawberry.input(description="A new quota.")
class QuotaCreateInput:
    limit: ByteSize = strawberry.field(description="How many bytes are 100 %, at least 1, such as `10 GiB`.")
    limits: list[QuotaLimitInput] = strawberry.field(
        default_factory=list, description="Its limits, no two of them equal. Without any it refuses nothing."
    )


@strawberry.input(description="What to change; absent fields stay as they are.")
class QuotaUpdateInput:
    limit: strawberry.Maybe[ByteSize] = strawberry.field(
        description="How many bytes are 100 %, at least 1, such as `10 GiB`. Nothing is deleted if more is"
        " stored."
    )
    limits: strawberry.Maybe[list[QuotaLimitInput]] = strawberry.field(
        description="All its limits, no two of them equal. Those that it has already keep their numbers."
    )


@strawberry.type(description="What came of giving a namespace a quota.")
class QuotaCreatePayload(Payload):
    quota: Quota | None = strawberry.field(default=None, description="Null if refused.")


@strawberry.type(description="What came of changing a quota.")
class QuotaUpdatePayload(Payload):
    quota: Quota | None = strawberry.field(default=None, description="Null if refused.")


@strawberry.type(description="What came of removing a quota.")
class QuotaDeletePayload(Payload):
    number: int | None = strawberry.field(
        default=None, description="The number of what was removed; null if refused."
    )


@strawberry.type(description="What came of adding a limit to a quota.")
class QuotaLimitCreatePayload(Payload):
    quota: Quota | None = strawberry.field(default=None, description="The quota; null if refused.")
    limit: QuotaLimit | None = strawberry.field(default=None, description="The limit; null if refused.")


@strawberry.type(description="What came of changing a limit of a quota.")
class QuotaLimitUpdatePayload(Payload):
    quota: Quota | None = strawberry.field(default=None, description="The quota; null if refused.")
    limit: QuotaLimit | None = strawberry.field(default=None, description="The limit; null if refused.")


@strawberry.type(description="What came of removing a limit of a quota.")
class QuotaLimitDeletePayload(Payload):
    quota: Quota | None = strawberry.field(default=None, description="The quota; null if refused.")
    number: int | None = strawberry.field(
        default=None, description="The number of what was removed; null if refused."
    )


IncludeDefault = Annotated[
    bool,
    strawberry.argument(description="Whether the registry's default stands in where there is no other."),
]
OF_NAMESPACE = (
    "The quota; null if there is none. For the organization's members, the user with `user:admin`, and"
    " superusers; refused to others."
)
"""The description of the field on all that belongs to a namespace."""

_Owner = Annotated[str, strawberry.argument(description="The name of a user or organization.")]
_Number = Annotated[
    int | None,
    strawberry.argument(
        description="Refuse if the quota is not the one with this `number`, but one made since then."
    ),
]
_Limit = Annotated[int, strawberry.argument(description="The limit, by its `number`.")]
_WHO = "For superusers; needs a fresh login of a session."


def _limits(limits: list[QuotaLimitInput]) -> list[Limit]:
    return [Limit(limit.kind, limit.percent) for limit in limits]


async def quota_of(
    info: Info, namespace_id: int, namespace: str, *, include_default: bool, lenient: bool = False
) -> Quota | None:
    """The quota of a namespace as a GraphQL value; a list of them costs two statements.

    Raises `Unauthenticated` or `Forbidden` for outsiders, to whom it is null if `lenient`.
    """
    viewer, loaders = info.context.context.viewer, info.context.loaders
    if not may_see(viewer, namespace_id, await loaders.namespace_roles.load(namespace_id)):
        if lenient:
            return None
        raise viewer.refusal(SEE_QUOTA)
    record = effective(
        info.context.context.site, namespace_id, namespace, await loaders.quotas.load(namespace_id)
    )
    return Quota(record=record) if record and (include_default or record.id is not None) else None


@strawberry.type
class QuotaQuery:
    @strawberry.field(
        description="The quotas of all namespaces by name, or of one, without the registry's default; null if"
        " there is no such namespace. For superusers; needs a fresh login of a session.",
        metadata=REFUSABLE,
    )
    async def quotas(
        self,
        info: Info,
        owner: Annotated[
            str | None,
            strawberry.argument(description="The name of a user or organization; all if not given."),
        ] = None,
        first: First = 50,
        after: After = None,
    ) -> Connection[Quota] | None:
        found = await quota.quotas(info.context.context, owner, page(first, after))
        return connect(found, lambda record: Quota(record=record)) if found else None


@strawberry.type
class QuotaMutation:
    @mutation(QuotaCreatePayload, description=f"Give a namespace a quota. {_WHO}")
    async def quota_create(
        self,
        info: Info,
        owner: _Owner,
        input: Annotated[QuotaCreateInput, strawberry.argument(description="The new quota.")],
        kind: Annotated[
            AccountKind | None,
            strawberry.argument(description="Refuse if the owner is of another kind than this."),
        ] = None,
    ) -> Any:
        record = await quota.create(
            info.context.context,
            owner,
            limit_bytes=input.limit,
            limits=_limits(input.limits),
            kind=kind,
        )
        return QuotaCreatePayload(quota=Quota(record=record))

    @mutation(QuotaUpdatePayload, description=f"Change the quota of a namespace, all or nothing. {_WHO}")
    async def quota_update(
        self,
        info: Info,
        owner: _Owner,
        input: Annotated[QuotaUpdateInput, strawberry.argument(description="What to change.")],
        number: _Number = None,
    ) -> Any:
        values = changes(input)
        record = await quota.update(
            info.context.context,
            owner,
            number=number,
            limit_bytes=values.get("limit", UNSET),
            limits=_limits(values["limits"]) if "limits" in values else UNSET,
        )
        return QuotaUpdatePayload(quota=Quota(record=record))

    @mutation(
        QuotaDeletePayload,
        description="Take its quota from a namespace; the registry's default, if there is one, holds from"
        f" then on. {_WHO}",
    )
    async def quota_delete(self, info: Info, owner: _Owner, number: _Number = None) -> Any:
        record = await quota.delete(info.context.context, owner, number=number)
        return QuotaDeletePayload(number=record.id)

    @mutation(QuotaLimitCreatePayload, description=f"Add a limit to the quota of a namespace. {_WHO}")
    async def quota_limit_create(
        self,
        info: Info,
        owner: _Owner,
        input: Annotated[QuotaLimitInput, strawberry.argument(description="The new limit.")],
        number: _Number = None,
    ) -> Any:
        record, limit = await quota.create_limit(
            info.context.context, owner, Limit(input.kind, input.percent), number=number
        )
        return QuotaLimitCreatePayload(quota=Quota(record=record), limit=QuotaLimit(record=limit, of=record))

    @mutation(QuotaLimitUpdatePayload, description=f"Change a limit of the quota of a namespace. {_WHO}")
    async def quota_limit_update(
        self,
        info: Info,
        owner: _Owner,
        limit: _Limit,
        input: Annotated[QuotaLimitUpdateInput, strawberry.argument(description="What to change.")],
        number: _Number = None,
    ) -> Any:
        record, changed = await quota.update_limit(
            info.context.context, owner, limit, number=number, **changes(input)
        )
        return QuotaLimitUpdatePayload(
            quota=Quota(record=record), limit=QuotaLimit(record=changed, of=record)
        )

    @mutation(QuotaLimitDeletePayload, description=f"Take a limit from the quota of a namespace. {_WHO}")
    async def quota_limit_delete(
        self, info: Info, owner: _Owner, limit: _Limit, number: _Number = None
    ) -> Any:
        record, removed = await quota.delete_limit(info.context.context, owner, limit, number=number)
        return QuotaLimitDeletePayload(quota=Quota(record=record), number=removed.id)
