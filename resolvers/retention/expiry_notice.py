"""Warnings of tags that are about to expire: a job finds them and has notifications tell of them.

Each notification `repo_image_expiry` says how many days ahead. It is told once of each tag and expiration; a
tag that gets another expiration is told of anew. Tags of pull-through caches are not told of, since each pull
that confirms them postpones their expiration. What was told is noted in the transaction that writes the
delivery, for those tags that still expire then as they were found, so nothing is told twice or lost.

A clock that has just jumped ahead is not believed, as for auto-prune (`resolvers.pruning.clock`).
"""

import uuid
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from resolvers.job_kinds import MINUTE, Lane, Run, job, progress
from resolvers.notifications.feed import Wanted, note_wanted
from resolvers.notifications.kinds import EVENTS, NotificationEvent, days_of
from resolvers.notifications.notification import NOTIFICATIONS, NotificationRecord
from resolvers.notifications.payload import Names, payload
from resolvers.pruning import clock
from resolvers.repositories import repository
from storage.clock import DAY_MS, now_ms, rfc3339
from storage.conditions import exists, is_active
from storage.statements import Row, execute, fetch, placeholders
from storage.transactions import transaction

EVENT = EVENTS[NotificationEvent.REPO_IMAGE_EXPIRY]
READ_BATCH = 500
"""Tags read at once."""
TOLD_BATCH = 100
"""The most tags of one warning."""
KEEP_MS = 30 * DAY_MS
"""How long after an expiration it is remembered that it was told of, in case the clock goes back."""


@dataclass(frozen=True, slots=True)
class Expiring:
    """A tag that is about to expire, of which nobody was told."""

    tag_id: int
    name: str
    digest: str
    expires_at_ms: int


@job(
    "notification.expiry",
    "Has notifications tell of tags that are about to expire.",
    lane=Lane.LONG,
    every_s=15 * MINUTE,
    needs=lambda site: site.has("IMAGE_EXPIRY_TRIGGER"),
    goes_on_when_read_only=False,
)
async def warn(run: Run) -> str:
    """Tell of the tags of each notification, in batches; then forget what was told long ago."""
    judged_ms = (await clock.note()).judged_ms
    told = 0
    for notification in await NOTIFICATIONS.where("p.event = ?", EVENT.event.value):
        await progress(told)
        told += await _warn_of(run, notification, judged_ms)
    while await execute(
        "DELETE FROM expiry_notice WHERE id IN (SELECT id FROM expiry_notice WHERE expires_at_ms < ?"
        " OR notification_id NOT IN (SELECT id FROM notification) LIMIT ?)",
        now_ms() - KEEP_MS,
        READ_BATCH,
    ):
        run.check()
    return f"{told} tags told of."


async def _warn_of(run: Run, notification: NotificationRecord, judged_ms: int) -> int:
    """Tell a notification of its tags; returns of how many."""
    days = days_of(notification.event_config)
    found = await repository.by_ids([notification.repository_id or 0])
    record = found.get(notification.repository_id or 0)
    if days is None or record is None:
        return 0
    names = Names(record.namespace_name, record.namespace_kind, record.name)
    told = 0
    async for expiring in _expiring(notification, judged_ms + days * DAY_MS):
        for left, group in groupby(expiring, lambda tag: _days_left(tag, judged_ms)):
            tags = list(group)
            for start in range(0, len(tags), TOLD_BATCH):
                run.check()
                told += await _tell(run, notification, names, left, tags[start : start + TOLD_BATCH])
    return told


