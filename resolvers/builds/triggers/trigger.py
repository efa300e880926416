"""Triggers: what has builds ordered when somebody pushes to a Git repository; made, activated, deleted.

A trigger is made with its service alone, and activated with a configuration. What it does is in `fire.py`.
"""

import secrets
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

import orjson

from resolvers import events
from resolvers.access.permissions import require_repository
from resolvers.access.roles import RepositoryRole
from resolvers.builds import build
from resolvers.builds.git import make_key_pair
from resolvers.builds.triggers import settings
from resolvers.builds.triggers.services import TriggerService
from resolvers.builds.triggers.signatures import new_secret
from resolvers.columns import Columns
from resolvers.context import Context
from resolvers.errors import Conflict, Forbidden, NotFound, TooMany
from resolvers.job_kinds import Lane, Run, job
from resolvers.pages import Page, Query, Slice, Term, paginate
from resolvers.repositories import repository
from resolvers.repositories.purge import delete_in_batches
from resolvers.repositories.repository import RepositoryRecord
from resolvers.repositories.writing import require_writable
from storage import jobs
from storage.clock import now_ms
from storage.conditions import exists
from storage.statements import execute, fetch, fetch_one, placeholders
from storage.transactions import transaction

MAXIMUM_TRIGGERS: Final = 100
"""Triggers of one repository, those that nobody activated included."""
PURGE: Final = "build_trigger.purge"


class DisabledReason(StrEnum):
    """Why a trigger orders no builds."""

    USER_TOGGLED = "user_toggled"
    SUCCESSIVE_BUILD_FAILURES = "successive_build_failures"
    SUCCESSIVE_BUILD_INTERNAL_ERRORS = "successive_build_internal_errors"


@dataclass(frozen=True, slots=True)
class TriggerRecord:
    """A trigger. Its secrets stay encrypted, except to whoever needs them."""

    id: int
    uuid: str
    repository_id: int
    account_id: int | None
    robot_id: int | None
    has_robot: bool
    service: TriggerService
    is_enabled: bool
    disabled_reason: DisabledReason | None
    build_source: str | None
    config: dict[str, Any]
    write_token_encrypted: str | None = field(repr=False)
    webhook_secret_encrypted: str | None = field(repr=False)
    private_key_encrypted: str | None = field(repr=False)
    public_key: str | None
    known_hosts: str
    failure_count: int
    internal_error_count: int
    created_at_ms: int
    activated_at_ms: int | None

    @property
    def is_active(self) -> bool:
        """Whether it was activated: it has a source and credentials."""
        return self.activated_at_ms is not None

    @property
    def is_disabled(self) -> bool:
        """Whether it orders no builds, since somebody said so or too many failed."""
        return self.disabled_reason is not None


COLUMNS: Final = Columns(TriggerRecord, "t")
_FIRST: Final = (Term("t.created_at_ms", "created_at_ms"), Term("t.id", "id"))
_ALIVE: Final = exists("t")


async def by_ids(ids: Sequence[int]) -> dict[int, TriggerRecord]:
    """Triggers by their row ids, in one statement; deleted ones are left out."""
    if not ids:
        return {}
    rows = await fetch(
        f"SELECT {COLUMNS} FROM build_trigger t WHERE t.id IN ({placeholders(ids)}) AND {_ALIVE}", *ids
    )
    return {row["id"]: COLUMNS.record(row) for row in rows}


async def find(identity: str) -> TriggerRecord | None:
    """A trigger by its uuid, without authorization: the caller decides on access."""
    if "\0" in identity:
        return None
    row = await fetch_one(
        f"SELECT {COLUMNS} FROM build_trigger t WHERE t.uuid = ? AND {_ALIVE}", identity[:64]
    )
    return COLUMNS.record(row) if row else None


async def require(place: RepositoryRecord, identity: str) -> TriggerRecord:
    """A trigger of a repository that the viewer administers. Raises `NotFound`."""
    found = await find(identity)
    if found is None or found.repository_id != place.id:
        raise NotFound(field="uuid")
    return found


async def one(context: Context, place: RepositoryRecord, identity: str) -> TriggerRecord | None:
    """A trigger of a repository; None if it has none such. Requires `repo:admin`."""
    await require_repository(context.looking, place.ref, RepositoryRole.ADMIN)
    found = await find(identity)
    return found if found is not None and found.repository_id == place.id else None


