"""Mirrors of repositories: their settings, and orders to run at once or to stop.

A repository with a mirror is in the state MIRROR, in which nobody else writes. Other states keep the mirror,
which rests until the state is MIRROR again.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

import orjson

from resolvers import events
from resolvers.access.permissions import require_repository
from resolvers.access.roles import RepositoryRole
from resolvers.changes import UNSET, Unset, given
from resolvers.context import Context
from resolvers.errors import AlreadyExists, Conflict, Invalid, NotFound
from resolvers.mirrors import queue, schedule
from resolvers.mirrors.connection import COLUMNS, Connection, connection_of
from resolvers.mirrors.rule import check_patterns
from resolvers.mirrors.schedule import RETRIES, UNDER_WAY, MirrorStatus, Timing
from resolvers.mirrors.settings import (
    check_credentials,
    checked_connection,
    checked_seconds,
    of_connection,
    robot_of,
    shown,
    without_login_elsewhere,
)
from resolvers.mirrors.source import require_allowed, source_of
from resolvers.repositories import permission, repository
from resolvers.repositories.regimes import Regime, require_free
from resolvers.repositories.repository import RepositoryRecord, RepositoryState
from storage.clock import now_ms
from storage.database import IntegrityError
from storage.statements import Row, decode_json, execute, fetch, fetch_one, placeholders
from storage.transactions import lock_row, transaction


class Architecture(StrEnum):
    """A processor that images of an index are for."""

    AMD64 = "amd64"
    ARM64 = "arm64"
    PPC64LE = "ppc64le"
    S390X = "s390x"


@dataclass(frozen=True, slots=True)
class MirrorRecord:
    """The mirror of a repository. `robot_id` is None once the robot is gone."""

    id: int
    repository_id: int
    robot_id: int | None
    source: str
    connection: Connection
    tag_patterns: tuple[str, ...]
    architectures: tuple[Architecture, ...]
    is_enabled: bool
    follows_deletions: bool
    timing: Timing
    tag_timeout_s: int
    status: MirrorStatus
    claimed_until_ms: int | None
    created_at_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class MirrorChanges:
    """What to change of a mirror. Names are those of the schema, which errors repeat."""

    source: str | Unset = UNSET
    robot: str | Unset = UNSET
    patterns: Sequence[str] | Unset = UNSET
    sync_starts_at_ms: int | Unset = UNSET
    sync_interval_s: int | Unset = UNSET
    tag_timeout_s: int | Unset = UNSET
    is_enabled: bool | Unset = UNSET
    follows_deletions: bool | Unset = UNSET
    architectures: Sequence[Architecture] | Unset = UNSET
    username: str | Unset | None = UNSET
    password: str | Unset | None = UNSET
    verifies_tls: bool | Unset = UNSET
    accepts_unsigned: bool | Unset = UNSET
    extra_cas: str | Unset | None = UNSET
    http_proxy: str | Unset | None = UNSET
    https_proxy: str | Unset | None = UNSET
    no_proxy: str | Unset | None = UNSET


_CHANGED: Final[Mapping[str, str]] = {
    "is_enabled": "is_enabled",
    "source": "external_reference",
    "robot": "robot_username",
    "sync_starts_at_ms": "sync_start_date",
    "sync_interval_s": "sync_interval",
    "tag_timeout_s": "skopeo_timeout_interval",
    "architectures": "architecture_filter",
    "username": "external_registry_username",
    "password": "external_registry_password",
    "verifies_tls": "verify_tls",
    "accepts_unsigned": "unsigned_images",
    "extra_cas": "extra_cas",
    "http_proxy": "http_proxy",
    "https_proxy": "https_proxy",
    "no_proxy": "no_proxy",
    "patterns": "mirror_rule",
    "follows_deletions": "follows_deletions",
}
"""What events call an attribute that was changed; one event each, in this order."""

_SHARED: Final = ("robot_id", "is_enabled", "tag_timeout_s", *COLUMNS)
"""The columns that the mirror of an organization has for those of its repositories."""
_SELECT = (
    "SELECT m.id, m.repository_id, m.tag_patterns, m.architectures, m.follows_deletions, m.sync_starts_at_ms,"
    " m.sync_interval_s, m.status, m.retries_remaining, m.claimed_until_ms, m.created_at_ms,"
    " CASE WHEN o.id IS NULL THEN m.source ELSE o.source || '/' || d.name END AS source,"
    f" {', '.join(f'CASE WHEN o.id IS NULL THEN m.{one} ELSE o.{one} END AS {one}' for one in _SHARED)}"
    " FROM repository_mirror m LEFT JOIN discovered_repository d ON d.mirror_id = m.id"
    " LEFT JOIN organization_mirror o ON o.id = d.organization_mirror_id"
)


def _record(context: Context, row: Row) -> MirrorRecord:
    return MirrorRecord(
        id=row["id"],
        repository_id=row["repository_id"],
        robot_id=row["robot_id"],
        source=row["source"],
        connection=connection_of(row, context.secrets),
        tag_patterns=tuple(decode_json(row["tag_patterns"])),
        architectures=tuple(map(Architecture, decode_json(row["architectures"]))),
        is_enabled=bool(row["is_enabled"]),
        follows_deletions=bool(row["follows_deletions"]),
        timing=Timing(row["sync_starts_at_ms"], row["sync_interval_s"], row["retries_remaining"]),
        tag_timeout_s=row["tag_timeout_s"],
        status=MirrorStatus(row["status"]),
        claimed_until_ms=row["claimed_until_ms"],
        created_at_ms=row["created_at_ms"],
    )


async def of_repositories(context: Context, repository_ids: Sequence[int]) -> dict[int, MirrorRecord]:
    """The mirrors of repositories, by their ids; one statement. The caller has authorized the request."""
    if not repository_ids:
        return {}
    rows = await fetch(
        f"{_SELECT} WHERE m.repository_id IN ({placeholders(repository_ids)})", *repository_ids
    )
    return {row["repository_id"]: _record(context, row) for row in rows}


async def of_repository(context: Context, record: RepositoryRecord) -> MirrorRecord | None:
    """The mirror of a repository; None if it has none. Requires `repo:admin`."""
    await require_repository(context.looking, record.ref, RepositoryRole.ADMIN)
    return (await of_repositories(context, [record.id])).get(record.id)


async def stored(context: Context, mirror_id: int) -> MirrorRecord | None:
    """A mirror by its row id, without authorization, for jobs."""
    row = await fetch_one(f"{_SELECT} WHERE m.id = ?", mirror_id)
    return _record(context, row) if row else None


async def by_id(context: Context, mirror_id: int) -> MirrorRecord | None:
    """A mirror by its row id; None if there is none. Requires `repo:admin`."""
    record = await stored(context, mirror_id)
    if record is not None:
        await repository.require_by_id(context.looking, record.repository_id, RepositoryRole.ADMIN)
    return record


async def place_of(context: Context, path: str) -> RepositoryRecord:
    """The repository whose mirror is to be changed. Requires `repo:admin`."""
    record = await repository.require(context, path, RepositoryRole.ADMIN)
    if not context.site.has("REPO_MIRROR"):
        raise Invalid("Mirroring is not enabled on this registry.", field="repository")
    return record


async def _own_place(context: Context, path: str) -> RepositoryRecord:
    """The same, if its mirror is its own, and not of its organization."""
    place = await place_of(context, path)
    await require_free(place.namespace_id, Regime.REPOSITORY_MIRROR, field="repository")
    return place


async def create(context: Context, path: str, changes: MirrorChanges) -> MirrorRecord:
    """Make a repository a mirror: its state becomes MIRROR. Requires `repo:admin`.

    Its robot gets the role write, unless it may write. Raises `AlreadyExists`, `Invalid`, `UnknownReference`.
    """
    place = await _own_place(context, path)
    wanted = given(changes)
    if "robot" not in wanted:
        raise Invalid("robot: name the robot that writes what is mirrored.", field="robot")
    values, connection = await _checked(context, place, wanted, Connection())
    if await fetch_one("SELECT id FROM repository_mirror WHERE repository_id = ?", place.id):
        raise _exists(place)
    values |= connection.columns(context.secrets) | {
        "repository_id": place.id,
        "status": MirrorStatus.NEVER_RUN.value,
        "retries_remaining": RETRIES,
        "created_at_ms": now_ms(),
    }
    values = {"architectures": "[]", "is_enabled": True, "follows_deletions": False} | values
    try:
        async with transaction("mirror.create"):
            # An organization becomes a cache under the same lock, which comes before that of a repository.
            await lock_row("account", place.namespace_id)
            held = await repository.lock(place)
            await require_free(place.namespace_id, Regime.MIRROR, field="repository")
            await permission.let_write(context, place, wanted["robot"])
            await execute(
                f"INSERT INTO repository_mirror ({', '.join(values)}) VALUES ({placeholders([*values])})",
                *values.values(),
            )
            if held.state is not RepositoryState.MIRROR:
                await repository.change_state(context, path, RepositoryState.MIRROR)
            await _record_change(context, place, "external_reference", wanted["source"])
    except IntegrityError as error:
        raise _exists(place) from error
    return await _require(context, place)


def _exists(place: RepositoryRecord) -> AlreadyExists:
    """The error for a second mirror. Quay writes "already exits"; no client is known to compare it."""
    return AlreadyExists(
        f"Mirror configuration already exists for repository {place.path}", field="repository"
    )


async def _require(context: Context, place: RepositoryRecord) -> MirrorRecord:
    record = (await of_repositories(context, [place.id])).get(place.id)
    if record is None:
        raise NotFound(field="repository")
    return record


async def update(context: Context, path: str, changes: MirrorChanges) -> MirrorRecord:
    """Change the mirror of a repository. Requires `repo:admin`.

    One that was cancelled runs again at its next time once its start or its interval is changed, or it is
    enabled. Raises `NotFound` without a mirror; else as `create`.
    """
    place = await _own_place(context, path)
    before = await _require(context, place)
    wanted = given(changes)
    check_credentials(wanted, before.connection)
    values, _ = await _checked(context, place, wanted, before.connection)
    async with transaction("mirror.update"):
        await repository.lock(place)
        before = await _require(context, place)
        if "source" in wanted:
            was = source_of(before.source, field="source")
            location = source_of(wanted["source"], field="source")
            wanted = without_login_elsewhere(wanted, before.connection, was, location)
        robot = before.robot_id and await fetch_one("SELECT name FROM account WHERE id = ?", before.robot_id)
        known = _known(before, robot["name"] if robot else None)
        changed = {name: value for name, value in wanted.items() if value != known[name]}
        woken = schedule.woken(before.timing, before.status, wanted, now_ms())
        if woken and wanted.get("is_enabled"):
            changed["is_enabled"] = True
        if not changed:
            return before
        if "robot" in changed:
            await permission.let_write(context, place, changed["robot"])
        about = of_connection(changed)
        values |= before.connection.changed(about).columns(context.secrets, about)
        values |= woken
        assignments = ", ".join(f"{column} = ?" for column in values)
        await execute(f"UPDATE repository_mirror SET {assignments} WHERE id = ?", *values.values(), before.id)
        for name, called in _CHANGED.items():
            if name in changed:
                await _record_change(context, place, called, shown(name, changed[name]))
    return await _require(context, place)


def _known(record: MirrorRecord, robot: str | None) -> dict[str, Any]:
    """What a mirror has for each field of `MirrorChanges`."""
    return {
        "source": record.source,
        "robot": robot,
        "patterns": list(record.tag_patterns),
        "sync_starts_at_ms": record.timing.starts_at_ms,
        "sync_interval_s": record.timing.interval_s,
        "tag_timeout_s": record.tag_timeout_s,
        "is_enabled": record.is_enabled,
        "follows_deletions": record.follows_deletions,
        "architectures": list(record.architectures),
    } | record.connection.as_settings()


async def _checked(
    context: Context, place: RepositoryRecord, wanted: dict[str, Any], before: Connection
) -> tuple[dict[str, Any], Connection]:
    """The values of columns for what is wanted, and the connection. Raises `Invalid`, `UnknownReference`.

    Patterns and architectures in `wanted` become what is stored.
    """
    values: dict[str, Any] = {}
    if "source" in wanted:
        location = source_of(wanted["source"], field="source")
        await require_allowed(context.site.outbound, location, field="source")
        values["source"] = wanted["source"]
    changed = await checked_connection(context, wanted, before)
    values |= checked_seconds(wanted)
    if "patterns" in wanted:
        wanted["patterns"] = check_patterns(wanted["patterns"], field="rule")
        values["tag_patterns"] = orjson.dumps(wanted["patterns"]).decode()
    if "architectures" in wanted:
        wanted["architectures"] = list(dict.fromkeys(wanted["architectures"]))
        if wanted["architectures"] and not context.site.has("SPARSE_INDEX"):
            raise Invalid(
                "Architecture filtering requires FEATURE_SPARSE_INDEX to be enabled.", field="architectures"
            )
        values["architectures"] = orjson.dumps([one.value for one in wanted["architectures"]]).decode()
    values |= {
        name: wanted[name]
        for name in ("sync_starts_at_ms", "is_enabled", "follows_deletions")
        if name in wanted
    }
    if "robot" in wanted:
        values["robot_id"] = await robot_of(place.namespace_name, wanted["robot"])
    return values, changed


async def _record_change(context: Context, place: RepositoryRecord, changed: str, to: Any) -> None:
    account = context.viewer.account
    await events.record(
        context,
        "repo_mirror_config_changed",
        {
            "repo": place.name,
            "namespace": place.namespace_name,
            "user-agent": context.user_agent,
            "changed": changed,
            "to": to,
            "username": account.name if account else None,
        },
        namespace_id=place.namespace_id,
        repository_id=place.id,
    )


async def delete(context: Context, path: str) -> MirrorRecord:
    """Remove the mirror of a repository, which keeps its tags; its state becomes NORMAL again.

    A run that goes on ends. Requires `repo:admin`. Raises `NotFound` without a mirror.
    """
    place = await _own_place(context, path)
    async with transaction("mirror.delete"):
        held = await repository.lock(place)
        record = await _require(context, place)
        await execute("DELETE FROM repository_mirror WHERE id = ?", record.id)
        if held.state is RepositoryState.MIRROR:
            await repository.change_state(context, path, RepositoryState.NORMAL)
        await _record_change(context, place, "external_reference", None)
    return record


async def sync_now(context: Context, path: str) -> MirrorRecord:
    """Let a mirror run at once, also if it is disabled. Requires `repo:admin`.

    Raises `NotFound` without a mirror, `Conflict` while it runs.
    """
    place = await place_of(context, path)
    async with transaction("mirror.sync_now"):
        await repository.lock(place)
        record = await _require(context, place)
        if record.status is MirrorStatus.SYNCING:
            raise Conflict("The mirror runs already.", field="repository")
        await execute(
            "UPDATE repository_mirror SET status = ?, retries_remaining = ? WHERE id = ?",
            *(MirrorStatus.SYNC_NOW.value, RETRIES, record.id),
        )
        await queue.order_now(record.id, place.namespace_id)
        await _record_change(context, place, "sync_status", "SYNC_NOW")
    return await _require(context, place)


async def sync_cancel(context: Context, path: str) -> MirrorRecord:
    """End the run of a mirror that goes on or was ordered; it does not run again by itself.

    Requires `repo:admin`. Raises `NotFound` without a mirror, `Conflict` if there is nothing to cancel.
    """
    place = await place_of(context, path)
    async with transaction("mirror.sync_cancel"):
        await repository.lock(place)
        record = await _require(context, place)
        if record.status not in UNDER_WAY:
            raise Conflict("The mirror does not run.", field="repository")
        await execute(
            "UPDATE repository_mirror SET status = ?, retries_remaining = 0 WHERE id = ?",
            *(MirrorStatus.CANCEL.value, record.id),
        )
        await _record_change(context, place, "sync_status", "SYNC_CANCEL")
    return await _require(context, place)
