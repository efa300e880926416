"""Users, the viewer, and the interface of accounts."""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import strawberry

from resolvers.access.needs import READ_ACCOUNT
from resolvers.access.roles import AccountRole, TeamRole
from resolvers.access.scopes import Scope
from resolvers.access.viewer import AccountKind
from resolvers.accounts import account, invite, organization, session
from resolvers.accounts.account import AccountRecord
from resolvers.avatar import AvatarKind, avatar
from resolvers.inbox import notice
from resolvers.repositories import repository, star
from schema.accounts.session import Session
from schema.connections import After, Connection, First, connect, page
from schema.context import Info
from schema.guards import REFUSABLE
from schema.node_id import Node, decode_id, encode_id
from schema.oauth.token import TokenHolder
from schema.scalars import BigInt, optional_datetime, to_datetime

if TYPE_CHECKING:
    from schema.accounts.invite import TeamInvite
    from schema.accounts.organization import Organization
    from schema.inbox.notice import InboxNotice
    from schema.repositories.repository import Repository
    from schema.sizes.storage import Storage

strawberry.enum(AccountKind, name="AccountKind", description="What an account is.")
strawberry.enum(
    TeamRole,
    name="TeamRole",
    description="What a team lets its members do: be listed, also create repositories, also administer.",
)
strawberry.enum(AvatarKind, name="AvatarKind", description="What an avatar stands for.")


@strawberry.type(description="A stable hash and colour for a name, so that pages need no pictures.")
class Avatar:
    name: str = strawberry.field(description="The name it stands for.")
    hash: str = strawberry.field(
        description="SHA-256 of the name or e-mail address in lower case, hexadecimal."
    )
    color: str = strawberry.field(description="A colour such as `#1f77b4`.")
    kind: AvatarKind = strawberry.field(description="What the avatar stands for.")


def to_avatar(name: str, kind: AvatarKind, *, email: str | None = None) -> Avatar:
    """The avatar of a name as a GraphQL value."""
    made = avatar(name, kind, email=email)
    return Avatar(name=made.name, hash=made.hash, color=made.color, kind=made.kind)


AVATAR_KINDS = {
    AccountKind.USER: AvatarKind.USER,
    AccountKind.ROBOT: AvatarKind.ROBOT,
    AccountKind.ORGANIZATION: AvatarKind.ORGANIZATION,
}


@strawberry.interface(description="A user or a robot: whoever can hold a permission on a repository.")
class Account(Node):
    record: strawberry.Private[AccountRecord]

    @strawberry.field(description="The name to sign in with; a robot's is `owner+name`.")
    def name(self) -> str:
        return self.record.name

    @strawberry.field(description="Its hash and colour.")
    def avatar(self) -> Avatar:
        return to_avatar(self.record.name, AVATAR_KINDS[self.record.kind])

    @strawberry.field(
        description="Whether the account is in the organization, in a team or as its robot; null if there is"
        " no such organization, and for outsiders who ask about others than themselves."
    )
    async def is_member_of(
        self,
        info: Info,
        organization: Annotated[str, strawberry.argument(description="The name of the organization.")],
    ) -> bool | None:
        owner = await info.context.loaders.accounts_by_name.load(organization)
        if owner is None or owner.kind is not AccountKind.ORGANIZATION:
            return None
        loaders, own = info.context.loaders, info.context.context.account_id
        if self.record.id != own and await loaders.namespace_roles.load(owner.id) is None:
            return None
        return await loaders.memberships.load((self.record.id, owner.id))


