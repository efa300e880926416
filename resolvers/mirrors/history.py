"""Runs of mirrors: begun, gone on with, and ended; what they did, and how far they are. The last ten stay."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

import orjson

from resolvers.columns import Columns
from resolvers.mirrors.schedule import MirrorStatus
from storage.clock import now_ms
from storage.statements import batches, decode_json, execute, fetch, fetch_one, placeholders

KEPT: Final = 10
LISTED: Final = 100
"""Most tags that the record of a run lists as failed."""
TEXT_LENGTH: Final = 500


class TagFailure(NamedTuple):
    """A tag that was not brought, and why."""

    tag: str
    message: str


def _failures(value: Any) -> tuple[TagFailure, ...]:
    return tuple(TagFailure(*one) for one in decode_json(value))


@dataclass(frozen=True, slots=True)
class MirrorRunRecord:
    """One run. `ended_at_ms` is None while it goes on, `tag_count` until the tags of the source are known."""

    id: int
    mirror_id: int
    job_id: int | None
    status: MirrorStatus
    started_at_ms: int
    ended_at_ms: int | None
    tag_count: int | None
    done_count: int
    changed_count: int
    removed_count: int
    failed_count: int
    fetched_bytes: int
    message: str | None
    failures: tuple[TagFailure, ...]


_COLUMNS = Columns(MirrorRunRecord, "r", convert={"failures": _failures})


@dataclass(slots=True)
class Tally:
    """What a run has done so far, in this process or in one before."""

    tag_count: int | None = None
    done: int = 0
    changed: int = 0
    removed: int = 0
    failed: int = 0
    fetched_bytes: int = 0
    failures: list[TagFailure] = field(default_factory=list)

    @classmethod
    def of(cls, run: MirrorRunRecord) -> "Tally":
        """What the record of a run says."""
        return cls(
            *(run.tag_count, run.done_count, run.changed_count, run.removed_count, run.failed_count),
            *(run.fetched_bytes, list(run.failures)),
        )

    def as_told(self) -> dict[str, int | None]:
        """The figures in the metadata of an event."""
        return {
            "tags_done": self.done,
            "tags_total": self.tag_count,
            "tags_changed": self.changed,
            "tags_failed": self.failed,
            "fetched_bytes": self.fetched_bytes,
        }

    def fail(self, tag: str, message: str) -> None:
        """Note a tag that failed."""
        self.failed += 1
        if len(self.failures) < LISTED:
            self.failures.append(TagFailure(tag, message[:TEXT_LENGTH]))


async def begin(mirror_id: int, job_id: int | None) -> MirrorRunRecord:
    """Begin a run, in the open transaction."""
    rows = await fetch(
        "INSERT INTO mirror_run (mirror_id, job_id, status, started_at_ms, done_count, changed_count,"
        " removed_count, failed_count, fetched_bytes, failures) VALUES (?, ?, ?, ?, 0, 0, 0, 0, 0, '[]')"
        " RETURNING id",
        *(mirror_id, job_id, MirrorStatus.SYNCING.value, now_ms()),
    )
    found = await by_id(rows[0]["id"])
    assert found is not None
    return found


async def by_id(run_id: int) -> MirrorRunRecord | None:
    """A run by its row id."""
    row = await fetch_one(f"SELECT {_COLUMNS} FROM mirror_run r WHERE r.id = ?", run_id)
    return _COLUMNS.record(row) if row else None


async def last(mirror_id: int) -> MirrorRunRecord | None:
    """The run of a mirror that began last."""
    row = await fetch_one(
        f"SELECT {_COLUMNS} FROM mirror_run r WHERE r.mirror_id = ? ORDER BY r.id DESC LIMIT 1", mirror_id
    )
    return _COLUMNS.record(row) if row else None


async def last_runs(mirror_ids: Sequence[int]) -> dict[int, list[MirrorRunRecord]]:
    """The runs of each mirror that are kept, newest first; one statement."""
    found: dict[int, list[MirrorRunRecord]] = {identity: [] for identity in mirror_ids}
    if not found:
        return found
    rows = await fetch(
        f"SELECT {_COLUMNS} FROM mirror_run r WHERE r.mirror_id IN ({placeholders(mirror_ids)})"
        " ORDER BY r.id DESC",
        *mirror_ids,
    )
    for row in rows:
        found[row["mirror_id"]].append(_COLUMNS.record(row))
    return found


async def take_over(run_id: int, job_id: int | None) -> None:
    """Note that another job goes on with a run."""
    await execute("UPDATE mirror_run SET job_id = ? WHERE id = ?", job_id, run_id)


async def note(run_id: int, tally: Tally) -> None:
    """Write down how far a run is; one statement."""
    await _write(run_id, tally, "ended_at_ms IS NULL")


async def end(run_id: int, tally: Tally, status: MirrorStatus, message: str | None) -> None:
    """Note what came of a run, and forget the oldest ones of its mirror."""
    await _write(run_id, tally, "1 = 1")
    await execute(
        "UPDATE mirror_run SET status = ?, ended_at_ms = ?, message = ? WHERE id = ?",
        *(status.value, now_ms(), message and message[:TEXT_LENGTH], run_id),
    )
    rows = await fetch(
        "SELECT id FROM mirror_run WHERE mirror_id = (SELECT mirror_id FROM mirror_run WHERE id = ?)"
        f" ORDER BY id DESC LIMIT 500 OFFSET {KEPT}",
        run_id,
    )
    for batch in batches([row["id"] for row in rows]):
        await execute(f"DELETE FROM mirror_run WHERE id IN ({placeholders(batch)})", *batch)


async def _write(run_id: int, tally: Tally, condition: str) -> None:
    await execute(
        "UPDATE mirror_run SET tag_count = ?, done_count = ?, changed_count = ?, removed_count = ?,"
        f" failed_count = ?, fetched_bytes = ?, failures = ? WHERE id = ? AND {condition}",
        *(tally.tag_count, tally.done, tally.changed, tally.removed, tally.failed, tally.fetched_bytes),
        *(orjson.dumps([[*one] for one in tally.failures]).decode(), run_id),
    )
