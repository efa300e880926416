"""Refused requests: status, body, and the order of checks."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from rest_compat.admission import cors_headers, has_scope
from rest_compat.engine import Engine
from tests.rest_compat import toy, toy_schema
from tests.rest_compat.test_requests import api_error

TAGS = "/api/v1/repository/acme/app/tag/"
UNAUTHENTICATED = api_error(401, "invalid_token", "Requires authentication")
FORBIDDEN = api_error(403, "insufficient_scope", "Unauthorized")
NOT_FOUND = api_error(404, "not_found", "Not Found")
BARE_404 = {
    "message": "The requested URL was not found on the server. If you entered the URL manually please check "
    "your spelling and try again."
}


@pytest.mark.parametrize(
    ("user", "status", "body"),
    [("", 401, UNAUTHENTICATED), ("carol", 403, FORBIDDEN)],
)
async def test_denied(
    engine: Engine[toy_schema.Context], user: str, status: int, body: dict[str, Any]
) -> None:
    async with toy.client(engine, user=user) as client:
        answer = await client.get(TAGS)

    assert (answer.status_code, answer.json()) == (status, body)


async def test_an_anonymous_write_lacks_a_csrf_token(nobody: httpx.AsyncClient) -> None:
    answer = await nobody.put(TAGS + "v1", json={"count": "x"})

    assert (answer.status_code, answer.json()) == (403, {"error": "CSRF token was invalid or missing."})


@pytest.mark.parametrize(
    ("token", "status"), [(None, 403), ("", 403), ("wrong", 403), ("good", 400)], ids=str
)
async def test_a_write_by_cookie_needs_a_csrf_token(
    engine: Engine[toy_schema.Context], token: str | None, status: int
) -> None:
    headers = {"Cookie": "user=alice"} | ({} if token is None else {"X-CSRF-Token": token})
    async with toy.client(engine, user="") as client:
        answer = await client.put(TAGS + "v1", json={"count": "x"}, headers=headers)
        read = await client.get(TAGS, headers={"Cookie": "user=alice"})

    assert answer.status_code == status
    assert read.status_code == 200
    if status == 403:
        assert answer.json() == {"error": "CSRF token was invalid or missing."}


async def test_an_anonymous_write_with_a_csrf_token_reaches_the_schema(
    nobody: httpx.AsyncClient,
) -> None:
    answer = await nobody.put(TAGS + "v1", json={"count": 1}, headers={"X-CSRF-Token": "good"})

    assert (answer.status_code, answer.json()) == (201, {"seen": {"count": 1}})


async def test_anonymous_access_may_be_off() -> None:
    async with toy.client(toy.engine(features=frozenset()), user="") as nobody:
        closed = await nobody.get("/api/v1/user/")
        open_ = await nobody.get("/api/v1/discovery")

    assert (closed.status_code, closed.json()) == (401, {"error": "Anonymous access is not allowed"})
    assert open_.status_code == 200


@pytest.mark.parametrize(
    ("user", "path", "status", "body"),
    [
        ("", "acme/app", 401, UNAUTHENTICATED),
        ("carol", "acme/app", 403, FORBIDDEN),
        ("alice", "acme/nothing", 404, NOT_FOUND),
        ("bob", "acme/app", 400, {"message": {"limit": "Page size, at most 2."}}),
    ],
)
async def test_the_caller_is_checked_before_query_values(
    engine: Engine[toy_schema.Context], user: str, path: str, status: int, body: dict[str, Any]
) -> None:
    async with toy.client(engine, user=user) as client:
        answer = await client.get(f"/api/v1/repository/{path}/tag/?limit=abc")

    assert (answer.status_code, answer.json()) == (status, body)


@pytest.mark.parametrize(
    ("user", "path", "status", "body"),
    [
        ("carol", "acme/app", 403, FORBIDDEN),
        ("bob", "acme/app", 403, FORBIDDEN),
        ("alice", "acme/nothing", 404, NOT_FOUND),
        (
            "alice",
            "acme/frozen",
            503,
            {"message": "Repository is in read only or mirror mode: READ_ONLY"},
        ),
        ("alice", "acme/app", 400, api_error(400, "invalid_request", "'x' is not of type 'integer'")),
    ],
)
async def test_the_caller_and_the_state_are_checked_before_the_body(
    engine: Engine[toy_schema.Context], user: str, path: str, status: int, body: dict[str, Any]
) -> None:
    async with toy.client(engine, user=user) as client:
        answer = await client.put(f"/api/v1/repository/{path}/tag/v1", json={"count": "x"})

    assert (answer.status_code, answer.json()) == (status, body)


@pytest.mark.parametrize(
    ("tag", "status", "body"),
    [
        ("locked", 409, api_error(409, "tag_immutable", "The tag is locked.")),
        ("absent", 404, NOT_FOUND),
        ("taken", 409, {"detail": "Somebody was faster."}),
        ("odd", 400, {"message": "Odd digest."}),
        ("far", 520, api_error(520, "downstream_issue", "Nobody answers.")),
    ],
)
async def test_payload_errors(alice: httpx.AsyncClient, tag: str, status: int, body: dict[str, Any]) -> None:
    answer = await alice.put(TAGS + tag, json={})

    assert (answer.status_code, answer.json()) == (status, body)


@pytest.mark.parametrize(
    ("scopes", "status"),
    [("repo:read", 403), ("user:admin", 403), ("repo:write", 201), ("user:read repo:admin", 201)],
)
async def test_a_route_may_enforce_its_scope(
    engine: Engine[toy_schema.Context], scopes: str, status: int
) -> None:
    async with toy.client(engine, user=f"alice {scopes}") as client:
        answer = await client.post(TAGS + "v1", json={})

    assert answer.status_code == status


def test_scopes_imply_others() -> None:
    granted = {
        scope: [needed for needed in ("repo:read", "repo:write", "repo:admin", "user:read", "super:user")
                if has_scope(frozenset({scope}), needed)]
        for scope in ("repo:read", "repo:write", "repo:admin", "user:admin", "direct_user_login")
    }  # fmt: skip

    assert granted == {
        "repo:read": ["repo:read"],
        "repo:write": ["repo:read", "repo:write"],
        "repo:admin": ["repo:read", "repo:write", "repo:admin"],
        "user:admin": ["user:read"],
        "direct_user_login": ["repo:read", "repo:write", "repo:admin", "user:read", "super:user"],
    }
    assert has_scope(frozenset(), None)


async def test_an_unexpected_error_is_not_shown(alice: httpx.AsyncClient) -> None:
    answer = await alice.get("/api/v1/broken")

    assert (answer.status_code, answer.json()) == (500, {"message": "Internal Server Error"})


async def test_an_error_outside_the_schema_is_logged_and_not_shown(caplog: pytest.LogCaptureFixture) -> None:
    async def fail(_: object) -> toy_schema.Context:
        raise LookupError("no context")

    async with toy.client(toy.engine(context_for=fail)) as client:
        answer = await client.get("/api/v1/user/")

    assert (answer.status_code, answer.json()) == (500, {"message": "Internal Server Error"})
    assert caplog.messages == ["Unexpected error in GET /api/v1/user/"]


@pytest.mark.parametrize("path", ["/nothing", "/repository/alone", "/hidden", "/", ""])
async def test_an_unknown_path_is_404(alice: httpx.AsyncClient, path: str) -> None:
    answer = await alice.get(f"/api/v1{path}", follow_redirects=True)

    assert (answer.status_code, answer.json()) == (404, BARE_404)


async def test_a_route_that_is_off_has_no_methods(alice: httpx.AsyncClient) -> None:
    answer = await alice.delete("/api/v1/hidden")

    assert (answer.status_code, answer.json()) == (404, BARE_404)


async def test_a_feature_brings_its_routes() -> None:
    async with toy.client(toy.engine(features=frozenset({"HIDDEN"}))) as client:
        answer = await client.get("/api/v1/hidden")

    assert answer.json() == {"me": {"name": "alice"}}


async def test_a_method_that_no_pattern_has(alice: httpx.AsyncClient) -> None:
    answer = await alice.post("/api/v1/user/")

    assert (answer.status_code, answer.json()) == (
        405,
        {"message": "The method is not allowed for the requested URL."},
    )
    assert answer.headers["allow"] == "GET, HEAD, OPTIONS"


async def test_options_and_head(alice: httpx.AsyncClient) -> None:
    options = await alice.options(TAGS)
    head = await alice.head("/api/v1/user/")

    assert (options.status_code, options.content) == (200, b"null\n")
    assert (head.status_code, head.content, head.headers["content-length"]) == (200, b"", "24")


async def test_success_codes_follow_the_mode(alice: httpx.AsyncClient) -> None:
    documented = await alice.put(TAGS + "v1", json={})
    async with toy.client(toy.engine(status_codes="observed")) as client:
        observed = await client.put(TAGS + "v1", json={})

    assert (documented.status_code, observed.status_code) == (201, 200)
    assert documented.json() == observed.json()


async def test_no_content_and_location(alice: httpx.AsyncClient) -> None:
    deleted = await alice.delete(TAGS + "v1")
    changed = await alice.put("/api/v1/repository/acme%2Fteam%2Fapp/tag/a%20b", json={})

    assert (deleted.status_code, deleted.content) == (204, b"")
    assert "location" not in deleted.headers
    assert changed.headers["location"] == f"{toy.BASE_URL}/api/v1/repository/acme/team/app/tag/a%20b"


async def test_any_origin_may_read_answers_by_default(alice: httpx.AsyncClient) -> None:
    answer = await alice.get("/api/v1/nothing", headers={"origin": "https://ui.example"})

    assert {name: value for name, value in answer.headers.items() if name.startswith("access-control")} == {
        "access-control-allow-methods": "GET, HEAD, OPTIONS, POST, DELETE, PUT",
        "access-control-expose-headers": "ETag",
        "access-control-max-age": "21600",
        "access-control-allow-origin": "*",
        "access-control-allow-headers": "Authorization, Content-Type, If-None-Match, X-Requested-With",
    }


@pytest.mark.parametrize(
    ("origin", "allowed"),
    [
        ("https://b.example", "https://b.example"),
        ("https://evil.example", "https://a.example"),
        (None, "https://a.example"),
    ],
)
def test_configured_origins(origin: str | None, allowed: str) -> None:
    assert cors_headers(["https://a.example", "https://b.example"], origin) == {
        "Access-Control-Allow-Methods": "GET, HEAD, OPTIONS, POST, DELETE, PUT",
        "Access-Control-Expose-Headers": "ETag",
        "Access-Control-Max-Age": "21600",
        "Vary": "Origin",
        "Access-Control-Allow-Origin": allowed,
        "Access-Control-Allow-Credentials": "true",
        "Access-Control-Allow-Headers": (
            "Authorization, Content-Type, If-None-Match, X-Requested-With, Cookie, X-CSRF-Token"
        ),
    }


@pytest.mark.parametrize("query", ["", "active=false", "named=", "kind=image"])
async def test_one_of_some_parameters_must_be_given(alice: httpx.AsyncClient, query: str) -> None:
    answer = await alice.get(f"/api/v1/pages?{query}")

    text = "At least one of active, named, none must be given"
    assert (answer.status_code, answer.json()) == (400, api_error(400, "invalid_request", text))


async def test_a_value_may_be_one_of_a_few_only(alice: httpx.AsyncClient) -> None:
    answer = await alice.get("/api/v1/pages?named=x&kind=chart")

    assert (answer.status_code, answer.json()) == (400, {"message": {"kind": ""}})


async def test_an_open_route_takes_writes_of_anonymous_callers(nobody: httpx.AsyncClient) -> None:
    answer = await nobody.post("/api/v1/peek")

    assert (answer.status_code, answer.json()) == (500, {"message": "Internal Server Error"})
