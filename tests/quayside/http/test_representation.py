"""Entity tags, 304 and compression of answers, as bytes on the wire of a real server."""

import gzip
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import httpx
import orjson
import pytest
import zstandard
from starlette.applications import Starlette

from resolvers.repositories.repository import Visibility
from tests import live
from tests.browser import Browser
from tests.factories import Factory

OPEN = "/api/v1/repository/ada/open"
DOCUMENT = '{ repository(path: "ada/open") { path description } }'
ASKED = f"/graphql?query={quote(DOCUMENT)}"
BOTH = pytest.mark.parametrize("path", [OPEN, ASKED])
TEXT = "what there is " * 1000
"""A description that makes an answer long."""
CODED = "zstd, gzip"

DECODED: Mapping[str | None, Callable[[bytes], bytes]] = {
    "zstd": zstandard.decompress,
    "gzip": gzip.decompress,
    None: bytes,
}
ACCEPTED = {
    "zstd, gzip, br": "zstd",
    "gzip, deflate, br, zstd": "zstd",
    "gzip, deflate": "gzip",
    "x-gzip": "gzip",
    "GZip;Q=0.5": "gzip",
    "gzip;q=1, zstd;q=0.9": "gzip",
    "zstd;q=0, *": "gzip",
    "*": "zstd",
    "*;q=0": None,
    "identity": None,
    "identity, gzip;q=0.5": None,
    "br, deflate": None,
    "gzip;q=nothing": None,
    "gzip;q=0": None,
    "": None,
}
"""Values of `Accept-Encoding`, and the coding of a long answer."""
MADE = {
    "uuid": 'appTokenCreate(input: { title: "laptop" }) { appToken { uuid } }',
    "client": 'applicationCreate(organization: "acme", input: { name: "Helm" }) { application { clientId } }',
    "hook": 'notificationCreate(owner: { repository: "acme/app" }, input: { event: REPO_PUSH,'
    ' method: WEBHOOK, config: { url: "https://9.9.9.9/hook" } }) { notification { uuid } }',
    "build": 'buildRequest(repository: "acme/app", input: { archiveUrl: "https://9.9.9.9/x?signature=y" })'
    " { build { uuid } }",
}
SHOWN = {
    "secret": '{ viewer { user { appToken(uuid: "UUID") { title FIELD } } } }',
    "clientSecret": '{ application(clientId: "CLIENT") { name FIELD } }',
    "archiveUrl": '{ repository(path: "acme/app") { builds { nodes { uuid FIELD } } } }',
    "config": '{ repository(path: "acme/app") { notifications { nodes { uuid FIELD } } } }',
    "badgeToken": '{ repository(path: "acme/app") { path FIELD } }',
    "token": '{ namespace(name: "acme") { robot(shortName: "bot") { name FIELD } } }',
}
"""Questions for secrets by GraphQL."""
ALWAYS_READ = {"secret"}
"""Those that are decrypted with their object, asked for or not."""
PATHS = {
    "user/apptoken/UUID": True,
    "user/apptoken": False,
    "organization/acme/applications": True,
    "organization/acme/robots": True,
    "organization/acme": False,
    "repository/acme/app": True,
    "repository/ada/open": False,
    "repository/acme/app/tag/": False,
    "repository/acme/app/build/": True,
    "repository/acme/app/notification/": True,
}
"""Paths of REST, and whether their answers to an administrator hold a secret."""


@dataclass
class Wire:
    """A client that shows what came, without decoding it."""

    http: httpx.AsyncClient
    token: str

    async def send(
        self, path: str, fields: Mapping[str, str] | None = None, method: str = "GET", json: object = None
    ) -> tuple[httpx.Response, bytes]:
        """The response and the bytes of its body. Empty fields are left out."""
        given = {"Authorization": f"Bearer {self.token}", "Accept-Encoding": "identity"} | dict(fields or {})
        headers = {name: value for name, value in given.items() if value}
        request = self.http.build_request(method, path, json=json)
        for name in ("accept-encoding", "accept"):
            del request.headers[name]
        request.headers.update(headers)
        response = await self.http.send(request, stream=True)
        try:
            return response, b"".join([piece async for piece in response.aiter_raw()])
        finally:
            await response.aclose()

    async def change(self, mutation: str) -> Any:
        """The payload of a mutation that succeeds."""
        _, body = await self.send("/graphql", None, "POST", {"query": f"mutation {{ made: {mutation} }}"})
        made = orjson.loads(body)["data"]["made"]
        assert made, body
        return made

    async def describe(self, text: str) -> None:
        """Give the repository of all tests a description."""
        response, _ = await self.send(OPEN, None, "PUT", {"description": text})
        assert response.status_code == 200


