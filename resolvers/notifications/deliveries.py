"""The delivery log: what was sent to the receiver of a notification, what waits, and what was skipped.

Administrators read it, add a test, and have something sent again. It is kept for a week.
"""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

import orjson

from resolvers.access.viewer import AccountKind
from resolvers.accounts import account
from resolvers.accounts.namespace import Owner
from resolvers.columns import Columns
from resolvers.context import Context
from resolvers.errors import Conflict, NotFound, TooMany
from resolvers.job_kinds import HOUR, Run, job
from resolvers.notifications.kinds import EVENTS
from resolvers.notifications.notification import (
    ERASE_JOB,
    FAILURES_TO_SKIP,
    NOTIFICATIONS,
    NotificationRecord,
    require,
)
from resolvers.notifications.payload import Names, payload
from resolvers.pages import Page, Query, Slice, Term, paginate, paginate_each
from resolvers.repositories import repository
from resolvers.repositories.policies import Place
from storage.clock import DAY_MS, now_ms
from storage.jobs import enqueue, enqueue_many
from storage.statements import (
    INSERT_BATCH,
    batches,
    execute,
    fetch,
    fetch_one,
    insert_many,
    placeholders,
)
from storage.transactions import lock_and_read, transaction

JOB = "notification.deliver"
KEEP_MS = 7 * DAY_MS


class DeliveryStatus(StrEnum):
    """What became of a delivery: it waits, was taken, was tried in vain, or was not tried."""

    WAITING = "waiting"
    DELIVERED = "delivered"
    FAILED = "failed"
    SKIPPED = "skipped"


WAITING_TEST = "test"
"""The stored status of a test that waits: in the order of texts after all ends, and before waiting events."""
_STORED: Mapping[DeliveryStatus, tuple[str, ...]] = {
    DeliveryStatus.WAITING: (DeliveryStatus.WAITING.value, WAITING_TEST),
    **{status: (status.value,) for status in DeliveryStatus if status is not DeliveryStatus.WAITING},
}


@dataclass(frozen=True, slots=True)
class DeliveryRecord:
    """A delivery. `response` is the beginning of the last answer, `error` why it was not taken."""

    id: int
    notification_id: int
    event_id: str
    is_test: bool
    payload: dict[str, Any]
    status: DeliveryStatus
    attempts: int
    http_status: int | None
    response: str | None
    error: str | None
    created_at_ms: int
    next_attempt_at_ms: int | None
    last_attempt_at_ms: int | None
    ended_at_ms: int | None


COLUMNS = Columns(
    DeliveryRecord,
    "d",
    convert={"status": lambda text: DeliveryStatus.WAITING if text == WAITING_TEST else DeliveryStatus(text)},
)


@dataclass(frozen=True, slots=True)
class NewDelivery:
    """A delivery to note."""

    notification_id: int
    event_id: str
    payload: dict[str, Any]
    status: str
    is_test: bool = False


async def note(new: Sequence[NewDelivery]) -> None:
    """Write deliveries in their order, in the open transaction."""
    now = now_ms()
    skipped = DeliveryStatus.SKIPPED.value
    await insert_many(
        "notification_delivery",
        (
            "notification_id",
            "event_id",
            "is_test",
            "payload",
            "status",
            "attempts",
            "created_at_ms",
            "ended_at_ms",
        ),
        [
            (
                one.notification_id,
                one.event_id,
                one.is_test,
                orjson.dumps(one.payload).decode(),
                one.status,
                0,
                now,
                now if one.status == skipped else None,
            )
            for one in new
        ],
    )


async def start_job(notification_id: int, namespace_id: int, *, delay_ms: int = 0) -> None:
    """Let a new job deliver for a notification, in place of the one that did; in the open transaction.

    The caller holds the row of the notification.
    """
    job_id = await enqueue(
        JOB, {"notification_id": notification_id}, delay_ms=delay_ms, namespace_id=namespace_id
    )
    await execute("UPDATE notification SET job_id = ? WHERE id = ?", job_id, notification_id)


async def see_to_job(notification_id: int, namespace_id: int) -> None:
    """Let a job deliver for a notification at once; in the open transaction, which holds its row.

    The one that runs goes on, as it looks again after its attempt; one that waits for a later time begins.
    """
    job = await fetch_one(
        "SELECT j.id FROM notification n JOIN job j ON j.id = n.job_id AND j.state IN ('waiting', 'running')"
        " WHERE n.id = ?",
        notification_id,
    )
    if job is None:
        await start_job(notification_id, namespace_id)
        return
    now = now_ms()
    await execute(
        "UPDATE job SET run_at_ms = ? WHERE id = ? AND state = 'waiting' AND run_at_ms > ?",
        *(now, job["id"], now),
    )


