"""Errors in documents and routes stop the start, with reason and location."""
# ruff: noqa: E501 - A document and the sentence about it are read side by side.

from __future__ import annotations

import dataclasses
import re
from typing import Any

import pytest
from graphql import GraphQLError, Source, print_ast

from rest_compat.chapter import Chapter
from rest_compat.compile import compile_documents
from rest_compat.engine import Engine
from rest_compat.route import Check, Route, Router
from tests.rest_compat import toy, toy_schema


def test_the_executed_document_has_no_client_side_directives(engine: Engine[toy_schema.Context]) -> None:
    assert print_ast(engine.plans["GetRepository"].document) == (
        """\
query GetRepository($repository: RepositoryPath!, $includeTags: Boolean = true) {
  repository(path: $repository) {
    path
    __typename @include(if: $includeTags)
    description
    state
    tags(first: 500, isActive: true) @include(if: $includeTags) {
      nodes {
        name
        notes
      }
    }
    settings {
      email
      quota
    }
    grantees {
      ... on User {
        name
        __typename
      }
      ... on Team {
        title
        __typename_2: __typename
        size
      }
    }
  }
}"""
    )


def test_a_plan_lists_the_directives_and_forms_of_its_document(engine: Engine[toy_schema.Context]) -> None:
    plan = engine.plans["ListTags"]

    assert plan.description == "All tags of a repository, dead ones too."
    assert plan.directives == {"clamp", "as", "body", "spread", "echo", "omitNull", "keyBy"}
    assert plan.forms == {"PAGE", "NAME_FILTER", "EPOCH", "RFC2822", "IEC_BYTES"}


REPOSITORY = "query A($p: RepositoryPath!) { repository(path: $p) @body { %s } }"
TAGS = REPOSITORY % "tags { nodes %s }"


@pytest.mark.parametrize(
    ("document", "sentence"),
    [
        (REPOSITORY % "nothing", "Cannot query field 'nothing' on type 'Repository'."),
        (REPOSITORY % "path @upside", "Unknown directive '@upside'."),
        (REPOSITORY % "path @as(form: ROMAN)", "Value 'ROMAN' does not exist in 'Form' enum."),
        (
            REPOSITORY % "path @as(form: RFC2822)",
            "The form RFC2822 does not write values of type RepositoryPath.",
        ),
        (REPOSITORY % "path @as(form: PAGE)", "The form PAGE does not write values of type RepositoryPath."),
        (REPOSITORY % "path @omitNull", "@omitNull needs a value that may be null."),
        (REPOSITORY % "path @omitFalse", "@omitFalse needs a boolean."),
        (REPOSITORY % 'path @default(value: "")', "@default needs a value that may be null."),
        (REPOSITORY % "path @ifAllowed", "@ifAllowed needs a field that may be null."),
        (REPOSITORY % "path @unwrap", "@unwrap needs an object or a list of objects."),
        (REPOSITORY % "path @spread", "@spread needs an object."),
        (REPOSITORY % 'path @keyBy(field: "a")', "@keyBy needs a list of objects."),
        (REPOSITORY % "path @const(value: 1)", "@const is allowed on __typename only."),
        (REPOSITORY % "path path: description", "The key path is written twice."),
        (REPOSITORY % 'x: __typename @echo(variable: "q")', "@echo names $q, which is not declared."),
        (
            TAGS % '@keyBy(field: "name") { manifest { digest } }',
            "@keyBy names name, which is not a key that every item has.",
        ),
        (TAGS % '@keyBy(field: "n") { n: endedAt }', "@keyBy names n, which is not always text."),
        (
            TAGS % "@unwrap { name startedAt }",
            "@unwrap needs an object with one selected field, always written.",
        ),
        (TAGS % "{ name @body }", "@body is not allowed below a list or in a group."),
        (REPOSITORY % "path @body", "@body is allowed once in a document."),
        (
            "query A($p: RepositoryPath!) { viewer { name } repository(path: $p) @body { path } }",
            "@body allows no other root field.",
        ),
        ("{ viewer { name } }", "A document needs a name."),
        ("query A { viewer { name } } fragment f on User { name }", "The fragment f is not used."),
        ("query A($x: Int) { viewer { name } }", "$x is not used; mark it @ignored if that is meant."),
        (
            "query A($p: RepositoryPath! @ignored) { repository(path: $p) { path } }",
            "$p is marked @ignored but used.",
        ),
        (
            "query A($x: Int @as(form: EPOCH)) { viewer { name } }",
            "The form EPOCH does not read values of type Int.",
        ),
        (
            "query A($x: Role @as(form: PAGE)) { viewer { name } }",
            "The form PAGE does not read values of type Role.",
        ),
        (
            "query A($x: Cursor @as(form: PAGE)) { viewer { name } }",
            "$x is a page number: its field needs the argument `first`.",
        ),
        ("query A($x: String @clamp(min: 1)) { viewer { name } }", "@clamp and @range need a whole number."),
        (
            "query A($x: Int! @nullable) { viewer { name } }",
            "@nullable needs a variable that may be null.",
        ),
        (
            "query A($x: Int! @lenient) { viewer { name } }",
            "@lenient needs a variable that may be omitted.",
        ),
        (
            'mutation A($p: RepositoryPath!) { tagUpdate(repository: $p, name: "a", input: {}) { errors { code message field } } }',
            "A mutation needs exactly one root field, with the alias `result`.",
        ),
        (
            'mutation A($p: RepositoryPath!) { result: tagUpdate(repository: $p, name: "a", input: {}) { errors { code } } }',
            "A mutation must select `errors { code message field }`.",
        ),
    ],
)
def test_a_mistake_in_a_document(document: str, sentence: str) -> None:
    with pytest.raises(GraphQLError) as refused:
        compile_documents(toy_schema.core, [Source(document, "chapter.graphql")])

    assert refused.value.message.startswith(sentence)
    assert refused.value.source is not None
    assert refused.value.source.name == "chapter.graphql"


