"""Bodies that a door takes in large pieces, at a real server."""

import asyncio
import errno
import hashlib
import os
import queue
import socket
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from starlette.types import Receive, Scope, Send

from quayside.http import intake
from quayside.http.intake import BUFFER_BYTES, LARGE_BYTES, Buffers, take_large_pieces
from storage.blobs import Inflow
from tests.quayside.http.served import KINDS, PATIENCE_S, Place, received, served
from tests.waiting import wait_for

SIZE = 5 * BUFFER_BYTES + 12_345
CONTENT = os.urandom(SIZE)
DIGEST = hashlib.sha256(CONTENT).hexdigest().encode()
LAST = b"GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"
IN_SOCKETS_BYTES = 24 * BUFFER_BYTES
"""More than the system keeps between two ends of a connection."""


class Application:
    """Answers with the digest of a body, taken in large pieces; at `/early` before it has arrived."""

    def __init__(self) -> None:
        self.may_read = threading.Event()
        self.may_read.set()
        self.sizes: queue.Queue[list[int]] = queue.Queue()
        self.poured = 0
        self.came: queue.Queue[bytes] = queue.Queue()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        take_large_pieces(scope, pours=scope["path"] in {"/pour", "/refuse"})
        await asyncio.to_thread(self.may_read.wait)
        answer = b""
        if scope["path"] == "/early":
            await receive()
        elif scope["path"] == "/refuse":
            answer = await self._refusal(receive)
        elif scope["method"] == "PUT":
            answer = await self._digest(receive)
        length = (b"content-length", b"%d" % len(answer))
        await send({"type": "http.response.start", "status": 200, "headers": [length]})
        await send({"type": "http.response.body", "body": answer})

    async def _digest(self, receive: Receive) -> bytes:
        pieces: list[bytes | memoryview] = []
        more = True
        while more:
            message = await receive()
            body = message.get("body", b"")
            if isinstance(body, Inflow):
                # More comes meanwhile.
                await asyncio.sleep(0.01)
                body = await self._poured(body)
            pieces.append(body)
            more = message.get("more_body", False)
            if more:
                self.came.put(bytes(pieces[-1]))
        self.sizes.put([len(piece) for piece in pieces])
        # They are hashed last, to see that none was changed by those behind it.
        return hashlib.sha256(b"".join(pieces)).hexdigest().encode()

    async def _refusal(self, receive: Receive) -> bytes:
        """Fail to take what is poured, and read no more."""

        def refuse(view: memoryview) -> None:
            raise OSError(errno.ENOSPC, "full")

        while not isinstance(body := (await receive())["body"], Inflow):
            pass
        with suppress(OSError):
            await body.pour(refuse, asyncio.to_thread)
        return b"refused"

    async def _poured(self, inflow: Inflow) -> bytes:
        found = bytearray()
        await inflow.pour(found.extend, asyncio.to_thread)
        assert len(found) == inflow.size
        self.poured += len(found)
        return bytes(found)


class CountedBuffers(Buffers):
    """Buffers that are counted while somebody has them."""

    def __init__(self) -> None:
        super().__init__()
        self.taken = 0

    def take(self) -> bytearray:
        self.taken += 1
        return super().take()

    def give(self, buffer: bytearray) -> None:
        super().give(buffer)
        self.taken -= 1


@pytest.fixture
def application() -> Application:
    return Application()


@pytest.fixture
def buffers(monkeypatch: pytest.MonkeyPatch) -> CountedBuffers:
    counted = CountedBuffers()
    monkeypatch.setattr(intake, "_buffers", counted)
    return counted


@pytest.fixture(params=KINDS)
def place(request: pytest.FixtureRequest, application: Application, tmp_path: Path) -> Iterator[Place]:
    with served(application, request.param, tmp_path) as made:
        yield made


def head(path: bytes = b"/", fields: bytes = b"Content-Length: %d\r\n" % SIZE) -> bytes:
    return b"PUT " + path + b" HTTP/1.1\r\nHost: h\r\n" + fields + b"\r\n"


def bodies_of(answers: bytes) -> list[bytes]:
    return [answer.rpartition(b"\r\n\r\n")[2] for answer in answers.split(b"HTTP/1.1 200 OK\r\n")[1:]]


def in_chunks(content: bytes, size: int) -> bytes:
    pieces = [content[start : start + size] for start in range(0, len(content), size)]
    return b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces)


def test_a_body_arrives_in_large_pieces_and_the_next_requests_after_it(
    place: Place, application: Application
) -> None:
    # Given two large bodies, then a small one and a request without, sent without waiting for answers
    small = CONTENT[: LARGE_BYTES - 1]
    with place.connected() as connection:
        connection.sendall((head() + CONTENT) * 2 + head(fields=b"Content-Length: %d\r\n" % len(small)))
        connection.sendall(small + LAST)
        answers = bodies_of(received(connection))

    # Then each is whole, and the large ones came in few pieces
    assert answers == [DIGEST, DIGEST, hashlib.sha256(small).hexdigest().encode(), b""]
    for _ in range(2):
        sizes = application.sizes.get()
        assert sum(sizes) == SIZE
        assert BUFFER_BYTES in sizes


def test_a_body_in_chunks_arrives_in_large_pieces_too(place: Place, application: Application) -> None:
    body = in_chunks(CONTENT, 32_768) + b"0\r\nX-Digest: trailer\r\n\r\n"
    with place.connected() as connection:
        connection.sendall(head(fields=b"Transfer-Encoding: chunked\r\n") + body + LAST)
        answers = bodies_of(received(connection))

    assert answers == [DIGEST, b""]
    assert BUFFER_BYTES in application.sizes.get()


