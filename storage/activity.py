"""Counters of pulls and pushes: batched upserts that add to the stored counts.

Rows are written in the order of their keys, so that two processes that count the same things wait for each
other instead of deadlocking.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from storage.statements import execute


class DailyKey(NamedTuple):
    """The key of a daily counter: repository, day (days since the epoch, UTC) and kind of actor."""

    repository_id: int
    namespace_id: int
    day: int
    actor_kind: str


@dataclass(slots=True)
class DailyCount:
    """Numbers to add to a daily counter; `checks` are HEAD requests."""

    pulls: int = 0
    checks: int = 0
    pushes: int = 0


@dataclass(slots=True)
class PullCount:
    """Number of pulls to add, and the time of the last."""

    pulls: int = 0
    last_pulled_at_ms: int = 0

    def add(self, pulls: int, latest_ms: int) -> None:
        """Add pulls, of which the last was at `latest_ms`."""
        self.pulls += pulls
        self.last_pulled_at_ms = max(self.last_pulled_at_ms, latest_ms)


_LATEST = (
    "last_pulled_at_ms = CASE WHEN excluded.last_pulled_at_ms > {table}.last_pulled_at_ms"
    " THEN excluded.last_pulled_at_ms ELSE {table}.last_pulled_at_ms END"
)


async def add_daily(counts: Mapping[DailyKey, DailyCount]) -> None:
    """Add to daily counters, in the open transaction if there is one."""
    await _upsert(
        "daily_activity",
        ("repository_id", "namespace_id", "day", "actor_kind", "pulls", "checks", "pushes"),
        [(*key, count.pulls, count.checks, count.pushes) for key, count in sorted(counts.items(), key=_key)],
        "(repository_id, day, actor_kind) DO UPDATE SET pulls = daily_activity.pulls + excluded.pulls,"
        " checks = daily_activity.checks + excluded.checks,"
        " pushes = daily_activity.pushes + excluded.pushes",
    )


async def add_manifest_pulls(counts: Mapping[int, PullCount]) -> None:
    """Add to the pull counters of manifests, by manifest id."""
    await _upsert(
        "manifest_pulls",
        ("manifest_id", "pulls", "last_pulled_at_ms"),
        [(key, count.pulls, count.last_pulled_at_ms) for key, count in sorted(counts.items(), key=_key)],
        "(manifest_id) DO UPDATE SET pulls = manifest_pulls.pulls + excluded.pulls, "
        + _LATEST.format(table="manifest_pulls"),
    )


class TagKey(NamedTuple):
    """The key of the pull counter of a tag: repository, name, and which life of the tag."""

    repository_id: int
    name: str
    life: int


async def add_tag_pulls(counts: Mapping[TagKey, PullCount]) -> None:
    """Add to the pull counters of tags.

    A counter holds the latest life that was pulled: a later one begins at 0, and pulls of an earlier one,
    which come late, do not count.
    """
    latest = {key[:2]: key for key in sorted(counts)}
    await _upsert(
        "tag_pulls",
        ("repository_id", "name", "life", "pulls", "last_pulled_at_ms"),
        [(*key, counts[key].pulls, counts[key].last_pulled_at_ms) for key in latest.values()],
        "(repository_id, name) DO UPDATE SET"
        " pulls = CASE WHEN excluded.life > tag_pulls.life THEN 0 ELSE tag_pulls.pulls END + excluded.pulls,"
        " last_pulled_at_ms = CASE WHEN excluded.life > tag_pulls.life"
        " OR excluded.last_pulled_at_ms > tag_pulls.last_pulled_at_ms THEN excluded.last_pulled_at_ms"
        " ELSE tag_pulls.last_pulled_at_ms END, life = excluded.life"
        " WHERE excluded.life >= tag_pulls.life",
    )


def _key(item: tuple[Any, Any]) -> Any:
    return item[0]


async def _upsert(
    table: str, columns: tuple[str, ...], rows: list[tuple[Any, ...]], on_conflict: str
) -> None:
    if not rows:
        return
    row = f"({', '.join('?' * len(columns))})"
    await execute(
        f"INSERT INTO {table} ({', '.join(columns)}) VALUES {', '.join([row] * len(rows))}"
        f" ON CONFLICT {on_conflict}",
        *(value for values in rows for value in values),
    )
