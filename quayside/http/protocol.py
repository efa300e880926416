"""HTTP/1.1 with a bound on the request head, which uvicorn does not limit.

Answers 414 if the request target is too long, 431 if the header fields are too large (RFC 6585 section 5),
408 if the head takes more than a minute, 429 or 503 if there are too many connections, and 400 for invalid
HTTP and for a request without exactly one host (RFC 9112 section 3.2), since a proxy in front may have read
another one.

A body that is not needed any more, since the request is answered, has half a minute to end; one that is
waited for is bounded in `quayside.http.bodies`. A client of HTTP/1.0 knows no chunks: an answer of unknown
length ends with the connection.

Head and body of a small answer are sent together, which saves a system call and a packet.
"""

import asyncio
import os
import re
from typing import Any, Final, cast

import httptools
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from quayside.http.connections import ConnectionRefused, Connections, Place
from quayside.http.intake import Intake, Taking, announced_length
from quayside.http.sending import FILE_SENDER, FileSender

MAX_HEAD_BYTES: Final = 64 * 1024
"""Bytes of the request target and the header fields, without separators."""

_SEPARATOR_BYTES: Final = 1024
"""Allowance for method, version, colons and line ends in the count of unparsed bytes."""

HEAD_TIMEOUT_S: Final = 60
"""Seconds for a head, from its first byte or from the start of the connection."""

REMAINDER_TIMEOUT_S: Final = 30
"""Seconds for the rest of the body of a request that is answered already."""

MAX_BUFFERED_BYTES: Final = 16 * 1024
"""Larger writes are sent at once."""

ERROR_BODIES: Final = {
    400: b"A request has exactly one Host field: a host, and perhaps a port.\n",
    408: b"The request took too long to arrive.\n",
    414: b"The address is too long.\n",
    429: b"There are too many connections from your address.\n",
    431: b"The header fields are too large.\n",
    503: b"The server has too many connections; try again later.\n",
}
"""Bodies of our error answers by status; any other status is uvicorn's 400."""


_HOST: Final = re.compile(rb"(?:\[[0-9A-Fa-fVv:.]+\]|[A-Za-z0-9._~!$&'()*+,;=%-]*)(?::[0-9]*)?")
"""`uri-host [ ":" port ]` of RFC 9110 section 7.2; a host may be empty."""


class _Refused(Exception):
    """Raised in a callback of the parser, which then treats the request as invalid."""


class BufferingTransport:
    """A transport that sends the writes of one iteration of the event loop together.

    Large writes are sent at once, so that flow control reaches the writer. `place` is given back when the
    connection is lost, to whichever protocol it then belongs.
    """

    place: Place | None = None

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport = transport
        self._loop = loop
        self._pieces: list[bytes] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def write(self, data: bytes) -> None:
        """Send data, at the latest at the end of this iteration of the event loop."""
        self._pieces.append(data)
        if len(data) > MAX_BUFFERED_BYTES:
            self.flush()
        elif len(self._pieces) == 1:
            self._loop.call_soon(self.flush)

    def leave(self) -> None:
        """Give back the place of the connection."""
        if self.place is not None:
            self.place.leave()

    def close(self) -> None:
        """Send what is buffered, and close."""
        self.flush()
        self._transport.close()

    def flush(self) -> None:
        """Send what is buffered."""
        pieces, self._pieces = self._pieces, []
        # If the client has disconnected meanwhile, the data is dropped.
        if pieces and not self._transport.is_closing():
            self._transport.writelines(pieces)


