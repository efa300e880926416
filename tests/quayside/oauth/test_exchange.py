"""Authorization codes: exchanged once, by their client, within ten minutes."""

import asyncio
import re

import pytest
from starlette.applications import Starlette

from resolvers.access.credentials import bearer_viewer
from resolvers.access.scopes import Scope
from resolvers.errors import InvalidCredentials
from resolvers.oauth import application
from resolvers.oauth.application import ApplicationChanges
from storage.clock import now_ms
from storage.statements import execute, fetch
from tests.browser import Browser, browsing
from tests.factories import Factory
from tests.quayside.oauth.client import (
    CALLBACK,
    CHALLENGE,
    LIFETIME_S,
    VERIFIER,
    Client,
    agree,
    code_for,
    post,
    sent,
)
from tests.state import dump

PKCE = {"code_challenge": CHALLENGE, "code_challenge_method": "S256"}


async def exchange(browser: Browser, form: dict[str, str]) -> tuple[int, dict[str, object]]:
    answer = await post(browser, "/oauth/access_token", form)
    assert answer.headers["cache-control"] == "no-store"
    return answer.status_code, answer.json()


async def test_a_code_is_exchanged_for_a_token_by_the_secret(
    ada: Browser, client: Client, factory: Factory
) -> None:
    answer = await agree(ada, client.asks(response_type="code"))
    address, query, fragment = sent(answer)
    code = query.pop("code")
    assert (address, fragment) == ("https://helm.example/cb", {})
    assert query == {"from": "quayside", "scope": "repo:read user:read", "state": "a&b=c"}
    assert re.fullmatch(r"[A-Za-z0-9]{40}", code)
    assert code not in str(await fetch("SELECT * FROM authorization_code"))

    status, body = await exchange(ada, client.exchanges(code, scope="user:read repo:read"))

    secret = str(body.pop("access_token"))
    assert (status, body) == (
        200,
        {"token_type": "Bearer", "expires_in": LIFETIME_S, "refresh_token": None},
    )
    viewer = await bearer_viewer(secret, site=factory.site)
    assert viewer.scopes == {Scope.REPO_READ, Scope.USER_READ}


async def test_the_secret_may_come_in_the_header(app: Starlette, ada: Browser, client: Client) -> None:
    code = await code_for(ada, client)
    form = client.exchanges(code)
    del form["client_secret"], form["client_id"]

    async with browsing(app) as program:
        answer = await program.http.post("/oauth/access_token", data=form, auth=(client.id, client.secret))

    assert answer.status_code == 200


async def test_a_client_without_a_secret_uses_the_verifier(
    app: Starlette, ada: Browser, client: Client
) -> None:
    code = await code_for(ada, client, **PKCE)
    form = client.exchanges(code, code_verifier=VERIFIER)
    del form["client_secret"]

    async with browsing(app) as program:
        status, body = await exchange(program, form)

    assert (status, body["token_type"]) == (200, "Bearer")


@pytest.mark.parametrize(
    ("pkce", "changes", "error"),
    [
        (False, {"client_secret": "wrong"}, "invalid_client"),
        (False, {"client_secret": None}, "invalid_client"),
        (False, {"client_id": "NONE"}, "invalid_client"),
        (False, {"code": "x" * 40}, "invalid_grant"),
        (False, {"redirect_uri": "https://helm.example/cb"}, "invalid_grant"),
        (False, {"redirect_uri": "https://evil.example/"}, "invalid_grant"),
        (False, {"redirect_uri": None}, "invalid_grant"),
        (False, {"scope": "repo:read"}, "invalid_scope"),
        (False, {"scope": "nonsense"}, "invalid_scope"),
        (False, {"code_verifier": VERIFIER}, "invalid_grant"),
        (False, {"grant_type": "password"}, "unsupported_grant_type"),
        (False, {"grant_type": None}, "invalid_request"),
        (False, {"code": None}, "invalid_request"),
        (False, {"client_id": None}, "invalid_request"),
        (True, {"code_verifier": None}, "invalid_grant"),
        (True, {"code_verifier": VERIFIER + "x"}, "invalid_grant"),
        (True, {"code_verifier": "short"}, "invalid_grant"),
        (True, {"code_verifier": CHALLENGE}, "invalid_grant"),
        (True, {"client_secret": "wrong"}, "invalid_client"),
    ],
)
async def test_an_invalid_exchange_is_refused_and_the_code_stays_valid(
    ada: Browser, client: Client, pkce: bool, changes: dict[str, str | None], error: str
) -> None:
    code = await code_for(ada, client, **(PKCE if pkce else {}))
    good = client.exchanges(code, **({"code_verifier": VERIFIER} if pkce else {}))
    before = await dump()

    bad = {name: value for name, value in (good | changes).items() if value is not None}
    status, body = await exchange(ada, bad)

    assert (status, body["error"]) == (400, error)
    assert await dump() == before
    assert (await exchange(ada, good))[0] == 200


