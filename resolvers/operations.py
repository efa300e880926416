"""How the registry does, for those who see the site: health, jobs, event lag, sign-ins, storage.

`look` is the one check of rights; everything else takes the `Operations` that it gives. Each answer costs a
bounded number of statements, which read an index or count the rows of one table.
"""

import asyncio
import time
from collections.abc import Awaitable
from dataclasses import dataclass
from pathlib import Path

from resolvers.columns import Columns
from resolvers.context import Context
from resolvers.job import JobRecord, latest_of
from resolvers.job_kinds import JobKind, collected
from resolvers.notifications.notification import CURSOR
from resolvers.pages import Page, Query, Slice, Term, paginate
from resolvers.record.audit import ROLLED_UP_TO
from storage.clock import DAY_MS, now_ms
from storage.conditions import exists
from storage.database import current_revision
from storage.events import times_after
from storage.site_settings import site_setting
from storage.space import free_bytes
from storage.statements import fetch, fetch_one, is_postgres

CHECK_TIMEOUT_S = 5.0
ENTRIES_READ = 50_000
"""Newest audit entries among which failures to sign in are looked for."""
UNREAD = 10_000
"""Most events that are counted as not yet read."""
ADDRESSES = 100
"""Most addresses that are told."""


@dataclass(frozen=True, slots=True)
class Health:
    """A store: its kind, whether it works, how long the check took, and the free space of its disk."""

    kind: str
    is_healthy: bool
    latency_ms: int
    free_bytes: int | None


@dataclass(frozen=True, slots=True)
class JobCounts:
    """The jobs of one kind that are not over, and those that failed in the last 90 days."""

    kind: str
    waiting: int
    running: int
    failed: int
    oldest_due_at_ms: int | None


@dataclass(frozen=True, slots=True)
class EventLag:
    """What readers of the event log have not read yet. `unread` counts up to 10,000 of them."""

    last_event_at_ms: int | None
    unread_by_notifications: int
    oldest_unread_at_ms: int | None
    rolled_up_to_ms: int | None


@dataclass(frozen=True, slots=True)
class SignIns:
    """Sessions and tokens that are valid, and how many of them were used in the last day."""

    sessions: int
    access_tokens: int
    access_tokens_used: int
    app_tokens: int
    app_tokens_used: int


@dataclass(frozen=True, slots=True)
class AddressFailures:
    """Failures to sign in from one address in the last day."""

    address: str
    failures: int
    last_failed_at_ms: int


@dataclass(frozen=True, slots=True)
class NamespaceStorage:
    """What a namespace stores."""

    id: int
    name: str
    stored_bytes: int


@dataclass(frozen=True, slots=True)
class Recurrence:
    """A kind of job that comes again and again, and its last job; None before the first."""

    kind: JobKind
    last: JobRecord | None


_NAMESPACE = Columns(NamespaceStorage, id="s.namespace_id", name="n.name", stored_bytes="s.stored_bytes")


