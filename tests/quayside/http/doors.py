"""A real server, and all addresses that take a body, for tests of bodies that do not arrive."""

import asyncio
import logging
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import httpx
from starlette.applications import Starlette

from quayside.app import create_app
from quayside.http.bodies import BodyTimes
from quayside.http.sessions import COOKIE
from quayside.settings.settings import Settings
from tests import live
from tests.browser import PASSWORD, browsing
from tests.factories import Factory
from tests.quayside.registry import kit

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
    ("POST", "/authrepoemail", FORM),
    ("POST", "/stopmail", FORM),
    ("POST", "/oauth/authorizeapp", FORM),
    ("POST", "/oauth/denyapp", FORM),
    ("POST", "/oauth/access_token", FORM),
    ("POST", "/oauth/authorize/assignuser", FORM),
    ("POST", "/webhooks/push/trigger/5252e12d-4dc2-4f4c-adc4-a2a01b8702c6", JSON),
    ("POST", "/webhooks/push/ada/app/trigger/5252e12d-4dc2-4f4c-adc4-a2a01b8702c6", JSON),
    ("POST", "/customtrigger/setup/ada/app", FORM),
    ("POST", "/v2/auth", FORM),
    ("PUT", "/v2/ada/app/manifests/v1", kit.OCI_MANIFEST),
    ("POST", f"/v2/ada/app/blobs/uploads/?digest={kit.digest_of(b'layer')}", kit.OCTETS),
    ("PATCH", "/v2/ada/app/blobs/uploads/<upload>", kit.OCTETS),
    ("PUT", f"/v2/ada/app/blobs/uploads/<upload>?digest={kit.digest_of(b'layer')}", kit.OCTETS),
]
"""Method, address and type of body. The rows of the REST interface have one reader."""

WITHOUT_BODY = {"/api/v1/signout", "/keys/services/{service}/keys/{kid}", "/userfiles/{identity}"}
"""Addresses that take none, or refuse an unknown one before they read."""


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


@dataclass
class Door:
    """A server, an upload into its repository `ada/app`, and what its owner sends."""

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

    async def send(self, method: str, path: str, media_type: str, rest: bytes) -> tuple[bytes, bytes]:
        """Send a head, the bytes after its own fields, and nothing more; head and body of the answer.

        The server has to close the connection.
        """
        connection = await self.begin(method, path, media_type)
        with connection:
            loop = asyncio.get_running_loop()
            await loop.sock_sendall(connection, rest)
            answer = b""
            async with asyncio.timeout(PATIENCE_S):
                while piece := await loop.sock_recv(connection, 65536):
                    answer += piece
        head, _, body = answer.partition(b"\r\n\r\n")
        return head, body

    def fields_for(self, path: str) -> dict[str, str]:
        """Who is asking: a registry token, an access token, or a session of a browser."""
        if path.startswith("/v2/"):
            return {"Authorization": f"Bearer {self.fields['registry']}"}
        if path == "/graphql" or (path.startswith("/api/") and "/signin" not in path):
            return {"Authorization": f"Bearer {self.fields['access']}"}
        return {"Cookie": f"{COOKIE}={self.fields['cookie']}", "X-CSRF-Token": self.fields["csrf"]}


@asynccontextmanager
async def opened(
    settings: Settings, factory: Factory, *, times: BodyTimes | None = None
) -> AsyncIterator[Door]:
    """A server of the whole application, which waits for bodies as long as `times` say."""
    await factory.user("ada", password=PASSWORD)
    await factory.repository("ada/app")
    app = create_app(settings, jobs=False, body_times=times)
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
