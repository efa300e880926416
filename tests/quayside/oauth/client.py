"""An OAuth client, and a browser that authorizes it."""

import base64
import hashlib
import re
from dataclasses import dataclass
from html import unescape
from urllib.parse import parse_qsl, urlsplit

import httpx

from tests.browser import Browser

CALLBACK = "https://helm.example/cb?from=quayside"
VERIFIER = "a-verifier-of-at-least-forty-three-characters-0123"
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).decode().rstrip("=")
LIFETIME_S = 315_576_000


@dataclass(frozen=True)
class Client:
    """A registered application, and its requests."""

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


async def authorize(browser: Browser, asked: dict[str, str], **more: str) -> httpx.Response:
    return await browser.http.get("/oauth/authorize", params=asked | more, headers={"Accept": "text/html"})


def hidden(page: httpx.Response) -> dict[str, str]:
    """The hidden fields of the first form of a page."""
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
    """The target of a redirect: address, query and fragment."""
    assert answer.status_code == 302, answer.text
    parts = urlsplit(answer.headers["location"])
    address = f"{parts.scheme}://{parts.netloc}{parts.path}"
    return address, dict(parse_qsl(parts.query)), dict(parse_qsl(parts.fragment))


async def code_for(browser: Browser, client: Client, **more: str) -> str:
    _, query, _ = sent(await agree(browser, client.asks(response_type="code", **more)))
    return query["code"]
