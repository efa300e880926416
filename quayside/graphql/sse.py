"""GraphQL over server-sent events, distinct connections mode: one operation, one stream.

    event: next         event: complete
    data: {result}      data:

Source: the GraphQL over Server-Sent Events protocol of graphql-sse.
"""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any, Final

import orjson
from starlette.types import Receive, Scope, Send

from quayside.http.middleware import STREAMS

EVENT_STREAM: Final = "text/event-stream"

HEADERS: Final = [
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-store"),
    (b"vary", b"Accept"),
    (b"x-accel-buffering", b"no"),  # Asks nginx to pass on each event as it comes.
    (b"x-content-type-options", b"nosniff"),
]

KEEP_ALIVE_S: Final = 15.0
"""Seconds between keep-alive comments; proxies drop a silent response after 30 to 60 s."""

SEND_TIMEOUT_S: Final = 30.0
"""Seconds after which a client that does not read is disconnected."""


class EventStream:
    """A response that sends results as they come, and ends when the client disconnects."""

    def __init__(self, results: AsyncGenerator[Any, None]) -> None:
        self._results = results

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope[STREAMS] = True
        async with aclosing(self._results):
            await send({"type": "http.response.start", "status": 200, "headers": HEADERS})
            if scope["method"] == "HEAD":
                await send({"type": "http.response.body", "body": b""})
                return
            # The first byte tells the client that the subscription has started.
            await _send_text(send, b":\n\n")
            disconnected = asyncio.create_task(_wait_for_disconnect(receive))
            try:
                await self._send_all(send, disconnected)
            finally:
                disconnected.cancel()

    async def _send_all(self, send: Send, disconnected: "asyncio.Task[None]") -> None:
        next_result = asyncio.ensure_future(anext(self._results, None))
        try:
            while not disconnected.done():
                await asyncio.wait(
                    {next_result, disconnected}, timeout=KEEP_ALIVE_S, return_when=asyncio.FIRST_COMPLETED
                )
                if disconnected.done():
                    return
                if not next_result.done():
                    await _send_text(send, b":\n\n")
                    continue
                result = next_result.result()
                if result is None:
                    await _send_text(send, b"event: complete\ndata: \n\n", more=False)
                    return
                await _send_text(send, b"event: next\ndata: " + orjson.dumps(result) + b"\n\n")
                next_result = asyncio.ensure_future(anext(self._results, None))
        finally:
            # A generator can only be closed while no task waits for it.
            next_result.cancel()
            await asyncio.gather(next_result, return_exceptions=True)


async def _send_text(send: Send, text: bytes, *, more: bool = True) -> None:
    async with asyncio.timeout(SEND_TIMEOUT_S):
        await send({"type": "http.response.body", "body": text, "more_body": more})


async def _wait_for_disconnect(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
