"""An upstream in memory: what it holds, what was asked of it, and how it misbehaves."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

from resolvers.errors import Upstream
from resolvers.upstreams.registry import UpstreamManifest
from tests.quayside.registry import kit


@dataclass
class FakeSource:
    """A `Source`. `asked` has the digests asked for, of blobs with the offset; `pieces` bytes come at once.

    A blob in `broken` ends with an error after so many bytes; one in `gates` waits for its event once more
    than `gate_at` bytes have come; one in `wrong` has other bytes.
    """

    manifests: dict[str, UpstreamManifest] = field(default_factory=dict)
    blobs: dict[str, bytes] = field(default_factory=dict)
    asked: list[str | tuple[str, int]] = field(default_factory=list)
    broken: dict[str, int] = field(default_factory=dict)
    gates: dict[str, asyncio.Event] = field(default_factory=dict)
    wrong: dict[str, bytes] = field(default_factory=dict)
    gate_at: int = 0
    piece: int = 64 * 1024

    def add_image(self, *layers: bytes, config: bytes = kit.CONFIG, **extra: object) -> UpstreamManifest:
        """Hold an image with its blobs."""
        for content in (config, *layers):
            self.blobs[kit.digest_of(content)] = content
        return self.add(kit.image_document(*layers, config=config, **extra))

    def add_index(self, *children: UpstreamManifest) -> UpstreamManifest:
        """Hold an index of manifests."""
        return self.add(kit.index_document(*(child.body for child in children)))

    def add(self, document: kit.Json) -> UpstreamManifest:
        """Hold a manifest."""
        body = kit.encode(document)
        found = UpstreamManifest(kit.digest_of(body), json.loads(body)["mediaType"], body)
        self.manifests[found.digest] = found
        return found

    async def manifest(self, digest: str) -> UpstreamManifest:
        self.asked.append(digest)
        if digest not in self.manifests:
            raise Upstream(f"the upstream has no manifest {digest}")
        return self.manifests[digest]

    async def blob(self, digest: str, *, size: int, start: int) -> AsyncIterator[bytes]:
        self.asked.append((digest, start))
        content = self.wrong.get(digest, self.blobs.get(digest))
        if content is None:
            raise Upstream(f"the upstream has no blob {digest}")
        for place in range(start, len(content), self.piece):
            if place > max(start, self.gate_at) and digest in self.gates:
                await self.gates[digest].wait()
            if place >= self.broken.get(digest, len(content)):
                raise Upstream(f"the upstream broke off at {place}")
            yield content[place : place + self.piece]

    def fetch(self, content: bytes, start: int) -> AsyncIterator[bytes]:
        """The bytes of one blob, as `bring_blob` asks for them."""
        return self.blob(kit.digest_of(content), size=len(content), start=start)
