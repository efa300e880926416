"""Quotas: how many bytes a namespace may store, and from which share of them on something happens.

Superusers change them; members of an organization see its quota, and users that of their own namespace. All
changes of one namespace's quota run under the lock of its size, which pushes take too, so that they come one
after the other, and what is reached when a quota changes is told of once.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from resolvers import events
from resolvers.access.permissions import account_role
from resolvers.access.roles import AccountRole, TeamRole
from resolvers.access.viewer import AccountKind, Viewer
from resolvers.accounts.account import AccountRecord, by_name
from resolvers.byte_size import MOST_BYTES, display
from resolvers.changes import UNSET, Unset
from resolvers.context import Context, Site
from resolvers.errors import AlreadyExists, Invalid, NotFound
from resolvers.pages import Page, Query, Slice, Term, paginate
from resolvers.quotas.notices import review
from resolvers.quotas.usage import LimitKind
from resolvers.sizes.stored import hold
from storage.clock import now_ms
from storage.conditions import exists
from storage.database import IntegrityError
from storage.models.quota import Quota
from storage.statements import execute, fetch, fetch_one, insert_many, placeholders
from storage.transactions import transaction

_Event = tuple[str, dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Limit:
    """From which percentage of a quota on something happens, and what."""

    kind: LimitKind
    percent: int


@dataclass(frozen=True, slots=True)
class LimitRecord:
    """A limit with the number that it is changed by."""

    id: int
    kind: LimitKind
    percent: int

    @property
    def value(self) -> Limit:
        """The limit alone, which a quota has once."""
        return Limit(self.kind, self.percent)


@dataclass(frozen=True, slots=True)
class QuotaRecord:
    """A quota with its limits, the lowest first. The registry's default has no id, and rejects at 100 %."""

    id: int | None
    namespace_id: int
    namespace: str
    limit_bytes: int
    limits: tuple[LimitRecord, ...] = ()

    @property
    def most_bytes(self) -> int:
        """What may be stored before something is refused; without a Reject limit, all of the quota."""
        rejects = [one.percent for one in self.limits if one.kind is LimitKind.REJECT]
        return self.limit_bytes * min(rejects, default=100) // 100

    def limit(self, limit_id: int) -> LimitRecord | None:
        """The limit with an id; None if it is none of this quota's."""
        return next((one for one in self.limits if one.id == limit_id), None)


async def by_namespaces(namespace_ids: Sequence[int]) -> dict[int, QuotaRecord]:
    """The quotas of namespaces that have one of their own, by the namespace's id, in one statement."""
    if not namespace_ids:
        return {}
    rows = await fetch(
        "SELECT q.id, q.namespace_id, n.name AS namespace, q.limit_bytes, l.id AS limit_id, l.kind, l.percent"
        " FROM quota q JOIN account n ON n.id = q.namespace_id LEFT JOIN quota_limit l ON l.quota_id = q.id"
        f" WHERE q.namespace_id IN ({placeholders(namespace_ids)}) ORDER BY q.id, l.percent, l.id",
        *namespace_ids,
    )
    found: dict[int, QuotaRecord] = {}
    for namespace_id, of_one in groupby(rows, key=lambda row: row["namespace_id"]):
        first, *more = of_one
        found[namespace_id] = QuotaRecord(
            first["id"],
            namespace_id,
            first["namespace"],
            first["limit_bytes"],
            tuple(
                LimitRecord(row["limit_id"], LimitKind(row["kind"]), row["percent"])
                for row in (first, *more)
                if row["limit_id"] is not None
            ),
        )
    return found


def may_see(viewer: Viewer, namespace_id: int, role: TeamRole | None) -> bool:
    """Whether a viewer with a role in a namespace may see its quota: members, the user, superusers."""
    return role is not None or viewer.sees_site or account_role(viewer, namespace_id) is AccountRole.ADMIN


