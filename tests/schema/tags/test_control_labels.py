"""Control labels: what an image asks for its tags holds for all ways by which a tag comes to point to it."""

import json
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import pytest

from quayside.settings.settings import Settings
from storage.clock import now_ms
from storage.statements import execute, fetch
from tests.contract.world import ORGANIZATION, World, callers
from tests.factories import Factory, image_config
from tests.quayside.registry import kit
from tests.schema.client import GraphQL
from tests.schema.tags.test_copy import COPY
from tests.schema.tags.test_plans import applied, planned
from tests.schema.tags.test_tags import DELETE, RESTORE, UPDATE, iso

HOUR_MS = 3_600_000
EXPIRES, LOCKED = "quay.expires-after", "quay.immutable"
BOTH = {EXPIRES: "2h", LOCKED: "true"}
Labels = dict[str, str]


async def image(factory: Factory, labels: Labels, *, path: str = "ada/app", layer: bytes = b"layer") -> str:
    """An image with labels in its configuration; its digest."""
    return await factory.image(path, layer, config=image_config("amd64", config={"Labels": labels}))


async def annotated(factory: Factory, annotations: Labels, *, labels: Labels | None = None) -> str:
    """An image with annotations, as `oras push --annotation` writes them; its digest."""
    config = image_config("amd64", config={"Labels": labels or {}})
    for content in (config, b"layer"):
        await factory.blob("ada/app", content)
    document = kit.image_document(b"layer", config=config, annotations=annotations)
    return await factory.manifest("ada/app", document)


async def index(factory: Factory, *images: Sequence[str], annotations: Labels | None = None) -> str:
    """An index of manifests with their platform's architecture; its digest."""
    rows = {row["digest"]: row for row in await fetch("SELECT * FROM manifest")}
    entries = [
        {
            "mediaType": rows[digest]["media_type"] if digest in rows else kit.OCI_MANIFEST,
            "digest": digest,
            "size": rows[digest]["size_bytes"] if digest in rows else 100,
            "platform": {
                "os": "unknown" if architecture == "unknown" else "linux",
                "architecture": architecture,
            },
        }
        for digest, architecture in images
    ]
    document = {"schemaVersion": 2, "mediaType": kit.OCI_INDEX, "manifests": entries}
    return await factory.manifest("ada/app", document | ({"annotations": annotations} if annotations else {}))


async def backdate(by_ms: int) -> None:
    """Let all spans have begun and end so much earlier."""
    await execute(
        "UPDATE tag SET started_at_ms = started_at_ms - ?, ended_at_ms = ended_at_ms - ?", by_ms, by_ms
    )


async def state(name: str = "v1", repository: str = "app") -> tuple[bool, float | None]:
    """The lock of a tag, and its lifetime in hours; None for no end."""
    row = (
        await fetch(
            "SELECT t.* FROM tag t JOIN repository r ON r.id = t.repository_id"
            " WHERE t.name = ? AND r.name = ? AND NOT t.has_ended ORDER BY t.id DESC",
            name,
            repository,
        )
    )[0]
    assert bool(row["is_expiration"]) == (row["ended_at_ms"] is not None)
    hours = None if row["ended_at_ms"] is None else (row["ended_at_ms"] - row["started_at_ms"]) / HOUR_MS
    return bool(row["is_immutable"]), hours


Way = Callable[[Factory, GraphQL, str], Awaitable[Any]]


async def by_push(factory: Factory, ada: GraphQL, digest: str) -> None:
    (row,) = await fetch(
        "SELECT b.body FROM manifest_body b JOIN manifest m ON m.id = b.manifest_id WHERE m.digest = ?",
        digest,
    )
    await factory.manifest("ada/app", json.loads(row["body"]), tag="v1")


async def by_making(factory: Factory, ada: GraphQL, digest: str) -> None:
    await ada.payload(UPDATE, tag="v1", input={"manifestDigest": digest})


async def by_moving(factory: Factory, ada: GraphQL, digest: str) -> None:
    await ada.payload(RESTORE, tag="v1", digest=await image(factory, {}, layer=b"plain"))
    await ada.payload(UPDATE, tag="v1", input={"manifestDigest": digest})


async def by_restoring(factory: Factory, ada: GraphQL, digest: str) -> None:
    await ada.payload(RESTORE, tag="v1", digest=digest)


async def by_a_plan(factory: Factory, ada: GraphQL, digest: str) -> None:
    await ada.payload(RESTORE, tag="v1", digest=await image(factory, {}, layer=b"plain"))
    plan = await planned(ada, "tagsMove", filter={"nameContains": "v1"}, manifestDigest=digest)
    await applied(ada, "tagsMove", plan)


async def by_copying(factory: Factory, ada: GraphQL, digest: str) -> None:
    source = {"repository": "ada/app", "manifestDigest": digest}
    await ada.payload(COPY, **{"from": source}, to=[{"repository": "ada/app", "tag": "v1"}])


WAYS: list[Way] = [by_push, by_making, by_moving, by_restoring, by_a_plan, by_copying]


