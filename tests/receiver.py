"""An HTTP server process that receives notifications, and does to them what receivers do.

    python -m tests.receiver

It prints its port. What is posted to `/to/…` is recorded in the order of arrival and answered by the rules of
its path, which are posted to `/rules/…`; `/seen` returns everything.
"""

import json
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx

from tests.process import helping

Json = dict[str, Any]


@dataclass
class Rules:
    """How a path answers. The next `failures` requests get `status`, and then each one of `every`.

    Each waits `delay_s`; `location` makes it a redirect.
    """

    failures: int = 0
    every: int = 0
    status: int = 500
    delay_s: float = 0.0
    body: str = "thanks"
    location: str | None = None


@dataclass(frozen=True)
class Received:
    """One request, with the names of its headers in lower case, and the status that it got."""

    path: str
    headers: dict[str, str]
    body: str
    status: int

    @property
    def json(self) -> Json:
        """The body as JSON."""
        found: Json = json.loads(self.body)
        return found

    @property
    def is_taken(self) -> bool:
        """Whether it was answered with success."""
        return self.status < 300


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.lock = threading.Lock()
        self.seen: list[Received] = []
        self.rules: dict[str, Rules] = {}
        self.counts: dict[str, int] = {}

    def outcome(self, path: str) -> tuple[int, Rules]:
        """The status of the next request to a path, with its rules."""
        rules = self.rules.get(path, Rules())
        self.counts[path] = count = self.counts.get(path, 0) + 1
        fails = rules.failures > 0 or (rules.every and count % rules.every == 0)
        rules.failures = max(0, rules.failures - 1)
        return (rules.status if fails else 200), rules


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    protocol_version = "HTTP/1.1"
    # An answer in two segments would wait for the acknowledgement of the first.
    wbufsize = -1

    def log_message(self, *_: object) -> None:
        """Nothing is logged."""

    def do_GET(self) -> None:
        with self.server.lock:
            self._answer(200, json.dumps([asdict(one) for one in self.server.seen]))

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
        if self.path.startswith("/rules/"):
            with self.server.lock:
                self.server.rules[self.path.removeprefix("/rules")] = Rules(**json.loads(body))
            self._answer(200, "")
            return
        with self.server.lock:
            path = self.path.removeprefix("/to")
            status, rules = self.server.outcome(path)
            headers = {name.lower(): value for name, value in self.headers.items()}
            self.server.seen.append(Received(path, headers, body, status))
        time.sleep(rules.delay_s)
        self._answer(status, rules.body, rules.location)

    def _answer(self, status: int, body: str, location: str | None = None) -> None:
        content = body.encode()
        self.send_response(status)
        if location is not None:
            self.send_header("Location", location)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)


@dataclass(frozen=True)
class Receiver:
    """A running receiver, seen from a test."""

    port: int
    http: httpx.Client = field(repr=False)

    def url(self, path: str) -> str:
        """The address to which a notification is sent."""
        return f"http://127.0.0.1:{self.port}/to{path}"

    def rule(self, path: str, **rules: Any) -> None:
        """Let a path answer in another way from now on."""
        self.http.post(f"/rules{path}", json=rules).raise_for_status()

    def seen(self, path: str) -> list[Received]:
        """The requests to a path, in their order."""
        found = [Received(**one) for one in self.http.get("/seen").json()]
        return [one for one in found if one.path == path]

    def taken(self, path: str) -> list[Received]:
        """The requests to a path that it has answered with success."""
        return [one for one in self.seen(path) if one.is_taken]


@contextmanager
def receiving() -> Iterator[Receiver]:
    """A running receiver."""
    with (
        helping("tests.receiver") as port,
        httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60) as http,
    ):
        yield Receiver(port, http)


if __name__ == "__main__":
    server = _Server()
    sys.stdout.write(f"{server.server_port}\n")
    sys.stdout.flush()
    server.serve_forever()
