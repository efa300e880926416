"""Labels of manifests through GraphQL: imported with images, added, deleted."""

import asyncio
import json

import pytest

from resolvers.access.roles import RepositoryRole
from resolvers.access.scopes import Scope
from resolvers.manifests import label
from storage.statements import count_statements, fetch
from tests.factories import Factory, image_config
from tests.schema.client import GraphQL, Json
from tests.state import dump

LABELS = """
query ($digest: Digest!, $prefix: String, $first: Int! = 50, $after: Cursor) {
  repository(path: "ada/app") { manifest(digest: $digest) {
    labels(prefix: $prefix, first: $first, after: $after) {
      totalCount pageInfo { nextCursor } nodes { uuid key value mediaType source } } } } }
"""
ONE = """
query ($path: RepositoryPath!, $digest: Digest!, $uuid: String!) {
  repository(path: $path) { manifest(digest: $digest) { label(uuid: $uuid) { key } } } }
"""
CREATE = """
mutation ($path: RepositoryPath! = "ada/app", $digest: Digest!, $input: ManifestLabelCreateInput!) {
  manifestLabelCreate(repository: $path, manifest: $digest, input: $input) {
    label { uuid key value mediaType source } errors { code field message } } }
"""
DELETE = """
mutation ($path: RepositoryPath! = "ada/app", $digest: Digest!, $uuid: String!) {
  manifestLabelDelete(repository: $path, manifest: $digest, label: $uuid) {
    uuid errors { code field message } } }
"""
ABSENT = "sha256:" + "0" * 64


async def image(factory: Factory, path: str = "ada/app", *, tag: str = "v1", **labels: object) -> str:
    """An image whose configuration has these labels; its digest."""
    config = image_config("amd64", config={"Labels": {key.replace("_", "."): labels[key] for key in labels}})
    return await factory.image(path, b"layer", tag=tag, config=config)


async def listed(client: GraphQL, digest: str, **variables: object) -> list[Json]:
    """The labels of a manifest, without their ids."""
    found = (await client.data(LABELS, digest=digest, **variables))["repository"]["manifest"]["labels"]
    assert all(len(node.pop("uuid")) == 36 for node in found["nodes"])
    return list(found["nodes"])


async def test_labels_of_an_image_are_imported(factory: Factory, ada: GraphQL) -> None:
    await factory.repository("ada/app")
    digest = await image(
        factory,
        maintainer="ada",
        com_docker_lamp="reserved to others only",
        Odd__key="kept as it is",
        facts='{"a": [1]}',
        broken="{a",
        number="[1",
        many=7,
    )

    assert await listed(ada, digest) == [
        {"key": key, "value": value, "mediaType": media_type, "source": "MANIFEST"}
        for key, value, media_type in (
            ("maintainer", "ada", "text/plain"),
            ("com.docker.lamp", "reserved to others only", "text/plain"),
            ("Odd..key", "kept as it is", "text/plain"),
            ("facts", '{"a": [1]}', "application/json"),
            ("broken", "{a", "text/plain"),
            ("number", "[1", "text/plain"),
        )
    ]


async def test_labels_that_cannot_be_stored_are_skipped(factory: Factory, ada: GraphQL) -> None:
    await factory.repository("ada/app")
    labels = {"": "empty", "k" * 256: "long", "nul": "a\0b", "large": "v" * 65_537, "fits": "v" * 65_536}
    many = {f"k{number}": "" for number in range(1_100)}
    digest = await factory.image(
        "ada/app", b"layer", config=image_config("amd64", config={"Labels": labels | many})
    )

    nodes = await listed(ada, digest, first=2)

    assert [(node["key"], len(node["value"])) for node in nodes] == [("fits", 65_536), ("k0", 0)]
    (counted,) = await fetch("SELECT COUNT(*) AS total FROM label")
    assert counted["total"] == label.MAX_LABELS


async def test_at_most_one_mebibyte_of_labels_is_imported(factory: Factory, ada: GraphQL) -> None:
    await factory.repository("ada/app")
    labels = {f"k{number}": "v" * 65_000 for number in range(17)} | {"last": "short"}
    digest = await factory.image("ada/app", b"layer", config=image_config("amd64", config={"Labels": labels}))

    nodes = await listed(ada, digest)

    # The seventeenth exceeds the limit; shorter ones after it fit.
    assert [node["key"] for node in nodes] == [*(f"k{number}" for number in range(16)), "last"]


async def test_pushing_an_image_again_imports_nothing_twice(factory: Factory, ada: GraphQL) -> None:
    await factory.repository("ada/app")
    for tag in ("v1", "v2"):
        digest = await image(factory, tag=tag, maintainer="ada")

    assert len(await listed(ada, digest)) == 1


