"""Global messages: who may write and read them."""

import pytest

from resolvers.access.scopes import Scope
from tests import state
from tests.factories import EVERY_SCOPE, Factory
from tests.schema.client import GraphQL, Json

CREATE = """mutation ($input: GlobalMessageCreateInput!) { globalMessageCreate(input: $input) {
  message { uuid content mediaType severity } errors { code field message } } }"""
DELETE = """mutation ($uuid: String!) { globalMessageDelete(uuid: $uuid) {
  uuid errors { code field message } } }"""
LIST = "{ globalMessages { totalCount nodes { uuid content mediaType severity createdAt } } }"


def message(**changed: str) -> Json:
    return {"content": "The lock is closed.", "mediaType": "text/plain", "severity": "WARNING"} | changed


@pytest.fixture
async def root(graphql: GraphQL, factory: Factory) -> GraphQL:
    await factory.user("root", is_superuser=True)
    return graphql.with_token(await factory.token("root"))


async def test_a_superuser_writes_and_everybody_reads(root: GraphQL) -> None:
    first = (await root.payload(CREATE, input=message()))["message"]
    second = (await root.payload(CREATE, input=message(mediaType="text/markdown", severity="ERROR")))[
        "message"
    ]

    found = (await root.with_token(None).data(LIST))["globalMessages"]
    assert found["totalCount"] == 2
    assert [{key: node[key] for key in first} for node in found["nodes"]] == [first, second]
    assert first == message() | {"uuid": first["uuid"]}

    assert (await root.payload(DELETE, uuid=first["uuid"]))["uuid"] == first["uuid"]
    assert (await root.payload(DELETE, uuid=first["uuid"]))["uuid"] is None
    assert [node["uuid"] for node in (await root.data(LIST))["globalMessages"]["nodes"]] == [second["uuid"]]


async def test_others_are_refused_and_change_nothing(root: GraphQL, ada: GraphQL, factory: Factory) -> None:
    made = (await root.payload(CREATE, input=message()))["message"]
    narrow = root.with_token(await factory.token("root", EVERY_SCOPE - {Scope.SUPER_USER}))
    before = await state.dump()

    for client, code in (
        (ada, "FORBIDDEN"),
        (narrow, "FORBIDDEN"),
        (ada.with_token(None), "UNAUTHENTICATED"),
    ):
        assert await client.refusal(CREATE, input=message()) == code
        assert await client.refusal(DELETE, uuid=made["uuid"]) == code

    assert await state.dump() == before


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"content": ""}, "input.content"),
        ({"content": " \n"}, "input.content"),
        ({"content": "x" * 10_001}, "input.content"),
        ({"mediaType": "text/html"}, "input.mediaType"),
    ],
)
async def test_an_invalid_message_is_refused(root: GraphQL, changed: Json, field: str) -> None:
    before = await state.dump()

    assert await root.payload_error(CREATE, input=message(**changed)) == ("INVALID", field)

    assert await state.dump() == before
