"""Guarded types: what a viewer learns of an object that they can name but not see, field by field."""

from typing import Any

import pytest
from graphql import GraphQLObjectType, get_named_type, is_leaf_type, is_required_argument

from resolvers.access.roles import RepositoryRole, TeamRole
from resolvers.access.scopes import Scope
from resolvers.accounts.grantee import GranteeKind
from schema import schema
from tests.factories import Factory
from tests.schema.client import GraphQL

GRAPH = schema._schema

OPEN = {
    "Repository": {
        "id",
        "isInOrganization",
        "isPublic",
        "name",
        "namespace",
        "namespaceKind",
        "path",
        "viewerCanAdminister",
        "viewerCanWrite",
        "viewerRole",
        "visibility",
    },
    "Team": {
        "avatar",
        "id",
        "name",
        "organization",
        "viewerCanAdminister",
        "viewerCanView",
        "webPath",
    },
    "Robot": {"avatar", "id", "name", "shortName", "webPath"},
}
"""What can be learnt of an object by its name alone, and nothing else."""

NULL = {"viewerRole"}
"""What is open, and null for want of a role."""

SILENT = {
    "Robot": {
        "access",
        "description",
        "federation",
        "isMemberOf",
        "lastAccessedAt",
        "token",
        "unstructuredMetadata",
    }
}
"""What is null for strangers; everything else is refused."""

UNSEEN = {
    # A token of org:admin sees which repositories a team has a role on, and nothing of these.
    "Repository": """{ organization(name: "acme") { team(name: "crew") { permissions { nodes {
        found: repository { %s } } } } } }""",
    # The administrator of a repository sees which teams and robots have a role on it.
    "Team": """{ repository(path: "acme/app") { permissions(granteeKind: TEAM) { nodes {
        found: grantee { ... on Team { %s } } } } } }""",
    "Robot": """{ repository(path: "acme/app") { permission(grantee: { kind: USER, name: "acme+bot" }) {
        found: grantee { ... on Robot { %s } } } } }""",
}

ARGUMENTS = {
    "String!": '"latest"',
    "Digest!": f'"sha256:{"0" * 64}"',
    "DateTime!": '"2026-01-01T00:00:00Z"',
    "ID!": '"x"',
    "GranteeInput!": '{ kind: USER, name: "keeper" }',
}


def selection(type_name: str, name: str) -> str:
    """A field with its required arguments, and what it takes of its subfields."""
    type_ = GRAPH.type_map[type_name]
    assert isinstance(type_, GraphQLObjectType)
    field = type_.fields[name]
    given = ", ".join(
        f"{argument}: {ARGUMENTS[str(one.type)]}"
        for argument, one in field.args.items()
        if is_required_argument(one)
    )
    below = "" if is_leaf_type(get_named_type(field.type)) else " { __typename }"
    return f"value: {name}{f'({given})' if given else ''}{below}"


def found(node: Any) -> Any:
    """The value under the alias `value`, wherever it is in an answer."""
    if isinstance(node, dict):
        return node["value"] if "value" in node else next(map(found, node.values()))
    return found(node[0])


@pytest.fixture
async def strangers(factory: Factory, ada: GraphQL) -> dict[str, GraphQL]:
    """For each type the client that can name its object; `ada` owns all of them, and sees them."""
    await factory.user("keeper")
    await factory.organization("acme", owner="ada")
    await factory.robot("acme+bot", by="ada")
    await factory.repository("acme/app", by="ada")
    await factory.image("acme/app", b"layer", tag="latest")
    await factory.team("acme", "crew", TeamRole.MEMBER)
    for name, kind in (("crew", GranteeKind.TEAM), ("acme+bot", GranteeKind.USER)):
        await factory.grant("acme/app", name, RepositoryRole.READ, kind=kind, by="ada")
    await factory.grant("acme/app", "keeper", RepositoryRole.ADMIN, by="ada")
    keeper = ada.with_token(await factory.token("keeper"))
    organizer = ada.with_token(await factory.token("ada", frozenset({Scope.ORG_ADMIN})))
    return {"Repository": organizer, "Team": keeper, "Robot": keeper}


@pytest.mark.parametrize("type_name", OPEN)
async def test_a_stranger_learns_what_is_open_and_nothing_else(
    ada: GraphQL, strangers: dict[str, GraphQL], type_name: str
) -> None:
    names = GRAPH.type_map[type_name].fields  # type: ignore[attr-defined]
    learnt, silent = set(), set()
    for name in names:
        document = UNSEEN[type_name] % selection(type_name, name)
        assert "errors" not in await ada.answer(document), name

        answer = await strangers[type_name].answer(document)

        codes = {error["extensions"]["code"] for error in answer.get("errors", [])}
        assert codes <= {"FORBIDDEN"}
        if codes:
            assert found(answer["data"]) is None, name
        elif found(answer["data"]) is None:
            silent.add(name)
        else:
            learnt.add(name)

    assert learnt == OPEN[type_name] - NULL
    assert silent - NULL == SILENT.get(type_name, set())


async def test_a_refused_mutation_leaves_the_payloads_of_the_others(
    factory: Factory, ada: GraphQL, strangers: dict[str, GraphQL]
) -> None:
    await factory.repository("acme/closed", by="ada")

    answer = await strangers["Team"].answer("""mutation {
      done: repositoryUpdate(repository: "acme/app", input: { description: "new" }) {
        repository { description } errors { code } }
      refused: repositoryUpdate(repository: "acme/closed", input: { description: "new" }) { errors { code } }
      after: repositoryUpdate(repository: "acme/app", input: { description: "newer" }) {
        repository { description } errors { code } }
    }""")

    assert answer["data"] == {
        "done": {"repository": {"description": "new"}, "errors": []},
        "refused": None,
        "after": {"repository": {"description": "newer"}, "errors": []},
    }
    ((path, code),) = [(error["path"], error["extensions"]["code"]) for error in answer["errors"]]
    assert (path, code) == (["refused"], "FORBIDDEN")


async def test_refused_lists_leave_the_repository(factory: Factory, ada: GraphQL) -> None:
    await factory.user("reader")
    await factory.repository("ada/app")
    await factory.image("ada/app", b"layer", tag="latest")
    await factory.grant("ada/app", "reader", RepositoryRole.READ, by="ada")
    reader = ada.with_token(await factory.token("reader"))

    answer = await reader.answer("""{ repository(path: "ada/app") {
      path
      permissions { totalCount } access { totalCount } immutabilityPolicies { totalCount }
      prunePolicies { totalCount }
      tags { nodes { name } }
      bad: tags(after: "x") { nodes { name } } } }""")

    assert answer["data"]["repository"] == {
        "path": "ada/app",
        "permissions": None,
        "access": None,
        "immutabilityPolicies": None,
        "prunePolicies": None,
        "tags": {"nodes": [{"name": "latest"}]},
        "bad": None,
    }
    codes = {error["path"][1]: error["extensions"]["code"] for error in answer["errors"]}
    assert codes == {
        "permissions": "FORBIDDEN",
        "access": "FORBIDDEN",
        "immutabilityPolicies": "FORBIDDEN",
        "prunePolicies": "FORBIDDEN",
        "bad": "BAD_REQUEST",
    }
