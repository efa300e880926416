"""Bodies of requests: how long they may take to arrive, at all doors, and how large a small one is.

The middleware puts a `Body` in front of `receive` of each request that announces a body, so that no door can
wait without end, whichever way it reads. A small body has a time in which to arrive whole; a door that takes
an upload lets it pause (`allow_pauses`), since its length has no bound, but a pause has.
"""

import asyncio
from dataclasses import dataclass
from typing import Final

from starlette.requests import ClientDisconnect, Request
from starlette.types import Message, Receive, Scope

BODY: Final = "quayside.body"
"""The scope key of the `Body` of a request that announces one."""

SENTENCE: Final = "The request body did not arrive in time."
GAVE_WAY: Final = "Another request continues this upload, since this one was silent."


class BodyStalled(ClientDisconnect):
    """The rest of the body does not arrive; the message is a sentence for the client.

    To who reads a body it is the same as a client that left, so it passes wherever that does, to the
    middleware, which answers 408.
    """


@dataclass(frozen=True, slots=True)
class BodyTimes:
    """How long to wait for bodies, in seconds.

    `whole_s` for all of a small body, `pause_s` for the next byte of an upload; an upload that was silent for
    `give_way_s` ends when another request wants to continue it.
    """

    whole_s: float = 30.0
    pause_s: float = 60.0
    give_way_s: float = 5.0


class Body:
    """The body of one request: `receive` with a limit on the time."""

    def __init__(self, receive: Receive, times: BodyTimes) -> None:
        self.times = times
        self._receive = receive
        self._may_pause = False
        self._is_complete = False
        self._sentence = SENTENCE
        self._deadline: float | None = None
        self._waiting_since: float | None = None
        self._timeout: asyncio.Timeout | None = None

    def allow_pauses(self) -> None:
        """Bound the time without a byte instead of the time of the whole body."""
        self._may_pause = True

    async def receive(self) -> Message:
        """The next message. Raises `BodyStalled` if it does not come in time.

        What comes after the body, the news that the client left, may take any time.
        """
        if self._is_complete:
            return await self._receive()
        now = asyncio.get_running_loop().time()
        if self._deadline is None:
            self._deadline = now + self.times.whole_s
        self._waiting_since = now
        try:
            async with asyncio.timeout_at(self._limit(now)) as self._timeout:
                message = await self._receive()
        except TimeoutError as error:
            raise BodyStalled(self._sentence) from error
        finally:
            self._waiting_since = self._timeout = None
        self._is_complete = not message.get("more_body")
        return message

    def give_way(self) -> bool:
        """End the body if it has been silent for `give_way_s`; whether it has."""
        now = asyncio.get_running_loop().time()
        if self._timeout is None or self._waiting_since is None:
            return False
        if now - self._waiting_since < self.times.give_way_s:
            return False
        self._sentence = GAVE_WAY
        self._timeout.reschedule(now)
        return True

    def _limit(self, now: float) -> float | None:
        return now + self.times.pause_s if self._may_pause else self._deadline


def body_of(scope: Scope) -> Body | None:
    """The body of a request; None if it announces none."""
    body: Body | None = scope.get(BODY)
    return body


def allow_pauses(scope: Scope) -> None:
    """Do for the body of a request, if it has one, what `Body.allow_pauses` does."""
    if (body := body_of(scope)) is not None:
        body.allow_pauses()


async def read_at_most(request: Request, limit: int) -> bytes | None:
    """The whole body, or None as soon as it has more than `limit` bytes."""
    received = bytearray()
    async for chunk in request.stream():
        received += chunk
        if len(received) > limit:
            return None
    return bytes(received)
