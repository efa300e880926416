"""Sessions: signing in and out, the token against forged requests, fresh logins, the wait after failures."""

import asyncio
import re
from collections.abc import AsyncIterator
from dataclasses import replace
from html import unescape

import pytest
from starlette.applications import Starlette
from starlette.requests import HTTPConnection

from quayside.config import Settings
from quayside.sessions import Sessions
from quayside.sign_in import local_path
from quayside.workers.handlers import HANDLERS, Tools
from storage.blobs.memory import MemoryBlobStore
from storage.clock import now_ms
from storage.statements import execute, fetch
from tests.browser import PASSWORD, Browser, browsing
from tests.factories import Factory

REFUSED = {"error": "CSRF token was invalid or missing."}
WRONG = {
    "needsEmailVerification": False,
    "invalidCredentials": True,
    "message": "Invalid Username or Password",
}
DELETE = 'mutation { organizationDelete(organization: "acme") { name errors { code } } }'


@pytest.fixture
async def browser(app: Starlette) -> AsyncIterator[Browser]:
    async with browsing(app) as opened:
        yield opened


async def wait_is_over() -> None:
    """Let time pass for those who failed to sign in."""
    await execute("UPDATE sign_in_failure SET last_failed_at_ms = last_failed_at_ms - 3500000")


async def test_signing_in_gives_a_new_cookie_that_scripts_cannot_read(browser: Browser) -> None:
    await browser.arrive()
    before, token = browser.http.cookies["_csrf_token"], browser.token

    answer = await browser.sign_in("ada")

    assert (answer.status_code, answer.json()) == (200, {"success": True})
    assert re.fullmatch(
        r"_csrf_token=[\w-]{43}; HttpOnly; Max-Age=2678400; Path=/; SameSite=lax",
        answer.headers["set-cookie"],
    )
    assert browser.http.cookies["_csrf_token"] != before
    assert browser.token == answer.headers["x-next-csrf-token"] != token
    assert await browser.viewer() == "ada"


async def test_the_cookie_is_stored_as_a_hash_only(browser: Browser) -> None:
    await browser.sign_in("ada")
    cookie = browser.http.cookies["_csrf_token"]

    stored = str(await fetch("SELECT * FROM session"))

    assert cookie not in stored
    assert browser.token not in stored


async def test_over_https_the_cookie_is_for_https_only(
    app: Starlette, settings_with_files: Settings, factory: Factory
) -> None:
    async with browsing(app, base_url="https://registry.test") as browser:
        answer = await browser.sign_in("ada")

    assert answer.headers["set-cookie"].endswith("; SameSite=lax; Secure")


async def test_a_cookie_that_was_planted_is_not_the_one_that_is_signed_in(app: Starlette) -> None:
    async with browsing(app) as attacker, browsing(app) as victim:
        await attacker.arrive()
        planted = attacker.http.cookies["_csrf_token"]
        victim.http.cookies.set("_csrf_token", planted, domain="registry.test", path="/")
        await victim.sign_in("ada")

        assert await victim.viewer() == "ada"
        assert await attacker.viewer() is None


async def test_signing_in_again_ends_the_session_before(app: Starlette, browser: Browser) -> None:
    await browser.sign_in("ada")
    old = browser.http.cookies["_csrf_token"]

    await browser.post("/api/v1/signin", username="ada", password=PASSWORD)

    async with browsing(app) as other:
        other.http.cookies.set("_csrf_token", old)
        await other.arrive()
        assert await other.viewer() is None
    assert await browser.viewer() == "ada"


async def test_an_email_address_is_a_name_to_sign_in_with(browser: Browser) -> None:
    assert (await browser.sign_in("ada@example.com")).status_code == 200
    assert await browser.viewer() == "ada"


@pytest.mark.parametrize("username", ["ada", "nobody", "nobody@example.com", "", "acme", "ada+robot"])
async def test_a_wrong_password_and_an_unknown_name_get_the_same_answer(
    browser: Browser, username: str
) -> None:
    answer = await browser.sign_in(username, "not the password")

    assert (answer.status_code, answer.json()) == (403, WRONG)
    assert await fetch("SELECT * FROM session") == []


