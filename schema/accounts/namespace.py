"""Namespaces: what belongs to a user or an organization, as its owner sees it."""

from typing import TYPE_CHECKING, Annotated, Any

import strawberry

import resolvers.accounts.robot
from resolvers.access.permissions import namespace_role
from resolvers.access.roles import TeamRole
from resolvers.access.viewer import AccountKind
from resolvers.accounts import takeover
from resolvers.accounts.account import AccountRecord
from resolvers.accounts.namespace import namespace
from resolvers.accounts.robot import RobotOrder
from resolvers.gate import policy as gate
from resolvers.notifications.notification import NOTIFICATIONS
from resolvers.pruning import policy as pruning_policy
from resolvers.pruning.preview import next_run
from resolvers.repositories import activity, authorized_email
from resolvers.repositories.largest_blobs import largest_blobs
from resolvers.repositories.latest_pushes import latest_pushes
from resolvers.tags import immutability
from resolvers.tags.largest import largest_tags
from schema.accounts.organization import Organization, to_organization
from schema.accounts.robot import Robot, to_robot
from schema.caches.configuration import OF_NAMESPACE as PROXY_CACHE_OF_NAMESPACE
from schema.caches.configuration import ProxyCache, proxy_cache_of
from schema.connections import After, Connection, First, connect, page
from schema.context import Info
from schema.errors import Payload, mutation
from schema.gate.policy import PullPolicy, to_pull_policy
from schema.guards import REFUSABLE
from schema.limits import WEIGHT
from schema.node_id import Node, encode_id
from schema.notifications.notification import Notification, to_notification
from schema.pruning.policy import PrunePolicy, to_prune_policy
from schema.pruning.preview import NEXT_RUN, READS_MANY, PrunePreview
from schema.quotas.quota import OF_NAMESPACE, IncludeDefault, Quota, quota_of
from schema.repositories.activity import ActivityDay, Days, to_day
from schema.repositories.authorized_email import AuthorizedEmail, EmailAddress, to_authorized_email
from schema.scan.history import HISTORY, WEIGHED, VulnerabilityDay, history_of_namespace
from schema.sizes.storage import UNCOUNTED, Storage, storage_of
from schema.tags.immutability import ImmutabilityPolicy, to_policy

if TYPE_CHECKING:
    from schema.repositories.largest_blobs import LargeBlob
    from schema.repositories.latest_pushes import Push
    from schema.tags.tag import Tag


