"""Mutations of accounts: by their users, signed in or not, and by superusers."""

from typing import Annotated, Any

import strawberry

from resolvers.accounts import recovery, user
from resolvers.accounts.user import UserChanges
from schema.accounts.account import User, to_user
from schema.context import Info
from schema.errors import DeletionPayload, Payload, mutation
from schema.inputs import changes
from schema.node_id import encode_id

Username = Annotated[str, strawberry.argument(description="The user's name.")]
Password = Annotated[
    str, strawberry.argument(description="The new password: at least 8 characters without white space.")
]
EmailCode = Annotated[str, strawberry.argument(description="The code that was sent by e-mail.")]


@strawberry.input(description="A new user, as they describe themselves.")
class UserSignUpInput:
    username: str = strawberry.field(
        description="2 to 255 lower-case letters and digits, with single `.`, `_`, `-` between;"
        " not taken yet."
    )
    email: str = strawberry.field(description="An e-mail address that no other user has.")
    password: str = strawberry.field(description="At least 8 characters without white space.")


@strawberry.type(description="What came of signing up.")
class UserSignUpPayload(Payload):
    user: User | None = strawberry.field(default=None, description="The user; null if refused.")
    is_awaiting_verification: bool | None = strawberry.field(
        default=None,
        description="Whether a code was sent, which has to come back before the user can sign in.",
    )


@strawberry.input(description="What to change; absent fields stay as they are.")
class UserUpdateInput:
    name: strawberry.Maybe[str] = strawberry.field(
        description="Another name, which moves the namespace. Needs the feature USER_RENAME."
    )
    email: strawberry.Maybe[str] = strawberry.field(
        description="Another address; takes effect when a code sent there has come back, if mail is sent."
    )
    password: strawberry.Maybe[str] = strawberry.field(
        description="Another password; ends all other sessions and all registry tokens."
    )
    has_invoice_email: strawberry.Maybe[bool] = strawberry.field(
        description="Whether invoices go out by e-mail."
    )
    invoice_email_address: strawberry.Maybe[str | None] = strawberry.field(
        description="Where invoices go; null for the account's address."
    )
    tag_expiration_s: strawberry.Maybe[int] = strawberry.field(
        description="For how many seconds deleted tags can be restored; one of the values on offer."
    )
    given_name: strawberry.Maybe[str | None] = strawberry.field(description="The given name; null clears it.")
    family_name: strawberry.Maybe[str | None] = strawberry.field(
        description="The family name; null clears it."
    )
    company: strawberry.Maybe[str | None] = strawberry.field(description="The company; null clears it.")
    location: strawberry.Maybe[str | None] = strawberry.field(description="The location; null clears it.")


@strawberry.type(description="What came of changing the viewer's account.")
class UserUpdatePayload(Payload):
    user: User | None = strawberry.field(default=None, description="The user; null if refused.")
    pending_email: str | None = strawberry.field(
        default=None, description="The new address, as long as it has to be confirmed."
    )


@strawberry.type(description="What came of deleting the viewer's account.")
class UserDeletePayload(DeletionPayload):
    name: str | None = strawberry.field(
        default=None, description="The name that was deleted; null if refused."
    )


@strawberry.type(description="What came of letting a user in again.")
class UserEnablePayload(Payload):
    user: User | None = strawberry.field(default=None, description="The user; null if refused.")


@strawberry.type(description="What came of taking all access from a user.")
class UserDisablePayload(Payload):
    user: User | None = strawberry.field(default=None, description="The user; null if refused.")


@strawberry.type(description="What came of encrypting a password.")
class EncryptedPasswordCreatePayload(Payload):
    encrypted_password: str | None = strawberry.field(
        default=None, description="A text that stands for the password in `docker login`; null if refused."
    )


@strawberry.type(description="What came of asking for a way back into an account.")
class PasswordRecoveryRequestPayload(Payload):
    email: str | None = strawberry.field(
        default=None, description="The address that was given, whether an account has it or not."
    )


