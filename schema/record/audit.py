"""The audit log and its counts."""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import strawberry
from strawberry.scalars import JSON

import resolvers.record.audit
from resolvers.errors import Forbidden
from resolvers.record import export as audit_export
from resolvers.record.audit import AuditFilter, AuditLog, AuditRecord
from resolvers.record.export import Callback
from schema.accounts.account import Account
from schema.accounts.organization import RepositoryOwner, owner_node
from schema.accounts.robot import load_account
from schema.connections import After, Connection, First, connect, page
from schema.context import Info
from schema.enums import EventKind
from schema.errors import Payload, mutation
from schema.inputs import OwnerInput, to_owner
from schema.node_id import Node, encode_id
from schema.scalars import Cursor, to_datetime, to_milliseconds

if TYPE_CHECKING:
    from schema.repositories.repository import Repository


@strawberry.input(description="Which entries of a log.")
class AuditLogFilter:
    starts_at: datetime | None = strawberry.field(
        default=None, description="The beginning of the interval; a day ago if not given."
    )
    ends_at: datetime | None = strawberry.field(
        default=None, description="The end of the interval, not included; open if not given."
    )
    performer: str | None = strawberry.field(
        default=None, description="Only what the user or robot of this name did."
    )
    kinds: list[EventKind] | None = strawberry.field(default=None, description="Only these kinds.")


@strawberry.type(description="Something that was done, and by whom.")
class AuditEntry(Node):
    record: strawberry.Private[AuditRecord]

    @strawberry.field(description="What was done, such as `create_repo` or `push_repo`.")
    def kind(self) -> EventKind:
        return EventKind(self.record.kind)

    @strawberry.field(description="The particulars, by the keys that belong to the kind; no secrets.")
    def metadata(self) -> JSON:
        return JSON(self.record.metadata)

    @strawberry.field(description="The address from which it was done; null if unknown.")
    def ip(self) -> str | None:
        return self.record.ip

    @strawberry.field(description="When it was done.")
    def occurred_at(self) -> datetime:
        return to_datetime(self.record.created_at_ms)

    @strawberry.field(description="Who did it; null for nobody, the registry itself, and deleted accounts.")
    async def performer(self, info: Info) -> Account | None:
        return await load_account(info, self.record.performer_id)

    @strawberry.field(
        description="The user or organization in whose log it stands; null for none, or a deleted one."
    )
    async def owner(self, info: Info) -> RepositoryOwner | None:
        return await owner_node(info, self.record.namespace_id)

    @strawberry.field(description="The repository that it was about; null for none, or a deleted one.")
    async def repository(
        self, info: Info
    ) -> Annotated["Repository", strawberry.lazy("schema.repositories.repository")] | None:
        from schema.repositories.repository import to_repository

        if self.record.repository_id is None:
            return None
        record = await info.context.loaders.repositories.load(self.record.repository_id)
        return to_repository(record) if record else None


@strawberry.type(description="How often something of one kind was done on one day.")
class AuditCount:
    kind: EventKind = strawberry.field(description="What was done, such as `create_repo` or `push_repo`.")
    starts_at: datetime = strawberry.field(description="The beginning of the day, in UTC.")
    count: int = strawberry.field(description="How many entries there are.")


@strawberry.type(description="A page of an audit log.")
class AuditEntryConnection(Connection[AuditEntry]):
    starts_at: datetime = strawberry.field(description="The beginning of the interval that the log covers.")
    ends_at: datetime = strawberry.field(description="The end of the interval that the log covers.")


def to_entry(record: AuditRecord) -> AuditEntry:
    """An entry as a GraphQL value."""
    return AuditEntry(id=encode_id("AuditEntry", record.id), record=record)


@strawberry.input(description="Who is told of an exported log.")
class AuditLogExportInput:
    callback_url: str | None = strawberry.field(
        default=None, description="An address on the public internet that gets word by POST."
    )
    callback_email: str | None = strawberry.field(
        default=None, description="An e-mail address that gets word."
    )


