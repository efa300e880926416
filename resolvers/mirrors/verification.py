"""Asking another registry whether an organization could be a mirror of it, with given or stored settings."""

from dataclasses import dataclass, replace
from typing import Final

from resolvers.changes import given
from resolvers.context import Context
from resolvers.errors import Conflict, Invalid, Upstream
from resolvers.mirrors import organization
from resolvers.mirrors.connection import Connection, registry_of
from resolvers.mirrors.organization import OrganizationMirrorChanges, checked_registry
from resolvers.mirrors.rule import select
from resolvers.mirrors.settings import checked_connection, without_login_elsewhere
from resolvers.mirrors.source import namespace_of, require_allowed
from resolvers.upstreams import catalog
from resolvers.upstreams.catalog import Catalog
from resolvers.upstreams.limits import PROMPT

LIMITS: Final = replace(PROMPT, pages=20)
"""Who waits for an answer is told what the first pages show."""


@dataclass(frozen=True, slots=True)
class Verification:
    """Whether a registry lists repositories that would be mirrored, and what it said."""

    is_good: bool
    message: str


async def verify(context: Context, name: str, changes: OrganizationMirrorChanges) -> Verification:
    """Ask the registry as the mirror would, and change nothing. Requires `org:admin`.

    What is not given is that of the mirror, if there is one; its login is shown to its own registry alone.
    Raises `Invalid` for settings that are refused before anything is asked.
    """
    owner = await organization.owner_of(context, name)
    stored = (await organization.of_organizations(context, [owner.id])).get(owner.id)
    wanted = given(changes)
    if stored is None and "registry_url" not in wanted:
        raise Invalid("registryUrl: name the registry to ask.", field="registry_url")
    before = stored.connection if stored else Connection()
    if stored is not None:
        location = namespace_of(wanted.get("registry_url", stored.registry_url), stored.namespace)
        wanted = without_login_elsewhere(wanted, before, stored.location, location)
    connection = await checked_connection(context, wanted, before)
    location = await checked_registry(context, wanted, stored, connection)
    await require_allowed(context.site.outbound, location, field="registry_url")
    kind = wanted.get("catalog", stored.catalog if stored else Catalog.CATALOG)
    patterns = wanted.get("patterns", stored.patterns if stored else ()) or ("*",)
    namespace = wanted.get("namespace", stored.namespace if stored else "")
    found = 0
    try:
        async with registry_of(context.site.outbound, location, connection, limits=LIMITS) as registry:
            await registry.ping()
            async for page in catalog.repositories(registry, kind, namespace):
                found += len(select(patterns, page))
    except (Conflict, Upstream) as error:
        return Verification(False, error.message)
    if not found:
        return Verification(False, f"{location} lists no repository that the account may see and that fits.")
    return Verification(True, f"{location} lists {found} repositories that fit.")
