"""Authentication: turns passwords, tokens and session cookies into viewers, for every door.

Authorization: Bearer …     an OAuth access token                        /graphql, /api/v1
Basic user:password         a user's password                            /v2/auth
Basic user:token            an application token or access token as password
Basic ns+robot:token        a robot; its token, or a password of the identity federation (federation.py)
Basic $app:token            an application token
Basic $oauthtoken:token     an OAuth access token
Cookie                      a session, see session.py                    /graphql, /api/v1
"""

import hashlib
import hmac
import secrets as random
import string
from collections.abc import Awaitable, Callable, Sequence

from resolvers.access.attempts import Attempts, refuse
from resolvers.access.passwords import verify_password
from resolvers.access.registry_tokens import RobotPassword, TokenSigner
from resolvers.access.scopes import DIRECT, Scope, parse_scopes
from resolvers.access.viewer import SESSION, AccountKind, Credential, Viewer, ViewerAccount
from resolvers.context import Site
from resolvers.errors import InvalidCredentials
from storage.clock import is_recent, now_ms
from storage.conditions import can_act
from storage.secrets import Secrets, SecretUnreadable
from storage.statements import Row, fetch, fetch_one, placeholders

ACCESS_TOKEN_PREFIX = 20
ACCESS_TOKEN_LENGTH = 40
APP_TOKEN_PREFIX = 60
APP_TOKEN_LENGTH = 120
ROBOT_TOKEN_LENGTH = 64
FRESH_FOR_MS = 600_000
"""How long a session counts as a fresh login after its password was given."""

_UPPER = string.ascii_uppercase + string.digits
_MIXED = string.ascii_letters + string.digits


def random_text(length: int, *, mixed_case: bool = False) -> str:
    """A cryptographically random text of letters and digits."""
    alphabet = _MIXED if mixed_case else _UPPER
    return "".join(random.choice(alphabet) for _ in range(length))


def hash_secret(secret: str) -> str:
    """The SHA-256 under which a random secret is stored: nobody guesses one, so a fast hash suffices."""
    return hashlib.sha256(secret.encode()).hexdigest()


_ACCOUNT = (
    "a.id, a.name, a.kind, a.auth_epoch, a.password_hash, a.is_superuser, a.is_verified,"
    " a.last_accessed_at_ms"
)
_CAN_ACT = can_act("a")


def viewer_for(
    account: Row,
    scopes: frozenset[Scope],
    site: Site,
    credential: Credential | None = None,
    *,
    is_fresh: bool = True,
) -> Viewer:
    """The viewer for an account row with the given scopes.

    What read-only superusers see is theirs by name, whatever the scopes.
    """
    name = account["name"]
    may_be_superuser = site.has("SUPER_USERS") and account["kind"] == AccountKind.USER
    is_read_only = may_be_superuser and site.names_read_only_superuser(name)
    is_superuser = (
        may_be_superuser
        and not is_read_only
        and bool(account["is_superuser"] or site.names_superuser(name))
        and bool(scopes & {Scope.DIRECT_USER_LOGIN, Scope.SUPER_USER})
    )
    return Viewer(
        account=ViewerAccount(account["id"], name, AccountKind(account["kind"]), account["auth_epoch"]),
        scopes=scopes,
        credential=credential or Credential(),
        is_superuser=is_superuser,
        is_read_only_superuser=is_read_only,
        has_full_access=is_superuser and site.has("SUPERUSERS_FULL_ACCESS"),
        is_fresh=is_fresh,
    )


def _note_account(site: Site, account: Row) -> None:
    if site.has("USER_LAST_ACCESSED"):
        site.uses.note("account", account["id"], account["last_accessed_at_ms"])


async def bearer_viewer(token: str, *, site: Site) -> Viewer:
    """The viewer of an OAuth access token. Raises `InvalidCredentials`."""
    if len(token) != ACCESS_TOKEN_LENGTH or not token.isalnum():
        raise InvalidCredentials
    row = await fetch_one(
        f"SELECT {_ACCOUNT}, t.id AS token_id, t.secret_hash, t.scopes, t.expires_at_ms,"
        " t.last_accessed_at_ms AS used"
        f" FROM access_token t JOIN account a ON a.id = t.account_id WHERE t.prefix = ? AND {_CAN_ACT}",
        token[:ACCESS_TOKEN_PREFIX],
    )
    if row is None or not hmac.compare_digest(row["secret_hash"], hash_secret(token[ACCESS_TOKEN_PREFIX:])):
        raise InvalidCredentials
    if row["expires_at_ms"] is not None and row["expires_at_ms"] <= now_ms():
        raise InvalidCredentials
    site.uses.note("access_token", row["token_id"], row["used"])
    return viewer_for(row, parse_scopes(row["scopes"]), site, Credential("access_token", row["token_id"]))