def effective(
    site: Site, namespace_id: int, namespace: str, stored: QuotaRecord | None
) -> QuotaRecord | None:
    """The quota of a namespace: its own, else the registry's default; None if there is neither."""
    if not site.has("QUOTA_MANAGEMENT"):
        return None
    if stored is None and site.default_reject_quota_bytes:
        return QuotaRecord(None, namespace_id, namespace, site.default_reject_quota_bytes)
    return stored


async def quotas(context: Context, owner: str | None, page: Page) -> Slice[QuotaRecord] | None:
    """The quotas of all namespaces in the order of their names, or of one; None if there is none such.

    For superusers, also read-only ones, with a fresh login. Namespaces that have only the default are not
    among them.
    """
    context.viewer.require_site_view()
    context.viewer.require_fresh()
    conditions, values = [exists("n")], list[str]()
    if owner is not None:
        if await by_name(owner, AccountKind.USER, AccountKind.ORGANIZATION) is None:
            return None
        conditions, values = [*conditions, "n.name = ?"], [owner]
    rows = await paginate(
        Query(
            "q.namespace_id, n.name AS name",
            "quota q JOIN account n ON n.id = q.namespace_id",
            (Term("n.name", "name", kind=str),),
            tuple(conditions),
            tuple(values),
        ),
        page,
        maximum=context.max_first,
    )
    found = await by_namespaces([row["namespace_id"] for row in rows.items])
    # One may have been removed since the page was read.
    return rows.of_found(lambda row: found.get(row["namespace_id"]))


async def _owner(context: Context, name: str, kind: AccountKind | None = None) -> AccountRecord:
    """A namespace whose quota the viewer may change, where quotas can be changed at all."""
    context.viewer.require_superuser()
    context.viewer.require_fresh()
    kinds = (kind,) if kind else (AccountKind.USER, AccountKind.ORGANIZATION)
    record = await by_name(name, *kinds)
    if record is None or record.kind is AccountKind.ROBOT:
        raise NotFound(f"There is no {kind.value if kind else 'namespace'} '{name[:255]}'.", field="owner")
    if not (context.site.has("QUOTA_MANAGEMENT") and context.site.has("EDIT_QUOTA")):
        raise Invalid(
            "Quotas cannot be changed on this registry: QUOTA_MANAGEMENT or EDIT_QUOTA is off.", field="owner"
        )
    return record


async def _lock(owner: AccountRecord) -> QuotaRecord | None:
    """Hold other changes of a namespace's quota, and pushes, off until the transaction ends; what it is now.

    Raises `NotFound` for a namespace that was deleted meanwhile.
    """
    await hold([owner.id])
    if await fetch_one(f"SELECT id FROM account WHERE id = ? AND {exists()}", owner.id) is None:
        raise _gone(owner)
    return (await by_namespaces([owner.id])).get(owner.id)


def _gone(owner: AccountRecord) -> NotFound:
    return NotFound(f"There is no {owner.kind.value} '{owner.name}'.", field="owner")


async def _lock_quota(owner: AccountRecord, number: int | None) -> QuotaRecord:
    """The quota of a namespace, locked; if a number is given it must be that one. Raises `NotFound`."""
    found = await _lock(owner)
    if found is None or number not in (None, found.id):
        which = "" if number is None else f" {number}"
        raise NotFound(f"'{owner.name}' has no quota{which}.", field="owner" if number is None else "number")
    return found


def _check_size(size: int) -> int:
    if size < 1:
        raise Invalid(f"Invalid quota size limit value: '{size}'; it must be at least 1 byte.", field="limit")
    if size > MOST_BYTES:
        raise Invalid("Unsupported quota size limit: it must be less than 8 EiB.", field="limit")
    return size


def _check_limit(limit: Limit, *, field: str) -> Limit:
    if not 1 <= limit.percent <= 100:
        raise Invalid("Quota limit threshold must be between 1 and 100", field=field)
    return limit


