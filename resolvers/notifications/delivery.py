"""Delivery: one job for each notification sends what waits for its receiver, one event after the other.

    waiting ──taken──────────────────────────> delivered      (failures back to 0)
       │  └──not taken, again with back-off──> failed         (one failure more)
       └──three failures──────────────────────> skipped ──sent again──> waiting

The job that delivers is named in the row of the notification, so that there is one at a time, and a receiver
that is slow or down holds up nobody else: between two attempts there is no job that runs. A job ends after
some time even if more waits, so that others get their turn.
"""

import logging
import time
from dataclasses import dataclass
from typing import Any, Final

from resolvers.job_kinds import Lane, Run, job
from resolvers.notifications.deliveries import (
    COLUMNS,
    JOB,
    WAITING_TEST,
    DeliveryRecord,
    DeliveryStatus,
    skip,
    start_job,
    unskip,
)
from resolvers.notifications.http_methods import LIMITS
from resolvers.notifications.kinds import EVENTS, NotificationEvent
from resolvers.notifications.method_table import METHODS
from resolvers.notifications.methods import MethodRow, NotificationMethod, Outgoing, Sent, Unsent
from resolvers.notifications.notification import FAILURES_TO_SKIP
from resolvers.outbound.client import Client
from storage.clock import now_ms
from storage.conditions import exists, is_usable
from storage.faults import fault
from storage.secrets import SecretUnreadable
from storage.statements import Row, decode_json, execute, fetch_one, is_postgres
from storage.transactions import transaction

logger = logging.getLogger("quayside.notifications")

RETRY_AFTER_S: Final = (1, 3, 6, 15, 30, 60, 120, 255)
"""The wait after the first, second … failed attempt; with the attempts themselves ten minutes at most."""
TURN_S: Final = 20.0
"""How long a job goes on before others get their turn."""
HOLD_MS: Final = 10 * 60_000
"""How long until it is looked again whether a disabled namespace, for which nothing is sent, is enabled."""
AT_ONCE: Final = 64
"""Receivers of one namespace that may think about an event at the same time, before another one waits."""
WRITE_ATTEMPTS: Final = 3
"""Attempts at a job after which what it cannot write is given up, as it holds up what comes after it."""
NOTE_LENGTH: Final = 500


@dataclass(frozen=True, slots=True)
class _Turn:
    """What is sent next."""

    delivery: DeliveryRecord
    method: MethodRow
    outgoing: Outgoing
    refusal: Unsent | None = None
    """Why it is not even tried."""


class _WriteFailed(Exception):
    """A method could not write an event, which must not hold up its receiver for ever."""

    def __init__(self, turn: _Turn) -> None:
        super().__init__()
        self.turn = turn


@job(
    JOB,
    "Sends what waits for the receiver of a notification.",
    lane=Lane.DELIVERY,
    per_namespace=AT_ONCE,
    goes_on_when_read_only=True,
)
async def deliver(run: Run) -> str:
    """Send until nothing waits, an attempt fails, or the turn is over."""
    courier = _Courier(run)
    async with run.tools.context.site.outbound.client(LIMITS) as client:
        await courier.work(client)
    return f"{courier.delivered} delivered."