@pytest.fixture
async def wire(app: Starlette, factory: Factory) -> AsyncIterator[Wire]:
    """A client of `ada`, who has a public repository, at a real server."""
    await factory.repository("ada/open", visibility=Visibility.PUBLIC)
    token = await factory.token("ada")
    async with live.listening_at(app) as address, httpx.AsyncClient(base_url=f"http://{address}") as http:
        yield Wire(http, token)


@BOTH
async def test_an_answer_is_sent_again_only_if_it_has_changed(wire: Wire, path: str) -> None:
    first, body = await wire.send(path)
    tag = first.headers["ETag"]
    kept = {name: first.headers[name] for name in ("ETag", "Vary", "Cache-Control")}

    assert tag.startswith('W/"')
    assert first.headers["Cache-Control"] == "private, no-cache"
    assert first.headers["Vary"].endswith("Accept-Encoding, Authorization, Cookie")
    strong = tag.removeprefix("W/")
    for names in (tag, strong, f'"other", {tag}', f'W/"a,b",{strong} , "c"', "*"):
        for method in ("GET", "HEAD"):
            again, nothing = await wire.send(path, {"If-None-Match": names}, method)
            assert (again.status_code, nothing) == (304, b""), names
            assert {name: again.headers[name] for name in kept} == kept
            assert "Content-Type" not in again.headers
    for names in ('"other"', strong.strip('"'), f'"x{strong[1:]}', '"*"', ""):
        again, repeated = await wire.send(path, {"If-None-Match": names})
        assert (again.status_code, repeated) == (200, body), names
    head, nothing = await wire.send(path, method="HEAD")
    assert (head.status_code, nothing, head.headers["ETag"]) == (200, b"", tag)
    assert head.headers["Content-Length"] == first.headers["Content-Length"] == str(len(body))

    await wire.describe("Something else.")
    changed, other = await wire.send(path, {"If-None-Match": tag})

    assert changed.status_code == 200
    assert changed.headers["ETag"] != tag
    assert b"Something else." in other


async def test_an_entity_tag_tells_nothing_to_those_who_may_not_read(wire: Wire, factory: Factory) -> None:
    await factory.repository("ada/hidden")
    path = "/api/v1/repository/ada/hidden/tag/"
    document = '/graphql?query={repository(path:"ada/hidden"){path}}'
    for one, refused in ((path, 401), (document, 200)):
        allowed, body = await wire.send(one)
        condition = {"Authorization": "", "If-None-Match": allowed.headers["ETag"]}
        answer, other = await wire.send(one, condition)
        assert (allowed.status_code, answer.status_code) == (200, refused)
        assert other != body
        assert answer.headers.get("ETag") != allowed.headers["ETag"]
    answer, _ = await wire.send(path, {"Authorization": "", "If-None-Match": "*"})
    assert (answer.status_code, "ETag" in answer.headers) == (401, False)


async def test_only_questions_that_are_answered_in_full_have_entity_tags(wire: Wire) -> None:
    for path, method, json in (
        ("/api/v1/repository/ada/none", "GET", None),
        ("/graphql?query={none}", "GET", None),
        ('/graphql?query={auditLog(owner:{namespace:"none"}){nodes{id}}}', "GET", None),
        ("/graphql", "POST", {"query": DOCUMENT}),
        (OPEN, "PUT", {"description": "new"}),
    ):
        answer, _ = await wire.send(path, {"If-None-Match": "*"}, method, json)
        assert answer.status_code != 304, path
        assert "ETag" not in answer.headers, path


@BOTH
async def test_a_long_answer_is_compressed_as_the_client_prefers(wire: Wire, path: str) -> None:
    await wire.describe(TEXT)
    plain, body = await wire.send(path)
    for accepted, coding in ACCEPTED.items():
        answer, sent = await wire.send(path, {"Accept-Encoding": accepted})
        head, nothing = await wire.send(path, {"Accept-Encoding": accepted}, "HEAD")

        assert answer.headers.get("Content-Encoding") == coding, accepted
        assert answer.headers["Content-Length"] == str(len(sent))
        assert answer.headers["ETag"] == plain.headers["ETag"]
        assert DECODED[coding](sent) == body, accepted
        assert (len(sent) < len(body) / 10) is (coding is not None)
        assert (head.headers.get("Content-Encoding"), nothing) == (coding, b"")
        assert head.headers["Content-Length"] == str(len(sent))


