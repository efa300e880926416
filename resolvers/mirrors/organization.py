"""Mirrors of organizations: a namespace of another registry, each repository of which is followed.

A job looks for repositories and gives each a mirror of its own (`discovery`), for which what is set here
holds. Nobody else makes repositories in such an organization, or changes the state of one.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import orjson

from resolvers import events
from resolvers.accounts.account import AccountRecord
from resolvers.accounts.namespace import require_organization
from resolvers.changes import UNSET, Unset, given
from resolvers.context import Context
from resolvers.errors import AlreadyExists, Conflict, Invalid, NotFound
from resolvers.mirrors import queue, schedule
from resolvers.mirrors.connection import COLUMNS, Connection, connection_of
from resolvers.mirrors.release import release
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
from resolvers.mirrors.source import namespace_of, require_allowed
from resolvers.repositories.regimes import Regime, require_free
from resolvers.repositories.repository import Visibility
from resolvers.upstreams.catalog import Catalog
from resolvers.upstreams.location import Location
from storage.clock import now_ms
from storage.database import IntegrityError
from storage.statements import Row, decode_json, execute, fetch, fetch_one, placeholders
from storage.transactions import lock_and_read, lock_row, transaction

DEFAULT_TIMEOUT_S: Final = 300
RELEASED_AT_ONCE: Final = 100
"""How many repositories become ordinary ones before removing a mirror is answered; a job does the others."""


@dataclass(frozen=True, slots=True)
class OrganizationMirrorRecord:
    """The mirror of an organization. `robot_id` is None once the robot is gone."""

    id: int
    organization_id: int
    robot_id: int | None
    catalog: Catalog
    registry_url: str
    namespace: str
    source: str
    connection: Connection
    patterns: tuple[str, ...]
    visibility: Visibility
    is_enabled: bool
    timing: Timing
    tag_timeout_s: int
    status: MirrorStatus
    job_id: int | None
    message: str | None
    created_at_ms: int

    @property
    def location(self) -> Location:
        """The registry, with the namespace."""
        return namespace_of(self.registry_url, self.namespace)


@dataclass(frozen=True, slots=True, kw_only=True)
class OrganizationMirrorChanges:
    """What to change of the mirror of an organization. Names are those of the schema, which errors repeat."""

    catalog: Catalog | Unset = UNSET
    registry_url: str | Unset = UNSET
    namespace: str | Unset = UNSET
    robot: str | Unset = UNSET
    patterns: Sequence[str] | Unset = UNSET
    visibility: Visibility | Unset = UNSET
    sync_starts_at_ms: int | Unset = UNSET
    sync_interval_s: int | Unset = UNSET
    tag_timeout_s: int | Unset = UNSET
    is_enabled: bool | Unset = UNSET
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
    "catalog": "external_registry_type",
    "registry_url": "external_registry_url",
    "namespace": "external_namespace",
    "robot": "robot_username",
    "patterns": "repository_filters",
    "visibility": "visibility",
    "sync_starts_at_ms": "sync_start_date",
    "sync_interval_s": "sync_interval",
    "tag_timeout_s": "skopeo_timeout",
    "username": "external_registry_username",
    "password": "external_registry_password",
    "verifies_tls": "verify_tls",
    "accepts_unsigned": "unsigned_images",
    "extra_cas": "extra_cas",
    "http_proxy": "http_proxy",
    "https_proxy": "https_proxy",
    "no_proxy": "no_proxy",
}
"""What events call an attribute that was changed; one event each, in this order."""

_SELECT = (
    "SELECT o.id, o.organization_id, o.robot_id, o.catalog, o.registry_url, o.upstream_namespace, o.source,"
    " o.repository_patterns, o.visibility, o.is_enabled, o.sync_starts_at_ms, o.sync_interval_s,"
    " o.tag_timeout_s, o.status, o.retries_remaining, o.job_id, o.message, o.created_at_ms,"
    f" {', '.join(f'o.{one}' for one in COLUMNS)} FROM organization_mirror o"
)


def _record(context: Context, row: Row) -> OrganizationMirrorRecord:
    return OrganizationMirrorRecord(
        id=row["id"],
        organization_id=row["organization_id"],
        robot_id=row["robot_id"],
        catalog=Catalog(row["catalog"]),
        registry_url=row["registry_url"],
        namespace=row["upstream_namespace"],
        source=row["source"],
        connection=connection_of(row, context.secrets),
        patterns=tuple(decode_json(row["repository_patterns"])),
        visibility=Visibility(row["visibility"]),
        is_enabled=bool(row["is_enabled"]),
        timing=Timing(row["sync_starts_at_ms"], row["sync_interval_s"], row["retries_remaining"]),
        tag_timeout_s=row["tag_timeout_s"],
        status=MirrorStatus(row["status"]),
        job_id=row["job_id"],
        message=row["message"],
        created_at_ms=row["created_at_ms"],
    )


async def of_organizations(
    context: Context, organization_ids: Sequence[int]
) -> dict[int, OrganizationMirrorRecord]:
    """The mirrors of organizations, by their ids; one statement. The caller has authorized the request."""
    if not organization_ids:
        return {}
    rows = await fetch(
        f"{_SELECT} WHERE o.organization_id IN ({placeholders(organization_ids)})", *organization_ids
    )
    return {row["organization_id"]: _record(context, row) for row in rows}


async def stored(context: Context, mirror_id: int) -> OrganizationMirrorRecord | None:
    """The mirror of an organization by its row id, without authorization, for jobs."""
    row = await fetch_one(f"{_SELECT} WHERE o.id = ?", mirror_id)
    return _record(context, row) if row else None


async def owner_of(context: Context, name: str) -> AccountRecord:
    """The organization whose mirror is to be changed. Requires `org:admin`."""
    owner = await require_organization(context, name)
    if not context.site.has("ORG_MIRROR"):
        raise Invalid("Mirroring of organizations is not enabled on this registry.", field="organization")
    return owner


async def require(context: Context, owner: AccountRecord) -> OrganizationMirrorRecord:
    """The mirror of an organization. Raises `NotFound` without one."""
    record = (await of_organizations(context, [owner.id])).get(owner.id)
    if record is None:
        raise NotFound(f"'{owner.name}' is no mirror of another registry.", field="organization")
    return record


async def create(context: Context, name: str, changes: OrganizationMirrorChanges) -> OrganizationMirrorRecord:
    """Let an organization follow a namespace of another registry. Requires `org:admin`.

    What it holds stays; tags of the same names follow from the first run on. Raises `AlreadyExists`,
    `Invalid`, `UnknownReference`.
    """
    owner = await owner_of(context, name)
    wanted = given(changes)
    if "robot" not in wanted:
        raise Invalid("robot: name the robot that writes what is mirrored.", field="robot")
    wanted = {"patterns": ["*"], "tag_timeout_s": DEFAULT_TIMEOUT_S} | wanted
    values, connection = await _checked(context, owner, wanted, None)
    values |= connection.columns(context.secrets) | {
        "organization_id": owner.id,
        "status": MirrorStatus.NEVER_RUN.value,
        "retries_remaining": RETRIES,
        "created_at_ms": now_ms(),
    }
    values = {"is_enabled": True} | values
    if not await of_organizations(context, [owner.id]):
        # What an earlier mirror left is no obstacle, although its job has not come so far yet.
        await release(context, owner.id)
    try:
        async with transaction("organization_mirror.create"):
            await _lock(owner)
            if await fetch_one("SELECT id FROM organization_mirror WHERE organization_id = ?", owner.id):
                raise _exists(owner)
            await require_free(owner.id, Regime.ORGANIZATION_MIRROR, field="organization")
            await execute(
                f"INSERT INTO organization_mirror ({', '.join(values)}) VALUES ({placeholders([*values])})",
                *values.values(),
            )
            await _record_change(context, owner, "external_registry_url", wanted["registry_url"])
    except IntegrityError as error:
        raise _exists(owner) from error
    return await require(context, owner)


def _exists(owner: AccountRecord) -> AlreadyExists:
    return AlreadyExists(
        f"Mirror configuration already exists for organization {owner.name}", field="organization"
    )


async def _lock(owner: AccountRecord) -> None:
    """Lock the row of an organization: what excludes a mirror begins under the same lock."""
    row = await lock_and_read("account", owner.id, "deleted_at_ms")
    if row is None or row["deleted_at_ms"] is not None:
        raise NotFound(f"There is no organization '{owner.name}'.", field="organization")


async def _held(context: Context, owner: AccountRecord) -> OrganizationMirrorRecord:
    """The mirror of an organization, its row locked, as its runs do. Raises `NotFound` without one."""
    record = await require(context, owner)
    await lock_row("organization_mirror", record.id)
    return await require(context, owner)


async def update(context: Context, name: str, changes: OrganizationMirrorChanges) -> OrganizationMirrorRecord:
    """Change the mirror of an organization. Requires `org:admin`.

    One that was cancelled runs again at its next time once its start or its interval is changed, or it is
    enabled. Raises `NotFound` without a mirror; else as `create`.
    """
    owner = await owner_of(context, name)
    before = await require(context, owner)
    wanted = given(changes)
    check_credentials(wanted, before.connection)
    values, _ = await _checked(context, owner, wanted, before)
    async with transaction("organization_mirror.update"):
        before = await _held(context, owner)
        location = namespace_of(
            wanted.get("registry_url", before.registry_url), wanted.get("namespace", before.namespace)
        )
        wanted = without_login_elsewhere(wanted, before.connection, before.location, location)
        values["source"] = str(location)
        robot = before.robot_id and await fetch_one("SELECT name FROM account WHERE id = ?", before.robot_id)
        known = _known(before, robot["name"] if robot else None)
        changed = {key: value for key, value in wanted.items() if value != known[key]}
        woken = schedule.woken(before.timing, before.status, wanted, now_ms())
        if woken and wanted.get("is_enabled"):
            changed["is_enabled"] = True
        if not changed:
            return before
        about = of_connection(changed)
        values |= before.connection.changed(about).columns(context.secrets, about)
        values |= woken
        assignments = ", ".join(f"{column} = ?" for column in values)
        await execute(
            f"UPDATE organization_mirror SET {assignments} WHERE id = ?", *values.values(), before.id
        )
        for key, called in _CHANGED.items():
            if key in changed:
                await _record_change(context, owner, called, shown(key, changed[key]))
    return await require(context, owner)


def _known(record: OrganizationMirrorRecord, robot: str | None) -> dict[str, Any]:
    """What a mirror has for each field of `OrganizationMirrorChanges`."""
    return {
        "catalog": record.catalog,
        "registry_url": record.registry_url,
        "namespace": record.namespace,
        "robot": robot,
        "patterns": list(record.patterns),
        "visibility": record.visibility,
        "sync_starts_at_ms": record.timing.starts_at_ms,
        "sync_interval_s": record.timing.interval_s,
        "tag_timeout_s": record.tag_timeout_s,
        "is_enabled": record.is_enabled,
    } | record.connection.as_settings()


async def _checked(
    context: Context,
    owner: AccountRecord,
    wanted: dict[str, Any],
    before: OrganizationMirrorRecord | None,
) -> tuple[dict[str, Any], Connection]:
    """The values of columns for what is wanted, and the connection. Raises `Invalid`, `UnknownReference`.

    Patterns in `wanted` become what is stored; no patterns are all.
    """
    connection = await checked_connection(context, wanted, before.connection if before else Connection())
    location = await checked_registry(context, wanted, before, connection)
    values: dict[str, Any] = {"source": str(location)} | checked_seconds(wanted)
    if "patterns" in wanted:
        wanted["patterns"] = check_patterns(wanted["patterns"] or ["*"], field="repositoryPatterns")
        values["repository_patterns"] = orjson.dumps(wanted["patterns"]).decode()
    if "namespace" in wanted:
        values["upstream_namespace"] = wanted["namespace"]
    values |= {
        key: wanted[key]
        for key in ("catalog", "registry_url", "visibility", "sync_starts_at_ms", "is_enabled")
        if key in wanted
    }
    if "robot" in wanted:
        values["robot_id"] = await robot_of(owner.name, wanted["robot"])
    return values, connection


async def checked_registry(
    context: Context,
    wanted: Mapping[str, Any],
    before: OrganizationMirrorRecord | None,
    connection: Connection,
) -> Location:
    """The registry and namespace that are wanted, or were before. Raises `Invalid`."""
    url = wanted.get("registry_url", before.registry_url if before else "")
    namespace = wanted.get("namespace", before.namespace if before else "")
    catalog = wanted.get("catalog", before.catalog if before else Catalog.CATALOG)
    location = namespace_of(url, namespace)
    if not namespace and catalog is not Catalog.CATALOG:
        raise Invalid(f"namespace: a registry of the type {catalog} is asked for one.", field="namespace")
    if url.startswith("http:") and connection.verifies_tls:
        raise Invalid(
            "registryUrl: a registry without TLS is asked only with verifyTls: false.", field="registry_url"
        )
    if before is None or url != before.registry_url:
        await require_allowed(context.site.outbound, location, field="registry_url")
    return location


async def _record_change(context: Context, owner: AccountRecord, changed: str, to: Any) -> None:
    account = context.viewer.account
    await events.record(
        context,
        "org_mirror_config_changed",
        {
            "namespace": owner.name,
            "user-agent": context.user_agent,
            "changed": changed,
            "to": to,
            "username": account.name if account else None,
        },
        namespace_id=owner.id,
    )


async def delete(context: Context, name: str) -> OrganizationMirrorRecord:
    """Let an organization follow nothing. Requires `org:admin`. Raises `NotFound` without a mirror.

    Its repositories keep what they have; a job makes ordinary ones of them.
    """
    owner = await owner_of(context, name)
    async with transaction("organization_mirror.delete"):
        record = await _held(context, owner)
        await execute("DELETE FROM organization_mirror WHERE id = ?", record.id)
        await queue.order_release(owner.id)
        await _record_change(context, owner, "external_registry_url", None)
    await release(context, owner.id, at_most=RELEASED_AT_ONCE)
    return record


async def sync_now(context: Context, name: str) -> OrganizationMirrorRecord:
    """Look for repositories at once and let the mirrors of all run, also if it is disabled.

    Requires `org:admin`. Raises `NotFound` without a mirror, `Conflict` while it looks.
    """
    owner = await owner_of(context, name)
    async with transaction("organization_mirror.sync_now"):
        record = await _held(context, owner)
        if record.status is MirrorStatus.SYNCING:
            raise Conflict("The mirror looks for repositories already.", field="organization")
        await execute(
            "UPDATE organization_mirror SET status = ?, retries_remaining = ? WHERE id = ?",
            *(MirrorStatus.SYNC_NOW.value, RETRIES, record.id),
        )
        await queue.order_discovery_now(record.id, owner.id)
        await _record_change(context, owner, "sync_status", "SYNC_NOW")
    return await require(context, owner)


_ENDS: Final = "UPDATE repository_mirror SET status = ?, retries_remaining = 0 WHERE id IN"
_GOING: Final = (
    "(SELECT m.id FROM discovered_repository d JOIN repository_mirror m ON m.id = d.mirror_id"
    f" WHERE d.organization_mirror_id = ? AND m.status IN ({placeholders([*UNDER_WAY])}) LIMIT 500)"
)


async def sync_cancel(context: Context, name: str) -> OrganizationMirrorRecord:
    """End the run that goes on or was ordered, and those of its repositories; none begins by itself then.

    If only repositories run, those alone end, and the organization is looked at again at its next time.
    Requires `org:admin`. Raises `NotFound` without a mirror, `Conflict` if there is nothing to cancel.
    """
    owner = await owner_of(context, name)
    async with transaction("organization_mirror.sync_cancel"):
        record = await _held(context, owner)
        if record.status in UNDER_WAY:
            # Otherwise its last run is through, and the next one comes at its time.
            await execute(
                "UPDATE organization_mirror SET status = ?, retries_remaining = 0 WHERE id = ?",
                *(MirrorStatus.CANCEL.value, record.id),
            )
        ended = await _end_some(record.id)
        if record.status not in UNDER_WAY and not ended:
            raise Conflict("No mirror of the organization runs.", field="organization")
        await _record_change(context, owner, "sync_status", "SYNC_CANCEL")
    while ended:
        async with transaction("organization_mirror.cancel_more"):
            ended = await _end_some(record.id)
    return await require(context, owner)


async def _end_some(mirror_id: int) -> int:
    """Cancel some of the repositories' mirrors that run; how many."""
    going = [one.value for one in UNDER_WAY]
    return await execute(f"{_ENDS} {_GOING}", MirrorStatus.CANCEL.value, mirror_id, *going)