async def start_jobs(notifications: Mapping[int, int]) -> None:
    """Do what `start_job` does for many notifications, each with the id of its namespace."""
    jobs = await enqueue_many(
        JOB, [({"notification_id": one}, namespace_id) for one, namespace_id in notifications.items()]
    )
    for batch in batches(jobs, INSERT_BATCH):
        ids = [payload["notification_id"] for _, payload in batch]
        cases = " ".join(["WHEN ? THEN CAST(? AS BIGINT)"] * len(batch))
        await execute(
            f"UPDATE notification SET job_id = CASE id {cases} END WHERE id IN ({placeholders(ids)})",
            *(value for job_id, payload in batch for value in (payload["notification_id"], job_id)),
            *ids,
        )


async def deliveries_of(
    context: Context,
    notification_ids: list[int],
    page: Page,
    statuses: frozenset[DeliveryStatus] | None = None,
) -> dict[int, Slice[DeliveryRecord]]:
    """The deliveries of notifications, newest first; only those with one of `statuses` if given.

    The caller has checked permissions.
    """
    stored = [text for status in sorted(statuses or ()) for text in _STORED[status]]
    chosen = (f"d.status IN ({placeholders(stored)})",) if stored else ()
    query = Query(
        COLUMNS.sql,
        "notification_delivery d",
        (Term("d.id", "id", descending=True),),
        chosen,
        tuple(stored),
    )
    if len(notification_ids) == 1:
        # Which reads no more than the page, as the log of one may be long.
        (identity,) = notification_ids
        of_one = replace(
            query,
            conditions=("d.notification_id = ?", *query.conditions),
            values=(identity, *query.values),
        )
        found = await paginate(of_one, page, maximum=context.max_first)
        return {identity: found.of(COLUMNS.record)}
    slices = await paginate_each(
        query, "d.notification_id", notification_ids, page, maximum=context.max_first, are_long=True
    )
    return {identity: found.of(COLUMNS.record) for identity, found in slices.items()}


async def stored(delivery_id: int) -> DeliveryRecord | None:
    """A delivery by its row id; None if there is none such. The caller checks permissions."""
    row = await fetch_one(f"SELECT {COLUMNS} FROM notification_delivery d WHERE d.id = ?", delivery_id)
    return COLUMNS.record(row) if row else None


async def test(context: Context, owner: Owner, identity: str) -> tuple[NotificationRecord, DeliveryRecord]:
    """Have a sample of the event sent, once, before what waits. Requires an administrator of the place.

    It is sent even while events are skipped, and counts if the receiver takes it. Raises `TooMany` while
    another one waits.
    """
    place = await NOTIFICATIONS.place(context, owner)
    record = await require(place, identity)
    event, test_id = EVENTS[record.event], str(uuid.uuid4())
    body = payload(
        context.site,
        await _names(place),
        event,
        event.sample,
        event_id=test_id,
        occurred_at_ms=now_ms(),
        actor=context.viewer.account.name if context.viewer.account else None,
    )
    async with transaction("notification.test"):
        await _hold(record)
        if await fetch(
            "SELECT id FROM notification_delivery WHERE notification_id = ? AND status = ? LIMIT 1",
            *(record.id, WAITING_TEST),
        ):
            raise TooMany(
                "A test of the notification waits already; look at its deliveries, and try again afterwards.",
                field="notification",
            )
        await note([NewDelivery(record.id, test_id, body, WAITING_TEST, is_test=True)])
        await see_to_job(record.id, record.namespace_id)
        row = await fetch_one(
            f"SELECT {COLUMNS} FROM notification_delivery d WHERE d.notification_id = ?"
            " ORDER BY d.id DESC LIMIT 1",
            record.id,
        )
    assert row is not None
    return record, COLUMNS.record(row)


async def _names(place: Place) -> Names:
    if place.repository_id is not None:
        found = (await repository.by_ids([place.repository_id])).get(place.repository_id)
        kind = found.namespace_kind if found else AccountKind.ORGANIZATION
        return Names(place.namespace, kind, place.repository)
    owner = (await account.by_ids([place.namespace_id])).get(place.namespace_id)
    return Names(place.namespace, owner.kind if owner else AccountKind.ORGANIZATION)


async def _hold(record: NotificationRecord) -> int:
    """Lock the row of a notification in the open transaction, and return its number of failures.

    Raises `NotFound` if it was deleted meanwhile.
    """
    row = await lock_and_read("notification", record.id, "number_of_failures")
    if row is None:
        raise NotFound(field="notification")
    return int(row["number_of_failures"])