@strawberry.type(
    description="What only the user and superusers may see. Requires `user:admin` on the own account."
)
class UserSettings:
    record: strawberry.Private[AccountRecord]

    @strawberry.field(description="The e-mail address; null if none is known.")
    def email(self) -> str | None:
        return self.record.email

    @strawberry.field(description="Whether the address has been confirmed.")
    def is_verified(self) -> bool:
        return self.record.is_verified

    @strawberry.field(description="Whether the user may use the registry; otherwise nothing lets them in.")
    def is_enabled(self) -> bool:
        return self.record.is_enabled

    @strawberry.field(description="Whether the user may administer the registry.")
    def is_superuser(self, info: Info) -> bool:
        return account.is_superuser(info.context.context, self.record)

    @strawberry.field(description="Whether the user sees all that superusers see, and changes nothing.")
    def is_read_only_superuser(self, info: Info) -> bool:
        return account.is_read_only_superuser(info.context.context, self.record)

    @strawberry.field(description="How many access tokens act for the user, those that have expired too.")
    async def access_token_count(self, info: Info) -> int:
        return await info.context.loaders.access_token_counts.load(self.record.id)

    @strawberry.field(description="How many application tokens the user has, those that have expired too.")
    async def app_token_count(self, info: Info) -> int:
        return await info.context.loaders.app_token_counts.load(self.record.id)

    @strawberry.field(description="Whether the user can sign in with a password.")
    def has_password(self) -> bool:
        return self.record.has_password

    @strawberry.field(description="Whether invoices go out by e-mail.")
    def has_invoice_email(self) -> bool:
        return self.record.invoice_email

    @strawberry.field(description="Where invoices go, if not to the account's address.")
    def invoice_email_address(self) -> str | None:
        return self.record.invoice_email_address

    @strawberry.field(description="For how many seconds deleted and moved tags can be restored.")
    def tag_expiration_s(self) -> BigInt:
        return BigInt(self.record.tag_expiration_s)

    @strawberry.field(description="The given name, if told.")
    def given_name(self) -> str | None:
        return self.record.given_name

    @strawberry.field(description="The family name, if told.")
    def family_name(self) -> str | None:
        return self.record.family_name

    @strawberry.field(description="The company, if told.")
    def company(self) -> str | None:
        return self.record.company

    @strawberry.field(description="The location, if told.")
    def location(self) -> str | None:
        return self.record.location

    @strawberry.field(
        description="When the account was last used, to the minute; null if never, and while the feature"
        " USER_LAST_ACCESSED is off."
    )
    def last_accessed_at(self, info: Info) -> datetime | None:
        is_kept = info.context.context.site.has("USER_LAST_ACCESSED")
        return optional_datetime(self.record.last_accessed_at_ms) if is_kept else None


@strawberry.type(description="An organization that a user is in, and as what.")
class Membership:
    record: strawberry.Private[AccountRecord]

    @strawberry.field(description="The organization.")
    def organization(self) -> Annotated["Organization", strawberry.lazy("schema.accounts.organization")]:
        from schema.accounts.organization import to_organization

        return to_organization(self.record)

    role: TeamRole = strawberry.field(description="The highest role that the user's teams have there.")


@strawberry.type(description="A person with an account, who owns a namespace of the same name.")
class User(Account, TokenHolder):
    @strawberry.field(description="Whether this is the viewer.")
    def is_viewer(self, info: Info) -> bool:
        return info.context.context.account_id == self.record.id

    @strawberry.field(description="Where web interfaces of this API show the user, below their address.")
    def web_path(self) -> str:
        return f"/user/{self.record.name}"

    @strawberry.field(description="When the account was made.")
    def created_at(self) -> datetime:
        return to_datetime(self.record.created_at_ms)

    @strawberry.field(
        description="What only the user and superusers may see: null for others, and for tokens without"
        " `user:admin`."
    )
    def settings(self, info: Info) -> UserSettings | None:
        role = account.viewer_account_role(info.context.context, self.record)
        return UserSettings(record=self.record) if role is AccountRole.ADMIN else None

    @strawberry.field(
        description="What the user stores, and how it grew; null without the feature QUOTA_MANAGEMENT. For"
        " the user and superusers; refused to others."
    )
    async def storage(
        self, info: Info
    ) -> Annotated["Storage", strawberry.lazy("schema.sizes.storage")] | None:
        from schema.sizes.storage import storage_of

        return await storage_of(info, self.record)

    @strawberry.field(
        description="The organizations that the user is in, by name; refused to others. Requires `user:read`."
    )
    async def memberships(
        self, info: Info, first: First = 50, after: After = None
    ) -> Connection[Membership] | None:
        context = info.context.context
        if account.viewer_account_role(context, self.record) is None:
            raise context.viewer.refusal(READ_ACCOUNT)
        found = await organization.organizations_of(context, self.record, page(first, after))
        return connect(found, lambda item: Membership(record=item[0], role=item[1]))


def to_user(record: AccountRecord) -> User:
    """A user as a GraphQL value."""
    return User(id=encode_id("User", record.id), record=record)


