"""Flights: a blob on its way from an upstream into a repository, once in a process and once among all.

The process that has the claim appends what comes to an upload in the blob store. Its readers share the last
pieces; those that fall behind, and those in other processes, follow the upload. So memory holds pieces only.
The bytes are compared with the digest before the repository gets a right to them.
"""

import asyncio
import contextlib
import logging
import time
from bisect import bisect_right
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Protocol, Self

from resolvers.content import push
from resolvers.content import upload as uploads
from resolvers.context import Context
from resolvers.errors import QuotaExceeded
from resolvers.ingest import claims
from resolvers.quotas.enforcement import Meter
from resolvers.quotas.notices import tell_refusal
from resolvers.quotas.reservations import reserve
from resolvers.quotas.usage import may_reject
from resolvers.repositories.repository import RepositoryRecord
from resolvers.upstreams.errors import UpstreamInvalid, UpstreamUnavailable
from storage import blob_rows
from storage.blobs import DigestMismatch, OffsetMismatch, UploadBusy, UploadExists, UploadUnknown
from storage.statements import fetch_one

logger = logging.getLogger("quayside.ingest")

Fetch = Callable[[int], AsyncIterator[bytes]]
"""Asks an upstream for a blob from an offset on."""


class Room(Protocol):
    """What makes room below the Reject limit of a quota, where older content may go for newer."""

    async def make(self, size: int, digest: str, *, is_manifest: bool = False) -> bool:
        """Make room for so many bytes of some content; False if there is none."""


SLICE_BYTES = 8 * 1024 * 1024
SLICE_S = 1.0
"""What has come is written after so many bytes or so long, so that readers elsewhere see it."""
PIECES_AHEAD = 4
RECENT_BYTES = 2 * 1024 * 1024
"""What stays in memory of what came last, so that readers that keep up need not read it from the store."""
POLL_S = 0.2
"""How often a process looks how far another one is."""
ATTEMPTS = 3
"""How often one flight begins to fetch, should others interfere or earlier bytes turn out wrong."""
RESERVATIONS = 4
"""How often a flight tries to reserve, should other processes take the room that was made."""


