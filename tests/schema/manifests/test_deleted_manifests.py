"""Deleted manifests: tombstones at once, which the history of tags shows and which can be undeleted."""

import pytest

from resolvers.content import push
from resolvers.repositories import repository
from storage.clock import now_ms
from storage.statements import execute, fetch
from tests.factories import Factory
from tests.quayside.registry import kit
from tests.schema.client import GraphQL
from tests.schema.tags.test_tags import DELETE, RESTORE, iso

STATE = """query ($digest: Digest!) { repository(path: "ada/app") {
  tags { nodes { name manifest { digest } } }
  manifests { totalCount nodes { digest } }
  manifest(digest: $digest) { digest }
  referrers(digest: $digest) { totalCount }
  tagHistory(name: "v1") { nodes { kind manifest { digest } previousManifest { digest } } } } }"""
PLAN = """mutation ($to: DateTime!) { repositoryRollbackPlan(repository: "ada/app", to: $to) {
  plan { id items { nodes { name action after { digest } } } } errors { code } } }"""
ROLLBACK = """mutation ($plan: ID!) { repositoryRollback(repository: "ada/app", plan: $plan) {
  plan { changeCount } errors { code } } }"""
COPY = """mutation ($digest: Digest!) { tagCopy(from: {repository: "ada/from", manifestDigest: $digest},
  to: [{repository: "ada/app", tag: "copied"}]) { tags { name } errors { code } } }"""


async def remove(factory: Factory, digest: str) -> None:
    """Delete a manifest of `ada/app` as `/v2` does."""
    record = await repository.find("ada/app")
    assert record is not None
    await push.delete_manifest(await factory.as_account("ada"), record, digest)


async def state(client: GraphQL, digest: str) -> dict[str, object]:
    return dict((await client.data(STATE, digest=digest))["repository"])


@pytest.fixture
async def image(factory: Factory, ada: GraphQL) -> str:
    """The digest of an image, to which `v1` of `ada/app` pointed before it was deleted."""
    await factory.repository("ada/app")
    digest = await factory.image("ada/app", b"layer", tag="v1")
    await remove(factory, digest)
    return digest


async def test_a_deleted_manifest_is_a_tombstone_in_the_history_of_tags(ada: GraphQL, image: str) -> None:
    assert await state(ada, image) == {
        "tags": {"nodes": []},
        "manifests": {"totalCount": 0, "nodes": []},
        "manifest": None,
        "referrers": {"totalCount": 0},
        "tagHistory": {
            "nodes": [
                {"kind": "DELETED", "manifest": None, "previousManifest": {"digest": image}},
                {"kind": "CREATED", "manifest": {"digest": image}, "previousManifest": None},
            ]
        },
    }


async def test_a_tag_is_restored_to_a_deleted_manifest(ada: GraphQL, image: str) -> None:
    await ada.payload(RESTORE, tag="again", digest=image)

    found = await state(ada, image)
    assert found["tags"] == {"nodes": [{"name": "again", "manifest": {"digest": image}}]}
    assert found["manifests"] == {"totalCount": 1, "nodes": [{"digest": image}]}
    assert found["manifest"] == {"digest": image}


async def test_a_deleted_manifest_cannot_be_restored_after_the_window(ada: GraphQL, image: str) -> None:
    await execute("UPDATE tag SET started_at_ms = 1, ended_at_ms = 2")

    assert await ada.payload_error(RESTORE, tag="v1", digest=image) == ("NOT_FOUND", "manifestDigest")
    assert (await state(ada, image))["manifest"] is None


async def test_a_rollback_undeletes_a_manifest(factory: Factory, ada: GraphQL, image: str) -> None:
    other = await factory.image("ada/app", b"other", tag="v1")
    before = now_ms() - 60_000
    await execute(
        "UPDATE tag SET started_at_ms = ?, ended_at_ms = ? WHERE ended_at_ms > 0", before, before + 9
    )

    plan = (await ada.payload(PLAN, to=iso(before)))["plan"]
    await ada.payload(ROLLBACK, plan=plan["id"])

    assert plan["items"]["nodes"] == [{"name": "v1", "action": "MOVE", "after": {"digest": image}}]
    found = await state(ada, image)
    assert found["tags"] == {"nodes": [{"name": "v1", "manifest": {"digest": image}}]}
    assert found["manifests"] == {"totalCount": 2, "nodes": [{"digest": other}, {"digest": image}]}


async def test_pushing_or_copying_undeletes_a_manifest(factory: Factory, ada: GraphQL, image: str) -> None:
    await factory.image("ada/app", b"layer", tag="v1")
    await remove(factory, image)
    await factory.repository("ada/from")
    await factory.image("ada/from", b"layer")

    await ada.payload(COPY, digest=image)

    found = await state(ada, image)
    assert found["tags"] == {"nodes": [{"name": "copied", "manifest": {"digest": image}}]}
    assert found["manifests"] == {"totalCount": 1, "nodes": [{"digest": image}]}
    manifests = await fetch(
        "SELECT DISTINCT t.manifest_id FROM tag t JOIN manifest m ON m.id = t.manifest_id"
    )
    assert len(manifests) == 1


async def test_undeleting_a_referrer_restores_its_subject(factory: Factory, ada: GraphQL) -> None:
    await factory.repository("ada/app")
    await factory.blob("ada/app", kit.EMPTY)
    subject = kit.descriptor(kit.encode(kit.image_document(b"layer")), kit.OCI_MANIFEST)
    document = kit.artifact_document("application/vnd.example", subject=subject)
    artifact = await factory.manifest("ada/app", document, tag="about")

    await remove(factory, artifact)
    deleted = (await state(ada, subject["digest"]))["referrers"]
    await ada.payload(RESTORE, tag="about", digest=artifact)

    assert deleted == {"totalCount": 0}
    assert (await state(ada, subject["digest"]))["referrers"] == {"totalCount": 1}


async def test_deleting_a_manifest_without_tags_leaves_no_tombstone(factory: Factory, ada: GraphQL) -> None:
    await factory.repository("ada/app")
    digest = await factory.image("ada/app", b"layer")

    await remove(factory, digest)

    assert await fetch("SELECT id FROM manifest") == []
    assert await ada.payload_error(RESTORE, tag="v1", digest=digest) == ("NOT_FOUND", "manifestDigest")
    assert await ada.payload_error(DELETE, tag="v1") == ("NOT_FOUND", "tag")
