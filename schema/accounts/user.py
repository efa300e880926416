"""Accounts of users: mutations by themselves, signed in or not, and by superusers, who list them as well."""

import dataclasses
from typing import Annotated, Any

import strawberry

from resolvers.accounts import administration, recovery, user
from resolvers.accounts.administration import UserFilter, UserOrder
from resolvers.accounts.user import UserChanges
from schema.accounts.account import User, to_user
from schema.connections import After, Connection, First, connect, page
from schema.context import Info
from schema.errors import DeletionPayload, Payload, mutation
from schema.inputs import changes
from schema.node_id import encode_id

Username = Annotated[str, strawberry.argument(description="The user's name.")]
Password = Annotated[
    str, strawberry.argument(description="The new password: at least 8 characters without white space.")
]
Other = Annotated[
    str | None,
    strawberry.argument(description="Another user, for superusers with a fresh login; the viewer if absent."),
]
EmailCode = Annotated[str, strawberry.argument(description="The code that was sent by e-mail.")]


strawberry.enum(UserOrder, name="UserOrder", description="The order of a list of users.")


@strawberry.input(name="UserFilter", description="Which users. What is not given lets all pass.")
class UserFilterInput:
    name_prefix: str | None = strawberry.field(default=None, description="Only names that begin so.")
    contains: str | None = strawberry.field(
        default=None,
        description="Only those with this text in their name, or if it has an `@` in their e-mail address. A"
        " text without three letters or digits in a row is looked for at the beginning of the name.",
    )
    is_enabled: bool | None = strawberry.field(
        default=None, description="Only those that are enabled, or only the disabled ones."
    )
    include_disabled: bool = strawberry.field(
        default=True, description="Also disabled ones; true if not given."
    )
    is_superuser: bool | None = strawberry.field(
        default=None, description="Only superusers, or only the others."
    )


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
    is_enabled: strawberry.Maybe[bool] = strawberry.field(
        description="Whether anything lets the user in. For superusers, of another user."
    )
    is_superuser: strawberry.Maybe[bool] = strawberry.field(
        description="True makes another user a superuser, for superusers. False is refused: the command line"
        " alone takes it back."
    )


@strawberry.input(description="A new user, as a superuser makes one.")
class UserCreateInput:
    username: str = strawberry.field(
        description="2 to 255 lower-case letters and digits, with single `.`, `_`, `-` between;"
        " not taken yet."
    )
    email: str | None = strawberry.field(
        default=None,
        description="An e-mail address that no other user has; needed while the feature MAILING is on.",
    )
    include_password: bool = strawberry.field(
        default=False,
        description="Whether to show the temporary password although it is mailed to the user. It is always"
        " shown where no mail goes out.",
    )


@strawberry.type(description="What came of making a user.")
class UserCreatePayload(Payload):
    user: User | None = strawberry.field(default=None, description="The user; null if refused.")
    temporary_password: str | None = strawberry.field(
        default=None,
        description="The first password, shown this once; null if it was mailed to the user alone.",
    )
    encrypted_password: str | None = strawberry.field(
        default=None, description="A text that stands for that password in `docker login`; null with it."
    )


@strawberry.type(description="What came of mailing a user a way back into their account.")
class UserRecoverySendPayload(Payload):
    email: str | None = strawberry.field(
        default=None, description="The address to which the code goes; null if refused."
    )


@strawberry.type(description="What came of changing a user.")
class UserUpdatePayload(Payload):
    user: User | None = strawberry.field(default=None, description="The user; null if refused.")
    pending_email: str | None = strawberry.field(
        default=None, description="The new address, as long as it has to be confirmed."
    )
    encrypted_password: str | None = strawberry.field(
        default=None,
        description="A text that stands for the new password in `docker login`; null if none was given.",
    )