class _Courier:
    """One run of the job."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._context = run.tools.context
        self._id: int = run.payload["notification_id"]
        self._until = time.monotonic() + TURN_S
        # What is first in the queue may be why the attempts before this one failed.
        self._is_first_suspect = run.job is not None and run.job.attempts > WRITE_ATTEMPTS
        self.delivered = 0

    async def work(self, client: Client) -> None:
        result: tuple[_Turn, Sent | Unsent] | None = None
        while True:
            if result is None:
                self._run.check()
            try:
                async with transaction("notification.deliver"):
                    row = await self._hold()
                    if row is not None and result is not None:
                        await self._note(row, *result)
                    turn = None if row is None else await self._next(row)
            except _WriteFailed as error:
                # The transaction is undone, so what came of it is noted in another one.
                result = error.turn, Unsent("The event could not be written; the log of the server says why.")
                continue
            result = None
            if turn is None:
                return
            if isinstance(turn, _Turn):
                self._run.check()
                result = turn, await self._attempt(client, turn)

    async def _next(self, row: Row) -> "_Turn | bool | None":
        """What to send, in the open transaction; None if this job is over, True to ask again."""
        if row["resend_up_to_id"] is not None:
            if not await unskip(self._id, row["resend_up_to_id"]):
                await execute("UPDATE notification SET resend_up_to_id = NULL WHERE id = ?", self._id)
            return True
        found = await self._first()
        if found is not None and not found.is_test and row["number_of_failures"] >= FAILURES_TO_SKIP:
            await skip(self._id)
            return True
        if found is None:
            await execute("UPDATE notification SET job_id = NULL WHERE id = ?", self._id)
            return None
        wait_ms = _wait_ms(found) if row["is_usable"] else HOLD_MS
        if wait_ms or time.monotonic() > self._until:
            await start_job(self._id, row["namespace_id"], delay_ms=wait_ms)
            return None
        return self._turn(row, found)

    async def _hold(self) -> Row | None:
        """Lock the row of the notification; None if it is gone, or another job delivers for it."""
        row = await fetch_one(
            "SELECT p.namespace_id, p.repository_id, p.event, p.method, p.title, p.config, p.secret,"
            " p.number_of_failures, p.job_id, p.resend_up_to_id,"
            f" {exists('n')} AND (r.id IS NULL OR {exists('r')}) AS is_there,"
            f" {is_usable('n')} AS is_usable FROM notification p"
            " JOIN account n ON n.id = p.namespace_id LEFT JOIN repository r ON r.id = p.repository_id"
            " WHERE p.id = ?" + (" FOR UPDATE OF p" if is_postgres() else ""),
            self._id,
        )
        mine = self._run.job is None or (row is not None and row["job_id"] == self._run.job.id)
        return row if row is not None and row["is_there"] and mine else None

    async def _first(self) -> DeliveryRecord | None:
        """The first test that waits, or else the first event: an index has them in this order."""
        row = await fetch_one(
            f"SELECT {COLUMNS} FROM notification_delivery d WHERE d.notification_id = ? AND d.status >= ?"
            " ORDER BY d.status, d.id LIMIT 1",
            *(self._id, WAITING_TEST),
        )
        return COLUMNS.record(row) if row else None

    def _turn(self, row: Row, found: DeliveryRecord) -> _Turn:
        secret, refusal = row["secret"], None
        if secret is not None:
            try:
                secret = self._context.secrets.decrypt(secret)
            except SecretUnreadable:
                # Nothing is sent unsigned to a receiver that expects a signature.
                refusal = Unsent(
                    "The secret of the notification cannot be read with the keys of this server; create the"
                    " notification again."
                )
        return _Turn(
            found,
            METHODS[NotificationMethod(row["method"])],
            Outgoing(
                event=EVENTS[NotificationEvent(row["event"])],
                event_id=found.event_id,
                payload=found.payload,
                config=decode_json(row["config"]),
                title=row["title"],
                namespace_id=row["namespace_id"],
                repository_id=row["repository_id"],
                is_test=found.is_test,
                secret=secret,
            ),
            refusal,
        )

    async def _attempt(self, client: Client, turn: _Turn) -> Sent | Unsent:
        if turn.refusal is not None:
            return turn.refusal
        if turn.method.send is None:
            if not self._is_first_suspect:
                return Sent()
            self._is_first_suspect = False
            return Unsent("The event could not be written; the log of the server says why.", is_final=True)
        try:
            sent = await turn.method.send(self._context, client, turn.outgoing)
        except Unsent as error:
            return error
        except Exception:
            # Whatever it is, it must not hold up this receiver for ever.
            logger.exception("an event could not be sent", extra={"notification": self._id})
            return Unsent("The event could not be sent; the log of the server says why.")
        fault("notification.after_send")
        return sent

    async def _note(self, row: Row, turn: _Turn, result: Sent | Unsent) -> None:
        """Write down what came of an attempt, in the open transaction, and in the row of the notification."""
        if turn.method.write is not None and isinstance(result, Sent):
            try:
                await turn.method.write(self._context, turn.outgoing)
            except Unsent as error:
                result = error
            except Exception as error:
                logger.exception("an event could not be written", extra={"notification": self._id})
                raise _WriteFailed(turn) from error
        if isinstance(result, Sent):
            self.delivered += await self._update(
                turn, status=DeliveryStatus.DELIVERED.value, result=result, error=None
            )
            await self._count_failures(row, 0)
            return
        attempts = turn.delivery.attempts + 1
        if not (turn.outgoing.is_test or result.is_final or attempts > len(RETRY_AFTER_S)):
            wait_ms = RETRY_AFTER_S[attempts - 1] * 1000
            await self._update(turn, status=None, result=result, error=str(result), wait_ms=wait_ms)
            return
        await self._update(turn, status=DeliveryStatus.FAILED.value, result=result, error=str(result))
        if not turn.outgoing.is_test:
            await self._count_failures(row, row["number_of_failures"] + 1)

    async def _count_failures(self, row: Row, number: int) -> None:
        if row["number_of_failures"] != number:
            row["number_of_failures"] = number
            await execute("UPDATE notification SET number_of_failures = ? WHERE id = ?", number, self._id)

    async def _update(
        self,
        turn: _Turn,
        *,
        status: str | None,
        result: Sent | Unsent,
        error: str | None,
        wait_ms: int | None = None,
    ) -> int:
        """Write the outcome into the row of a delivery that waits; `status` is None if it still does."""
        now = now_ms()
        values: dict[str, Any] = {
            "attempts": turn.delivery.attempts + 1,
            "http_status": result.http_status,
            "response": result.response,
            "error": error[:NOTE_LENGTH] if error else None,
            "last_attempt_at_ms": now,
            "next_attempt_at_ms": None if wait_ms is None else now + wait_ms,
        }
        if status is not None:
            values |= {"status": status, "ended_at_ms": now}
        return await execute(
            f"UPDATE notification_delivery SET {', '.join(f'{name} = ?' for name in values)}"
            " WHERE id = ? AND status IN (?, ?)",
            *values.values(),
            turn.delivery.id,
            DeliveryStatus.WAITING.value,
            WAITING_TEST,
        )


def _wait_ms(delivery: DeliveryRecord) -> int:
    """How long until the next attempt.

    A time further ahead than any wait is from before the clock went back.
    """
    if delivery.next_attempt_at_ms is None:
        return 0
    wait_ms = delivery.next_attempt_at_ms - now_ms()
    return max(0, wait_ms) if wait_ms <= RETRY_AFTER_S[-1] * 1000 else 0
