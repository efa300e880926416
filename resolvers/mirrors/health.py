"""The health of mirrors: how many run, and which of them fail."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from resolvers.accounts.namespace import require_administered
from resolvers.context import Context
from resolvers.mirrors.schedule import MirrorStatus
from storage.clock import now_ms
from storage.conditions import exists
from storage.statements import fetch

LISTED: Final = 20
"""Most mirrors that are listed as failing."""


@dataclass(frozen=True, slots=True)
class FailingMirror:
    """A mirror whose last run left something out, with what came of it."""

    repository: str
    message: str


@dataclass(frozen=True, slots=True)
class MirrorHealth:
    """How mirrors do: their number by status, and the tags that runs which go on have still before them."""

    counts: Mapping[MirrorStatus, int]
    waiting_tags: int
    failing: tuple[FailingMirror, ...]
    checked_at_ms: int

    @property
    def is_healthy(self) -> bool:
        """Whether none has failed."""
        return not self.counts.get(MirrorStatus.FAIL)


async def health(context: Context, namespace: str | None) -> MirrorHealth:
    """How the mirrors of a namespace do, for whoever administers it; without a name all, for superusers."""
    where = f"{exists('r')} AND {exists('n')}"
    values: tuple[int, ...] = ()
    if namespace is None:
        context.viewer.require_site_view()
    else:
        owner = await require_administered(context.looking, namespace, field="namespace")
        where, values = f"{where} AND r.namespace_id = ?", (owner.id,)
    source = (
        "repository_mirror m JOIN repository r ON r.id = m.repository_id"
        " JOIN account n ON n.id = r.namespace_id"
    )
    rows = await fetch(
        f"SELECT m.status, COUNT(*) AS number FROM {source} WHERE {where} GROUP BY m.status", *values
    )
    waiting = await fetch(
        "SELECT COALESCE(SUM(x.tag_count - x.done_count), 0) AS number FROM"
        f" {source} JOIN mirror_run x ON x.mirror_id = m.id WHERE {where} AND m.status = ?"
        " AND x.ended_at_ms IS NULL",
        *(*values, MirrorStatus.SYNCING.value),
    )
    failing = await fetch(
        "SELECT r.path,"
        " (SELECT x.message FROM mirror_run x WHERE x.mirror_id = m.id ORDER BY x.id DESC LIMIT 1) AS message"
        f" FROM {source} WHERE {where} AND m.status = ? ORDER BY r.path LIMIT {LISTED}",
        *(*values, MirrorStatus.FAIL.value),
    )
    return MirrorHealth(
        {MirrorStatus(row["status"]): row["number"] for row in rows},
        int(waiting[0]["number"]),
        tuple(FailingMirror(row["path"], row["message"] or "") for row in failing),
        now_ms(),
    )