class Flight:
    """One blob under way in this process; `task` ends when the repository has the right to it, or fails.

    `upload` is where its bytes are to be read meanwhile.
    """

    def __init__(
        self,
        context: Context,
        repository: RepositoryRecord,
        digest: str,
        size: int,
        fetch: Fetch,
        room: Room | None = None,
    ) -> None:
        self.digest = digest
        self.size = size
        self.upload: str | None = None
        self._context = context
        self._repository = repository
        self._ask = fetch
        self._room = room
        self._changed = asyncio.Event()
        self._recent = _Recent()
        self._interferences = 0
        self._waiting = 0
        self._is_followed = False
        self._is_lost = False
        self.task = asyncio.create_task(self._run())
        self.task.add_done_callback(self._ended)

    async def ended(self) -> None:
        """Wait for the end. Raises what it failed with.

        When all who wait are cancelled, it is cancelled, too, unless somebody has read from it.
        """
        self._waiting += 1
        try:
            await asyncio.wait({self.task})
        finally:
            self._waiting -= 1
            if not (self._waiting or self._is_followed or self.task.done()):
                self.task.cancel()
                await asyncio.wait({self.task})
        self._raise_failure()

    async def read(self, start: int, end: int) -> AsyncIterator[bytes]:
        """Yield a part of the blob as it comes. Raises what the flight fails with, and ends with it.

        The last byte comes when the digest has been compared, so that nobody gets a wrong blob whole.
        """
        self._is_followed = True
        followed: tuple[str, int] | None = None
        until = min(end, self.size - 1)
        # What was read counts only as long as it is one upload that goes on.
        while not self.task.done():
            changed, before = self._changed, start
            if followed is None and self.upload is not None:
                followed = (self.upload, self._interferences)
            if followed is not None:
                self._require_same(followed)
                async for piece in self._come(followed[0], start, until):
                    start += len(piece)
                    yield piece
                if start == end:
                    return
            if start == before and self._recent.is_past(start):
                # The store writes it a little later.
                await asyncio.sleep(POLL_S)
            elif start == before:
                await changed.wait()
        self._raise_failure()
        if followed is not None:
            self._require_same(followed)
        async for piece in self._context.blobs.read(self.digest, start=start, end=end):
            yield piece

    async def _come(self, upload: str, start: int, end: int) -> AsyncIterator[bytes]:
        """Yield what has come of a part: from memory to who keeps up, else what the upload has by now."""
        piece = self._recent.piece_at(start)
        if piece is None:
            with contextlib.suppress(UploadUnknown):
                async for stored in self._context.blobs.read_upload(upload, start=start, end=max(start, end)):
                    yield stored
        while piece is not None and start < end:
            yield piece[: end - start]
            start += len(piece)
            piece = self._recent.piece_at(start)

    def _require_same(self, followed: tuple[str, int]) -> None:
        if (self.upload, self._interferences) != followed:
            raise UpstreamInvalid(f"{self.digest}: the upstream sent other bytes first; ask again.")

    def _tell(self) -> None:
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()

    def _ended(self, task: "asyncio.Task[None]") -> None:
        self._tell()
        if not task.cancelled() and (error := task.exception()) is not None:
            logger.info("a blob was not fetched", extra={"digest": self.digest, "error": str(error)})

    def _raise_failure(self) -> None:
        if self.task.cancelled():
            raise UpstreamUnavailable(f"{self.digest}: the registry stopped before all of it had come.")
        error = self.task.exception()
        if error is not None:
            raise error

    # What follows runs in the task.

    async def _run(self) -> None:
        holder = self._context.site.background.holder
        attempts = 0
        while not await push.renew_blob(self._repository.id, self.digest):
            claim = await claims.take(self._repository, self.digest, holder)
            self.upload = claim.upload
            if not claim.is_mine:
                await self._follow(claim.upload)
                continue
            attempts += 1
            if attempts > ATTEMPTS:
                await claims.release(claim.upload, holder)
                raise UpstreamUnavailable(f"{self.digest}: other work on it interfered; ask again.")
            await self._bring(claim.upload, holder, is_last=attempts == ATTEMPTS)

    async def _follow(self, upload: str) -> None:
        """Wait while another process fetches the blob."""
        known, place = 0, 0
        while True:
            await asyncio.sleep(POLL_S)
            place += 1
            try:
                size = await self._context.blobs.upload_size(upload)
            except UploadUnknown:
                size = -1
            if (size < 0 or place % 5 == 0) and not await claims.is_held(upload):
                return
            if size > known:
                known = size
                self._tell()

    async def _bring(self, upload: str, holder: str, *, is_last: bool) -> None:
        """Fetch the blob and give the repository the right to it; return early if others interfere."""
        blobs = self._context.blobs
        try:
            async with self._holding(upload, holder):
                had = await self._open(upload)
                await self._reserve(upload, had)
                try:
                    size = await self._receive(upload, had)
                    await blob_rows.commit(blobs, upload, self.digest)
                except DigestMismatch as error:
                    await uploads.forget(upload)
                    if had and not is_last:
                        # Perhaps what an earlier attempt left was wrong.
                        return
                    raise UpstreamInvalid(f"{self.digest}: {error}") from error
                meter = Meter.of(self._context, self._repository.namespace_id)
                await push.link_blob(self._repository.id, self.digest, size, upload=upload, meter=meter)
        except QuotaExceeded as error:
            await self._give_up(upload)
            await tell_refusal(self._context, error)
            raise
        except UpstreamInvalid:
            # What has come may be wrong as well.
            await self._give_up(upload)
            raise
        except (UploadUnknown, UploadExists, UploadBusy, OffsetMismatch):
            # Another process came first, or has not noticed yet that its time is over. What readers had from
            # memory may differ from what that one stores.
            self._interferences += self._recent.has_any
            await claims.release(upload, holder)
            await asyncio.sleep(POLL_S)
        except BaseException:
            # Without a database the claim runs out by itself.
            with contextlib.suppress(Exception):
                await claims.release(upload, holder)
            raise

    @asynccontextmanager
    async def _holding(self, upload: str, holder: str) -> AsyncIterator[None]:
        """Renew the claim while the block runs."""

        async def renew() -> None:
            while True:
                await asyncio.sleep(claims.LEASE_MS / 3000)
                try:
                    if not await claims.renew(upload, holder):
                        self._is_lost = True
                        return
                except Exception:
                    logger.exception("the claim on a blob could not be renewed; it is tried again")

        self._is_lost = False
        renewing = asyncio.create_task(renew())
        try:
            yield
        finally:
            renewing.cancel()
            await asyncio.wait({renewing})

    async def _open(self, upload: str) -> int:
        """How much of the blob is there already."""
        blobs = self._context.blobs
        try:
            size = await blobs.upload_size(upload)
        except UploadUnknown:
            await blobs.create_upload(upload)
            return 0
        if size > self.size:
            await blobs.cancel(upload)
            await blobs.create_upload(upload)
            return 0
        return size

    async def _reserve(self, upload: str, received: int) -> None:
        """Reserve the whole blob of a quota that may refuse it, making room if need be and possible.

        One blob of a namespace at a time, so that none takes the room that was made for another one. Other
        processes may; then it is made again. Raises `QuotaExceeded`.
        """
        namespace_id = self._repository.namespace_id
        row = await fetch_one(
            f"SELECT {may_reject(self._context.site, 'n.id')} AS may_be_rejected FROM account n"
            " WHERE n.id = ?",
            namespace_id,
        )
        if row is not None and row["may_be_rejected"]:
            site = self._context.site
            async with site.background.lock((Flight, namespace_id)):
                for attempt in range(1, RESERVATIONS + 1):
                    try:
                        await reserve(site, upload, namespace_id, self.size, received, digest=self.digest)
                    except QuotaExceeded:
                        if self._room is None or attempt == RESERVATIONS:
                            raise
                        if not await self._room.make(self.size, self.digest):
                            raise
                    else:
                        return

    async def _receive(self, upload: str, size: int) -> int:
        """Append what the upstream sends from an offset on. Returns the size of the whole."""
        self._recent.clear()
        if size < self.size or not size:
            async with _Ahead(self._ask(size)) as ahead:
                while await ahead.has_more():
                    size = await self._context.blobs.append(upload, size, self._slice(ahead, size))
                    if self._is_lost:
                        raise UploadBusy
        if size != self.size:
            raise UpstreamInvalid(f"{self.digest}: the upstream sent {size} bytes, not {self.size}.")
        return size

    async def _slice(self, ahead: "_Ahead", size: int) -> AsyncIterator[bytes]:
        async for piece in ahead.slice():
            if size + len(piece) > self.size:
                raise UpstreamInvalid(f"{self.digest}: the upstream sent more than {self.size} bytes.")
            self._recent.add(size, piece)
            self._tell()
            size += len(piece)
            yield piece

    async def _give_up(self, upload: str) -> None:
        """Remove the upload: what it holds is of no use."""
        await self._context.blobs.cancel(upload)
        await uploads.forget(upload)