async def by_id(context: Context, trigger_id: int) -> tuple[TriggerRecord, RepositoryRecord] | None:
    """A trigger by its row id, with its repository; None if there is none. Requires `repo:admin`."""
    found = (await by_ids([trigger_id])).get(trigger_id)
    if found is None:
        return None
    place = await repository.require_by_id(context.looking, found.repository_id, RepositoryRole.ADMIN)
    return None if place is None else (found, place)


async def triggers(context: Context, place: RepositoryRecord, page: Page) -> Slice[TriggerRecord]:
    """The triggers of a repository, oldest first. Requires `repo:admin`."""
    await require_repository(context.looking, place.ref, RepositoryRole.ADMIN)
    query = Query(str(COLUMNS), "build_trigger t", _FIRST, ("t.repository_id = ?", _ALIVE), (place.id,))
    return (await paginate(query, page, maximum=context.max_first)).of(COLUMNS.record)


async def create(
    context: Context, path: str, service: TriggerService
) -> tuple[TriggerRecord, RepositoryRecord]:
    """Connect a repository with a service; nothing is built until the trigger is activated.

    Requires `repo:admin`. Raises `NotFound`, `NotWritable`, and `TooMany`.
    """
    place = await _writable_place(context, path)
    identity = str(uuid.uuid4())
    values = {
        "uuid": identity,
        "repository_id": place.id,
        "account_id": context.viewer.require_account().id,
        "service": service.value,
        "config": "{}",
        "known_hosts": "",
        "created_at_ms": now_ms(),
    }
    async with transaction("build_trigger.create"):
        await repository.lock(place)
        row = await fetch_one(
            f"SELECT COUNT(*) AS n FROM build_trigger t WHERE t.repository_id = ? AND {_ALIVE}", place.id
        )
        if row is not None and row["n"] >= MAXIMUM_TRIGGERS:
            raise TooMany(
                f"A repository has at most {MAXIMUM_TRIGGERS} triggers; delete some of them.",
                field="repository",
            )
        await execute(
            f"INSERT INTO build_trigger ({', '.join(values)}) VALUES ({placeholders([*values])})",
            *values.values(),
        )
    return await require(place, identity), place


async def _writable_place(context: Context, path: str) -> RepositoryRecord:
    """The repository at a path, which may be built for. Requires `repo:admin`."""
    place = await repository.require(context, path, RepositoryRole.ADMIN)
    require_writable(context, place)
    return place


async def activate(
    context: Context, path: str, identity: str, config: Mapping[str, Any], pull_robot: str | None = None
) -> tuple[TriggerRecord, RepositoryRecord]:
    """Give a trigger its configuration, and the credentials with which others reach it and it reaches others.

    Requires `repo:admin`; its builds run as the account that connected it, so no other may say what they do,
    except superusers. Raises `NotFound`, `NotWritable`, `Conflict` if it is active, `Forbidden`, `Invalid`.
    """
    place = await _writable_place(context, path)
    found = await require(place, identity)
    _require_inactive(found)
    _require_connector(context, found)
    robot_id = await build.pull_robot(context, pull_robot)
    checked = await settings.checked(context, found.service, config)
    source = settings.url_of(found.service, checked["build_source"])
    values = _credentials(context, found, source) | {
        "account_id": found.account_id or context.account_id,
        "robot_id": robot_id,
        "has_robot": robot_id is not None,
        "build_source": checked["build_source"],
        "config": orjson.dumps(checked).decode(),
        "activated_at_ms": now_ms(),
    }
    assignments = ", ".join(f"{column} = ?" for column in values)
    async with transaction("build_trigger.activate"):
        require_writable(context, await repository.lock(place))
        changed = await execute(
            f"UPDATE build_trigger SET {assignments} WHERE id = ? AND activated_at_ms IS NULL AND {exists()}",
            *(*values.values(), found.id),
        )
        if not changed:
            _require_inactive(await require(place, identity))
        await _tell(
            context, place, found, "setup_repo_trigger", {"pull_robot": pull_robot, "config": checked}
        )
    return await require(place, identity), place


def _require_inactive(found: TriggerRecord) -> None:
    if found.is_active:
        raise Conflict("The trigger is active; delete it, and make another.", field="uuid")


def _require_connector(context: Context, found: TriggerRecord) -> None:
    if found.account_id not in (None, context.account_id) and not context.viewer.has_full_access:
        raise Forbidden("A trigger is activated by the account that connected it, as which it builds.")


