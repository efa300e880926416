"""Bodies of uploads, taken from the connection in large pieces.

By way of the parser a byte of a body is copied four times before a door sees it, 64 KiB at a time. A door
that takes an upload asks for large pieces (`take_large_pieces`): what a body of known length still lacks is
then read from the connection into buffers of 1 MiB, past the parser, while the door writes the piece before.
A body in chunks, whose end only the parser finds, gets into the same buffers by way of it.

A piece is a view of a buffer. The buffer is filled anew once nobody holds a view of it, so that a piece stays
as it is however long it is held. A small piece is a copy, so that slow clients hold no buffers.
"""

import asyncio
import os
import select
import time
from collections import deque
from collections.abc import Awaitable, Callable, Iterable
from functools import partial
from typing import Any, Final, Literal, Protocol

from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.protocols.http.flow_control import FlowControl
from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

from storage.blobs import Inflow, Sink

INTAKE: Final = "quayside.intake"
"""The scope key of the `Intake` of a request whose body may be large."""

BUFFER_BYTES: Final = 1024 * 1024

LARGE_BYTES: Final = 128 * 1024
"""Bodies that announce less go the way of all others."""

MAX_WAITING_BYTES: Final = 2 * BUFFER_BYTES
"""Reading pauses while a door has so much to fetch."""

LINGER_S: Final = 0.005
"""How long to wait for the rest of a piece. A slow client's bytes are handed on in smaller pieces."""

TURN_S: Final = 0.02
"""How long one thread receives from one connection, so that all uploads advance."""

POURED_BYTES: Final = 256 * 1024
"""What is received, hashed and written before more is, so that it stays in the cache of a processor."""

PATIENCE_MS: Final = 2
"""How long a thread waits for the next bytes of a connection, before the event loop does."""

SLOW_BYTES: Final = 16 * 1024
"""A sender of whom less comes at once is left to the event loop, for a while."""

BUFFERS_KEPT: Final = 16
"""Buffers that a process keeps when nobody uses them."""


class Buffers:
    """The buffers of a process: memory that was written to before takes half the time to write to."""

    def __init__(self) -> None:
        self._given: deque[bytearray] = deque()

    def take(self) -> bytearray:
        """A buffer of which nobody holds a view."""
        for _ in range(len(self._given)):
            buffer = self._given.popleft()
            if _is_free(buffer):
                return buffer
            self._given.append(buffer)
        # A byte more, so that `_is_free` moves nothing.
        buffer = bytearray(BUFFER_BYTES + 1)
        buffer.pop()
        return buffer

    def give(self, buffer: bytearray) -> None:
        """Give a buffer back, of which there may still be views."""
        if len(self._given) < BUFFERS_KEPT:
            self._given.append(buffer)


def _is_free(buffer: bytearray) -> bool:
    """Whether nobody holds a view of a buffer: one with views refuses to change its size."""
    try:
        buffer.append(0)
    except BufferError:
        return False
    buffer.pop()
    return True


_buffers = Buffers()


InThread = Callable[[Callable[[], None]], Awaitable[None]]


class Connection(Protocol):
    """What an intake needs of the protocol of its connection."""

    cycle: RequestResponseCycle
    transport: asyncio.Transport
    flow: FlowControl
    loop: asyncio.AbstractEventLoop
    scheme: Literal["http", "https"] | None
    body_bytes: int

    def body_was_read(self) -> None:
        """The rest of the body was read past the parser, which expects the next request from now on."""

    def body_goes_on(self) -> None:
        """Bytes came of a body that nobody needs any more."""

    def connection_lost(self, exc: Exception | None) -> None: ...

    def eof_received(self) -> None: ...

    def pause_writing(self) -> None: ...

    def resume_writing(self) -> None: ...