@pytest.fixture
async def app(factory: Factory, ada: GraphQL) -> None:
    """The empty repository `ada/app`."""
    await factory.repository("ada/app")


@pytest.mark.usefixtures("app")
@pytest.mark.parametrize("way", WAYS)
async def test_every_way_to_point_a_tag_counts(factory: Factory, ada: GraphQL, way: Way) -> None:
    await way(factory, ada, await image(factory, {EXPIRES: "2h"}))
    assert await state() == (False, 2)
    await way(factory, ada, await annotated(factory, {EXPIRES: "3h"}))
    assert await state() == (False, 3)
    one = await image(factory, {EXPIRES: "5h"}, layer=b"one")
    await way(factory, ada, await index(factory, (one, "amd64")))
    assert await state() == (False, 5)
    # A lock is the last, since the tag cannot be set to anything else then.
    await way(factory, ada, await image(factory, BOTH))
    assert await state() == (True, None)


@pytest.mark.usefixtures("app")
async def test_annotations_come_before_labels_and_before_images(factory: Factory, ada: GraphQL) -> None:
    labelled = await image(factory, BOTH)
    cases = {
        "annotation": await annotated(factory, BOTH),
        "other": await annotated(factory, {EXPIRES: "4h", LOCKED: "false"}, labels=BOTH),
        "malformed": await annotated(factory, {EXPIRES: "soon", LOCKED: "no"}, labels=BOTH),
        "one": await annotated(factory, {LOCKED: "no"}, labels={EXPIRES: "5h"}),
        "index": await index(factory, (labelled, "amd64"), annotations={EXPIRES: "6h", LOCKED: "false"}),
        "empty": await index(factory, annotations={EXPIRES: "7h"}),
    }
    for name, digest in cases.items():
        await ada.payload(UPDATE, tag=name, input={"manifestDigest": digest})

    assert {name: await state(name) for name in cases} == {
        "annotation": (True, None),
        "other": (False, 4),
        "malformed": (False, None),
        "one": (False, 5),
        "index": (False, 6),
        "empty": (False, 7),
    }


@pytest.mark.usefixtures("app")
async def test_an_index_asks_for_what_all_its_images_ask_for(factory: Factory, ada: GraphQL) -> None:
    short, long = [await image(factory, {EXPIRES: text}, layer=text.encode()) for text in ("2h", "9h")]
    locked = await image(factory, {LOCKED: "true"})
    plain = await image(factory, {}, layer=b"plain")
    other = factory.with_features("SPARSE_INDEX")
    cases = {
        "all": await index(factory, (short, "amd64"), (long, "arm64")),
        "attested": await index(factory, (short, "amd64"), (plain, "unknown")),
        "some": await index(factory, (short, "amd64"), (plain, "arm64")),
        "locked": await index(factory, (locked, "amd64")),
        "half": await index(factory, (locked, "amd64"), (short, "arm64")),
        "sparse": await index(other, (short, "amd64"), (kit.digest_of(b"absent"), "arm64")),
        "attestations": await index(factory, (short, "unknown")),
    }
    cases["nested"] = await index(factory, (cases["all"], ""), (short, "amd64"))
    for name, digest in cases.items():
        await ada.payload(UPDATE, tag=name, input={"manifestDigest": digest})

    assert {name: await state(name) for name in cases} == {
        "all": (False, 9),
        "attested": (False, 2),
        "some": (False, None),
        "locked": (True, None),
        "half": (False, None),
        "sparse": (False, None),
        "attestations": (False, None),
        "nested": (False, 9),
    }


@pytest.mark.usefixtures("app")
async def test_what_the_caller_gives_wins(factory: Factory, ada: GraphQL) -> None:
    expiring, locked = await image(factory, {EXPIRES: "2h"}), await annotated(factory, {LOCKED: "true"})
    later = iso(now_ms() + 50 * HOUR_MS)
    for name, given in {
        "later": {"manifestDigest": expiring, "expiresAt": later},
        "never": {"manifestDigest": expiring, "expiresAt": None},
        "kept": {"manifestDigest": expiring, "isImmutable": True},
        "instead": {"manifestDigest": locked, "expiresAt": later},
        "locked": {"manifestDigest": locked, "expiresAt": None},
    }.items():
        await ada.payload(UPDATE, tag=name, input=given)
    # A tag that moves to an image that asks for a lock, and shall have none.
    await ada.payload(UPDATE, tag="open", input={"manifestDigest": expiring})
    await ada.payload(UPDATE, tag="open", input={"manifestDigest": locked, "isImmutable": False})

    found = {name: await state(name) for name in ("later", "never", "kept", "instead", "locked", "open")}
    assert found.pop("later")[1] == pytest.approx(50, abs=0.01)
    instead = found.pop("instead")
    assert instead == (False, pytest.approx(50, abs=0.01))
    assert found == {
        "never": (False, None),
        "kept": (True, None),
        "locked": (True, None),
        "open": (False, None),
    }