async def session_viewer(cookie: str, *, site: Site) -> Viewer:
    """The viewer of a browser's session. Raises `InvalidCredentials` if it is unknown or has ended."""
    now = now_ms()
    row = await fetch_one(
        f"SELECT {_ACCOUNT}, s.id AS session_id, s.authenticated_at_ms FROM session s"
        " JOIN account a ON a.id = s.account_id"
        f" WHERE s.cookie_hash = ? AND s.expires_at_ms > ? AND {_CAN_ACT}",
        hash_secret(cookie),
        now,
    )
    if row is None:
        raise InvalidCredentials
    _note_account(site, row)
    return viewer_for(
        row,
        DIRECT,
        site,
        Credential(SESSION, row["session_id"]),
        is_fresh=row["password_hash"] is None or is_recent(row["authenticated_at_ms"], now, FRESH_FOR_MS),
    )


async def current_viewers(viewers: Sequence[Viewer], *, site: Site) -> list[Viewer | None]:
    """The viewers with their credentials checked again; None for a credential that has ended.

    For access tokens, sessions and anonymous callers; at most one statement per kind of credential.
    """
    current: dict[Credential, Viewer] = {}
    for kind, statement in _CURRENT_STATEMENTS.items():
        ids = sorted({viewer.credential.id for viewer in viewers if viewer.credential.kind == kind})
        for row in await fetch(statement.format(placeholders(ids)), now_ms(), *ids) if ids else ():
            credential = Credential(kind, row["credential_id"])
            scopes = DIRECT if row["scopes"] is None else parse_scopes(row["scopes"])
            current[credential] = viewer_for(row, scopes, site, credential)
    return [viewer if viewer.is_anonymous else current.get(viewer.credential) for viewer in viewers]


_CURRENT_STATEMENTS = {
    "access_token": f"SELECT {_ACCOUNT}, t.id AS credential_id, t.scopes FROM access_token t"
    " JOIN account a ON a.id = t.account_id"
    f" WHERE (t.expires_at_ms IS NULL OR t.expires_at_ms > ?) AND t.id IN ({{}}) AND {_CAN_ACT}",
    SESSION: f"SELECT {_ACCOUNT}, s.id AS credential_id, NULL AS scopes FROM session s"
    " JOIN account a ON a.id = s.account_id"
    f" WHERE s.expires_at_ms > ? AND s.id IN ({{}}) AND {_CAN_ACT}",
}


async def basic_viewer(
    username: str,
    password: str,
    *,
    site: Site,
    secrets: Secrets,
    ip: str | None = None,
    signer: TokenSigner | None = None,
) -> Viewer:
    """The viewer of a user name and password as docker login sends them.

    With a signer, robots may also use passwords that it issued (identity federation). Raises
    `InvalidCredentials`, or `SignInThrottled` after wrong passwords or robot tokens. A right token never
    waits, since nobody can guess it.
    """
    # No name or token contains U+0000, and PostgreSQL refuses it as a parameter.
    if not password or "\0" in username + password:
        raise InvalidCredentials
    check = _SPECIAL_USERNAMES.get(username)
    if check is not None:
        return await check(password, site, secrets)
    if "+" in username:
        return await _robot_viewer(username, password, site, secrets, signer, ip)
    return await _user_viewer(username, password, site, secrets, ip)


async def _user_viewer(username: str, password: str, site: Site, secrets: Secrets, ip: str | None) -> Viewer:
    row = await _active_user(username)
    # A token is recognised by its length, so that ordinary passwords cost no extra statement.
    if row is not None and len(password) in {APP_TOKEN_LENGTH, ACCESS_TOKEN_LENGTH}:
        check = _app_token_viewer if len(password) == APP_TOKEN_LENGTH else _access_token_viewer
        try:
            viewer = await check(password, site, secrets)
        except InvalidCredentials:
            viewer = None
        if viewer is not None and viewer.account is not None and viewer.account.id == row["id"]:
            return viewer
    account = await password_account(username, decrypted_password(password, secrets), ip=ip, secrets=secrets)
    if awaits_verification(account, site):
        raise InvalidCredentials
    _note_account(site, account)
    return viewer_for(account, DIRECT, site)


def email_key(email: str) -> str:
    """What identifies a mailbox: its address, whatever the case."""
    return email.lower()


def has_email(alias: str = "account") -> str:
    """SQL condition: a user has an address; its two values are the address and its `email_key`."""
    return f"{alias}.kind = 'user' AND ({alias}.email = ? OR {alias}.email_key = ?)"


LIKE_TYPED = "ORDER BY CASE WHEN email = ? THEN 0 ELSE 1 END"
"""SQL order for `has_email`: the address as it was typed first. Earlier versions let two differ in case."""


