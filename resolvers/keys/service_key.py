"""Service keys as superusers see and change them: those of services, and the registry's own.

A key that a service sends waits for a superuser's approval, and vanishes after a day without one. What has
expired stays in sight for a week.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import orjson

from resolvers import events
from resolvers.access.rsa_keys import jwk_of
from resolvers.changes import UNSET, Unset
from resolvers.columns import Columns
from resolvers.context import Context
from resolvers.errors import Invalid, NotFound
from resolvers.inbox.notice import retract
from resolvers.keys import own_key
from resolvers.keys.own_key import IS_KEPT, OWN, TOKENS, OwnService, prepared
from resolvers.nesting import check_json
from resolvers.pages import Page, Query, Slice, Term, paginate
from storage.clock import DAY_MS, now_ms
from storage.models.site import ServiceKey
from storage.statements import execute, fetch_one
from storage.transactions import lock_row, transaction

PENDING_MS = DAY_MS
EXPIRED_MS = 7 * DAY_MS

NAME_LENGTH = 255
TEXT_LENGTH = 10_000
SHORTEST_ROTATION_S, LONGEST_ROTATION_S = 3 * 3600, 10 * 366 * 86_400

_KID = re.compile(r"[A-Za-z0-9_-]{1,64}")
_SERVICE = re.compile(r"[a-z0-9_]+")
_NAME = re.compile(r"[\s a-zA-Z0-9\-_:/]*")


class ServiceKeyState(StrEnum):
    """What a key is good for."""

    PENDING = "pending"
    APPROVED = "approved"
    EXPIRED = "expired"


class ServiceKeyApprovalType(StrEnum):
    """Who or what approved a key."""

    SUPERUSER = "superuser"
    KEY_ROTATION = "key_rotation"
    AUTOMATIC = "automatic"


@dataclass(frozen=True, slots=True)
class ServiceKeyRecord:
    """A key without its private half, which only the registry's own keys have here."""

    id: int
    kid: str
    service: str
    name: str
    public_key: str
    metadata: dict[str, Any]
    created_at_ms: int
    expires_at_ms: int | None
    approval_type: ServiceKeyApprovalType | None
    approver_id: int | None
    approved_at_ms: int | None
    approval_notes: str
    rotation_duration_s: int | None
    successor_kid: str | None
    last_accessed_at_ms: int | None
    is_own: bool
    is_kept: bool

    @property
    def state(self) -> ServiceKeyState:
        """What it is good for now."""
        if self.expires_at_ms is not None and self.expires_at_ms <= now_ms():
            return ServiceKeyState.EXPIRED
        return ServiceKeyState.PENDING if self.approval_type is None else ServiceKeyState.APPROVED

    @property
    def jwk(self) -> dict[str, str]:
        """The public half as a JWK with its `kid`."""
        return {**jwk_of(self.public_key), "kid": self.kid}


@dataclass(frozen=True, slots=True)
class CreatedKey:
    """A new key with its private half, which is kept nowhere."""

    record: ServiceKeyRecord
    private_pem: str


@dataclass(frozen=True, slots=True)
class ServiceKeyChanges:
    """What to change of a key; `metadata` is merged into what is there."""

    name: str | Unset = UNSET
    metadata: dict[str, Any] | Unset = UNSET
    expires_at_ms: int | Unset | None = UNSET
    rotation_duration_s: int | Unset | None = UNSET


COLUMNS = Columns(
    ServiceKeyRecord,
    "k",
    metadata="COALESCE(k.metadata, '{}')",
    approval_notes="COALESCE(k.approval_notes, '')",
    is_own="k.private_key_encrypted IS NOT NULL",
    is_kept=IS_KEPT,
)

IS_LISTED = (
    "(k.approved_at_ms IS NOT NULL OR k.created_at_ms > ?)"
    f" AND (k.expires_at_ms IS NULL OR k.expires_at_ms > ? OR {IS_KEPT})"
)
"""SQL condition: a key has not vanished; takes `listed_values()`."""

IS_ALIVE = "k.approved_at_ms IS NOT NULL AND (k.expires_at_ms IS NULL OR k.expires_at_ms > ?)"
"""SQL condition: a key is approved and has not expired; takes the time."""

_IN_STATE = {
    ServiceKeyState.PENDING: (
        "(k.approved_at_ms IS NULL AND (k.expires_at_ms IS NULL OR k.expires_at_ms > ?))"
    ),
    ServiceKeyState.APPROVED: f"({IS_ALIVE})",
    ServiceKeyState.EXPIRED: "(k.expires_at_ms <= ?)",
}


def listed_values() -> tuple[int, int]:
    """The values of `IS_LISTED`."""
    now = now_ms()
    return now - PENDING_MS, now - EXPIRED_MS