@pytest.mark.parametrize("path", ["signin", "signin/", "signin/verify", "signout"])
@pytest.mark.parametrize("token", ["", "x" * 43])
async def test_signing_in_and_out_take_a_csrf_token(browser: Browser, path: str, token: str) -> None:
    await browser.sign_in("ada")
    browser.token = token

    answer = await browser.post(f"/api/v1/{path}", username="ada", password=PASSWORD)
    browser.token = ""
    await browser.arrive()

    assert (answer.status_code, answer.json()) == (403, REFUSED)
    assert await browser.viewer() == "ada"


@pytest.mark.parametrize(
    ("body", "content_type", "status"),
    [
        ("{}", "application/json", 400),
        ('{"username": "ada"}', "application/json", 400),
        ('{"username": 5, "password": "x"}', "application/json", 400),
        ('{"username": "a\\u0000", "password": "x"}', "application/json", 400),
        ("[]", "application/json", 400),
        ("{", "application/json", 400),
        ('{"username": "ada", "password": "x"}', "text/plain", 415),
    ],
)
async def test_a_malformed_sign_in_is_told_so(
    browser: Browser, body: str, content_type: str, status: int
) -> None:
    await browser.arrive()

    headers = {"X-CSRF-Token": browser.token, "Content-Type": content_type}
    answer = await browser.http.post("/api/v1/signin", content=body, headers=headers)

    assert answer.status_code == status
    assert answer.json().keys() & {"message", "detail"}


async def test_only_post_signs_in(browser: Browser) -> None:
    answer = await browser.http.get("/api/v1/signin")

    assert (answer.status_code, answer.json()) == (
        405,
        {"message": "The method is not allowed for the requested URL."},
    )


async def test_signing_out_ends_the_session_for_good(browser: Browser) -> None:
    await browser.sign_in("ada")
    cookie = browser.http.cookies["_csrf_token"]

    answer = await browser.post("/api/v1/signout")
    browser.http.cookies.set("_csrf_token", cookie)
    await browser.arrive()

    assert answer.status_code == 200
    assert await browser.viewer() is None


async def test_a_session_ends_after_31_days(browser: Browser) -> None:
    await browser.sign_in("ada")
    [row] = await fetch("SELECT expires_at_ms - created_at_ms AS lifetime_ms FROM session")
    assert row["lifetime_ms"] == 31 * 86_400_000

    await execute("UPDATE session SET expires_at_ms = ?", now_ms() - 1)

    assert await browser.viewer() is None


async def test_rest_takes_writes_of_a_session_only_with_its_token(browser: Browser) -> None:
    await browser.sign_in("ada")
    body = {"name": "acme", "email": "acme@example.com"}

    without = await browser.http.post("/api/v1/organization/", json=body)
    with_token = await browser.post("/api/v1/organization/", **body)
    read = await browser.http.get("/api/v1/user/")

    assert (without.status_code, without.json()) == (403, REFUSED)
    assert (with_token.status_code, with_token.json()) == (201, "Created")
    assert (read.status_code, read.json()["username"]) == (200, "ada")


async def test_graphql_takes_posts_of_a_session_only_with_its_token(browser: Browser) -> None:
    await browser.sign_in("ada")
    query = {"query": "{ viewer { name } }"}

    without = await browser.http.post("/graphql", json=query)
    read = await browser.http.get("/graphql", params=query)

    assert without.status_code == 403
    assert without.json()["errors"][0]["extensions"]["code"] == "FORBIDDEN"
    assert read.json()["data"] == {"viewer": {"name": "ada"}}


async def test_the_token_of_another_session_is_none(app: Starlette, factory: Factory) -> None:
    await factory.user("eve", password=PASSWORD)
    async with browsing(app) as ada, browsing(app) as eve:
        await ada.sign_in("ada")
        await eve.sign_in("eve")
        ada.token = eve.token

        assert (await ada.post("/graphql", query="{ viewer { name } }")).status_code == 403


