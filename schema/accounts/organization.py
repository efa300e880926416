"""Organizations and their teams."""

from typing import TYPE_CHECKING, Annotated, Any

import strawberry

import resolvers.accounts.organization
import resolvers.accounts.team
from resolvers.access.needs import ADMINISTER_NAMESPACE
from resolvers.access.roles import TeamRole
from resolvers.access.viewer import AccountKind
from resolvers.accounts import organization, robot
from resolvers.accounts.account import AccountRecord
from resolvers.accounts.organization import OrganizationChanges, OrganizationOrder
from resolvers.accounts.robot import RobotOrder
from resolvers.avatar import AvatarKind
from resolvers.oauth import application
from resolvers.repositories import activity, membership, prototype, repository
from resolvers.repositories.repository import RepositoryFilter, RepositoryOrder
from schema.accounts.account import Avatar, User, to_avatar, to_user
from schema.accounts.team import AccountName, OrganizationName, Team, TeamName, to_judged_team
from schema.caches.configuration import OF_NAMESPACE, ProxyCache, proxy_cache_of
from schema.connections import After, Connection, First, connect, page
from schema.context import Info
from schema.errors import DeletionPayload, Payload, mutation
from schema.guards import REFUSABLE
from schema.inputs import changes
from schema.limits import WEIGHT
from schema.mirrors.organization import OrganizationMirror, mirror_of
from schema.node_id import Node, encode_id
from schema.oauth.application import Application, ClientId, to_application
from schema.repositories.activity import ActivityDay, Days, to_day
from schema.repositories.membership import OrganizationCollaborator, OrganizationMember
from schema.repositories.prototype import PermissionPrototype, to_prototype
from schema.scalars import BigInt
from schema.scan.history import HISTORY, WEIGHED, VulnerabilityDay, history_of_namespace
from schema.sizes.storage import UNCOUNTED, Storage, storage_of

if TYPE_CHECKING:
    from schema.accounts.robot import Robot
    from schema.repositories.repository import Repository

strawberry.enum(
    RepositoryOrder,
    name="RepositoryOrder",
    description="In which order repositories are listed; among equals by id, in the same direction.",
)

strawberry.enum(
    OrganizationOrder,
    name="OrganizationOrder",
    description="In which order organizations are listed.",
)

BySuperuser = Annotated[
    bool,
    strawberry.argument(
        description="Whether a superuser does it, who needs no role in it. Requires `super:user`, and of a"
        " session a fresh login."
    ),
]
"""Without it, superusers without full access are refused like all others, so that none acts by mistake."""


@strawberry.type(
    description="What only administrators may see and change, and superusers. Requires `org:admin` or"
    " `super:user`."
)
class OrganizationSettings:
    record: strawberry.Private[AccountRecord]

    @strawberry.field(description="The contact address; null if none was given.")
    def email(self) -> str | None:
        return self.record.email

    @strawberry.field(description="Whether invoices go out by e-mail.")
    def has_invoice_email(self) -> bool:
        return self.record.invoice_email

    @strawberry.field(description="Where invoices go, if not to the contact address.")
    def invoice_email_address(self) -> str | None:
        return self.record.invoice_email_address

    @strawberry.field(description="For how many seconds deleted and moved tags can be restored.")
    def tag_expiration_s(self) -> BigInt:
        return BigInt(self.record.tag_expiration_s)


