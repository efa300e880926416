"""Proxy caches: which registry an organization is a pull-through cache of, and the login there.

Members of the organization see it, but for the login; administrators change it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from resolvers import events
from resolvers.access.needs import BE_MEMBER
from resolvers.access.permissions import namespace_role
from resolvers.accounts.account import AccountRecord
from resolvers.accounts.namespace import require_organization
from resolvers.columns import Columns
from resolvers.context import Context
from resolvers.errors import AlreadyExists, Invalid, NotFound, Upstream
from resolvers.repositories.regimes import Regime, require_free
from resolvers.upstreams.location import Location, parse_registry
from storage.clock import now_ms
from storage.jobs import enqueue
from storage.models.cache import ProxyCache
from storage.secrets import Secrets
from storage.statements import execute, fetch, placeholders
from storage.transactions import lock_and_read, transaction

RELEASE = "cache.release"
DEFAULT_EXPIRATION_S = 86_400
MAX_EXPIRATION_S = 2**31 - 1
MAX_LOGIN_LENGTH = 4096


@dataclass(frozen=True, slots=True)
class ProxyCacheRecord:
    """The upstream of an organization. A tag ends that was not confirmed for `expiration_s`."""

    id: int
    organization_id: int
    upstream_registry: str
    username_encrypted: str | None = field(repr=False)
    password_encrypted: str | None = field(repr=False)
    expiration_s: int
    is_insecure: bool
    created_at_ms: int

    @property
    def has_login(self) -> bool:
        """Whether the upstream is asked with a user name and password."""
        return self.username_encrypted is not None

    def login(self, secrets: Secrets) -> tuple[str, str] | None:
        """The user name and password for the upstream; None to ask it as anybody."""
        if self.username_encrypted is None or self.password_encrypted is None:
            return None
        return secrets.decrypt(self.username_encrypted), secrets.decrypt(self.password_encrypted)


@dataclass(frozen=True, slots=True, kw_only=True)
class ProxyCacheSettings:
    """What an administrator says of an upstream."""

    upstream_registry: str
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    expiration_s: int = DEFAULT_EXPIRATION_S
    is_insecure: bool = False


_COLUMNS = Columns(ProxyCacheRecord, "c")


async def by_organizations(organization_ids: Sequence[int]) -> dict[int, ProxyCacheRecord]:
    """The proxy caches of organizations that have one, by the organization's id, in one statement."""
    if not organization_ids:
        return {}
    rows = await fetch(
        f"SELECT {_COLUMNS} FROM proxy_cache c WHERE c.organization_id IN ({placeholders(organization_ids)})",
        *organization_ids,
    )
    return {row["organization_id"]: _COLUMNS.record(row) for row in rows}


async def require_visible(context: Context, namespace_id: int) -> None:
    """Raise `Unauthenticated` or `Forbidden` unless the viewer is a member of the organization."""
    if await namespace_role(context.viewer, namespace_id) is None:
        raise context.viewer.refusal(BE_MEMBER)


async def create(context: Context, organization: str, settings: ProxyCacheSettings) -> ProxyCacheRecord:
    """Make an organization a cache. Requires `org:admin`.

    What it holds already stays; tags of the same names follow the upstream from now on. Raises `Invalid`,
    `AlreadyExists`, `NotFound`.
    """
    owner = await require_free_organization(context, organization)
    await checked(context, settings)
    login = login_of(settings)
    async with transaction("proxy_cache.create"):
        await _lock(owner)
        await _refuse_second(owner)
        await require_free(owner.id, Regime.CACHE, field="organization")
        await ProxyCache.create(
            organization_id=owner.id,
            upstream_registry=settings.upstream_registry,
            username_encrypted=login and context.secrets.encrypt(login[0]),
            password_encrypted=login and context.secrets.encrypt(login[1]),
            expiration_s=settings.expiration_s,
            is_insecure=settings.is_insecure,
            created_at_ms=now_ms(),
        )
        await events.record(
            context,
            "create_proxy_cache_config",
            {"upstream_registry": settings.upstream_registry},
            namespace_id=owner.id,
        )
    return (await by_organizations([owner.id]))[owner.id]


async def delete(context: Context, organization: str) -> ProxyCacheRecord:
    """Make a cache an ordinary organization. Requires `org:admin`. Raises `NotFound`.

    A job lets the tags stay whose content is there, and ends the others.
    """
    owner = await _organization(context, organization)
    async with transaction("proxy_cache.delete"):
        await _lock(owner)
        record = (await by_organizations([owner.id])).get(owner.id)
        if record is None:
            raise NotFound(f"'{owner.name}' has no proxy cache configuration.", field="organization")
        await execute("DELETE FROM proxy_cache WHERE id = ?", record.id)
        await enqueue(RELEASE, {"organization_id": owner.id}, namespace_id=owner.id)
        await events.record(context, "delete_proxy_cache_config", {}, namespace_id=owner.id)
    return record


async def _organization(context: Context, name: str) -> AccountRecord:
    owner = await require_organization(context, name)
    if not context.site.has("PROXY_CACHE"):
        raise Invalid("Proxy caches are not enabled on this registry.", field="organization")
    return owner


async def require_free_organization(context: Context, name: str) -> AccountRecord:
    """An organization that the viewer administers and that is no cache yet. Raises `AlreadyExists`."""
    owner = await _organization(context, name)
    await _refuse_second(owner)
    return owner


async def _lock(owner: AccountRecord) -> None:
    row = await lock_and_read("account", owner.id, "deleted_at_ms")
    if row is None or row["deleted_at_ms"] is not None:
        raise NotFound(f"There is no organization '{owner.name}'.", field="organization")


async def _refuse_second(owner: AccountRecord) -> None:
    if await by_organizations([owner.id]):
        raise AlreadyExists("Proxy Cache Configuration already exists", field="organization")


def login_of(settings: ProxyCacheSettings) -> tuple[str, str] | None:
    """The login of an input; empty texts are none. Raises `Invalid` for half of one, or an endless one."""
    username, password = settings.username or "", settings.password or ""
    for name, text in (("upstreamUsername", username), ("upstreamPassword", password)):
        if len(text) > MAX_LOGIN_LENGTH:
            raise Invalid(f"{name}: at most {MAX_LOGIN_LENGTH} characters.", field=name)
    if password and not username:
        raise Invalid("upstreamUsername: a password needs a user name beside it.", field="upstreamUsername")
    return (username, password) if username else None


async def checked(context: Context, settings: ProxyCacheSettings) -> Location:
    """The upstream of an input.

    Raises `Invalid` for what no cache can follow, an unknown host among it.
    """
    if not 1 <= settings.expiration_s <= MAX_EXPIRATION_S:
        raise Invalid(f"expirationS: must be from 1 to {MAX_EXPIRATION_S} seconds.", field="expirationS")
    login_of(settings)
    location = parse_registry(
        settings.upstream_registry, insecure=settings.is_insecure, field="upstreamRegistry"
    )
    try:
        await context.site.outbound.check(location.url)
    except Invalid as error:
        raise Invalid("The provided registry URL is not allowed", field="upstreamRegistry") from error
    except Upstream as error:
        raise Invalid(error.message, field="upstreamRegistry") from error
    return location
