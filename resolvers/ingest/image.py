"""Images of an upstream: blobs and children first, then the manifest, then the tags that name it."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from resolvers.content import push
from resolvers.context import Context
from resolvers.ingest.blob import Arrival, bring_blob
from resolvers.ingest.flight import Room
from resolvers.manifests import content, manifest
from resolvers.manifests.content import CONFIG_LIMIT, IMAGE_CONFIG_MEDIA_TYPES
from resolvers.manifests.document import Descriptor, ManifestDocument, ManifestInvalid, parse_manifest
from resolvers.repositories.repository import RepositoryRecord
from resolvers.repositories.writing import require_writable
from resolvers.upstreams.registry import UpstreamManifest

AT_ONCE = 4
"""Blobs of one image that travel at the same time."""
MAX_DEPTH = 8
"""Indexes within indexes that are followed."""
MAX_MANIFESTS = 1_000
"""Most manifests of one image, at any depth."""


class Source(Protocol):
    """The repository of an upstream, from which an image comes. Its errors pass through."""

    async def manifest(self, digest: str) -> UpstreamManifest:
        """The manifest with a digest."""

    def blob(self, digest: str, *, size: int, start: int) -> AsyncIterator[bytes]:
        """The bytes of a blob from an offset on."""


@dataclass(slots=True)
class Brought:
    """What it took to bring an image. `fetched_bytes` are those of the blobs that travelled."""

    manifests: int = 0
    blobs: dict[Arrival, int] = field(default_factory=lambda: dict.fromkeys(Arrival, 0))
    fetched_bytes: int = 0


def everything(_: Descriptor) -> bool:
    """Want all children of an index."""
    return True


async def bring_image(
    context: Context,
    repository: RepositoryRecord,
    source: Source,
    found: UpstreamManifest,
    *,
    tags: Sequence[str] = (),
    wants: Callable[[Descriptor], bool] = everything,
) -> Brought:
    """Store an image or index of an upstream with all that it names, and set tags to it.

    Nothing is asked of the upstream for what is present. Of the children of indexes only those that `wants`
    are brought; without the others the index is refused unless SPARSE_INDEX is on. Whatever fails, what came
    so far stays for the next attempt, and no tag moves. Raises what `bring_blob`, `push.put_manifest` and the
    source raise.
    """
    require_writable(context, repository)
    image = _Image(context, repository, source, wants)
    await image.bring(found, tags, depth=0)
    return image.brought


async def bring_manifest(
    context: Context,
    repository: RepositoryRecord,
    source: Source,
    found: UpstreamManifest,
    *,
    tags: Sequence[str] = (),
    room: Room | None = None,
) -> Brought:
    """Store a manifest for a cache: what it names is brought when somebody asks for it.

    Only the configuration of an image comes at once, since it has the labels and the platform. `room` makes
    room for both.
    """
    require_writable(context, repository)
    image = _Image(context, repository, source, everything, room)
    document = await image.parse(found)
    config = document.config
    if config and config.media_type in IMAGE_CONFIG_MEDIA_TYPES and config.size_bytes <= CONFIG_LIMIT:
        await image.blobs([config])
    if room is not None:
        await room.make(len(found.body), found.digest, is_manifest=True)
    await image.put(found, tags)
    return image.brought


class _Image:
    """An image under way."""

    def __init__(
        self,
        context: Context,
        repository: RepositoryRecord,
        source: Source,
        wants: Callable[[Descriptor], bool],
        room: Room | None = None,
    ) -> None:
        self.brought = Brought()
        self._context = context
        self._repository = repository
        self._source = source
        self._wants = wants
        self._room = room
        self._free = asyncio.Semaphore(AT_ONCE)
        self._followed: set[str] = set()

    async def bring(self, found: UpstreamManifest, tags: Sequence[str], *, depth: int) -> None:
        """Store a manifest with what it names."""
        await self._content(await self.parse(found), depth)
        await self.put(found, tags)

    async def _content(self, document: ManifestDocument, depth: int) -> None:
        """Bring what a manifest names; what several indexes list, once."""
        if depth > MAX_DEPTH:
            raise ManifestInvalid(f"{document.digest} is an index within more than {MAX_DEPTH} others")
        await self.blobs([*document.required_blobs, *document.required_contents])
        for child in filter(self._wants, document.required_manifests):
            if child.digest in self._followed:
                continue
            self._followed.add(child.digest)
            if len(self._followed) > MAX_MANIFESTS:
                raise ManifestInvalid(f"the image has more than {MAX_MANIFESTS} manifests")
            held = await self._held(child)
            if held is None:
                await self.bring(await self._source.manifest(child.digest), (), depth=depth + 1)
            else:
                # It is stored, but its blobs may have been deleted since.
                await self._content(held, depth + 1)

    async def parse(self, found: UpstreamManifest) -> ManifestDocument:
        """What a manifest says. Raises `ManifestInvalid`."""
        algorithm = found.digest.partition(":")[0]
        if len(found.body) <= push.PARSE_IN_THREAD_BYTES:
            return parse_manifest(found.body, found.media_type, algorithm=algorithm)
        return await asyncio.to_thread(parse_manifest, found.body, found.media_type, algorithm=algorithm)

    async def blobs(self, wanted: Sequence[Descriptor]) -> None:
        """Bring blobs, some at a time. All attempts have ended when this returns or raises."""
        held = await push.held_blobs(self._repository.id, [item.digest for item in wanted])
        self.brought.blobs[Arrival.PRESENT] += len(held)
        try:
            async with asyncio.TaskGroup() as group:
                for item in wanted:
                    if item.digest not in held:
                        await self._free.acquire()
                        group.create_task(self._blob(item))
        except ExceptionGroup as failures:
            # The first ended the others.
            raise failures.exceptions[0] from None

    async def _blob(self, wanted: Descriptor) -> None:
        digest, size = wanted.digest, wanted.size_bytes
        try:
            arrival = await bring_blob(
                self._context,
                self._repository,
                digest,
                size,
                lambda start: self._source.blob(digest, size=size, start=start),
                room=self._room,
            )
        finally:
            self._free.release()
        self.brought.blobs[arrival] += 1
        if arrival is Arrival.FETCHED:
            self.brought.fetched_bytes += size

    async def _held(self, child: Descriptor) -> ManifestDocument | None:
        """The child of an index, if the repository holds it."""
        held = await manifest.by_digest(self._repository, child.digest)
        body = (await content.bodies([held.id])).get(held.id) if held is not None else None
        if held is None or body is None:
            return None
        return await self.parse(UpstreamManifest(held.digest, held.media_type, body))

    async def put(self, found: UpstreamManifest, tags: Sequence[str]) -> None:
        """Store a manifest and set tags to it."""
        await push.put_manifest(
            self._context,
            self._repository,
            found.body,
            content_type=found.media_type,
            tags=tags,
            expected_digest=found.digest,
        )
        self.brought.manifests += 1
