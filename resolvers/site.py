"""First start of the installation: the first user, and the one-time code that authorizes its creation."""

import hmac
import ipaddress
import secrets as random
from dataclasses import dataclass
from enum import StrEnum

from resolvers import events
from resolvers.access.attempts import refuse_code
from resolvers.access.credentials import encrypted_password, hash_secret
from resolvers.access.scopes import SCOPES
from resolvers.accounts.account import AccountRecord, checked_hash, insert_user
from resolvers.configuration import Configuration
from resolvers.context import Context
from resolvers.errors import Forbidden, Invalid
from resolvers.oauth.token import create_access_token
from storage.clock import now_ms
from storage.database import IntegrityError
from storage.models.site import SiteSetting
from storage.site_settings import set_site_setting, site_setting
from storage.statements import execute, fetch, fetch_one
from storage.transactions import transaction

FIRST_START_CODE = "first_start_code_hash"
INITIALIZED = "initialized"
NODE_KEY = "node_key"
UNTRUSTED_PROXY = "untrusted_proxy"


@dataclass(frozen=True, slots=True)
class Initialized:
    """The first user. `access_token` is shown only now, and only if requested."""

    account: AccountRecord
    encrypted_password: str
    access_token: str | None


async def has_users() -> bool:
    """Whether any user exists."""
    return await fetch_one("SELECT 1 AS found FROM account WHERE kind = 'user' LIMIT 1") is not None


async def first_start_code() -> str | None:
    """A new one-time code if there is no user yet, else None. An earlier code becomes invalid."""
    if await has_users():
        return None
    code = random.token_hex(8)
    async with transaction("site.first_start_code"):
        await execute("DELETE FROM site_setting WHERE name = ?", FIRST_START_CODE)
        await SiteSetting.create(name=FIRST_START_CODE, value=hash_secret(code))
    return code


async def node_key() -> bytes:
    """The key of the ids of objects, 16 bytes, made at the first call.

    It opens nothing, so it is stored as it is: what the ids are must not depend on the secret key.
    """
    key = await site_setting(NODE_KEY)
    if key is None:
        # Of processes that start at once, one makes it, and all read what it made.
        (row,) = await fetch(
            "INSERT INTO site_setting (name, value) VALUES (?, ?)"
            " ON CONFLICT (name) DO UPDATE SET value = site_setting.value RETURNING value",
            NODE_KEY,
            random.token_hex(16),
        )
        key = row["value"]
    return bytes.fromhex(key)


@dataclass(frozen=True, slots=True)
class UntrustedProxy:
    """A peer that forwarded requests of others without being trusted.

    `seen_at_ms` is in milliseconds since the epoch.
    """

    address: str
    seen_at_ms: int


async def note_untrusted_proxy(address: str) -> None:
    """Remember the last peer whose forwarded headers were not believed, for `quayside doctor`."""
    await set_site_setting(UNTRUSTED_PROXY, f"{now_ms()} {address}")


async def untrusted_proxy() -> UntrustedProxy | None:
    """The last peer whose forwarded headers were not believed."""
    noted = await site_setting(UNTRUSTED_PROXY)
    if noted is None:
        return None
    seen_at_ms, _, address = noted.partition(" ")
    return UntrustedProxy(address, int(seen_at_ms))


class SiteStatus(StrEnum):
    """How far the installation is."""

    READY = "ready"
    SETUP_INCOMPLETE = "setup_incomplete"


async def status() -> SiteStatus:
    """Ready, or without its first user yet. Anybody may know."""
    return SiteStatus.READY if await has_users() else SiteStatus.SETUP_INCOMPLETE


def changelog(context: Context) -> str | None:
    """What changed from version to version, as Markdown; None if unknown. For those who see the site."""
    context.viewer.require_site_view()
    found = context.site.configuration
    return found.changelog() if found else None


def configuration(context: Context) -> Configuration:
    """What is told of the settings of the server. For those who see the site.

    Raises `Forbidden` where the feature is off, as where nothing is known.
    """
    context.viewer.require_site_view()
    found = context.site.configuration
    if found is None or not context.site.has("SUPERUSER_CONFIGDUMP"):
        raise Forbidden("The settings of the server are not shown (SUPERUSER_CONFIGDUMP).")
    return found


def _is_loopback(ip: str | None) -> bool:
    try:
        return ip is not None and ipaddress.ip_address(ip).is_loopback
    except ValueError:
        return False


async def initialize(
    context: Context,
    *,
    username: str,
    password: str,
    email: str | None,
    with_access_token: bool = False,
    code: str | None = None,
) -> Initialized:
    """Create the first user, a superuser: from this machine (loopback), or with the one-time code.

    Raises `Invalid` if a user exists or for malformed values, `Forbidden` from elsewhere without the
    code, `TooMany` after several wrong codes.
    """
    if await has_users():
        raise Invalid("Cannot initialize user in a non-empty database", field="username")
    # A browser on the server's machine sends this for a page of any site (CSRF), so loopback is not enough.
    if context.is_cross_origin or not _is_loopback(context.ip):
        expected = await site_setting(FIRST_START_CODE)
        if expected is None or not hmac.compare_digest(expected, hash_secret(code or "")):
            if code:
                await refuse_code(code, ip=context.ip, secrets=context.secrets)
            raise Forbidden(
                "Create the first user from the server's own machine, or give the code printed at its start."
            )
    password_hash = await checked_hash(password)
    try:
        async with transaction("site.initialize"):
            # The name is the primary key, so only one of two concurrent callers passes this line.
            await SiteSetting.create(name=INITIALIZED, value=username)
            account = await insert_user(
                context,
                name=username,
                email=email or f"{username}@localhost.localdomain",
                password_hash=password_hash,
                is_superuser=True,
                by_operator=True,
            )
            await execute("DELETE FROM site_setting WHERE name = ?", FIRST_START_CODE)
            await events.record(
                context, "account_initialized", {"username": username}, namespace_id=account.id
            )
            scopes = frozenset(row.scope for row in SCOPES.values() if row.is_grantable)
            token = (
                await create_access_token(context, account, scopes, title="automation")
                if with_access_token
                else None
            )
    except IntegrityError as error:
        raise Invalid("Cannot initialize user in a non-empty database", field="username") from error
    return Initialized(account, encrypted_password(password, context.secrets), token)
