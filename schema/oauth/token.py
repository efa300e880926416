"""Application tokens and access tokens, as their user sees them."""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import strawberry

from resolvers.access.scopes import SCOPES, Scope, format_scopes
from resolvers.accounts.account import AccountRecord
from resolvers.oauth import assignment as token_assignment
from resolvers.oauth import token
from resolvers.oauth.assignment import TokenAssignmentRecord
from resolvers.oauth.token import AccessTokenRecord, AppTokenRecord
from schema.connections import After, Connection, First, connect, page
from schema.context import Info
from schema.errors import Payload, mutation
from schema.scalars import optional_datetime, to_datetime, to_milliseconds

if TYPE_CHECKING:
    from schema.accounts.account import User
    from schema.oauth.application import Application

strawberry.enum(Scope, name="Scope", description="What a token may be used for.")


@strawberry.type(description="A scope in words, as a person is asked to grant it.")
class ScopeDetail:
    scope: Scope = strawberry.field(description="The scope.")
    name: str = strawberry.field(description="How tokens are asked for it, such as `repo:read`.")
    title: str = strawberry.field(description="What it allows, in a few words.")
    description: str = strawberry.field(description="What it allows, in a sentence.")
    is_dangerous: bool = strawberry.field(description="Whether it allows to take over accounts.")


def to_details(scopes: frozenset[Scope]) -> list[ScopeDetail]:
    """Scopes in words, in alphabetical order."""
    rows = [SCOPES[scope] for scope in sorted(scopes)]
    return [
        ScopeDetail(
            scope=row.scope,
            name=row.scope.value,
            title=row.title,
            description=row.description,
            is_dangerous=row.is_dangerous,
        )
        for row in rows
    ]


@strawberry.type(description="A password for one application, as its owner sees it.")
class AppToken:
    record: strawberry.Private[AppTokenRecord]

    @strawberry.field(description="Its identity.")
    def uuid(self) -> str:
        return self.record.uuid

    @strawberry.field(description="What its owner calls it; may be empty.")
    def title(self) -> str:
        return self.record.title

    @strawberry.field(
        description="The text for `docker login`, with the user name `$app` or the user's own. Shown when the"
        " token is made and when it is looked up alone; null in lists."
    )
    def secret(self) -> str | None:
        return self.record.secret

    @strawberry.field(description="The user whose password it is.")
    async def user(self, info: Info) -> Annotated["User", strawberry.lazy("schema.accounts.account")]:
        from schema.accounts.account import to_user

        return to_user(await info.context.loaders.accounts.load(self.record.account_id))

    @strawberry.field(description="When it was made.")
    def created_at(self) -> datetime:
        return to_datetime(self.record.created_at_ms)

    @strawberry.field(description="When it stops working; null for never.")
    def expires_at(self) -> datetime | None:
        return optional_datetime(self.record.expires_at_ms)

    @strawberry.field(description="When it was last used, to the minute; null if never.")
    def last_accessed_at(self) -> datetime | None:
        return optional_datetime(self.record.last_accessed_at_ms)


@strawberry.type(description="An OAuth access token. Its text is shown once, when it is made.")
class AccessToken:
    record: strawberry.Private[AccessTokenRecord]

    @strawberry.field(description="Its identity.")
    def uuid(self) -> str:
        return self.record.uuid

    @strawberry.field(description="What it is called; empty if it was granted on the page of an application.")
    def title(self) -> str:
        return self.record.title

    @strawberry.field(
        description="Its scopes as OAuth writes them: separated by spaces, in alphabetical order."
    )
    def scope(self) -> str:
        return format_scopes(self.record.scopes)

    @strawberry.field(description="Its scopes in words, in alphabetical order: at most 8.")
    def scopes(self) -> list[ScopeDetail]:
        return to_details(self.record.scopes)

    @strawberry.field(description="When it was made.")
    def created_at(self) -> datetime:
        return to_datetime(self.record.created_at_ms)

    @strawberry.field(description="When it stops working; null for never.")
    def expires_at(self) -> datetime | None:
        return optional_datetime(self.record.expires_at_ms)

    @strawberry.field(description="When it was last used, to the minute; null if never.")
    def last_accessed_at(self) -> datetime | None:
        return optional_datetime(self.record.last_accessed_at_ms)

    @strawberry.field(description="The user for whom it acts, and who made it or agreed to it.")
    async def user(self, info: Info) -> Annotated["User", strawberry.lazy("schema.accounts.account")]:
        from schema.accounts.account import to_user

        return to_user(await info.context.loaders.accounts.load(self.record.account_id))

    @strawberry.field(description="The application that holds it; null if it was made outside of any.")
    async def application(
        self, info: Info
    ) -> Annotated["Application", strawberry.lazy("schema.oauth.application")] | None:
        from schema.oauth.application import to_application

        if self.record.application_id is None:
            return None
        return to_application(await info.context.loaders.applications.load(self.record.application_id))