@strawberry.type(description="A namespace that teams share. Its name and avatar are public.")
class Organization(Node):
    record: strawberry.Private[AccountRecord]

    @strawberry.field(description="Its name, unique among users and organizations.")
    def name(self) -> str:
        return self.record.name

    @strawberry.field(description="Where web interfaces of this API show it, below their address.")
    def web_path(self) -> str:
        return f"/organization/{self.record.name}"

    @strawberry.field(description="Its hash and colour; they follow its e-mail address, if it has one.")
    def avatar(self) -> Avatar:
        return to_avatar(self.record.name, AvatarKind.ORGANIZATION, email=self.record.email)

    @strawberry.field(description="The viewer's role; null for outsiders.")
    async def viewer_role(self, info: Info) -> TeamRole | None:
        return await info.context.loaders.namespace_roles.load(self.record.id)

    @strawberry.field(description="Whether the viewer may change and delete it.")
    async def viewer_can_administer(self, info: Info) -> bool:
        return await info.context.loaders.namespace_roles.load(self.record.id) is TeamRole.ADMIN

    @strawberry.field(description="Whether the viewer may create repositories in it.")
    async def viewer_can_create_repositories(self, info: Info) -> bool:
        role = await info.context.loaders.namespace_roles.load(self.record.id)
        return role is not None and role >= TeamRole.CREATOR

    @strawberry.field(description="Whether the viewer is in one of its teams.")
    async def viewer_is_member(self, info: Info) -> bool:
        return await info.context.loaders.namespace_roles.load(self.record.id) is not None

    @strawberry.field(
        description="What only administrators may see, and superusers; refused to others."
        " Requires `org:admin` or `super:user`."
    )
    async def settings(self, info: Info) -> OrganizationSettings | None:
        await self._require_administrator(info)
        return OrganizationSettings(record=self.record)

    async def _require_administrator(self, info: Info) -> None:
        viewer = info.context.context.viewer
        if viewer.sees_site:
            return
        if await info.context.loaders.namespace_roles.load(self.record.id) is not TeamRole.ADMIN:
            raise viewer.refusal(ADMINISTER_NAMESPACE)

    @strawberry.field(
        description="How many repositories it has. Refused to others than administrators and superusers.",
        metadata=REFUSABLE,
    )
    async def repository_count(self, info: Info) -> int | None:
        await self._require_administrator(info)
        return await info.context.loaders.repository_counts.load(self.record.id)

    @strawberry.field(
        description="How many users are in its teams. Refused to others than administrators and superusers.",
        metadata=REFUSABLE,
    )
    async def member_count(self, info: Info) -> int | None:
        await self._require_administrator(info)
        return await info.context.loaders.member_counts.load(self.record.id)

    @strawberry.field(
        description=f"What it stores, and how it grew; {UNCOUNTED}. For members and superusers; refused to"
        " others."
    )
    async def storage(self, info: Info) -> Storage | None:
        return await storage_of(info, self.record)

    @strawberry.field(
        description=HISTORY.format("all its repositories together")
        + " Refused to others than administrators and superusers.",
        metadata={WEIGHT: WEIGHED},
    )
    async def vulnerability_history(self, info: Info, days: Days = 30) -> list[VulnerabilityDay] | None:
        return await history_of_namespace(info, self.record, days)

    @strawberry.field(description=OF_NAMESPACE, metadata=REFUSABLE)
    async def proxy_cache(self, info: Info) -> ProxyCache | None:
        return await proxy_cache_of(info, self.record.id)

    @strawberry.field(
        description="The namespace of another registry that it follows; null if none. Refused to others than"
        " administrators. Requires `org:admin`.",
        metadata=REFUSABLE,
    )
    async def mirror(self, info: Info) -> OrganizationMirror | None:
        return await mirror_of(info, self.record.id)

    @strawberry.field(
        description="What was pulled from and pushed to all its repositories, deleted ones too, at most 365"
        " days, newest first. Refused to others than administrators. Requires `org:admin`."
    )
    async def activity(self, info: Info, days: Days = 30) -> list[ActivityDay] | None:
        found = await activity.of_namespace(info.context.context, self.record.id, days)
        return [to_day(record) for record in found]

    @strawberry.field(description="Its repositories that the viewer may see.")
    async def repositories(
        self,
        info: Info,
        first: First = 50,
        after: After = None,
        order_by: Annotated[
            RepositoryOrder, strawberry.argument(description="Their order; by path if not given.")
        ] = RepositoryOrder.NAME,
    ) -> Connection[Annotated["Repository", strawberry.lazy("schema.repositories.repository")]]:
        from schema.repositories.repository import to_judged_repository

        chosen = RepositoryFilter(namespace=self.record.name, order=order_by)
        found = await repository.repositories(info.context.context, chosen, page(first, after))
        return connect(found, to_judged_repository)

    @strawberry.field(
        description="Its robots. For members, who see neither tokens nor what robots may do; refused to"
        " others."
    )
    async def robots(
        self,
        info: Info,
        first: First = 50,
        after: After = None,
        order_by: Annotated[
            RobotOrder, strawberry.argument(description="Their order; by name if not given.")
        ] = RobotOrder.NAME,
    ) -> Connection[Annotated["Robot", strawberry.lazy("schema.accounts.robot")]]:
        from schema.accounts.robot import to_robot

        context = info.context.context
        return connect(await robot.robots(context, self.record, page(first, after), order=order_by), to_robot)

    @strawberry.field(description="Its teams, oldest first. For members; refused to others.")
    async def teams(self, info: Info, first: First = 50, after: After = None) -> Connection[Team] | None:
        context = info.context.context
        found = await resolvers.accounts.team.teams(context, self.record, page(first, after))
        return connect(found, to_judged_team)

    @strawberry.field(description="A team by name; null if there is none. For members; refused to others.")
    async def team(self, info: Info, name: TeamName) -> Team | None:
        record = await resolvers.accounts.team.team(info.context.context, self.record, name)
        return to_judged_team(record) if record else None

    @strawberry.field(description="The users in its teams, by name. Refused to others than administrators.")
    async def members(
        self, info: Info, first: First = 50, after: After = None
    ) -> Connection[OrganizationMember] | None:
        found = await membership.organization_members(info.context.context, self.record, page(first, after))
        return connect(
            found, lambda record: OrganizationMember(record=record, organization_id=self.record.id)
        )

    @strawberry.field(
        description="A user in its teams, or one of its robots, by name; null if there is none. Refused to"
        " others than administrators."
    )
    async def member(self, info: Info, name: AccountName) -> OrganizationMember | None:
        record = await membership.organization_member(info.context.context, self.record, name)
        return OrganizationMember(record=record, organization_id=self.record.id) if record else None

    @strawberry.field(
        description="The users who are in no team but have a role on some repository, by name. Refused to"
        " others than administrators."
    )
    async def collaborators(
        self, info: Info, first: First = 50, after: After = None
    ) -> Connection[OrganizationCollaborator] | None:
        found = await membership.collaborators(info.context.context, self.record, page(first, after))
        return connect(
            found, lambda record: OrganizationCollaborator(record=record, organization_id=self.record.id)
        )

    @strawberry.field(
        description="The default permissions of its new repositories, oldest first; refused to others than"
        " administrators. Requires `org:admin`."
    )
    async def permission_prototypes(
        self, info: Info, first: First = 50, after: After = None
    ) -> Connection[PermissionPrototype] | None:
        found = await prototype.prototypes(info.context.context, self.record, page(first, after))
        return connect(found, to_prototype)

    @strawberry.field(
        description="Its OAuth applications, oldest first; refused to others than administrators. Requires"
        " `org:admin`."
    )
    async def applications(
        self, info: Info, first: First = 50, after: After = None
    ) -> Connection[Application] | None:
        found = await application.applications(info.context.context, self.record, page(first, after))
        return connect(found, to_application)

    @strawberry.field(
        description="One of its OAuth applications; null if there is none; refused to others than"
        " administrators. Requires `org:admin`."
    )
    async def application(self, info: Info, client_id: ClientId) -> Application | None:
        record = await application.application(info.context.context, self.record, client_id)
        return to_application(record) if record else None


