"""Point reads of the hot path `/v2`, without the model layer: each takes a few microseconds by an index.

On SQLite they run inline on a read-only connection of their own, since a thread switch would cost five times
the read; on PostgreSQL they use a connection pool. No statement here may scan a table.
"""

import sqlite3
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable
from time import perf_counter
from typing import Any, NamedTuple, Protocol

import asyncpg

from storage.backends.measured import record
from storage.clock import now_ms
from storage.conditions import can_act, exists, is_active
from storage.database import CONNECT_S, dialect_of, sqlite_path
from storage.outage import answering


class HotRepository(NamedTuple):
    """What authorizes a request on a repository, read on every request.

    `account_epoch` is None if the account cannot act (unknown, disabled, deleted, or a robot of such an
    owner); `credential_valid` is whether the credential exists and has not expired. `cache_id` is the proxy
    cache of its organization, None where there is none. `is_gated` is whether pull policies hold there.
    """

    id: int
    auth_epoch: int
    visibility: str
    state: str
    namespace_id: int
    namespace_epoch: int
    namespace_enabled: bool
    account_epoch: int | None
    credential_valid: bool
    cache_id: int | None = None
    is_gated: bool = False


class HotManifest(NamedTuple):
    """A manifest as it is served, with the time of its last push.

    `life` is that of the tag that names it, and `confirmed_at_ms` when the upstream of a cache had it so.
    """

    id: int
    digest: str
    media_type: str
    body: bytes
    pushed_at_ms: int
    life: int = 0
    confirmed_at_ms: int | None = None


class HotBlob(NamedTuple):
    """The size of a blob, and since when the repository has the right to it (renewed by each push)."""

    size_bytes: int
    granted_at_ms: int


class HotFindings(NamedTuple):
    """What tells whether a judgement on the pull of a manifest still holds.

    `revision` counts changes of what all judgements depend on; the others are of its scan, None without one.
    """

    revision: int | None
    state: str | None
    scanned_at_ms: int | None


class HotKey(NamedTuple):
    """The public half of a key that signs or has signed registry tokens, and when it expires."""

    kid: str
    public_key: str
    expires_at_ms: int | None


_REPOSITORY = f"""
SELECT r.id, r.auth_epoch, r.visibility, r.state, n.id, n.auth_epoch, n.is_enabled,
  (SELECT a.auth_epoch FROM account a WHERE a.id = $1 AND {can_act("a")}),
  {{credential}},
  (SELECT p.id FROM proxy_cache p WHERE p.organization_id = n.id),
  EXISTS (SELECT 1 FROM pull_policy g WHERE g.namespace_id = n.id AND g.repository_id IS NULL)
    OR EXISTS (SELECT 1 FROM pull_policy g WHERE g.namespace_id = n.id AND g.repository_id = r.id)
FROM account n JOIN repository r ON r.namespace_id = n.id
WHERE n.name = $2 AND r.name = $3 AND {exists("n")} AND {exists("r")}
"""
_CREDENTIAL = (
    "EXISTS (SELECT 1 FROM {table} c WHERE c.id = $4 AND (c.expires_at_ms IS NULL OR c.expires_at_ms > $5))"
)
_REPOSITORY_STATEMENTS = {
    None: _REPOSITORY.format(credential="CAST($4 AS BIGINT) = CAST($5 AS BIGINT) OR TRUE"),
    "access_token": _REPOSITORY.format(credential=_CREDENTIAL.format(table="access_token")),
    "app_token": _REPOSITORY.format(credential=_CREDENTIAL.format(table="app_token")),
}
_BY_TAG = f"""
SELECT m.id, m.digest, m.media_type, b.body, COALESCE(m.pushed_at_ms, m.created_at_ms), t.life,
  t.confirmed_at_ms
FROM tag t
JOIN manifest m ON m.id = t.manifest_id JOIN manifest_body b ON b.manifest_id = m.id
WHERE t.repository_id = $1 AND t.name = $2 AND {is_active("t", "$3")}
ORDER BY t.started_at_ms DESC, t.id DESC LIMIT 1
"""
_BY_DIGEST = """
SELECT m.id, m.digest, m.media_type, b.body, COALESCE(m.pushed_at_ms, m.created_at_ms)
FROM manifest m JOIN manifest_body b ON b.manifest_id = m.id
WHERE m.repository_id = $1 AND m.digest = $2
"""
_BLOB = """
SELECT b.size_bytes, r.created_at_ms FROM blob b JOIN repository_blob r ON r.blob_id = b.id
WHERE b.digest = $1 AND r.repository_id = $2 AND b.state = 'stored'
"""

_FINDINGS = """
SELECT (SELECT f.number FROM findings_revision f WHERE f.id = 1), s.state, s.scanned_at_ms
FROM (SELECT CAST($1 AS BIGINT) AS id) m LEFT JOIN manifest_scan s ON s.manifest_id = m.id
"""

