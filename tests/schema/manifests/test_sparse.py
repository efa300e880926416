"""Indexes of which images are absent, and images whose blobs have not come: what else knows of them.

`ada/app` has the index `v1`, one of whose two images is absent, pushed with SPARSE_INDEX; `hub/cache` has the
image `v1` as a cache stores it, with its configuration only, and an index without its images.
"""

from dataclasses import dataclass
from typing import Any

import pytest

from resolvers.content import push
from resolvers.errors import QuotaExceeded
from resolvers.ingest.permits import as_cache
from resolvers.repositories import repository
from storage.statements import execute
from tests.factories import Factory, image_config
from tests.quayside.registry import kit
from tests.quayside.workers.contents import DAY_MS, WINDOW_MS, backdate, collected, end_tags, held, rights
from tests.quotas import set_quota, stored
from tests.schema.client import GraphQL, endpoint
from tests.schema.tags.test_copy import COPY, important, source, target

HERE, ELSEWHERE, NEVER = b"a layer that is here", b"a layer that is elsewhere", b"a layer that never came"
CONFIG = image_config("arm64", config={"Labels": {"maker": "ada"}})
SIZES = """
query ($repository: RepositoryPath!, $digest: Digest!) { repository(path: $repository) {
  storage { storedBytes }
  manifest(digest: $digest) { totalSizeBytes storedBytes exclusiveBytes sharedBytes reclaimableBytes
    platform { architecture } config index { childCount presentChildCount isSparse } } } }
"""


@dataclass(frozen=True)
class Sparse:
    """Documents of the images, and the digests of what holds them."""

    present: bytes
    absent: bytes
    index: str
    lacking: bytes
    cached_index: bytes


@pytest.fixture
async def sparse(factory: Factory, ada: GraphQL) -> Sparse:
    present, absent = kit.encode(kit.image_document(HERE)), kit.encode(kit.image_document(ELSEWHERE))
    await factory.repository("ada/app")
    await factory.repository("ada/other")
    await factory.image("ada/app", HERE)
    index = await factory.with_features("SPARSE_INDEX").manifest(
        "ada/app", kit.index_document(present, absent), tag="v1"
    )
    await factory.cache("hub", owner="ada")
    record = await factory.repository("hub/cache", by="ada")
    context = as_cache(await factory.as_account("ada"), record)
    await factory.blob("hub/cache", CONFIG)
    lacking = kit.encode(kit.image_document(NEVER, config=CONFIG))
    cached_index = kit.encode(kit.index_document(absent, present))
    for body, name in ((lacking, "v1"), (cached_index, "index")):
        kind = kit.OCI_INDEX if name == "index" else kit.OCI_MANIFEST
        await push.put_manifest(context, record, body, content_type=kind, tags=[name])
    return Sparse(present, absent, index, lacking, cached_index)


async def sizes(ada: GraphQL, path: str, digest: str) -> dict[str, Any]:
    found = await ada.data(SIZES, repository=path, digest=digest)
    return {"repository": found["repository"]["storage"]["storedBytes"], **found["repository"]["manifest"]}


async def everything_held() -> dict[str, tuple[set[str], set[str]]]:
    return {path: (await held(path), await rights(path)) for path in ("ada/app", "hub/cache")}


async def test_only_what_is_held_is_counted(factory: Factory, ada: GraphQL, sparse: Sparse) -> None:
    index_size = len(kit.encode(kit.index_document(sparse.present, sparse.absent)))
    app = index_size + len(sparse.present) + len(HERE) + len(kit.CONFIG)
    found = await sizes(ada, "ada/app", sparse.index)
    assert found == {
        "repository": app,
        "totalSizeBytes": len(HERE) + len(kit.CONFIG),
        "storedBytes": app,
        "exclusiveBytes": app,
        "sharedBytes": 0,
        "reclaimableBytes": 0,
        "platform": None,
        "config": None,
        "index": {"childCount": 2, "presentChildCount": 1, "isSparse": True},
    }
    cache = len(sparse.lacking) + len(CONFIG) + len(sparse.cached_index)
    image = await sizes(ada, "hub/cache", kit.digest_of(sparse.lacking))
    # What a pull takes is what the manifest says; what is stored is what has come.
    assert (image["repository"], image["totalSizeBytes"]) == (cache, len(NEVER) + len(CONFIG))
    assert image["storedBytes"] == image["exclusiveBytes"] == len(sparse.lacking) + len(CONFIG)
    assert image["platform"] == {"architecture": "arm64"}
    index = await sizes(ada, "hub/cache", kit.digest_of(sparse.cached_index))
    assert index["index"] == {"childCount": 2, "presentChildCount": 0, "isSparse": True}
    assert (index["storedBytes"], index["totalSizeBytes"]) == (len(sparse.cached_index), 0)
    assert (await stored("ada"), await stored("hub")) == (app, cache)

    # A quota refuses what comes by what it adds, not by what it names.
    await set_quota("hub", cache + len(sparse.absent) - 1)
    record = await repository.find("hub/cache")
    assert record is not None
    context = as_cache(await factory.as_account("ada"), record)
    with pytest.raises(QuotaExceeded):
        await push.put_manifest(context, record, sparse.absent, content_type=kit.OCI_MANIFEST)
    await set_quota("hub", cache + len(sparse.absent))
    await push.put_manifest(context, record, sparse.absent, content_type=kit.OCI_MANIFEST)
    index = await sizes(ada, "hub/cache", kit.digest_of(sparse.cached_index))
    assert (index["index"]["presentChildCount"], index["storedBytes"]) == (
        1,
        len(sparse.cached_index) + len(sparse.absent),
    )


