"""Leftovers: documents attached to images that were not read, and that no job is for.

Such as those that came before quayside read them, or whose job failed in every attempt.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final

from resolvers.attestations.attached import BILL_TYPES, NOT_THERE, VEX_TYPES
from resolvers.context import Context
from resolvers.job_kinds import Run
from resolvers.manifests import rights
from resolvers.manifests.examination import BILL, VEX, order_bills, order_vex
from storage.jobs import enqueue_many
from storage.statements import Row, decode_json, fetch
from storage.transactions import transaction

BATCH: Final = 500


@dataclass(frozen=True, slots=True)
class _Documents:
    table: str
    job: str
    media_types: tuple[str, ...]
    order: Callable[[Context, int, Sequence[int]], Awaitable[None]]


_KINDS: Final = (
    _Documents("vex_document", VEX, VEX_TYPES, order_vex),
    _Documents("sbom_document", BILL, BILL_TYPES, order_bills),
)
_LAYERS: Final = "SELECT 1 FROM manifest_blob l WHERE l.manifest_id = m.id AND l.role = 'layer'"
_FROM: Final = "SELECT m.id, r.namespace_id FROM {tables} JOIN repository r ON r.id = m.repository_id"
_WAITING: Final = (
    f"{_FROM.format(tables='{table} d JOIN manifest m ON m.id = d.manifest_id')}"
    " WHERE (d.state = 'queued' OR d.state = 'failed' AND d.reason = ?)"
    " AND m.deleted_digest IS NULL AND m.created_at_ms < ? AND m.id < ?"
    f" AND EXISTS ({_LAYERS} AND {rights.IS_HELD}) ORDER BY m.id DESC LIMIT ?"
)
"""Those that were not read yet; what the repository does not hold, as in a cache, cannot be."""
_UNKNOWN: Final = (
    f"{_FROM.format(tables='manifest m')} WHERE m.subject_digest IS NOT NULL AND m.deleted_digest IS NULL"
    " AND m.created_at_ms < ? AND m.id < ?"
    " AND NOT EXISTS (SELECT 1 FROM {table} d WHERE d.manifest_id = m.id)"
    f" AND EXISTS ({_LAYERS} AND ({{is_one}})) ORDER BY m.id DESC LIMIT ?"
)
"""Those that came while nothing was read, by the media types that say it: for attestations the registry would
have to read the annotations of each."""


async def order(run: Run, *, before_ms: int) -> int:
    """Have what was left read, of the manifests that were stored before a time; how much that is."""
    number = 0
    for kind in _KINDS:
        number += await _order_waiting(run, kind, before_ms)
        number += await _order_unknown(run, kind, before_ms)
    return number


async def _order_waiting(run: Run, kind: _Documents, before_ms: int) -> int:
    number, last = 0, 2**62
    while rows := await fetch(_WAITING.format(table=kind.table), NOT_THERE, before_ms, last, BATCH):
        run.check()
        last = rows[-1]["id"]
        # Asked after the rows: a job that has ended since has read its document.
        jobs = await fetch(
            "SELECT payload FROM job WHERE kind = ? AND state IN ('waiting', 'running')", kind.job
        )
        busy = {decode_json(job["payload"])["manifest_id"] for job in jobs}
        left = [({"manifest_id": row["id"]}, row["namespace_id"]) for row in rows if row["id"] not in busy]
        async with transaction("attached.order"):
            await enqueue_many(kind.job, left)
        number += len(left)
    return number


async def _order_unknown(run: Run, kind: _Documents, before_ms: int) -> int:
    number, last = 0, 2**62
    types = [value for media_type in kind.media_types for value in (len(media_type), media_type)]
    starts = " OR ".join(
        f"substr({column}, 1, ?) = ?"
        for column in ("l.media_type", "m.artifact_type")
        for _ in kind.media_types
    )
    while rows := await fetch(
        _UNKNOWN.format(table=kind.table, is_one=starts), before_ms, last, *types, *types, BATCH
    ):
        run.check()
        last = rows[-1]["id"]
        async with transaction("attached.order"):
            for namespace_id, ids in _by_namespace(rows).items():
                await kind.order(run.tools.context, namespace_id, ids)
        number += len(rows)
    return number


def _by_namespace(rows: Sequence[Row]) -> dict[int, list[int]]:
    found: dict[int, list[int]] = {}
    for row in rows:
        found.setdefault(row["namespace_id"], []).append(row["id"])
    return found
