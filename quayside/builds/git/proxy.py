"""The way out of git: a proxy for the method CONNECT, which serves one run and applies the outbound guard.

Git and ssh know no other way to the network. The proxy looks for a host itself, judges all of its addresses
and connects to one of these, so that what was judged is what is reached. It cannot read what passes: TLS and
ssh are between git and the server.

Source: RFC 9110 section 9.3.6.
"""

import asyncio
import base64
import contextlib
import hmac
import secrets
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

import anyio
import httpcore

from quayside.builds.git.location import PORTS, Location
from resolvers.errors import QuaysideError
from resolvers.outbound.client import Outbound

CONNECT_S: Final = 15.0
HEAD_BYTES: Final = 8192
PIECE_BYTES: Final = 65_536
CONNECTIONS: Final = 32
USER: Final = "git"

_ENDED = (OSError, asyncio.IncompleteReadError, httpcore.NetworkError, anyio.ClosedResourceError)


class _Refused(Exception):
    """A connection that is not made. `status` is that of the answer, the text a sentence for the user."""

    def __init__(self, status: int, sentence: str) -> None:
        super().__init__(sentence)
        self.status = status


class Proxy:
    """The proxy of one run.

    Submodules may be anywhere that the guard allows, at the ports of https and ssh and that of the
    repository. `refusal` is a sentence on the last connection that was not made.
    """

    def __init__(self, outbound: Outbound, location: Location, *, most_bytes: int) -> None:
        self._outbound = outbound
        self._ports = {*PORTS.values(), location.port}
        self._most_bytes = most_bytes
        self._bytes = 0
        self._tasks = set[asyncio.Task[None]]()
        self.token = secrets.token_urlsafe(24)
        self._credentials = base64.b64encode(f"{USER}:{self.token}".encode())
        self.refusal: str | None = None

    @asynccontextmanager
    async def listening(self, listener: socket.socket) -> AsyncIterator[None]:
        """Serve a socket during the block; no connection is left afterwards."""
        start = asyncio.start_unix_server if listener.family is socket.AF_UNIX else asyncio.start_server
        server = await start(self._serve, sock=listener, limit=HEAD_BYTES)
        try:
            yield
        finally:
            server.close()
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            # Whoever listens cancels this, and nobody awaits it.
            with contextlib.suppress(*_ENDED, asyncio.CancelledError):
                await self._answer(reader, writer)
        finally:
            writer.close()
            self._tasks.discard(task)

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            stream = await self._connected(reader)
        except _Refused as refusal:
            self.refusal = str(refusal)
            writer.write(f"HTTP/1.1 {refusal.status} Refused\r\nContent-Length: 0\r\n\r\n".encode())
            await writer.drain()
            return
        try:
            writer.write(b"HTTP/1.1 200 Connected\r\n\r\n")
            ways = [
                asyncio.ensure_future(self._send(reader, stream)),
                asyncio.ensure_future(self._receive(stream, writer)),
            ]
            try:
                # Neither protocol goes on when one side has ended.
                await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for way in ways:
                    way.cancel()
                await asyncio.gather(*ways, return_exceptions=True)
        finally:
            await stream.aclose()

    async def _connected(self, reader: asyncio.StreamReader) -> httpcore.AsyncNetworkStream:
        """The connection that is asked for. Raises `_Refused`."""
        try:
            async with asyncio.timeout(CONNECT_S):
                head = await reader.readuntil(b"\r\n\r\n")
            method, target, _ = head.split(b"\r\n", 1)[0].decode("ascii").split(" ")
            host, _, digits = target.rpartition(":")
            port = int(digits)
        except (TimeoutError, asyncio.LimitOverrunError, ValueError) as error:
            raise _Refused(400, "The program git has asked for what is no connection.") from error
        if method != "CONNECT" or not self._is_known(head):
            raise _Refused(407, "The program git has asked for a connection that is not its own.")
        if port not in self._ports:
            ports = ", ".join(map(str, sorted(self._ports)))
            raise _Refused(403, f"{host}:{port} is not asked: repositories are at the ports {ports}.")
        if len(self._tasks) > CONNECTIONS:
            raise _Refused(503, "The program git has asked for too many connections.")
        try:
            return await self._outbound.connect(host.strip("[]"), port, timeout_s=CONNECT_S)
        except QuaysideError as error:
            raise _Refused(403, error.message) from error

    def _is_known(self, head: bytes) -> bool:
        for line in head.split(b"\r\n")[1:]:
            name, _, value = line.partition(b":")
            kind, _, credentials = value.strip().partition(b" ")
            if name.lower() == b"proxy-authorization" and kind.lower() == b"basic":
                return hmac.compare_digest(credentials.strip(), self._credentials)
        return False

    async def _send(self, reader: asyncio.StreamReader, stream: httpcore.AsyncNetworkStream) -> None:
        while piece := await reader.read(PIECE_BYTES):
            await stream.write(piece)

    async def _receive(self, stream: httpcore.AsyncNetworkStream, writer: asyncio.StreamWriter) -> None:
        while piece := await stream.read(PIECE_BYTES):
            self._bytes += len(piece)
            if self._bytes > self._most_bytes:
                self.refusal = f"The repository sends more than {self._most_bytes} bytes."
                return
            writer.write(piece)
            await writer.drain()
