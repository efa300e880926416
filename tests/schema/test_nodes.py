"""Objects by their opaque ids, with the same access checks as by path."""

import base64

import pytest

from resolvers.repositories.repository import Visibility
from storage.statements import execute
from tests.factories import Factory
from tests.schema.client import GraphQL

NODE = "query ($id: ID!) { node(id: $id) { __typename id } }"
IDS = """{
  user(username: "ada") { id }
  organization(name: "acme") { id }
  namespace(name: "acme") { id }
  repository(path: "acme/app") { id tag(name: "latest") { id manifest { id } } }
}"""


def identity(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


NO_IDS = [
    "",
    "x",
    "é",
    "\\",
    "AAAA",
    identity("Repository:"),
    identity("Repository:0"),
    identity("Repository:-1"),
    identity("Repository:9223372036854775808"),
    identity("Repository:99999999999999999999999"),
    identity("Tag:424242"),
    identity("Robot:1"),
    identity("Nothing:1"),
    identity("1"),
    "A" * 20_000,
]


@pytest.fixture
async def ids(factory: Factory, ada: GraphQL) -> dict[str, str]:
    """The ids of one object of each type, private where possible."""
    await factory.organization("acme", owner="ada")
    await factory.repository("acme/app", by="ada")
    await factory.image("acme/app", b"layer", tag="latest")
    data = await ada.data(IDS)
    tag = data["repository"]["tag"]
    return {
        "User": data["user"]["id"],
        "Organization": data["organization"]["id"],
        "Namespace": data["namespace"]["id"],
        "Repository": data["repository"]["id"],
        "Tag": tag["id"],
        "Manifest": tag["manifest"]["id"],
    }


async def test_every_id_finds_its_object(ada: GraphQL, ids: dict[str, str]) -> None:
    assert len(set(ids.values())) == 6
    for name, id_ in ids.items():
        assert await ada.data(NODE, id=id_) == {"node": {"__typename": name, "id": id_}}


async def test_outsiders_find_what_is_public_and_nothing_else(
    graphql: GraphQL, factory: Factory, ids: dict[str, str]
) -> None:
    await factory.user("bob")

    for client in (graphql, graphql.with_token(await factory.token("bob"))):
        found = {name for name, id_ in ids.items() if (await client.data(NODE, id=id_))["node"]}
        assert found == {"User", "Organization"}


async def test_a_public_repository_opens_its_tags_and_manifests(
    graphql: GraphQL, factory: Factory, ids: dict[str, str], ada: GraphQL
) -> None:
    await ada.payload(
        """mutation { repositoryVisibilityChange(repository: "acme/app", visibility: PUBLIC) {
          repository { path } errors { code } } }"""
    )

    found = {name for name, id_ in ids.items() if (await graphql.data(NODE, id=id_))["node"]}

    assert found == {"User", "Organization", "Repository", "Tag", "Manifest"}


async def test_deleted_objects_are_not_found(ada: GraphQL, ids: dict[str, str]) -> None:
    await ada.payload('mutation { repositoryDelete(repository: "acme/app") { path errors { code } } }')
    gone = {name for name, id_ in ids.items() if (await ada.data(NODE, id=id_))["node"] is None}
    assert gone == {"Repository", "Tag", "Manifest"}

    await ada.payload('mutation { organizationDelete(organization: "acme") { name errors { code } } }')
    gone = {name for name, id_ in ids.items() if (await ada.data(NODE, id=id_))["node"] is None}
    assert gone == {"Repository", "Tag", "Manifest", "Organization", "Namespace"}


async def test_a_deleted_user_is_not_found(graphql: GraphQL, factory: Factory, ids: dict[str, str]) -> None:
    await execute("UPDATE account SET deleted_at_ms = 1 WHERE name = 'ada'")

    assert await graphql.data(NODE, id=ids["User"]) == {"node": None}


async def test_an_invalid_id_finds_nothing(ada: GraphQL) -> None:
    found = {id_: (await ada.data(NODE, id=id_))["node"] for id_ in NO_IDS}

    assert found == dict.fromkeys(NO_IDS)


async def test_an_id_of_one_type_opens_no_row_of_another(
    factory: Factory, graphql: GraphQL, ada: GraphQL
) -> None:
    await factory.user("bob")
    await factory.repository("ada/one")
    public = await factory.repository("ada/two", visibility=Visibility.PUBLIC)
    await factory.image("ada/one", b"secret", tag="latest")

    for type_name in ("Tag", "Manifest"):
        for number in range(1, 5):
            answer = await graphql.data(NODE, id=identity(f"{type_name}:{number}"))
            assert answer == {"node": None}
    assert (await graphql.data(NODE, id=identity(f"Repository:{public.id}")))["node"] is not None
