"""The authorization server's pages in headless Chromium: sign-in, consent, and the token."""

import http.server
import threading
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlencode, urlsplit

import httpx
import pytest

from tests import process
from tests.functional.test_graphiql import ENTER, Browser, browser, chromedriver

pytestmark = pytest.mark.needs("chromium", "chromedriver")

__all__ = ["browser", "chromedriver"]

PASSWORD = "correct-horse-battery"


@pytest.fixture
def elsewhere() -> Iterator[str]:
    """The address of another site, which answers everything with an empty page."""

    class Page(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Page) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


def graphql(client: httpx.Client, token: str, query: str) -> dict[str, object]:
    answer = client.post("/graphql", json={"query": query}, headers={"Authorization": f"Bearer {token}"})
    data: dict[str, object] = answer.json()["data"]
    return data


def registered(client: httpx.Client, token: str, redirect_uri: str) -> str:
    """The client id of a new application of `acme`."""
    graphql(client, token, 'mutation { organizationCreate(input: { name: "acme" }) { errors { code } } }')
    made = client.post(
        "/api/v1/organization/acme/applications",
        json={"name": "Helm", "redirect_uri": redirect_uri},
        headers={"Authorization": f"Bearer {token}"},
    )
    return str(made.json()["client_id"])


def test_a_user_signs_in_authorizes_and_sees_the_token_once(
    browser: Browser, tmp_path: Path, elsewhere: str
) -> None:
    # given a registry with an administrator of an organization that has an application
    process.make_user(tmp_path, "ada", PASSWORD)
    token = process.token_of(tmp_path, "ada", "org:admin user:admin")
    with process.serving(tmp_path) as (client, _):
        base = str(client.base_url).rstrip("/")
        asked = {
            "client_id": registered(client, token, f"{elsewhere}/cb"),
            "redirect_uri": f"{base}/oauth/localapp",
            "scope": "user:read",
            "response_type": "token",
        }
        # when she opens the application's link, and signs in on the way
        browser.open(f"{base}/oauth/authorize?{urlencode(asked)}")
        browser.click("main a")
        browser.keys("[name=username]", "ada")
        browser.keys("[name=password]", PASSWORD + ENTER)
        # then she sees the consent page
        browser.until(lambda: "Read your account" in browser.text("main"), "the scopes in words")
        # and after consent a token that works, and is no longer in the address
        browser.click("form[action=authorizeapp] button")
        browser.until(lambda: len(browser.text("#token")) == 40, "the token")
        shown = browser.text("#token")
        assert graphql(client, shown, "{ viewer { name scopes } }") == {
            "viewer": {"name": "ada", "scopes": ["USER_READ"]}
        }
        assert (
            browser.script("return location.pathname + location.search + location.hash") == "/oauth/localapp"
        )
        # and a redirect to another site has the token in the fragment
        asked |= {"redirect_uri": f"{elsewhere}/cb", "scope": "repo:read", "state": "mine"}
        browser.open(f"{base}/oauth/authorize?{urlencode(asked)}")
        browser.click("form[action=authorizeapp] button")
        browser.until(lambda: "access_token=" in str(browser.script("return location.hash")), "the redirect")
        address = urlsplit(str(browser.script("return location.href")))
        assert f"{address.scheme}://{address.netloc}{address.path}" == f"{elsewhere}/cb"
        assert browser.script("return document.referrer") == ""
        # and the content security policy blocked nothing
        assert [entry for entry in browser.console() if "favicon" not in entry and "401" not in entry] == []