async def test_a_bearer_token_wins_over_the_session_and_needs_no_other(
    browser: Browser, factory: Factory
) -> None:
    await factory.user("eve")
    token = await factory.token("eve")
    await browser.sign_in("ada")

    headers = {"Authorization": f"Bearer {token}"}
    graphql = await browser.http.post("/graphql", json={"query": "{ viewer { name } }"}, headers=headers)
    rest = await browser.http.post("/api/v1/organization/", json={"name": "eves"}, headers=headers)
    wrong = await browser.http.post(
        "/api/v1/organization/", json={"name": "evil"}, headers={"Authorization": f"Bearer {'x' * 40}"}
    )

    assert graphql.json()["data"] == {"viewer": {"name": "eve"}}
    assert rest.status_code == 201
    assert (wrong.status_code, wrong.json()) == (403, REFUSED)


# Fresh logins


async def test_some_operations_need_a_fresh_login(browser: Browser, factory: Factory) -> None:
    await factory.organization("acme", owner="ada")
    await browser.sign_in("ada")
    await execute("UPDATE session SET authenticated_at_ms = ?", now_ms() - 600_001)

    rest = await browser.call("DELETE", "/api/v1/organization/acme")
    graphql = (await browser.post("/graphql", query=DELETE)).json()
    wrong = await browser.post("/api/v1/signin/verify", password="not the password")
    await wait_is_over()
    verified = await browser.post("/api/v1/signin/verify", password=PASSWORD)
    deleted = await browser.call("DELETE", "/api/v1/organization/acme")

    assert (rest.status_code, rest.json()["error_type"]) == (401, "fresh_login_required")
    assert [error["extensions"]["code"] for error in graphql["errors"]] == ["FRESH_LOGIN_REQUIRED"]
    assert (wrong.status_code, wrong.json()["invalidCredentials"]) == (403, True)
    assert (verified.status_code, verified.json()) == (200, {"success": True})
    assert deleted.status_code == 204


async def test_tokens_and_users_without_a_password_are_always_fresh(
    browser: Browser, factory: Factory
) -> None:
    await factory.organization("acme", owner="ada")
    await browser.sign_in("ada")
    await execute("UPDATE session SET authenticated_at_ms = 0")
    query = "{ viewer { isFresh } }"
    headers = {"Authorization": f"Bearer {await factory.token('ada')}"}

    by_token = await browser.http.post("/graphql", json={"query": query}, headers=headers)
    by_session = await browser.graphql(query)
    await execute("UPDATE account SET password_hash = NULL WHERE name = 'ada'")
    without_password = await browser.graphql(query)

    assert by_token.json()["data"] == {"viewer": {"isFresh": True}}
    assert by_session == {"viewer": {"isFresh": False}}
    assert without_password == {"viewer": {"isFresh": True}}


async def test_application_tokens_need_a_fresh_login_but_to_be_listed(browser: Browser) -> None:
    await browser.sign_in("ada")
    made = await browser.post("/api/v1/user/apptoken", title="docker")
    path = f"/api/v1/user/apptoken/{made.json()['token']['uuid']}"
    await execute("UPDATE session SET authenticated_at_ms = 0")

    stale = [
        await browser.post("/api/v1/user/apptoken", title="podman"),
        await browser.call("GET", path),
        await browser.call("DELETE", path),
    ]
    listed = await browser.call("GET", "/api/v1/user/apptoken")

    assert [(answer.status_code, answer.json()["error_type"]) for answer in stale] == [
        (401, "fresh_login_required")
    ] * 3
    assert [token["title"] for token in listed.json()["tokens"]] == ["docker"]


async def test_the_viewer_sees_the_session(browser: Browser, factory: Factory) -> None:
    query = "{ viewer { session { createdAt authenticatedAt expiresAt } } }"
    await browser.sign_in("ada")
    await execute("UPDATE session SET created_at_ms = 0, authenticated_at_ms = 1000")
    await execute("UPDATE session SET expires_at_ms = 4102444800000")

    by_session = await browser.graphql(query)
    headers = {"Authorization": f"Bearer {await factory.token('ada')}"}
    by_token = await browser.http.post("/graphql", json={"query": query}, headers=headers)

    assert by_session["viewer"]["session"] == {
        "createdAt": "1970-01-01T00:00:00Z",
        "authenticatedAt": "1970-01-01T00:00:01Z",
        "expiresAt": "2100-01-01T00:00:00Z",
    }
    assert by_token.json()["data"] == {"viewer": {"session": None}}


