"""Fan-out of the event log to the subscriptions of this process: one reader, many subscriptions.

    log ── one reader ── Subscription (bounded backlog) ── events that its viewer may see
                    └─── Subscription …

The reader runs while there are subscriptions. A subscription that starts in the past catches up by reading
the log itself, then switches to the reader. Rights are checked for each batch that is delivered; cached roles
are kept for a second at most, and never beyond the next events of the log.
"""

import asyncio
import contextvars
import logging
import time
import weakref
from collections import deque
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass

from resolvers.access.credentials import current_viewers
from resolvers.access.viewer import Viewer
from resolvers.context import Site
from resolvers.errors import DatabaseUnavailable, ErrorCode, Invalid, InvalidCredentials, QuaysideError
from resolvers.record.live import EventAuthorizer, EventRecord, VisibleEvent, Watch, format_cursor, with_names
from storage import events
from storage.database import Database
from storage.events import Cursor, LogEnd
from storage.wakeups import Wakeups, open_wakeups

logger = logging.getLogger("quayside.live")

READ_BATCH = 500
"""Events read from the log in one statement."""

DELIVERY_BATCH = 100
"""Most events in one batch of a subscription, for which rights are checked once."""

RIGHTS_CACHED_S = 1.0
CREDENTIALS_CHECKED_EVERY_S = 5.0
"""Interval of checks for credentials that end without an event, such as by expiration."""

OLDER_TRANSACTION_POLL_S = 0.05
RETRY_S = 1.0


class TooManySubscriptions(QuaysideError):
    """The process has its maximum of subscriptions."""

    code = ErrorCode.TOO_MANY
    default = "This server has its maximum of subscriptions; try again later."


class CredentialEnded(InvalidCredentials):
    """The credential of a subscription was revoked or has expired."""

    default = "The credential was revoked or has expired."


class StreamEnded(QuaysideError):
    """The server ends a subscription, which can be resumed from `cursor`, here or on another server."""

    code = ErrorCode.TOO_MANY

    def __init__(self, message: str, cursor: Cursor) -> None:
        super().__init__(message)
        self.cursor = format_cursor(cursor)


class EventsPruned(StreamEnded):
    """Events after the cursor of a subscription were pruned; kept ones come after `cursor`."""

    code = ErrorCode.CONFLICT

    def __init__(self, cursor: Cursor) -> None:
        super().__init__(
            "Events after this cursor were pruned; resume from the cursor of this error.", cursor
        )


@dataclass(frozen=True, slots=True)
class FanoutLimits:
    """Most subscriptions of a process, and most events in the backlog of each."""

    subscriptions: int = 1_000
    backlog: int = 2_000


@dataclass(frozen=True, slots=True)
class Batch:
    """Events that a viewer may see, and the current viewer."""

    viewer: Viewer
    events: Sequence[VisibleEvent]


class Fanout:
    """The live events of one process. Its reader task uses `database`."""

    def __init__(self, database: Database, *, site: Site, limits: FanoutLimits | None = None) -> None:
        self.database = database
        self.site = site
        self.limits = limits or FanoutLimits()
        self.position: Cursor = (0, 0)
        # Weak, so that a subscription whose `batches` nobody ever iterated is garbage collected.
        self.subscriptions: weakref.WeakSet[Subscription] = weakref.WeakSet()
        self._authorizer, self._authorizer_made_s = EventAuthorizer(), 0.0
        self._checked = 0.0
        self._reader: asyncio.Task[None] | None = None

    async def subscribe(self, viewer: Viewer, watch: Watch) -> "Subscription":
        """Start a subscription of a viewer, who must iterate over `Subscription.batches`.

        Raises `TooManySubscriptions`, `Invalid` for a cursor beyond the end of the log, or `EventsPruned`.
        """
        end = await events.log_end()
        if watch.after is not None:
            if watch.after > end.cursor:
                raise Invalid("after: must not be beyond the end of this server's event log.", field="after")
            await require_kept(watch.after)
        if len(self.subscriptions) >= self.limits.subscriptions:
            raise TooManySubscriptions
        subscription = Subscription(self, viewer, watch, end)
        self.subscriptions.add(subscription)
        if self._reader is None or self._reader.done() or self._reader.cancelling():
            self.position = end.cursor
            # Without a reader nothing noticed changes of rights.
            self._renew_authorizer()
            # The reader outlives this request, so it must not inherit its context variables.
            self._reader = asyncio.create_task(self._read(), context=contextvars.Context())
        return subscription

    def unsubscribe(self, subscription: "Subscription") -> None:
        """Remove a subscription; the reader stops with the last one."""
        self.subscriptions.discard(subscription)
        if not self.subscriptions and self._reader is not None:
            self._reader.cancel()

    def stop(self) -> None:
        """End all subscriptions, each with the cursor to resume from."""
        for subscription in self.subscriptions:
            subscription.end("The server is stopping.")

    async def close(self) -> None:
        """End all subscriptions, and wait until the reader no longer uses the database."""
        self.stop()
        if self._reader is not None:
            self._reader.cancel()
            await asyncio.gather(self._reader, return_exceptions=True)

    def authorizer(self) -> EventAuthorizer:
        """The current authorizer, at most `RIGHTS_CACHED_S` old."""
        if time.monotonic() - self._authorizer_made_s > RIGHTS_CACHED_S:
            self._renew_authorizer()
        return self._authorizer

    def _renew_authorizer(self) -> None:
        self._authorizer, self._authorizer_made_s = EventAuthorizer(), time.monotonic()

    async def _read(self) -> None:
        self.database.make_current()
        wakeups: Wakeups | None = None
        try:
            while self.subscriptions:
                try:
                    wakeups = wakeups or await open_wakeups(self.database.url)
                    await self._distribute()
                    async with asyncio.timeout(CREDENTIALS_CHECKED_EVERY_S):
                        await wakeups.wait()
                except TimeoutError:
                    pass
                except Exception:
                    logger.exception("reading the event log failed; trying again")
                    await asyncio.sleep(RETRY_S)
        finally:
            if wakeups is not None:
                await wakeups.close()

    async def _distribute(self) -> None:
        """Offer all new events of the log to all subscriptions."""
        if time.monotonic() - self._checked > CREDENTIALS_CHECKED_EVERY_S:
            await self._check_credentials()
        while True:
            records = await with_names(await events.read_after(self.position, limit=READ_BATCH))
            if records:
                await self._check_credentials()
                self._renew_authorizer()
                self.position = records[-1].cursor
                for subscription in self.subscriptions:
                    subscription.offer(records)
            elif await events.has_unreadable(self.position):
                await asyncio.sleep(OLDER_TRANSACTION_POLL_S)
            else:
                return

    async def _check_credentials(self) -> None:
        subscriptions = list(self.subscriptions)
        viewers = await current_viewers([one.viewer for one in subscriptions], site=self.site)
        self._checked = time.monotonic()
        for subscription, viewer in zip(subscriptions, viewers, strict=True):
            if viewer is None:
                subscription.fail(CredentialEnded())
            else:
                subscription.viewer = viewer


