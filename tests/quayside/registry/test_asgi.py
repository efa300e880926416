"""Requests and responses in plain ASGI, with a minimal server in the test."""

import asyncio
import errno
import gc
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, cast

import pytest

from quayside.http.sending import FileSender
from quayside.registry import asgi
from quayside.registry.errors import OciCode, RegistryError
from tests.waiting import PATIENCE_S

VERSION = (b"docker-distribution-api-version", b"registry/2.0")


class Connection:
    """An ASGI connection: messages for the application, and those that it sent."""

    def __init__(self, *incoming: dict[str, Any]) -> None:
        self.incoming: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        for message in incoming:
            self.incoming.put_nowait(message)
        self.sent: list[dict[str, Any]] = []

    async def receive(self) -> dict[str, Any]:
        return await self.incoming.get()

    async def send(self, message: Any) -> None:
        self.sent.append(message)
        # Yields to other tasks, as a real server does between two writes.
        await asyncio.sleep(0)

    @property
    def body(self) -> bytes:
        return b"".join(message.get("body", b"") for message in self.sent)


def body_message(body: bytes, *, more: bool = False) -> dict[str, Any]:
    return {"type": "http.request", "body": body, "more_body": more}


GONE = {"type": "http.disconnect"}


async def pieces_of(*pieces: bytes, closed: list[bool]) -> AsyncIterator[bytes]:
    try:
        for piece in pieces:
            yield piece
    finally:
        closed.append(True)


def test_headers_and_lengths_are_read() -> None:
    scope = {"headers": [(b"content-length", b"12"), (b"range", b"bytes=0-1")]}

    assert asgi.header(scope, b"range") == "bytes=0-1"
    assert asgi.header(scope, b"accept") is None
    assert asgi.content_length(scope) == 12
    assert asgi.content_length({"headers": []}) is None


def test_query_parameters_keep_their_order_and_repetition() -> None:
    assert asgi.query_items({"query_string": b"tag=1&tag=%2B2&digest="}) == [
        ("tag", "1"),
        ("tag", "+2"),
        ("digest", ""),
    ]


def test_too_many_query_parameters_are_refused() -> None:
    assert len(asgi.query_items({"query_string": b"&".join([b"tag=a"] * 100)})) == 100
    with pytest.raises(RegistryError) as caught:
        asgi.query_items({"query_string": b"&".join([b"tag=a"] * 101)})
    assert caught.value.status == 414


async def test_a_body_arrives_in_pieces() -> None:
    connection = Connection(body_message(b"ab", more=True), body_message(b"", more=True), body_message(b"c"))

    assert [piece async for piece in asgi.body_pieces(connection.receive)] == [b"ab", b"c"]


async def test_a_client_that_hangs_up_ends_the_body() -> None:
    connection = Connection(body_message(b"ab", more=True), GONE)

    with pytest.raises(asgi.ClientGone):
        await asgi.read_body(connection.receive, 10)


@pytest.mark.parametrize(("limit", "body"), [(4, b"abcd"), (3, None)])
async def test_a_body_is_read_up_to_a_limit(limit: int, body: bytes | None) -> None:
    connection = Connection(body_message(b"ab", more=True), body_message(b"cd"))

    assert await asgi.read_body(connection.receive, limit) == body


async def test_a_json_answer_has_type_length_and_version() -> None:
    connection = Connection()

    await asgi.send_json(connection.send, 200, {"a": 1}, {"Link": "x"})

    assert connection.sent[0] == {
        "type": "http.response.start",
        "status": 200,
        "headers": [
            VERSION,
            (b"content-type", b"application/json"),
            (b"link", b"x"),
            (b"content-length", b"7"),
        ],
    }
    assert connection.body == b'{"a":1}'


async def test_a_head_answer_has_the_length_but_not_the_body() -> None:
    connection = Connection()

    await asgi.send_error(connection.send, RegistryError(OciCode.BLOB_UNKNOWN), is_head=True)

    assert connection.sent[0]["status"] == 404
    length = len('{"errors":[{"code":"BLOB_UNKNOWN","message":"blob unknown to registry"}]}')
    assert (b"content-length", b"%d" % length) in connection.sent[0]["headers"]
    assert connection.body == b""


async def test_an_answer_without_content_has_no_length() -> None:
    connection = Connection()

    await asgi.send_head(connection.send, 204, {"Range": "0-0"})

    assert connection.sent[0]["headers"] == [VERSION, (b"range", b"0-0")]


async def test_a_stream_is_sent_piece_by_piece_and_closed() -> None:
    connection, closed = Connection(), list[bool]()

    await asgi.send_stream(
        connection.receive,
        connection.send,
        206,
        {"Content-Length": "3"},
        pieces_of(b"ab", b"c", closed=closed),
    )

    assert [message.get("body") for message in connection.sent] == [None, b"ab", b"c", b""]
    assert [message.get("more_body", False) for message in connection.sent] == [False, True, True, False]
    assert closed == [True]


async def test_an_empty_stream_is_an_empty_answer() -> None:
    connection, closed = Connection(), list[bool]()

    await asgi.send_stream(
        connection.receive, connection.send, 200, {"Content-Length": "0"}, pieces_of(closed=closed)
    )

    assert [message["type"] for message in connection.sent] == ["http.response.start", "http.response.body"]
    assert connection.body == b""


async def test_a_source_that_fails_at_once_has_sent_nothing() -> None:
    async def failing() -> AsyncIterator[bytes]:
        raise RegistryError(OciCode.BLOB_UNKNOWN)
        yield b""

    connection = Connection()

    with pytest.raises(RegistryError):
        await asgi.send_stream(connection.receive, connection.send, 200, {}, failing())

    assert connection.sent == []


async def test_a_file_that_fails_behind_a_client_that_left_is_no_unhandled_error(tmp_path: Path) -> None:
    class Sender:
        async def send(self, file: int, start: int, end: int) -> bool:
            try:
                await asyncio.sleep(PATIENCE_S)
            except asyncio.CancelledError:
                raise OSError(errno.EIO, "disk") from None
            return True

    errors: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda loop, context: errors.append(context))
    path = tmp_path / "file"
    path.write_bytes(b"abc")
    connection = Connection(GONE)
    with path.open("rb", buffering=0) as file:
        sender = cast(FileSender, Sender())
        await asgi.send_file(connection.receive, connection.send, 200, {}, sender, file, range(3))
    gc.collect()

    assert errors == []


async def test_a_stream_stops_when_the_client_hangs_up() -> None:
    connection, closed = Connection(body_message(b""), GONE), list[bool]()

    await asgi.send_stream(
        connection.receive, connection.send, 200, {}, pieces_of(*[b"piece"] * 1000, closed=closed)
    )

    assert len(connection.sent) < 10
    assert closed == [True]
