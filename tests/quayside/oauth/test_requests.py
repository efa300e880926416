"""Authorization requests: refusals, redirect URIs, and who may authorize."""

import re
from html import unescape
from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit

import pytest
from starlette.applications import Starlette

from resolvers.oauth import token
from storage.statements import execute, fetch
from tests.browser import PASSWORD, Browser, browsing
from tests.factories import Factory
from tests.quayside.oauth.client import CHALLENGE, Client, agree, authorize, hidden, post, sent
from tests.state import dump


@pytest.mark.parametrize(
    "changes",
    [
        {"code_challenge": CHALLENGE, "code_challenge_method": "plain"},
        {"code_challenge": CHALLENGE},
        {"code_challenge": "short", "code_challenge_method": "S256"},
        {"code_challenge": CHALLENGE + "=", "code_challenge_method": "S256"},
        {"code_challenge_method": "S256"},
    ],
)
async def test_an_insecure_challenge_is_refused(
    ada: Browser, client: Client, changes: dict[str, str]
) -> None:
    answer = await authorize(ada, client.asks(response_type="code", **changes))

    assert sent(answer)[1]["error"] == "invalid_request"


@pytest.mark.parametrize(
    ("changes", "status", "error"),
    [
        ({"client_id": "NONE"}, 404, "invalid_client"),
        ({"scope": "repo:read nonsense"}, 404, "invalid_scope"),
        ({"scope": "direct_user_login"}, 404, "invalid_scope"),
        ({"client_id": ""}, 400, "invalid_request"),
        ({"redirect_uri": ""}, 400, "invalid_request"),
        ({"scope": ""}, 400, "invalid_request"),
        ({"state": "a\0b"}, 400, "invalid_request"),
    ],
)
async def test_errors_that_are_not_redirected(
    ada: Browser, client: Client, changes: dict[str, str], status: int, error: str
) -> None:
    before = await dump()

    answer = await authorize(ada, client.asks(**changes), format="json")
    page = await authorize(ada, client.asks(**changes))

    assert (answer.status_code, answer.json()["error"]) == (status, error)
    assert (page.status_code, page.headers["content-type"]) == (status, "text/html; charset=utf-8")
    assert await dump() == before


async def test_a_parameter_given_twice_is_refused(ada: Browser, client: Client) -> None:
    query = urlencode([*client.asks().items(), ("redirect_uri", "https://evil.example/")])

    assert (await ada.http.get(f"/oauth/authorize?{query}&format=json")).status_code == 400


@pytest.mark.parametrize(
    "uri",
    [
        "https://evil.example/cb",
        "https://helm.example/cb",
        "https://helm.example/cb?from=quayside&more=1",
        "https://helm.example/cb/../evil?from=quayside",
        "https://helm.example@evil.example/cb?from=quayside",
        "https://helm.example\\@evil.example/cb?from=quayside",
        "https://helm.example/cb?from=quayside#x",
        "javascript:alert(1)",
        "http://helm.example/cb?from=quayside",
    ],
)
async def test_no_other_address_gets_a_redirect(ada: Browser, client: Client, uri: str) -> None:
    await agree(ada, client.asks())

    shown = await authorize(ada, client.asks(redirect_uri=uri))
    page = await authorize(ada, client.asks(scope="repo:admin"))
    form = hidden(page) | {"redirect_uri": uri}
    agreed = await post(ada, "/oauth/authorizeapp", form)
    denied = await post(ada, "/oauth/denyapp", form)

    assert sent(shown) == (
        "https://helm.example/cb",
        {"from": "quayside", "error": "redirect_uri_mismatch", "state": "a&b=c"},
        {},
    )
    assert (agreed.status_code, agreed.json()["error"]) == (400, "invalid_request")
    assert (denied.status_code, denied.json()["error"]) == (400, "invalid_request")


async def test_another_spelling_of_the_address_is_the_address(ada: Browser, client: Client) -> None:
    spelling = "HTTPS://Helm.Example:443/%63b?from=quayside"

    assert sent(await agree(ada, client.asks(redirect_uri=spelling)))[0] == "https://helm.example/cb"


async def test_an_application_without_an_address_has_only_ours(
    ada: Browser, client: Client, factory: Factory
) -> None:
    await execute("UPDATE application SET redirect_uri = 'foo'")

    answer = await authorize(ada, client.asks(redirect_uri="foo"), format="json")
    own = await agree(ada, client.asks(redirect_uri=f"{factory.site.public_url}/oauth/localapp"))

    assert (answer.status_code, answer.json()["error"]) == (400, "redirect_uri_mismatch")
    assert sent(own)[0] == f"{factory.site.public_url}/oauth/localapp"


