"""The consent page: application and scopes, consent, denial, and the implicit flow."""

import re
from html import unescape

from resolvers.access.credentials import bearer_viewer
from resolvers.access.scopes import Scope
from storage.clock import now_ms
from storage.statements import execute
from tests.browser import Browser
from tests.factories import Factory
from tests.quayside.oauth.client import CALLBACK, LIFETIME_S, Client, agree, authorize, hidden, post, sent
from tests.state import dump


async def test_the_consent_page_shows_application_and_scopes(ada: Browser, client: Client) -> None:
    page = await authorize(ada, client.asks())

    assert page.status_code == 200
    text = unescape(re.sub(r"<[^>]+>", " ", page.text))
    for words in (
        "Helm <script>",
        "Steers & more",
        "acme",
        "ada",
        "Read repositories",
        "See and pull every repository that you can see.",
        "Read your account",
        CALLBACK,
    ):
        assert words in text
    assert "<script>" not in page.text
    assert "dangerous" not in page.text


async def test_a_dangerous_scope_is_marked(ada: Browser, client: Client) -> None:
    page = await authorize(ada, client.asks(scope="user:admin"))

    assert "(dangerous)" in page.text
    assert 'role="alert"' in page.text


async def test_the_page_cannot_be_framed_and_runs_nothing(ada: Browser, client: Client) -> None:
    page = await authorize(ada, client.asks())

    assert page.headers["content-security-policy"] == (
        "default-src 'none'; style-src 'self'; img-src data:; base-uri 'none'; frame-ancestors 'none';"
        " form-action 'self' https://helm.example"
    )
    assert page.headers["x-frame-options"] == "DENY"
    assert page.headers["referrer-policy"] == "no-referrer"
    assert page.headers["cache-control"] == "no-store"
    assert page.headers["x-content-type-options"] == "nosniff"


async def test_programs_get_the_same_as_json(ada: Browser, client: Client) -> None:
    answer = await authorize(ada, client.asks(scope="repo:read user:admin"), format="json")

    body = answer.json()
    avatar = {"name", "hash", "color", "kind"}
    assert body["application"].pop("avatar").keys() == avatar
    assert body["application"]["organization"].pop("avatar").keys() == avatar
    assert body.pop("csrf_token_val") == ada.token
    assert body == {
        "scopes": [
            {
                "scope": "repo:read",
                "title": "Read repositories",
                "description": "See and pull every repository that you can see.",
                "dangerous": False,
            },
            {
                "scope": "user:admin",
                "title": "Administer your account",
                "description": "Full control of your account: robots, tokens, permissions and settings.",
                "dangerous": True,
            },
        ],
        "has_dangerous_scopes": True,
        "application": {
            "name": "Helm <script>",
            "description": "Steers & more",
            "url": "",
            "organization": {"name": "acme"},
        },
        "response_type": "token",
        "client_id": client.id,
        "redirect_uri": CALLBACK,
        "scope": "repo:read user:admin",
        "state": "a&b=c",
        "assignment_uuid": None,
    }


async def test_the_implicit_flow_brings_a_token_in_the_fragment(
    ada: Browser, client: Client, factory: Factory
) -> None:
    answer = await agree(ada, client.asks())

    address, query, fragment = sent(answer)
    assert address == "https://helm.example/cb"
    assert query == {"from": "quayside", "scope": "repo:read user:read", "state": "a&b=c"}
    secret = fragment.pop("access_token")
    assert fragment == {"token_type": "Bearer", "expires_in": str(LIFETIME_S)}
    viewer = await bearer_viewer(secret, site=factory.site)
    assert viewer.account is not None
    assert (viewer.account.name, set(viewer.scopes)) == ("ada", {Scope.REPO_READ, Scope.USER_READ})
    assert answer.headers["referrer-policy"] == "no-referrer"


async def test_an_earlier_consent_covers_the_same_or_fewer_scopes(ada: Browser, client: Client) -> None:
    await agree(ada, client.asks(scope="repo:write user:read"))

    for scope in ("repo:write user:read", "repo:read", "user:read"):
        assert "access_token" in sent(await authorize(ada, client.asks(scope=scope)))[2]
    for scope in ("repo:admin", "repo:read user:admin", "org:admin"):
        assert (await authorize(ada, client.asks(scope=scope))).status_code == 200


async def test_an_expired_consent_does_not_count(ada: Browser, client: Client) -> None:
    await agree(ada, client.asks())
    await execute("UPDATE access_token SET expires_at_ms = ?", now_ms() - 1)

    assert (await authorize(ada, client.asks())).status_code == 200


async def test_denying_tells_the_client_and_makes_nothing(ada: Browser, client: Client) -> None:
    page = await authorize(ada, client.asks())
    before = await dump()

    answer = await post(ada, "/oauth/denyapp", hidden(page))

    assert sent(answer) == (
        "https://helm.example/cb",
        {"from": "quayside", "error": "authorization_denied", "state": "a&b=c"},
        {},
    )
    assert await dump() == before
