"""The first page: HTML for browsers, JSON for programs; and the documentation."""

import re
from dataclasses import replace

import httpx
import pytest
from starlette.applications import Starlette

from quayside.app import create_app
from quayside.pages.home import DOORS
from quayside.settings.settings import Settings
from quayside.version import __version__
from tests.browser import Browser
from tests.docs import DOCS

BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"


def client_of(app: Starlette) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://127.0.0.1:8080")


@pytest.mark.parametrize(
    ("accept", "media_type"),
    [
        (BROWSER, "text/html; charset=utf-8"),
        ("text/html", "text/html; charset=utf-8"),
        ("*/*", "application/json"),
        ("application/json", "application/json"),
        ("application/json, text/html;q=0.5", "application/json"),
        (None, "application/json"),
    ],
)
async def test_browsers_get_a_page_and_others_json(
    app: Starlette, accept: str | None, media_type: str
) -> None:
    async with client_of(app) as client:
        client.headers.pop("accept")
        answer = await client.get("/", headers={"Accept": accept} if accept else {})
        head = await client.head("/", headers={"Accept": accept} if accept else {})

    assert (answer.status_code, answer.headers["Content-Type"]) == (200, media_type)
    assert (answer.headers["Vary"], answer.headers["Cache-Control"]) == ("Accept", "no-store")
    assert (head.status_code, head.headers["Content-Type"], head.content) == (200, media_type, b"")


async def test_programs_are_told_the_doors_and_each_is_there(app: Starlette) -> None:
    async with client_of(app) as client:
        told = (await client.get("/")).json()
        statuses = {name: (await client.get(told[name])).status_code for name in DOORS}

    address = "http://127.0.0.1:8080"
    assert told == {
        "name": "quayside",
        "version": __version__,
        "url": address,
        **{name: address + path for name, path in DOORS.items()},
    }
    assert statuses == dict.fromkeys(DOORS, 200) | {"registry": 401, "graphql": 422}


async def test_the_page_says_what_this_is_and_how_to_begin(app: Starlette, ada: Browser) -> None:
    async with client_of(app) as client:
        answer = await client.get("/", headers={"Accept": BROWSER})
    signed_in = (await ada.http.get("/", headers={"Accept": BROWSER})).text

    page = answer.text
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    assert "<script" not in page
    assert f"This is quayside {__version__}, a container registry." in page
    assert "docker push 127.0.0.1:8080/NAME/hello" in page
    assert 'href="signin?next=/"' in page
    assert "has no TLS" not in page
    assert "You are signed in as <strong>ada</strong>." in signed_in
    assert "docker push 127.0.0.1:8080/ada/hello" in signed_in
    assert "NAME" not in signed_in


async def test_each_link_of_the_page_leads_somewhere(app: Starlette) -> None:
    async with client_of(app) as client:
        page = (await client.get("/", headers={"Accept": BROWSER})).text
        contents = (await client.get("/docs/")).text
        links = [f"/{link}" for link in re.findall(r'<a[^>]* href="([^"]+)"', page)]
        statuses = {
            link: (await client.get(link, headers={"Accept": "text/html"})).status_code for link in links
        }
        settings = await client.get("/docs/settings.md")
        missing = [(await client.get(f"/docs/{name}.md")).status_code for name in ("dev", "..%2fREADME", "x")]

    assert set(statuses.values()) == {200}
    pages = {path.name for path in DOCS.glob("*.md")} - {"dev.md", "rest-compat.md"}
    assert {link.removeprefix("/docs/") for link in links if link.startswith("/docs/")} == pages
    assert set(re.findall(r'<a href="([^"]+)"', contents)) == pages
    assert settings.text == (DOCS / "settings.md").read_text(encoding="utf-8")
    assert settings.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert missing == [404, 404, 404]


async def test_the_page_names_the_address_that_clients_use(settings: Settings) -> None:
    app = create_app(
        replace(settings, public_url="https://registry.example", allowed_hosts=frozenset({"10.0.0.5"})),
        jobs=False,
    )
    async with app.router.lifespan_context(app), client_of(app) as client:
        by_name = (await client.get("/", headers={"Accept": BROWSER})).text
        by_address = (await client.get("http://10.0.0.5:8080/", headers={"Accept": BROWSER})).text

    assert "docker login registry.example\n" in by_name
    assert "has no TLS" not in by_name
    assert "docker login 10.0.0.5:8080\n" in by_address
    assert "has no TLS" in by_address
