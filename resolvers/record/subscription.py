"""A subscription: it catches up with the log, then takes what the reader of the process brings."""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator
from typing import TYPE_CHECKING

from resolvers.errors import DatabaseUnavailable, ErrorCode, InvalidCredentials, QuaysideError
from resolvers.record.groups import Batch, Delivery, Group
from resolvers.record.live import EventRecord, format_cursor, with_names
from resolvers.record.shares import Holder
from storage import events
from storage.events import Cursor, LogEnd

if TYPE_CHECKING:
    from resolvers.record.fanout import Fanout

DELIVERY_BATCH = 100
"""Most events in one batch of a subscription, for which rights are checked once."""


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


class PlaceGone(QuaysideError):
    """The repository or namespace of a subscription was deleted. One made under its name is another."""

    code = ErrorCode.NOT_FOUND
    default = (
        "What this subscription was about is no longer there; subscribe again when there is something of its"
        " name."
    )


async def require_kept(cursor: Cursor) -> None:
    """Raise `EventsPruned` if events after a cursor were pruned."""
    pruned = await events.pruned_up_to()
    if cursor < pruned:
        raise EventsPruned(pruned)


class Subscription:
    """A subscription of one viewer: its group, its backlog and its position in the log."""

    def __init__(
        self, fanout: "Fanout", group: Group, holder: Holder, after: Cursor | None, end: LogEnd
    ) -> None:
        start = after or end.cursor
        self.group = group
        self.holder = holder
        self._fanout = fanout
        self._committed_before = frozenset() if after else end.ids
        """Ids after the start that were committed before the subscription, which wants later events only."""
        self._position = start
        """Events up to here were read, or are older than the subscription; the reader brings later ones."""
        self._delivered = start
        """Events up to here were delivered; the cursor to resume from."""
        self._is_live = False
        self._waiting: deque[Delivery] = deque()
        self._backlog = 0
        """Events in the deliveries that wait."""
        self._failure: QuaysideError | None = None
        self._last: QuaysideError | None = None
        """The error with which it ends once the backlog is empty."""
        self._changed = asyncio.Event()

    def offer(self, delivery: Delivery) -> None:
        """Add events of the reader to the backlog; ignored while catching up, which reads them itself."""
        if not self._is_live or self._failure is not None or delivery.end <= self._position:
            return
        self._waiting.append(delivery)
        self._backlog += delivery.size
        if self._backlog > self._fanout.limits.backlog:
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

    def finish(self, error: QuaysideError) -> None:
        """End the subscription with an error once it has delivered what waits."""
        self._last = self._last or error
        self._changed.set()

    async def batches(self) -> AsyncGenerator[Batch, None]:
        """Yield events as they arrive. Raises `StreamEnded`, `EventsPruned`, `CredentialEnded`,
        `PlaceGone`.

        While the database is away, unread events wait. The subscription ends, with a cursor to resume from,
        only if rights must be checked meanwhile.
        """
        try:
            while True:
                batch, end = await self._next()
                if self._failure is not None:
                    continue
                if batch.events:
                    yield batch
                self._delivered = end
        except DatabaseUnavailable as error:
            raise StreamEnded(str(error), self._delivered) from error
        finally:
            self._fanout.unsubscribe(self)

    async def _next(self) -> tuple[Batch, Cursor]:
        """The next events that the viewer may see, and the cursor after them."""
        while True:
            if isinstance(self._failure, StreamEnded):
                raise StreamEnded(self._failure.message, self._delivered)
            if self._failure is not None:
                raise self._failure
            if self._waiting:
                delivery = self._waiting.popleft()
                self._backlog -= delivery.size
                return self._wanted(await delivery.batch(self._fanout.authorizer())), delivery.end
            if not self._is_live:
                records = await self._catch_up()
                viewer = self.group.viewer
                visible = await self._fanout.authorizer().visible(viewer, records)
                return Batch(viewer, visible), records[-1].cursor if records else self._delivered
            if self._last is not None:
                raise self._last
            self._changed.clear()
            await self._changed.wait()

    def _is_wanted(self, cursor: Cursor) -> bool:
        return cursor > self._position and cursor[1] not in self._committed_before

    def _wanted(self, batch: Batch) -> Batch:
        """A batch without what came before the subscription, or was read while it caught up."""
        wanted = [seen for seen in batch.events if self._is_wanted(seen.record.cursor)]
        return batch if len(wanted) == len(batch.events) else batch.of(wanted)

    async def _catch_up(self) -> list[EventRecord]:
        """Read the next events of the log; switch to the reader when its position is reached."""
        watch = self.group.watch
        await self._fanout.settled.wait()
        reached = self._fanout.position
        rows = await events.read_after(self._position, limit=DELIVERY_BATCH, place=watch.place)
        # Checked after reading, to notice events that were pruned meanwhile.
        await require_kept(self._position)
        records = await with_names(rows)
        await self._fanout.settled.wait()
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
        if self._is_live:
            self._fanout.catching_up.discard(self)
        return [
            record
            for record in common
            if record.cursor[1] not in self._committed_before and watch.matches(record)
        ]
