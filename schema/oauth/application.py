"""OAuth applications of an organization."""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import strawberry

from resolvers.access.needs import ADMINISTER_NAMESPACE
from resolvers.access.roles import TeamRole
from resolvers.avatar import AvatarKind
from resolvers.oauth import application
from resolvers.oauth import assignment as token_assignment
from resolvers.oauth.application import ApplicationChanges, ApplicationRecord
from schema.accounts.account import Avatar, to_avatar
from schema.accounts.team import OrganizationName
from schema.connections import After, Connection, First, connect, page
from schema.context import Info
from schema.errors import DeletionPayload, Payload, mutation
from schema.inputs import changes
from schema.node_id import Node, encode_id
from schema.oauth.token import AccessToken, TokenAssignment, Uuid
from schema.scalars import to_datetime

if TYPE_CHECKING:
    from schema.accounts.organization import Organization


@strawberry.type(
    description="A program that asks users for access tokens. What it is called and who owns it is public."
)
class Application(Node):
    record: strawberry.Private[ApplicationRecord]

    @strawberry.field(description="Its public identity: 20 capital letters and digits.")
    def client_id(self) -> str:
        return self.record.client_id

    @strawberry.field(description="Its name.")
    def name(self) -> str:
        return self.record.name

    @strawberry.field(description="What it is for; may be empty.")
    def description(self) -> str:
        return self.record.description

    @strawberry.field(description="The address of its home page; empty if none was given.")
    def application_uri(self) -> str:
        return self.record.application_uri

    @strawberry.field(
        description="Its hash and colour; they follow its e-mail address, or its organization's."
    )
    async def avatar(self, info: Info) -> Avatar:
        owner = await info.context.loaders.accounts.load(self.record.organization_id)
        email = self.record.avatar_email or owner.email
        return to_avatar(self.record.name, AvatarKind.APPLICATION, email=email)

    @strawberry.field(description="When it was registered.")
    def created_at(self) -> datetime:
        return to_datetime(self.record.created_at_ms)

    @strawberry.field(description="The organization that owns it.")
    async def organization(
        self, info: Info
    ) -> Annotated["Organization", strawberry.lazy("schema.accounts.organization")]:
        from schema.accounts.organization import to_organization

        return to_organization(await info.context.loaders.accounts.load(self.record.organization_id))

    @strawberry.field(
        description="The text with which it proves itself when it exchanges a code for a token; null for"
        " others than administrators of its organization. Requires `org:admin`."
    )
    async def client_secret(self, info: Info) -> str | None:
        if not await self._is_administered(info):
            return None
        return application.client_secret(info.context.context, self.record)

    @strawberry.field(
        description="The one address that tokens are sent to, empty if none was given; null for others than"
        " administrators. Requires `org:admin`."
    )
    async def redirect_uri(self, info: Info) -> str | None:
        return self.record.redirect_uri if await self._is_seen(info) else None

    @strawberry.field(
        description="The e-mail address that its avatar follows; null for its organization's, and for others"
        " than administrators. Requires `org:admin`."
    )
    async def avatar_email(self, info: Info) -> str | None:
        return self.record.avatar_email if await self._is_seen(info) else None

    @strawberry.field(
        description="The access tokens that it holds, oldest first, whomever they act for; refused to others"
        " than administrators. Requires `org:admin`."
    )
    async def access_tokens(
        self, info: Info, first: First = 50, after: After = None
    ) -> Connection[AccessToken] | None:
        if not await self._is_seen(info):
            raise info.context.context.viewer.refusal(ADMINISTER_NAMESPACE)
        found = await info.context.loaders.application_tokens.load((self.record.id, page(first, after)))
        return connect(found, lambda record: AccessToken(record=record))

    @strawberry.field(description="Whether the viewer may change and delete it, and see its secret.")
    async def viewer_can_administer(self, info: Info) -> bool:
        return await self._is_administered(info)

    async def _is_administered(self, info: Info) -> bool:
        role = await info.context.loaders.namespace_roles.load(self.record.organization_id)
        return role is TeamRole.ADMIN

    async def _is_seen(self, info: Info) -> bool:
        role = await info.context.loaders.namespace_roles_to_see.load(self.record.organization_id)
        return role is TeamRole.ADMIN


