"""The authorization server through its doors: consent, both flows, PKCE, refusals, and what it writes."""

import asyncio
import base64
import hashlib
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from html import unescape
from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit

import httpx
import pytest
from starlette.applications import Starlette

from quayside.callers import Callers
from quayside.oauth import AuthorizationServer
from quayside.sign_in import SignIn
from resolvers import application, token, token_assignment
from resolvers.access.credentials import bearer_viewer
from resolvers.access.scopes import Scope
from resolvers.application import ApplicationChanges
from resolvers.errors import InvalidCredentials
from storage.clock import now_ms
from storage.statements import execute, fetch
from tests.browser import PASSWORD, Browser, browsing
from tests.factories import Factory
from tests.state import dump

CALLBACK = "https://helm.example/cb?from=quayside"
VERIFIER = "a-verifier-of-at-least-forty-three-characters-0123"
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).decode().rstrip("=")
PKCE = {"code_challenge": CHALLENGE, "code_challenge_method": "S256"}
LIFETIME_S = 315_576_000


@dataclass(frozen=True)
class Client:
    """A registered application, and what it sends."""

    id: str
    secret: str

    def asks(self, **more: str) -> dict[str, str]:
        """An authorization request."""
        request = {
            "client_id": self.id,
            "redirect_uri": CALLBACK,
            "scope": "repo:read user:read",
            "state": "a&b=c",
            "response_type": "token",
        }
        return request | more

    def exchanges(self, code: str, **more: str) -> dict[str, str]:
        """A request to the token endpoint, by its secret."""
        request = {
            "grant_type": "authorization_code",
            "client_id": self.id,
            "client_secret": self.secret,
            "redirect_uri": CALLBACK,
            "code": code,
        }
        return request | more


@pytest.fixture
async def app(factory: Factory) -> Starlette:
    """Signing in and the authorization server, with `ada`, who administers `acme`, and the user `eve`.

    The other doors are left out, since starting them takes longer than all that is asked here.
    """
    for name in ("ada", "eve"):
        await factory.user(name, password=PASSWORD)
    await factory.organization("acme", owner="ada")
    callers = Callers(factory.site, factory.blobs, factory.secrets)
    sign_in = SignIn(lambda: callers, base_url=factory.site.public_url)
    return Starlette(routes=[*sign_in.routes(), *AuthorizationServer(lambda: callers).routes()])


@pytest.fixture
async def client(app: Starlette, factory: Factory) -> Client:
    """An application of `acme`."""
    ada = await factory.as_account("ada")
    values = {"name": "Helm <script>", "redirect_uri": CALLBACK, "description": "Steers & more"}
    made = await application.create(ada, "acme", ApplicationChanges(values))
    return Client(made.client_id, application.client_secret(ada, made))


@pytest.fixture
async def eve(app: Starlette) -> AsyncIterator[Browser]:
    """A browser in which `eve` is signed in."""
    async with browsing(app) as browser:
        await browser.sign_in("eve")
        yield browser


async def authorize(browser: Browser, asked: dict[str, str], **more: str) -> httpx.Response:
    return await browser.http.get("/oauth/authorize", params=asked | more, headers={"Accept": "text/html"})


def hidden(page: httpx.Response) -> dict[str, str]:
    """The fields that the first form of a page carries."""
    form = page.text.split("<form", 2)[1]
    found = re.findall(r'<input type="hidden" name="([^"]*)" value="([^"]*)">', form)
    return {unescape(name): unescape(value) for name, value in found}


async def post(browser: Browser, path: str, form: dict[str, str]) -> httpx.Response:
    return await browser.http.post(path, data=form)


async def agree(browser: Browser, asked: dict[str, str]) -> httpx.Response:
    """Open the consent page and press its button."""
    page = await authorize(browser, asked)
    assert page.status_code == 200, page.text
    return await post(browser, "/oauth/authorizeapp", hidden(page))


def sent(answer: httpx.Response) -> tuple[str, dict[str, str], dict[str, str]]:
    """Where an answer redirects to: address, query and fragment."""
    assert answer.status_code == 302, answer.text
    parts = urlsplit(answer.headers["location"])
    address = f"{parts.scheme}://{parts.netloc}{parts.path}"
    return address, dict(parse_qsl(parts.query)), dict(parse_qsl(parts.fragment))


