"""Clients that disconnect while they send a body: no error of the server, at any door."""

import asyncio
import logging
import socket
import struct
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass

import httpx
import pytest
from starlette.applications import Starlette
from starlette.routing import Route

from quayside.app import create_app
from quayside.http.sessions import COOKIE
from quayside.registry.routes import ROUTES
from quayside.settings.settings import Settings
from tests import live
from tests.browser import PASSWORD, browsing
from tests.factories import Factory
from tests.quayside.registry import kit
from tests.state import dump

JSON, FORM = "application/json", "application/x-www-form-urlencoded"
PATIENCE_S = 30

DOORS = [
    ("POST", "/graphql", JSON),
    ("POST", "/api/v1/repository", JSON),
    ("PUT", "/api/v1/repository/ada/app", JSON),
    ("PUT", "/api/v1/user/", JSON),
    ("POST", "/api/v1/signin", JSON),
    ("POST", "/api/v1/signin/verify", JSON),
    ("POST", "/signin", FORM),
    ("POST", "/signout", FORM),
    ("POST", "/confirm", FORM),
    ("POST", "/recovery", FORM),
    ("POST", "/confirminvite", FORM),
    ("POST", "/oauth/authorizeapp", FORM),
    ("POST", "/oauth/denyapp", FORM),
    ("POST", "/oauth/access_token", FORM),
    ("POST", "/oauth/authorize/assignuser", FORM),
    ("POST", "/v2/auth", FORM),
    ("PUT", "/v2/ada/app/manifests/v1", kit.OCI_MANIFEST),
    ("POST", f"/v2/ada/app/blobs/uploads/?digest={kit.digest_of(b'layer')}", kit.OCTETS),
    ("PATCH", "/v2/ada/app/blobs/uploads/<upload>", kit.OCTETS),
    ("PUT", f"/v2/ada/app/blobs/uploads/<upload>?digest={kit.digest_of(b'layer')}", kit.OCTETS),
]
"""Method, address and type of body. The rows of the REST interface have one reader."""

WITHOUT_BODY = {"/api/v1/signout"}


class Noted(logging.Handler):
    """Waits for what the access log notes."""

    def __init__(self) -> None:
        super().__init__()
        self._lines: asyncio.Queue[logging.LogRecord] = asyncio.Queue()

    def emit(self, record: logging.LogRecord) -> None:
        self._lines.put_nowait(record)

    async def next(self) -> tuple[str, str, int]:
        """Method, path and status of the next request that ends."""
        noted = vars(await asyncio.wait_for(self._lines.get(), PATIENCE_S))
        return noted["method"], noted["path"], noted["status"]


@pytest.fixture
def noted(caplog: pytest.LogCaptureFixture) -> Iterator[Noted]:
    handler, logger = Noted(), logging.getLogger("quayside.access")
    caplog.set_level(logging.INFO)
    logger.addHandler(handler)
    yield handler
    logger.removeHandler(handler)


@dataclass
class Door:
    """A server with the repository `ada/app`, and the header fields of somebody who may do anything there."""

    app: Starlette
    address: str
    fields: dict[str, str]
    upload: str

    async def begin(self, method: str, path: str, media_type: str) -> socket.socket:
        """Send a head and the beginning of a body of 1,000 bytes."""
        lines = [
            f"{method} {path.replace('<upload>', self.upload)} HTTP/1.1",
            f"Host: {self.address}",
            f"Content-Type: {media_type}",
            *(f"{name}: {value}" for name, value in self.fields_for(path).items()),
        ]
        host, _, port = self.address.partition(":")
        connection = socket.create_connection((host, int(port)))
        connection.setblocking(False)
        await asyncio.get_running_loop().sock_sendall(connection, "\r\n".join(lines).encode() + b"\r\n")
        return connection

    def fields_for(self, path: str) -> dict[str, str]:
        """Who is asking: a registry token, an access token, or a session of a browser."""
        if path.startswith("/v2/"):
            return {"Authorization": f"Bearer {self.fields['registry']}"}
        if path == "/graphql" or (path.startswith("/api/") and "/signin" not in path):
            return {"Authorization": f"Bearer {self.fields['access']}"}
        return {"Cookie": f"{COOKIE}={self.fields['cookie']}", "X-CSRF-Token": self.fields["csrf"]}


