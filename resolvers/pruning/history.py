"""What the last runs of auto-prune policies deleted: the last ten of each policy that deleted anything.

A run that deleted nothing takes the place of the one before, if that deleted nothing either.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import orjson

from resolvers.columns import Columns
from storage.clock import now_ms
from storage.statements import batches, decode_json, execute, fetch, placeholders
from storage.transactions import key_share, transaction

LISTED = 100
"""Most tags that the record of a run lists."""
KEPT = 10
"""Runs of a policy that are kept."""
ERROR_LENGTH = 1_000
INTERRUPTED = "The run was ended before it was through. A later run did the rest."


class PrunedTag(NamedTuple):
    """A tag that was deleted, with what it pointed to."""

    repository: str
    name: str
    digest: str


@dataclass(frozen=True, slots=True)
class PruneRunRecord:
    """What one run deleted by one policy. `ended_at_ms` is None while it runs."""

    id: int
    policy_id: int
    started_at_ms: int
    ended_at_ms: int | None
    tag_count: int
    error: str | None


_COLUMNS = Columns(PruneRunRecord, "r")


async def last_runs(policy_ids: Sequence[int]) -> dict[int, list[PruneRunRecord]]:
    """The runs of each policy that are kept, newest first; one statement."""
    found: dict[int, list[PruneRunRecord]] = {identity: [] for identity in policy_ids}
    if not found:
        return found
    rows = await fetch(
        f"SELECT {_COLUMNS} FROM prune_run r WHERE r.policy_id IN ({placeholders(policy_ids)})"
        " ORDER BY r.id DESC",
        *policy_ids,
    )
    for row in rows:
        found[row["policy_id"]].append(_COLUMNS.record(row))
    return found


async def tags_of_runs(run_ids: Sequence[int]) -> dict[int, list[PrunedTag]]:
    """The tags that the record of each run lists, in the order in which they were deleted; one statement."""
    if not run_ids:
        return {}
    rows = await fetch(f"SELECT id, tags FROM prune_run WHERE id IN ({placeholders(run_ids)})", *run_ids)
    return {row["id"]: [PrunedTag(*one) for one in decode_json(row["tags"])] for row in rows}


@dataclass(frozen=True, slots=True)
class RunEntry:
    """What is noted of a policy so far: the row, and the tags that it lists."""

    policy_id: int
    id: int
    tags: list[PrunedTag]


class RunLog:
    """Notes what a run deletes, in the transactions of the deletions. One for each run, of any policies."""

    def __init__(self) -> None:
        self._started_at_ms = now_ms()
        self._entries: dict[int, RunEntry] = {}

    def room(self, policy_id: int) -> int:
        """How many more tags of a policy are listed."""
        entry = self._entries.get(policy_id)
        return LISTED - (len(entry.tags) if entry else 0)

    async def add(self, policy_id: int, tags: Sequence[PrunedTag], count: int) -> RunEntry:
        """Note that `count` tags were deleted, and list some, at most as many as there is room for.

        In the transaction of the deletion; what it returns is for `keep` after the commit.
        """
        entry = self._entries.get(policy_id)
        if entry is None:
            rows = await fetch(
                "INSERT INTO prune_run (policy_id, started_at_ms, tag_count, tags) VALUES (?, ?, ?, ?)"
                " RETURNING id",
                *(policy_id, self._started_at_ms, count, _dumped(tags)),
            )
            return RunEntry(policy_id, rows[0]["id"], [*tags])
        made = RunEntry(policy_id, entry.id, [*entry.tags, *tags])
        listed = ", tags = ?" if tags else ""
        await execute(
            f"UPDATE prune_run SET tag_count = tag_count + ?{listed} WHERE id = ?",
            *(count, *([_dumped(made.tags)] if tags else []), entry.id),
        )
        return made

    def keep(self, entries: Sequence[RunEntry]) -> None:
        """Go on from what was noted in a transaction that has been committed."""
        self._entries |= {one.policy_id: one for one in entries}

    async def finish(
        self, policy_ids: Sequence[int], *, error: str | None = None, also_idle: bool = True
    ) -> None:
        """Note that the run is through with some policies, or why it is not.

        Without `also_idle` nothing is noted of those that deleted nothing.
        """
        now = now_ms()
        async with transaction("prune.finish"):
            for batch in batches(policy_ids):
                entries = {one: entry for one in batch if (entry := self._entries.pop(one, None))}
                idle = [one for one in batch if one not in entries]
                if entries:
                    ids = [entry.id for entry in entries.values()]
                    await execute(
                        f"UPDATE prune_run SET ended_at_ms = ?, error = ? WHERE id IN ({placeholders(ids)})",
                        *(now, error and error[:ERROR_LENGTH], *ids),
                    )
                if idle and also_idle:
                    await self._note_idle(idle, now, error)
                await _forget(batch)

    async def _note_idle(self, policy_ids: Sequence[int], now: int, error: str | None) -> None:
        """Note runs that deleted nothing, in place of earlier ones that did not either."""
        await execute(
            "DELETE FROM prune_run WHERE tag_count = 0 AND ended_at_ms IS NOT NULL"
            f" AND policy_id IN ({placeholders(policy_ids)})",
            *policy_ids,
        )
        # A policy may have been deleted meanwhile, or be deleted now: it is waited for, and left out.
        await execute(
            "INSERT INTO prune_run (policy_id, started_at_ms, ended_at_ms, tag_count, tags, error)"
            " SELECT p.id, CAST(? AS BIGINT), CAST(? AS BIGINT), 0, '[]', CAST(? AS TEXT) FROM prune_policy p"
            f" WHERE p.id IN ({placeholders(policy_ids)}){key_share()}",
            *(self._started_at_ms, now, error and error[:ERROR_LENGTH], *policy_ids),
        )


async def close_interrupted(namespace_id: int) -> None:
    """Note that the earlier runs of a namespace that have not ended never will."""
    await execute(
        "UPDATE prune_run SET ended_at_ms = ?, error = ? WHERE ended_at_ms IS NULL AND policy_id IN"
        " (SELECT id FROM prune_policy WHERE namespace_id = ?)",
        *(now_ms(), INTERRUPTED, namespace_id),
    )


async def _forget(policy_ids: Sequence[int]) -> None:
    """Delete the runs of some policies that are older than the last ten of each."""
    rows = await fetch(
        "SELECT id FROM (SELECT r.id AS id, ROW_NUMBER() OVER (PARTITION BY r.policy_id ORDER BY r.id DESC)"
        f" AS place FROM prune_run r WHERE r.policy_id IN ({placeholders(policy_ids)})) placed"
        " WHERE place > ?",
        *(*policy_ids, KEPT),
    )
    for batch in batches([row["id"] for row in rows]):
        await execute(f"DELETE FROM prune_run WHERE id IN ({placeholders(batch)})", *batch)


def _dumped(tags: Sequence[PrunedTag]) -> str:
    return orjson.dumps([[*one] for one in tags]).decode()
