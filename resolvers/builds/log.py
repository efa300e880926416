"""Log of a build: what it printed, line by line, while it runs; one compressed blob when it has ended.

Lines are written in batches and bounded, since a build prints what it wants. The event log tells phases only.
"""

import asyncio
import gzip
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import orjson

from storage.clock import now_ms
from storage.statements import execute, fetch, fetch_one, insert_many
from storage.transactions import transaction

MAXIMUM_LINES: Final = 20_000
MAXIMUM_BYTES: Final = 4 * 1024 * 1024
"""Bytes of the texts of a log. What is printed after that is lost, but for the last phases."""
MAXIMUM_LINE: Final = 4096
"""Characters of a line; the rest of a longer one is lost."""
CUT: Final = "The log ends here: the build prints more than is kept."
PHASE, ERROR = "phase", "error"
"""Kinds of lines beside those that a build printed, which have none."""


@dataclass(frozen=True, slots=True)
class LogLine:
    """A line of a log. `kind` is `phase`, `error` or None."""

    number: int
    kind: str | None
    text: str
    created_at_ms: int


@dataclass(frozen=True, slots=True)
class LogPage:
    """Lines from `start` on, and how many the log has."""

    start: int
    total: int
    lines: tuple[LogLine, ...]


@dataclass(frozen=True, slots=True)
class ArchivedLog:
    """A whole log that is not written any more."""

    rows: list[list[Any]]

    def page(self, start: int, limit: int) -> LogPage:
        """Lines from the number `start` on, at most `limit`."""
        rows = self.rows[start : start + limit]
        return LogPage(start, len(self.rows), tuple(LogLine(start + at, *row) for at, row in enumerate(rows)))


class LogWriter:
    """Writes the log of a build. Another process that takes the build over goes on after the last line."""

    def __init__(self, build_id: int, number: int, used: int) -> None:
        self._build_id = build_id
        self._number = number
        self._used = used

    @classmethod
    async def open(cls, build_id: int) -> "LogWriter":
        """A writer that goes on after the last line."""
        row = await fetch_one(
            "SELECT COALESCE(MAX(number) + 1, 0) AS number, COALESCE(SUM(LENGTH(text)), 0) AS used"
            " FROM build_log_line WHERE build_id = ?",
            build_id,
        )
        assert row is not None
        return cls(build_id, int(row["number"]), int(row["used"]))

    async def write(self, texts: Sequence[str], kind: str | None = None) -> None:
        """Append lines, as far as they are kept; those with a kind always are."""
        if kind is None:
            texts = self._kept(texts)
        now = now_ms()
        rows = [(self._build_id, self._number + at, kind, text, now) for at, text in enumerate(texts)]
        self._number += len(rows)
        await insert_many("build_log_line", ("build_id", "number", "kind", "text", "created_at_ms"), rows)

    def _kept(self, texts: Sequence[str]) -> Sequence[str]:
        if self._used > MAXIMUM_BYTES or self._number > MAXIMUM_LINES:
            return ()
        for at, text in enumerate(texts):
            self._used += len(text)
            if self._used > MAXIMUM_BYTES or self._number + at >= MAXIMUM_LINES:
                self._used = MAXIMUM_BYTES + 1
                return [*texts[:at], CUT]
        return texts


async def read(build_id: int, start: int, limit: int) -> LogPage:
    """Lines of a log from the number `start` on, at most `limit`."""
    if (archived := await read_archive(build_id)) is not None:
        return archived.page(start, limit)
    rows = await fetch(
        "SELECT number, kind, text, created_at_ms FROM build_log_line WHERE build_id = ? AND number >= ?"
        " ORDER BY number LIMIT ?",
        *(build_id, start, limit),
    )
    total = await fetch_one(
        "SELECT COALESCE(MAX(number) + 1, 0) AS total FROM build_log_line WHERE build_id = ?", build_id
    )
    assert total is not None
    if not total["total"] and (archived := await read_archive(build_id)) is not None:
        # It was put there meanwhile.
        return archived.page(start, limit)
    return LogPage(start, int(total["total"]), tuple(_line(row) for row in rows))


async def read_archive(build_id: int) -> ArchivedLog | None:
    """The log of a build that has ended; None if it is not archived. It stays as it is."""
    found = await fetch_one("SELECT content FROM build_log_archive WHERE build_id = ?", build_id)
    if found is None:
        return None
    # It may have some MiB, so this takes longer than others should wait.
    return ArchivedLog(await asyncio.to_thread(_decoded, found["content"]))


def _decoded(content: bytes) -> list[list[Any]]:
    rows: list[list[Any]] = orjson.loads(gzip.decompress(content))
    return rows


def _line(row: dict[str, Any]) -> LogLine:
    return LogLine(row["number"], row["kind"], row["text"], row["created_at_ms"])


async def archive(build_id: int) -> None:
    """Put the lines of a build that has ended into one blob, unless that was done."""
    async with transaction("build.archive_log"):
        rows = await fetch(
            "SELECT kind, text, created_at_ms FROM build_log_line WHERE build_id = ? ORDER BY number",
            build_id,
        )
        if not rows:
            return
        content = gzip.compress(orjson.dumps([list(row.values()) for row in rows]), mtime=0)
        await execute(
            "INSERT INTO build_log_archive (build_id, line_count, content) VALUES (?, ?, ?)"
            " ON CONFLICT (build_id) DO NOTHING",
            *(build_id, len(rows), content),
        )
        await execute("DELETE FROM build_log_line WHERE build_id = ?", build_id)
