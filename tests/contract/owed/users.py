"""Users, exports and messages."""

from __future__ import annotations

from tests.contract.owed.given import (
    JOB_CANCELLED,
    MESSAGE,
    NEW_ADDRESS,
    READ_ONLY,
    RECOVERY,
    RECOVERY_OF_OWNER,
    SIGNED_UP,
)
from tests.contract.owed.rows import AGENT, Entry, Row, at_own, row

ROWS: tuple[Row, ...] = (
    row(
        "auditLogExport",
        'owner: { repository: "acme/app" }, input: { callbackEmail: "a@b.cd" }',
        "administer",
        "+job +rate_count",
        by="keeper",
    ),
    row(
        "auditLogExport:of an organization",
        'owner: { namespace: "acme" }, input: { callbackEmail: "a@b.cd" }',
        "log of an organization",
        "+job +rate_count",
        by="org",
    ),
    row(
        "auditLogExport:own",
        'input: { callbackEmail: "a@b.cd" }',
        "own log",
        "+job +rate_count",
        by="user",
    ),
    row(
        "userUpdate",
        (
            'input: { givenName: "O", familyName: "W", company: "C", location: "L", hasInvoiceEmail: true,'
            ' invoiceEmailAddress: "bill@example.com", tagExpirationS: 86400 }'
        ),
        "account",
        "~account",
        at_own("user_change_invoicing", invoice_email=True),
        at_own("user_change_invoicing", invoice_email_address="bill@example.com"),
        at_own("user_change_metadata", given_name="O", family_name="W", company="C", location="L"),
        at_own("user_change_tag_expiration", tag_expiration=86400),
        by="user",
    ),
    row(
        "userUpdate:renamed",
        'input: { name: "renamed" }',
        "in person",
        "~account ~repository",
        at_own("user_change_name", old_username="owner"),
        by="session",
        bumped="owner owner+own",
    ),
    row(
        "userUpdate:of another address",
        'input: { email: "new@example.com" }',
        "in person",
        "+email_code +job +mail +rate_count",
        by="session",
    ),
    row(
        "userUpdate:of another password",
        'input: { password: "correct-horse-2" }',
        "in person",
        "~account -email_code -session",
        at_own("user_change_password", username="owner"),
        by="session",
        bumped="owner",
        given=(RECOVERY_OF_OWNER,),
    ),
    row(
        "userDelete",
        "",
        "in person",
        "~account +job -repository_permission -session -team_member",
        at_own("user_delete", username="owner"),
        by="session",
        bumped="owner",
    ),
    row(
        "userDisable",
        'username: "guest"',
        "superuser",
        "~account -session",
        Entry("user_disable", {"username": "guest", "superuser": "chief"}, "guest", None),
        by="super",
        bumped="guest",
    ),
    row("userDisable:of a superuser", 'username: "chief"', "everybody", "", by="super", outcome="INVALID"),
    row(
        "userEnable",
        'username: "blocked"',
        "superuser",
        "~account",
        Entry("user_enable", {"username": "blocked", "superuser": "chief"}, "blocked", None),
        by="super",
        bumped="blocked",
    ),
    row(
        "userCreate",
        'input: { username: "eve", email: "eve@example.com" }',
        "superuser",
        "+account +email_code +job +mail",
        Entry("user_create", {"email": "eve@example.com", "username": "eve", "superuser": "chief"}, "eve"),
        by="super",
    ),
    row(
        "userUpdate:by a superuser",
        'username: "guest", input: { email: "g@b.cd", password: "correct-horse-2", isSuperuser: true }',
        "superuser",
        "~account +job +mail -session",
        Entry(
            "user_change_email",
            {"old_email": "guest@example.com", "email": "g@b.cd", "superuser": "chief"},
            "guest",
        ),
        Entry("user_change_password", {"username": "guest", "superuser": "chief"}, "guest"),
        Entry("user_grant_superuser", {"username": "guest", "superuser": "chief"}, "guest"),
        by="super",
        bumped="guest",
    ),
    row(
        "userDelete:by a superuser",
        'username: "guest"',
        "superuser",
        "~account +job -session",
        Entry("user_delete", {"username": "guest", "superuser": "chief"}, "guest"),
        by="super",
        bumped="guest",
    ),
    row(
        "userRecoverySend",
        'username: "guest"',
        "superuser",
        "+email_code +job +mail +rate_count",
        by="super",
    ),
    row(
        "userSignUp",
        'input: { username: "eve", password: "correct-horse", email: "eve@example.com" }',
        "anybody",
        "+account +email_code +job +mail +rate_count",
        Entry("user_create", {"email": "eve@example.com", "username": "eve", "superuser": None}, "eve", None),
        by="anonymous",
    ),
    row(
        "emailConfirm",
        'code: "<code>"',
        "anybody",
        "~account -email_code",
        by="anonymous",
        given=(SIGNED_UP,),
    ),
    row(
        "emailConfirm:of another address",
        'code: "<code>"',
        "anybody",
        "~account -email_code +job +mail",
        at_own("user_change_email", old_email="owner@example.com", email="new@example.com"),
        by="anonymous",
        given=(NEW_ADDRESS,),
    ),
    row(
        "passwordRecoveryRequest",
        'email: "guest@example.com"',
        "anybody",
        "+email_code +job +mail +rate_count",
        by="anonymous",
    ),
    row(
        "passwordReset",
        'code: "<code>", password: "correct-horse-2"',
        "anybody",
        "~account -email_code -session",
        Entry("user_change_password", {"username": "guest"}, "guest", None),
        by="anonymous",
        bumped="guest",
        given=(RECOVERY,),
    ),
    row(
        "encryptedPasswordCreate",
        'password: "correct-horse-battery"',
        "account",
        "+sign_in_failure",
        at_own("user_generate_client_key"),
        by="user",
    ),
    row(
        "globalMessageCreate",
        'input: { content: "c", mediaType: "text/plain", severity: INFO }',
        "superuser",
        "+global_message",
        by="super",
    ),
    row(
        "globalMessageDelete", 'uuid: "<uuid>"', "superuser", "-global_message", by="super", given=(MESSAGE,)
    ),
    row(
        "inboxNoticeUpdate",
        'notice: "<notice>", input: { isDismissed: true }',
        "own thing",
        "+inbox_dismissal",
        by="user",
    ),
    row("inboxClear", "", "account", "+inbox_dismissal", by="user"),
    row("jobCancel", 'job: "<job>"', "superuser", "~job", by="super"),
    row("jobRetry", 'job: "<job>"', "superuser", "~job", by="super", given=(JOB_CANCELLED,)),
    row(
        "siteReadOnlySet",
        "input: { isReadOnly: false }",
        "superuser",
        "-site_setting",
        Entry("change_read_only", {"read_only": False}, "chief"),
        by="super",
        given=(READ_ONLY,),
    ),
    row(
        "encryptedPasswordCreate:of a wrong password",
        'password: "wrong"',
        "account",
        "+sign_in_failure",
        at_own(
            "login_failure",
            type="quayauth",
            kind="user",
            useragent=AGENT,
            message="Invalid credentials",
            username="owner",
        ),
        by="user",
        outcome="INVALID",
    ),
)

EVERYTHING = "org:admin repo:admin repo:create repo:read repo:write super:user user:admin user:read"
"""All scopes there are."""

FIRST: tuple[Row, ...] = (
    row(
        "userInitialize",
        (
            'input: { username: "root", password: "correct-horse", email: "root@example.com",'
            " includeAccessToken: true }"
        ),
        "everybody",
        "+access_token +account +site_setting",
        Entry("user_create", {"email": "root@example.com", "username": "root", "superuser": "root"}, "root"),
        Entry("account_initialized", {"username": "root"}, "root"),
        Entry(
            "create_oauth_api_token",
            {"token": "<newest_token>", "scopes": EVERYTHING, "username": "root"},
            "root",
        ),
        by="anonymous",
    ),
)
"""Where there is nobody yet."""