def with_rows(*routes: Route, documents: str = "query A { viewer @body { name } }") -> Engine[Any]:
    return Engine(
        [Chapter("one", "", routes, documents)],
        toy_schema.core,
        run=toy_schema.run,
        context_for=toy_schema.context_for,
        viewer_of=lambda context: context.viewer,
        code_of=toy_schema.code_of,
        has_csrf_token=lambda _: False,
        cursors=toy.CURSORS,
        features=frozenset(),
        base_url=toy.BASE_URL,
    )


ROW = Route("a", "GET", "/a", document="A")


@pytest.mark.parametrize(
    ("row", "documents", "sentence"),
    [
        (dataclasses.replace(ROW, document=None, operation="b"), None, "b: the document B is missing."),
        (dataclasses.replace(ROW, path="/a/{b}"), None, "a: the document lacks $b, which the path names."),
        (
            dataclasses.replace(ROW, check=Check.ACCESS),
            None,
            "a: ACCESS needs a repository in the path and a repo: scope.",
        ),
        (
            dataclasses.replace(ROW, parts_of="tags"),
            None,
            "a: parts_of needs the parameters limit and next_page.",
        ),
        (
            dataclasses.replace(ROW, method="POST"),
            (
                'mutation A { result: tagUpdate(repository: "a/b", name: "c", input: {}) '
                "{ errors { code message field } } }"
            ),
            "a: needs @body, a constant body or status 204.",
        ),
        (
            dataclasses.replace(ROW, method="POST", body=""),
            (
                'mutation A($x: Int @gives(parameter: "y")) { result: tagUpdate(repository: "a/b", name: "c", '
                "input: {}) { errors { code message field } } }"
            ),
            "a: @gives names $y, which the body lacks.",
        ),
        (ROW, "query A { viewer { name } } query B { viewer { name } }", "The document B has no route."),
        (
            ROW,
            "query A($x: [Int!] @ignored) { viewer { name } }",
            "$x: a list can only be sent in a body.",
        ),
    ],
)
def test_a_route_that_does_not_fit_its_document(row: Route, documents: str | None, sentence: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(sentence)}$"):
        with_rows(row, **({"documents": documents} if documents else {}))


def test_two_routes_for_one_request() -> None:
    with pytest.raises(ValueError, match=r"^b and a are the same request\.$"):
        Router([ROW, dataclasses.replace(ROW, operation="b", path="/a/")])
