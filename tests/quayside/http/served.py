"""A real server of an application, in a thread with an event loop of its own, and plain clients of it."""

import asyncio
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import uvicorn
import uvloop
from starlette.types import ASGIApp

from quayside.http.protocol import BoundedHeadProtocol
from tests.certificates import make_certificate

PATIENCE_S = 30

KINDS = {"plain": ("uvloop", False), "TLS": ("uvloop", True), "other loop": ("asyncio", False)}
"""Event loops, and whether connections have TLS."""

_LOOPS: dict[str, Callable[[], asyncio.AbstractEventLoop]] = {
    "uvloop": uvloop.new_event_loop,
    "asyncio": asyncio.new_event_loop,
}


@dataclass(frozen=True)
class Place:
    """Where a server listens, and the certificate by which clients know it."""

    port: int
    certificate: Path | None = None

    @contextmanager
    def connected(self, *, receive_buffer: int | None = None) -> Iterator[socket.socket]:
        """A new connection; a client with a small buffer is slow."""
        with socket.socket() as plain:
            if receive_buffer is not None:
                plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
            plain.settimeout(PATIENCE_S)
            plain.connect(("127.0.0.1", self.port))
            if self.certificate is None:
                yield plain
                return
            context = ssl.create_default_context(cafile=self.certificate)
            with context.wrap_socket(plain, server_hostname="127.0.0.1") as encrypted:
                yield encrypted


@contextmanager
def served(application: ASGIApp, kind: str, directory: Path) -> Iterator[Place]:
    """A server of an application, of one of `KINDS`, until the end of the block."""
    loop, has_tls = KINDS[kind]
    certificate, key = make_certificate(directory) if has_tls else (None, None)
    config = uvicorn.Config(
        application,
        http=BoundedHeadProtocol,
        lifespan="off",
        log_config=None,
        ssl_certfile=certificate,
        ssl_keyfile=key,
    )
    server = uvicorn.Server(config)
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            with asyncio.Runner(loop_factory=_LOOPS[loop]) as runner:
                runner.run(server.serve(sockets=[listening]))

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield Place(listening.getsockname()[1], certificate)
        finally:
            server.should_exit = True
            thread.join()


def received(connection: socket.socket) -> bytes:
    """All that the server sends until it closes the connection."""
    found = bytearray()
    while piece := connection.recv(1 << 20):
        found += piece
    return bytes(found)
