"""Sessions: signing in and out, and the token against forged requests."""

import re

import pytest
from starlette.applications import Starlette

from quayside.settings.settings import Settings
from resolvers.access import credentials
from resolvers.access.passwords import verify_password
from resolvers.accounts import session
from resolvers.errors import InvalidCredentials
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


@pytest.mark.parametrize("change", ["is_enabled = FALSE", "deleted_at_ms = 1", "password_hash = 'another'"])
async def test_a_change_while_the_password_is_verified_counts(
    factory: Factory, monkeypatch: pytest.MonkeyPatch, change: str
) -> None:
    await factory.user("ada", password=PASSWORD)

    async def verify_slowly(stored: str | None, password: str) -> bool:
        is_right = await verify_password(stored, password)
        await execute(f"UPDATE account SET {change} WHERE name = 'ada'")
        return is_right

    monkeypatch.setattr(credentials, "verify_password", verify_slowly)

    with pytest.raises(InvalidCredentials):
        await session.sign_in(factory.context(), login="ada", password=PASSWORD)

    assert await fetch("SELECT id FROM session") == []