@strawberry.type(
    description="What belongs to a user or an organization. For the owner and the organization's members."
)
class Namespace(Node):
    record: strawberry.Private[AccountRecord]

    @strawberry.field(description="Its name.")
    def name(self) -> str:
        return self.record.name

    @strawberry.field(description="Whether a user or an organization owns it.")
    def kind(self) -> AccountKind:
        return self.record.kind

    @strawberry.field(description="The organization that owns it; null if a user does.")
    def organization(self) -> Organization | None:
        return to_organization(self.record) if self.record.kind is AccountKind.ORGANIZATION else None

    @strawberry.field(description="The viewer's role in it.")
    async def viewer_role(self, info: Info) -> TeamRole | None:
        return await namespace_role(info.context.context.viewer, self.record.id)

    @strawberry.field(description=f"What it stores, and how it grew; {UNCOUNTED}.")
    async def storage(self, info: Info) -> Storage | None:
        return await storage_of(info, self.record)

    @strawberry.field(
        description=HISTORY.format("all its repositories together")
        + " Refused to others than administrators and superusers.",
        metadata={WEIGHT: WEIGHED},
    )
    async def vulnerability_history(self, info: Info, days: Days = 30) -> list[VulnerabilityDay] | None:
        return await history_of_namespace(info, self.record, days)

    @strawberry.field(description=OF_NAMESPACE)
    async def quota(
        self,
        info: Info,
        include_default: IncludeDefault = True,
        number: Annotated[
            int | None,
            strawberry.argument(description="Null if the quota is not the one with this `number`."),
        ] = None,
    ) -> Quota | None:
        found = await quota_of(info, self.record.id, self.record.name, include_default=include_default)
        return found if found and number in (None, found.record.id) else None

    @strawberry.field(description=PROXY_CACHE_OF_NAMESPACE, metadata=REFUSABLE)
    async def proxy_cache(self, info: Info) -> ProxyCache | None:
        return await proxy_cache_of(info, self.record.id)

    @strawberry.field(
        description="What was pulled from and pushed to all its repositories, deleted ones too, at most 365"
        " days, newest first. Refused to others than administrators. Requires `org:admin`, or `user:admin`"
        " of the own namespace."
    )
    async def activity(self, info: Info, days: Days = 30) -> list[ActivityDay] | None:
        found = await activity.of_namespace(info.context.context, self.record.id, days)
        return [to_day(record) for record in found]

    @strawberry.field(
        description="Pushes by a tag to its repositories that the viewer may see, newest first. The images of"
        " an index, which have no tag of their own, are not among them."
    )
    async def latest_pushes(
        self, info: Info, first: First = 50, after: After = None
    ) -> Connection[Annotated["Push", strawberry.lazy("schema.repositories.latest_pushes")]] | None:
        from schema.repositories.latest_pushes import Push

        found = await latest_pushes(info.context.context, self.record, page(first, after))
        return connect(found, lambda record: Push(record=record))

    @strawberry.field(
        description="The blobs that its repositories hold, the largest first.", metadata={WEIGHT: 10}
    )
    async def largest_blobs(
        self, info: Info, first: First = 50, after: After = None
    ) -> Connection[Annotated["LargeBlob", strawberry.lazy("schema.repositories.largest_blobs")]] | None:
        from schema.repositories.largest_blobs import LargeBlob

        found = await largest_blobs(info.context.context, self.record, page(first, after))
        return connect(found, lambda record: LargeBlob(record=record))

    @strawberry.field(
        description="The tags of those of its repositories that the viewer may see, those first of which most"
        " is stored. Refused beyond 10,000 tags.",
        metadata={WEIGHT: 100},
    )
    async def largest_tags(
        self, info: Info, first: First = 50, after: After = None
    ) -> Connection[Annotated["Tag", strawberry.lazy("schema.tags.tag")]] | None:
        from schema.tags.tag import to_tag

        found = await largest_tags(info.context.context, self.record, page(first, after))
        return connect(found, to_tag)

    @strawberry.field(
        description="Its robots. For the owner and the organization's members, who see neither tokens nor"
        " what robots may do; refused to others."
    )
    async def robots(
        self,
        info: Info,
        first: First = 50,
        after: After = None,
        order_by: Annotated[
            RobotOrder, strawberry.argument(description="Their order; by name if not given.")
        ] = RobotOrder.NAME,
    ) -> Connection[Robot] | None:
        found = await resolvers.accounts.robot.robots(
            info.context.context, self.record, page(first, after), order=order_by
        )
        return connect(found, to_robot)

    @strawberry.field(
        description="One of its robots; null if there is none of this name. For those who administer them;"
        " refused to others."
    )
    async def robot(
        self,
        info: Info,
        short_name: Annotated[
            str, strawberry.argument(description="The part of the robot's name after the `+`.")
        ],
    ) -> Robot | None:
        record = await resolvers.accounts.robot.robot(info.context.context, self.record, short_name)
        return to_robot(record) if record else None

    @strawberry.field(
        description="The addresses that were asked to take its notifications, oldest first; those of its"
        " repositories are asked for each. Requires `org:admin`; for the viewer's own `user:admin`."
    )
    async def authorized_emails(
        self, info: Info, first: First = 50, after: After = None
    ) -> Connection[AuthorizedEmail]:
        found = await authorized_email.ADDRESSES.of(info.context.context, self.record, page(first, after))
        return connect(found, to_authorized_email)

    @strawberry.field(
        description="An address that was asked to take its notifications; null if it was not, or did not"
        " answer in time. Requires `org:admin`; for the viewer's own `user:admin`."
    )
    async def authorized_email(self, info: Info, email: EmailAddress) -> AuthorizedEmail | None:
        record = await authorized_email.one(info.context.context, self.record, email)
        return to_authorized_email(record) if record else None

    @strawberry.field(
        description="The pull policy for all its repositories; null without one. Requires `org:admin`.",
        metadata=REFUSABLE,
    )
    async def pull_policy(self, info: Info) -> PullPolicy | None:
        record = await gate.policy_of(info.context.context, self.record)
        return to_pull_policy(record) if record else None

    @strawberry.field(
        description="The immutability policies for all its repositories, oldest first. Requires `org:admin`."
    )
    async def immutability_policies(
        self, info: Info, first: First = 50, after: After = None
    ) -> Connection[ImmutabilityPolicy]:
        found = await immutability.POLICIES.of(info.context.context, self.record, page(first, after))
        return connect(found, to_policy)

    @strawberry.field(
        description="One of its own immutability policies; null if there is none such. Requires `org:admin`."
    )
    async def immutability_policy(
        self, info: Info, uuid: Annotated[str, strawberry.argument(description="The policy's `uuid`.")]
    ) -> ImmutabilityPolicy | None:
        record = await immutability.POLICIES.one(info.context.context, self.record, uuid)
        return to_policy(record) if record else None

    @strawberry.field(
        description="The auto-prune policies for all its repositories, oldest first. Requires `org:admin`, or"
        " `user:admin` of the own namespace."
    )
    async def prune_policies(
        self, info: Info, first: First = 50, after: After = None
    ) -> Connection[PrunePolicy]:
        found = await pruning_policy.POLICIES.of(info.context.context, self.record, page(first, after))
        return connect(found, to_prune_policy)

    @strawberry.field(
        description=NEXT_RUN.format("in its repositories")
        + " Requires `org:admin`, or `user:admin` of the own namespace.",
        metadata=READS_MANY | REFUSABLE,
    )
    async def next_prune_run(self, info: Info) -> PrunePreview:
        loaders = info.context.loaders
        return PrunePreview(record=await next_run(info.context.context, self.record, loaders.prune_budget))

    @strawberry.field(
        description="One of its own auto-prune policies; null if there is none such. Requires `org:admin`, or"
        " `user:admin` of the own namespace."
    )
    async def prune_policy(
        self, info: Info, uuid: Annotated[str, strawberry.argument(description="The policy's `uuid`.")]
    ) -> PrunePolicy | None:
        record = await pruning_policy.POLICIES.one(info.context.context, self.record, uuid)
        return to_prune_policy(record) if record else None

    @strawberry.field(
        description="The notifications of the namespace itself, oldest first; each repository has its own."
        " Requires `org:admin`, or `user:admin` of the own namespace."
    )
    async def notifications(
        self, info: Info, first: First = 50, after: After = None
    ) -> Connection[Notification]:
        found = await NOTIFICATIONS.of(info.context.context, self.record, page(first, after))
        return connect(found, to_notification)

    @strawberry.field(
        description="One of its own notifications; null if there is none such. Requires `org:admin`, or"
        " `user:admin` of the own namespace."
    )
    async def notification(
        self, info: Info, uuid: Annotated[str, strawberry.argument(description="Its `uuid`.")]
    ) -> Notification | None:
        record = await NOTIFICATIONS.one(info.context.context, self.record, uuid)
        return to_notification(record) if record else None


