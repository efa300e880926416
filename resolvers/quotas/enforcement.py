"""Enforcement of quotas: no push brings a namespace above the Reject limit that it reaches first.

Uploads reserve their bytes before they are committed (`reservations`). What a transaction adds is checked in
it, after the triggers have added it and while they hold the lock of the namespace; if it does not fit, the
transaction is undone. What the namespace holds already adds nothing, and is never refused.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from resolvers.context import Context, Site
from resolvers.quotas.notices import ContextOf, note
from resolvers.quotas.usage import is_enforced, usage_of
from resolvers.sizes.stored import hold
from storage.statements import is_postgres


@dataclass(frozen=True, slots=True)
class Meter:
    """A push into a namespace. `context_of` makes the context of whoever pushes, for events."""

    site: Site
    namespace_id: int
    context_of: ContextOf

    @classmethod
    def of(cls, context: Context, namespace_id: int) -> "Meter":
        """The meter for a resolver, which has a context."""

        async def given() -> Context:
            return context

        return cls(context.site, namespace_id, given)


async def require_content(
    meter: Meter, digest: str, size_bytes: int, *, is_manifest: bool = False, reserved_bytes: int = 0
) -> None:
    """Check a blob or manifest that the open transaction gave to a repository which did not have it.

    What was reserved for it is not counted any more. Raises `QuotaExceeded`. One statement.
    """
    if not is_enforced(meter.site):
        return
    usage = await usage_of(meter.site, meter.namespace_id, digest=digest, is_manifest=is_manifest)
    if usage.holders > 1 or not usage.thresholds:
        return
    if reserved_bytes < size_bytes:
        usage.require_added(size_bytes)
    await note(meter.context_of, usage)


async def before(site: Site, namespaces: frozenset[int]) -> Mapping[int, int]:
    """What namespaces store before the open transaction adds to them, which holds them from now on.

    Several are held in any case: triggers would lock them one by one, so that two copies could wait for each
    other.
    """
    if not namespaces or not (is_enforced(site) or (len(namespaces) > 1 and is_postgres())):
        return {}
    return await hold(tuple(namespaces))


async def require_added(context: Context, stored_before: Mapping[int, int], *, field: str) -> None:
    """Check what the open transaction has added to namespaces since `before`.

    Raises `QuotaExceeded` for the field of the input that names them.
    """
    if not is_enforced(context.site):
        return
    for namespace_id, stored in sorted(stored_before.items()):
        meter = Meter.of(context, namespace_id)
        usage = await usage_of(context.site, namespace_id)
        added = usage.stored_bytes - stored
        if added > 0 and usage.thresholds:
            usage.require_added(added, field=field)
            await note(meter.context_of, usage)
