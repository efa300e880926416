"""Garbage collection: what is removed, what stays, and how removed content can come back."""

import random
from dataclasses import dataclass, field

import pytest

from resolvers.content import garbage_collection, push
from resolvers.content.garbage_collection import Removed
from resolvers.errors import NotFound
from resolvers.job_kinds import Run, Tools
from resolvers.manifests.liveness import GRACE_MS
from resolvers.record.export import LIFETIME_S
from resolvers.repositories import purge, repository
from resolvers.tags import tag
from storage import deletion_hold
from storage.blobs import BlobStore
from storage.statements import execute, fetch
from tests.factories import Factory, image_config
from tests.plugins.scale import SCALE
from tests.quayside.registry import kit
from tests.quayside.workers.contents import (
    DAY_MS,
    WINDOW_MS,
    backdate,
    collected,
    end_tags,
    held,
    rights,
    stored,
)

PATH = "ada/app"
NOTHING = [Removed(None)]


@pytest.fixture
async def ada(factory: Factory) -> Factory:
    """The factory, with the repository `ada/app`."""
    await factory.user("ada")
    await factory.repository(PATH)
    return factory


@dataclass
class Content:
    """The content of a repository: manifests by digest, with the blobs and manifests that each names."""

    bodies: dict[str, bytes] = field(default_factory=dict)
    blobs: dict[str, set[bytes]] = field(default_factory=dict)
    keepers: dict[str, set[str]] = field(default_factory=dict)

    def add(self, document: kit.Json, *blobs: bytes) -> str:
        body = kit.encode(document)
        digest = kit.digest_of(body)
        self.bodies[digest], self.blobs[digest] = body, set(blobs)
        self.keepers.setdefault(digest, set())
        return digest


async def build(factory: Factory, path: str, chance: random.Random) -> Content:
    """A random graph of images, indexes and referrers."""
    content = Content()
    for number in range(5):
        layers = [f"layer {chance.randrange(6)}".encode() for _ in range(2)]
        config = image_config("amd64", number=f"{path if number < 3 else 'shared'} {number}")
        for blob in (config, *layers):
            await factory.blob(path, blob)
        document = kit.image_document(*layers, config=config)
        content.add(document, config, *layers)
        await factory.manifest(path, document)
    await factory.blob(path, kit.EMPTY)
    for number in range(7):
        among = chance.sample(sorted(content.bodies), 2)
        subject = chance.choice(among)
        about = kit.descriptor(content.bodies[subject], kit.OCI_MANIFEST)
        about["mediaType"] = "application/vnd.oci.image.manifest.v1+json"
        if chance.random() < 0.5:
            more = {"subject": about} if chance.random() < 0.3 else {}
            document = kit.index_document(
                *(content.bodies[digest] for digest in among), annotations={"n": f"{number}"}, **more
            )
            digest = content.add(document)
            for child in among:
                content.keepers[child].add(digest)
            if more:
                content.keepers[digest].add(subject)
        else:
            document = kit.artifact_document(f"application/vnd.example.n{number}", subject=about)
            digest = content.add(document, kit.EMPTY)
            content.keepers[digest].add(subject)
        await factory.manifest(path, document)
    return content


def expected(content: Content, states: dict[str, str]) -> set[str]:
    """The live manifests by definition, by state of tags: `now`, `late`, `gone`, absent (never tagged)."""

    def above(digest: str) -> set[str]:
        found, level = {digest}, {digest}
        while level:
            level = {keeper for one in level for keeper in content.keepers[one]} - found
            found |= level
        return found

    def is_lost(digest: str) -> bool:
        return states.get(digest) == "gone"

    def keeps_itself(digest: str) -> bool:
        if digest in states:
            return states[digest] != "gone"
        return not any(is_lost(one) for one in above(digest))

    return {digest for digest in content.bodies if any(keeps_itself(one) for one in above(digest))}