async def code_for(browser: Browser, client: Client, **more: str) -> str:
    _, query, _ = sent(await agree(browser, client.asks(response_type="code", **more)))
    return query["code"]


async def exchange(browser: Browser, form: dict[str, str]) -> tuple[int, dict[str, object]]:
    answer = await post(browser, "/oauth/access_token", form)
    assert answer.headers["cache-control"] == "no-store"
    return answer.status_code, answer.json()


async def test_the_consent_page_says_in_words_who_wants_what(ada: Browser, client: Client) -> None:
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


async def test_a_dangerous_scope_is_pointed_out(ada: Browser, client: Client) -> None:
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


async def test_who_has_agreed_before_is_not_asked_again_for_the_same_or_less(
    ada: Browser, client: Client
) -> None:
    await agree(ada, client.asks(scope="repo:write user:read"))

    for scope in ("repo:write user:read", "repo:read", "user:read"):
        assert "access_token" in sent(await authorize(ada, client.asks(scope=scope)))[2]
    for scope in ("repo:admin", "repo:read user:admin", "org:admin"):
        assert (await authorize(ada, client.asks(scope=scope))).status_code == 200


async def test_an_expired_agreement_is_none(ada: Browser, client: Client) -> None:
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


async def test_a_client_without_a_secret_proves_itself_by_the_verifier(
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
async def test_a_bad_exchange_is_refused_and_the_code_still_good(
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


async def test_a_wrong_secret_in_the_header_is_asked_for_again(ada: Browser, client: Client) -> None:
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
    other = await application.create(
        context, "acme", ApplicationChanges({"name": "Other", "redirect_uri": CALLBACK})
    )
    code = await code_for(ada, client)
    form = client.exchanges(code) | {
        "client_id": other.client_id,
        "client_secret": application.client_secret(context, other),
    }

    status, body = await exchange(ada, form)

    assert (status, body["error"]) == (400, "invalid_grant")
    assert (await exchange(ada, client.exchanges(code)))[0] == 200


async def test_a_code_that_comes_twice_takes_its_token_away(
    ada: Browser, client: Client, factory: Factory
) -> None:
    code = await code_for(ada, client)
    _, first = await exchange(ada, client.exchanges(code))
    await bearer_viewer(str(first["access_token"]), site=factory.site)

    status, second = await exchange(ada, client.exchanges(code))

    assert (status, second["error"]) == (400, "invalid_grant")
    with pytest.raises(InvalidCredentials):
        await bearer_viewer(str(first["access_token"]), site=factory.site)


async def test_of_many_who_bring_one_code_none_keeps_a_token(ada: Browser, client: Client) -> None:
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


async def test_a_code_is_worth_nothing_for_a_user_who_was_disabled(ada: Browser, client: Client) -> None:
    code = await code_for(ada, client)
    await execute("UPDATE account SET is_enabled = ? WHERE name = 'ada'", False)

    assert (await exchange(ada, client.exchanges(code)))[1]["error"] == "invalid_grant"
    assert await fetch("SELECT id FROM access_token") == []


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
async def test_a_challenge_that_protects_nobody_is_refused(
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
async def test_what_the_page_refuses_itself(
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
async def test_no_other_address_ever_gets_an_answer(ada: Browser, client: Client, uri: str) -> None:
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


async def test_who_is_not_signed_in_is_asked_to_be(app: Starlette, client: Client) -> None:
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
async def test_no_page_of_others_can_agree(ada: Browser, client: Client, path: str) -> None:
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
    assert after | {"sign_in_failure": []} == before | {"sign_in_failure": []}


async def test_a_user_takes_a_token_that_is_on_offer_once(
    eve: Browser, client: Client, factory: Factory
) -> None:
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


async def test_of_two_who_take_one_offer_at_once_one_gets_the_token(
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


async def test_an_administrator_offers_a_token(ada: Browser, client: Client) -> None:
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
async def test_a_bad_offer_is_not_made(
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


async def test_others_offer_nothing(eve: Browser, client: Client) -> None:
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


async def test_asking_for_the_head_of_a_page_uses_nothing_up(ada: Browser, client: Client) -> None:
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

    assert statuses[0] == 401
    assert 429 in statuses
