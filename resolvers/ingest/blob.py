"""Blobs of an upstream: found where they may be taken from, or else fetched, once for all who want them.

The robot of a mirror takes them from all repositories that it may pull from. A cache takes none: it acts for
whoever pulls, and what one reader may see elsewhere is not for the other readers of the cache.
"""

from collections.abc import AsyncIterator
from enum import StrEnum

from resolvers.access.permit import Origin
from resolvers.content import push
from resolvers.context import Context
from resolvers.ingest.flight import Fetch, Flight, Room
from resolvers.repositories.repository import RepositoryRecord
from resolvers.repositories.writing import origin_of, require_writable
from storage.blobs.base import refuse_inside_transaction


class Arrival(StrEnum):
    """How a repository came to a blob."""

    PRESENT = "present"
    MOUNTED = "mounted"
    """From another repository that the robot of the mirror may pull from."""
    FETCHED = "fetched"


async def bring_blob(
    context: Context,
    repository: RepositoryRecord,
    digest: str,
    size: int,
    fetch: Fetch,
    *,
    room: Room | None = None,
) -> Arrival:
    """Give a repository the right to a blob of `size` bytes of an upstream.

    `fetch(start)` yields its bytes from an offset on; it is called only if the bytes have to come. What came
    stays if this fails or the process is killed, and the next call goes on there. `room` makes room below a
    Reject limit. Raises `NotWritable`, `QuotaExceeded`, `Upstream`, and what `fetch` raises.
    """
    found = await _find(context, repository, digest)
    if found is not None:
        return found
    await _flight(context, repository, digest, size, fetch, room).ended()
    return Arrival.FETCHED


async def stream_blob(
    context: Context,
    repository: RepositoryRecord,
    digest: str,
    size: int,
    fetch: Fetch,
    *,
    start: int = 0,
    end: int | None = None,
    room: Room | None = None,
) -> AsyncIterator[bytes]:
    """As `bring_blob`, and yield the bytes ``[start, end)`` of the blob while they come.

    All who read a blob of a repository at once follow one fetch, in all processes, and none of them ends it
    by leaving. Raises, also between pieces, what `bring_blob` raises; the last byte comes only after the
    digest has been compared.
    """
    if await _find(context, repository, digest) is None:
        flight = _flight(context, repository, digest, size, fetch, room)
        pieces = flight.read(start, size if end is None else min(end, size))
    else:
        pieces = context.blobs.read(digest, start=start, end=end)
    async for piece in pieces:
        yield piece


async def _find(context: Context, repository: RepositoryRecord, digest: str) -> Arrival | None:
    refuse_inside_transaction()
    require_writable(context, repository)
    if await push.renew_blob(repository.id, digest):
        return Arrival.PRESENT
    if origin_of(context, repository.id) is not Origin.CACHE and await push.mount_blob(
        context, repository.id, repository.namespace_id, digest, source=None
    ):
        return Arrival.MOUNTED
    return None


def _flight(
    context: Context,
    repository: RepositoryRecord,
    digest: str,
    size: int,
    fetch: Fetch,
    room: Room | None,
) -> Flight:
    return context.site.background.join(
        Flight, (repository.id, digest), lambda: Flight(context, repository, digest, size, fetch, room)
    )