@pytest.mark.long
@pytest.mark.parametrize("seed", range(8 * SCALE))
async def test_live_content_can_be_pulled_and_garbage_is_removed(
    ada: Factory, blobs: BlobStore, seed: int
) -> None:
    chance = random.Random(seed)
    contents, kept = {}, {}
    for path in (PATH, "ada/other"):
        if path != PATH:
            await ada.repository(path)
        contents[path] = await build(ada, path, chance)
        states = {
            digest: chance.choice(["now", "late", "gone", "gone"])
            for digest in sorted(contents[path].bodies)
            if chance.random() < 0.5
        }
        record = await repository.find(path)
        assert record is not None
        context = await ada.as_account("ada")
        for number, (digest, state) in enumerate(states.items()):
            changes = tag.TagChanges(manifest_digest=digest)
            await tag.update(context, path, f"{state}{number}", changes)
        kept[path] = expected(contents[path], states)
    await end_tags("late%", ago_ms=WINDOW_MS - DAY_MS)
    await end_tags("gone%", ago_ms=WINDOW_MS + DAY_MS)
    await backdate()
    before = await stored(blobs)

    planned = await collected(blobs, is_dry_run=True)
    untouched = {path: await held(path) for path in contents}
    done = await collected(blobs)

    assert untouched == {path: set(content.bodies) for path, content in contents.items()}
    assert done == planned
    named = {}
    for path, content in contents.items():
        assert await held(path) == kept[path]
        named[path] = {kit.digest_of(blob) for digest in kept[path] for blob in content.blobs[digest]}
        assert await rights(path) == named[path]
    assert await stored(blobs) == named[PATH] | named["ada/other"] <= before
    await backdate()
    assert await collected(blobs) == NOTHING
    for table in ("manifest_body", "manifest_blob", "manifest_child"):
        left = await fetch(
            f"SELECT x.manifest_id FROM {table} x JOIN manifest m ON m.id = x.manifest_id"
            " WHERE m.collected_at_ms IS NOT NULL"
        )
        assert left == []


async def test_an_image_is_collected_with_its_last_index(ada: Factory, blobs: BlobStore) -> None:
    documents = [kit.image_document(layer, config=kit.CONFIG) for layer in (b"one", b"two", b"both")]
    one, two, both = [await ada.image(PATH, layer) for layer in (b"one", b"two", b"both")]
    bodies = [kit.encode(document) for document in documents]
    old = await ada.manifest(PATH, kit.index_document(bodies[0], bodies[2]), tag="old")
    new = await ada.manifest(PATH, kit.index_document(bodies[1], bodies[2]), tag="new")
    await end_tags("old", ago_ms=WINDOW_MS + DAY_MS)
    await backdate()

    done = await collected(blobs)

    size = sum(
        len(kit.encode(document)) for document in (documents[0], kit.index_document(bodies[0], bodies[2]))
    )
    assert done == [Removed(PATH, 2, 1, size + 3), Removed(None, 2, 1, size + 3)]
    assert await held(PATH) == {new, two, both}
    assert {old, one}.isdisjoint(await held(PATH))
    assert kit.digest_of(b"one") not in await stored(blobs)


async def test_the_grace_period_keeps_images_for_a_coming_index(ada: Factory, blobs: BlobStore) -> None:
    body = kit.encode(kit.image_document(b"one"))
    image = await ada.image(PATH, b"one")
    await ada.manifest(PATH, kit.index_document(body), tag="old")
    await end_tags("old", ago_ms=WINDOW_MS + DAY_MS)
    await backdate()
    await ada.manifest(PATH, kit.image_document(b"one"))

    await collected(blobs)
    first = await held(PATH)
    await backdate()
    await collected(blobs)

    assert first == {image}
    assert await held(PATH) == set()
    assert await stored(blobs) == set()


