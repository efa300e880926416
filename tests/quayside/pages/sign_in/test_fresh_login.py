"""Fresh logins."""

from storage.clock import now_ms
from storage.statements import execute
from tests.browser import PASSWORD, Browser
from tests.factories import Factory
from tests.quayside.pages.sign_in.waiting import wait_is_over

DELETE = 'mutation { organizationDelete(organization: "acme") { name errors { code } } }'


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


async def test_messages_to_everybody_need_a_fresh_login(browser: Browser, factory: Factory) -> None:
    await factory.user("root", password=PASSWORD, is_superuser=True)
    await browser.sign_in("root")
    message = {"content": "Closed on Sunday.", "media_type": "text/plain", "severity": "info"}
    made = await browser.post("/api/v1/messages", message=message)
    before = (await browser.call("GET", "/api/v1/messages")).json()["messages"]
    await execute("UPDATE session SET authenticated_at_ms = 0")

    stale = [
        await browser.post("/api/v1/messages", message=message),
        await browser.call("DELETE", f"/api/v1/message/{before[0]['uuid']}"),
    ]
    after = (await browser.call("GET", "/api/v1/messages")).json()["messages"]

    assert made.status_code == 201
    assert [(answer.status_code, answer.json()["error_type"]) for answer in stale] == [
        (401, "fresh_login_required")
    ] * 2
    assert after == before


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
