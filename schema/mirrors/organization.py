"""Mirrors of organizations, and the mutations that set, try, start and stop them."""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import strawberry

import resolvers.mirrors.organization
from resolvers.access.needs import ADMINISTER_NAMESPACE
from resolvers.access.roles import TeamRole
from resolvers.mirrors import verification
from resolvers.mirrors.discovered import DiscoveredRecord
from resolvers.mirrors.organization import (
    DEFAULT_TIMEOUT_S,
    OrganizationMirrorChanges,
    OrganizationMirrorRecord,
)
from resolvers.mirrors.schedule import MirrorStatus
from resolvers.upstreams.catalog import Catalog
from schema.accounts.team import OrganizationName
from schema.connections import After, Connection, First, connect, page
from schema.context import Info
from schema.errors import Payload, mutation, payload
from schema.inputs import changes
from schema.mirrors.connection import MirrorConnectionInput
from schema.mirrors.settings import (
    ENABLED,
    INTERVAL,
    ROBOT,
    STARTS,
    TIMEOUT,
    USERNAME,
    MirrorSettings,
    settings_of,
)
from schema.repositories.visibility import Visibility
from schema.scalars import optional_datetime, to_datetime

if TYPE_CHECKING:
    from schema.repositories.repository import Repository

strawberry.enum(
    Catalog, name="RegistryCatalog", description="The API by which a registry lists repositories."
)

_CATALOG = "The API by which the registry lists its repositories."
_URL = "The address of the registry, such as `https://quay.io`; without a scheme it is `https`."
_NAMESPACE = (
    "Its namespace, project or organization that is followed; empty for all that the registry has, which only"
    " `CATALOG` can list."
)
_PATTERNS = (
    "The repositories that are followed: at most 100 names below the namespace, or patterns with `*`, `?`,"
    " `[a-c]`. An empty list is all."
)
_VISIBILITY = "Who may pull from repositories that are made; those that are there keep theirs."


@strawberry.type(description="How many repositories that a mirror found have a status.")
class MirrorStatusCount:
    status: MirrorStatus = strawberry.field(description="What their mirrors do, or what came of them.")
    count: int = strawberry.field(description="How many.")


@strawberry.type(description="A repository of another registry that an organization follows.")
class DiscoveredRepository:
    record: strawberry.Private[DiscoveredRecord]

    @strawberry.field(description="Its name below the namespace, which is that of the repository here.")
    def name(self) -> str:
        return self.record.name

    @strawberry.field(description="What its mirror does, or what came of its last run; `FAIL` without one.")
    def status(self) -> MirrorStatus:
        return self.record.status

    @strawberry.field(description="When it was found first.")
    def discovered_at(self) -> datetime:
        return to_datetime(self.record.discovered_at_ms)

    @strawberry.field(
        description="When the registry listed it last. One that it lists no more stays here, and rests."
    )
    def seen_at(self) -> datetime:
        return to_datetime(self.record.seen_at_ms)

    @strawberry.field(description="When a run of its mirror ended last; null before.")
    def synced_at(self) -> datetime | None:
        return optional_datetime(self.record.synced_at_ms)

    @strawberry.field(description="What came of that run, or why it has no mirror.")
    def message(self) -> str | None:
        return self.record.message

    @strawberry.field(description="The repository here; null if there is none.")
    async def repository(
        self, info: Info
    ) -> Annotated["Repository", strawberry.lazy("schema.repositories.repository")] | None:
        from schema.repositories.repository import to_judged_repository

        if self.record.repository_id is None:
            return None
        found = await info.context.loaders.repositories.load(self.record.repository_id)
        return to_judged_repository(found) if found else None


@strawberry.type(
    description="Makes an organization follow a namespace of another registry: its repositories are found,"
    " made and mirrored. Requires `org:admin`."
)
class OrganizationMirror(MirrorSettings):
    record: strawberry.Private[OrganizationMirrorRecord]

    @strawberry.field(description=_CATALOG)
    def catalog(self) -> Catalog:
        return self.record.catalog

    @strawberry.field(description=_URL)
    def registry_url(self) -> str:
        return self.record.registry_url

    @strawberry.field(description=_NAMESPACE)
    def namespace(self) -> str:
        return self.record.namespace

    @strawberry.field(description=_PATTERNS)
    def repository_patterns(self) -> list[str]:
        return list(self.record.patterns)

    @strawberry.field(description=_VISIBILITY)
    def visibility(self) -> Visibility:
        return self.record.visibility

    @strawberry.field(description="What came of looking for repositories last; null before.")
    def message(self) -> str | None:
        return self.record.message

    @strawberry.field(description="How many of its repositories have which status; at most one of each.")
    async def status_counts(self, info: Info) -> list[MirrorStatusCount]:
        found = await info.context.loaders.discovered_counts.load(self.record.id)
        return [MirrorStatusCount(status=status, count=found[status]) for status in sorted(found)]

    @strawberry.field(description="The repositories that were found, by name.")
    async def repositories(
        self, info: Info, first: First = 50, after: After = None
    ) -> Connection[DiscoveredRepository]:
        found = await info.context.loaders.discovered.load((self.record.id, page(first, after)))
        return connect(found, lambda record: DiscoveredRepository(record=record))


