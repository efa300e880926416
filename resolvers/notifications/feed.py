"""Feed: reads the event log and notes a delivery for each notification that wants an event.

One process, elected by a lease, reads. The position in the log moves in the transaction that writes the
deliveries, and only from where it was read; so each event is noted exactly once, whoever else reads, and
whenever a process is killed.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass

from resolvers.access.viewer import AccountKind
from resolvers.accounts import account
from resolvers.context import Context, Site
from resolvers.notifications.deliveries import DeliveryStatus, NewDelivery, note, start_jobs
from resolvers.notifications.kinds import BY_SOURCE, is_told
from resolvers.notifications.notification import (
    CURSOR,
    FAILURES_TO_SKIP,
    MAXIMUM_NOTIFICATIONS,
    NOTIFICATIONS,
    NotificationRecord,
    cursor_text,
)
from resolvers.notifications.payload import Names, event_id, payload
from resolvers.repositories import repository
from storage.events import Cursor, is_beyond_end, log_end, pruned_up_to, put_behind_end, read_after
from storage.faults import fault
from storage.site_settings import site_setting
from storage.statements import Row, execute, fetch, is_postgres, placeholders
from storage.transactions import transaction

logger = logging.getLogger("quayside.notifications")

READ_BATCH = 500
"""Events read from the log in one statement."""
WRITE_BATCH = 500
"""Deliveries noted in one transaction, unless one event has more."""
NOTIFIED_AT_ONCE = MAXIMUM_NOTIFICATIONS
"""Notifications whose rows one transaction may lock: at least those of one owner."""

Told = tuple[Cursor, Row]


@dataclass(frozen=True, slots=True)
class Wanted:
    """A delivery that a notification wants."""

    notification: NotificationRecord
    event_id: str
    payload: dict[str, object]


async def feed(context: Context) -> bool:
    """Note the deliveries of the next events of the log; whether there may be more."""
    text = await site_setting(CURSOR)
    if text is None:
        # No notification has ever been made.
        return False
    transaction_id, _, identity = text.partition(":")
    cursor = int(transaction_id), int(identity)
    rows = await read_after(cursor, limit=READ_BATCH)
    if not rows:
        return await is_beyond_end(cursor) and await _start_anew(text)
    if (pruned := await pruned_up_to()) > cursor and cursor[1]:
        logger.warning("events were removed before notifications could tell of them", extra={"up_to": pruned})
    told = [(at, row) for at, row in rows if _is_told(row)]
    wanted = await _wanted(context.site, told) if told else []
    position, chosen = _first(wanted, rows[-1][0] if len(wanted) == len(told) else wanted[-1][0])
    async with transaction("notification.feed"):
        moved = await execute(
            "UPDATE site_setting SET value = ? WHERE name = ? AND value = ?",
            *(cursor_text(position), CURSOR, text),
        )
        if moved:
            await note_wanted(chosen)
            fault("notification.before_commit")
    return len(rows) == READ_BATCH or position != rows[-1][0]


async def _start_anew(text: str) -> bool:
    """Read from the present end of the log, whose positions are not those that were noted; True.

    Such a log is that of a restored database. What it holds was there before, and is not told again.
    """
    logger.warning("the event log is another one than before; notifications tell of what comes from now on")
    await put_behind_end()
    async with transaction("notification.start_anew"):
        end = (await log_end()).cursor
        if await execute(
            "UPDATE site_setting SET value = ? WHERE name = ? AND value = ?", cursor_text(end), CURSOR, text
        ):
            await execute(
                "UPDATE notification SET since_transaction_id = ?, since_event_id = ?"
                " WHERE since_transaction_id > ?",
                *(end[0], end[1], end[0]),
            )
    return True


def _first(wanted: Sequence[tuple[Cursor, list[Wanted]]], end: Cursor) -> tuple[Cursor, list[Wanted]]:
    """As many of the first events as one transaction notes, and the position behind them."""
    position, chosen, notified = None, list[Wanted](), set[int]()
    for at, of_event in wanted:
        more = notified | {one.notification.id for one in of_event}
        too_many = len(chosen) + len(of_event) > WRITE_BATCH or len(more) > NOTIFIED_AT_ONCE
        if position is not None and of_event and too_many:
            return position, chosen
        position, chosen, notified = at, chosen + of_event, more
    return end, chosen


def _is_told(row: Row) -> bool:
    """Whether notifications may want an event; one that is malformed is logged, and passed over."""
    try:
        return is_told(row["kind"], row["metadata"])
    except Exception:
        logger.exception("an event cannot be told", extra={"event": row["id"]})
        return False


async def _wanted(site: Site, told: Sequence[Told]) -> list[tuple[Cursor, list[Wanted]]]:
    """What is to be delivered of events of the log, by their positions; not of all if it is more than fits.

    An event that is malformed is logged, and passed over.
    """
    repository_ids = sorted({row["repository_id"] for _, row in told} - {None})
    namespace_ids = sorted({row["namespace_id"] for _, row in told} - {None})
    found = await _notifications(repository_ids, namespace_ids)
    if not found:
        return [(at, list[Wanted]()) for at, _ in told]
    names = await _names(
        [one for one in repository_ids if (one, None) in found],
        [one for one in namespace_ids if (None, one) in found],
    )
    actors = await account.by_ids(sorted({row["performer_id"] for _, row in told} - {None}))
    wanted: list[tuple[Cursor, list[Wanted]]] = []
    number = 0
    for at, row in told:
        if number > WRITE_BATCH:
            break
        event, metadata = BY_SOURCE[row["kind"]], row["metadata"]
        place = (None, row["namespace_id"]) if event.is_of_namespace else (row["repository_id"], None)
        performer = actors.get(row["performer_id"])
        here = names.get(place)
        chosen = [
            one
            for one in found.get(place, ())
            if one.event is event.event and one.since < at and _wants(one, row)
        ]
        if here is None or not chosen:
            wanted.append((at, []))
            continue
        identity = event_id(site, row["id"], row["created_at_ms"])
        try:
            body = payload(
                site,
                here,
                event,
                event.facts(metadata),
                event_id=identity,
                occurred_at_ms=row["created_at_ms"],
                actor=performer.name if performer else metadata.get("username") or metadata.get("robot"),
            )
        except Exception:
            logger.exception("an event cannot be told", extra={"event": row["id"]})
            wanted.append((at, []))
            continue
        wanted.append((at, [Wanted(one, identity, body) for one in chosen]))
        number += len(chosen)
    return wanted


def _wants(notification: NotificationRecord, row: Row) -> bool:
    """Whether a notification wants an event of its kind."""
    try:
        return BY_SOURCE[row["kind"]].wants(notification.event_config, row["metadata"])
    except Exception:
        extra = {"event": row["id"], "notification": notification.id}
        logger.exception("an event cannot be compared with a notification", extra=extra)
        return False


_Place = tuple[int | None, int | None]
"""A repository, or a namespace."""


async def _notifications(
    repository_ids: Sequence[int], namespace_ids: Sequence[int]
) -> dict[_Place, list[NotificationRecord]]:
    """The notifications of repositories and of namespaces themselves, by place."""
    conditions, values = [], list[int]()
    if repository_ids:
        conditions.append(f"p.repository_id IN ({placeholders(repository_ids)})")
        values += repository_ids
    if namespace_ids:
        conditions.append(f"(p.namespace_id IN ({placeholders(namespace_ids)}) AND p.repository_id IS NULL)")
        values += namespace_ids
    found: dict[_Place, list[NotificationRecord]] = {}
    for one in await NOTIFICATIONS.where(" OR ".join(conditions), *values) if conditions else ():
        place = (None, one.namespace_id) if one.repository_id is None else (one.repository_id, None)
        found.setdefault(place, []).append(one)
    return found


async def _names(repository_ids: Sequence[int], namespace_ids: Sequence[int]) -> dict[_Place, Names]:
    """The names of the places that are there."""
    names: dict[_Place, Names] = {
        (one.id, None): Names(one.namespace_name, one.namespace_kind, one.name)
        for one in (await repository.by_ids(repository_ids)).values()
    }
    for owner in (await account.by_ids(list(namespace_ids))).values():
        if owner.kind is not AccountKind.ROBOT:
            names[None, owner.id] = Names(owner.name, owner.kind)
    return names


async def note_wanted(chosen: Sequence[Wanted]) -> None:
    """Write deliveries in the open transaction, and see to it that a job sends them."""
    if not chosen:
        return
    ids = sorted({one.notification.id for one in chosen})
    rows = await fetch(
        "SELECT n.id, n.namespace_id, n.number_of_failures, j.id AS job_id FROM notification n"
        " LEFT JOIN job j ON j.id = n.job_id AND j.state IN ('waiting', 'running')"
        f" WHERE n.id IN ({placeholders(ids)}) ORDER BY n.id" + (" FOR UPDATE OF n" if is_postgres() else ""),
        *ids,
    )
    held = {row["id"]: row for row in rows}
    skipping = {row["id"] for row in rows if row["number_of_failures"] >= FAILURES_TO_SKIP}
    await note(
        [
            NewDelivery(
                one.notification.id,
                one.event_id,
                one.payload,
                (DeliveryStatus.SKIPPED if one.notification.id in skipping else DeliveryStatus.WAITING).value,
            )
            for one in chosen
            # It may have been deleted meanwhile.
            if one.notification.id in held
        ]
    )
    await start_jobs(
        {
            identity: row["namespace_id"]
            for identity, row in held.items()
            if row["job_id"] is None and identity not in skipping
        }
    )
