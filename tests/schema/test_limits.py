"""The cost of queries, and the limits on it."""

import re
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
from graphql import GraphQLError, GraphQLSyntaxError, build_schema, get_introspection_query, validate

from schema.limits import Cost, CostCalculator, Limits, check, measure, parse
from schema.validation import VALIDATION_RULES

SCHEMA = build_schema(
    """
    type Query {
      viewer: User
      users(first: Int, after: String): UserConnection!
      repositories(first: Int = 20): RepositoryConnection!
      nodes(ids: [ID!]!): [Node]!
      search(filter: Filter): String
    }
    type Mutation { tag(names: [String!]!, labels: JSON): [Repository!]! }
    interface Node { id: ID! }
    type User implements Node {
      id: ID!
      name: String!
      friend: User
      enemy: User
      repositories(first: Int): RepositoryConnection!
    }
    type Repository implements Node { id: ID!, name: String!, owner: User!, tags(first: Int): TagConnection! }
    type Tag { name: String! }
    type UserConnection { nodes: [User!]!, edges: [UserEdge!]!, totalCount: Int! }
    type UserEdge { node: User!, cursor: String! }
    type RepositoryConnection { nodes: [Repository!]! }
    type TagConnection { nodes: [Tag!]! }
    input Filter { names: [String!], within: [Filter!], labels: JSON }
    scalar JSON
    """
)


def cost_of(text: str, *, variables: dict[str, Any] | None = None, operation_name: str | None = None) -> Cost:
    document = parse(text, Limits())
    assert validate(SCHEMA, document, VALIDATION_RULES) == []
    return measure(document, variables=variables or {}, operation_name=operation_name, schema=SCHEMA)


def refused(
    text: str, *, variables: dict[str, Any] | None = None, limits: Limits | None = None
) -> GraphQLError:
    document = parse(text, Limits())
    assert validate(SCHEMA, document, VALIDATION_RULES) == []
    with pytest.raises(GraphQLError) as caught:
        check(
            document, variables=variables or {}, operation_name=None, schema=SCHEMA, limits=limits or Limits()
        )
    return caught.value


def test_a_plain_query_costs_no_nodes() -> None:
    assert cost_of("{ viewer { name friend { name } } }") == Cost(depth=3, fields=4)


@pytest.mark.parametrize(
    ("text", "variables", "nodes"),
    [
        ("{ users(first: 7) { nodes { name } } }", {}, 7),
        ("{ users { nodes { name } } }", {}, 50),
        ("{ users(first: null) { nodes { name } } }", {}, 50),
        ("{ repositories { nodes { name } } }", {}, 20),
        ("{ users(first: -5) { nodes { name } } }", {}, 0),
        ("query ($n: Int) { users(first: $n) { nodes { name } } }", {"n": 6}, 6),
        ("query ($n: Int) { users(first: $n) { nodes { name } } }", {"n": 6.0}, 6),
        ("query ($n: Int) { users(first: $n) { nodes { name } } }", {"n": None}, 50),
        ("query ($n: Int) { users(first: $n) { nodes { name } } }", {}, 50),
        ("query ($n: Int = 4) { users(first: $n) { nodes { name } } }", {}, 4),
        ("query ($n: Int = 4) { users(first: $n) { nodes { name } } }", {"n": 5}, 5),
        (
            '{ nodes(ids: ["a", "b", "c"]) { id ... on User { repositories(first: 10) { nodes { id } } } } }',
            {},
            33,
        ),
        ("query ($ids: [ID!]!) { nodes(ids: $ids) { id } }", {"ids": ["a", "b"]}, 2),
        ("query ($ids: [ID!]!) { nodes(ids: $ids) { id } }", {"ids": "a"}, 1),
        ('{ nodes(ids: "a") { id } }', {}, 1),
    ],
)
def test_rows_are_counted_as_the_request_asks(text: str, variables: dict[str, Any], nodes: int) -> None:
    assert cost_of(text, variables=variables).nodes == nodes


def test_nested_connections_multiply() -> None:
    repositories = "repositories(first: 5) { nodes { tags(first: 2) { nodes { name } } } }"
    text = f"{{ users(first: 10) {{ edges {{ node {{ {repositories} }} }} }} }}"
    # 10 users, 50 repositories, 100 tags
    assert cost_of(text).nodes == 160


