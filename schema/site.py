"""The installation: its first user."""

from datetime import datetime
from typing import Annotated, Any

import strawberry

from resolvers import site
from resolvers.sizes import recount
from schema.accounts.account import User, to_user
from schema.context import Info
from schema.errors import Payload, mutation
from schema.scalars import BigInt, to_datetime


@strawberry.type(description="What the registry stores. A job counts it daily.")
class RegistryStorage:
    record: strawberry.Private[recount.RegistrySize]

    @strawberry.field(
        description="Bytes of all blobs, each stored once, and of the manifests of all repositories."
    )
    def stored_bytes(self) -> BigInt:
        return BigInt(self.record.stored_bytes)

    @strawberry.field(description="When it was counted.")
    def counted_at(self) -> datetime:
        return to_datetime(self.record.counted_at_ms)


@strawberry.type(description="The installation.")
class Site:
    @strawberry.field(description="The address that web clients reach it by.")
    def public_url(self, info: Info) -> str:
        return info.context.context.site.public_url

    @strawberry.field(description="What image names begin with, such as `registry.example.com`.")
    def registry_host(self, info: Info) -> str:
        return info.context.context.site.registry_host

    @strawberry.field(
        description="Whether mail goes out. If not, mails stay in the outbox, and what needs a code from one"
        " needs the operator."
    )
    def has_mail_server(self, info: Info) -> bool:
        return info.context.context.site.has_mail_server

    @strawberry.field(
        description="What the registry stores, as the last recount found; null before the first. Refused to"
        " others than superusers. Requires `super:user`."
    )
    async def storage(self, info: Info) -> RegistryStorage | None:
        info.context.context.viewer.require_superuser()
        found = await recount.registry_size()
        return RegistryStorage(record=found) if found else None


@strawberry.type
class SiteQuery:
    @strawberry.field(description="The installation. Anybody may look.")
    def site(self) -> Site:
        return Site()


@strawberry.input(description="The first user of the installation.")
class UserInitializeInput:
    username: str = strawberry.field(description="The name to sign in with.")
    password: str = strawberry.field(description="At least 8 characters without white space.")
    email: str | None = strawberry.field(default=None, description="An e-mail address.")
    include_access_token: bool = strawberry.field(
        default=False, description="Whether to make an access token with every scope as well."
    )
    code: str | None = strawberry.field(
        default=None, description="The one-time code printed at the first start; needed from other machines."
    )


@strawberry.type(description="What came of creating the first user.")
class UserInitializePayload(Payload):
    user: User | None = strawberry.field(default=None, description="The user, a superuser; null if refused.")
    email: str | None = strawberry.field(default=None, description="The address on record.")
    encrypted_password: str | None = strawberry.field(
        default=None, description="A text that may stand for the password in `docker login`."
    )
    access_token: str | None = strawberry.field(
        default=None, description="The access token, shown this once; null if not asked for."
    )


@strawberry.type
class SiteMutation:
    @mutation(
        UserInitializePayload,
        description="Create the first user, a superuser, while there is none: from the server's own machine,"
        " or with the code that it printed at its first start.",
    )
    async def user_initialize(
        self,
        info: Info,
        input: Annotated[UserInitializeInput, strawberry.argument(description="The first user.")],
    ) -> Any:
        made = await site.initialize(
            info.context.context,
            username=input.username,
            password=input.password,
            email=input.email,
            with_access_token=input.include_access_token,
            code=input.code,
        )
        return UserInitializePayload(
            user=to_user(made.account),
            email=made.account.email,
            encrypted_password=made.encrypted_password,
            access_token=made.access_token,
        )
