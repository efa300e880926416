"""Who gives content to namespaces at once, and who takes it away, never wait for each other in a circle."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from itertools import permutations
from random import Random

import pytest

from resolvers.content import garbage_collection, push, upload
from resolvers.content.garbage_collection import collect
from resolvers.context import Context
from resolvers.errors import QuaysideError
from resolvers.manifests import liveness
from resolvers.quotas.enforcement import Meter
from resolvers.repositories.repository import RepositoryRecord
from resolvers.tags import copy as tag_copy
from resolvers.tags.copy import CopySource, CopyTarget
from storage import blob_rows
from storage.blobs import BlobError
from tests.factories import Factory
from tests.quayside.registry import kit
from tests.quotas import set_quota, stored

LAYERS = tuple(f"layer {n}".encode() for n in range(4))
IMAGES = tuple(kit.image_document(*some) for some in permutations(LAYERS, 2))
PATHS = ("ada/one", "acme/two", "ada/three", "acme/four")
TIMES = 20


async def once(content: bytes) -> AsyncIterator[bytes]:
    """A body of one piece."""
    yield content


@dataclass(frozen=True)
class Crowd:
    """Requests on repositories of two namespaces, whose content they share; counts those that succeed."""

    context: Context
    records: list[RepositoryRecord]
    dice: Random = field(default_factory=lambda: Random(7))
    done: Counter[str] = field(default_factory=Counter)

    async def link(self) -> None:
        site, blobs = self.context.site, self.context.blobs
        content = self.dice.choice((*LAYERS, f"new {self.dice.random()}".encode()))
        digest, record = kit.digest_of(content), self.dice.choice(self.records)
        account_id = self.context.account_id or 0
        opened = await upload.begin(site, blobs, record.id, record.namespace_id, account_id)
        await blobs.append(opened.uuid, 0, once(content))
        await upload.reserve_whole(site, blobs, opened, digest)
        size = await blob_rows.commit(blobs, opened.uuid, digest)
        meter = Meter.of(self.context, record.namespace_id)
        await push.link_blob(record.id, digest, size, upload=opened.uuid, meter=meter)

    async def mount(self) -> None:
        source, target = self.dice.sample(self.records, 2)
        digest = kit.digest_of(self.dice.choice(LAYERS))
        await push.mount_blob(self.context, target.id, target.namespace_id, digest, source=source.path)

    async def put(self) -> None:
        document = {**self.dice.choice(IMAGES), "annotations": {"n": str(self.dice.randrange(3))}}
        tags = self.dice.choice(([], ["v1"], ["v2"]))
        await push.put_manifest(
            self.context,
            self.dice.choice(self.records),
            kit.encode(document),
            content_type=kit.OCI_MANIFEST,
            tags=tags,
        )

    async def copy(self) -> None:
        source, *targets = self.dice.sample(PATHS, 3)
        to = [CopyTarget(path, self.dice.choice(("v1", "v3"))) for path in targets]
        await tag_copy.copy(self.context, CopySource(source, tag=self.dice.choice(("kept", "v1"))), to)

    async def delete(self) -> None:
        digest = kit.digest_of(self.dice.choice(LAYERS))
        await push.delete_blob(self.context, self.dice.choice(self.records), digest)

    async def take(self) -> None:
        async for _ in collect(self.context.blobs):
            pass

    async def work(self, *kinds: Callable[[], Awaitable[None]]) -> None:
        """Send some requests, one after another."""
        for _ in range(TIMES):
            one = self.dice.choice(kinds)
            try:
                await one()
            except (QuaysideError, BlobError):
                # What another one has just taken away. What a database refuses is no such error.
                continue
            self.done[one.__name__] += 1


async def test_pushes_copies_and_the_collector_never_block_each_other(
    factory: Factory, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (garbage_collection, liveness):
        # All that nothing names is garbage at once.
        monkeypatch.setattr(module, "GRACE_MS", -10_000)
    await factory.user("ada")
    await factory.organization("acme", owner="ada")
    crowd = Crowd(
        await factory.as_account("ada"), [await factory.repository(path, by="ada") for path in PATHS]
    )
    for path in PATHS:
        await factory.image(path, *LAYERS, tag="kept")
    for namespace in ("ada", "acme"):
        await set_quota(namespace, 10**6, warnings=[1])

    await asyncio.gather(
        *(crowd.work(crowd.link, crowd.link, crowd.mount) for _ in range(4)),
        *(crowd.work(crowd.put) for _ in range(2)),
        *(crowd.work(crowd.copy) for _ in range(3)),
        crowd.work(crowd.delete),
        crowd.take(),
        crowd.take(),
    )

    assert crowd.done.keys() == {"link", "mount", "put", "copy", "delete"}
    # The figures that were kept meanwhile are right.
    for namespace in ("ada", "acme"):
        assert await stored(namespace) > 0
