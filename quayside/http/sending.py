"""Files sent by the system itself (sendfile), where the connection is plain.

On a connection with TLS the bytes would go out unencrypted, so there no request has a `FileSender`, and files
are read and written in pieces. Nothing is sent this way before all that was written earlier has left, and
nothing else is written meanwhile.
"""

import asyncio
import os
import select
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

from starlette.types import Scope
from uvicorn.protocols.http.flow_control import FlowControl
from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

from storage.uninterrupted import settled

FILE_SENDER: Final = "quayside.file_sender"
"""The scope key of the `FileSender` of a request on a plain connection."""

TURN_S: Final = 0.02
"""How long one thread sends to one connection, so that all downloads advance."""

AT_ONCE_BYTES: Final = 1024 * 1024
"""Most bytes that one call of the system sends; it cannot be interrupted."""

PATIENCE_MS: Final = 5
"""How long a thread waits for a client to read on, before the event loop does."""

THREADS: Final = 8

# Reading a file may wait for a disk.
_threads = ThreadPoolExecutor(THREADS, thread_name_prefix="sending")


class SendingRefused(Exception):
    """The system does not send from this file. Nothing was sent."""


class FileSender:
    """Sends from files in an answer to one request, whose head has been sent."""

    def __init__(self, transport: Any, flow: FlowControl, cycle: RequestResponseCycle) -> None:
        self._transport = transport
        self._flow = flow
        self._cycle = cycle

    async def send(self, file: int, start: int, end: int) -> bool:
        """Send the bytes `[start, end)` of an open file; False if the client left before.

        Raises `SendingRefused` before anything was sent, and `OSError` where the file cannot be read on.
        """
        if not self._is_gone:
            await self._drain()
        if self._is_gone:
            return False
        # The transport may close its descriptor at any time, and the number be given to another connection.
        try:
            connection = os.dup(self._transport.get_extra_info("socket").fileno())
        except OSError as error:
            # The process has no descriptor left.
            raise SendingRefused from error
        try:
            return await self._send(connection, file, start, end)
        finally:
            os.close(connection)

    @property
    def _is_gone(self) -> bool:
        return self._cycle.disconnected or bool(self._transport.is_closing())

    async def _drain(self) -> None:
        """Wait until all that was written has left."""
        self._transport.set_write_buffer_limits(high=0)
        self._transport.flush()
        await self._flow.drain()
        if not self._is_gone:
            self._transport.set_write_buffer_limits()
            if self._transport.get_write_buffer_size():
                raise SendingRefused

    async def _send(self, connection: int, file: int, start: int, end: int) -> bool:
        loop = asyncio.get_running_loop()
        first = start
        while start < end:
            call = loop.run_in_executor(_threads, _send_some, connection, file, start, end)
            try:
                sent, is_blocked = await settled(call)
            except ConnectionError:
                return False
            except OSError as error:
                if start == first:
                    raise SendingRefused from error
                raise
            start += sent
            self._cycle.expected_content_length -= sent
            if self._is_gone:
                return False
            if is_blocked:
                await _writable(connection)
        return True


def _send_some(connection: int, file: int, start: int, end: int) -> tuple[int, bool]:
    """Send what the connection takes within `TURN_S`: how many bytes, and whether it takes no more now."""
    ends_at = time.monotonic() + TURN_S
    position = start
    while position < end and time.monotonic() < ends_at:
        try:
            sent = os.sendfile(connection, file, position, min(end - position, AT_ONCE_BYTES))
        except BlockingIOError:
            waiting = select.poll()
            waiting.register(connection, select.POLLOUT)
            if not waiting.poll(PATIENCE_MS):
                return position - start, True
            continue
        except OSError:
            if position > start:
                # It comes again with the next call.
                break
            raise
        if not sent:
            raise EOFError("the file ends before its size")
        position += sent
    return position - start, False


async def _writable(connection: int) -> None:
    """Wait until a connection takes bytes, or is lost."""
    loop = asyncio.get_running_loop()
    future: asyncio.Future[None] = loop.create_future()
    loop.add_writer(connection, _settle, future)
    try:
        await future
    finally:
        loop.remove_writer(connection)


def _settle(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)


def file_sender(scope: Scope) -> FileSender | None:
    """What sends files to the client of a request, where that is possible."""
    sender: FileSender | None = scope.get(FILE_SENDER)
    return sender
