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
"""Below the 30 to 60 s after which proxies take a silent response for dead."""

SEND_S: Final = 30.0
"""How long a client may leave what was sent to it unread."""


class EventStream:
    """A response that shows results as they come, and notices when the client goes away."""

    def __init__(self, results: AsyncGenerator[dict[str, Any], None]) -> None:
        self._results = results

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope[STREAMS] = True
        async with aclosing(self._results):
            await send({"type": "http.response.start", "status": 200, "headers": HEADERS})
            if scope["method"] == "HEAD":
                await send({"type": "http.response.body", "body": b""})
                return
            # The first byte tells the client that it is listening.
            await _send_text(send, b":\n\n")
            gone = asyncio.create_task(_until_gone(receive))
            try:
                await self._send_all(send, gone)
            finally:
                gone.cancel()

    async def _send_all(self, send: Send, gone: "asyncio.Task[None]") -> None:
        coming = asyncio.ensure_future(anext(self._results, None))
        try:
            while not gone.done():
                await asyncio.wait({coming, gone}, timeout=KEEP_ALIVE_S, return_when=asyncio.FIRST_COMPLETED)
                if gone.done():
                    return
                if not coming.done():
                    await _send_text(send, b":\n\n")
                    continue
                result = coming.result()
                if result is None:
                    await _send_text(send, b"event: complete\ndata: \n\n", more=False)
                    return
                await _send_text(send, b"event: next\ndata: " + orjson.dumps(result) + b"\n\n")
                coming = asyncio.ensure_future(anext(self._results, None))
        finally:
            # A generator can be closed only when nobody waits for it.
            coming.cancel()
            await asyncio.gather(coming, return_exceptions=True)


async def _send_text(send: Send, text: bytes, *, more: bool = True) -> None:
    async with asyncio.timeout(SEND_S):
        await send({"type": "http.response.body", "body": text, "more_body": more})


async def _until_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
