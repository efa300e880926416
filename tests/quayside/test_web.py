"""The GraphiQL page and its assets, as a browser fetches them."""

import gzip
import hashlib
import json
import re
import sys
import threading
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from graphql import validate
from jinja2 import UndefinedError
from starlette.applications import Starlette
from starlette.routing import Mount, Route

from quayside import web
from quayside.web.rendering import render
from schema.limits import Limits, parse
from schema.validation import VALIDATION_RULES


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    site = Starlette(routes=[Route("/graphql", web.page), *web.assets])
    transport = httpx.ASGITransport(site)
    async with httpx.AsyncClient(transport=transport, base_url="http://registry.example") as opened:
        yield opened


async def test_the_page_is_served_under_a_strict_policy(client: httpx.AsyncClient) -> None:
    response = await client.get("/graphql")
    assert response.headers["content-security-policy"] == (
        "default-src 'none'; script-src 'self'; "
        "style-src 'self' 'sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU='; connect-src 'self'; "
        "img-src 'self' data:; font-src 'self' data:; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
    assert response.headers["referrer-policy"] == "no-referrer"
    assert response.headers["x-content-type-options"] == "nosniff"
    assert response.headers["vary"] == "Accept"


async def test_the_page_names_only_assets_that_are_served(client: httpx.AsyncClient) -> None:
    page = (await client.get("/graphql")).text
    addresses = [part.split('"')[0] for part in page.split('="') if part.startswith("/")]
    assert len(addresses) == 6
    for address in addresses:
        response = await client.get(address)
        assert response.status_code == 200
        assert response.headers["cache-control"] == "public, max-age=31536000, immutable"


async def test_a_site_below_a_path_names_its_assets_below_it() -> None:
    site = Starlette(routes=[Mount("/registry", routes=[Route("/graphql", web.page), *web.assets])])
    transport = httpx.ASGITransport(site)
    async with httpx.AsyncClient(transport=transport, base_url="http://registry.example") as client:
        page = (await client.get("/registry/graphql")).text
        address = f"/registry/graphql/assets/{web.all_assets()['boot.js'].public_name}"
        assert f'src="{address}"' in page
        assert (await client.get(address)).status_code == 200


async def test_assets_are_compressed_for_those_who_accept_it(client: httpx.AsyncClient) -> None:
    address = f"/graphql/assets/{web.all_assets()['graphiql.min.js'].public_name}"
    sizes = {}
    for encoding in ("gzip, br", "identity", "gzip;q=0"):
        response = await client.get(address, headers={"Accept-Encoding": encoding})
        assert response.headers["vary"] == "Accept-Encoding"
        assert response.headers["content-type"] == "text/javascript; charset=utf-8"
        assert len(response.content) == 3_513_580
        sizes[encoding] = int(response.headers["content-length"])
    assert sizes == {"gzip, br": 728_483, "identity": 3_513_580, "gzip;q=0": 3_513_580}


async def test_assets_are_read_off_the_event_loop(
    client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(web, "_gzipped", {})
    opened: list[tuple[str, bool]] = []
    is_watching = True

    def watch(event: str, arguments: tuple[object, ...]) -> None:
        # Python cannot take a hook away again.
        if is_watching and event == "open" and str(arguments[0]).startswith(str(web.ASSETS)):
            opened.append(
                (Path(str(arguments[0])).name, threading.current_thread() is threading.main_thread())
            )

    sys.addaudithook(watch)
    for _ in range(2):
        for asset in web.all_assets().values():
            assert (await client.get(f"/graphql/assets/{asset.public_name}")).status_code == 200
    is_watching = False

    assert sorted(opened) == sorted((asset.path.name, False) for asset in web.all_assets().values())


async def test_unknown_assets_are_404(client: httpx.AsyncClient) -> None:
    for name in ("graphiql.min.js", "assets.json", "..%2f__init__.py"):
        assert (await client.get(f"/graphql/assets/{name}")).status_code == 404


def test_the_published_files_are_those_of_the_checksum_list() -> None:
    rows = json.loads((web.ASSETS / "assets.json").read_bytes())
    assert [(row["name"], row["version"], row["file"], row["licence"]) for row in rows] == [
        ("react", "18.3.1", "react.production.min.js", "MIT"),
        ("react-dom", "18.3.1", "react-dom.production.min.js", "MIT"),
        ("graphiql", "3.8.3", "graphiql.min.js", "MIT"),
        ("graphiql", "3.8.3", "graphiql.min.css", "MIT"),
    ]
    for row in rows:
        content = gzip.decompress((web.ASSETS / f"{row['file']}.gz").read_bytes())
        assert hashlib.sha256(content).hexdigest() == row["sha256"]
    listed = {f"{row['file']}.gz" for row in rows}
    own = {*web.OWN_FILES, "assets.json", "THIRD-PARTY-LICENCES.txt"}
    assert {path.name for path in web.ASSETS.iterdir()} == listed | own


def test_every_example_has_a_title_and_is_valid() -> None:
    from schema import schema

    examples = web.examples()
    assert len(examples) > 0
    for example in examples:
        assert example.query.startswith(f"# {example.title}\n")
        assert validate(schema._schema, parse(example.query, Limits()), VALIDATION_RULES) == []


def test_templates_escape_all_values_but_our_script_and_the_escaped_examples() -> None:
    texts = {path.name: path.read_text("utf-8") for path in (web.ASSETS.parent / "templates").iterdir()}
    unescaped = {name: re.findall(r"\{\{ *(.*?) *\| *safe *\}\}", text) for name, text in texts.items()}

    assert {name: found for name, found in unescaped.items() if found} == {
        "graphiql.html": ["examples"],
        "token.html": ["script"],
    }
    assert [name for name, text in texts.items() if text.count("safe") != len(unescaped[name])] == []
    shown = {"title": "<t>", "stylesheet": '"s', "text": "<script>", "is_error": False, "next": None}
    page = render("message.html", shown)
    assert [text in page for text in ("<h1>&lt;t&gt;</h1>", 'href="&#34;s"', "&lt;script&gt;")] == [True] * 3


def test_a_value_that_a_template_lacks_is_an_error() -> None:
    with pytest.raises(UndefinedError, match="'text' is undefined"):
        render("message.html", {"title": "T", "stylesheet": "s", "is_error": False, "next": None})