class BoundedHeadProtocol(HttpToolsProtocol):
    """uvicorn's protocol with a bound on heads, and without trailer fields.

    Complete fields are counted one by one. The parser does not report incomplete fields, so bytes that arrive
    without a callback are counted too (`_unparsed_bytes`), with the precision of one read.
    """

    _head_bytes = 0
    _unparsed_bytes = 0
    _is_head = False
    _status = 0
    _head_timer: asyncio.TimerHandle | None = None
    _remainder_timer: asyncio.TimerHandle | None = None
    _intake: Intake | None = None
    _sends_files = False
    body_bytes = 0

    def __init__(self, *arguments: Any, admission: Connections | None = None, **more: Any) -> None:
        super().__init__(*arguments, **more)
        self._admission = admission

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """A client has connected."""
        buffering = BufferingTransport(transport, self.loop)
        super().connection_made(cast(asyncio.Transport, buffering))
        self._sends_files = self.scheme == "http" and hasattr(os, "sendfile")
        if self._admission is not None:
            peer, listening = self.client, transport.get_extra_info("socket")
            try:
                buffering.place = self._admission.take(peer[0] if peer else None, listening.fileno())
            except ConnectionRefused as refusal:
                self._status = refusal.status
                self.send_400_response("")
                return
        self._head_timer = self.loop.call_later(HEAD_TIMEOUT_S, self._on_head_timeout)

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection has ended."""
        cast(BufferingTransport, self.transport).leave()
        self._cancel_head_timer()
        self._cancel_remainder_timer()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Data has arrived."""
        self._unparsed_bytes += len(data)
        super().data_received(data)
        if self._unparsed_bytes > MAX_HEAD_BYTES + _SEPARATOR_BYTES and not self.transport.is_closing():
            self._status = 431
            self.send_400_response("The header fields are too large.")
        # A head that arrives in one piece, as nearly all do, needs no timer.
        if self._is_head and self._head_timer is None:
            self._head_timer = self.loop.call_later(HEAD_TIMEOUT_S, self._on_head_timeout)

    def on_message_begin(self) -> None:
        """A request begins."""
        self._head_bytes = self._unparsed_bytes = self.body_bytes = 0
        self._is_head = True
        self._intake = None
        # It was set if the body before this request ended in the same read.
        self._unset_keepalive_if_required()
        super().on_message_begin()

    def on_url(self, url: bytes) -> None:
        """A part of the request target."""
        self._count(len(url), 414)
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        """A complete header field, or a trailer field, which must not count as a header."""
        self._count(len(name) + len(value), 431)
        if self._is_head:
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """The head is complete."""
        hosts = [value for name, value in self.headers if name == b"host"]
        is_named = len(hosts) == 1 or (not hosts and self.parser.get_http_version() == "1.0")
        if not is_named or (hosts and not _HOST.fullmatch(hosts[0])):
            self._status = 400
            raise _Refused
        self._is_head = False
        self._cancel_head_timer()
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """A part of the body."""
        self._unparsed_bytes = 0
        self.body_bytes += len(body)
        intake = self._intake
        if intake is not None and intake.is_taken and not self.cycle.response_complete:
            intake.feed(body)
        else:
            super().on_body(body)

    def on_message_complete(self) -> None:
        """The body has arrived."""
        is_remainder = self._remainder_timer is not None
        self._cancel_remainder_timer()
        super().on_message_complete()
        if is_remainder and not self.transport.is_closing():
            # The bytes of the body have cancelled the time in which the next request must begin.
            self._unset_keepalive_if_required()
            self.timeout_keep_alive_task = self.loop.call_later(
                self.timeout_keep_alive, self.timeout_keep_alive_handler
            )

    def body_was_read(self) -> None:
        """The rest of the body was read past the parser, which expects the next request from now on."""
        self.parser = httptools.HttpRequestParser(self)
        self.parser.set_dangerous_leniencies(lenient_data_after_close=True)
        self.transport.set_protocol(self)
        self.on_message_complete()

    def body_goes_on(self) -> None:
        """Bytes came of a body that nobody needs any more."""
        self._unset_keepalive_if_required()

    def on_response_complete(self) -> None:
        """The request is answered, perhaps before its body has arrived."""
        if self._intake is not None and self.cycle.response_complete:
            self._intake.drop()
        super().on_response_complete()
        is_answered = self.cycle is not None and self.cycle.response_complete
        if is_answered and self.cycle.more_body and not self.transport.is_closing():
            self._cancel_remainder_timer()
            self._remainder_timer = self.loop.call_later(REMAINDER_TIMEOUT_S, self.transport.close)

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        if cycle.scope["http_version"] == "1.0":
            app = EndsWithConnection(app, cycle)
        is_large, length = announced_length(cycle.scope["headers"])
        # A request that came behind another one, and its answer, was read by the parser meanwhile.
        if is_large and cycle is self.cycle:
            self._intake = Intake(self, cycle, length)
            app = Taking(app, self._intake)
        if self._sends_files:
            scope: Any = cycle.scope
            scope[FILE_SENDER] = FileSender(self.transport, self.flow, cycle)
        super()._start_asgi_task(cycle, app)

    def send_400_response(self, msg: str) -> None:
        """Answer with an error, and close the connection; at once if an earlier answer has not ended."""
        cycle = self.cycle
        is_under_way = cycle is not None and not cycle.response_complete
        # Only what is wrong with the body of a request can still be its answer.
        if is_under_way and (cycle.response_started or not cycle.more_body or self.pipeline):
            self.transport.close()
            return
        reason = ERROR_BODIES.get(self._status)
        if reason is None:
            super().send_400_response(msg)
            return
        fields = b"content-type: text/plain\r\nconnection: close\r\ncontent-length: %d\r\n\r\n" % len(reason)
        self.transport.write(STATUS_LINE[self._status] + fields + reason)
        self.transport.close()

    def _cancel_head_timer(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _cancel_remainder_timer(self) -> None:
        if self._remainder_timer is not None:
            self._remainder_timer.cancel()
            self._remainder_timer = None

    def _on_head_timeout(self) -> None:
        self._head_timer = None
        if self.cycle is not None and not self.cycle.response_complete:
            # The previous request is not answered yet.
            self._head_timer = self.loop.call_later(HEAD_TIMEOUT_S, self._on_head_timeout)
        elif self._is_head:
            self._status = 408
            self.send_400_response("The request took too long to arrive.")
        else:
            self.transport.close()

    def _count(self, size: int, status: int) -> None:
        self._unparsed_bytes = 0
        self._head_bytes += size
        if self._head_bytes > MAX_HEAD_BYTES:
            self._status = status
            raise _Refused


class EndsWithConnection:
    """An application whose answers of unknown length end with the connection, not with a last chunk."""

    def __init__(self, app: ASGIApp, cycle: RequestResponseCycle) -> None:
        self._app = app
        self._cycle = cycle

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request of HTTP/1.0, whose connection the server closes behind each answer."""
        is_unbounded = False

        async def answer(message: Message) -> None:
            nonlocal is_unbounded
            if message["type"] == "http.response.start":
                names = {name.lower() for name, _ in message.get("headers", ())}
                if b"content-length" not in names and message["status"] not in {204, 304}:
                    is_unbounded = True
                    self._cycle.chunked_encoding = False
            elif is_unbounded:
                # The server compares what is sent with what was announced.
                self._cycle.expected_content_length = len(message.get("body", b""))
            await send(message)

        await self._app(scope, receive, answer)


class CountedSocketProtocol(WebSocketsSansIOProtocol):
    """uvicorn's WebSocket protocol, whose connections count as those of the requests that they began with."""

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection has ended."""
        if isinstance(self.transport, BufferingTransport):
            self.transport.leave()
        super().connection_lost(exc)