@strawberry.type(description="What came of choosing a new password.")
class PasswordResetPayload(Payload):
    user: User | None = strawberry.field(default=None, description="The user; null if refused.")


@strawberry.type(description="What came of confirming an e-mail address.")
class EmailConfirmPayload(Payload):
    user: User | None = strawberry.field(default=None, description="The user; null if refused.")


@strawberry.type
class UserMutation:
    @mutation(
        UserSignUpPayload,
        description="Sign up. For anybody, if the feature USER_CREATION is on; else refused.",
    )
    async def user_sign_up(
        self,
        info: Info,
        input: Annotated[UserSignUpInput, strawberry.argument(description="The new user.")],
    ) -> Any:
        made = await user.sign_up(
            info.context.context, username=input.username, email=input.email, password=input.password
        )
        return UserSignUpPayload(
            user=to_user(made.account), is_awaiting_verification=made.awaits_verification
        )

    @mutation(
        UserUpdatePayload,
        description="Change the viewer's own account, all or nothing. Requires `user:admin`; name, address"
        " and password only by a session with a fresh login, never by a token.",
    )
    async def user_update(
        self,
        info: Info,
        input: Annotated[UserUpdateInput, strawberry.argument(description="What to change.")],
    ) -> Any:
        values = changes(input)
        if "has_invoice_email" in values:
            values["invoice_email"] = values.pop("has_invoice_email")
        changed = await user.update(info.context.context, UserChanges(**values))
        return UserUpdatePayload(user=to_user(changed.account), pending_email=changed.pending_email)

    @mutation(
        UserDeletePayload,
        description="Delete the viewer's own account with all it owns. It is gone at once; its name is free"
        " when the content has been removed. By a session with a fresh login, never by a token.",
    )
    async def user_delete(self, info: Info) -> Any:
        record = await user.delete(info.context.context)
        return UserDeletePayload(name=record.name, deleted_id=encode_id("User", record.id))

    @mutation(UserEnablePayload, description="Let a disabled user in again. Requires `super:user`.")
    async def user_enable(self, info: Info, username: Username) -> Any:
        record = await user.set_enabled(info.context.context, username, is_enabled=True)
        return UserEnablePayload(user=to_user(record))

    @mutation(
        UserDisablePayload,
        description="Take every kind of access from a user at once, who is no superuser: password, sessions"
        " and tokens, also those of the user's robots. Requires `super:user`.",
    )
    async def user_disable(self, info: Info, username: Username) -> Any:
        record = await user.set_enabled(info.context.context, username, is_enabled=False)
        return UserDisablePayload(user=to_user(record))

    @mutation(
        EncryptedPasswordCreatePayload,
        description="Make a text that stands for the viewer's password in `docker login`, until it changes."
        " Requires `user:admin`.",
    )
    async def encrypted_password_create(
        self,
        info: Info,
        password: Annotated[str, strawberry.argument(description="The viewer's password.")],
    ) -> Any:
        made = await user.encrypt_password(info.context.context, password)
        return EncryptedPasswordCreatePayload(encrypted_password=made)

    @mutation(
        PasswordRecoveryRequestPayload,
        description="Send a code for choosing a new password to an address, if a user has it. For anybody.",
    )
    async def password_recovery_request(
        self, info: Info, email: Annotated[str, strawberry.argument(description="The account's address.")]
    ) -> Any:
        await recovery.request(info.context.context, email)
        return PasswordRecoveryRequestPayload(email=email)

    @mutation(
        PasswordResetPayload,
        description="Choose a new password by a code that is good once, for an hour. For who has the code.",
    )
    async def password_reset(self, info: Info, code: EmailCode, password: Password) -> Any:
        record = await recovery.reset_password(info.context.context, code, password)
        return PasswordResetPayload(user=to_user(record))

    @mutation(
        EmailConfirmPayload,
        description="Confirm the address of a new account, or a new address. For who has the code.",
    )
    async def email_confirm(self, info: Info, code: EmailCode) -> Any:
        record = await recovery.confirm_email(info.context.context, code)
        return EmailConfirmPayload(user=to_user(record))
