"""Repositories."""

from datetime import datetime
from typing import Annotated, ClassVar

import strawberry

from resolvers.access.needs import READ_REPOSITORY, Need
from resolvers.access.permissions import GrantSource
from resolvers.access.viewer import AccountKind
from resolvers.accounts.grantee import GranteeKind
from resolvers.builds import build
from resolvers.builds.triggers import trigger
from resolvers.gate import policy as gate
from resolvers.manifests import manifest, referrer
from resolvers.manifests.referrer import ReferrerFilter
from resolvers.mirrors import mirror
from resolvers.notifications.notification import NOTIFICATIONS
from resolvers.pruning import policy as pruning_policy
from resolvers.pruning.preview import next_run
from resolvers.repositories import activity, authorized_email, explanation, permission
from resolvers.repositories.repository import (
    RepositoryRecord,
    RepositoryState,
)
from resolvers.tags import immutability
from schema.access.roles import RepositoryRole
from schema.accounts.grantee import GranteeInput, to_name
from schema.accounts.organization import RepositoryOwner, owner_node
from schema.builds.build import Build, to_build
from schema.builds.log import BuildLog, LogLines, LogStart, read_log
from schema.builds.trigger import BuildTrigger, to_trigger
from schema.connections import After, Connection, First, connect, page
from schema.context import Info
from schema.gate.policy import PullPolicy, to_pull_policy
from schema.guards import REFUSABLE, Guarded
from schema.limits import WEIGHT
from schema.manifests.manifest import (
    ArtifactKindArgument,
    ArtifactTypeArgument,
    Manifest,
    Referrer,
    to_manifest,
    to_referrer,
)
from schema.mirrors.mirror import RepositoryMirror, to_mirror
from schema.node_id import Node, encode_id
from schema.notifications.notification import Notification, to_notification
from schema.pruning.policy import PrunePolicy, to_prune_policy
from schema.pruning.preview import NEXT_RUN, READS_MANY, PrunePreview
from schema.repositories.activity import ActivityDay, Days, to_day
from schema.repositories.authorized_email import AuthorizedEmail, EmailAddress, to_authorized_email
from schema.repositories.explanation import RepositoryAccess, RepositoryGrant, to_access, to_grants
from schema.repositories.permission import RepositoryPermission, to_permission
from schema.repositories.visibility import Visibility
from schema.scalars import BigInt, Digest, RepositoryPath, optional_datetime, to_datetime, to_milliseconds
from schema.scan.history import HISTORY, WEIGHED, VulnerabilityDay, history_of_repository
from schema.sizes.storage import UNCOUNTED, RepositoryStorage
from schema.tags.immutability import ImmutabilityPolicy, to_policy
from schema.tags.repository import Tagged
from storage.secrets import revealed

strawberry.enum(
    RepositoryState,
    name="RepositoryState",
    description="What may be written: everything, nothing, or only what a mirror brings.",
)


OPEN_FIELDS = frozenset(
    {
        "id",
        "path",
        "namespace",
        "namespace_kind",
        "is_in_organization",
        "name",
        "visibility",
        "is_public",
        "viewer_role",
        "viewer_can_write",
        "viewer_can_administer",
    }
)
"""What a viewer learns of a repository who can name but not read it, such as the administrator of a team with
a role on it whose token has no scope for repositories. Every other field is refused."""