@strawberry.type(description="Who asks, and how far the presented credential carries.")
class Viewer:
    record: strawberry.Private[AccountRecord]

    @strawberry.field(description="The name of the account that asks.")
    def name(self) -> str:
        return self.record.name

    @strawberry.field(description="Whether a user or a robot asks.")
    def kind(self) -> AccountKind:
        return self.record.kind

    @strawberry.field(description="The scopes of the credential, in alphabetical order.")
    def scopes(self, info: Info) -> list[Scope]:
        return sorted(info.context.context.viewer.scopes)

    @strawberry.field(description="Whether the viewer is a superuser and the credential lets them be one.")
    def is_superuser(self, info: Info) -> bool:
        return info.context.context.viewer.is_superuser

    @strawberry.field(
        description="Whether the viewer sees all that superusers see, whatever the scopes, and changes"
        " nothing."
    )
    def is_read_only_superuser(self, info: Info) -> bool:
        return info.context.context.viewer.is_read_only_superuser

    @strawberry.field(
        description="Whether what asks for a fresh login is allowed now. A session is fresh for ten minutes"
        " after a password was given; tokens, and users without a password, always are."
    )
    def is_fresh(self, info: Info) -> bool:
        return info.context.context.viewer.is_fresh

    @strawberry.field(description="The browser's session by which the viewer asks; null for tokens.")
    async def session(self, info: Info) -> Session | None:
        record = await session.session(info.context.context)
        return Session(record=record) if record else None

    @strawberry.field(description="The user that asks; null for a robot. Requires `user:read`.")
    def user(self, info: Info) -> User | None:
        context = info.context.context
        if self.record.kind is not AccountKind.USER:
            return None
        if account.viewer_account_role(context, self.record) is None:
            raise context.viewer.refusal(READ_ACCOUNT)
        return to_user(self.record)

    @strawberry.field(description="The invitations into teams that wait for the user. Requires `user:read`.")
    async def team_invites(
        self, info: Info, first: First = 50, after: After = None
    ) -> Connection[Annotated["TeamInvite", strawberry.lazy("schema.accounts.invite")]] | None:
        from schema.accounts.invite import to_invite

        found = await invite.of_viewer(info.context.context, page(first, after))
        return connect(found, to_invite)

    @strawberry.field(
        description="What the bell tells the user, newest first: notices to the user, to their teams, and to"
        " organizations that they administer. Those older than 90 days are forgotten, and of one target all"
        " but the newest 500. Requires `user:admin`."
    )
    async def inbox(
        self,
        info: Info,
        first: First = 50,
        after: After = None,
        is_dismissed: Annotated[
            bool | None,
            strawberry.argument(description="Only those that were put away, or were not; null for all."),
        ] = None,
    ) -> Connection[Annotated["InboxNotice", strawberry.lazy("schema.inbox.notice")]] | None:
        from schema.inbox.notice import to_notice

        found = await notice.of_viewer(info.context.context, page(first, after), is_dismissed=is_dismissed)
        return connect(found, to_notice)

    @strawberry.field(
        description="How many notices the user has not put away. Requires `user:admin`.", metadata=REFUSABLE
    )
    async def unread_notice_count(self, info: Info) -> int | None:
        return await notice.unread_count(info.context.context)

    @strawberry.field(description="A notice of the user; null if there is none such. Requires `user:admin`.")
    async def inbox_notice(
        self, info: Info, id: Annotated[strawberry.ID, strawberry.argument(description="Its id.")]
    ) -> Annotated["InboxNotice", strawberry.lazy("schema.inbox.notice")] | None:
        from schema.inbox.notice import to_notice

        record = await notice.by_id(info.context.context, decode_id(id, "InboxNotice") or 0)
        return to_notice(record) if record else None

    @strawberry.field(
        description="The repositories that the viewer has starred and may see, oldest first. Requires"
        " `user:admin`."
    )
    async def starred_repositories(
        self, info: Info, first: First = 50, after: After = None
    ) -> Connection[Annotated["Repository", strawberry.lazy("schema.repositories.repository")]] | None:
        from schema.repositories.repository import to_judged_repository

        found = await star.starred(info.context.context, page(first, after))
        return connect(found, to_judged_repository)

    @strawberry.field(description="Whether the viewer may create repositories in a namespace.")
    async def can_create_repositories_in(
        self,
        info: Info,
        namespace: Annotated[str, strawberry.argument(description="The name of a user or organization.")],
    ) -> bool:
        record = await account.by_name(namespace)
        return record is not None and await repository.can_create_in(info.context.context, record)


@strawberry.type
class AccountQuery:
    @strawberry.field(description="Who asks; null for anonymous callers.")
    async def viewer(self, info: Info) -> Viewer | None:
        identity = info.context.context.account_id
        record = await info.context.loaders.accounts.load(identity) if identity else None
        return Viewer(record=record) if record else None

    @strawberry.field(description="A user by name; null if there is none. Anybody may look.")
    async def user(
        self, info: Info, username: Annotated[str, strawberry.argument(description="The user's name.")]
    ) -> User | None:
        record = await account.user(info.context.context, username)
        return to_user(record) if record else None
