"""Addresses that agreed to take notifications."""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import strawberry

from resolvers.repositories import authorized_email
from resolvers.repositories.authorized_email import AuthorizedEmailRecord
from schema.context import Info
from schema.errors import Payload, mutation
from schema.inputs import OwnerInput, to_owner
from schema.scalars import optional_datetime, to_datetime

if TYPE_CHECKING:
    from schema.repositories.repository import Repository


@strawberry.type(description="An e-mail address that was asked whether it takes notifications.")
class AuthorizedEmail:
    record: strawberry.Private[AuthorizedEmailRecord]

    @strawberry.field(description="The address.")
    def email(self) -> str:
        return self.record.email

    @strawberry.field(description="Whether it has agreed, so that notifications may go there.")
    def is_confirmed(self) -> bool:
        return self.record.confirmed_at_ms is not None

    @strawberry.field(description="When it was last asked; it can agree for three days.")
    def asked_at(self) -> datetime:
        return to_datetime(self.record.asked_at_ms)

    @strawberry.field(description="When it agreed; null if it has not.")
    def confirmed_at(self) -> datetime | None:
        return optional_datetime(self.record.confirmed_at_ms)

    @strawberry.field(
        description="The repository whose notifications it takes; null for those of a namespace."
    )
    async def repository(
        self, info: Info
    ) -> Annotated["Repository", strawberry.lazy("schema.repositories.repository")] | None:
        from schema.repositories.repository import to_repository

        if self.record.repository_id is None:
            return None
        record = await info.context.loaders.repositories.load(self.record.repository_id)
        return to_repository(record) if record else None


def to_authorized_email(record: AuthorizedEmailRecord) -> AuthorizedEmail:
    """An address as a GraphQL value."""
    return AuthorizedEmail(record=record)


@strawberry.type(description="What came of asking an address.")
class AuthorizedEmailRequestPayload(Payload):
    authorized_email: AuthorizedEmail | None = strawberry.field(
        default=None, description="The address; null if refused."
    )


@strawberry.type(description="What came of agreeing to notifications.")
class AuthorizedEmailConfirmPayload(Payload):
    authorized_email: AuthorizedEmail | None = strawberry.field(
        default=None, description="The address; null if refused."
    )


@strawberry.type(description="What came of removing an address.")
class AuthorizedEmailDeletePayload(Payload):
    email: str | None = strawberry.field(default=None, description="The address; null if refused.")


EmailAddress = Annotated[str, strawberry.argument(description="The e-mail address.")]
_Owner = Annotated[OwnerInput, strawberry.argument(description="What the notifications are of.")]


@strawberry.type
class AuthorizedEmailMutation:
    @mutation(
        AuthorizedEmailRequestPayload,
        description="Ask an address by mail whether it takes notifications; one that has agreed is not asked"
        " again. Requires `repo:admin` on the repository or `org:admin` in the namespace.",
    )
    async def authorized_email_request(self, info: Info, owner: _Owner, email: EmailAddress) -> Any:
        record = await authorized_email.request(info.context.context, to_owner(owner), email)
        return AuthorizedEmailRequestPayload(authorized_email=to_authorized_email(record))

    @mutation(
        AuthorizedEmailConfirmPayload,
        description="Agree to notifications by the code of a mail, which is good once. For who has the code.",
    )
    async def authorized_email_confirm(
        self, info: Info, code: Annotated[str, strawberry.argument(description="The code of the mail.")]
    ) -> Any:
        agreed = await authorized_email.confirm(info.context.context, code)
        return AuthorizedEmailConfirmPayload(authorized_email=to_authorized_email(agreed.record))

    @mutation(
        AuthorizedEmailDeletePayload,
        description="Remove an address, so that no more notifications go there. Requires `repo:admin` on the"
        " repository or `org:admin` in the namespace.",
    )
    async def authorized_email_delete(self, info: Info, owner: _Owner, email: EmailAddress) -> Any:
        record = await authorized_email.delete(info.context.context, to_owner(owner), email)
        return AuthorizedEmailDeletePayload(email=record.email)