def _check_limits(limits: Sequence[Limit]) -> list[Limit]:
    """Limits in their order, without two that are equal. Raises `Invalid`."""
    found = [_check_limit(one, field="limits") for one in limits]
    if len(set(found)) < len(found):
        raise Invalid("limits: two of them have the same kind and percentage.", field="limits")
    return found


async def create(
    context: Context,
    owner: str,
    *,
    limit_bytes: int,
    limits: Sequence[Limit] = (),
    kind: AccountKind | None = None,
) -> QuotaRecord:
    """Give a namespace, of one kind if given, a quota with its limits. For superusers with a fresh login.

    Raises `Invalid`, `AlreadyExists`, `NotFound`.
    """
    account = await _owner(context, owner, kind)
    size, checked = _check_size(limit_bytes), _check_limits(limits)
    try:
        async with transaction("quota.create"):
            if await _lock(account) is not None:
                raise AlreadyExists(f"Quota for '{account.name}' already exists", field="owner")
            made = await Quota.create(namespace_id=account.id, limit_bytes=size, created_at_ms=now_ms())
            event = ("org_create_quota", {"limit_bytes": size, "limit": display(size)})
            return await _finish(context, account, [event, *await _add(made.id, checked)])
    except IntegrityError as error:
        # Its account was purged after it was looked up.
        raise _gone(account) from error


async def update(
    context: Context,
    owner: str,
    *,
    number: int | None = None,
    limit_bytes: int | Unset = UNSET,
    limits: Sequence[Limit] | Unset = UNSET,
) -> QuotaRecord:
    """Change how much a namespace may store, or replace the limits. For superusers with a fresh login.

    Lowering it below what is stored takes nothing away. Raises `Invalid`, `NotFound`.
    """
    account = await _owner(context, owner)
    if not isinstance(limit_bytes, Unset):
        _check_size(limit_bytes)
    wanted = None if isinstance(limits, Unset) else _check_limits(limits)
    told: list[_Event] = []
    async with transaction("quota.update"):
        before = await _lock_quota(account, number)
        if not isinstance(limit_bytes, Unset) and limit_bytes != before.limit_bytes:
            await execute("UPDATE quota SET limit_bytes = ? WHERE id = ?", limit_bytes, before.id)
            metadata = {
                "limit_bytes": limit_bytes,
                "limit": display(limit_bytes),
                "previous_limit_bytes": before.limit_bytes,
                "previous_limit": display(before.limit_bytes),
            }
            told.append(("org_change_quota", metadata))
        if wanted is not None:
            known = {limit.value for limit in before.limits}
            told += await _remove([limit for limit in before.limits if limit.value not in wanted])
            told += await _add(before.id, [limit for limit in wanted if limit not in known])
        return await _finish(context, account, told)


async def delete(context: Context, owner: str, *, number: int | None = None) -> QuotaRecord:
    """Take the quota with its limits from a namespace. For superusers with a fresh login.

    The registry's default, if there is one, holds from then on. Raises `NotFound`.
    """
    account = await _owner(context, owner)
    async with transaction("quota.delete"):
        record = await _lock_quota(account, number)
        await execute("DELETE FROM quota WHERE id = ?", record.id)
        size = record.limit_bytes
        metadata = {"quota_id": record.id, "limit_bytes": size, "limit": display(size)}
        await _record(context, account, [("org_delete_quota", metadata)])
        await review(context, account.id)
    return record


async def create_limit(
    context: Context, owner: str, limit: Limit, *, number: int | None = None
) -> tuple[QuotaRecord, LimitRecord]:
    """Add a limit to the quota of a namespace. For superusers with a fresh login.

    Raises `Invalid`, `AlreadyExists` for one of the same kind and percentage, `NotFound`.
    """
    account = await _owner(context, owner)
    _check_limit(limit, field="percent")
    async with transaction("quota_limit.create"):
        before = await _lock_quota(account, number)
        _refuse_duplicate(before, limit)
        after = await _finish(context, account, await _add(before.id, [limit]))
    return after, next(one for one in after.limits if one.value == limit)