def test_what_comes_fast_is_poured_where_the_connection_is_plain(
    place: Place, application: Application
) -> None:
    with place.connected() as connection:
        connection.sendall((head(b"/pour") + CONTENT) * 3 + head() + CONTENT + LAST)
        answers = bodies_of(received(connection))

    assert answers == [DIGEST] * 4 + [b""]
    assert (application.poured == 0) == (place.certificate is not None)


def test_a_sender_that_pauses_is_waited_for(place: Place, application: Application) -> None:
    with place.connected() as connection:
        connection.sendall(head(b"/pour"))
        for start in range(0, SIZE, 600_000):
            connection.sendall(CONTENT[start : start + 600_000])
            # Longer than a thread waits.
            time.sleep(0.02)
        connection.sendall(LAST)
        answers = bodies_of(received(connection))

    assert answers == [DIGEST, b""]


def test_a_client_may_wait_to_be_asked_for_the_body(place: Place) -> None:
    with place.connected() as connection:
        connection.sendall(head(fields=b"Content-Length: %d\r\nExpect: 100-continue\r\n" % SIZE))
        asked = connection.recv(100)
        connection.sendall(CONTENT + LAST)
        answers = bodies_of(received(connection))

    assert asked == b"HTTP/1.1 100 Continue\r\n\r\n"
    assert answers == [DIGEST, b""]


def test_what_a_slow_client_sends_is_delivered_at_once(place: Place, application: Application) -> None:
    with place.connected() as connection:
        connection.sendall(head())
        for piece in (b"quay", b"side"):
            connection.sendall(piece)
            came = b""
            while came != piece:
                came += application.came.get(timeout=PATIENCE_S)


def test_a_slow_client_keeps_no_buffer(
    place: Place, application: Application, buffers: CountedBuffers
) -> None:
    with place.connected() as connection:
        connection.sendall(head())
        for piece in (b"quay", b"side"):
            connection.sendall(piece)
            came = b""
            while came != piece:
                came += application.came.get(timeout=PATIENCE_S)
            wait_for(lambda: buffers.taken, lambda taken: taken == 0, patience_s=PATIENCE_S)


@pytest.mark.parametrize("path", [b"/", b"/pour", b"/early"])
def test_a_connection_keeps_no_buffer_behind_a_body(
    path: bytes, place: Place, buffers: CountedBuffers
) -> None:
    # Given an answer, in case of `/early` to a part of the body
    sent = CONTENT[: LARGE_BYTES + 100] if path == b"/early" else CONTENT
    with place.connected() as connection:
        connection.sendall(head(path) + sent)
        answer = connection.recv(1000)
        assert answer.startswith(b"HTTP/1.1 200 OK\r\n")

        wait_for(lambda: buffers.taken, lambda taken: taken == 0, patience_s=PATIENCE_S)


@pytest.mark.parametrize("kind", ["plain", "other loop"])
def test_without_a_descriptor_for_it_nothing_is_poured(
    kind: str, application: Application, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: int) -> int:
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))

    monkeypatch.setattr(intake.os, "dup", refuse)
    with served(application, kind, tmp_path) as place, place.connected() as connection:
        connection.sendall(head(b"/pour") + CONTENT + LAST)
        answers = bodies_of(received(connection))

    assert (answers, application.poured) == ([DIGEST, b""], 0)


@pytest.mark.parametrize("path", [b"/", b"/pour"])
@pytest.mark.parametrize("ending", ["closes", "resets"])
def test_what_came_before_a_client_left_is_delivered(
    ending: str, path: bytes, place: Place, application: Application
) -> None:
    sent = CONTENT[: BUFFER_BYTES + 100]
    with place.connected() as connection:
        connection.sendall(head(path) + sent)
        came = b""
        while len(came) < len(sent):
            came += application.came.get(timeout=PATIENCE_S)
        if ending == "resets":
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    assert came == sent
    # The message that it left has no bytes.
    assert application.sizes.get(timeout=PATIENCE_S)[-1] == 0


def test_a_door_that_does_not_read_holds_the_client_up(place: Place, application: Application) -> None:
    size = 2 * IN_SOCKETS_BYTES
    application.may_read.clear()
    with place.connected() as connection:
        connection.settimeout(1)
        connection.sendall(head(fields=b"Content-Length: %d\r\n" % size))
        sent = 0
        with suppress(TimeoutError):
            while sent < size:
                sent += connection.send(bytes(BUFFER_BYTES))
        application.may_read.set()

    assert sent < IN_SOCKETS_BYTES


def test_the_rest_of_a_body_that_was_answered_early_is_no_request(place: Place) -> None:
    # Given a body that looks like requests, of which the door reads one piece
    with place.connected() as connection:
        body = (LAST * (SIZE // len(LAST) + 1))[:SIZE]
        connection.sendall(head(b"/early") + body + head() + CONTENT + LAST)

        assert bodies_of(received(connection)) == [b"", DIGEST, b""]


@pytest.mark.parametrize("kind", ["plain", "other loop"])
def test_the_rest_of_what_could_not_be_taken_is_no_request(
    kind: str, application: Application, tmp_path: Path
) -> None:
    body = (LAST * (SIZE // len(LAST) + 1))[:SIZE]
    with served(application, kind, tmp_path) as place, place.connected() as connection:
        connection.sendall((head(b"/refuse") + body) * 2 + head(b"/pour") + CONTENT + LAST)

        assert bodies_of(received(connection)) == [b"refused", b"refused", DIGEST, b""]


def test_a_buffer_is_used_again_when_nobody_holds_a_view_of_it() -> None:
    buffers = Buffers()
    first = buffers.take()
    view = memoryview(first)[10:20]
    buffers.give(first)

    second = buffers.take()
    assert second is not first
    view.release()
    assert buffers.take() is first
    assert len(first) == len(second) == BUFFER_BYTES
