"""Binding of requests, and the texts of errors."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.rest_compat import toy

TAG = "/api/v1/repository/acme/app/tag/v1"


def api_error(status: int, kind: str, text: str) -> dict[str, Any]:
    return {
        "detail": text,
        "error_message": text,
        "error_type": kind,
        "title": kind,
        "type": f"{toy.BASE_URL}/api/v1/error/{kind}",
        "status": status,
    }


@pytest.mark.parametrize(
    ("body", "seen"),
    [
        ({}, {}),
        ({"manifest_digest": "d"}, {"digest": "d"}),
        ({"manifest_digest": None}, {"digest": None}),
        ({"digest": "d"}, {"digest": "d"}),
        ({"digest": "d", "manifest_digest": "d"}, {"digest": "d"}),
        ({"expiration": 1730808001}, {"expires_at": "2024-11-05T12:00:01Z"}),
        ({"expiration": None}, {"expires_at": None}),
        ({"role": "write"}, {"role": "write"}),
        ({"count": 100}, {"count": 100}),
        ({"pin": {"release_name": "r"}}, {"pinned_to": {"release_name": "r", "is_open": False}}),
        (
            {"pin": {"release_name": "r", "is_open": True, "more": 1}},
            {"pinned_to": {"release_name": "r", "is_open": True}},
        ),
        ({"unknown": 1}, {}),
    ],
)
async def test_a_body_becomes_variables(alice: httpx.AsyncClient, body: Any, seen: Any) -> None:
    answer = await alice.put(TAG, json=body)

    assert (answer.status_code, answer.json()) == (201, {"seen": seen})


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ({"manifest_digest": 5, "count": "x"}, "5 is not of type 'string', 'null'"),
        ({"expiration": "x"}, "'x' is not of type 'number', 'null'"),
        ({"expiration": True}, "True is not of type 'number', 'null'"),
        ({"expiration": 1e300}, "1e+300 is not a date in seconds since 1970"),
        ({"role": "x"}, "'x' is not one of ['read', 'write', 'admin']"),
        ({"role": 5}, "5 is not of type 'string'"),
        ({"role": None}, "None is not of type 'string'"),
        ({"count": True}, "True is not of type 'integer'"),
        ({"count": 1.5}, "1.5 is not of type 'integer'"),
        ({"count": 0}, "0 is less than the minimum of 1"),
        ({"count": 101}, "101 is greater than the maximum of 100"),
        ({"pin": []}, "[] is not of type 'object'"),
        ({"pin": {}}, "'release_name' is a required property"),
        ({"pin": {"release_name": None}}, "None is not of type 'string'"),
        ({"digest": "a", "manifest_digest": "b"}, "Only one of 'manifest_digest', 'digest' may be given"),
        ([], "[] is not of type 'object'"),
    ],
)
async def test_a_refused_value_reads_like_a_schema_validator(
    alice: httpx.AsyncClient, body: Any, text: str
) -> None:
    answer = await alice.post(TAG, json=body)

    assert (answer.status_code, answer.json()) == (400, api_error(400, "invalid_request", text))


async def test_a_route_changes_the_style_of_one_error(alice: httpx.AsyncClient) -> None:
    answer = await alice.put(TAG, json={"manifest_digest": 5})

    assert (answer.status_code, answer.json()) == (400, {"message": "5 is not of type 'string', 'null'"})


async def test_a_strict_route_refuses_unknown_keys(alice: httpx.AsyncClient) -> None:
    one = await alice.post(TAG, json={"other": 1})
    two = await alice.post(TAG, json={"other": 1, "more": 2, "digest": "d"})

    assert one.json()["detail"] == "Additional properties are not allowed ('other' was unexpected)"
    assert two.json()["detail"] == "Additional properties are not allowed ('other', 'more' were unexpected)"


async def test_query_refusals_explain_the_parameter(alice: httpx.AsyncClient) -> None:
    number = await alice.get("/api/v1/repository/acme/app/tag/?limit=abc")
    page = await alice.get("/api/v1/repository/acme/app/tag/?page=1_0")
    form = await alice.get("/api/v1/repository/acme/app/tag/?filter=bad")

    assert (number.status_code, number.json()) == (400, {"message": {"limit": "Page size, at most 2."}})
    assert (page.status_code, page.json()) == (400, {"message": {"page": "Page number."}})
    assert (form.status_code, form.json()) == (
        400,
        {"message": "The filter must read like:<part of a name> or eq:<name>."},
    )


async def test_an_invalid_path_value_is_not_found(alice: httpx.AsyncClient) -> None:
    answer = await alice.get("/api/v1/repository/ACME/app/tokens")

    assert (answer.status_code, answer.json()) == (404, api_error(404, "not_found", "Not Found"))


async def test_a_nul_character_is_invalid(alice: httpx.AsyncClient) -> None:
    path = await alice.put("/api/v1/repository/acme/app/tag/a%00b", json={})
    query = await alice.get("/api/v1/repository/acme/app/tag/?filter=eq:a%00b")

    assert (path.status_code, path.json()) == (404, api_error(404, "not_found", "Not Found"))
    assert (query.status_code, query.json()) == (400, {"message": {"filter": "Filter by name."}})


async def test_a_refusal_does_not_repeat_a_whole_body(alice: httpx.AsyncClient) -> None:
    answer = await alice.put(TAG, json={"count": "x" * 100_000})

    assert answer.json()["detail"] == "'" + "x" * 199 + "… is not of type 'integer'"


UNREADABLE = {"message": "The browser (or proxy) sent a request that this server could not understand."}


@pytest.mark.parametrize("content", [b"", b"{", b"[NaN]", b"\xff"])
async def test_unreadable_json(alice: httpx.AsyncClient, content: bytes) -> None:
    answer = await alice.put(TAG, content=content, headers={"content-type": "application/json"})

    assert (answer.status_code, answer.json()) == (400, UNREADABLE)


async def test_null_is_not_a_body(alice: httpx.AsyncClient) -> None:
    answer = await alice.put(TAG, content=b"null", headers={"content-type": "application/json"})

    assert (answer.status_code, answer.json()) == (
        400,
        api_error(400, "invalid_request", "Missing JSON body"),
    )


async def test_another_content_type_is_refused(alice: httpx.AsyncClient) -> None:
    answer = await alice.put(TAG, content=b"{}", headers={"content-type": "text/plain"})

    assert (answer.status_code, answer.json()) == (
        415,
        {
            "message": "Did not attempt to load JSON data because the request Content-Type was not "
            "'application/json'."
        },
    )


@pytest.mark.parametrize("content_type", ["application/json; charset=utf-8", "application/vnd.api+json"])
async def test_json_by_other_names(alice: httpx.AsyncClient, content_type: str) -> None:
    answer = await alice.put(TAG, content=b"{}", headers={"content-type": content_type})

    assert answer.status_code == 201


@pytest.mark.parametrize(
    ("content", "content_type"), [(b"", ""), (b"", "application/json"), (b"x", "text/plain")]
)
async def test_an_optional_body_may_be_anything_but_bad_json(
    alice: httpx.AsyncClient, content: bytes, content_type: str
) -> None:
    answer = await alice.post(TAG, content=content, headers={"content-type": content_type})

    assert (answer.status_code, answer.json()) == (201, "Updated")


async def test_an_optional_body_that_claims_to_be_json_must_be(alice: httpx.AsyncClient) -> None:
    answer = await alice.post(TAG, content=b"{", headers={"content-type": "application/json"})

    assert (answer.status_code, answer.json()) == (400, UNREADABLE)


async def test_a_body_has_a_limit(alice: httpx.AsyncClient) -> None:
    answer = await alice.put(
        TAG, content=b'"' + b"x" * (1 << 20) + b'"', headers={"content-type": "application/json"}
    )

    assert (answer.status_code, answer.json()) == (
        413,
        {"message": "The data value transmitted exceeds the capacity limit."},
    )