async def test_a_wrong_secret_in_the_header_gets_a_challenge(ada: Browser, client: Client) -> None:
    form = client.exchanges(await code_for(ada, client))
    del form["client_secret"]

    answer = await ada.http.post("/oauth/access_token", data=form, auth=(client.id, "wrong"))
    both = await ada.http.post(
        "/oauth/access_token", data=form | {"client_secret": "x"}, auth=(client.id, client.secret)
    )

    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")
    assert answer.headers["www-authenticate"] == 'Basic realm="oauth"'
    assert (both.status_code, both.json()["error"]) == (400, "invalid_request")


async def test_the_code_of_another_client_is_unknown(ada: Browser, client: Client, factory: Factory) -> None:
    context = await factory.as_account("ada")
    other = await application.create(context, "acme", ApplicationChanges(name="Other", redirect_uri=CALLBACK))
    code = await code_for(ada, client)
    form = client.exchanges(code) | {
        "client_id": other.client_id,
        "client_secret": application.client_secret(context, other),
    }

    status, body = await exchange(ada, form)

    assert (status, body["error"]) == (400, "invalid_grant")
    assert (await exchange(ada, client.exchanges(code)))[0] == 200


async def test_a_code_used_twice_revokes_its_token(ada: Browser, client: Client, factory: Factory) -> None:
    code = await code_for(ada, client)
    _, first = await exchange(ada, client.exchanges(code))
    await bearer_viewer(str(first["access_token"]), site=factory.site)

    status, second = await exchange(ada, client.exchanges(code))

    assert (status, second["error"]) == (400, "invalid_grant")
    with pytest.raises(InvalidCredentials):
        await bearer_viewer(str(first["access_token"]), site=factory.site)


async def test_of_many_concurrent_uses_of_a_code_no_token_stays_valid(ada: Browser, client: Client) -> None:
    code = await code_for(ada, client)

    answers = await asyncio.gather(*(exchange(ada, client.exchanges(code)) for _ in range(6)))

    assert sorted(status for status, _ in answers) == [200, 400, 400, 400, 400, 400]
    assert await fetch("SELECT id FROM access_token") == []


async def test_a_code_lives_for_ten_minutes(ada: Browser, client: Client) -> None:
    code = await code_for(ada, client)
    (row,) = await fetch("SELECT expires_at_ms FROM authorization_code")
    assert 0 < row["expires_at_ms"] - now_ms() <= 600_000

    await execute("UPDATE authorization_code SET expires_at_ms = ?", now_ms() - 1)

    assert (await exchange(ada, client.exchanges(code)))[1]["error"] == "invalid_grant"


async def test_a_code_of_a_disabled_user_is_invalid(ada: Browser, client: Client) -> None:
    code = await code_for(ada, client)
    await execute("UPDATE account SET is_enabled = ? WHERE name = 'ada'", False)

    assert (await exchange(ada, client.exchanges(code)))[1]["error"] == "invalid_grant"
    assert await fetch("SELECT id FROM access_token") == []