async def test_the_collector_keeps_and_takes_them_as_any_other(factory: Factory, sparse: Sparse) -> None:
    record = await repository.find("hub/cache")
    assert record is not None
    context = as_cache(await factory.as_account("ada"), record)
    # A child that came later, by its digest, is kept by the index that was there first.
    await push.put_manifest(context, record, sparse.absent, content_type=kit.OCI_MANIFEST)
    before = await everything_held()
    assert kit.digest_of(sparse.absent) in before["hub/cache"][0]
    await backdate()
    assert [one.repository for one in await collected(factory.blobs)] == [None]
    assert await everything_held() == before

    await end_tags("%", ago_ms=WINDOW_MS + DAY_MS)
    await backdate()
    await collected(factory.blobs)
    assert await everything_held() == dict.fromkeys(before, (set(), set()))
    assert await stored("ada") == await stored("hub") == 0


async def test_a_deleted_one_is_restored(ada: GraphQL, sparse: Sparse) -> None:
    place = 'repository: "ada/app", tag: "v1"'
    await ada.payload(f"mutation {{ tagDelete({place}) {{ errors {{ code field }} }} }}")
    restored = await ada.payload(
        f'mutation {{ tagRestore({place}, manifestDigest: "{sparse.index}")'
        " { tag { manifest { digest } } errors { code field } } }"
    )
    assert restored["tag"] == {"manifest": {"digest": sparse.index}}


async def test_an_index_is_copied_without_its_images_only_where_that_is_allowed(
    factory: Factory, ada: GraphQL, sparse: Sparse
) -> None:
    before = await important()
    arguments = {"from": source(), "to": [target("ada/other")]}
    assert await ada.payload_error(COPY, **arguments) == ("UNKNOWN_REFERENCE", "from")
    for name in ("v1", "index"):
        cached = {"from": {"repository": "hub/cache", "tag": name}, "to": [target("ada/other")]}
        assert await ada.payload_error(COPY, **cached) == ("UNKNOWN_REFERENCE", "from")
    assert await important() == before
    # A tag beside it in its own repository lacks no more than it does.
    await ada.payload(COPY, **{"from": source(), "to": [target("ada/app", "v2")]})

    async with endpoint(factory.with_features("SPARSE_INDEX")) as client:
        allowed = client.with_token(ada.token)
        await allowed.payload(COPY, **arguments)
        assert await held("ada/other") == {sparse.index, kit.digest_of(sparse.present)}
        assert (await sizes(allowed, "ada/other", sparse.index))["index"]["isSparse"] is True
        # An image is never copied without its layers.
        cached = {"from": {"repository": "hub/cache", "tag": "v1"}, "to": [target("ada/other")]}
        assert await allowed.payload_error(COPY, **cached) == ("UNKNOWN_REFERENCE", "from")


async def test_a_configuration_is_read_only_with_a_right_to_it(ada: GraphQL, sparse: Sparse) -> None:
    digest = kit.digest_of(sparse.lacking)
    assert (await sizes(ada, "hub/cache", digest))["config"]["config"] == {"Labels": {"maker": "ada"}}
    record = await repository.find("hub/cache")
    assert record is not None
    await execute("DELETE FROM repository_blob WHERE repository_id = ?", record.id)
    assert (await sizes(ada, "hub/cache", digest))["config"] is None
