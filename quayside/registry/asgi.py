"""Requests and responses of `/v2` in plain ASGI.

A pull is two or three point reads and a few hundred bytes of JSON, so that request and response objects would
cost as much as the work. These functions replace them.
"""

import asyncio
import contextlib
import os
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from io import FileIO
from typing import cast
from urllib.parse import parse_qsl

import orjson
from starlette.requests import ClientDisconnect
from starlette.types import Receive, Scope, Send

from quayside.http.sending import FileSender, SendingRefused
from quayside.registry.errors import OciCode, RegistryError
from storage.blobs import CHUNK_SIZE, Inflow, Piece
from storage.uninterrupted import settled

API_VERSION = (b"docker-distribution-api-version", b"registry/2.0")
Headers = list[tuple[bytes, bytes]]
_JSON = {"Content-Type": "application/json"}
_MAX_QUERY_FIELDS = 100


class ClientGone(ClientDisconnect):
    """The client closed the connection before its request was read completely."""


class AnswerBroken(Exception):
    """The source of a response failed after its headers were sent; the connection must be closed."""


def header(scope: Scope, name: bytes) -> str | None:
    """Return the value of a request header, by its lower-case name."""
    for key, value in scope["headers"]:
        if key == name:
            return cast(bytes, value).decode("latin-1")
    return None


def warning_field(text: str) -> tuple[bytes, bytes]:
    """The header field of a warning, with what may stand in one (OCI Distribution 1.1, "Warnings")."""
    shown = "".join(c for c in text if " " <= c <= "~" and c not in '"\\')
    return b"warning", b'299 - "%b"' % shown.encode("ascii")


def content_length(scope: Scope) -> int | None:
    """Return the length of the request's body in bytes, None if it is unknown (chunked)."""
    text = header(scope, b"content-length")
    return int(text) if text and text.isascii() and text.isdigit() else None


def query_items(scope: Scope) -> list[tuple[str, str]]:
    """Return the query's parameters in order.

    Raises RegistryError: 414 for more than 100, 400 for NUL, which PostgreSQL cannot store.
    """
    text = scope["query_string"].decode("latin-1")
    if not text:
        return []
    try:
        items = parse_qsl(text, keep_blank_values=True, max_num_fields=_MAX_QUERY_FIELDS)
    except ValueError as error:
        raise RegistryError(OciCode.UNSUPPORTED, "too many query parameters", status=414) from error
    for key, value in items:
        if "\0" in value:
            raise RegistryError(OciCode.UNSUPPORTED, f"{key[:50]} must not contain NUL", status=400)
    return items


async def body_parts(receive: Receive) -> AsyncIterator[Piece | Inflow]:
    """Yield the request's body as it arrives, or is to be poured. Raises ClientGone."""
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientGone
        if piece := message.get("body"):
            yield piece
        if not message.get("more_body"):
            return


async def body_pieces(receive: Receive) -> AsyncIterator[Piece]:
    """Yield the request's body as it arrives. Raises ClientGone."""
    async for piece in body_parts(receive):
        # Nothing is poured unless that was asked for.
        yield cast(Piece, piece)


async def read_body(receive: Receive, limit: int) -> bytes | None:
    """Return the whole body, or None as soon as it has more than `limit` bytes. Raises ClientGone."""
    pieces: list[Piece] = []
    size = 0
    async for piece in body_pieces(receive):
        size += len(piece)
        if size > limit:
            return None
        pieces.append(piece)
    return b"".join(pieces)


async def send_bytes(
    send: Send, status: int, headers: Mapping[str, str], body: bytes = b"", *, is_head: bool = False
) -> None:
    """Send a response with a body; for HEAD with its length only."""
    length = (b"content-length", b"%d" % len(body))
    await send({"type": "http.response.start", "status": status, "headers": [*_encode(headers), length]})
    await send({"type": "http.response.body", "body": b"" if is_head else body})


async def send_head(send: Send, status: int, headers: Mapping[str, str]) -> None:
    """Send a response without a body: HEAD, 204 or 304. `Content-Length` is not added."""
    await send({"type": "http.response.start", "status": status, "headers": _encode(headers)})
    await send({"type": "http.response.body", "body": b""})


async def send_json(
    send: Send,
    status: int,
    value: object,
    headers: Mapping[str, str] | None = None,
    *,
    is_head: bool = False,
) -> None:
    """Send a JSON value; `headers` may override the content type."""
    await send_bytes(send, status, {**_JSON, **(headers or {})}, orjson.dumps(value), is_head=is_head)


async def send_error(send: Send, error: RegistryError, *, is_head: bool = False) -> None:
    """Send an error response."""
    await send_bytes(send, error.status, {**_JSON, **error.headers}, error.body(), is_head=is_head)


async def send_stream(
    receive: Receive, send: Send, status: int, headers: Mapping[str, str], pieces: AsyncIterator[bytes]
) -> None:
    """Stream a response; `headers` must contain `Content-Length`.

    The first piece is awaited before the headers are sent, so that an error of the source can still become an
    error response; a later one is raised as AnswerBroken. Stops when the client disconnects, which the
    server's `send` does not report.
    """
    async with contextlib.aclosing(cast(AsyncGenerator[bytes, None], pieces)) as source:
        piece = await anext(source, b"")
        await send({"type": "http.response.start", "status": status, "headers": _encode(headers)})
        gone = asyncio.create_task(_until_gone(receive))
        try:
            while piece and not gone.done():
                await send({"type": "http.response.body", "body": piece, "more_body": True})
                piece = await anext(source, b"")
            if not gone.done():
                await send({"type": "http.response.body", "body": b""})
        except Exception as error:
            raise AnswerBroken from error
        finally:
            gone.cancel()


async def send_file(
    receive: Receive,
    send: Send,
    status: int,
    headers: Mapping[str, str],
    sender: FileSender,
    file: FileIO,
    part: range,
) -> None:
    """Send a part of a file as `send_stream` does a stream. The file is in use until this returns."""
    await send({"type": "http.response.start", "status": status, "headers": _encode(headers)})
    gone = asyncio.create_task(_until_gone(receive))
    body = asyncio.create_task(_send_part(send, sender, file.fileno(), part))
    try:
        await asyncio.wait([gone, body], return_when=asyncio.FIRST_COMPLETED)
        if body.done() and body.result():
            await send({"type": "http.response.body", "body": b""})
    except Exception as error:
        raise AnswerBroken from error
    finally:
        gone.cancel()
        body.cancel()
        await settled(asyncio.wait([body]))
        # Its failure is of no interest once the client has left.
        body.cancelled() or body.exception()


async def _send_part(send: Send, sender: FileSender, file: int, part: range) -> bool:
    """Send a part of a file; False if the client left before its end."""
    try:
        return await sender.send(file, part.start, part.stop)
    except SendingRefused:
        for position in range(part.start, part.stop, CHUNK_SIZE):
            size = min(CHUNK_SIZE, part.stop - position)
            piece = await settled(asyncio.to_thread(os.pread, file, size, position))
            await send({"type": "http.response.body", "body": piece, "more_body": True})
        return True


async def _until_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def _encode(headers: Mapping[str, str]) -> list[tuple[bytes, bytes]]:
    pairs = [(key.lower().encode("ascii"), value.encode("latin-1")) for key, value in headers.items()]
    return [API_VERSION, *(pair for pair in pairs if pair[0] != API_VERSION[0])]