@pytest.mark.usefixtures("app")
async def test_setting_a_tag_again_to_its_image_counts_from_then(factory: Factory, ada: GraphQL) -> None:
    digest = await image(factory, {EXPIRES: "2h"})
    await ada.payload(UPDATE, tag="v1", input={"manifestDigest": digest})
    await execute(
        "UPDATE tag SET started_at_ms = started_at_ms - ?, ended_at_ms = ended_at_ms - ?", *[HOUR_MS] * 2
    )

    await ada.payload(UPDATE, tag="v1", input={"manifestDigest": digest})

    assert await state() == (False, pytest.approx(3, abs=0.01))


@pytest.mark.usefixtures("app")
async def test_a_rollback_gives_back_what_was_or_asks_the_image(factory: Factory, ada: GraphQL) -> None:
    expiring, plain = await image(factory, {EXPIRES: "2h"}), await image(factory, {}, layer=b"plain")
    for name in ("passed", "coming", "removed"):
        await ada.payload(UPDATE, tag=name, input={"manifestDigest": expiring})
    await ada.payload(UPDATE, tag="removed", input={"expiresAt": None})
    # All of that five hours ago, one hour before a change; one tag had been given a longer life.
    past = 5 * HOUR_MS
    await execute(
        "UPDATE tag SET started_at_ms = started_at_ms - ?, ended_at_ms = ended_at_ms - ?", past, past
    )
    await execute("UPDATE tag SET ended_at_ms = started_at_ms + ? WHERE name = 'coming'", 20 * HOUR_MS)
    await execute("UPDATE tag SET ended_at_ms = started_at_ms + ? WHERE name = 'passed'", 4 * HOUR_MS)
    for name in ("coming", "removed"):
        await ada.payload(UPDATE, tag=name, input={"manifestDigest": plain})

    plan = await planned(ada, "repositoryRollback", to=iso(now_ms() - 4 * HOUR_MS - 60_000))
    await applied(ada, "repositoryRollback", plan)

    found = {name: await state(name) for name in ("passed", "coming", "removed")}
    assert found == {
        "passed": (False, 2),
        "coming": (False, pytest.approx(15, abs=0.01)),
        "removed": (False, None),
    }


@pytest.mark.usefixtures("app")
async def test_signatures_expire_with_a_tag_that_a_plan_moves_to_an_image(
    factory: Factory, ada: GraphQL
) -> None:
    subject = await image(factory, {EXPIRES: "2h"})
    signature = f"{subject.replace(':', '-')}.sig"
    await factory.image("ada/app", b"signature", tag=signature)
    await ada.payload(UPDATE, tag="v1", input={"manifestDigest": await image(factory, {}, layer=b"plain")})

    plan = await planned(ada, "tagsMove", filter={"namePattern": "^v1$"}, manifestDigest=subject)
    await applied(ada, "tagsMove", plan)

    rows = await fetch("SELECT name, ended_at_ms FROM tag WHERE NOT has_ended ORDER BY name DESC")
    assert [row["name"] for row in rows] == ["v1", signature]
    assert len({row["ended_at_ms"] for row in rows}) == 1
    assert await state() == (False, 2)


@pytest.mark.usefixtures("app")
async def test_copies_into_other_repositories_bring_what_is_asked(factory: Factory, ada: GraphQL) -> None:
    await factory.repository("ada/other")
    one = await image(factory, {EXPIRES: "2h"})
    for digest, hours in ((one, 2), (await index(factory, (one, "amd64")), 2)):
        source = {"repository": "ada/app", "manifestDigest": digest}
        await ada.payload(COPY, **{"from": source}, to=[{"repository": "ada/other", "tag": "v1"}])
        assert await state("v1", "other") == (False, hours)


@pytest.mark.usefixtures("app")
async def test_labels_of_the_api_ask_for_nothing(factory: Factory, ada: GraphQL) -> None:
    digest = await image(factory, {})
    await execute(
        "INSERT INTO label (uuid, manifest_id, key, value, media_type, source, created_at_ms)"
        " SELECT 'u', id, ?, '2h', 'text/plain', 'api', 0 FROM manifest",
        EXPIRES,
    )

    await ada.payload(UPDATE, tag="v1", input={"manifestDigest": digest})

    assert await state() == (False, None)
    await ada.payload(DELETE, tag="v1")


async def test_tags_set_and_restored_over_rest_expire(
    factory: Factory, settings_with_files: Settings
) -> None:
    world = World(factory)
    await world.people()
    for prepare in (World.organization, World.repositories, World.images):
        await prepare(world)
    path = f"{ORGANIZATION}/beacon"
    digest = await image(factory, {EXPIRES: "2h"}, path=path)

    async with callers(world, settings_with_files) as caller:
        body = {"manifest_digest": digest}
        made = await caller.ask("maren", "PUT", f"/repository/{path}/tag/made", body)
        restored = await caller.ask("maren", "POST", f"/repository/{path}/tag/restored/restore", body)

    assert [made.status_code, restored.status_code] == [201, 201]
    assert [await state(name, "beacon") for name in ("made", "restored")] == [(False, 2)] * 2