def to_application(record: ApplicationRecord) -> Application:
    """An application as a GraphQL value."""
    return Application(id=encode_id("Application", record.id), record=record)


@strawberry.input(description="A new application.")
class ApplicationCreateInput:
    name: str = strawberry.field(description="1 to 255 characters; need not be unique.")
    description: str = strawberry.field(default="", description="What it is for: at most 10,000 characters.")
    application_uri: str = strawberry.field(
        default="",
        description="The address of its home page, `http` or `https`: at most 2,000 characters.",
    )
    redirect_uri: str = strawberry.field(
        default="",
        description="The one address that tokens are sent to, `http` or `https`: at most 2,000 characters."
        " Requests have to name it exactly.",
    )
    avatar_email: str | None = strawberry.field(
        default=None, description="The e-mail address that its avatar follows; null for its organization's."
    )


@strawberry.input(description="What to change; absent fields stay as they are.")
class ApplicationUpdateInput:
    name: strawberry.Maybe[str] = strawberry.field(description="1 to 255 characters.")
    description: strawberry.Maybe[str] = strawberry.field(description="At most 10,000 characters.")
    application_uri: strawberry.Maybe[str] = strawberry.field(
        description="The address of its home page, `http` or `https`."
    )
    redirect_uri: strawberry.Maybe[str] = strawberry.field(
        description="The one address that tokens are sent to; empty for none."
    )
    avatar_email: strawberry.Maybe[str | None] = strawberry.field(
        description="The e-mail address that its avatar follows; null for its organization's."
    )


@strawberry.input(description="A new access token of an application.")
class ApplicationTokenCreateInput:
    title: str = strawberry.field(description="What to call it: at most 255 characters.")
    scope: str = strawberry.field(
        description="Its scopes, separated by spaces, such as `repo:read repo:write`; none that the viewer's"
        " own token does not hold."
    )
    lifetime_s: int | None = strawberry.field(
        default=None,
        description="For how many seconds it works: 1 to 315,576,000, which is also the default.",
    )


@strawberry.input(description="A token to offer to a user.")
class TokenAssignmentCreateInput:
    username: str = strawberry.field(description="The user who may take it.")
    scope: str = strawberry.field(description="Its scopes, separated by spaces.")
    redirect_uri: str | None = strawberry.field(
        default=None,
        description="Where it will be sent: the application's address; null for a page of ours that shows"
        " it.",
    )
    response_type: str = strawberry.field(
        default="token", description="What will be sent there: `token` or `code`."
    )


@strawberry.type(description="What came of registering an application.")
class ApplicationCreatePayload(Payload):
    application: Application | None = strawberry.field(default=None, description="Null if refused.")


@strawberry.type(description="What came of changing an application.")
class ApplicationUpdatePayload(Payload):
    application: Application | None = strawberry.field(default=None, description="Null if refused.")


@strawberry.type(description="What came of giving an application a new secret.")
class ApplicationSecretResetPayload(Payload):
    application: Application | None = strawberry.field(default=None, description="Null if refused.")


@strawberry.type(description="What came of deleting an application.")
class ApplicationDeletePayload(DeletionPayload):
    client_id: str | None = strawberry.field(
        default=None, description="The application that was deleted; null if refused."
    )


@strawberry.type(description="What came of making an access token for an application.")
class ApplicationTokenCreatePayload(Payload):
    access_token: AccessToken | None = strawberry.field(default=None, description="Null if refused.")
    secret: str | None = strawberry.field(
        default=None, description="The text of the token, shown this once; null if refused."
    )


@strawberry.type(description="What came of revoking an access token of an application.")
class ApplicationTokenRevokePayload(Payload):
    uuid: str | None = strawberry.field(
        default=None, description="The token that works no more; null if refused."
    )


@strawberry.type(description="What came of offering a token to a user.")
class TokenAssignmentCreatePayload(Payload):
    token_assignment: TokenAssignment | None = strawberry.field(default=None, description="Null if refused.")


ClientId = Annotated[str, strawberry.argument(description="The application's client id.")]