@strawberry.type(description="A named set of manifests and tags. Requires `repo:read`, unless it is public.")
class Repository(Node, Tagged, Guarded):
    record: strawberry.Private[RepositoryRecord]
    is_judged: strawberry.Private[bool] = False
    open_fields: ClassVar[frozenset[str]] = OPEN_FIELDS
    need: ClassVar[Need] = READ_REPOSITORY

    async def is_visible(self, info: Info) -> bool:
        """Whether the viewer has a role on it."""
        return await info.context.loaders.repository_roles.load(self.record.ref) is not None

    @strawberry.field(description="Namespace and name, as in `docker pull`, without the host.")
    def path(self) -> RepositoryPath:
        return RepositoryPath(self.record.path)

    @strawberry.field(description="The user or organization that owns it.")
    def namespace(self) -> str:
        return self.record.namespace_name

    @strawberry.field(description="The user or organization that owns it; null while that is being deleted.")
    async def owner(self, info: Info) -> RepositoryOwner | None:
        return await owner_node(info, self.record.namespace_id)

    @strawberry.field(description="Where web interfaces of this API show it, below their address.")
    def web_path(self) -> str:
        return f"/repository/{self.record.path}"

    @strawberry.field(description="Whether a user or an organization owns it.")
    def namespace_kind(self) -> AccountKind:
        return self.record.namespace_kind

    @strawberry.field(description="Whether an organization owns it.")
    def is_in_organization(self) -> bool:
        return self.record.namespace_kind is AccountKind.ORGANIZATION

    @strawberry.field(description="The name below the namespace; it may hold slashes.")
    def name(self) -> str:
        return self.record.name

    @strawberry.field(description="Markdown of up to 100,000 characters; null if there is none.")
    async def description(self, info: Info) -> str | None:
        return self.record.description

    @strawberry.field(description="Who may pull.")
    def visibility(self) -> Visibility:
        return self.record.visibility

    @strawberry.field(description="Whether everybody may pull.")
    def is_public(self) -> bool:
        return self.record.visibility is Visibility.PUBLIC

    @strawberry.field(description="What may be written.")
    def state(self) -> RepositoryState:
        return self.record.state

    @strawberry.field(description="When it was created.")
    def created_at(self) -> datetime:
        return to_datetime(self.record.created_at_ms)

    @strawberry.field(
        description="When a tag was last created, moved or restored; null if there never was one."
    )
    async def last_modified_at(self, info: Info) -> datetime | None:
        return optional_datetime(await info.context.loaders.last_modified.load(self.record.id))

    @strawberry.field(description="Whether the viewer has starred it; null for anonymous callers.")
    async def is_starred(self, info: Info) -> bool | None:
        if info.context.context.viewer.is_anonymous:
            return None
        return await info.context.loaders.starred.load(self.record.id)

    @strawberry.field(description="How much it is used: how often it was pulled in the last 90 days.")
    async def popularity(self, info: Info) -> float:
        return await info.context.loaders.popularity.load(self.record.id)

    @strawberry.field(description="What was pulled from it and pushed to it, at most 365 days, newest first.")
    async def activity(self, info: Info, days: Days = 30) -> list[ActivityDay]:
        activity.check_days(days)
        return [to_day(record) for record in await info.context.loaders.activity.load((self.record.id, days))]

    @strawberry.field(description=f"What it stores, and how it grew; {UNCOUNTED}.")
    async def storage(self, info: Info) -> RepositoryStorage | None:
        is_counted = info.context.context.site.has("QUOTA_MANAGEMENT")
        return RepositoryStorage(record=self.record) if is_counted else None

    @strawberry.field(description=HISTORY.format("its images"), metadata={WEIGHT: WEIGHED})
    async def vulnerability_history(self, info: Info, days: Days = 30) -> list[VulnerabilityDay] | None:
        return await history_of_repository(info, self.record, days)

    @strawberry.field(description="How many users have starred it.")
    async def star_count(self, info: Info) -> int:
        return await info.context.loaders.star_counts.load(self.record.id)

    @strawberry.field(description="For how many seconds deleted and moved tags can be restored.")
    def tag_expiration_s(self) -> BigInt:
        return BigInt(self.record.tag_expiration_s)

    @strawberry.field(
        description="The token in the address of a private repository's status badge; null if it is public."
    )
    async def badge_token(self, info: Info) -> str | None:
        is_public = self.record.visibility is Visibility.PUBLIC
        return None if is_public else revealed(self.record.badge_token)

    @strawberry.field(description="The viewer's role.")
    async def viewer_role(self, info: Info) -> RepositoryRole | None:
        return await info.context.loaders.repository_roles.load(self.record.ref)

    @strawberry.field(
        description="Whether the viewer may push now: the role allows it, and so does the state."
    )
    async def viewer_can_write(self, info: Info) -> bool:
        role = await info.context.loaders.repository_roles.load(self.record.ref)
        return (
            role is not None and role >= RepositoryRole.WRITE and self.record.state is RepositoryState.NORMAL
        )

    @strawberry.field(description="Whether the viewer may administer it.")
    async def viewer_can_administer(self, info: Info) -> bool:
        return await info.context.loaders.repository_roles.load(self.record.ref) is RepositoryRole.ADMIN

    @strawberry.field(description="A manifest by its digest; null if the repository has none such.")
    async def manifest(
        self, info: Info, digest: Annotated[Digest, strawberry.argument(description="The manifest's digest.")]
    ) -> Manifest | None:
        record = await manifest.by_digest(self.record, digest)
        return to_manifest(record) if record else None

    @strawberry.field(description="All manifests, tagged or not, newest first.")
    async def manifests(self, info: Info, first: First = 50, after: After = None) -> Connection[Manifest]:
        found = await manifest.manifests(info.context.context, self.record, page(first, after))
        return connect(found, to_manifest)

    @strawberry.field(
        description="The manifests that are about a digest (signatures, attestations, bills of materials),"
        " oldest first. The digest itself need not exist."
    )
    async def referrers(
        self,
        info: Info,
        digest: Annotated[Digest, strawberry.argument(description="The subject's digest.")],
        first: First = 50,
        after: After = None,
        artifact_type: ArtifactTypeArgument = None,
        kind: ArtifactKindArgument = None,
    ) -> Connection[Referrer]:
        chosen = ReferrerFilter(artifact_type, kind)
        found = await referrer.referrers_of_digest(
            info.context.context, self.record, digest, page(first, after), chosen
        )
        return connect(found, to_referrer)

    @strawberry.field(
        description="Its own immutability policies, oldest first; those of its namespace hold beside them."
        " Requires `repo:admin`."
    )
    async def immutability_policies(
        self, info: Info, first: First = 50, after: After = None
    ) -> Connection[ImmutabilityPolicy]:
        found = await immutability.POLICIES.of(info.context.context, self.record, page(first, after))
        return connect(found, to_policy)

    @strawberry.field(
        description="One of its own immutability policies; null if there is none such. Requires `repo:admin`."
    )
    async def immutability_policy(
        self, info: Info, uuid: Annotated[str, strawberry.argument(description="The policy's `uuid`.")]
    ) -> ImmutabilityPolicy | None:
        record = await immutability.POLICIES.one(info.context.context, self.record, uuid)
        return to_policy(record) if record else None

    @strawberry.field(
        description="Its own pull policy, null without one; that of its namespace holds beside it. Requires"
        " `repo:admin`.",
        metadata=REFUSABLE,
    )
    async def pull_policy(self, info: Info) -> PullPolicy | None:
        record = await gate.policy_of(info.context.context, self.record)
        return to_pull_policy(record) if record else None

    @strawberry.field(
        description="The addresses that were asked to take its notifications, oldest first. Requires"
        " `repo:admin`."
    )
    async def authorized_emails(
        self, info: Info, first: First = 50, after: After = None
    ) -> Connection[AuthorizedEmail]:
        found = await authorized_email.ADDRESSES.of(info.context.context, self.record, page(first, after))
        return connect(found, to_authorized_email)

    @strawberry.field(
        description="An address that was asked to take its notifications; null if it was not, or did not"
        " answer in time. Requires `repo:admin`."
    )
    async def authorized_email(self, info: Info, email: EmailAddress) -> AuthorizedEmail | None:
        record = await authorized_email.one(info.context.context, self.record, email)
        return to_authorized_email(record) if record else None

    @strawberry.field(
        description="Its own auto-prune policies, oldest first; those of its namespace hold beside them."
        " Requires `repo:admin`."
    )
    async def prune_policies(
        self, info: Info, first: First = 50, after: After = None
    ) -> Connection[PrunePolicy]:
        found = await pruning_policy.POLICIES.of(info.context.context, self.record, page(first, after))
        return connect(found, to_prune_policy)

    @strawberry.field(
        description=NEXT_RUN.format("here")
        + " Requires `repo:admin`; those of the namespace count for its owner and members.",
        metadata=READS_MANY | REFUSABLE,
    )
    async def next_prune_run(self, info: Info) -> PrunePreview:
        loaders = info.context.loaders
        return PrunePreview(record=await next_run(info.context.context, self.record, loaders.prune_budget))

    @strawberry.field(
        description="One of its own auto-prune policies; null if there is none such. Requires `repo:admin`."
    )
    async def prune_policy(
        self, info: Info, uuid: Annotated[str, strawberry.argument(description="The policy's `uuid`.")]
    ) -> PrunePolicy | None:
        record = await pruning_policy.POLICIES.one(info.context.context, self.record, uuid)
        return to_prune_policy(record) if record else None

    @strawberry.field(
        description="What makes it follow a repository of another registry; null if nothing does. Requires"
        " `repo:admin`.",
        metadata=REFUSABLE,
    )
    async def mirror(self, info: Info) -> RepositoryMirror | None:
        record = await mirror.of_repository(info.context.context, self.record)
        return to_mirror(record) if record else None

    @strawberry.field(
        description="Its own notifications, oldest first; those of its namespace tell of the"
        " namespace alone. Requires `repo:admin`."
    )
    async def notifications(
        self, info: Info, first: First = 50, after: After = None
    ) -> Connection[Notification]:
        found = await NOTIFICATIONS.of(info.context.context, self.record, page(first, after))
        return connect(found, to_notification)

    @strawberry.field(
        description="One of its own notifications; null if there is none such. Requires `repo:admin`."
    )
    async def notification(
        self, info: Info, uuid: Annotated[str, strawberry.argument(description="Its `uuid`.")]
    ) -> Notification | None:
        record = await NOTIFICATIONS.one(info.context.context, self.record, uuid)
        return to_notification(record) if record else None

    @strawberry.field(description="The builds of images for it, newest first.")
    async def builds(
        self,
        info: Info,
        first: First = 50,
        after: After = None,
        from_: Annotated[
            datetime | None,
            strawberry.argument(name="from", description="Only those that were ordered then or later."),
        ] = None,
    ) -> Connection[Build]:
        since_ms = to_milliseconds(from_) if from_ else None
        found = await build.builds(info.context.context, self.record, page(first, after), since_ms=since_ms)
        return connect(found, lambda record: to_build(record, self.record))

    @strawberry.field(description="A build for it; null if there is none such.")
    async def build(
        self, info: Info, uuid: Annotated[str, strawberry.argument(description="Its `uuid`.")]
    ) -> Build | None:
        found = await build.of_repository(self.record, uuid)
        return to_build(found, self.record) if found else None

    @strawberry.field(
        description="What has builds ordered for it when somebody pushes to a Git repository, oldest first."
        " Requires `repo:admin`."
    )
    async def build_triggers(
        self, info: Info, first: First = 50, after: After = None
    ) -> Connection[BuildTrigger]:
        found = await trigger.triggers(info.context.context, self.record, page(first, after))
        return connect(found, lambda record: to_trigger(record, self.record))

    @strawberry.field(
        description="One of its build triggers; null if there is none such. Requires `repo:admin`."
    )
    async def build_trigger(
        self, info: Info, uuid: Annotated[str, strawberry.argument(description="Its `uuid`.")]
    ) -> BuildTrigger | None:
        found = await trigger.one(info.context.context, self.record, uuid)
        return to_trigger(found, self.record) if found else None

    @strawberry.field(
        description="What a build printed; null if there is no such build. Requires `repo:write`, with the"
        " feature `READER_BUILD_LOGS` `repo:read`."
    )
    async def build_log(
        self,
        info: Info,
        uuid: Annotated[str, strawberry.argument(description="The build's `uuid`.")],
        start: LogStart = 0,
        first: LogLines = 100,
    ) -> BuildLog | None:
        await build.require_log(info.context.context, self.record)
        found = await build.of_repository(self.record, uuid)
        return await read_log(info, found, start, first) if found else None

    @strawberry.field(description="The direct permissions on it, oldest first. Requires `repo:admin`.")
    async def permissions(
        self,
        info: Info,
        first: First = 50,
        after: After = None,
        grantee_kind: Annotated[
            GranteeKind | None, strawberry.argument(description="Only those of accounts, or only of teams.")
        ] = None,
    ) -> Connection[RepositoryPermission]:
        found = await permission.permissions(
            info.context.context, self.record, page(first, after), kind=grantee_kind
        )
        return connect(found, to_permission)

    @strawberry.field(
        description="The direct permission of one account or team; null if it has none. Requires"
        " `repo:admin`."
    )
    async def permission(
        self,
        info: Info,
        grantee: Annotated[GranteeInput, strawberry.argument(description="The account or team.")],
    ) -> RepositoryPermission | None:
        record = await permission.permission(info.context.context, self.record, to_name(grantee))
        return to_permission(record) if record else None

    @strawberry.field(
        description="Every user and robot with a role on it, by name, each with the reasons. Left out are"
        " those who may only pull because everybody may, and blocked accounts. Requires `repo:admin`."
    )
    async def access(
        self,
        info: Info,
        first: First = 50,
        after: After = None,
        minimum_role: Annotated[
            RepositoryRole | None,
            strawberry.argument(description="Only those who may do at least this; `READ` if not given."),
        ] = None,
    ) -> Connection[RepositoryAccess]:
        found = await explanation.accounts_with_access(
            info.context.context, self.record, page(first, after), minimum=minimum_role or RepositoryRole.READ
        )
        return connect(found, to_access)

    @strawberry.field(
        description="What is granted to an account, strongest first: at most two for each of its teams, and"
        " one for each other source. Null if there is no such account, or nothing is granted to it. Requires"
        " `repo:admin`."
    )
    async def grants(
        self,
        info: Info,
        account: Annotated[str, strawberry.argument(description="A user or robot by name.")],
        sources: Annotated[
            list[GrantSource] | None, strawberry.argument(description="Only grants from these sources.")
        ] = None,
    ) -> list[RepositoryGrant] | None:
        found = await explanation.grants(info.context.context, self.record, account, sources)
        return to_grants(found) if found else None


def to_repository(record: RepositoryRecord, *, is_judged: bool = False) -> Repository:
    """A repository as a GraphQL value.

    `is_judged`: the viewer is known to have read access. Otherwise all fields but `OPEN_FIELDS` check it.
    """
    return Repository(id=encode_id("Repository", record.id), record=record, is_judged=is_judged)


def to_judged_repository(record: RepositoryRecord) -> Repository:
    """A repository that the viewer is known to have read access to."""
    return to_repository(record, is_judged=True)
