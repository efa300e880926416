"""Answers: each directive and form, over HTTP."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from rest_compat.answer_type import describe, type_mismatch
from rest_compat.engine import Engine
from tests.rest_compat import toy_schema

V1 = {
    "name": "v1",
    "start_ts": 1730808001,
    "last_modified": "Tue, 05 Nov 2024 12:00:01 -0000",
    "end_ts": 1730894401,
    "manifest_digest": "sha256:v1",
    "size": "2.9 KiB",
    "presence": {"sha256:c": True},
}
V2 = {key: value for key, value in V1.items() if key != "end_ts"} | {
    "name": "v2",
    "manifest_digest": "sha256:v2",
}
V3 = {
    "name": "v3",
    "start_ts": 1730808001,
    "last_modified": "Tue, 05 Nov 2024 12:00:01 -0000",
}


async def test_the_answer_is_compact_json_with_a_newline(alice: httpx.AsyncClient) -> None:
    answer = await alice.get("/api/v1/user/")

    assert answer.status_code == 200
    assert answer.content == b'{"me":{"name":"alice"}}\n'
    assert answer.headers["content-type"] == "application/json"


async def test_a_page_of_tags(alice: httpx.AsyncClient) -> None:
    answer = await alice.get("/api/v1/repository/acme/app/tag/")

    assert answer.json() == {"tags": [V1, V2], "page": 1, "has_additional": True}


async def test_the_second_page_holds_the_rest(alice: httpx.AsyncClient) -> None:
    answer = await alice.get("/api/v1/repository/acme/app/tag/?page=2")

    assert answer.json() == {"tags": [V3], "page": 2, "has_additional": False}


@pytest.mark.parametrize(
    ("query", "names", "page"),
    [
        ("limit=1&page=3", ["v3"], 3),
        ("limit=0&page=2", ["v2"], 2),
        ("limit=1000", ["v1", "v2"], 1),
        ("page=0", ["v1", "v2"], 1),
        ("page=", ["v1", "v2"], 1),
        ("page=1000000000000000000", [], 10**18),
        ("filter=eq:v2", ["v2"], 1),
        ("filter=like:2", ["v2"], 1),
        ("filter=odd:2", ["v1", "v2"], 1),
        ("active=true", ["v2", "v3"], 1),
        ("active=False", ["v1", "v2"], 1),
        ("active=", ["v1", "v2"], 1),
        ("active=no", ["v2", "v3"], 1),
        ("active=true&active=false", ["v2", "v3"], 1),
        ("unknown=1", ["v1", "v2"], 1),
    ],
)
async def test_query_values(alice: httpx.AsyncClient, query: str, names: list[str], page: int) -> None:
    answer = (await alice.get(f"/api/v1/repository/acme/app/tag?{query}")).json()

    assert ([tag["name"] for tag in answer["tags"]], answer["page"]) == (names, page)


async def test_a_token_leads_to_the_next_page(alice: httpx.AsyncClient) -> None:
    first = (await alice.get("/api/v1/repository/acme/app/tokens")).json()
    second = (await alice.get("/api/v1/repository/acme/app/tokens", params=first)).json()

    assert first == {"names": ["v1", "v2"], "next_page": "skip:2"}
    assert second == {"names": ["v3"]}


async def test_an_unreadable_token_means_the_first_page(alice: httpx.AsyncClient) -> None:
    answer = await alice.get("/api/v1/repository/acme/app/tokens?next_page=garbage")

    assert answer.json()["names"] == ["v1", "v2"]


MEMBERS = [{"name": "bob", "kind": "user"}, {"name": "dev", "kind": "team", "facts": {"size": 3}}]
TAGS = {"v2": {"name": "v2", "notes": {"kept": ["v2"]}}, "v3": {"name": "v3", "notes": {"kept": ["v3"]}}}


async def test_maps_constants_groups_and_unions(alice: httpx.AsyncClient) -> None:
    answer = await alice.get("/api/v1/repository/acme/frozen")

    assert answer.json() == {
        "path": "acme/frozen",
        "kind": "image",
        "notice": "tags",
        "description": "",
        "state": "read-only",
        "tags": TAGS,
        "email": "alice@example.com",
        "quotas": [],
        "members": MEMBERS,
    }


async def test_a_flag_leaves_keys_out(alice: httpx.AsyncClient) -> None:
    answer = await alice.get("/api/v1/repository/acme/app?includeTags=false&extra=nothing")

    assert answer.json() == {
        "path": "acme/app",
        "kind": "image",
        "description": "An app",
        "state": "normal",
        "email": "alice@example.com",
        "quotas": [],
        "members": MEMBERS,
    }


async def test_a_denied_part_is_left_out(bob: httpx.AsyncClient) -> None:
    answer = await bob.get("/api/v1/repository/acme/app?includeTags=0")

    assert answer.json() == {
        "path": "acme/app",
        "kind": "image",
        "description": "An app",
        "state": "normal",
        "email": "",
        "members": MEMBERS,
    }


async def test_null_may_have_its_own_answer(alice: httpx.AsyncClient) -> None:
    answer = await alice.get("/api/v1/repository/acme/nothing")

    assert (answer.status_code, answer.json()) == (200, {"gone": True})


async def test_null_is_not_found(alice: httpx.AsyncClient) -> None:
    answer = await alice.get("/api/v1/repository/acme/nothing/tag/")

    assert answer.status_code == 404
    assert answer.json()["detail"] == "Not Found"


async def test_every_answer_fits_the_type_that_was_derived(
    engine: Engine[toy_schema.Context], alice: httpx.AsyncClient, bob: httpx.AsyncClient
) -> None:
    asked = {
        "ListTags": "/repository/acme/app/tag?limit=2",
        "TokenTags": "/repository/acme/app/tokens",
        "GetRepository": "/repository/acme/frozen",
        "Viewer": "/user/",
    }
    for client in (alice, bob):
        for document, path in asked.items():
            answer = (await client.get(f"/api/v1{path}")).json()
            derived = engine.plans[document].answer
            assert derived is not None
            assert type_mismatch(derived, answer) is None


def test_answer_types_are_derived_from_schema_and_document(engine: Engine[toy_schema.Context]) -> None:
    def derived(document: str) -> Any:
        answer = engine.plans[document].answer
        return None if answer is None else describe(answer)

    assert derived("ListTags") == {
        "tags": [
            {
                "name": "string",
                "start_ts": "integer",
                "last_modified": "string",
                "end_ts?": "integer",
                "manifest_digest?": "string",
                "size?": "string?",
                "presence?": {"*": "boolean"},
            }
        ],
        "page": "integer",
        "has_additional": "boolean",
    }
    assert derived("GetRepository") == {
        "path": "string",
        "kind": "string",
        "notice?": "string",
        "description": "string",
        "state": "string",
        "tags?": {"*": {"name": "string", "notes": "any"}},
        "email": "string",
        "quotas?": ["integer"],
        "members": [{"name": "string", "kind": "string", "facts?": {"size": "integer"}}],
    }
    assert derived("Viewer") == {"me": {"name": "string"}}
    assert derived("DeleteTag") is None


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ({"me": {"name": 1}}, "answer.me.name is not of kind string."),
        ({"me": {"name": None}}, "answer.me.name is null."),
        ({"me": {}}, "answer.me lacks the key name."),
        ({"me": {"name": "a"}, "you": 1}, "answer has the unknown key you."),
        ([], "answer is not of kind object."),
    ],
)
def test_a_type_mismatch_is_described(engine: Engine[toy_schema.Context], answer: Any, reason: str) -> None:
    derived = engine.plans["Viewer"].answer
    assert derived is not None
    assert type_mismatch(derived, answer) == reason


@pytest.mark.parametrize(
    ("query", "answer"),
    [
        ("named=x", {"more": True}),
        ("active=true", {}),
        ("active=true&none=true", {"none": True}),
        ("named=x&kind=image", {"more": True}),
    ],
)
async def test_false_leaves_a_key_out_and_a_skipped_body_is_absent(
    alice: httpx.AsyncClient, query: str, answer: dict[str, Any]
) -> None:
    found = await alice.get(f"/api/v1/pages?{query}")

    assert (found.status_code, found.json()) == (200, answer)