async def mirror_of(info: Info, organization_id: int) -> OrganizationMirror | None:
    """The mirror of an organization as a GraphQL value, for its administrators."""
    loaders = info.context.loaders
    if await loaders.namespace_roles_to_see.load(organization_id) is not TeamRole.ADMIN:
        raise info.context.context.viewer.refusal(ADMINISTER_NAMESPACE)
    record = await loaders.organization_mirrors.load(organization_id)
    return OrganizationMirror(record=record) if record else None


@strawberry.input(description="A new mirror of an organization.")
class OrganizationMirrorCreateInput:
    catalog: Catalog = strawberry.field(description=_CATALOG)
    registry_url: str = strawberry.field(description=_URL)
    namespace: str = strawberry.field(default="", description=_NAMESPACE)
    robot: str = strawberry.field(description=ROBOT)
    repository_patterns: list[str] | None = strawberry.field(default=None, description=_PATTERNS)
    visibility: Visibility = strawberry.field(default=Visibility.PRIVATE, description=_VISIBILITY)
    sync_starts_at: datetime = strawberry.field(description=STARTS)
    sync_interval_s: int = strawberry.field(description=INTERVAL)
    tag_timeout_s: int = strawberry.field(default=DEFAULT_TIMEOUT_S, description=TIMEOUT)
    is_enabled: bool = strawberry.field(default=True, description=ENABLED)
    username: str | None = strawberry.field(default=None, description=USERNAME)
    password: str | None = strawberry.field(default=None, description="The password of that user.")
    connection: strawberry.Maybe[MirrorConnectionInput] = strawberry.field(
        description="How the other registry is reached."
    )


@strawberry.input(description="What to change; absent fields stay as they are.")
class OrganizationMirrorUpdateInput:
    catalog: strawberry.Maybe[Catalog] = strawberry.field(description=_CATALOG)
    registry_url: strawberry.Maybe[str] = strawberry.field(description=_URL)
    namespace: strawberry.Maybe[str] = strawberry.field(description=_NAMESPACE)
    robot: strawberry.Maybe[str] = strawberry.field(description=ROBOT)
    repository_patterns: strawberry.Maybe[list[str] | None] = strawberry.field(description=_PATTERNS)
    visibility: strawberry.Maybe[Visibility] = strawberry.field(description=_VISIBILITY)
    sync_starts_at: strawberry.Maybe[datetime] = strawberry.field(description=STARTS)
    sync_interval_s: strawberry.Maybe[int] = strawberry.field(description=INTERVAL)
    tag_timeout_s: strawberry.Maybe[int] = strawberry.field(description=TIMEOUT)
    is_enabled: strawberry.Maybe[bool] = strawberry.field(description=ENABLED)
    username: strawberry.Maybe[str | None] = strawberry.field(
        description=f"{USERNAME} The password goes with it."
    )
    password: strawberry.Maybe[str | None] = strawberry.field(
        description="The password; one without a user name is refused."
    )
    connection: strawberry.Maybe[MirrorConnectionInput] = strawberry.field(
        description="How the other registry is reached."
    )


@strawberry.input(description="With what to ask; what is absent is that of the mirror, if there is one.")
class OrganizationMirrorVerifyInput:
    catalog: strawberry.Maybe[Catalog] = strawberry.field(description=_CATALOG)
    registry_url: strawberry.Maybe[str] = strawberry.field(description=_URL)
    namespace: strawberry.Maybe[str] = strawberry.field(description=_NAMESPACE)
    repository_patterns: strawberry.Maybe[list[str] | None] = strawberry.field(description=_PATTERNS)
    username: strawberry.Maybe[str | None] = strawberry.field(description=USERNAME)
    password: strawberry.Maybe[str | None] = strawberry.field(description="The password of that user.")
    connection: strawberry.Maybe[MirrorConnectionInput] = strawberry.field(
        description="How the other registry is reached."
    )


_Input = OrganizationMirrorCreateInput | OrganizationMirrorUpdateInput | OrganizationMirrorVerifyInput


def _changes(value: _Input) -> OrganizationMirrorChanges:
    found = settings_of(changes(value))
    if "repository_patterns" in found:
        found["patterns"] = found.pop("repository_patterns") or []
    return OrganizationMirrorChanges(**found)