@strawberry.type(description="What came of deleting a user.")
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
class UserQuery:
    @strawberry.field(
        description="The users of the installation, without deleted ones. Refused to others than superusers."
    )
    async def users(
        self,
        info: Info,
        filter: Annotated[
            UserFilterInput | None, strawberry.argument(description="Which users; all if not given.")
        ] = None,
        order_by: Annotated[
            UserOrder, strawberry.argument(description="Their order; by name if not given.")
        ] = UserOrder.NAME,
        first: First = 50,
        after: After = None,
    ) -> Connection[User] | None:
        values = dataclasses.asdict(filter) if filter else {}
        chosen = UserFilter(**values, order=order_by)
        return connect(await administration.users(info.context.context, chosen, page(first, after)), to_user)


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
        UserCreatePayload,
        description="Make a user with a temporary password. It is mailed to them with a link that confirms"
        " the address, or shown where no mail goes out. Requires `super:user` and a fresh login.",
    )
    async def user_create(
        self,
        info: Info,
        input: Annotated[UserCreateInput, strawberry.argument(description="The new user.")],
    ) -> Any:
        made = await administration.create(
            info.context.context,
            username=input.username,
            email=input.email,
            include_password=input.include_password,
        )
        return UserCreatePayload(
            user=to_user(made.account),
            temporary_password=made.password,
            encrypted_password=made.encrypted_password,
        )

    @mutation(
        UserUpdatePayload,
        description="Change the viewer's own account, or as a superuser that of another, all or nothing."
        " Requires `user:admin`; name, address and password only by a session with a fresh login, never by a"
        " token. Another user requires `super:user` and a fresh login; their new address counts as confirmed,"
        " and a new password ends their sessions and registry tokens. No superuser changes another.",
    )
    async def user_update(
        self,
        info: Info,
        input: Annotated[UserUpdateInput, strawberry.argument(description="What to change.")],
        username: Other = None,
    ) -> Any:
        context = info.context.context
        values = changes(input)
        if "has_invoice_email" in values:
            values["invoice_email"] = values.pop("has_invoice_email")
        asked = UserChanges(**values)
        changed = (
            await user.update(context, asked)
            if username is None
            else await administration.update(context, username, asked)
        )
        return UserUpdatePayload(
            user=to_user(changed.account),
            pending_email=changed.pending_email,
            encrypted_password=changed.encrypted_password,
        )

    @mutation(
        UserDeletePayload,
        description="Delete the viewer's own account, or as a superuser that of another, with all it owns. It"
        " is gone at once; its name is free when the content has been removed. By a session with a fresh"
        " login, never by a token. Another user requires `super:user` and a fresh login, is no superuser, and"
        " may be the last administrator of an organization.",
    )
    async def user_delete(self, info: Info, username: Other = None) -> Any:
        context = info.context.context
        record = (
            await user.delete(context) if username is None else await administration.delete(context, username)
        )
        return UserDeletePayload(name=record.name, deleted_id=encode_id("User", record.id))

    @mutation(
        UserRecoverySendPayload,
        description="Mail a user, who is no superuser, a code to choose a new password. Requires"
        " `super:user` and a fresh login.",
    )
    async def user_recovery_send(self, info: Info, username: Username) -> Any:
        record = await administration.send_recovery(info.context.context, username)
        return UserRecoverySendPayload(email=record.email)

    @mutation(UserEnablePayload, description="Let a disabled user in again. Requires `super:user`.")
    async def user_enable(self, info: Info, username: Username) -> Any:
        record = await administration.set_enabled(info.context.context, username, is_enabled=True)
        return UserEnablePayload(user=to_user(record))

    @mutation(
        UserDisablePayload,
        description="Take every kind of access from a user at once, who is no superuser: password, sessions"
        " and tokens, also those of the user's robots. Requires `super:user`.",
    )
    async def user_disable(self, info: Info, username: Username) -> Any:
        record = await administration.set_enabled(info.context.context, username, is_enabled=False)
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