@dataclass(frozen=True, slots=True)
class Operations:
    """What those may ask who see the site; only `look` makes one."""

    context: Context

    async def revision(self) -> str:
        """The revision of the schema as the database has it, which a newer server may have migrated."""
        return await current_revision()

    async def database(self) -> Health:
        """The database: whether it answers, and how soon."""
        kind = "postgres" if is_postgres() else "sqlite"
        return await _health(kind, fetch("SELECT 1 AS one"), _free_bytes_of_database())

    async def blob_store(self) -> Health:
        """The blob store, checked as `/readyz` checks it."""
        blobs = self.context.blobs
        return await _health(blobs.kind, blobs.check(), blobs.free_bytes())

    async def jobs(self) -> list[JobCounts]:
        """Counts by kind, of kinds that have any."""
        rows = await fetch(
            "SELECT kind,"
            " SUM(CASE WHEN state = 'waiting' THEN 1 ELSE 0 END) AS waiting,"
            " SUM(CASE WHEN state = 'running' THEN 1 ELSE 0 END) AS running,"
            " SUM(CASE WHEN state = 'failed' THEN 1 ELSE 0 END) AS failed,"
            " MIN(CASE WHEN state = 'waiting' AND run_at_ms <= ? THEN run_at_ms END) AS oldest_due_at_ms"
            " FROM job WHERE state IN ('waiting', 'running', 'failed') GROUP BY kind ORDER BY kind",
            now_ms(),
        )
        return [JobCounts(**row) for row in rows]

    async def events(self) -> EventLag:
        """How far the readers of the event log are behind."""
        last = await fetch_one("SELECT created_at_ms FROM event ORDER BY id DESC LIMIT 1")
        cursor = await site_setting(CURSOR)
        unread: list[int] = []
        if cursor is not None:
            transaction_id, _, identity = cursor.partition(":")
            unread = await times_after((int(transaction_id), int(identity)), limit=UNREAD)
        rolled_up = await site_setting(ROLLED_UP_TO)
        return EventLag(
            last["created_at_ms"] if last else None,
            len(unread),
            min(unread, default=None),
            int(rolled_up) if rolled_up else None,
        )

    async def sign_ins(self) -> SignIns:
        """Sessions and tokens in use."""
        now = now_ms()
        sessions = await fetch_one("SELECT COUNT(*) AS number FROM session WHERE expires_at_ms > ?", now)
        counts: list[int] = [int(sessions["number"]) if sessions else 0]
        for table in ("access_token", "app_token"):
            row = await fetch_one(
                "SELECT COUNT(*) AS valid,"
                " COALESCE(SUM(CASE WHEN last_accessed_at_ms >= ? THEN 1 ELSE 0 END), 0) AS used"
                f" FROM {table} WHERE expires_at_ms IS NULL OR expires_at_ms > ?",
                *(now - DAY_MS, now),
            )
            assert row is not None  # An aggregate has one row.
            counts += [int(row["valid"]), int(row["used"])]
        return SignIns(*counts)

    async def sign_in_failures(self) -> list[AddressFailures]:
        """The addresses from which signing in failed most in the last day, by audit entries."""
        rows = await fetch(
            "SELECT ip AS address, COUNT(*) AS failures, MAX(created_at_ms) AS last_failed_at_ms FROM"
            " (SELECT ip, kind, created_at_ms FROM audit_log WHERE created_at_ms >= ?"
            f" ORDER BY created_at_ms DESC, id DESC LIMIT {ENTRIES_READ}) newest"
            " WHERE kind = 'login_failure' AND ip IS NOT NULL"
            f" GROUP BY ip ORDER BY failures DESC, ip LIMIT {ADDRESSES}",
            now_ms() - DAY_MS,
        )
        return [AddressFailures(**row) for row in rows]

    async def storage(self, page: Page) -> Slice[NamespaceStorage]:
        """What namespaces store, most first. Raises `Invalid` for a wrong page."""
        order = (
            Term("s.stored_bytes", "stored_bytes", descending=True),
            Term("s.namespace_id", "id", descending=True),
        )
        source = "namespace_size s JOIN account n ON n.id = s.namespace_id"
        query = Query(_NAMESPACE.sql, source, order, (exists("n"),))
        return (await paginate(query, page, maximum=self.context.max_first)).of(_NAMESPACE.record)

    async def recurring(self) -> list[Recurrence]:
        """What comes again and again, with what ran last."""
        kinds = [kind for kind in collected().values() if kind.every_s is not None]
        latest = await latest_of([kind.name for kind in kinds])
        return [Recurrence(kind, latest.get(kind.name)) for kind in kinds]


def look(context: Context) -> Operations:
    """The operations of the registry, for those who see the site; refused to others."""
    context.viewer.require_site_view()
    return Operations(context)


async def _free_bytes_of_database() -> int | None:
    """The free space of the disk of an SQLite database; None for PostgreSQL, which is elsewhere."""
    if is_postgres():
        return None
    (row,) = await fetch("SELECT file FROM pragma_database_list WHERE name = 'main'")
    return await asyncio.to_thread(free_bytes, Path(row["file"]))


async def _health(kind: str, check: Awaitable[object], free: Awaitable[int | None]) -> Health:
    started = time.perf_counter()
    try:
        await asyncio.wait_for(check, CHECK_TIMEOUT_S)
        is_healthy = True
    except Exception:  # noqa: BLE001 - Any exception means that the check failed, as at `/readyz`.
        is_healthy = False
    latency_ms = round((time.perf_counter() - started) * 1000)
    try:
        space = await asyncio.wait_for(free, CHECK_TIMEOUT_S)
    except Exception:  # noqa: BLE001 - A disk that is away has no space to tell of.
        space = None
    return Health(kind, is_healthy, latency_ms, space)