def test_connections_beside_each_other_add_up() -> None:
    text = "{ a: users(first: 10) { totalCount } b: users(first: 20) { totalCount } }"
    assert cost_of(text) == Cost(nodes=30, depth=2, aliases=2, fields=4, first=20)


def test_only_the_named_operation_counts() -> None:
    text = "query Small { viewer { name } } query Large { users(first: 99) { nodes { name } } }"
    assert cost_of(text, operation_name="Small").nodes == 0
    assert cost_of(text, operation_name="Large").nodes == 99


def test_a_document_without_the_named_operation_is_refused() -> None:
    with pytest.raises(GraphQLError, match="The operation to run is not determined"):
        cost_of("query A { viewer { name } } query B { viewer { name } }")


def test_fragments_count_at_each_spread() -> None:
    text = """
      { viewer { ...Who friend { ...Who } ... on Node { id } ... { name } } }
      fragment Who on User { alias: name repositories(first: 3) { nodes { name } } }
    """
    assert cost_of(text) == Cost(nodes=6, depth=5, aliases=2, fields=12, first=3)


def test_fragments_that_double_each_other_are_measured_in_one_pass() -> None:
    # Expanded, this document has 2**60 fields: only a walk that visits each fragment once ends.
    doubling = [
        f"fragment F{i} on User {{ friend {{ ...F{i + 1} }} enemy {{ ...F{i + 1} }} }}" for i in range(60)
    ]
    text = "{ viewer { ...F0 } } fragment F60 on User { name } " + " ".join(doubling)
    cost = cost_of(text)
    assert cost.fields == 2**60 + 2 * (2**60 - 1) + 1
    assert cost.depth == 62


def test_introspection_is_free_of_depth_and_nodes() -> None:
    cost = cost_of(get_introspection_query(input_value_deprecation=True))
    assert (cost.nodes, cost.depth, cost.aliases) == (0, 0, 0)
    assert cost_of("{ __typename }") == Cost(fields=1)


def test_aliases_within_introspection_count() -> None:
    assert cost_of("{ __schema { types { a: name b: name } } }").aliases == 2


def test_lists_given_as_input_are_measured_wherever_they_stand() -> None:
    assert cost_of('{ search(filter: {within: [{names: ["a", "b", "c"]}]}) }').list_items == 3
    text = "query ($filter: Filter) { search(filter: $filter) }"
    assert cost_of(text, variables={"filter": {"within": [{"names": ["a"] * 4}]}}).list_items == 4
    assert cost_of(text, variables={"filter": {"labels": ["a"] * 400}}).list_items == 0


@pytest.mark.parametrize(
    ("text", "variables", "limit", "maximum", "value"),
    [
        ("{ viewer " + "{ friend " * 12 + "{ name }" + " }" * 12 + " }", {}, "depth", 12, 14),
        ("{ " + " ".join(f"a{i}: __typename" for i in range(31)) + " }", {}, "aliases", 30, 31),
        ("query ($n: Int) { users(first: $n) { totalCount } }", {"n": 101}, "first", 100, 101),
        (
            "{ users(first: 100) { nodes { repositories(first: 100) { nodes { name } } } } }",
            {},
            "nodes",
            10_000,
            10_100,
        ),
        (
            "mutation ($names: [String!]!) { tag(names: $names) { name } }",
            {"names": ["x"] * 101},
            "list_items",
            100,
            101,
        ),
    ],
)
def test_a_refusal_names_the_limit_and_the_value(
    text: str, variables: dict[str, Any], limit: str, maximum: int, value: int
) -> None:
    error = refused(text, variables=variables)
    assert error.message.startswith(f"{limit} is {value}, over the limit of {maximum}.")
    assert error.extensions is not None
    told = {name: told for name, told in error.extensions.items() if name != "connection"}
    assert told == {"code": "TOO_COMPLEX", "limit": limit, "maximum": maximum, "value": value}
    assert ("connection" in error.extensions) == (limit in {"nodes", "first"})