@strawberry.type(
    description="A token that an organization offers to a user, who takes it by authorizing the application."
)
class TokenAssignment:
    record: strawberry.Private[TokenAssignmentRecord]

    @strawberry.field(description="Its identity, which the authorization page takes as `assignment_uuid`.")
    def uuid(self) -> str:
        return self.record.uuid

    @strawberry.field(description="The application that would get the token.")
    async def application(
        self, info: Info
    ) -> Annotated["Application", strawberry.lazy("schema.oauth.application")]:
        from schema.oauth.application import to_application

        return to_application(await info.context.loaders.applications.load(self.record.application_id))

    @strawberry.field(description="The scopes in words, in alphabetical order: at most 8.")
    def scopes(self) -> list[ScopeDetail]:
        return to_details(self.record.scopes)

    @strawberry.field(description="The scopes as OAuth writes them, separated by spaces.")
    def scope(self) -> str:
        return format_scopes(self.record.scopes)

    @strawberry.field(description="Where the token would be sent.")
    def redirect_uri(self) -> str:
        return self.record.redirect_uri

    @strawberry.field(description="What would be sent there: `token`, or a `code` to exchange for one.")
    def response_type(self) -> str:
        return self.record.response_type

    @strawberry.field(description="When it was offered.")
    def created_at(self) -> datetime:
        return to_datetime(self.record.created_at_ms)


Uuid = Annotated[str, strawberry.argument(description="The token's `uuid`.")]


@strawberry.type
class TokenHolder:
    """What a user has of tokens: fields of `User`."""

    record: strawberry.Private[AccountRecord]

    @strawberry.field(
        description="The user's application tokens, oldest first, without secrets; refused to others."
        " Requires `user:admin`."
    )
    async def app_tokens(
        self,
        info: Info,
        is_expiring: Annotated[
            bool, strawberry.argument(description="Only those that stop working within four weeks.")
        ] = False,
        first: First = 50,
        after: After = None,
    ) -> Connection[AppToken] | None:
        found = await token.app_tokens(
            info.context.context, self.record, page(first, after), is_expiring=is_expiring
        )
        return connect(found, lambda record: AppToken(record=record))

    @strawberry.field(
        description="One of the user's application tokens with its secret; null if there is none, or it has"
        " expired; refused to others. Requires `user:admin` and a fresh login."
    )
    async def app_token(self, info: Info, uuid: Uuid) -> AppToken | None:
        record = await token.app_token(info.context.context, self.record, uuid)
        return AppToken(record=record) if record else None

    @strawberry.field(
        description="The access tokens that act for the user, oldest first; refused to others. Requires"
        " `user:admin`."
    )
    async def access_tokens(
        self,
        info: Info,
        has_application: Annotated[
            bool | None,
            strawberry.argument(description="Only those that applications hold, or only the others."),
        ] = None,
        first: First = 50,
        after: After = None,
    ) -> Connection[AccessToken] | None:
        found = await token.access_tokens(
            info.context.context, self.record, page(first, after), has_application=has_application
        )
        return connect(found, lambda record: AccessToken(record=record))

    @strawberry.field(
        description="One of the access tokens that act for the user; refused to others. Requires"
        " `user:admin`."
    )
    async def access_token(self, info: Info, uuid: Uuid) -> AccessToken | None:
        record = await token.access_token(info.context.context, self.record, uuid)
        return AccessToken(record=record) if record else None

    @strawberry.field(
        description="The tokens on offer for the user, oldest first; refused to others. Requires"
        " `user:admin`."
    )
    async def token_assignments(
        self, info: Info, first: First = 50, after: After = None
    ) -> Connection[TokenAssignment] | None:
        found = await token_assignment.assignments(info.context.context, self.record, page(first, after))
        return connect(found, lambda record: TokenAssignment(record=record))