async def test_short_answers_are_compressed_only_for_those_who_read_no_others(wire: Wire) -> None:
    for accepted, coding in (
        ("gzip", None),
        ("gzip, identity;q=0", "gzip"),
        ("gzip, *;q=0", "gzip"),
        ("identity;q=0", None),
    ):
        answer, _ = await wire.send(OPEN, {"Accept-Encoding": accepted})
        assert answer.headers.get("Content-Encoding") == coding, accepted


async def test_a_very_long_answer_is_compressed_too(wire: Wire) -> None:
    await wire.describe(TEXT)
    fields = " ".join(f"a{number}: description" for number in range(15))
    query = {"query": f'{{ repository(path: "ada/open") {{ {fields} }} }}'}
    _, body = await wire.send("/graphql", None, "POST", query)
    answer, sent = await wire.send("/graphql", {"Accept-Encoding": CODED}, "POST", query)

    assert len(body) > 200_000
    assert (answer.headers["Content-Encoding"], answer.headers["Cache-Control"]) == ("zstd", "no-store")
    assert zstandard.decompress(sent) == body


@BOTH
async def test_nothing_is_compressed_for_what_browsers_send_by_themselves(
    wire: Wire, ada: Browser, path: str
) -> None:
    await wire.describe(TEXT)
    cookie = "; ".join(f"{one.name}={one.value}" for one in ada.http.cookies.jar)
    session = {"Authorization": "", "Cookie": cookie, "Accept-Encoding": CODED}
    for fields, coding in (
        (session, None),
        ({"Cookie": cookie}, None),
        ({"Authorization": "Basic YWRhOmE="}, None),
        ({"Authorization": ""}, "zstd"),
        ({}, "zstd"),
    ):
        answer, _ = await wire.send(path, {"Accept-Encoding": CODED} | fields)
        assert answer.headers.get("Content-Encoding") == coding, fields
        if answer.status_code == 200:
            # Entity tags are for browsers too.
            condition = fields | {"If-None-Match": answer.headers["ETag"]}
            assert (await wire.send(path, condition))[0].status_code == 304, fields


async def test_commands_are_never_compressed(wire: Wire) -> None:
    text = f'mutation {{ repositoryUpdate(repository: "ada/open", input: {{ description: "{TEXT}" }})'
    query = {"query": text + " { repository { description } } }"}
    answer, body = await wire.send("/graphql", {"Accept-Encoding": CODED}, "POST", query)

    assert len(body) > len(TEXT)
    assert "Content-Encoding" not in answer.headers


async def test_no_answer_with_a_secret_is_compressed_or_kept(wire: Wire, factory: Factory) -> None:
    await factory.organization("acme", owner="ada")
    await factory.robot("acme+bot", by="ada")
    await factory.repository("acme/app", by="ada")
    made = {name: await wire.change(mutation) for name, mutation in MADE.items()}
    facts = {"UUID": made["uuid"]["appToken"]["uuid"], "CLIENT": made["client"]["application"]["clientId"]}

    async def sent(path: str) -> tuple[str | None, bool, str]:
        """The coding of an answer, whether it has an entity tag, and what caches are told."""
        for name, fact in facts.items():
            path = path.replace(name, fact)
        answer, body = await wire.send(path, {"Accept-Encoding": "gzip, identity;q=0"})
        assert answer.status_code == 200, body
        assert b'"errors"' not in body
        fields = answer.headers
        return fields.get("Content-Encoding"), "ETag" in fields, fields["Cache-Control"]

    secret, plain = (None, False, "no-store"), ("gzip", True, "private, no-cache")
    for field, document in SHOWN.items():
        asked = f"/graphql?query={quote(document)}"
        assert await sent(asked.replace("FIELD", field)) == secret, field
        assert await sent(asked.replace("FIELD", "")) == (secret if field in ALWAYS_READ else plain), field
    for path, holds in PATHS.items():
        assert await sent(f"/api/v1/{path}") == (secret if holds else plain), path