async def service_keys(
    context: Context,
    page: Page,
    *,
    service: str | None = None,
    states: Sequence[ServiceKeyState] | None = None,
) -> Slice[ServiceKeyRecord]:
    """Keys, oldest first: of one service or all, in some states or all. For whoever sees the site."""
    context.viewer.require_site_view()
    conditions = [IS_LISTED]
    values: list[Any] = [*listed_values()]
    if service is not None:
        conditions.append("k.service = ?")
        values.append(service)
    if states is not None:
        conditions.append(" OR ".join(_IN_STATE[state] for state in states) or "1 = 0")
        values += [now_ms()] * len(states)
    query = Query(COLUMNS.sql, "service_key k", (Term("k.id", "id"),), tuple(conditions), tuple(values))
    return (await paginate(query, page, maximum=context.max_first)).of(COLUMNS.record)


async def service_key(context: Context, kid: str) -> ServiceKeyRecord | None:
    """A key by its `kid`, None if there is none. For whoever sees the site."""
    context.viewer.require_site_view()
    return await by_kid(kid)


async def by_kid(kid: str) -> ServiceKeyRecord | None:
    """A key that has not vanished; the caller has checked permissions."""
    if not _KID.fullmatch(kid):
        return None
    row = await fetch_one(
        f"SELECT {COLUMNS} FROM service_key k WHERE k.kid = ? AND {IS_LISTED}", kid, *listed_values()
    )
    return COLUMNS.record(row) if row else None


async def create(
    context: Context,
    *,
    service: str,
    name: str = "",
    expires_at_ms: int | None = None,
    metadata: dict[str, Any] | None = None,
    notes: str = "",
) -> CreatedKey:
    """Make a key of a service, approved at once. For superusers with a fresh login. Raises `Invalid`."""
    _require_superuser(context)
    check_name(name)
    if expires_at_ms is not None and expires_at_ms <= now_ms():
        raise Invalid("Expiration date cannot be in the past", field="expires_at")
    check_service(service)
    _check_notes(notes)
    assert context.viewer.account is not None
    creator = {"created_by": "superuser", "creator": context.viewer.account.name, "ip": context.ip}
    described = {**(metadata or {}), **creator}
    _check_metadata(described)
    pair = await prepared()
    now = now_ms()
    async with transaction("service_key.create"):
        await ServiceKey.create(
            kid=pair.kid,
            service=service,
            public_key=pair.public_pem,
            created_at_ms=now,
            expires_at_ms=expires_at_ms,
            name=name,
            metadata=described,
            approval_type=ServiceKeyApprovalType.SUPERUSER.value,
            approver_id=context.account_id,
            approved_at_ms=now,
            approval_notes=notes,
        )
        made = await _required(pair.kid)
        told = {**facts(made), "preshared": True, "auto_approved": True}
        await events.record(context, "service_key_create", told)
        await events.record(context, "service_key_approve", told)
    return CreatedKey(made, pair.private_pem)


async def update(context: Context, kid: str, changes: ServiceKeyChanges) -> ServiceKeyRecord:
    """Change a key. For superusers with a fresh login. Raises `NotFound`, `Invalid`.

    If a key of the registry's own is to end before what it signed, it gets its successor first.
    """
    _require_superuser(context)
    own = _own(await _required(kid))
    _check_changes(changes)
    expires_at_ms = changes.expires_at_ms
    overlap_ms = (own.overlap_ms if own else None) or 0
    ends_early = isinstance(expires_at_ms, int) and expires_at_ms < now_ms() + overlap_ms
    pair = await prepared() if own and ends_early else None
    async with transaction("service_key.update"):
        record = await _locked(kid)
        if own and pair:
            await own_key.succeed(context, kid, pair, own)
        await _write(record, changes)
        changed = await _required(kid)
        if expires_at_ms is not UNSET:
            await events.record(
                context,
                "service_key_extend",
                {**facts(changed), "old_expiration_date": seconds(record.expires_at_ms)},
            )
        if {changes.name, changes.rotation_duration_s} != {UNSET} or changes.metadata is not UNSET:
            await events.record(context, "service_key_modify", facts(changed))
    return changed


async def approve(context: Context, kid: str, *, notes: str = "") -> ServiceKeyRecord:
    """Approve a key that waits; one that is approved stays so. For superusers with a fresh login.

    Raises `NotFound`, `Invalid`.
    """
    _require_superuser(context)
    _check_notes(notes)
    async with transaction("service_key.approve"):
        record = await _locked(kid)
        if record.approval_type is not None:
            return record
        await execute(
            "UPDATE service_key SET approval_type = ?, approver_id = ?, approved_at_ms = ?,"
            " approval_notes = ? WHERE id = ?",
            ServiceKeyApprovalType.SUPERUSER.value,
            context.account_id,
            now_ms(),
            notes,
            record.id,
        )
        await events.record(context, "service_key_approve", facts(record))
        await retract(notice_source(kid))
        return await _required(kid)


async def delete(context: Context, kid: str) -> ServiceKeyRecord:
    """Delete a key, with which nothing that it signed is valid any more. For superusers with a fresh login.

    One of the registry's own that signs gets its successor first. Raises `NotFound`.
    """
    _require_superuser(context)
    own = _own(await _required(kid))
    pair = await prepared() if own else None
    async with transaction("service_key.delete"):
        record = await _locked(kid)
        if own and pair:
            await own_key.succeed(context, kid, pair, own)
        await remove(context, record)
    return record