async def update_limit(
    context: Context,
    owner: str,
    limit_id: int,
    *,
    number: int | None = None,
    kind: LimitKind | Unset = UNSET,
    percent: int | Unset = UNSET,
) -> tuple[QuotaRecord, LimitRecord]:
    """Change a limit of the quota of a namespace. For superusers with a fresh login.

    Raises `Invalid`, `AlreadyExists` for another one of the same kind and percentage, `NotFound`.
    """
    account = await _owner(context, owner)
    told: list[_Event] = []
    async with transaction("quota_limit.update"):
        before = await _lock_quota(account, number)
        old = _require_limit(before, limit_id)
        new = Limit(
            old.kind if isinstance(kind, Unset) else kind,
            old.percent if isinstance(percent, Unset) else percent,
        )
        _check_limit(new, field="percent")
        if new != old.value:
            _refuse_duplicate(before, new)
            await execute(
                "UPDATE quota_limit SET kind = ?, percent = ? WHERE id = ?",
                *(new.kind.value, new.percent, old.id),
            )
            previous = {f"previous_{key}": value for key, value in _told(old.value).items()}
            told.append(("org_change_quota_limit", _told(new) | previous))
        after = await _finish(context, account, told)
    return after, _require_limit(after, limit_id)


async def delete_limit(
    context: Context, owner: str, limit_id: int, *, number: int | None = None
) -> tuple[QuotaRecord, LimitRecord]:
    """Take a limit from the quota of a namespace. For superusers with a fresh login. Raises `NotFound`."""
    account = await _owner(context, owner)
    async with transaction("quota_limit.delete"):
        record = _require_limit(await _lock_quota(account, number), limit_id)
        return await _finish(context, account, await _remove([record])), record


def _require_limit(quota: QuotaRecord, limit_id: int) -> LimitRecord:
    record = quota.limit(limit_id)
    if record is None:
        raise NotFound(f"The quota of '{quota.namespace}' has no limit {limit_id}.", field="limit")
    return record


def _refuse_duplicate(quota: QuotaRecord, limit: Limit) -> None:
    if any(one.value == limit for one in quota.limits):
        raise AlreadyExists("Quota limit already exists", field="percent")


def _told(limit: Limit) -> dict[str, Any]:
    """A limit as the metadata of events has it."""
    return {"type": limit.kind.value.title(), "threshold_percent": limit.percent}


async def _add(quota_id: int | None, limits: Sequence[Limit]) -> list[_Event]:
    """Insert limits; what to tell of it."""
    rows = [(quota_id, one.kind.value, one.percent) for one in limits]
    await insert_many("quota_limit", ("quota_id", "kind", "percent"), rows)
    return [("org_create_quota_limit", _told(one)) for one in limits]


async def _remove(limits: Sequence[LimitRecord]) -> list[_Event]:
    """Delete limits; what to tell of it."""
    if limits:
        ids = [limit.id for limit in limits]
        await execute(f"DELETE FROM quota_limit WHERE id IN ({placeholders(ids)})", *ids)
    return [("org_delete_quota_limit", {"limit_id": limit.id} | _told(limit.value)) for limit in limits]


async def _record(context: Context, owner: AccountRecord, told: Sequence[_Event]) -> None:
    entries = [(kind, {"namespace": owner.name} | metadata) for kind, metadata in told]
    await events.write(await events.prepare(context, entries, namespace_id=owner.id))


async def _finish(context: Context, owner: AccountRecord, told: Sequence[_Event]) -> QuotaRecord:
    """Record what was changed, and what the namespace has reached by that; the quota as it is now."""
    if told:
        await _record(context, owner, told)
        await review(context, owner.id)
    return (await by_namespaces([owner.id]))[owner.id]


__all__ = [
    "Limit",
    "LimitKind",
    "LimitRecord",
    "QuotaRecord",
    "by_namespaces",
    "create",
    "create_limit",
    "delete",
    "delete_limit",
    "effective",
    "may_see",
    "quotas",
    "update",
    "update_limit",
]
