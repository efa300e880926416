"""Limits on what one request reads and on the size of its response, for any pushed content."""

import json

import pytest

from resolvers.manifests import content as manifest_content
from tests.factories import Factory, add_tags
from tests.quayside.registry import kit
from tests.schema.client import GraphQL, Json

INDEXES = (
    """{ repository(path: "ada/app") { manifests { nodes { digest index { children { digest } } } } } }"""
)
TAGGED = """{ repository(path: "ada/app") { tags(first: 60) { nodes { manifest { %s } } } } }"""


@pytest.fixture
async def ada(factory: Factory, graphql: GraphQL) -> GraphQL:
    await factory.user("ada")
    await factory.repository("ada/app")
    return graphql.with_token(await factory.token("ada"))


async def pushed_index(factory: Factory, children: list[bytes], tag: str | None = None) -> bytes:
    """An index in `ada/app`; its document."""
    document = kit.index_document(*children)
    await factory.manifest("ada/app", document, tag=tag)
    return kit.encode(document)


async def given_up(client: GraphQL, document: str) -> Json:
    """The extensions of the only error of an answer without data."""
    answer = await client.answer(document)
    assert answer["data"] is None
    (error,) = answer["errors"]
    found: Json = error["extensions"]
    return found


async def test_nested_indexes_cannot_make_a_huge_response(factory: Factory, ada: GraphQL) -> None:
    await factory.image("ada/app", b"layer")
    inner = await pushed_index(factory, [kit.encode(kit.image_document(b"layer"))] * 1_000)
    await pushed_index(factory, [inner] * 1_000, "outer")
    document = (
        '{ repository(path: "ada/app") { tag(name: "outer") { manifest { index { children {%s} } } } } }'
    )

    refused = await given_up(ada, document % "manifest { index { children { digest sizeBytes } } }")
    plain = await ada.data(document % "digest")

    assert refused == {"code": "TOO_COMPLEX", "limit": "values", "maximum": 250_000}
    assert len(plain["repository"]["tag"]["manifest"]["index"]["children"]) == 1_000


@pytest.mark.parametrize("field", ["document", "config", "annotations { value }"])
async def test_a_repeated_long_text_cannot_make_a_huge_response(
    factory: Factory, ada: GraphQL, field: str
) -> None:
    text = "x" * 1_500_000
    config = json.dumps({"architecture": "amd64", "comment": text}).encode()
    await factory.blob("ada/app", config)
    document = kit.image_document(config=config, annotations={"note": text})
    await add_tags(await factory.manifest("ada/app", document), (f"t{number}" for number in range(60)))

    refused = await given_up(ada, TAGGED % field)

    assert refused == {"code": "TOO_COMPLEX", "limit": "text", "maximum": 64 * 1024 * 1024}


async def test_a_request_reads_a_bounded_number_of_entries(
    factory: Factory, ada: GraphQL, monkeypatch: pytest.MonkeyPatch
) -> None:
    await factory.image("ada/app", b"layer")
    child = kit.encode(kit.image_document(b"layer"))
    first, second = [kit.digest_of(await pushed_index(factory, [child] * count)) for count in (3, 2)]
    monkeypatch.setattr(manifest_content, "ENTRIES_LIMIT", 5)
    enough = await ada.data(INDEXES)
    monkeypatch.setattr(manifest_content, "ENTRIES_LIMIT", 4)

    refused = await ada.answer(INDEXES)

    counts = {
        node["digest"]: len(node["index"]["children"])
        for node in enough["repository"]["manifests"]["nodes"]
        if node["index"]
    }
    assert counts == {first: 3, second: 2}
    (error,) = refused["errors"]
    assert error["extensions"]["code"] == "BAD_REQUEST"
    # What fits is in the answer.
    shown = [node["index"] for node in refused["data"]["repository"]["manifests"]["nodes"]]
    assert [len(index["children"]) for index in shown if index] == [3]


async def test_a_request_reads_a_bounded_amount_of_annotations(
    factory: Factory, ada: GraphQL, monkeypatch: pytest.MonkeyPatch
) -> None:
    await factory.blob("ada/app", kit.CONFIG)
    documents = [kit.image_document(annotations={"note": one}) for one in ("a", "b")]
    for one in (*documents, kit.image_document()):
        await factory.manifest("ada/app", one)
    query = """{ repository(path: "ada/app") { manifests { nodes { annotations { key value } } } } }"""
    size = sum(len(kit.encode(one)) for one in documents)
    monkeypatch.setattr(manifest_content, "REQUEST_LIMIT", size)
    enough = await ada.data(query)
    monkeypatch.setattr(manifest_content, "REQUEST_LIMIT", size - 1)

    refused = await ada.answer(query)

    assert [node["annotations"] for node in enough["repository"]["manifests"]["nodes"]] == [
        [],
        [{"key": "note", "value": "b"}],
        [{"key": "note", "value": "a"}],
    ]
    (error,) = refused["errors"]
    assert error["extensions"]["code"] == "BAD_REQUEST"
    # What fits is in the answer.
    shown = [node["annotations"] for node in refused["data"]["repository"]["manifests"]["nodes"]]
    assert shown == [[], [{"key": "note", "value": "b"}], None]