@strawberry.type
class ApplicationQuery:
    @strawberry.field(
        description="What is public of an application, by its client id; null if there is none. Anybody may"
        " look."
    )
    async def application(self, info: Info, client_id: ClientId) -> Application | None:
        record = await application.information(info.context.context, client_id)
        return to_application(record) if record else None


@strawberry.type
class ApplicationMutation:
    @mutation(
        ApplicationCreatePayload,
        description="Register an application of an organization, with a client id and a secret. Requires"
        " `org:admin`.",
    )
    async def application_create(
        self,
        info: Info,
        organization: OrganizationName,
        input: Annotated[ApplicationCreateInput, strawberry.argument(description="The new application.")],
    ) -> Any:
        given = ApplicationChanges(
            name=input.name,
            description=input.description,
            application_uri=input.application_uri,
            redirect_uri=input.redirect_uri,
            avatar_email=input.avatar_email,
        )
        record = await application.create(info.context.context, organization, given)
        return ApplicationCreatePayload(application=to_application(record))

    @mutation(
        ApplicationUpdatePayload,
        description="Change an application, all or none of what is given. Requires `org:admin`.",
    )
    async def application_update(
        self,
        info: Info,
        organization: OrganizationName,
        client_id: ClientId,
        input: Annotated[ApplicationUpdateInput, strawberry.argument(description="What to change.")],
    ) -> Any:
        record = await application.update(
            info.context.context, organization, client_id, ApplicationChanges(**changes(input))
        )
        return ApplicationUpdatePayload(application=to_application(record))

    @mutation(
        ApplicationDeletePayload,
        description="Delete an application; every token that it holds stops working at once. Requires"
        " `org:admin`.",
    )
    async def application_delete(
        self, info: Info, organization: OrganizationName, client_id: ClientId
    ) -> Any:
        record = await application.delete(info.context.context, organization, client_id)
        return ApplicationDeletePayload(
            client_id=record.client_id, deleted_id=encode_id("Application", record.id)
        )

    @mutation(
        ApplicationSecretResetPayload,
        description="Give an application a new secret; the old one stops working at once, the tokens that it"
        " holds go on. Requires `org:admin`.",
    )
    async def application_secret_reset(
        self, info: Info, organization: OrganizationName, client_id: ClientId
    ) -> Any:
        record = await application.reset_secret(info.context.context, organization, client_id)
        return ApplicationSecretResetPayload(application=to_application(record))

    @mutation(
        ApplicationTokenCreatePayload,
        description="Make an access token of an application that acts for the viewer. Requires `org:admin`.",
    )
    async def application_token_create(
        self,
        info: Info,
        organization: OrganizationName,
        client_id: ClientId,
        input: Annotated[ApplicationTokenCreateInput, strawberry.argument(description="The new token.")],
    ) -> Any:
        issued = await application.create_token(
            info.context.context,
            organization,
            client_id,
            title=input.title,
            scope=input.scope,
            lifetime_s=input.lifetime_s,
        )
        return ApplicationTokenCreatePayload(
            access_token=AccessToken(record=issued.record), secret=issued.secret
        )

    @mutation(
        ApplicationTokenRevokePayload,
        description="Revoke an access token that an application holds, whomever it acts for. Requires"
        " `org:admin`.",
    )
    async def application_token_revoke(
        self, info: Info, organization: OrganizationName, client_id: ClientId, uuid: Uuid
    ) -> Any:
        record = await application.revoke_token(info.context.context, organization, client_id, uuid)
        return ApplicationTokenRevokePayload(uuid=record.uuid)

    @mutation(
        TokenAssignmentCreatePayload,
        description="Offer a user a token of an application; it is made when the user authorizes the"
        " application. Requires `org:admin`.",
    )
    async def token_assignment_create(
        self,
        info: Info,
        organization: OrganizationName,
        client_id: ClientId,
        input: Annotated[TokenAssignmentCreateInput, strawberry.argument(description="The offer.")],
    ) -> Any:
        record = await token_assignment.assign(
            info.context.context,
            organization,
            client_id,
            username=input.username,
            scope=input.scope,
            redirect_uri=input.redirect_uri,
            response_type=input.response_type,
        )
        return TokenAssignmentCreatePayload(token_assignment=TokenAssignment(record=record))