async def rotate(context: Context, service: str = TOKENS.service) -> ServiceKeyRecord:
    """Let a new key sign for a service of the registry's own. For superusers with a fresh login.

    The key before it stays valid until nothing that it signed is. Two calls at once leave one new key. Raises
    `Invalid` for another service.
    """
    _require_superuser(context)
    return await rotate_by_operator(context, service)


async def rotate_by_operator(context: Context, service: str = TOKENS.service) -> ServiceKeyRecord:
    """The same on the command line, whose caller needs no rights."""
    own = OWN.get(service)
    if own is None:
        raise Invalid(
            f"service: must be one of the registry's own, {' or '.join(OWN)}; others send their keys.",
            field="service",
        )
    before = await own_key.current(own)
    made = await own_key.succeed(context, before.kid if before else None, await prepared(), own)
    return await _required(made.kid)


async def remove(context: Context, record: ServiceKeyRecord, **told: Any) -> None:
    """Delete the row of a key in the open transaction, and tell of it."""
    await execute("DELETE FROM service_key WHERE id = ?", record.id)
    await retract(notice_source(record.kid))
    await events.record(
        context,
        "service_key_delete",
        {**facts(record), "created_date": seconds(record.created_at_ms), **told},
    )


def facts(record: ServiceKeyRecord) -> dict[str, Any]:
    """What every event of a key tells of it."""
    return {
        "kid": record.kid,
        "service": record.service,
        "name": record.name,
        "expiration_date": seconds(record.expires_at_ms),
    }


def seconds(milliseconds: int | None) -> int | None:
    """A time as logs tell it, in seconds."""
    return None if milliseconds is None else milliseconds // 1000


def notice_source(kid: str) -> str:
    """What names the notice of a key that waits."""
    return f"key:{kid}"[:64]


def is_service(name: str) -> bool:
    """Whether a service that is none of the registry's own can have this name."""
    return len(name) <= NAME_LENGTH and _SERVICE.fullmatch(name) is not None and name not in OWN


def check_service(service: str) -> None:
    """Raise `Invalid` unless it is the name of a service."""
    if not is_service(service):
        raise Invalid(
            f"service: must be 1 to {NAME_LENGTH} small letters, digits and underscores, and none of"
            f" {' and '.join(OWN)}.",
            field="service",
        )


def check_name(name: str) -> None:
    """Raise `Invalid` unless a key may be called so."""
    if len(name) > NAME_LENGTH or not _NAME.fullmatch(name):
        raise Invalid(f"Invalid service key friendly name: {name[:NAME_LENGTH]}", field="name")


def check_rotation(seconds: int | None) -> None:
    """Raise `Invalid` unless a key may rotate so often."""
    if seconds is not None and not SHORTEST_ROTATION_S <= seconds <= LONGEST_ROTATION_S:
        raise Invalid(
            f"rotation_duration_s: must be {SHORTEST_ROTATION_S} to {LONGEST_ROTATION_S} seconds.",
            field="rotation_duration_s",
        )


def _check_metadata(metadata: dict[str, Any]) -> None:
    check_json(metadata, "metadata", most_bytes=TEXT_LENGTH)


def _require_superuser(context: Context) -> None:
    context.viewer.require_superuser()
    context.viewer.require_fresh()


def _check_notes(notes: str) -> None:
    if len(notes) > TEXT_LENGTH:
        raise Invalid(f"notes: must have at most {TEXT_LENGTH} characters.", field="notes")


def _check_changes(changes: ServiceKeyChanges) -> None:
    if not isinstance(changes.name, Unset):
        check_name(changes.name)
    if isinstance(changes.expires_at_ms, int) and changes.expires_at_ms <= now_ms():
        raise Invalid("Cannot have an expiration date in the past", field="expires_at")
    if not isinstance(changes.rotation_duration_s, Unset):
        check_rotation(changes.rotation_duration_s)


async def _write(record: ServiceKeyRecord, changes: ServiceKeyChanges) -> None:
    if not isinstance(changes.metadata, Unset):
        merged = {**record.metadata, **changes.metadata}
        _check_metadata(merged)
        await execute(
            "UPDATE service_key SET metadata = ? WHERE id = ?", orjson.dumps(merged).decode(), record.id
        )
    for column in ("name", "expires_at_ms", "rotation_duration_s"):
        value = getattr(changes, column)
        if value is not UNSET:
            await execute(f"UPDATE service_key SET {column} = ? WHERE id = ?", value, record.id)


def _own(record: ServiceKeyRecord) -> OwnService | None:
    """The service of the registry's own whose key it is."""
    return OWN.get(record.service) if record.is_own else None


async def _required(kid: str) -> ServiceKeyRecord:
    record = await by_kid(kid)
    if record is None:
        raise NotFound("There is no such service key.", field="kid")
    return record


async def _locked(kid: str) -> ServiceKeyRecord:
    """A key that nobody else changes until the open transaction ends. Raises `NotFound`."""
    # The lock of the registry's own keys comes first everywhere, so that none waits for the other.
    await own_key.lock()
    await lock_row("service_key", (await _required(kid)).id)
    return await _required(kid)
