"""What comes of an upstream into a repository, and what does not."""

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from functools import partial

import pytest

from resolvers.background import Background
from resolvers.content import push
from resolvers.content import upload as client_uploads
from resolvers.content.push import BlobsUnknown
from resolvers.context import Context
from resolvers.errors import NotWritable, QuotaExceeded, Upstream
from resolvers.ingest import claims
from resolvers.ingest import image as images
from resolvers.ingest.blob import Arrival, bring_blob, stream_blob
from resolvers.ingest.image import bring_image, bring_manifest
from resolvers.ingest.permits import as_cache, as_mirror
from resolvers.manifests import manifest
from resolvers.manifests.document import ManifestInvalid
from resolvers.manifests.manifest import ManifestRecord
from resolvers.repositories import repository
from resolvers.repositories.repository import RepositoryRecord, RepositoryState, Visibility
from resolvers.tags import plan, tag
from resolvers.tags.copy import CopySource, CopyTarget, copy
from resolvers.tags.outcome import PlanArguments, PlanKind
from resolvers.tags.tag import TagChanges
from resolvers.upstreams.errors import UpstreamInvalid
from storage.blobs import UploadUnknown
from storage.clock import now_ms
from storage.statements import execute, fetch
from tests.factories import Factory
from tests.quayside.registry import kit
from tests.quotas import set_quota, stored
from tests.resolvers.ingest.fakes import FakeSource
from tests.schema.tags.test_copy import important
from tests.waiting import until

SECRET, SHARED, FRESH = b"a secret layer", b"a shared layer", b"a fresh layer"
LARGE = os.urandom(700_000)
MIB = 1024 * 1024


@pytest.fixture
async def source() -> FakeSource:
    return FakeSource()


@pytest.fixture
async def mirror(factory: Factory) -> RepositoryRecord:
    """A repository of ada in the state MIRROR."""
    await factory.user("ada")
    await factory.user("bob")
    await factory.cache("hub", owner="ada")
    await factory.repository("ada/mirror")
    return await in_state(factory, "ada/mirror", RepositoryState.MIRROR)


async def in_state(factory: Factory, path: str, state: RepositoryState) -> RepositoryRecord:
    ada = await factory.as_account(path.partition("/")[0])
    return await repository.change_state(ada, path, state)


async def actor(factory: Factory, record: RepositoryRecord) -> Context:
    return as_mirror(await factory.as_account("ada"), record)


async def puller(factory: Factory, record: RepositoryRecord) -> Context:
    return as_cache(await factory.as_account("ada"), record)


async def rights(record: RepositoryRecord) -> set[str]:
    rows = await fetch(
        "SELECT b.digest FROM blob b JOIN repository_blob r ON r.blob_id = b.id WHERE r.repository_id = ?",
        record.id,
    )
    return {row["digest"] for row in rows}


async def uploads() -> list[tuple[str, int]]:
    return [tuple(row.values()) for row in await fetch("SELECT digest, reserved_bytes FROM upload")]


async def read(pieces: AsyncIterator[bytes]) -> bytes:
    return b"".join([piece async for piece in pieces])


async def test_an_index_arrives_with_all_that_it_names_and_is_asked_for_once(
    factory: Factory, mirror: RepositoryRecord, source: FakeSource
) -> None:
    first, second = source.add_image(FRESH, LARGE), source.add_image(SHARED, LARGE)
    index = source.add_index(first, second)
    context = await actor(factory, mirror)

    brought = await bring_image(context, mirror, source, index, tags=["v1"])

    blobs = {kit.digest_of(one): one for one in (kit.CONFIG, FRESH, SHARED, LARGE)}
    assert await rights(mirror) == set(blobs)
    assert sorted(map(str, source.asked)) == sorted(
        map(str, [first.digest, second.digest, *((digest, 0) for digest in blobs)])
    )
    assert (brought.manifests, brought.blobs) == (
        3,
        {Arrival.PRESENT: 2, Arrival.MOUNTED: 0, Arrival.FETCHED: 4},
    )
    assert brought.fetched_bytes == sum(map(len, blobs.values()))
    documents = sum(len(one.body) for one in (first, second, index))
    assert await stored("ada") == brought.fetched_bytes + documents
    assert await uploads() == []

    # Again, with one blob deleted since: nothing else travels.
    source.asked.clear()
    await execute(
        "DELETE FROM repository_blob WHERE blob_id = (SELECT id FROM blob WHERE digest = ?)",
        kit.digest_of(SHARED),
    )
    again = await bring_image(context, mirror, source, index, tags=["v2"])
    assert source.asked == [(kit.digest_of(SHARED), 0)]
    assert (again.manifests, again.blobs[Arrival.FETCHED]) == (1, 1)
    rows = await fetch("SELECT t.name, m.digest FROM tag t JOIN manifest m ON m.id = t.manifest_id")
    assert {row["name"]: row["digest"] for row in rows} == {"v1": index.digest, "v2": index.digest}