@pytest.mark.parametrize(
    ("text", "variables", "connection", "advice"),
    [
        (
            "{ users(first: 101) { nodes { name } } }",
            {},
            "users",
            "first is 101, over the limit of 100. `users` takes 101.",
        ),
        (
            (
                "{ few: users(first: 2) { nodes { name } } users(first: 100) { nodes { ...More } } }"
                " fragment More on User { name them: repositories(first: 100) { nodes { id } } }"
            ),
            {},
            "users.nodes.them",
            "nodes is 10102, over the limit of 10000. `users` takes 100, `them` takes 100.",
        ),
        (
            (
                "query ($n: Int) { users(first: $n) { nodes {"
                " repositories { nodes { tags(first: 9) { nodes { name } } } } } } }"
            ),
            {},
            "users.nodes.repositories.nodes.tags",
            (
                "nodes is 25050, over the limit of 10000. `users` takes 50 since `first` is not given,"
                " `repositories` takes 50 since `first` is not given, `tags` takes 9."
            ),
        ),
    ],
)
def test_a_refusal_names_the_connection_and_the_silent_page(
    text: str, variables: dict[str, Any], connection: str, advice: str
) -> None:
    error = refused(text, variables=variables)

    assert error.extensions is not None
    assert (error.extensions["connection"], error.message) == (connection, advice)


def test_a_refusal_costs_no_more_than_the_document_has_fields(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = 0
    field = CostCalculator.field

    def counted(*arguments: Any) -> Cost:
        nonlocal asked
        asked += 1
        return field(*arguments)

    monkeypatch.setattr(CostCalculator, "field", counted)
    opening, leaves = "repositories { nodes { owner {", " name" * 500
    refused(f"{{ viewer {{ {opening * 30} {leaves} {'} } }' * 30} }} }}")

    assert asked == 1 + 3 * 30 + 500


def test_fields_multiplied_by_fragments_are_refused() -> None:
    doubling = [
        f"fragment F{i} on User {{ friend {{ ...F{i + 1} }} enemy {{ ...F{i + 1} }} }}" for i in range(9)
    ]
    text = (
        "{ viewer { ...F0 } } fragment F9 on User { name id friend { name id } enemy { name id } } "
        + " ".join(doubling)
    )
    assert refused(text).extensions == {
        "code": "TOO_COMPLEX",
        "limit": "fields",
        "maximum": 5000,
        "value": 5119,
    }


def test_a_request_at_every_limit_passes() -> None:
    nested = "{ viewer " + "{ friend " * 10 + "{ name }" + " }" * 10 + " "
    text = nested + " ".join(f"a{i}: __typename" for i in range(30)) + " users(first: 100) { totalCount } }"
    document = parse(text, Limits())
    limits = Limits(nodes=100)
    cost = check(document, variables={}, operation_name=None, schema=SCHEMA, limits=limits)
    assert cost == Cost(nodes=100, depth=12, aliases=30, fields=44, first=100)


def test_a_document_of_too_many_tokens_is_refused_before_it_is_parsed() -> None:
    # given: 5,000 tokens, braces included
    allowed = "{ " + "id " * 4998 + "}"
    assert len(parse(allowed, Limits()).definitions) == 1
    # when it grows by one
    with pytest.raises(GraphQLError) as caught:
        parse("{ id " + allowed[2:], Limits())
    # then
    assert caught.value.message == "The document has more than 5000 tokens."
    assert caught.value.extensions == {"code": "TOO_COMPLEX", "limit": "tokens", "maximum": 5000}


def test_a_document_of_too_many_comments_is_refused() -> None:
    with pytest.raises(GraphQLError) as caught:
        parse("#\n" * 1001 + "{ id }", Limits())
    assert caught.value.extensions == {"code": "TOO_COMPLEX", "limit": "comments", "maximum": 1000}


def test_a_document_that_does_not_parse_stays_a_syntax_error() -> None:
    with pytest.raises(GraphQLSyntaxError, match="Syntax Error: Expected Name, found <EOF>"):
        parse("{", Limits())


def test_equal_fields_are_merged_however_many_there_are() -> None:
    document = parse("{" + "viewer { name } " * 1200 + "}", Limits())
    assert validate(SCHEMA, document, VALIDATION_RULES) == []


def test_the_documentation_states_every_limit() -> None:
    text = (Path(__file__).parents[2] / "docs" / "graphql.md").read_text(encoding="utf-8")
    stated = {
        name: int(maximum.replace(",", ""))
        for name, maximum in re.findall(r"^\| `(\w+)` \| ([\d,]+) \|", text, re.MULTILINE)
    }
    assert stated == asdict(Limits())
