"""Collected manifests: tombstones that the history of tags shows and that cannot be restored."""

import pytest

from storage.blobs import BlobStore
from storage.statements import execute, fetch
from tests.factories import Factory
from tests.quayside.workers.contents import DAY_MS, backdate, collected, end_tags
from tests.schema.client import GraphQL
from tests.schema.manifests.test_deleted_manifests import PLAN, ROLLBACK
from tests.schema.tags.test_tags import DELETE, RESTORE, iso

ERROR = "{ code field message }"
HISTORY = """{ repository(path: "ada/app") {
  manifests { totalCount }
  tagHistory(name: "v1", first: 5) { nodes { kind manifest { ...M } previousManifest { ...M } } } } }
fragment M on Manifest { digest isCollected document config layers { index } labels { totalCount }
  modelCard totalSizeBytes referrers { totalCount } }"""


@pytest.fixture
async def image(factory: Factory, ada: GraphQL, blobs: BlobStore) -> str:
    """The digest of a collected image of `ada/app`: `v1` pointed to it ten days ago, the window is a week."""
    await factory.repository("ada/app")
    digest = await factory.image("ada/app", b"layer", tag="v1")
    await end_tags("v1", ago_ms=10 * DAY_MS)
    await backdate()
    await execute("UPDATE account SET tag_expiration_s = 604800")
    assert (await collected(blobs))[-1].manifests == 1
    await execute("UPDATE account SET tag_expiration_s = 2419200")
    return digest


async def beginning(name: str) -> str:
    """The start of the span of a tag."""
    (row,) = await fetch("SELECT started_at_ms FROM tag WHERE name = ?", name)
    return iso(row["started_at_ms"])


async def test_the_history_of_tags_shows_a_collected_manifest(ada: GraphQL, image: str) -> None:
    manifest = {
        "digest": image,
        "isCollected": True,
        "document": "",
        "config": None,
        "layers": None,
        "labels": {"totalCount": 0},
        "modelCard": None,
        "totalSizeBytes": 0,
        "referrers": {"totalCount": 0},
    }

    found = (await ada.data(HISTORY))["repository"]

    assert found["manifests"] == {"totalCount": 0}
    assert found["tagHistory"]["nodes"] == [
        {"kind": "DELETED", "manifest": None, "previousManifest": manifest},
        {"kind": "CREATED", "manifest": manifest, "previousManifest": None},
    ]


async def test_a_collected_manifest_cannot_be_restored_or_rolled_back_to(ada: GraphQL, image: str) -> None:
    assert await ada.payload_error(RESTORE, tag="v1", digest=image) == ("NOT_FOUND", "manifestDigest")
    assert await ada.payload_error(PLAN.replace("{ code }", ERROR), to=await beginning("v1")) == (
        "NOT_FOUND",
        "to",
    )
    assert await ada.payload_error(DELETE, tag="v1") == ("NOT_FOUND", "tag")


async def test_a_rollback_to_collected_content_is_refused(
    factory: Factory, ada: GraphQL, blobs: BlobStore, image: str
) -> None:
    await factory.image("ada/app", b"other", tag="v2")
    await end_tags("v2", ago_ms=10 * DAY_MS - 60_000)
    await backdate()
    plan = (await ada.payload(PLAN, to=await beginning("v2")))["plan"]
    await execute("UPDATE account SET tag_expiration_s = 604800")
    await collected(blobs)
    await execute("UPDATE account SET tag_expiration_s = 2419200")

    assert await ada.payload_error(ROLLBACK.replace("{ code }", ERROR), plan=plan["id"]) == (
        "NOT_FOUND",
        "plan",
    )