def to_organization(record: AccountRecord) -> Organization:
    """An organization as a GraphQL value."""
    return Organization(id=encode_id("Organization", record.id), record=record)


RepositoryOwner = Annotated[
    User | Organization,
    strawberry.union("RepositoryOwner", description="Who owns a repository: a user or an organization."),
]


async def owner_node(info: Info, namespace_id: int | None) -> RepositoryOwner | None:
    """The user or organization of a namespace, through the loaders of the request; None if there is none."""
    record = await info.context.loaders.accounts.load(namespace_id) if namespace_id is not None else None
    if record is None:
        return None
    return to_organization(record) if record.kind is AccountKind.ORGANIZATION else to_user(record)


@strawberry.input(description="A new organization.")
class OrganizationCreateInput:
    name: str = strawberry.field(
        description="2 to 255 lower-case letters and digits, with single `.`, `_`, `-` between;"
        " not taken yet."
    )
    email: str | None = strawberry.field(default=None, description="A contact address, not used elsewhere.")


@strawberry.input(description="What to change; absent fields stay as they are.")
class OrganizationUpdateInput:
    name: strawberry.Maybe[str] = strawberry.field(
        description="Another name, for superusers alone, and of a session with a fresh login. Repositories,"
        " robots, mirrors and links follow at once; registry tokens end, and the old name is free."
    )
    email: strawberry.Maybe[str | None] = strawberry.field(description="The contact address; null clears it.")
    has_invoice_email: strawberry.Maybe[bool] = strawberry.field(
        description="Whether invoices go out by e-mail."
    )
    invoice_email_address: strawberry.Maybe[str | None] = strawberry.field(
        description="Where invoices go; null for the contact address."
    )
    tag_expiration_s: strawberry.Maybe[int] = strawberry.field(
        description="For how many seconds deleted tags can be restored; one of the values on offer."
    )


