"""Files that the system sends, at a real server."""

import errno
import os
import queue
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import pytest
from starlette.types import Receive, Scope, Send

from quayside.http import sending
from quayside.http.sending import file_sender
from quayside.registry import asgi
from tests.quayside.http.served import KINDS, PATIENCE_S, Place, received, served

CONTENT = os.urandom(6_000_000)
FIRST, LAST = 1000, 5_999_000
PART = CONTENT[FIRST:LAST]


class Application:
    """Sends a part of a file, by the system where it can; notes how each answer ended."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.ended: queue.Queue[str] = queue.Queue()
        self.is_plain: bool | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        sender = file_sender(scope)
        self.is_plain = sender is not None
        headers = {"Content-Length": str(len(PART))}
        with self.path.open("rb", buffering=0) as file:
            if sender is None:
                await asgi.send_bytes(send, 200, {}, PART)
                return
            try:
                await asgi.send_file(receive, send, 200, headers, sender, file, range(FIRST, LAST))
            except asgi.AnswerBroken as error:
                self.ended.put(type(error.__cause__).__name__)
                raise
            self.ended.put("well")


@pytest.fixture
def application(tmp_path: Path) -> Application:
    path = tmp_path / "file"
    path.write_bytes(CONTENT)
    return Application(path)


@pytest.fixture(params=["plain", "other loop"])
def place(request: pytest.FixtureRequest, application: Application, tmp_path: Path) -> Iterator[Place]:
    with served(application, request.param, tmp_path) as made:
        yield made


def request(*, closes: bool = True) -> bytes:
    return b"GET / HTTP/1.1\r\nHost: h\r\n" + (b"Connection: close\r\n" if closes else b"") + b"\r\n"


@pytest.mark.parametrize("kind", KINDS)
def test_only_a_plain_connection_is_sent_files(kind: str, application: Application, tmp_path: Path) -> None:
    with served(application, kind, tmp_path) as place, place.connected() as connection:
        connection.sendall(request())
        answer = received(connection)

    assert answer.endswith(b"\r\n\r\n" + PART)
    assert application.is_plain == (kind != "TLS")


def test_answers_are_whole_and_in_order(place: Place) -> None:
    with place.connected() as connection:
        connection.sendall(request(closes=False) * 2 + request())
        answers = received(connection)

    *heads, end = answers.split(PART)
    assert [one.count(b"HTTP/1.1 200 OK\r\n") for one in heads] == [1, 1, 1]
    assert all(one.startswith(b"HTTP/") and one.endswith(b"\r\n\r\n") for one in heads)
    assert end == b""


def test_a_client_of_the_version_before_gets_it_too(place: Place) -> None:
    with place.connected() as connection:
        connection.sendall(b"GET / HTTP/1.0\r\n\r\n")

        assert received(connection).endswith(b"\r\n\r\n" + PART)


def test_a_slow_client_gets_everything(place: Place, application: Application) -> None:
    with place.connected(receive_buffer=4096) as connection:
        connection.sendall(request())
        # Longer than a thread waits.
        time.sleep(0.1)
        assert application.ended.empty()
        assert received(connection).endswith(b"\r\n\r\n" + PART)

    assert application.ended.get(timeout=PATIENCE_S) == "well"


def test_a_connection_that_takes_little_all_the_time_holds_no_thread(
    place: Place, application: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given one thread, and a connection that takes 4 KiB each time
    send, slow, sent = os.sendfile, list[int](), list[int]()

    def sendfile(connection: int, file: int, position: int, size: int) -> int:
        slow.append(connection)
        if connection != slow[0]:
            return send(connection, file, position, size)
        time.sleep(0.01)
        sent.append(send(connection, file, position, min(size, 4096)))
        return sent[-1]

    monkeypatch.setattr(sending.os, "sendfile", sendfile)
    monkeypatch.setattr(sending, "_threads", ThreadPoolExecutor(1))
    with place.connected() as first, place.connected() as second:
        first.sendall(request())
        assert first.recv(12) == b"HTTP/1.1 200"
        while not sent:
            time.sleep(0.001)

        # Then another one gets everything before the system has taken much for the first
        second.sendall(request())
        assert received(second).endswith(b"\r\n\r\n" + PART)
        assert sum(sent) < 1_000_000


def test_what_is_wrong_behind_a_request_gets_into_no_answer(place: Place) -> None:
    with place.connected(receive_buffer=4096) as connection:
        connection.sendall(request(closes=False))
        answer = connection.recv(12)
        connection.sendall(b"\x16\x03\x01\r\n\r\n")
        # The connection may be reset, since not all that was sent to it was read.
        with suppress(ConnectionError):
            while piece := connection.recv(1 << 20):
                answer += piece

    _, _, part = answer.partition(b"\r\n\r\n")
    assert len(part) < len(PART)
    assert PART.startswith(part)


def test_a_client_that_leaves_ends_the_answer(place: Place, application: Application) -> None:
    with place.connected(receive_buffer=4096) as connection:
        connection.sendall(request())
        assert connection.recv(12) == b"HTTP/1.1 200"

    assert application.ended.get(timeout=PATIENCE_S) == "well"


def test_a_file_that_the_system_does_not_send_is_read(
    place: Place, application: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: int) -> int:
        raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))

    monkeypatch.setattr(sending.os, "sendfile", refuse)
    with place.connected() as connection:
        connection.sendall(request(closes=False) + request())
        answers = received(connection)

    assert answers.count(PART) == 2
    assert application.ended.get(timeout=PATIENCE_S) == "well"


def test_without_a_descriptor_for_it_a_file_is_read(
    place: Place, application: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: int) -> int:
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))

    monkeypatch.setattr(sending.os, "dup", refuse)
    with place.connected() as connection:
        connection.sendall(request())
        answer = received(connection)

    assert answer.endswith(b"\r\n\r\n" + PART)
    assert application.ended.get(timeout=PATIENCE_S) == "well"


def test_a_file_that_ends_too_early_breaks_the_connection(place: Place, application: Application) -> None:
    os.truncate(application.path, 1_000_000)
    with place.connected() as connection:
        connection.sendall(request(closes=False))
        answer = received(connection)

    assert answer.endswith(CONTENT[FIRST:1_000_000])
    assert application.ended.get(timeout=PATIENCE_S) == "EOFError"