async def test_what_many_indexes_list_is_followed_once(
    factory: Factory, mirror: RepositoryRecord, source: FakeSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    level = [source.add_image(bytes([number])) for number in range(3)]
    for depth in range(6):
        level = [
            source.add(
                kit.index_document(*(one.body for one in level), annotations={"n": f"{depth}.{number}"})
            )
            for number in range(3)
        ]
    looks: list[str] = []
    by_digest = manifest.by_digest

    async def looking(record: RepositoryRecord, digest: str) -> ManifestRecord | None:
        looks.append(digest)
        return await by_digest(record, digest)

    monkeypatch.setattr(manifest, "by_digest", looking)
    context = await actor(factory, mirror)
    for _ in range(2):
        looks.clear()
        await bring_image(context, mirror, source, level[0], tags=["v1"])
        assert len(looks) == len(set(looks)) == 18


async def test_an_image_of_too_many_manifests_is_refused(
    factory: Factory, mirror: RepositoryRecord, source: FakeSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(images, "MAX_MANIFESTS", 2)
    index = source.add_index(*(source.add_image(bytes([number])) for number in range(3)))

    with pytest.raises(ManifestInvalid, match="more than 2 manifests"):
        await bring_image(await actor(factory, mirror), mirror, source, index, tags=["v1"])


async def test_naming_a_digest_gives_no_blob_of_others(
    factory: Factory, mirror: RepositoryRecord, source: FakeSource
) -> None:
    await factory.repository("bob/private")
    await factory.repository("bob/public", visibility=Visibility.PUBLIC)
    config = b'{"architecture":"s390x","os":"linux","config":{"Labels":{"secret":"yes"}}}'
    await factory.image("bob/private", SECRET, config=config)
    await factory.blob("bob/public", SHARED)
    context = await actor(factory, mirror)
    named = source.add_image(SECRET, SHARED, config=config)
    source.blobs.clear()

    # The upstream names what it does not have: the store does, and that is no help.
    with pytest.raises(Upstream):
        await bring_image(context, mirror, source, named, tags=["stolen"])
    assert await rights(mirror) <= {kit.digest_of(SHARED)}
    assert await manifest.by_digest(mirror, named.digest) is None
    with pytest.raises(BlobsUnknown):
        await push.put_manifest(context, mirror, named.body, content_type=named.media_type, tags=["stolen"])

    # What it can show it may have, and it is fetched; what the actor may pull is mounted.
    source.blobs = {kit.digest_of(one): one for one in (SECRET, config)}
    source.asked.clear()
    brought = await bring_image(context, mirror, source, named, tags=["own"])
    assert sorted(map(str, source.asked)) == sorted(str((one, 0)) for one in source.blobs)
    assert brought.blobs[Arrival.FETCHED] == 2
    assert brought.blobs[Arrival.MOUNTED] + brought.blobs[Arrival.PRESENT] == 1


async def test_a_cache_learns_nothing_of_blobs_that_it_has_not_fetched(
    factory: Factory, mirror: RepositoryRecord, source: FakeSource
) -> None:
    await factory.repository("bob/private")
    config = b'{"architecture":"s390x","os":"linux","config":{"Labels":{"secret":"yes"}}}'
    await factory.image("bob/private", SECRET, config=config)
    record = await factory.repository("hub/cache", by="ada")
    context = await puller(factory, record)
    named = source.add_image(SECRET, config=config)
    source.blobs.clear()
    with pytest.raises(Upstream):
        await bring_manifest(context, record, source, named, tags=["stolen"])
    assert await manifest.by_digest(record, named.digest) is None

    # Not even where the manifest is stored without it.
    await push.put_manifest(context, record, named.body, content_type=named.media_type, tags=["stolen"])
    found = await manifest.by_digest(record, named.digest)
    assert found is not None
    assert (found.architecture, await rights(record)) == (None, set())
    assert await fetch("SELECT id FROM label WHERE manifest_id = ?", found.id) == []
    with pytest.raises(Upstream):
        await read(stream_blob(context, record, kit.digest_of(SECRET), 14, partial(source.fetch, SECRET)))
    assert await rights(record) == set()

    # With its configuration it is an ordinary image that lacks layers.
    other = source.add_image(FRESH, config=config)
    await bring_manifest(context, record, source, other, tags=["v1"])
    found = await manifest.by_digest(record, other.digest)
    assert found is not None
    assert (found.architecture, await rights(record)) == ("s390x", {kit.digest_of(config)})
    assert (
        await fetch("SELECT kind FROM event WHERE kind = 'push_repo' AND repository_id = ?", record.id) == []
    )


async def test_only_the_cache_brings_content_into_a_cache(
    factory: Factory, mirror: RepositoryRecord, source: FakeSource
) -> None:
    record = await factory.repository("hub/cache", by="ada")
    ada, context = await factory.as_account("ada"), await puller(factory, record)
    first, second = source.add_image(b"first"), source.add_image(b"second")
    for image in (first, second):
        await bring_image(context, record, source, image, tags=["v1"])
    before = await important()
    refused = {
        "push": push.put_manifest(ada, record, first.body, content_type=first.media_type, tags=["v2"]),
        "by digest": push.put_manifest(ada, record, first.body, content_type=first.media_type),
        "mirror": bring_image(as_mirror(ada, record), record, source, first, tags=["v2"]),
        "move": tag.update(ada, record.path, "v3", TagChanges(manifest_digest=second.digest)),
        "restore": tag.restore(ada, record.path, "v1", first.digest),
        "copy": copy(ada, CopySource(record.path, "v1"), [CopyTarget(record.path, "v2")]),
        "plan": plan.prepare(ada, record.path, PlanKind.MOVE, PlanArguments(manifest_digest=first.digest)),
        "rollback": plan.prepare(ada, record.path, PlanKind.ROLLBACK, PlanArguments(to_ms=1)),
    }
    answers = await asyncio.gather(*refused.values(), return_exceptions=True)
    assert {name: type(answer) for name, answer in zip(refused, answers, strict=True)} == dict.fromkeys(
        refused, NotWritable
    )
    assert await important() == before
    # What is there may be taken out, and copied elsewhere.
    await factory.repository("ada/other")
    await copy(ada, CopySource(record.path, "v1"), [CopyTarget("ada/other", "v1")])
    await tag.update(ada, record.path, "v1", TagChanges(expires_at_ms=now_ms() + 60_000))
    await tag.delete(ada, record.path, "v1")
    await push.delete_manifest(ada, record, first.digest)


@pytest.mark.parametrize("state", list(RepositoryState)[:4])
async def test_a_permit_holds_for_one_repository_in_the_states_of_its_origin(
    factory: Factory, mirror: RepositoryRecord, source: FakeSource, state: RepositoryState
) -> None:
    other = replace(await factory.repository("ada/other"), state=state)
    await execute("UPDATE repository SET state = ? WHERE id = ?", state.value, other.id)
    ada = await factory.as_account("ada")
    contexts = {
        "client": ada,
        "mirror": as_mirror(ada, other),
        "cache": as_cache(ada, other),
        "mirror of another": as_mirror(ada, mirror),
    }
    allowed = set()
    for name, context in contexts.items():
        image = source.add_image(name.encode())
        try:
            await bring_image(context, other, source, image, tags=["v1"])
            allowed.add(name)
        except NotWritable:
            assert await manifest.by_digest(other, image.digest) is None
    # A permit takes nothing away elsewhere; here that of a cache is none, since the namespace is no cache.
    assert (
        allowed
        == {
            RepositoryState.NORMAL: {"client", "mirror of another"},
            RepositoryState.READ_ONLY: set(),
            RepositoryState.MIRROR: {"mirror"},
            RepositoryState.ORG_MIRROR: {"mirror"},
        }[state]
    )


async def test_a_fetch_that_broke_off_goes_on_where_it_was(
    factory: Factory, mirror: RepositoryRecord, source: FakeSource
) -> None:
    digest = kit.digest_of(LARGE)
    source.blobs[digest] = LARGE
    source.broken[digest] = 300_000
    context = await actor(factory, mirror)
    bring = partial(bring_blob, context, mirror, digest, len(LARGE), partial(source.fetch, LARGE))
    with pytest.raises(Upstream, match="broke off"):
        await bring()
    (row,) = await fetch("SELECT uuid, digest FROM upload")
    had = await factory.blobs.upload_size(row["uuid"])
    assert had >= 300_000
    assert row["digest"] == digest
    # No client can continue it, nor is it one of the account's uploads.
    with pytest.raises(UploadUnknown):
        await client_uploads.require(factory.site, row["uuid"], mirror.id, mirror.namespace_id)

    source.broken.clear()
    source.asked.clear()
    assert await bring() is Arrival.FETCHED
    assert source.asked == [(digest, had)]
    assert await bring() is Arrival.PRESENT
    assert await factory.blobs.read_all(digest, limit=len(LARGE)) == LARGE
    assert await uploads() == []


async def test_wrong_bytes_are_refused_and_wrong_remains_are_fetched_again(
    factory: Factory, mirror: RepositoryRecord, source: FakeSource
) -> None:
    digest = kit.digest_of(LARGE)
    source.blobs[digest] = LARGE
    context = await actor(factory, mirror)
    bring = partial(bring_blob, context, mirror, digest, len(LARGE), partial(source.fetch, LARGE))
    for wrong in (LARGE[::-1], LARGE[:-1], LARGE + b"more", b""):
        source.wrong[digest] = wrong
        with pytest.raises(Upstream):
            await bring()
        assert await uploads() == []
        assert await factory.blobs.stat(digest) is None
        assert [one async for one in factory.blobs.uploads()] == []

    source.wrong[digest] = LARGE[::-1]
    source.broken[digest] = 300_000
    with pytest.raises(Upstream, match="broke off"):
        await bring()
    source.wrong.clear()
    source.broken.clear()
    assert await bring() is Arrival.FETCHED
    assert source.asked[-1] == (digest, 0)


async def test_readers_in_two_processes_follow_one_fetch(
    factory: Factory, mirror: RepositoryRecord, source: FakeSource
) -> None:
    digest, gate = kit.digest_of(LARGE), asyncio.Event()
    source.blobs[digest], source.gates[digest] = LARGE, gate
    record = await factory.repository("hub/cache", by="ada")
    here = await puller(factory, record)
    elsewhere = replace(here, site=replace(here.site, background=Background()))
    got: dict[str, int] = {}

    def came(*names: str) -> Callable[[], Awaitable[bool]]:
        async def have() -> bool:
            return set(names) <= set(got)

        return have

    async def follow(name: str, context: Context, start: int = 0, end: int | None = None) -> bytes:
        content = b""
        async for piece in stream_blob(
            context, record, digest, len(LARGE), partial(source.fetch, LARGE), start=start, end=end
        ):
            content += piece
            got[name] = len(content)
        return content

    leaving = asyncio.create_task(follow("leaving", here))
    await until(came("leaving"))
    staying = {
        "whole": asyncio.create_task(follow("whole", here)),
        "part": asyncio.create_task(follow("part", here, 5, 600_000)),
        "elsewhere": asyncio.create_task(follow("elsewhere", elsewhere)),
        "early part": asyncio.create_task(follow("early part", elsewhere, 0, 1000)),
    }
    assert await staying["early part"] == LARGE[:1000]
    await until(came("whole", "part", "elsewhere"))
    assert max(got.values()) < len(LARGE)
    leaving.cancel()
    gate.set()
    assert await staying["whole"] == LARGE
    assert await staying["part"] == LARGE[5:600_000]
    assert await staying["elsewhere"] == LARGE
    assert source.asked == [(digest, 0)]
    assert await rights(record) == {digest}
    assert await stored("hub") == len(LARGE)
    assert await uploads() == []
    # Whoever comes later reads the blob.
    assert await follow("late", here, 1, 3) == LARGE[1:3]


async def test_a_reader_that_falls_behind_reads_what_is_stored(
    factory: Factory, mirror: RepositoryRecord, source: FakeSource
) -> None:
    content = os.urandom(5 * MIB)
    digest, gate = kit.digest_of(content), asyncio.Event()
    source.blobs[digest], source.gates[digest], source.gate_at = content, gate, 4 * MIB
    record = await factory.repository("hub/cache", by="ada")
    context = await puller(factory, record)

    async def has_gone_on() -> bool:
        (row,) = await fetch("SELECT uuid FROM upload")
        return await factory.blobs.upload_size(row["uuid"]) == 4 * MIB

    slow = stream_blob(context, record, digest, len(content), partial(source.fetch, content))
    got = await anext(slow)
    assert len(got) == source.piece
    await until(has_gone_on)
    while len(got) <= 4 * MIB:
        got += await anext(slow)
    assert len(got) < len(content)
    gate.set()
    assert got + await read(slow) == content
    assert source.asked == [(digest, 0)]


async def test_a_reader_of_a_fetch_that_another_process_took_over_ends(
    factory: Factory, mirror: RepositoryRecord, source: FakeSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(claims, "LEASE_MS", 300)
    digest, gate = kit.digest_of(LARGE), asyncio.Event()
    source.blobs[digest], source.gates[digest] = LARGE, gate
    record = await factory.repository("hub/cache", by="ada")
    context = await puller(factory, record)
    pieces = stream_blob(context, record, digest, len(LARGE), partial(source.fetch, LARGE))
    await anext(pieces)
    await execute("UPDATE upload SET holder = 'another process', held_until_ms = ?", now_ms() + 20_000)
    await asyncio.sleep(0.3)
    gate.set()
    with pytest.raises(UpstreamInvalid):
        await read(pieces)
    # That process dies, and what it left is brought to its end here.
    await execute("UPDATE upload SET held_until_ms = 1")
    assert await bring_blob(context, record, digest, len(LARGE), partial(source.fetch, LARGE))
    assert await rights(record) == {digest}


async def test_no_reader_gets_a_wrong_blob_whole(
    factory: Factory, mirror: RepositoryRecord, source: FakeSource
) -> None:
    digest = kit.digest_of(LARGE)
    source.blobs[digest] = LARGE
    source.wrong[digest] = LARGE[:-1] + bytes([LARGE[-1] ^ 1])
    record = await factory.repository("hub/cache", by="ada")
    context = await puller(factory, record)

    sizes = [0, 0, 0]

    async def follow(number: int) -> None:
        fetch_from = partial(source.fetch, LARGE)
        async for piece in stream_blob(context, record, digest, len(LARGE), fetch_from):
            sizes[number] += len(piece)

    failures = await asyncio.gather(*(follow(number) for number in range(3)), return_exceptions=True)
    assert [type(failure) for failure in failures] == [UpstreamInvalid] * 3
    assert max(sizes) < len(LARGE)
    assert source.asked == [(digest, 0)]


async def test_what_a_killed_process_left_is_taken_over_and_one_at_work_is_waited_for(
    factory: Factory, mirror: RepositoryRecord, source: FakeSource
) -> None:
    digest = kit.digest_of(LARGE)
    source.blobs[digest] = LARGE
    context = await actor(factory, mirror)

    async def some() -> AsyncIterator[bytes]:
        yield LARGE[:1000]

    claim = await claims.take(mirror, digest, "another process")
    await factory.blobs.create_upload(claim.upload)
    await factory.blobs.append(claim.upload, 0, some())
    assert claim.is_mine
    assert not (await claims.take(mirror, digest, "this process")).is_mine
    bring = asyncio.create_task(bring_blob(context, mirror, digest, len(LARGE), partial(source.fetch, LARGE)))
    await asyncio.sleep(0.3)
    assert source.asked == []
    await execute("UPDATE upload SET held_until_ms = 1")
    assert not await claims.is_held(claim.upload)
    assert await bring is Arrival.FETCHED
    assert source.asked == [(digest, 1000)]
    assert not await claims.renew(claim.upload, "another process")


async def test_a_quota_counts_what_comes_once_and_refuses_what_has_no_room(
    factory: Factory, mirror: RepositoryRecord, source: FakeSource
) -> None:
    context = await actor(factory, mirror)
    image, large = source.add_image(FRESH), source.add_image(LARGE)
    await bring_image(context, mirror, source, image, tags=["v1"])
    await set_quota("ada", await stored("ada") + len(LARGE) // 2)
    before = await stored("ada")
    source.asked.clear()
    with pytest.raises(QuotaExceeded):
        await bring_image(context, mirror, source, large, tags=["v2"])
    assert source.asked == []
    assert (await stored("ada"), await uploads()) == (before, [])
    await set_quota("ada", before + len(LARGE) + 2000)
    await bring_image(context, mirror, source, large, tags=["v2"])
    assert await stored("ada") == before + len(LARGE) + len(large.body)
    assert await uploads() == []


async def test_a_cancelled_caller_ends_the_fetch_and_keeps_what_came(
    factory: Factory, mirror: RepositoryRecord, source: FakeSource
) -> None:
    digest = kit.digest_of(LARGE)
    source.blobs[digest], source.gates[digest] = LARGE, asyncio.Event()
    context = await actor(factory, mirror)

    async def has_begun() -> bool:
        return len(source.asked) > 0

    bring = asyncio.create_task(bring_blob(context, mirror, digest, len(LARGE), partial(source.fetch, LARGE)))
    await until(has_begun)
    bring.cancel()
    with pytest.raises(asyncio.CancelledError):
        await bring
    (row,) = await fetch("SELECT uuid, held_until_ms FROM upload")
    assert row["held_until_ms"] == 0
    assert await factory.blobs.upload_size(row["uuid"]) == source.piece
    del source.gates[digest]
    assert (
        await bring_blob(context, mirror, digest, len(LARGE), partial(source.fetch, LARGE)) is Arrival.FETCHED
    )
    assert source.asked == [(digest, 0), (digest, source.piece)]