async def test_a_collected_tag_cannot_be_restored_with_a_longer_window(
    ada: Factory, blobs: BlobStore
) -> None:
    context = await ada.as_account("ada")
    inside = await ada.image(PATH, b"inside", tag="inside")
    beyond = await ada.image(PATH, b"beyond", tag="beyond")
    await end_tags("inside", ago_ms=DAY_MS - 60_000)
    await end_tags("beyond", ago_ms=DAY_MS + 60_000)
    await backdate()
    await execute("UPDATE account SET tag_expiration_s = 86400")

    await collected(blobs)
    await execute("UPDATE account SET tag_expiration_s = 2419200")

    assert (await tag.restore(context, PATH, "inside", inside)).is_reversion
    with pytest.raises(NotFound, match="no such manifest") as refused:
        await tag.restore(context, PATH, "beyond", beyond)
    assert refused.value.field == "manifestDigest"
    assert await held(PATH) == {inside}


async def test_pushing_a_collected_manifest_restores_its_history(ada: Factory, blobs: BlobStore) -> None:
    digest = await ada.image(PATH, b"layer", tag="v1")
    await end_tags("v1", ago_ms=WINDOW_MS + DAY_MS)
    await backdate()
    await collected(blobs)
    gone = await stored(blobs)

    assert await ada.image(PATH, b"layer", tag="v2") == digest

    spans = await fetch("SELECT m.digest AS digest FROM tag t JOIN manifest m ON m.id = t.manifest_id")
    assert [row["digest"] for row in spans] == [digest, digest]
    assert gone == set()
    assert await rights(PATH) == {kit.digest_of(blob) for blob in (kit.CONFIG, b"layer")}
    assert len(await fetch("SELECT manifest_id FROM manifest_blob")) == 2
    assert await collected(blobs) == NOTHING


async def test_a_tombstone_is_collected_after_the_window(ada: Factory, blobs: BlobStore) -> None:
    digest = await ada.image(PATH, b"layer", tag="v1")
    await ada.blob(PATH, kit.EMPTY)
    about = kit.descriptor(kit.encode(kit.image_document(b"layer")), kit.OCI_MANIFEST)
    await ada.manifest(PATH, kit.artifact_document("application/vnd.example", subject=about))
    record = await repository.find(PATH)
    assert record is not None
    await push.delete_manifest(await ada.as_account("ada"), record, digest)
    await backdate()
    first = await collected(blobs)
    await end_tags("v1", ago_ms=WINDOW_MS + DAY_MS)

    await collected(blobs)

    assert first == NOTHING
    assert await held(PATH) == set()
    assert await stored(blobs) == set()


async def test_unreferenced_blobs_stay_for_the_grace_period(ada: Factory, blobs: BlobStore) -> None:
    await ada.blob(PATH, b"waiting")
    young = await collected(blobs)
    await backdate()

    old = await collected(blobs)

    assert young == NOTHING
    assert old == [Removed(PATH, 0, 1, 7), Removed(None, 0, 1, 7)]
    assert await fetch("SELECT id FROM blob") == []


async def test_blobs_that_an_index_lists_stay(ada: Factory, blobs: BlobStore) -> None:
    await ada.blob(PATH, b"listed")
    listed = kit.descriptor(b"listed", "application/vnd.example")
    await ada.manifest(PATH, kit.index_document() | {"manifests": [listed]}, tag="v1")
    await backdate()

    assert await collected(blobs) == NOTHING
    assert await stored(blobs) == {kit.digest_of(b"listed")}


async def test_deleting_a_repository_frees_unshared_blobs(ada: Factory, blobs: BlobStore) -> None:
    await ada.repository("ada/other")
    await ada.image(PATH, b"own", tag="v1")
    await ada.image("ada/other", b"other", tag="v1")
    await backdate()
    record = await repository.delete(await ada.as_account("ada"), PATH)
    assert record is not None
    await purge.purge_repository(record.id)

    done = await collected(blobs)

    assert done == [Removed(None, 0, 1, 3)]
    assert await stored(blobs) == {kit.digest_of(blob) for blob in (kit.CONFIG, b"other")}