async def test_labels_are_added_listed_by_prefix_and_deleted(factory: Factory, ada: GraphQL) -> None:
    await factory.repository("ada/app")
    digest = await image(factory, maintainer="ada")

    made = []
    for key, value, media_type in (
        ("org.example.release", "1.0", "text/plain"),
        ("org.example.release", "1.0", None),
        ("facts", "{bad", "application/json"),
        ("facts", '{"a": 1}', None),
        ("org.exam", "", None),
    ):
        payload = await ada.payload(
            CREATE, digest=digest, input={"key": key, "value": value, "mediaType": media_type}
        )
        made.append(payload["label"])

    assert [(item["key"], item["mediaType"], item["source"]) for item in made] == [
        ("org.example.release", "text/plain", "API"),
        ("org.example.release", "text/plain", "API"),
        ("facts", "application/json", "API"),
        ("facts", "application/json", "API"),
        ("org.exam", "text/plain", "API"),
    ]
    assert [node["key"] for node in await listed(ada, digest, prefix="org.exam")] == [
        "org.example.release",
        "org.example.release",
        "org.exam",
    ]
    assert await listed(ada, digest, prefix="org.e_am") == []
    assert [node["key"] for node in await listed(ada, digest, prefix="MAIN")] == ["maintainer"]

    assert await ada.payload(DELETE, digest=digest, uuid=made[0]["uuid"]) == {
        "uuid": made[0]["uuid"],
        "errors": [],
    }
    assert await ada.payload_error(DELETE, digest=digest, uuid=made[0]["uuid"]) == ("NOT_FOUND", "label")
    assert [node["key"] for node in await listed(ada, digest)] == [
        "maintainer",
        "org.example.release",
        "facts",
        "facts",
        "org.exam",
    ]


async def test_labels_are_paged(factory: Factory, ada: GraphQL) -> None:
    await factory.repository("ada/app")
    digest = await image(factory, a="1", b="2", c="3")
    seen, cursor = [], None

    for _ in range(3):
        page = (await ada.data(LABELS, digest=digest, first=1, after=cursor))["repository"]["manifest"]
        assert page["labels"]["totalCount"] == 3
        seen += [node["key"] for node in page["labels"]["nodes"]]
        cursor = page["labels"]["pageInfo"]["nextCursor"]

    assert (seen, cursor) == (["a", "b", "c"], None)


@pytest.mark.parametrize(
    ("key", "value", "media_type", "field"),
    [
        ("", "v", None, "input.key"),
        ("A", "v", None, "input.key"),
        ("a--b", "v", None, "input.key"),
        ("a.", "v", None, "input.key"),
        ("a\n", "v", None, "input.key"),
        ("ä", "v", None, "input.key"),
        ("k" * 256, "v", None, "input.key"),
        ("com.docker.lamp", "v", None, "input.key"),
        ("quay.expires-after", "2w", "text/plain", "input.key"),
        ("internalised", "v", None, "input.key"),
        ("a", "v", "image/png", "input.mediaType"),
        ("a", "v" * 65_537, None, "input.value"),
    ],
)
async def test_an_invalid_label_is_refused(
    factory: Factory, ada: GraphQL, key: str, value: str, media_type: str | None, field: str
) -> None:
    await factory.repository("ada/app")
    digest = await image(factory, maintainer="ada")
    before = await dump()

    entered = {"key": key, "value": value, "mediaType": media_type}
    assert await ada.payload_error(CREATE, digest=digest, input=entered) == ("INVALID", field)
    assert await dump() == before


async def test_imported_labels_cannot_be_deleted(factory: Factory, ada: GraphQL) -> None:
    await factory.repository("ada/app")
    digest = await image(factory, maintainer="ada")
    (row,) = await fetch("SELECT uuid FROM label")

    payload = (await ada.data(DELETE, digest=digest, uuid=row["uuid"]))["manifestLabelDelete"]

    assert payload["errors"] == [
        {"code": "INVALID", "field": "label", "message": "Cannot delete immutable label"}
    ]
    assert len(await listed(ada, digest)) == 1


