"""Token assignments, the page that shows tokens, and the wait after failed sign-ins."""

import asyncio
import base64
import hashlib
import re

import pytest
from starlette.applications import Starlette

from resolvers.access.credentials import bearer_viewer
from resolvers.access.scopes import Scope
from resolvers.oauth import assignment as token_assignment
from storage.statements import fetch
from tests.browser import Browser, browsing
from tests.factories import Factory
from tests.quayside.oauth.client import CALLBACK, Client, agree, authorize, code_for, hidden, post, sent
from tests.state import dump


async def test_a_user_takes_an_assigned_token_once(eve: Browser, client: Client, factory: Factory) -> None:
    offer = await token_assignment.assign(
        await factory.as_account("ada"),
        "acme",
        client.id,
        username="eve",
        scope="repo:write",
        redirect_uri=CALLBACK,
    )
    asked = client.asks(scope="repo:read", assignment_uuid=offer.uuid)

    wider = await authorize(eve, asked | {"scope": "repo:admin"})
    other = await authorize(eve, asked | {"assignment_uuid": "another"})
    answer = await agree(eve, asked)
    again = await authorize(eve, asked)

    assert wider.status_code == 404
    assert other.status_code == 403
    viewer = await bearer_viewer(sent(answer)[2]["access_token"], site=factory.site)
    assert viewer.account is not None
    assert (viewer.account.name, set(viewer.scopes)) == ("eve", {Scope.REPO_READ})
    assert again.status_code == 403


async def test_of_two_concurrent_uses_of_an_assignment_one_succeeds(
    eve: Browser, client: Client, factory: Factory
) -> None:
    ada = await factory.as_account("ada")
    await token_assignment.assign(
        ada, "acme", client.id, username="eve", scope="repo:read", redirect_uri=CALLBACK
    )
    form = hidden(await authorize(eve, client.asks(scope="repo:read")))

    answers = await asyncio.gather(*(post(eve, "/oauth/authorizeapp", form) for _ in range(4)))

    fragments = [sent(answer)[2] for answer in answers]
    assert sum("access_token" in fragment for fragment in fragments) == 1
    assert len(await fetch("SELECT id FROM access_token")) == 1


async def test_an_administrator_assigns_a_token(ada: Browser, client: Client) -> None:
    query = client.asks(username="eve", format="json")

    answer = await ada.http.post(
        "/oauth/authorize/assignuser", params=query, headers={"X-CSRF-Token": ada.token}
    )

    assert answer.status_code == 200
    assert answer.json().keys() == {"message"}
    rows = await fetch(
        "SELECT a.name, t.scopes, t.redirect_uri, t.response_type FROM token_assignment t"
        " JOIN account a ON a.id = t.account_id"
    )
    assert rows == [
        {
            "name": "eve",
            "scopes": "repo:read user:read",
            "redirect_uri": CALLBACK,
            "response_type": "token",
        }
    ]


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"username": "nobody"}, 400),
        ({"username": ""}, 400),
        ({"scope": "nonsense"}, 400),
        ({"redirect_uri": "https://evil.example/"}, 400),
        ({"client_id": "NONE"}, 404),
    ],
)
async def test_an_invalid_assignment_is_refused(
    ada: Browser, client: Client, changes: dict[str, str], status: int
) -> None:
    before = await dump()

    answer = await ada.http.post(
        "/oauth/authorize/assignuser",
        params=client.asks(username="eve", format="json") | changes,
        headers={"X-CSRF-Token": ada.token},
    )

    assert answer.status_code == status
    assert await dump() == before


async def test_others_cannot_assign_tokens(eve: Browser, client: Client) -> None:
    before = await dump()

    answer = await eve.http.post(
        "/oauth/authorize/assignuser",
        params=client.asks(username="eve", format="json"),
        headers={"X-CSRF-Token": eve.token},
    )

    assert answer.status_code == 403
    assert await dump() == before


async def test_our_own_page_shows_the_token(
    ada: Browser, eve: Browser, client: Client, factory: Factory
) -> None:
    local = f"{factory.site.public_url}/oauth/localapp"
    address, query, fragment = sent(await agree(ada, client.asks(redirect_uri=local)))
    assert (address, "access_token" in fragment) == (local, True)

    page = await ada.http.get("/oauth/localapp", params=query)

    script = re.search(r"<script>(.*)</script>", page.text)
    assert script is not None
    digest = base64.b64encode(hashlib.sha256(script[1].encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}';" in page.headers["content-security-policy"]
    assert "frame-ancestors 'none'" in page.headers["content-security-policy"]

    code = await code_for(ada, client, redirect_uri=local, scope="repo:admin")
    stolen = await eve.http.get("/oauth/localapp", params={"code": code, "format": "json"})
    shown = await ada.http.get("/oauth/localapp", params={"code": code, "format": "json"})
    again = await ada.http.get("/oauth/localapp", params={"code": code, "format": "json"})

    assert (stolen.status_code, again.status_code) == (400, 400)
    viewer = await bearer_viewer(shown.json()["access_token"], site=factory.site)
    assert viewer.scopes == {Scope.REPO_ADMIN}


async def test_our_own_page_is_for_people_who_are_signed_in(app: Starlette, ada: Browser) -> None:
    async with browsing(app) as nobody:
        assert (await nobody.http.get("/oauth/localapp")).status_code == 401
    assert (await ada.http.get("/oauth/localapp?format=json")).status_code == 400
    denied = await ada.http.get("/oauth/localapp?error=authorization_denied&format=json")
    assert (denied.status_code, denied.json()["error"]) == (403, "authorization_denied")


async def test_head_consumes_nothing(ada: Browser, client: Client) -> None:
    await agree(ada, client.asks())
    before = await dump()

    answer = await ada.http.head("/oauth/authorize", params=client.asks())

    assert (answer.status_code, answer.headers["allow"]) == (405, "GET")
    assert await dump() == before


async def test_failures_to_sign_in_are_slowed_down_here_too(app: Starlette, client: Client) -> None:
    async with browsing(app) as program:
        statuses = [
            (
                await program.http.post(
                    "/oauth/authorizeapp", data=client.asks(), auth=("ada", f"wrong {number}")
                )
            ).status_code
            for number in range(8)
        ]

    assert statuses == [401] * 6 + [429] * 2