@strawberry.type(description="What came of ordering an export.")
class AuditLogExportPayload(Payload):
    export_id: str | None = strawberry.field(default=None, description="Its identity; null if refused.")


_Owner = Annotated[
    OwnerInput | None,
    strawberry.argument(description="Whose log; that of the viewer's own namespace if not given."),
]
FilterArgument = Annotated[
    AuditLogFilter | None,
    strawberry.argument(description="Which entries; the last day's if not given."),
]


def to_filter(value: AuditLogFilter | None) -> AuditFilter:
    """A filter as resolvers take it."""
    if value is None:
        return AuditFilter()
    return AuditFilter(
        since_ms=to_milliseconds(value.starts_at) if value.starts_at else None,
        until_ms=to_milliseconds(value.ends_at) if value.ends_at else None,
        performer=value.performer,
        kinds=None if value.kinds is None else [kind.value for kind in value.kinds],
    )


async def listed(info: Info, log: AuditLog, first: int, after: Cursor | None) -> AuditEntryConnection:
    """A page of a log, newest first."""
    rows = await resolvers.record.audit.entries(info.context.context, log, page(first, after))
    found = connect(rows, to_entry)
    return AuditEntryConnection(
        edges=found.edges,
        nodes=found.nodes,
        page_info=found.page_info,
        count=found.count,
        starts_at=to_datetime(log.since_ms),
        ends_at=to_datetime(log.until_ms),
    )


async def summed(info: Info, log: AuditLog | None) -> list[AuditCount] | None:
    """The entries of a log by day and kind; None without a log. Raises `Forbidden` where it is disabled."""
    if not info.context.context.site.has("AGGREGATED_LOG_COUNT_RETRIEVAL"):
        raise Forbidden("Counts of logs are disabled (AGGREGATED_LOG_COUNT_RETRIEVAL).")
    if log is None:
        return None
    return [
        AuditCount(
            kind=EventKind(item.kind),
            starts_at=to_datetime(item.day * resolvers.record.audit.DAY_MS),
            count=item.entries,
        )
        for item in await resolvers.record.audit.summary(log)
    ]


@strawberry.type
class AuditQuery:
    @strawberry.field(
        description="What was done in a namespace or in a repository, newest first; null if there is no such"
        " repository. Requires `org:admin`, `repo:admin`, or `user:admin` for the own namespace."
    )
    async def audit_log(
        self,
        info: Info,
        owner: _Owner = None,
        filter: FilterArgument = None,
        first: First = 50,
        after: After = None,
    ) -> AuditEntryConnection | None:
        context = info.context.context
        log = await resolvers.record.audit.audit_log(
            context, to_filter(filter), to_owner(owner) if owner else None
        )
        return None if log is None else await listed(info, log, first, after)

    @strawberry.field(
        description="The entries of a log counted by day and kind, as charts show them, newest day first;"
        " null if there is no such repository. Intervals of at most 31 days. Requires what reading the log"
        " requires."
    )
    async def audit_summary(
        self, info: Info, owner: _Owner = None, filter: FilterArgument = None
    ) -> list[AuditCount] | None:
        log = await resolvers.record.audit.audit_log(
            info.context.context, to_filter(filter), to_owner(owner) if owner else None
        )
        return await summed(info, log)


@strawberry.type
class AuditMutation:
    @mutation(
        AuditLogExportPayload,
        description="Write a part of an audit log into a file that can be fetched for a day, and tell of it."
        " Requires what reading the log requires.",
    )
    async def audit_log_export(
        self,
        info: Info,
        input: Annotated[AuditLogExportInput, strawberry.argument(description="Who is told of it.")],
        owner: _Owner = None,
        filter: FilterArgument = None,
    ) -> Any:
        context = info.context.context
        if not context.site.has("LOG_EXPORT"):
            raise Forbidden("Exports of logs are disabled (LOG_EXPORT).")
        export_id = await audit_export.export(
            context,
            to_filter(filter),
            Callback(input.callback_url, input.callback_email),
            to_owner(owner) if owner else None,
        )
        return AuditLogExportPayload(export_id=export_id)