class _Recent:
    """The last pieces that came, which all readers that keep up share."""

    def __init__(self) -> None:
        self._starts: list[int] = []
        self._pieces: list[bytes] = []

    @property
    def has_any(self) -> bool:
        """Whether readers may have had bytes from here."""
        return bool(self._pieces)

    def is_past(self, position: int) -> bool:
        """Whether a position was here, and is no longer."""
        return bool(self._starts) and position < self._starts[0]

    def clear(self) -> None:
        """Forget all, since the next piece comes from elsewhere."""
        self._starts.clear()
        self._pieces.clear()

    def add(self, start: int, piece: bytes) -> None:
        """Keep a piece that follows the last one."""
        self._starts.append(start)
        self._pieces.append(piece)
        gone = bisect_right(self._starts, start + len(piece) - RECENT_BYTES) - 1
        if gone > 0:
            del self._starts[:gone], self._pieces[:gone]

    def piece_at(self, position: int) -> bytes | None:
        """The bytes from a position to the end of a piece; None if they are not here."""
        place = bisect_right(self._starts, position) - 1
        if place < 0:
            return None
        piece = self._pieces[place][position - self._starts[place] :]
        return piece or None


class _Ahead:
    """Reads a stream a few pieces ahead, so that waiting for the next one can end without losing it."""

    def __init__(self, pieces: AsyncIterator[bytes]) -> None:
        self._pieces = pieces
        self._queue: asyncio.Queue[bytes | None] = asyncio.Queue(PIECES_AHEAD)
        self._next: bytes | None = None
        self._is_over = False
        self._error: BaseException | None = None

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._read())
        return self

    async def __aexit__(self, *_: object) -> None:
        self._task.cancel()
        await asyncio.wait({self._task})

    async def _read(self) -> None:
        try:
            async for piece in self._pieces:
                if piece:
                    await self._queue.put(piece)
        except Exception as error:  # noqa: BLE001 - It is raised where the pieces are taken.
            self._error = error
        finally:
            if isinstance(self._pieces, AsyncGenerator):
                await self._pieces.aclose()
        await self._queue.put(None)

    async def _take(self) -> None:
        self._next = await self._queue.get()
        self._is_over = self._next is None

    async def has_more(self) -> bool:
        """Wait for the next piece; False at the end. Raises what the stream raised."""
        if self._next is None and not self._is_over:
            await self._take()
        if self._is_over and self._error is not None:
            raise self._error
        return not self._is_over

    async def slice(self) -> AsyncIterator[bytes]:
        """Yield pieces, the next one first, until there are enough bytes or enough time has passed."""
        until, size = time.monotonic() + SLICE_S, 0
        while self._next is not None:
            piece, self._next = self._next, None
            size += len(piece)
            yield piece
            left = until - time.monotonic()
            if size >= SLICE_BYTES or left <= 0:
                return
            # What has come is written then, rather than when the upstream goes on.
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(left):
                    await self._take()
