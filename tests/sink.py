"""An HTTP server process that stores what is posted to it, for tests of callbacks.

    python -m tests.sink DIRECTORY [STATUS]

It prints its port and writes the body of the n-th request into `DIRECTORY/n.json`.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

from tests.process import helping


class Sink(HTTPServer):
    """Stores bodies in a directory and answers each with one status."""

    def __init__(self, directory: Path, status: int) -> None:
        super().__init__(("127.0.0.1", 0), Keeper)
        self.directory = directory
        self.status = status
        self.count = 0


class Keeper(BaseHTTPRequestHandler):
    """Handles one POST."""

    server: Sink

    def do_POST(self) -> None:
        """Store the body under its number, atomically."""
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.count += 1
        part = self.server.directory / "part"
        part.write_bytes(body)
        part.rename(self.server.directory / f"{self.server.count}.json")
        self.send_response(self.server.status)
        self.send_header("Content-Length", "0")
        self.end_headers()


@contextmanager
def sinking(directory: Path, *, status: int = 200) -> Iterator[int]:
    """A running sink; its port."""
    directory.mkdir()
    with helping("tests.sink", str(directory), str(status)) as port:
        yield port


if __name__ == "__main__":
    sink = Sink(Path(sys.argv[1]), int(sys.argv[2]))
    sys.stdout.write(f"{sink.server_port}\n")
    sys.stdout.flush()
    sink.serve_forever()