async def _active_user(login: str) -> Row | None:
    if "@" in login:
        return await fetch_one(
            f"SELECT {_ACCOUNT} FROM account a WHERE {has_email('a')} AND {_CAN_ACT} {LIKE_TYPED} LIMIT 1",
            login,
            email_key(login),
            login,
        )
    return await fetch_one(
        f"SELECT {_ACCOUNT} FROM account a WHERE a.name = ? AND a.kind = 'user' AND {_CAN_ACT}", login
    )


async def password_account(login: str, password: str, *, ip: str | None, secrets: Secrets) -> Row:
    """The row of the user with this name or e-mail address, if the password is right.

    Raises `InvalidCredentials`, or `SignInThrottled` after failures. An unknown user takes the same time and
    has the same back-off, so that neither reveals which users exist. The last wrong password is refused
    without being checked again.
    """
    row = await _active_user(login)
    password_hash = row["password_hash"] if row else None
    attempts = await Attempts.begin(login, password, ip=ip, secrets=secrets, password_hash=password_hash)
    if not await verify_password(password_hash, password) or row is None:
        await attempts.failed()
        raise InvalidCredentials
    await attempts.succeeded()
    return row


def awaits_verification(account: Row, site: Site) -> bool:
    """Whether a user must verify their e-mail address before they can sign in."""
    return site.has("MAILING") and not account["is_verified"]


_ENCRYPTED_MARK = "password:"
"""Prefix of the plain text, to tell a password from other values encrypted with the same keys."""


def encrypted_password(password: str, secrets: Secrets) -> str:
    """An encrypted password for `docker login`, so that its file does not hold the password itself."""
    return secrets.encrypt(_ENCRYPTED_MARK + password)


def decrypted_password(text: str, secrets: Secrets) -> str:
    """The password in an encrypted one; any other text is returned as it is."""
    try:
        plain = secrets.decrypt_unseen(text)
    except SecretUnreadable:
        return text
    return plain.removeprefix(_ENCRYPTED_MARK) if plain.startswith(_ENCRYPTED_MARK) else text


async def _robot_viewer(
    username: str,
    password: str,
    site: Site,
    secrets: Secrets,
    signer: TokenSigner | None,
    ip: str | None,
) -> Viewer:
    row = await fetch_one(
        f"SELECT {_ACCOUNT}, r.token_encrypted FROM account a JOIN robot r ON r.account_id = a.id"
        f" WHERE a.name = ? AND {_CAN_ACT}",
        username,
    )
    if row is None or not await _opens(row, username, password, secrets, signer):
        raise await refuse(username, password, ip=ip, secrets=secrets)
    _note_account(site, row)
    return viewer_for(row, DIRECT, site)


async def account_viewer(account_id: int, *, site: Site) -> Viewer | None:
    """The viewer for an account in whose name the registry acts by itself; None if it cannot act."""
    row = await fetch_one(f"SELECT {_ACCOUNT} FROM account a WHERE a.id = ? AND {_CAN_ACT}", account_id)
    return None if row is None else viewer_for(row, DIRECT, site)


async def _opens(
    row: Row, username: str, password: str, secrets: Secrets, signer: TokenSigner | None
) -> bool:
    """Whether a password is the token of a robot, or was issued to it."""
    if len(password) == ROBOT_TOKEN_LENGTH or signer is None:
        return secrets.matches(row["token_encrypted"], password)
    try:
        issued = await signer.verify_password(password)
    except InvalidCredentials:
        return False
    return issued == RobotPassword(username, row["id"], row["auth_epoch"])


async def _app_token_viewer(password: str, site: Site, secrets: Secrets) -> Viewer:
    if not site.has("APP_SPECIFIC_TOKENS") or len(password) != APP_TOKEN_LENGTH:
        raise InvalidCredentials
    row = await fetch_one(
        f"SELECT {_ACCOUNT}, t.id AS token_id, t.secret_encrypted, t.expires_at_ms,"
        " t.last_accessed_at_ms AS used"
        f" FROM app_token t JOIN account a ON a.id = t.account_id WHERE t.prefix = ? AND {_CAN_ACT}",
        password[:APP_TOKEN_PREFIX],
    )
    if row is None or not secrets.matches(row["secret_encrypted"], password[APP_TOKEN_PREFIX:]):
        raise InvalidCredentials
    if row["expires_at_ms"] is not None and row["expires_at_ms"] <= now_ms():
        raise InvalidCredentials
    site.uses.note("app_token", row["token_id"], row["used"])
    return viewer_for(row, DIRECT, site, Credential("app_token", row["token_id"]))


async def _access_token_viewer(password: str, site: Site, secrets: Secrets) -> Viewer:
    return await bearer_viewer(password, site=site)


_SPECIAL_USERNAMES: dict[str, Callable[[str, Site, Secrets], Awaitable[Viewer]]] = {
    "$app": _app_token_viewer,
    "$oauthtoken": _access_token_viewer,
}