@pytest.fixture
async def door(settings_with_files: Settings, factory: Factory) -> AsyncIterator[Door]:
    await factory.user("ada", password=PASSWORD)
    await factory.repository("ada/app")
    app = create_app(settings_with_files, jobs=False)
    async with (
        app.router.lifespan_context(app),
        live.listening_at(app) as address,
        httpx.AsyncClient(base_url=f"http://{address}") as http,
        browsing(app) as browser,
    ):
        await browser.sign_in("ada")
        asked = {"scope": "repository:ada/app:pull,push"}
        token = (await http.get("/v2/auth", params=asked, auth=("ada", PASSWORD))).json()["token"]
        bearer = {"Authorization": f"Bearer {token}"}
        begun = await http.post("/v2/ada/app/blobs/uploads/", headers=bearer)
        cookie = browser.http.cookies[COOKIE]
        access = await factory.token("ada")
        fields = {"registry": token, "access": access, "cookie": cookie, "csrf": browser.token}
        yield Door(app, address, fields, begun.headers["Docker-Upload-UUID"])


def test_every_door_that_takes_a_body_is_tried(door: Door) -> None:
    tried = {(method, path.partition("?")[0]) for method, path, _ in DOORS}
    pages = {
        (method, route.path)
        for route in door.app.routes
        if isinstance(route, Route) and not route.path.endswith("/")
        for method in (route.methods or {"POST"}) & {"POST", "PUT", "PATCH"}
        # Signing in refuses other methods before it reads.
        if route.path not in WITHOUT_BODY and (method == "POST" or not route.path.startswith("/api/"))
    }
    registry = {
        (method, route.pattern.replace("<name>", "ada/app").replace("<reference>", "v1"))
        for route in ROUTES
        for method in route.methods & {"POST", "PUT", "PATCH"}
        if not route.pattern.endswith("uploads")
    }

    assert pages | registry <= tried


@pytest.mark.parametrize("ending", ["closes", "resets", "closes a chunk"])
async def test_a_client_that_leaves_is_noted_and_no_failure(
    ending: str, door: Door, noted: Noted, caplog: pytest.LogCaptureFixture
) -> None:
    before = await dump()
    loop = asyncio.get_running_loop()

    for method, address, media_type in DOORS:
        connection = await door.begin(method, address, media_type)
        framing = (
            b"Transfer-Encoding: chunked\r\n\r\n3E8" if "chunk" in ending else b"Content-Length: 1000\r\n"
        )
        await loop.sock_sendall(connection, framing + b"\r\n" + b'{"a=')
        # What is sent is read before the end of the connection is noticed.
        await asyncio.sleep(0.05)
        if ending == "resets":
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        connection.close()

        path = address.partition("?")[0].replace("<upload>", door.upload)
        assert await noted.next() == (method, path, 499)
        assert [one.getMessage() for one in caplog.records if one.levelno > logging.INFO] == []

    assert await dump() == before


async def test_an_upload_whose_client_left_goes_on_where_it_ended(door: Door, noted: Noted) -> None:
    path = "/v2/ada/app/blobs/uploads/<upload>"
    connection = await door.begin("PATCH", path, kit.OCTETS)
    await asyncio.get_running_loop().sock_sendall(connection, b"Content-Length: 5\r\n\r\nlay")
    await asyncio.sleep(0.05)
    connection.close()
    assert (await noted.next())[2] == 499

    url = path.replace("<upload>", door.upload)
    async with httpx.AsyncClient(base_url=f"http://{door.address}", headers=door.fields_for(path)) as http:
        assert (await http.get(url)).headers["Range"] == "0-2"
        digest = kit.digest_of(b"layer")
        ended = await http.put(
            url, params={"digest": digest}, content=b"er", headers={"Content-Range": "3-4"}
        )
        assert ended.status_code == 201
        assert (await http.get(f"/v2/ada/app/blobs/{digest}")).content == b"layer"