class Intake(asyncio.BufferedProtocol):
    """The body of one request: `receive`, and, while it is read past the parser, the connection's protocol.

    `length` is that of the body, None if only the parser knows its end.
    """

    def __init__(self, connection: Connection, cycle: RequestResponseCycle, length: int | None) -> None:
        self.is_taken = False
        self._connection = connection
        self._cycle = cycle
        self._length = length
        self._rest = 0
        self._is_direct = False
        self._buffer: bytearray | None = None
        self._first = self._end = 0
        self._full: deque[memoryview] = deque()
        self._waiting_bytes = 0
        self._timer: asyncio.TimerHandle | None = None
        self._is_late = False
        self._is_delivered = False
        self._pours = False
        self._is_slow = False

    def take(self, *, pours: bool) -> None:
        """Deliver large pieces from now on, and what is to be poured."""
        self._pours = pours and self._connection.scheme == "http"
        if not self.is_taken:
            self.is_taken = True
            body, self._cycle.body = self._cycle.body, bytearray()
            self.feed(body)

    async def receive(self) -> Message:
        """The next message, of which the body is a view if the pieces are large."""
        cycle = self._cycle
        if not self.is_taken or self._is_delivered:
            return await cycle.receive()  # type: ignore[return-value]
        if cycle.waiting_for_100_continue and not cycle.transport.is_closing():
            cycle.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            cycle.waiting_for_100_continue = False
        self._read_directly()
        if self._may_pour() and not self._waiting_bytes:
            # What came before it is poured would be behind it.
            self._connection.flow.pause_reading()
            return {"type": "http.request", "body": ConnectionInflow(self), "more_body": True}
        while not self._has_piece():
            if cycle.disconnected or cycle.response_complete:
                return {"type": "http.disconnect"}
            self._connection.flow.resume_reading()
            cycle.message_event.clear()
            await cycle.message_event.wait()
        piece = self._next_piece()
        self._is_delivered = not (self._waiting_bytes or cycle.more_body)
        if self._is_delivered:
            self._release()
            # What is set from now on tells that the client left.
            cycle.message_event.clear()
        return {"type": "http.request", "body": piece, "more_body": not self._is_delivered}

    def feed(self, data: bytes | bytearray) -> None:
        """Take data that came by way of the parser."""
        view = memoryview(data)
        while view:
            room = self.get_buffer(len(view))
            size = min(len(room), len(view))
            room[:size] = view[:size]
            view = view[size:]
            self._add(size)

    def _has_piece(self) -> bool:
        cycle = self._cycle
        if not cycle.more_body:
            return True
        if not self._waiting_bytes:
            return False
        # A client that left is waited for no more, and what it sent is not lost.
        return bool(self._full) or self._is_late or cycle.disconnected or self._may_pour()

    def _may_pour(self) -> bool:
        return self._pours and self._is_direct and not self._is_slow and self._rest >= LARGE_BYTES

    def _next_piece(self) -> memoryview | bytes:
        piece: memoryview | bytes
        if self._full:
            piece = self._full.popleft()
            self._is_slow &= self._is_late
        elif self._buffer is not None and self._end > self._first:
            piece = memoryview(self._buffer)[self._first : self._end].toreadonly()
            self._first = self._end
            if len(piece) < SLOW_BYTES:
                piece = bytes(piece)
                self._release()
        else:
            return b""
        self._waiting_bytes -= len(piece)
        self._linger_no_more()
        if self._waiting_bytes:
            self._linger()
        return piece

    def _add(self, size: int) -> None:
        """Note bytes that were put at the end of the buffer."""
        self._end += size
        self._waiting_bytes += size
        if self._end == BUFFER_BYTES:
            assert self._buffer is not None
            self._full.append(memoryview(self._buffer)[self._first :].toreadonly())
            self._release()
            self._cycle.message_event.set()
        else:
            self._linger()
        if self._waiting_bytes >= MAX_WAITING_BYTES:
            self._connection.flow.pause_reading()

    def _linger(self) -> None:
        if self._timer is None and not self._is_late:
            self._timer = self._connection.loop.call_later(LINGER_S, self._on_late)

    def _on_late(self) -> None:
        self._timer = None
        self._is_late = True
        self._cycle.message_event.set()

    def _linger_no_more(self) -> None:
        self._is_late = False
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _release(self) -> None:
        if self._buffer is not None:
            _buffers.give(self._buffer)
        self._buffer = None
        self._first = self._end = 0

    async def pour(self, inflow: "ConnectionInflow", sink: Sink, in_thread: InThread) -> None:
        """Let a thread receive from the connection, which nobody else reads from meanwhile."""
        connection = self._connection
        if not self._is_direct or self._waiting_bytes or connection.transport.is_closing():
            self._is_slow = True
            return
        # The transport may close its descriptor at any time, and the number be given to another connection.
        try:
            descriptor = os.dup(connection.transport.get_extra_info("socket").fileno())
        except OSError:
            # The process has no descriptor left.
            self._is_slow = True
            return
        buffer = _buffers.take()
        try:
            await in_thread(partial(inflow.receive, descriptor, buffer, self._rest, sink))
        finally:
            os.close(descriptor)
            _buffers.give(buffer)
            self._is_slow = inflow.is_slow
            self._note_read(inflow.size)

    # While the connection is read past the parser, its transport calls these.

    def _read_directly(self) -> None:
        """Read the rest of a body whose length is known past the parser, if there is much of it."""
        connection, cycle = self._connection, self._cycle
        if self._is_direct or self._length is None or connection.cycle is not cycle or not cycle.more_body:
            return
        rest = self._length - connection.body_bytes
        if rest < LARGE_BYTES or cycle.transport.is_closing():
            return
        self._rest = rest
        self._is_direct = True
        connection.transport.set_protocol(self)

    def get_buffer(self, sizehint: int) -> memoryview:
        """Where the next bytes go."""
        if self._buffer is None:
            self._buffer = _buffers.take()
        room = memoryview(self._buffer)[self._end :]
        return room[: self._rest] if self._is_direct else room

    def buffer_updated(self, nbytes: int) -> None:
        """Bytes of the body were read."""
        if self._cycle.response_complete:
            # The request is answered already, and the rest of its body is read for the sake of the next.
            self.drop()
            self._connection.body_goes_on()
        else:
            self._add(nbytes)
        self._note_read(nbytes)

    def _note_read(self, size: int) -> None:
        self._rest -= size
        if not self._rest:
            self._is_direct = False
            self._connection.body_was_read()

    def drop(self) -> None:
        """Forget what has come, since the request is answered."""
        self._full.clear()
        self._waiting_bytes = 0
        self._linger_no_more()
        self._release()

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection has ended."""
        self._connection.connection_lost(exc)

    def eof_received(self) -> None:
        """The client sends no more."""
        self._connection.eof_received()

    def pause_writing(self) -> None:
        """The client reads more slowly than answers are written."""
        self._connection.pause_writing()

    def resume_writing(self) -> None:
        """The client has read what was written."""
        self._connection.resume_writing()


class ConnectionInflow(Inflow):
    """What comes on a connection within `TURN_S`, or until its sender pauses."""

    def __init__(self, intake: Intake) -> None:
        self._intake = intake
        self.is_slow = False

    async def pour(self, sink: Sink, in_thread: InThread) -> None:
        await self._intake.pour(self, sink, in_thread)

    def receive(self, descriptor: int, buffer: bytearray, most: int, sink: Sink) -> None:
        """Receive at most so many bytes, and give them to the sink. Blocks."""
        ends_at = time.monotonic() + TURN_S
        waiting = select.poll()
        waiting.register(descriptor, select.POLLIN)
        with memoryview(buffer)[:POURED_BYTES] as view:
            filled = 0
            while self.size < most and not self.is_slow:
                with view[filled : filled + most - self.size] as room:
                    count = _receive(descriptor, room, waiting)
                self.is_slow = count < SLOW_BYTES
                self.size += count
                filled += count
                if filled == POURED_BYTES:
                    sink(view)
                    filled = 0
                    if time.monotonic() > ends_at:
                        return
            if filled:
                sink(view[:filled])


def _receive(descriptor: int, room: memoryview, waiting: select.poll) -> int:
    """Receive what there is, or what comes soon; how many bytes."""
    try:
        try:
            return os.readv(descriptor, [room])
        except BlockingIOError:
            return os.readv(descriptor, [room]) if waiting.poll(PATIENCE_MS) else 0
    except OSError:
        # The transport learns of it as well when it reads on.
        return 0


class Taking:
    """An application that may take the body of a request in large pieces."""

    def __init__(self, app: ASGIApp, intake: Intake) -> None:
        self._app = app
        self._intake = intake

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        scope[INTAKE] = self._intake
        await self._app(scope, self._intake.receive, send)


def take_large_pieces(scope: Scope, *, pours: bool = False) -> None:
    """Let the body of a request, if it may be large, arrive in pieces of up to 1 MiB, which are views.

    If the door `pours`, bodies of messages may also be an `Inflow`, where the connection is plain.
    """
    intake: Any = scope.get(INTAKE)
    if intake is not None:
        intake.take(pours=pours)


def announced_length(headers: Iterable[tuple[bytes, bytes]]) -> tuple[bool, int | None]:
    """Whether header fields announce a body that may be large, and its length if that is known."""
    length = None
    for name, value in headers:
        if name == b"transfer-encoding":
            return True, None
        if name == b"content-length" and value.isdigit():
            length = int(value)
    return length is not None and length >= LARGE_BYTES, length