async def test_verifying_takes_a_session(browser: Browser) -> None:
    await browser.arrive()

    answer = await browser.post("/api/v1/signin/verify", password=PASSWORD)

    assert (answer.status_code, answer.json()["error_type"]) == (401, "invalid_token")


# The wait after failures


@pytest.mark.parametrize("username", ["ada", "nobody"])
async def test_after_failures_the_right_password_has_to_wait_too(browser: Browser, username: str) -> None:
    waits = []
    for _ in range(4):
        await browser.sign_in(username, "not the password")
        refused = await browser.sign_in(username)
        assert (refused.status_code, refused.headers["content-type"]) == (429, "text/plain; charset=utf-8")
        waits.append(int(refused.headers["retry-after"]))
        await execute("UPDATE sign_in_failure SET last_failed_at_ms = last_failed_at_ms - 60000")

    # 0.5, 1.5, 3.5 and 7.5 seconds, of which some part of the first may have passed
    expected = zip(waits, (1, 2, 4, 8), strict=True)
    assert [0 < wait <= longest for wait, longest in expected] == [True] * 4
    assert waits[3] > waits[2] > waits[0]
    assert (await browser.sign_in(username)).status_code == (200 if username == "ada" else 403)


async def test_a_success_forgets_the_failures(browser: Browser) -> None:
    for _ in range(3):
        await browser.sign_in("ada", "not the password")
        await wait_is_over()
    await browser.sign_in("ada")

    await browser.sign_in("ada", "not the password")

    assert sorted(row["failures"] for row in await fetch("SELECT failures FROM sign_in_failure")) == [1, 4]


async def test_of_many_guesses_at_once_all_are_counted_and_one_is_answered(
    app: Starlette, browser: Browser
) -> None:
    await browser.arrive()

    answers = await asyncio.gather(
        *(browser.post("/api/v1/signin", username="ada", password=f"guess {n}") for n in range(12))
    )

    judged = [answer for answer in answers if answer.status_code == 403]
    late = [answer for answer in answers if answer.status_code == 429]
    failures = [row["failures"] for row in await fetch("SELECT failures FROM sign_in_failure")]
    assert (len(judged), len(late)) == (1, 11)
    # Those that came when the wait had begun are refused unseen; all others count, for account and address.
    assert len(set(failures)) == 1
    assert 1 <= failures[0] <= 12


async def test_an_address_has_to_wait_after_many_failures_for_any_names(app: Starlette) -> None:
    async with browsing(app, ip="198.51.100.7") as guesser, browsing(app, ip="198.51.100.8") as other:
        for number in range(2):
            await guesser.sign_in(f"user{number}", "guess")
        await execute("UPDATE sign_in_failure SET failures = 60 WHERE failures = 2")

        assert (await guesser.sign_in("ada")).status_code == 429
        assert (await other.sign_in("ada")).status_code == 200


async def test_docker_passwords_wait_as_well_and_tokens_never_do(
    app: Starlette, browser: Browser, factory: Factory
) -> None:
    token = await factory.token("ada")
    path = "/v2/auth?service=registry.test"
    wrong = await browser.http.get(path, auth=("ada", "not the password"))
    late = await browser.http.get(path, auth=("ada", PASSWORD))
    by_token = await browser.http.get(path, auth=("$oauthtoken", token))
    as_password = await browser.http.get(path, auth=("ada", token))

    assert wrong.status_code == 401
    assert (late.status_code, late.headers["retry-after"]) == (429, "1")
    assert late.json()["errors"][0]["code"] == "TOOMANYREQUESTS"
    assert (by_token.status_code, as_password.status_code) == (200, 200)


async def test_attempts_are_recorded_without_what_was_typed(browser: Browser) -> None:
    await browser.sign_in("my-secret-passw0rd", "x")
    await browser.sign_in("ada", "not the password")
    await wait_is_over()
    await browser.sign_in("ada")
    await browser.post("/api/v1/signout")

    events = await fetch("SELECT kind, metadata FROM event WHERE kind LIKE 'log%' ORDER BY id")
    assert [row["kind"] for row in events] == [
        "login_failure",
        "login_failure",
        "login_success",
        "logout_success",
    ]
    assert "my-secret" not in str(events)
    assert ["ada" in str(row["metadata"]) for row in events] == [False, True, False, False]