_FIELD = (OrganizationMirror, "The mirror; null if refused.")
OrganizationMirrorCreatePayload = payload(
    "OrganizationMirrorCreatePayload",
    "What came of letting an organization follow another registry.",
    mirror=_FIELD,
)
OrganizationMirrorUpdatePayload = payload(
    "OrganizationMirrorUpdatePayload", "What came of changing the mirror of an organization.", mirror=_FIELD
)
OrganizationMirrorSyncPayload = payload(
    "OrganizationMirrorSyncPayload", "What came of starting the mirror of an organization.", mirror=_FIELD
)
OrganizationMirrorSyncCancelPayload = payload(
    "OrganizationMirrorSyncCancelPayload",
    "What came of stopping the mirror of an organization.",
    mirror=_FIELD,
)


@strawberry.type(description="What came of letting an organization follow nothing.")
class OrganizationMirrorDeletePayload(Payload):
    organization: str | None = strawberry.field(
        default=None, description="The organization that is no mirror any more; null if refused."
    )


@strawberry.type(description="What another registry said to the settings of a mirror.")
class MirrorVerification:
    is_good: bool = strawberry.field(description="Whether it lists repositories that would be mirrored.")
    message: str = strawberry.field(description="How many, or what is wrong.")


OrganizationMirrorVerifyPayload = payload(
    "OrganizationMirrorVerifyPayload",
    "What came of asking another registry.",
    verification=(MirrorVerification, "What it said; null if it was not asked."),
)


@strawberry.type
class OrganizationMirrorMutation:
    @mutation(
        OrganizationMirrorCreatePayload,
        description="Let an organization follow a namespace of another registry: repositories are made as"
        " they are found there, and nobody else makes any. Those that are there follow from then on, where"
        " the names are the same. Requires `org:admin`.",
    )
    async def organization_mirror_create(
        self,
        info: Info,
        organization: OrganizationName,
        input: Annotated[OrganizationMirrorCreateInput, strawberry.argument(description="The new mirror.")],
    ) -> Any:
        record = await resolvers.mirrors.organization.create(
            info.context.context, organization, _changes(input)
        )
        return OrganizationMirrorCreatePayload(mirror=OrganizationMirror(record=record))

    @mutation(
        OrganizationMirrorUpdatePayload,
        description="Change the mirror of an organization. Requires `org:admin`.",
    )
    async def organization_mirror_update(
        self,
        info: Info,
        organization: OrganizationName,
        input: Annotated[OrganizationMirrorUpdateInput, strawberry.argument(description="What to change.")],
    ) -> Any:
        record = await resolvers.mirrors.organization.update(
            info.context.context, organization, _changes(input)
        )
        return OrganizationMirrorUpdatePayload(mirror=OrganizationMirror(record=record))

    @mutation(
        OrganizationMirrorDeletePayload,
        description="Let an organization follow nothing; its repositories keep what they have, and become"
        " ordinary ones. Requires `org:admin`.",
    )
    async def organization_mirror_delete(self, info: Info, organization: OrganizationName) -> Any:
        await resolvers.mirrors.organization.delete(info.context.context, organization)
        return OrganizationMirrorDeletePayload(organization=organization)

    @mutation(
        OrganizationMirrorSyncPayload,
        description="Look for repositories at once and let all their mirrors run, also if it is disabled;"
        " refused while it looks. Requires `org:admin`.",
    )
    async def organization_mirror_sync(self, info: Info, organization: OrganizationName) -> Any:
        record = await resolvers.mirrors.organization.sync_now(info.context.context, organization)
        return OrganizationMirrorSyncPayload(mirror=OrganizationMirror(record=record))

    @mutation(
        OrganizationMirrorSyncCancelPayload,
        description="End what the mirror of an organization does, in all its repositories; it then does not"
        " run again by itself until it is enabled, or its schedule is changed. Requires `org:admin`.",
    )
    async def organization_mirror_sync_cancel(self, info: Info, organization: OrganizationName) -> Any:
        record = await resolvers.mirrors.organization.sync_cancel(info.context.context, organization)
        return OrganizationMirrorSyncCancelPayload(mirror=OrganizationMirror(record=record))

    @mutation(
        OrganizationMirrorVerifyPayload,
        description="Ask a registry as the mirror of an organization would, without changing anything."
        " Requires `org:admin`.",
    )
    async def organization_mirror_verify(
        self,
        info: Info,
        organization: OrganizationName,
        input: Annotated[
            OrganizationMirrorVerifyInput | None, strawberry.argument(description="With what to ask.")
        ] = None,
    ) -> Any:
        wanted = OrganizationMirrorChanges() if input is None else _changes(input)
        found = await verification.verify(info.context.context, organization, wanted)
        said = MirrorVerification(is_good=found.is_good, message=found.message)
        return OrganizationMirrorVerifyPayload(verification=said)