async def require_kept(cursor: Cursor) -> None:
    """Raise `EventsPruned` if events after a cursor were pruned."""
    pruned = await events.pruned_up_to()
    if cursor < pruned:
        raise EventsPruned(pruned)


class Subscription:
    """A subscription of one viewer: filter, backlog and position in the log."""

    def __init__(self, fanout: Fanout, viewer: Viewer, watch: Watch, end: LogEnd) -> None:
        start = watch.after or end.cursor
        self.viewer = viewer
        self._fanout = fanout
        self._watch = watch
        self._committed_before = frozenset() if watch.after else end.ids
        """Ids after the start that were committed before the subscription, which wants later events only."""
        self._position = start
        """Events up to here were filtered."""
        self._delivered = start
        """Events up to here were delivered; the cursor to resume from."""
        self._is_live = False
        self._waiting: deque[EventRecord] = deque()
        self._failure: QuaysideError | None = None
        self._changed = asyncio.Event()

    def offer(self, records: Sequence[EventRecord]) -> None:
        """Add events of the reader to the backlog; ignored while catching up, which reads them itself."""
        if not self._is_live:
            return
        fitting = [one for one in records if one.cursor > self._position and self._matches(one)]
        self._position = max(self._position, records[-1].cursor)
        if not fitting:
            return
        self._waiting.extend(fitting)
        if len(self._waiting) > self._fanout.limits.backlog:
            self.end("The client reads events too slowly: its backlog is full.")
        self._changed.set()

    def end(self, message: str) -> None:
        """End the subscription with a cursor to resume from."""
        self._waiting.clear()
        self._is_live = False
        self.fail(StreamEnded(message, self._delivered))

    def fail(self, error: QuaysideError) -> None:
        """End the subscription with an error, after the current batch."""
        self._failure = self._failure or error
        self._changed.set()

    async def batches(self) -> AsyncGenerator[Batch, None]:
        """Yield events as they arrive. Raises `StreamEnded`, `EventsPruned`, `CredentialEnded`.

        While the database is away, unread events wait. The subscription ends, with a cursor to resume from,
        only if rights must be checked meanwhile.
        """
        try:
            while True:
                records = await self._next()
                visible = await self._fanout.authorizer().visible(self.viewer, records)
                if self._failure is not None:
                    continue
                if visible:
                    yield Batch(self.viewer, visible)
                if records:
                    self._delivered = records[-1].cursor
        except DatabaseUnavailable as error:
            raise StreamEnded(str(error), self._delivered) from error
        finally:
            self._fanout.unsubscribe(self)

    async def _next(self) -> list[EventRecord]:
        while True:
            if isinstance(self._failure, StreamEnded):
                raise StreamEnded(self._failure.message, self._delivered)
            if self._failure is not None:
                raise self._failure
            if self._waiting:
                return [self._waiting.popleft() for _ in range(min(DELIVERY_BATCH, len(self._waiting)))]
            if not self._is_live:
                return await self._catch_up()
            self._changed.clear()
            await self._changed.wait()

    def _matches(self, record: EventRecord) -> bool:
        return record.cursor[1] not in self._committed_before and self._watch.matches(record)

    async def _catch_up(self) -> list[EventRecord]:
        """Read the next events of the log; switch to the reader when its position is reached."""
        reached = self._fanout.position
        rows = await events.read_after(self._position, limit=DELIVERY_BATCH, place=self._watch.place)
        # Checked after reading, to notice events that were pruned meanwhile.
        await require_kept(self._position)
        records = await with_names(rows)
        # No await from here to setting `_is_live`, or the reader could move. Events beyond the reader are
        # left to it, since it checks credentials and rights again before it distributes them.
        common = [record for record in records if record.cursor <= self._fanout.position]
        if common:
            self._position = common[-1].cursor
        if len(common) < len(records):
            self._position = self._fanout.position
        elif len(rows) < DELIVERY_BATCH:
            # The log has no more events, at least up to the reader's previous position.
            self._position = max(self._position, reached)
        self._is_live = self._position >= self._fanout.position
        return [record for record in common if self._matches(record)]