async def test_what_is_over_is_forgotten(browser: Browser, settings_with_files: Settings) -> None:
    tables = ("session", "email_code", "sign_in_failure")
    await browser.sign_in("ada")
    await browser.post("/api/v1/recovery", email="ada@example.com")
    await browser.sign_in("nobody")
    tools = Tools(settings=settings_with_files, blobs=MemoryBlobStore())

    async def kept() -> list[int]:
        return [len(await fetch(f"SELECT * FROM {table}")) for table in tables]

    await HANDLERS["sign_in.forget"]({}, tools)
    before = await kept()
    await execute("UPDATE session SET expires_at_ms = 1")
    await execute("UPDATE email_code SET expires_at_ms = 1")
    await execute("UPDATE sign_in_failure SET last_failed_at_ms = 1")
    await HANDLERS["sign_in.forget"]({}, tools)

    assert before == [1, 1, 2]
    assert await kept() == [0, 0, 0]


# Where a request comes from


def test_the_origin_of_a_websocket_is_ours_or_listed(settings: Settings, factory: Factory) -> None:
    sessions = Sessions(replace(factory.site, public_url="https://registry.example"))

    def allows(origin: str | None) -> bool:
        headers = [(b"host", b"internal:8080"), *([(b"origin", origin.encode())] if origin else [])]
        connection = HTTPConnection({"type": "websocket", "headers": headers})
        return sessions.allows_origin(connection, others=("https://friend.example",))

    assert allows(None)
    assert allows("https://registry.example")
    assert allows("http://internal:8080")
    assert allows("https://friend.example")
    assert not allows("https://evil.example")
    assert not allows("null")
    assert not allows("https://registry.example.evil.example")


# The page


async def test_a_person_signs_in_and_out_on_a_page(browser: Browser) -> None:
    page = await browser.http.get("/signin?next=/graphql%3Fquery=x")
    token = hidden(page.text, "_csrf_token")
    signed_in = await browser.http.post(
        "/signin",
        data={
            "_csrf_token": token,
            "next": hidden(page.text, "next"),
            "username": "ada",
            "password": PASSWORD,
        },
    )
    again = await browser.http.get("/signin")
    signed_out = await browser.http.post("/signout", data={"_csrf_token": hidden(again.text, "_csrf_token")})
    after = await browser.http.get("/signin")

    assert page.headers["content-security-policy"] == (
        "default-src 'none'; style-src 'self'; img-src data:; base-uri 'none'; frame-ancestors 'none';"
        " form-action 'self'"
    )
    assert (signed_in.status_code, signed_in.headers["location"]) == (303, "/graphql?query=x")
    assert "You are signed in as ada." in again.text
    assert (signed_out.status_code, signed_out.headers["location"]) == (303, "/signin")
    assert "signed in as" not in after.text


async def test_the_page_shows_why_it_did_not_work(browser: Browser) -> None:
    page = await browser.http.get("/signin")
    form = {"_csrf_token": hidden(page.text, "_csrf_token"), "username": "<ada>", "password": "x"}

    forged = await browser.http.post("/signin", data=form | {"_csrf_token": "x"})
    wrong = await browser.http.post("/signin", data=form)
    late = await browser.http.post("/signin", data=form)
    no_form = await browser.http.post("/signin", json=form)

    assert [answer.status_code for answer in (forged, wrong, late, no_form)] == [403, 403, 429, 400]
    assert "Invalid Username or Password" in wrong.text
    assert "<ada>" not in wrong.text
    assert late.headers["retry-after"] == "1"


@pytest.mark.parametrize(
    "text",
    ["//evil.example", "https://evil.example", "/\\evil.example", "evil", "", None, "/a b", "/\n/evil"],
)
def test_signing_in_leads_nowhere_else(text: str | None) -> None:
    assert local_path(text) == "/graphql"


def test_signing_in_leads_back_to_paths_of_ours() -> None:
    assert local_path("/oauth/authorize?client_id=1&scope=repo:read") == (
        "/oauth/authorize?client_id=1&scope=repo:read"
    )


def hidden(page: str, name: str) -> str:
    """The value of a hidden field."""
    found = re.search(rf'name="{name}" value="([^"]*)"', page)
    assert found is not None
    return unescape(found[1])