async def test_using_a_right_renews_its_grace_period(ada: Factory, blobs: BlobStore) -> None:
    record = await repository.find(PATH)
    assert record is not None
    await ada.repository("ada/other")
    await ada.image("ada/other", b"mounted", tag="v1")
    for content in (b"mounted", b"looked at", b"pushed", kit.CONFIG, b"named", b"left"):
        await ada.blob(PATH, content)
    await backdate()

    await push.mount_blob(
        await ada.as_account("ada"), record.id, record.namespace_id, kit.digest_of(b"mounted"), source=None
    )
    assert await push.renew_blob(record.id, kit.digest_of(b"looked at"))
    await push.link_blob(record.id, kit.digest_of(b"pushed"), 6)
    await ada.manifest(PATH, kit.image_document(b"named"))
    await execute("DELETE FROM manifest WHERE repository_id = ?", record.id)

    assert await collected(blobs) == [Removed(PATH, 0, 1, 4), Removed(None, 0, 1, 4)]
    assert not await push.renew_blob(record.id, kit.digest_of(b"left"))


async def test_an_exported_file_expires_within_the_grace_period(ada: Factory, blobs: BlobStore) -> None:
    """It is in no repository; so it must be gone before the collector would take it for a leftover."""
    assert LIFETIME_S * 1000 < GRACE_MS
    await ada.blob(PATH, b"exported")
    await execute("DELETE FROM repository_blob")
    await execute("DELETE FROM blob")

    young = await collected(blobs)
    await backdate()

    assert young == NOTHING
    assert await collected(blobs) == [Removed(None, 0, 1, 8)]


async def test_batch_sizes_do_not_change_the_result(
    ada: Factory, blobs: BlobStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    bodies = []
    for number in range(7):
        await ada.image(PATH, f"layer {number}".encode())
        bodies.append(kit.encode(kit.image_document(f"layer {number}".encode())))
    inner = kit.index_document(*bodies[:4])
    await ada.manifest(PATH, inner)
    await ada.manifest(PATH, kit.index_document(kit.encode(inner), *bodies[4:]), tag="v1")
    await end_tags("v1", ago_ms=WINDOW_MS + DAY_MS)
    await backdate()
    for name, size in (("BATCH", 2), ("NAMED", 1)):
        monkeypatch.setattr(garbage_collection, name, size)
    planned = await collected(blobs, is_dry_run=True)

    done = await collected(blobs)

    assert done == planned
    assert [(removed.manifests, removed.blobs) for removed in done] == [(9, 8), (9, 8)]
    assert await held(PATH) == await stored(blobs) == set()


async def test_what_a_backup_holds_goes_in_a_run_an_hour_later(ada: Factory, blobs: BlobStore) -> None:
    await ada.image(PATH, b"layer", tag="gone")
    await end_tags("gone", ago_ms=WINDOW_MS + DAY_MS)
    await backdate()
    before = await stored(blobs)
    await deletion_hold.hold("backup")
    run = Run({}, Tools(ada.context()))

    result = await garbage_collection.collect_content(run)

    assert result == (
        f"Removed 1 manifests and 0 blobs, {len(kit.encode(kit.image_document(b'layer')))} bytes together."
        " A backup holds blobs; the next run is in an hour."
    )
    assert await stored(blobs) == before
    # Pushes of images add jobs of their own.
    ordered = "FROM job WHERE kind = 'content.collect'"
    (row,) = await fetch(f"SELECT state, run_at_ms - created_at_ms AS delay_ms {ordered}")
    assert row == {"state": "waiting", "delay_ms": 3_600_000}
    await deletion_hold.release("backup")
    assert (await garbage_collection.collect_content(run) or "").startswith("Removed 0 manifests and 2 blobs")
    assert await stored(blobs) == set()
    assert len(await fetch(f"SELECT id {ordered}")) == 1
