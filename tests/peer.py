"""An HTTP/1.1 server in a process of its own that keeps connections, for tests of outbound requests.

    python -m tests.peer [CERTIFICATE KEY]

It prints its port. Each connection has a number, which the answers tell. What it answers:

    GET  /any/other                 {connection, path, fields, server_name} and a cookie
    GET  /redirect?to=…&bytes=…&pause=…     307 with a body of that length, after seconds
    GET  /drip?pieces=…             a piece every 50 ms
    GET  /endless                   zeros, until the client leaves
    GET  /lockstep                  three pieces, each but the first only after a POST /go
    GET  /forgetful                 as any other, but hangs up when the connection is used again
    POST /upload                    {connection, bytes, sha256, is_chunked, length}
    POST /go                        lets /lockstep go on
    GET  /received?bytes=…          waits until so many bytes of uploads have come
    GET  /seen                      {connections, paths}, without these requests
    POST /reset                     forgets all that was seen
"""

import hashlib
import json
import ssl
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.process import helping

PIECE = b"x" * 1024
LAST = {"Connection": "close"}


class Peer(ThreadingHTTPServer):
    """The server, with what it has seen."""

    daemon_threads = True
    request_queue_size = 64

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Connection)
        self.changed = threading.Condition()
        self.server_name: str | None = None
        self.reset()

    def reset(self) -> None:
        """Forget what was seen."""
        self.connections = 0
        self.paths: list[str] = []
        self.received = 0
        self.may_go_on = threading.Semaphore(0)

    def use_tls(self, certificate: Path, key: Path) -> None:
        """Speak TLS from now on, and keep the name that clients ask for."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        context.sni_callback = lambda _, name, __: setattr(self, "server_name", name)
        self.socket = context.wrap_socket(self.socket, server_side=True)

    def handle_error(self, *_: Any) -> None:
        """Clients leave on purpose."""


class Connection(BaseHTTPRequestHandler):
    """One connection, in a thread of its own."""

    server: Peer
    protocol_version = "HTTP/1.1"
    number: int | None = None
    is_forgetful = False

    def do_GET(self) -> None:
        """Answer by the path."""
        url = urlsplit(self.path)
        query = {name: values[0] for name, values in parse_qs(url.query).items()}
        if url.path == "/seen":
            self._answer({"connections": self.server.connections, "paths": self.server.paths}, fields=LAST)
            return
        if url.path == "/received":
            with self.server.changed:
                self.server.changed.wait_for(lambda: self.server.received >= int(query["bytes"]))
            self._answer(self.server.received)
            return
        self._count()
        if self.is_forgetful:
            self.close_connection = True
            return
        self.server.paths.append(url.path)
        if url.path == "/redirect":
            time.sleep(float(query.get("pause", 0)))
            self._answer("x" * int(query.get("bytes", 0)), 307, {"Location": query["to"]})
        elif url.path in {"/drip", "/endless", "/lockstep"}:
            self._pieces(url.path, int(query.get("pieces", 3)))
        else:
            self.is_forgetful = url.path == "/forgetful"
            about = {"path": self.path, "fields": dict(self.headers), "server_name": self.server.server_name}
            self._answer(about, fields={"Set-Cookie": "a=b; Path=/"})

    def do_POST(self) -> None:
        """Take a body."""
        chunked = self.headers.get("Transfer-Encoding") == "chunked"
        length = self.headers.get("Content-Length")
        digest, size = hashlib.sha256(), 0
        for piece in self._chunks() if chunked else self._sized(int(length or 0)):
            digest.update(piece)
            size += len(piece)
            with self.server.changed:
                self.server.received += len(piece)
                self.server.changed.notify_all()
        if self.path == "/go":
            self.server.may_go_on.release()
        elif self.path == "/reset":
            self.server.reset()
        else:
            self._count()
        about = {"bytes": size, "sha256": digest.hexdigest(), "is_chunked": chunked, "length": length}
        self._answer(about)

    def _count(self) -> None:
        if self.number is None:
            self.server.connections += 1
            self.number = self.server.connections

    def _answer(self, value: Any, status: int = 200, fields: dict[str, str] | None = None) -> None:
        if isinstance(value, dict):
            value = {"connection": self.number, **value}
        body = json.dumps(value).encode()
        self.send_response(status)
        for name, text in (fields or {}).items():
            self.send_header(name, text)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _pieces(self, path: str, count: int) -> None:
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        number = 0
        while path == "/endless" or number < count:
            if path == "/lockstep" and number:
                self.server.may_go_on.acquire()
            self.wfile.write(b"%x\r\n%s\r\n" % (len(PIECE), PIECE))
            number += 1
            if path == "/drip":
                time.sleep(0.05)
        self.wfile.write(b"0\r\n\r\n")

    def _sized(self, length: int) -> Iterator[bytes]:
        while length:
            piece = self.rfile.read1(min(length, 1 << 16))
            if not piece:
                return
            length -= len(piece)
            yield piece

    def _chunks(self) -> Iterator[bytes]:
        while size := int(self.rfile.readline(), 16):
            yield self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()

    def log_message(self, *_: Any) -> None:
        """Keep silent."""


@contextmanager
def peering(*arguments: str) -> Iterator[int]:
    """A running peer; its port."""
    with helping("tests.peer", *arguments) as port:
        yield port


if __name__ == "__main__":
    peer = Peer()
    if sys.argv[1:]:
        peer.use_tls(Path(sys.argv[1]), Path(sys.argv[2]))
    sys.stdout.write(f"{peer.server_port}\n")
    sys.stdout.flush()
    peer.serve_forever()
