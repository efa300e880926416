"""The source of a mirror as it is asked: its tags, manifests, blobs and what refers to them."""

from collections.abc import AsyncGenerator, AsyncIterator, Container
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Final

from resolvers.mirrors.connection import Connection, registry_of
from resolvers.mirrors.source import source_of
from resolvers.outbound.client import Outbound
from resolvers.upstreams.limits import DEFAULT, RegistryLimits
from resolvers.upstreams.registry import (
    ManifestHead,
    Registry,
    UpstreamManifest,
    UpstreamReferrer,
)

SYNC_LIMITS: Final = replace(DEFAULT, at_once=8)


@asynccontextmanager
async def open_source(
    outbound: Outbound, source: str, connection: Connection, *, limits: RegistryLimits = SYNC_LIMITS
) -> AsyncIterator["UpstreamSource"]:
    """The source of a mirror, closed at the end. Raises `Invalid` for what was saved by an older rule."""
    location = source_of(source, field="source")
    async with registry_of(outbound, location, connection, limits=limits) as registry:
        yield UpstreamSource(registry, location.name())


class UpstreamSource:
    """One repository of a registry. `fetched_bytes` are those of the blobs that came so far."""

    def __init__(self, registry: Registry, name: str) -> None:
        self._registry = registry
        self._name = name
        self.fetched_bytes = 0

    async def tags(self) -> list[str]:
        """All tags, each once, in the order of the registry."""
        found: dict[str, None] = {}
        async for page in self._registry.tags(self._name):
            found |= dict.fromkeys(page)
        return list(found)

    async def head(self, reference: str) -> ManifestHead:
        """What a tag or digest names, without its bytes."""
        return await self._registry.head_manifest(self._name, reference)

    async def manifest(self, reference: str) -> UpstreamManifest:
        """A manifest by tag or digest."""
        return await self._registry.manifest(self._name, reference)

    async def blob(self, digest: str, *, size: int, start: int) -> AsyncGenerator[bytes, None]:
        """The bytes of a blob from an offset on."""
        pieces = self._registry.blob(self._name, digest, size=size, start=start)
        try:
            async for piece in pieces:
                self.fetched_bytes += len(piece)
                yield piece
        finally:
            await pieces.aclose()

    async def referrers(self, digest: str, tags: Container[str]) -> list[UpstreamReferrer]:
        """What refers to a manifest. `tags` are those of the repository."""
        return await self._registry.referrers(self._name, digest, tags=tags)