def _days_left(tag: Expiring, judged_ms: int) -> int:
    """How many days are left, a day that has begun counting whole."""
    return max(1, -(-(tag.expires_at_ms - judged_ms) // DAY_MS))


async def _expiring(notification: NotificationRecord, until_ms: int) -> AsyncIterator[list[Expiring]]:
    """The tags that expire until a time and were not told of, the first to expire first.

    Each statement reads a part of one index, and none depends on how many tags there are.
    """
    now = now_ms()
    after = (now, 0)
    while True:
        rows = await fetch(
            # The subqueries are looked up row by row, by an index; joins would be planned as scans.
            "SELECT t.id AS tag_id, t.name, t.ended_at_ms AS expires_at_ms,"
            " (SELECT m.digest FROM manifest m WHERE m.id = t.manifest_id) AS digest,"
            " (SELECT x.id FROM expiry_notice x WHERE x.notification_id = ?"
            " AND x.expires_at_ms = t.ended_at_ms AND x.tag_id = t.id) AS told FROM tag t"
            " WHERE t.repository_id = ? AND t.ended_at_ms >= ? AND t.ended_at_ms <= ?"
            f" AND (t.ended_at_ms > ? OR t.id > ?) AND {is_active('t')} AND t.confirmed_at_ms IS NULL"
            " ORDER BY t.ended_at_ms, t.id LIMIT ?",
            notification.id,
            notification.repository_id,
            after[0],
            until_ms,
            *after,
            now,
            READ_BATCH,
        )
        if fresh := [_tag(row) for row in rows if row["told"] is None]:
            yield fresh
        if len(rows) < READ_BATCH:
            return
        after = rows[-1]["expires_at_ms"], rows[-1]["tag_id"]


def _tag(row: Row) -> Expiring:
    return Expiring(row["tag_id"], row["name"], row["digest"], row["expires_at_ms"])


async def _tell(
    run: Run, notification: NotificationRecord, names: Names, days_left: int, tags: Sequence[Expiring]
) -> int:
    """Note one warning of several tags, of those that still expire so; returns of how many."""
    async with transaction("expiry_notice.tell"):
        rows = await fetch(
            "SELECT t.id, t.ended_at_ms FROM tag t JOIN repository r ON r.id = t.repository_id"
            f" WHERE t.id IN ({placeholders(tags)}) AND {is_active('t')} AND {exists('r')}",
            *(tag.tag_id for tag in tags),
            now_ms(),
        )
        now_so = {(row["id"], row["ended_at_ms"]) for row in rows}
        still = [tag for tag in tags if (tag.tag_id, tag.expires_at_ms) in now_so]
        noted = await _note(notification, still)
        still = [tag for tag in still if tag.tag_id in noted]
        if still:
            await note_wanted([_wanted(run, notification, names, days_left, still)])
    return len(still)


async def _note(notification: NotificationRecord, tags: Sequence[Expiring]) -> set[int]:
    """Note that a notification was told of tags; returns those of which it was not before."""
    if not tags:
        return set()
    rows = await fetch(
        "INSERT INTO expiry_notice (notification_id, expires_at_ms, tag_id)"
        f" VALUES {', '.join(['(?, ?, ?)'] * len(tags))}"
        " ON CONFLICT (notification_id, expires_at_ms, tag_id) DO NOTHING RETURNING tag_id",
        *(value for tag in tags for value in (notification.id, tag.expires_at_ms, tag.tag_id)),
    )
    return {row["tag_id"] for row in rows}


def _wanted(
    run: Run, notification: NotificationRecord, names: Names, days_left: int, tags: Sequence[Expiring]
) -> Wanted:
    identity, now = str(uuid.uuid4()), now_ms()
    facts = EVENT.facts(
        {
            "tags": [tag.name for tag in tags],
            "days": days_left,
            "expirations": [
                {"tag": tag.name, "digest": tag.digest, "expires_at": rfc3339(tag.expires_at_ms)}
                for tag in tags
            ],
        }
    )
    digests = {tag.digest for tag in tags}
    if len(digests) == 1:
        facts["digest"] = digests.pop()
    body = payload(
        run.tools.context.site,
        names,
        EVENT,
        facts,
        event_id=identity,
        occurred_at_ms=now,
        actor=None,
    )
    return Wanted(notification, identity, body)