async def test_an_unknown_response_type_is_told_to_the_client(ada: Browser, client: Client) -> None:
    shown = await authorize(ada, client.asks(response_type="id_token"))

    assert sent(shown)[1]["error"] == "unsupported_response_type"


async def test_who_does_not_administer_the_organization_may_not_authorize(
    eve: Browser, client: Client
) -> None:
    before = await dump()

    shown = await authorize(eve, client.asks())
    answer = await post(eve, "/oauth/authorizeapp", client.asks() | {"_csrf_token": eve.token})

    assert shown.status_code == 403
    assert sent(answer)[1]["error"] == "unauthorized_client"
    assert await dump() == before


async def test_anonymous_users_are_sent_to_sign_in(app: Starlette, client: Client) -> None:
    async with browsing(app) as nobody:
        page = await authorize(nobody, client.asks())
        answer = await authorize(nobody, client.asks(), format="json")
        await nobody.arrive()
        posted = await post(nobody, "/oauth/authorizeapp", client.asks() | {"_csrf_token": nobody.token})

    assert (page.status_code, answer.status_code, posted.status_code) == (401, 401, 401)
    found = re.search(r'href="/signin\?next=([^"]+)"', page.text)
    assert found is not None
    target = urlsplit(parse_qs("next=" + unescape(found[1]))["next"][0])
    assert (target.netloc, target.path) == ("", "/oauth/authorize")
    assert dict(parse_qsl(target.query)) == client.asks()


@pytest.mark.parametrize("path", ["/oauth/authorizeapp", "/oauth/denyapp", "/oauth/authorize/assignuser"])
async def test_pages_of_other_sites_cannot_consent(ada: Browser, client: Client, path: str) -> None:
    before = await dump()

    for form in (client.asks(), client.asks() | {"_csrf_token": "x" * 43}):
        answer = await post(ada, path, form)
        assert (answer.status_code, answer.json()["error"]) == (
            403,
            "CSRF token was invalid or missing.",
        )

    assert await dump() == before


async def test_a_program_authorizes_with_a_password(app: Starlette, client: Client) -> None:
    async with browsing(app) as program:
        answer = await program.http.post("/oauth/authorizeapp", data=client.asks(), auth=("ada", PASSWORD))

    assert "access_token" in sent(answer)[2]


@pytest.mark.parametrize("header", ["origin", "referer", "sec-fetch-site"])
async def test_a_browser_that_remembers_a_password_is_no_program(
    app: Starlette, client: Client, header: str
) -> None:
    async with browsing(app) as victim:
        answer = await victim.http.post(
            "/oauth/authorizeapp",
            data=client.asks(),
            auth=("ada", PASSWORD),
            headers={header: "https://evil.example"},
        )

    assert answer.status_code == 403
    assert await fetch("SELECT id FROM access_token") == []


async def test_tokens_and_robots_do_not_authorize_anybody(
    app: Starlette, client: Client, factory: Factory
) -> None:
    context = await factory.as_account("ada")
    app_token = await token.create_app_token(context, title="laptop")
    robot = await factory.robot("ada+bot")
    access = await factory.token("ada")
    assert app_token.secret is not None
    before = await dump()

    async with browsing(app) as program:
        for name, secret in (
            ("$app", app_token.secret),
            ("ada", app_token.secret),
            ("$oauthtoken", access),
            ("ada", access),
            ("ada+bot", robot.token),
        ):
            answer = await program.http.post("/oauth/authorizeapp", data=client.asks(), auth=(name, secret))
            assert answer.status_code == 403, name
        bearer = await program.http.post(
            "/oauth/authorizeapp", data=client.asks(), headers={"Authorization": f"Bearer {access}"}
        )
        wrong = await program.http.post("/oauth/authorizeapp", data=client.asks(), auth=("ada", "wrong"))
    after = await dump()

    assert (bearer.status_code, wrong.status_code) == (401, 401)
    # Only the entry about the wrong password is written.
    told = dict.fromkeys(("sign_in_failure", "event", "audit_log"))
    assert after | told == before | told
    for log in ("event", "audit_log"):
        more = [row["kind"] for row in after[log] if row not in before[log]]
        assert more == ["login_failure"]