@strawberry.type(description="What came of creating an organization.")
class OrganizationCreatePayload(Payload):
    organization: Organization | None = strawberry.field(default=None, description="Null if refused.")


@strawberry.type(description="What came of changing an organization.")
class OrganizationUpdatePayload(Payload):
    organization: Organization | None = strawberry.field(default=None, description="Null if refused.")


@strawberry.type(description="What came of deleting an organization.")
class OrganizationDeletePayload(DeletionPayload):
    name: str | None = strawberry.field(
        default=None, description="The name that was deleted; null if refused."
    )


@strawberry.type(description="What came of removing an account from an organization.")
class OrganizationMemberRemovePayload(Payload):
    name: str | None = strawberry.field(default=None, description="The account's name; null if refused.")


@strawberry.type
class OrganizationQuery:
    @strawberry.field(description="An organization by name; null if there is none. Anybody may look.")
    async def organization(self, info: Info, name: OrganizationName) -> Organization | None:
        record = await organization.organization(info.context.context, name)
        return to_organization(record) if record else None

    @strawberry.field(description="All organizations, for superusers; refused to others.")
    async def organizations(
        self,
        info: Info,
        first: First = 50,
        after: After = None,
        name_contains: Annotated[
            str | None,
            strawberry.argument(
                description="Only those whose name has this part, whatever its case. A part without three"
                " letters or digits in a row is looked for at the beginning of names only."
            ),
        ] = None,
        order_by: Annotated[
            OrganizationOrder, strawberry.argument(description="Their order; by name if not given.")
        ] = OrganizationOrder.NAME,
    ) -> Connection[Organization] | None:
        found = await organization.organizations(
            info.context.context, page(first, after), name_contains=name_contains, order=order_by
        )
        return connect(found, to_organization)


@strawberry.type
class OrganizationMutation:
    @mutation(
        OrganizationCreatePayload,
        description="Create an organization, with the viewer in its team `owners`. Requires `user:admin`.",
    )
    async def organization_create(
        self,
        info: Info,
        input: Annotated[OrganizationCreateInput, strawberry.argument(description="The new organization.")],
    ) -> Any:
        record = await organization.create(info.context.context, name=input.name, email=input.email)
        return OrganizationCreatePayload(organization=to_organization(record))

    @mutation(
        OrganizationUpdatePayload,
        description="Change an organization's settings, all or none. Requires `org:admin`.",
    )
    async def organization_update(
        self,
        info: Info,
        organization: OrganizationName,
        input: Annotated[OrganizationUpdateInput, strawberry.argument(description="What to change.")],
        is_by_superuser: BySuperuser = False,
    ) -> Any:
        values = changes(input)
        if "has_invoice_email" in values:
            values["invoice_email"] = values.pop("has_invoice_email")
        record = await resolvers.accounts.organization.update(
            info.context.context, organization, OrganizationChanges(**values), as_superuser=is_by_superuser
        )
        return OrganizationUpdatePayload(organization=to_organization(record))

    @mutation(
        OrganizationDeletePayload,
        description="Delete an organization with all it holds. It is gone at once; its name is free when the"
        " content has been removed. Requires `org:admin`, and of a session a fresh login.",
    )
    async def organization_delete(
        self, info: Info, organization: OrganizationName, is_by_superuser: BySuperuser = False
    ) -> Any:
        record = await resolvers.accounts.organization.delete(
            info.context.context, organization, as_superuser=is_by_superuser
        )
        return OrganizationDeletePayload(name=record.name, deleted_id=encode_id("Organization", record.id))

    @mutation(
        OrganizationMemberRemovePayload,
        description="Take everything from an account that it has in an organization: places in teams, roles"
        " on repositories, invitations, those of its address too. The only administrator stays."
        " Requires `org:admin`.",
    )
    async def organization_member_remove(
        self, info: Info, organization: OrganizationName, account: AccountName
    ) -> Any:
        name = await membership.remove_from_organization(info.context.context, organization, account)
        return OrganizationMemberRemovePayload(name=name)
