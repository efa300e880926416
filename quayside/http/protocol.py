"""HTTP/1.1 with a bound on the head of a request, which the server library would collect without end.

It answers what it does not hand on: 414 for an address that is too long, 431 for header fields that are
(RFC 6585 section 5), 408 for a head that does not end within a minute, and 400 for what is no HTTP or does
not say in one way for which host it is (RFC 9112 section 3.2), since a proxy may have read it in another.

The head and the body of a small answer leave together. Sent apart, as the library does, they cost a system
call and a packet more.
"""

import asyncio
import re
from typing import Any, Final, cast

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

MAX_HEAD_BYTES: Final = 64 * 1024
"""Of the address and the header fields together, without what separates them."""

_SLACK_BYTES: Final = 1024
"""For what separates: a method, a version, colons and line ends are counted only where a count is rough."""

HEAD_S: Final = 60
"""How long a head may take from its first byte on, or from the beginning of a connection."""

GATHERED_BYTES: Final = 16 * 1024
"""Pieces of an answer up to this size wait for the next one."""

REASONS: Final = {
    400: b"A request has exactly one Host field: a host, and perhaps a port.\n",
    408: b"The request took too long to arrive.\n",
    414: b"The address is too long.\n",
    431: b"The header fields are too large.\n",
}
"""What is answered, by status, instead of the 400 of what is no HTTP."""


_HOST: Final = re.compile(rb"(?:\[[0-9A-Fa-fVv:.]+\]|[A-Za-z0-9._~!$&'()*+,;=%-]*)(?::[0-9]*)?")
"""`uri-host [ ":" port ]` of RFC 9110 section 7.2; a host may be empty."""


class _Refused(Exception):
    """Ends the reading of a connection; the parser answers it like any text that it cannot read."""


class GatheringTransport:
    """A transport that sends together what is written to it in one turn of the event loop.

    What is long is sent at once, so that whoever writes it feels when the client does not keep up.
    """

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport = transport
        self._loop = loop
        self._pieces: list[bytes] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def write(self, data: bytes) -> None:
        """Send a piece, at the latest when this turn of the event loop ends."""
        self._pieces.append(data)
        if len(data) > GATHERED_BYTES:
            self._flush()
        elif len(self._pieces) == 1:
            self._loop.call_soon(self._flush)

    def close(self) -> None:
        """Send what is left, and close."""
        self._flush()
        self._transport.close()

    def _flush(self) -> None:
        pieces, self._pieces = self._pieces, []
        # The client may have gone since they were written, and nobody misses what it does not read.
        if pieces and not self._transport.is_closing():
            self._transport.writelines(pieces)


class BoundedHeadProtocol(HttpToolsProtocol):
    """The server library's protocol, except that heads end, and that fields behind a body are left out.

    Complete fields are counted one by one. The parser keeps an incomplete one to itself, so the bytes that
    arrive while it tells nothing are counted too, one read more or less.
    """

    _head_bytes = 0
    _untold_bytes = 0
    _is_head = False
    _status = 0
    _head_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """A client has connected."""
        super().connection_made(cast(asyncio.Transport, GatheringTransport(transport, self.loop)))
        self._head_timer = self.loop.call_later(HEAD_S, self._head_is_late)

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection has ended."""
        self._forget_head_timer()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Read what has arrived."""
        self._untold_bytes += len(data)
        super().data_received(data)
        if self._untold_bytes > MAX_HEAD_BYTES + _SLACK_BYTES and not self.transport.is_closing():
            self._status = 431
            self.send_400_response("The header fields are too large.")
        # Heads that arrive in one piece, as nearly all do, need no timer.
        if self._is_head and self._head_timer is None:
            self._head_timer = self.loop.call_later(HEAD_S, self._head_is_late)

    def on_message_begin(self) -> None:
        """A request begins."""
        self._head_bytes = self._untold_bytes = 0
        self._is_head = True
        super().on_message_begin()

    def on_url(self, url: bytes) -> None:
        """A part of the address."""
        self._count(len(url), 414)
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        """A complete header field, or one behind the body, which must not pass for one of those before it."""
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
        self._forget_head_timer()
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """A part of the body."""
        self._untold_bytes = 0
        super().on_body(body)

    def send_400_response(self, msg: str) -> None:
        """Answer what is not handed on, and close the connection."""
        reason = REASONS.get(self._status)
        if reason is None:
            super().send_400_response(msg)
            return
        fields = b"content-type: text/plain\r\nconnection: close\r\ncontent-length: %d\r\n\r\n" % len(reason)
        self.transport.write(STATUS_LINE[self._status] + fields + reason)
        self.transport.close()

    def _forget_head_timer(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _head_is_late(self) -> None:
        self._head_timer = None
        if self.cycle is not None and not self.cycle.response_complete:
            # The answer to the request before comes first.
            self._head_timer = self.loop.call_later(HEAD_S, self._head_is_late)
        elif self._is_head:
            self._status = 408
            self.send_400_response("The request took too long to arrive.")
        else:
            self.transport.close()

    def _count(self, size: int, status: int) -> None:
        self._untold_bytes = 0
        self._head_bytes += size
        if self._head_bytes > MAX_HEAD_BYTES:
            self._status = status
            raise _Refused
