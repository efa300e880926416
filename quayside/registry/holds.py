"""Which request of this process writes to which upload, and when another one may take its place.

A client whose connection broke comes back before the server notices. Its new request is told to wait while
the old one still receives, and takes over once that is silent. Requests in other processes are only told to
wait, by the lock of the blob store; a silent one ends there by itself.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from quayside.http.bodies import Body
from storage.blobs import UploadBusy


@dataclass(slots=True, eq=False)
class _Hold:
    """A request at work on an upload. `body` is None if it only commits."""

    body: Body | None
    ended: asyncio.Event = field(default_factory=asyncio.Event)


class Holds:
    """The uploads that requests of this process are at work on."""

    def __init__(self) -> None:
        self._held: dict[str, _Hold] = {}

    @asynccontextmanager
    async def hold(self, upload: str, body: Body | None) -> AsyncIterator[None]:
        """Hold an upload while the block writes to it, ending a request that is silent.

        Raises `UploadBusy` if another request holds it.
        """
        while (other := self._held.get(upload)) is not None:
            if other.body is None or not other.body.give_way():
                raise UploadBusy
            # It only writes what it has received.
            await other.ended.wait()
        mine = self._held[upload] = _Hold(body)
        try:
            yield
        finally:
            del self._held[upload]
            mine.ended.set()