async def resend(
    context: Context, owner: Owner, identity: str, delivery_id: int | None = None
) -> NotificationRecord:
    """Have a delivery that has ended sent again, or without an id all that were skipped, in their order.

    Requires an administrator of the place. Raises `NotFound`; `Conflict` while events are skipped, and for a
    delivery that waits.
    """
    place = await NOTIFICATIONS.place(context, owner)
    record = await require(place, identity)
    async with transaction("notification.resend"):
        if await _hold(record) >= FAILURES_TO_SKIP:
            raise Conflict(
                f"{FAILURES_TO_SKIP} deliveries in a row have failed; reset the notification first.",
                field="notification",
            )
        if delivery_id is None:
            await execute(
                "UPDATE notification SET resend_up_to_id ="
                " (SELECT MAX(id) FROM notification_delivery WHERE notification_id = ? AND status = ?)"
                " WHERE id = ?",
                *(record.id, DeliveryStatus.SKIPPED.value, record.id),
            )
        else:
            await _again(record, delivery_id)
        await see_to_job(record.id, record.namespace_id)
    return record


_AGAIN = (
    "UPDATE notification_delivery SET status = ?, attempts = 0, http_status = NULL, response = NULL,"
    " error = NULL, next_attempt_at_ms = NULL, ended_at_ms = NULL"
)


async def _again(record: NotificationRecord, delivery_id: int) -> None:
    row = await fetch_one(
        "SELECT status, is_test FROM notification_delivery WHERE id = ? AND notification_id = ?",
        *(delivery_id, record.id),
    )
    if row is None:
        raise NotFound("There is no such delivery of the notification.", field="delivery")
    if row["status"] in _STORED[DeliveryStatus.WAITING]:
        raise Conflict("The delivery waits already.", field="delivery")
    status = WAITING_TEST if row["is_test"] else DeliveryStatus.WAITING.value
    await execute(f"{_AGAIN} WHERE id = ?", status, delivery_id)


async def unskip(notification_id: int, up_to_id: int, *, limit: int = 500) -> bool:
    """Let the oldest skipped deliveries wait again, in the open transaction; whether there may be more."""
    skipped = DeliveryStatus.SKIPPED.value
    changed = await execute(
        f"{_AGAIN} WHERE id IN (SELECT id FROM notification_delivery"
        " WHERE notification_id = ? AND status = ? AND id <= ? ORDER BY id LIMIT ?)",
        *(DeliveryStatus.WAITING.value, notification_id, skipped, up_to_id, limit),
    )
    return changed == limit


async def skip(notification_id: int, *, limit: int = 500) -> None:
    """Skip the oldest events that wait, in the open transaction."""
    await execute(
        "UPDATE notification_delivery SET status = ?, next_attempt_at_ms = NULL, ended_at_ms = ?"
        " WHERE id IN (SELECT id FROM notification_delivery WHERE notification_id = ? AND status = ?"
        " ORDER BY id LIMIT ?)",
        DeliveryStatus.SKIPPED.value,
        now_ms(),
        notification_id,
        DeliveryStatus.WAITING.value,
        limit,
    )


@job(
    ERASE_JOB,
    "Removes the delivery log of a deleted notification.",
    goes_on_when_read_only=False,
)
async def erase(run: Run) -> None:
    """Delete in batches."""
    while await execute(
        "DELETE FROM notification_delivery WHERE id IN"
        " (SELECT id FROM notification_delivery WHERE notification_id = ? LIMIT 500)",
        run.payload["notification_id"],
    ):
        run.check()


@job(
    "notification.forget",
    "Removes deliveries of a week ago, and goes on where a job was lost.",
    every_s=HOUR,
    goes_on_when_read_only=False,
)
async def forget(run: Run) -> None:
    """Forget in batches; then start a job for each notification for whose deliveries none is left.

    What waits for a receiver that there is still is never forgotten, whatever the clock says.
    """
    while await execute(
        "DELETE FROM notification_delivery WHERE id IN (SELECT d.id FROM notification_delivery d"
        " WHERE d.created_at_ms < ? AND (d.status NOT IN (?, ?) OR NOT EXISTS"
        " (SELECT 1 FROM notification n WHERE n.id = d.notification_id)) LIMIT 500)",
        *(now_ms() - KEEP_MS, *_STORED[DeliveryStatus.WAITING]),
    ):
        run.check()
    for row in await fetch(
        "SELECT n.id, n.namespace_id FROM notification n"
        " LEFT JOIN job j ON j.id = n.job_id AND j.state IN ('waiting', 'running')"
        " WHERE j.id IS NULL AND (n.resend_up_to_id IS NOT NULL OR EXISTS (SELECT 1"
        " FROM notification_delivery d WHERE d.notification_id = n.id AND d.status IN (?, ?)))",
        *_STORED[DeliveryStatus.WAITING],
    ):
        run.check()
        async with transaction("notification.restart"):
            if await lock_and_read("notification", row["id"], "id") is not None:
                await see_to_job(row["id"], row["namespace_id"])
