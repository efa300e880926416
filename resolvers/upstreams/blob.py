"""A blob of another registry: its bytes in pieces, judged as they come, resumed where they broke off."""

import re
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing

from resolvers.outbound.client import Stream
from resolvers.outbound.transport import Limits
from resolvers.upstreams.errors import UpstreamInvalid, UpstreamLimited, UpstreamUnavailable
from resolvers.upstreams.session import REDIRECTS, Session, Wanted
from storage.blobs.digest import Hasher

PIECE_BYTES = 1 << 16
"""The least length of a piece but for the last of an answer: small ones cost more to store than to join."""

ENOUGH_BYTES = 1 << 20
"""After so many bytes a connection that breaks counts as the first that does, since there is progress."""

_CONTENT_RANGE = re.compile(r"bytes ([0-9]{1,18})-([0-9]{1,18})/([0-9]{1,18}|\*)")
_LENGTH = re.compile(r"[0-9]{1,18}")


class Transfer:
    """The bytes of one blob from `start` on. Without a size it is what the registry says.

    The digest is checked at the end, if all bytes are seen: from the first, or `hasher` has those before
    `start`. Whoever stores pieces must not let them count before the end.
    """

    def __init__(
        self,
        session: Session,
        path: str,
        scope: str,
        *,
        digest: str,
        size: int | None,
        start: int,
        hasher: Hasher | None,
    ) -> None:
        self._session = session
        self._path = path
        self._scope = scope
        self._digest = digest
        self._size = size
        self._offset = start
        self._hasher = hasher

    async def pieces(self) -> AsyncGenerator[bytes, None]:
        """The pieces. Raises `UpstreamFailure`."""
        session, tried, counted_from = self._session, 0, self._offset
        deadline = session.clock.now() + session.limits.blob_s
        async with session.pace.turn():
            while True:
                tried += 1
                left_s = deadline - session.clock.now()
                if left_s <= 0:
                    raise UpstreamUnavailable(
                        f"{session.server} did not send the blob {self._digest} within"
                        f" {session.limits.blob_s:g} seconds."
                    )
                try:
                    async with aclosing(self._answer(left_s)) as coming:
                        async for piece in coming:
                            yield piece
                    break
                except (UpstreamLimited, UpstreamUnavailable) as failure:
                    if self._offset - counted_from >= ENOUGH_BYTES:
                        tried, counted_from = 1, self._offset
                    await session.before_next(tried, failure)
        if self._hasher is not None and self._hasher.digest != self._digest:
            raise UpstreamInvalid(
                f"{session.server} answered bytes with another digest than that of the blob {self._digest}."
            )

    async def _answer(self, left_s: float) -> AsyncGenerator[bytes, None]:
        """The pieces of one answer. Ends when the blob is complete; raises `UpstreamUnavailable` before."""
        if self._size is not None and self._offset == self._size > 0:
            return
        session = self._session
        limits = Limits(
            time_s=left_s,
            stall_s=session.limits.stall_s,
            response_bytes=1 << 62,
            redirects=REDIRECTS,
        )
        wanted = Wanted(self._path, scope=self._scope, first_byte=self._offset)
        async with session.opened(wanted, limits) as response:
            skipped = self._begin(response)
            async with aclosing(_joined(session.pieces(response), skipped)) as coming:
                async for piece in coming:
                    self._take(piece)
                    yield piece
        if self._size is not None and self._offset < self._size:
            raise UpstreamUnavailable(f"{session.server} ended the blob {self._digest} early.")

    def _begin(self, response: Stream) -> int:
        """Judge the head of an answer; how many bytes at its beginning are known already."""
        if response.headers.get("content-encoding", "identity").lower() != "identity":
            raise self._invalid("packed")
        length = response.headers.get("content-length", "")
        told = int(length) if _LENGTH.fullmatch(length) else None
        if response.status == 206:
            matched = _CONTENT_RANGE.fullmatch(response.headers.get("content-range", ""))
            if matched is None or int(matched[1]) != self._offset:
                raise self._invalid("from another byte on than asked")
            total = None if matched[3] == "*" else int(matched[3])
            skipped = 0
        else:
            # A server may ignore the range, and then sends everything again.
            total, skipped = told, self._offset
        if self._size is None:
            self._size = total
        if total is not None and total != self._size:
            raise self._invalid(f"with {total} bytes instead of {self._size}")
        return skipped

    def _take(self, piece: bytes) -> None:
        """Count and hash a piece before it is passed on."""
        if self._size is not None and self._offset + len(piece) > self._size:
            raise self._invalid(f"with more than {self._size} bytes")
        self._offset += len(piece)
        if self._hasher is not None:
            self._hasher.update(piece)

    def _invalid(self, how: str) -> UpstreamInvalid:
        return UpstreamInvalid(f"{self._session.server} answered the blob {self._digest} {how}.")


async def _joined(pieces: AsyncIterator[bytes], skipped: int) -> AsyncGenerator[bytes, None]:
    """The pieces without the first bytes, each at least of a certain length, and what came before a break."""
    waiting: list[bytes] = []
    size = 0
    try:
        async for piece in pieces:
            if skipped:
                piece, skipped = piece[skipped:], max(skipped - len(piece), 0)  # noqa: PLW2901
            waiting.append(piece)
            size += len(piece)
            if size >= PIECE_BYTES:
                yield b"".join(waiting)
                waiting, size = [], 0
    except UpstreamUnavailable:
        if size:
            yield b"".join(waiting)
        raise
    if size:
        yield b"".join(waiting)