_KEYS = """
SELECT kid, public_key, expires_at_ms FROM service_key
WHERE service = $1 AND approved_at_ms IS NOT NULL AND (expires_at_ms IS NULL OR expires_at_ms > $2)
"""


class HotStore(Protocol):
    """The reads that pulling an image consists of. Each raises `DatabaseUnavailable`."""

    async def repository(
        self, namespace: str, name: str, *, account_id: int, credential_kind: str | None, credential_id: int
    ) -> HotRepository | None:
        """The repository, with what tells whether account and credential are still valid; or None."""

    async def manifest_by_tag(self, repository_id: int, tag: str) -> HotManifest | None:
        """The manifest that a tag points to now, or None."""

    async def manifest_by_digest(self, repository_id: int, digest: str) -> HotManifest | None:
        """A manifest of the repository, or None."""

    async def blob(self, repository_id: int, digest: str) -> HotBlob | None:
        """A blob that the repository has a right to, or None."""

    async def findings(self, manifest_id: int) -> HotFindings:
        """What tells whether a judgement on the pull of a manifest still holds."""

    async def keys(self, service: str) -> list[HotKey]:
        """The keys of a service that are valid now; they are few."""

    async def close(self) -> None:
        """Close the connections."""


class _Reads(ABC):
    """The reads, built on two primitives: the first row of a statement, and all rows."""

    @abstractmethod
    async def _row(self, sql: str, *values: Any) -> Any:
        """The first row, or None."""

    @abstractmethod
    async def _rows(self, sql: str, *values: Any) -> Any:
        """All rows."""

    async def repository(
        self, namespace: str, name: str, *, account_id: int, credential_kind: str | None, credential_id: int
    ) -> HotRepository | None:
        sql = _REPOSITORY_STATEMENTS[credential_kind]
        row = await self._row(sql, account_id, namespace, name, credential_id, now_ms())
        return None if row is None else HotRepository(*row)

    async def manifest_by_tag(self, repository_id: int, tag: str) -> HotManifest | None:
        row = await self._row(_BY_TAG, repository_id, tag, now_ms())
        return None if row is None else HotManifest(*row)

    async def manifest_by_digest(self, repository_id: int, digest: str) -> HotManifest | None:
        row = await self._row(_BY_DIGEST, repository_id, digest)
        return None if row is None else HotManifest(*row)

    async def blob(self, repository_id: int, digest: str) -> HotBlob | None:
        row = await self._row(_BLOB, digest, repository_id)
        return None if row is None else HotBlob(*row)

    async def findings(self, manifest_id: int) -> HotFindings:
        return HotFindings(*await self._row(_FINDINGS, manifest_id))

    async def keys(self, service: str) -> list[HotKey]:
        return [HotKey(*row) for row in await self._rows(_KEYS, service, now_ms())]


class SqliteHotStore(_Reads):
    """Reads inline in the event loop, on a read-only connection."""

    def __init__(self, url: str) -> None:
        path = sqlite_path(url)
        self._connection = sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True, isolation_level=None)
        self._connection.execute("PRAGMA mmap_size=268435456")

    async def _row(self, sql: str, *values: Any) -> Any:
        return self._read(sqlite3.Cursor.fetchone, sql, values)

    async def _rows(self, sql: str, *values: Any) -> Any:
        return self._read(sqlite3.Cursor.fetchall, sql, values)

    def _read(self, fetch: Callable[[sqlite3.Cursor], Any], sql: str, values: tuple[Any, ...]) -> Any:
        started = perf_counter()
        try:
            # SQLite takes `$1` for a named parameter and its number for its name, hence `?1`.
            with answering():
                return fetch(self._connection.execute(_SQLITE[sql], values))
        finally:
            record(sql, started)

    async def close(self) -> None:
        self._connection.close()


class PostgresHotStore(_Reads):
    """Reads through a pool of connections, each statement prepared once per connection."""

    def __init__(self, pool: Any) -> None:
        self._pool = pool

    async def _row(self, sql: str, *values: Any) -> Any:
        return await self._read(self._pool.fetchrow, sql, values)

    async def _rows(self, sql: str, *values: Any) -> Any:
        return await self._read(self._pool.fetch, sql, values)

    async def _read(self, fetch: Callable[..., Awaitable[Any]], sql: str, values: tuple[Any, ...]) -> Any:
        started = perf_counter()
        try:
            with answering():
                return await fetch(sql, *values)
        finally:
            record(sql, started)

    async def close(self) -> None:
        await self._pool.close()


_SQLITE = {
    sql: sql.replace("$", "?")
    for sql in (*_REPOSITORY_STATEMENTS.values(), _BY_TAG, _BY_DIGEST, _BLOB, _FINDINGS, _KEYS)
}


async def open_hot_store(url: str, *, pool_size: int = 8) -> HotStore:
    """Open the point reads of the database at `url`, which must be at the newest revision."""
    if dialect_of(url) == "sqlite":
        return SqliteHotStore(url)
    pool = await asyncpg.create_pool(url, min_size=1, max_size=pool_size, timeout=CONNECT_S)
    return PostgresHotStore(pool)
