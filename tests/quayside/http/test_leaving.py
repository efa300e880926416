"""Clients that disconnect while they send a body: no error of the server, at any door."""

import asyncio
import logging
import socket
import struct
from collections.abc import AsyncIterator, Iterator

import httpx
import pytest
from starlette.routing import Route

from quayside.registry.routes import ROUTES
from quayside.settings.settings import Settings
from tests.factories import Factory
from tests.quayside.http.doors import DOORS, WITHOUT_BODY, Door, Noted, opened
from tests.quayside.registry import kit
from tests.state import dump


@pytest.fixture
def noted(caplog: pytest.LogCaptureFixture) -> Iterator[Noted]:
    handler, logger = Noted(), logging.getLogger("quayside.access")
    caplog.set_level(logging.INFO)
    logger.addHandler(handler)
    yield handler
    logger.removeHandler(handler)


@pytest.fixture
async def door(settings_with_files: Settings, factory: Factory) -> AsyncIterator[Door]:
    async with opened(settings_with_files, factory) as made:
        yield made


def test_every_door_that_takes_a_body_is_tried(door: Door) -> None:
    tried = {(method, path.partition("?")[0]) for method, path, _ in DOORS}
    untried = {
        (method, route.path)
        for route in door.app.routes
        if isinstance(route, Route) and not route.path.endswith("/")
        for method in (route.methods or {"POST"}) & {"POST", "PUT", "PATCH"}
        # Signing in refuses other methods before it reads.
        if route.path not in WITHOUT_BODY and (method == "POST" or not route.path.startswith("/api/"))
        if not any(method == one and route.path_regex.match(path) for one, path in tried)
    }
    registry = {
        (method, route.pattern.replace("<name>", "ada/app").replace("<reference>", "v1"))
        for route in ROUTES
        for method in route.methods & {"POST", "PUT", "PATCH"}
        if not route.pattern.endswith("uploads")
    }

    assert untried == set()
    assert registry <= tried


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
        warned = [one.getMessage() for one in caplog.records if one.levelno > logging.INFO]
        # On a busy machine statements are slow.
        assert set(warned) <= {"slow statement"}

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