async def test_a_manifest_has_a_bounded_number_of_labels(
    factory: Factory, ada: GraphQL, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(label, "MAX_LABELS", 2)
    await factory.repository("ada/app")
    digest = await image(factory, a="1", b="2", c="3")
    entered = {"key": "more", "value": ""}

    for _ in range(2):
        await ada.payload(CREATE, digest=digest, input=entered)

    assert await ada.payload_error(CREATE, digest=digest, input=entered) == ("TOO_MANY", "input.key")
    assert len(await listed(ada, digest)) == 4


async def test_concurrent_writers_respect_the_limit_and_delete_once(
    factory: Factory, ada: GraphQL, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(label, "MAX_LABELS", 3)
    await factory.repository("ada/app")
    digest = await image(factory)
    entered = {"key": "more", "value": ""}

    made = await asyncio.gather(*(ada.data(CREATE, digest=digest, input=entered) for _ in range(8)))

    labels = [payload["manifestLabelCreate"]["label"] for payload in made]
    assert sum(item is not None for item in labels) == len(await listed(ada, digest)) == 3
    uuid = next(item["uuid"] for item in labels if item is not None)

    gone = await asyncio.gather(*(ada.data(DELETE, digest=digest, uuid=uuid) for _ in range(4)))

    deleted = [payload["manifestLabelDelete"]["uuid"] for payload in gone]
    assert sorted(item is None for item in deleted) == [False, True, True, True]
    kept = await fetch("SELECT id FROM event WHERE kind = 'manifest_label_delete'")
    assert len(kept) == 1


async def test_a_label_is_found_through_its_own_manifest_and_repository_alone(
    factory: Factory, ada: GraphQL
) -> None:
    for path in ("ada/app", "ada/other"):
        await factory.repository(path)
    digest = await image(factory, maintainer="ada")
    second = await factory.image("ada/app", b"second")
    await image(factory, "ada/other", maintainer="ada")
    made = (await ada.payload(CREATE, digest=digest, input={"key": "mine", "value": ""}))["label"]["uuid"]

    async def found(path: str, manifest: str) -> Json | None:
        data = await ada.data(ONE, path=path, digest=manifest, uuid=made)
        return data["repository"]["manifest"]["label"]  # type: ignore[no-any-return]

    assert await found("ada/app", digest) == {"key": "mine"}
    assert await found("ada/app", second) is None
    assert await found("ada/other", digest) is None
    before = await dump()
    for path, manifest, field in (
        ("ada/app", second, "label"),
        ("ada/other", digest, "label"),
        ("ada/other", second, "manifest"),
        ("ada/app", ABSENT, "manifest"),
    ):
        refused = await ada.payload_error(DELETE, path=path, digest=manifest, uuid=made)
        assert refused == ("NOT_FOUND", field)
    assert await dump() == before


async def test_adding_and_deleting_labels_requires_write_access(factory: Factory, ada: GraphQL) -> None:
    await factory.repository("ada/app")
    digest = await image(factory, maintainer="ada")
    made = (await ada.payload(CREATE, digest=digest, input={"key": "mine", "value": ""}))["label"]["uuid"]
    for name, role in (("bob", RepositoryRole.READ), ("eve", None)):
        await factory.user(name)
        if role is not None:
            await factory.grant("ada/app", name, role, by="ada")
    callers = {
        ada.with_token(None): "UNAUTHENTICATED",
        ada.with_token(await factory.token("bob")): "FORBIDDEN",
        ada.with_token(await factory.token("eve")): "FORBIDDEN",
        ada.with_token(await factory.token("ada", frozenset({Scope.REPO_READ}))): "FORBIDDEN",
    }
    before = await dump()

    for caller, code in callers.items():
        entered = {"key": "more", "value": ""}
        assert await caller.refusal(CREATE, digest=digest, input=entered) == code
        assert await caller.refusal(DELETE, digest=digest, uuid=made) == code
    after = await dump()
    assert {table for table in before if before[table] != after[table]} <= {"access_token"}


async def test_adding_and_deleting_is_recorded(factory: Factory, ada: GraphQL) -> None:
    await factory.repository("ada/app")
    digest = await image(factory, maintainer="ada")
    made = (await ada.payload(CREATE, digest=digest, input={"key": "lamp", "value": "lit"}))["label"]["uuid"]
    await ada.payload(DELETE, digest=digest, uuid=made)

    rows = await fetch("SELECT kind, metadata FROM event WHERE kind LIKE 'manifest_label%' ORDER BY id")

    found = [
        (row["kind"], json.loads(row["metadata"]) if isinstance(row["metadata"], str) else row["metadata"])
        for row in rows
    ]
    about = {"id": made, "key": "lamp", "value": "lit", "manifest_digest": digest}
    about |= {"namespace": "ada", "repo": "app"}
    added = about | {"media_type": "text/plain"}
    assert [(kind, {key: facts[key] for key in added if key in facts}) for kind, facts in found] == [
        ("manifest_label_add", added),
        ("manifest_label_delete", about),
    ]


async def test_labels_of_many_manifests_take_one_statement(factory: Factory, ada: GraphQL) -> None:
    await factory.repository("ada/app")
    document = """{ repository(path: "ada/app") { manifests(first: 100) { nodes { digest
      labels(first: 5) { nodes { key } } } } } }"""
    costs = []

    for numbers in (range(2), range(2, 20)):
        for number in numbers:
            await image(factory, tag=f"v{number}", number=str(number))
        await ada.data(document)
        with count_statements() as count:
            found = await ada.data(document)
        assert all(node["labels"]["nodes"] for node in found["repository"]["manifests"]["nodes"])
        costs.append(len(count.statements))

    # The token, the repository, the viewer's grants, manifests, labels.
    assert costs == [5, 5]