@strawberry.type(description="What came of taking a namespace over.")
class NamespaceTakeOverPayload(Payload):
    organization: Organization | None = strawberry.field(default=None, description="Null if refused.")


@strawberry.type
class NamespaceMutation:
    @mutation(
        NamespaceTakeOverPayload,
        description="Become an administrator of a namespace. The viewer joins the administrators of an"
        " organization. A user becomes an organization of the viewer, with repositories, robots and policies;"
        " password, tokens, memberships and roles elsewhere end. For superusers, and of a session with a"
        " fresh login; refused for namespaces of other superusers.",
    )
    async def namespace_take_over(
        self,
        info: Info,
        namespace: Annotated[str, strawberry.argument(description="The name of a user or organization.")],
    ) -> Any:
        record = await takeover.take(info.context.context, namespace)
        return NamespaceTakeOverPayload(organization=to_organization(record))


@strawberry.type
class NamespaceQuery:
    @strawberry.field(
        description="What belongs to a user or organization. Outsiders are refused, whether it exists or not."
    )
    async def namespace(
        self,
        info: Info,
        name: Annotated[
            str | None,
            strawberry.argument(description="The name of a user or organization; the viewer's if not given."),
        ] = None,
    ) -> Namespace | None:
        record = await namespace(info.context.context, name)
        return Namespace(id=encode_id("Namespace", record.id), record=record) if record else None