@strawberry.input(description="A new application token.")
class AppTokenCreateInput:
    title: str = strawberry.field(description="What to call it: at most 255 characters.")
    expires_at: datetime | None = strawberry.field(
        default=None, description="When it shall stop working; null for never."
    )


@strawberry.type(description="What came of making an application token.")
class AppTokenCreatePayload(Payload):
    app_token: AppToken | None = strawberry.field(default=None, description="The token; null if refused.")


@strawberry.type(description="What came of revoking an application token.")
class AppTokenRevokePayload(Payload):
    uuid: str | None = strawberry.field(
        default=None, description="The token that works no more; null if refused."
    )


@strawberry.type(description="What came of revoking an access token.")
class AccessTokenRevokePayload(Payload):
    uuid: str | None = strawberry.field(
        default=None, description="The token that works no more; null if refused."
    )


@strawberry.type(description="What came of declining a token on offer.")
class TokenAssignmentDeletePayload(Payload):
    uuid: str | None = strawberry.field(default=None, description="What is offered no more; null if refused.")


@strawberry.type
class TokenQuery:
    @strawberry.field(
        description="The application tokens of all users, oldest first, without secrets. Refused to others"
        " than superusers."
    )
    async def app_tokens(
        self,
        info: Info,
        is_expiring: Annotated[
            bool, strawberry.argument(description="Only those that stop working within four weeks.")
        ] = False,
        first: First = 50,
        after: After = None,
    ) -> Connection[AppToken] | None:
        found = await token.all_app_tokens(info.context.context, page(first, after), is_expiring=is_expiring)
        return connect(found, lambda record: AppToken(record=record))


@strawberry.type
class TokenMutation:
    @mutation(
        AppTokenCreatePayload,
        description="Make an application token for the viewer. Requires `user:admin` and a fresh login.",
    )
    async def app_token_create(
        self,
        info: Info,
        input: Annotated[AppTokenCreateInput, strawberry.argument(description="The new token.")],
    ) -> Any:
        expires_at_ms = None if input.expires_at is None else to_milliseconds(input.expires_at)
        record = await token.create_app_token(
            info.context.context, title=input.title, expires_at_ms=expires_at_ms
        )
        return AppTokenCreatePayload(app_token=AppToken(record=record))

    @mutation(
        AppTokenRevokePayload,
        description="Revoke an application token of the viewer: it stops working at once, with every registry"
        " token issued for it. Requires `user:admin` and a fresh login.",
    )
    async def app_token_revoke(self, info: Info, uuid: Uuid) -> Any:
        record = await token.revoke_app_token(info.context.context, uuid)
        return AppTokenRevokePayload(uuid=record.uuid)

    @mutation(
        AccessTokenRevokePayload,
        description="Revoke an access token that acts for the viewer: it stops working at once, with every"
        " registry token issued for it. Requires `user:admin`.",
    )
    async def access_token_revoke(self, info: Info, uuid: Uuid) -> Any:
        record = await token.revoke_access_token(info.context.context, uuid)
        return AccessTokenRevokePayload(uuid=record.uuid)

    @mutation(
        TokenAssignmentDeletePayload,
        description="Decline a token that is on offer for the viewer. Requires `user:admin`.",
    )
    async def token_assignment_delete(self, info: Info, uuid: Uuid) -> Any:
        record = await token_assignment.decline(info.context.context, uuid)
        return TokenAssignmentDeletePayload(uuid=record.uuid)