def _credentials(context: Context, found: TriggerRecord, source: str) -> dict[str, Any]:
    """The columns with new credentials: those of the webhook, and a key for sources that ssh reaches."""
    encrypt = context.secrets.encrypt
    values: dict[str, Any] = {
        "write_token_encrypted": encrypt(secrets.token_hex(32)),
        "webhook_secret_encrypted": encrypt(new_secret()),
    }
    if settings.is_ssh(source):
        pair = make_key_pair(f"trigger {found.uuid} of {context.site.registry_host}")
        values |= {"private_key_encrypted": encrypt(pair.private), "public_key": pair.public}
    return values


async def set_enabled(
    context: Context, path: str, identity: str, is_enabled: bool
) -> tuple[TriggerRecord, RepositoryRecord]:
    """Let a trigger order builds, or none. Failures are counted anew. Requires `repo:admin`.

    Raises `NotFound`, `NotWritable`, and `Conflict` if it is not active.
    """
    place = await _writable_place(context, path)
    found = await require(place, identity)
    if not found.is_active:
        raise Conflict("Cannot update an unactivated trigger", field="uuid")
    reason = None if is_enabled else DisabledReason.USER_TOGGLED
    async with transaction("build_trigger.update"):
        require_writable(context, await repository.lock(place))
        changed = await switch(found.id, reason)
        if changed:
            await tell_switched(context, place, found, reason)
    return await require(place, identity), place


async def switch(trigger_id: int, reason: DisabledReason | None) -> bool:
    """Disable a trigger for a reason, or enable it, in the open transaction; whether that changed it."""
    return bool(
        await execute(
            "UPDATE build_trigger SET is_enabled = ?, disabled_reason = ?, failure_count = 0,"
            f" internal_error_count = 0 WHERE id = ? AND is_enabled <> ? AND {exists()}",
            *(reason is None, reason and reason.value, trigger_id, reason is None),
        )
    )


async def tell_switched(
    context: Context, place: RepositoryRecord, found: TriggerRecord, reason: DisabledReason | None
) -> None:
    """Record that a trigger was enabled or disabled, in the open transaction."""
    facts: dict[str, Any] = {"enabled": reason is None}
    if reason not in (None, DisabledReason.USER_TOGGLED):
        facts["disabled_reason"] = reason.value
    await _tell(context, place, found, "toggle_repo_trigger", facts)


async def delete(context: Context, path: str, identity: str) -> TriggerRecord:
    """Delete a trigger with its builds, also those under way; a job removes the rows. Requires `repo:admin`.

    Raises `NotFound` and `NotWritable`.
    """
    place = await _writable_place(context, path)
    found = await require(place, identity)
    async with transaction("build_trigger.delete"):
        require_writable(context, await repository.lock(place))
        changed = await execute(
            "UPDATE build_trigger SET deleted_at_ms = ?, write_token_encrypted = NULL,"
            " webhook_secret_encrypted = NULL, private_key_encrypted = NULL"
            f" WHERE id = ? AND {exists()}",
            *(now_ms(), found.id),
        )
        if not changed:
            raise NotFound(field="uuid")
        await jobs.enqueue(PURGE, {"trigger_id": found.id}, namespace_id=place.namespace_id)
        if found.is_active:
            await _tell(context, place, found, "delete_repo_trigger", {})
    return found


async def _tell(
    context: Context, place: RepositoryRecord, found: TriggerRecord, kind: str, facts: dict[str, Any]
) -> None:
    named = {
        "repo": place.name,
        "namespace": place.namespace_name,
        "trigger_id": found.uuid,
        "service": found.service.value,
    }
    await events.record(context, kind, named | facts, namespace_id=place.namespace_id, repository_id=place.id)


_PURGED: Final = (
    (
        "DELETE FROM build_log_line WHERE id IN (SELECT l.id FROM build b"
        " JOIN build_log_line l ON l.build_id = b.id WHERE b.trigger_id = ? LIMIT {limit})"
    ),
    "DELETE FROM build WHERE id IN (SELECT id FROM build WHERE trigger_id = ? LIMIT {limit})",
    "DELETE FROM build_trigger WHERE id = ?",
)


@job(
    PURGE,
    "Removes a deleted build trigger with its builds.",
    lane=Lane.LONG,
    per_namespace=1,
    goes_on_when_read_only=False,
)
async def purge_trigger_of(run: Run) -> None:
    """Purge the trigger that the job is for."""
    await purge_trigger(run.payload["trigger_id"])


async def purge_trigger(trigger_id: int) -> None:
    """Remove the rows of a deleted trigger and of its builds, in short transactions. Idempotent."""
    row = await fetch_one("SELECT deleted_at_ms FROM build_trigger WHERE id = ?", trigger_id)
    if row is None or row["deleted_at_ms"] is None:
        return
    await delete_in_batches(PURGE, _PURGED, trigger_id)
