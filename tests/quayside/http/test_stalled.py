"""Bodies that stop arriving: 408 at every door, and what becomes of uploads."""

import asyncio
import json
import logging
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from starlette.types import Message

from quayside.app import create_app
from quayside.http.bodies import Body, BodyStalled, BodyTimes
from quayside.settings.settings import Settings
from rest_compat.chapters import CHAPTERS
from storage.blobs import open_blob_store
from tests.factories import EVERY_SCOPE, Factory
from tests.quayside.http.doors import DOORS, Door, opened
from tests.quayside.registry import kit
from tests.state import dump

SHORT_S = 0.05
LONG_S = 60.0
UPLOAD = "/v2/ada/app/blobs/uploads/<upload>"
SENTENCE = "The request body did not arrive in time."


class _Paths(dict[str, str]):
    def __missing__(self, name: str) -> str:
        return name


PATHS = _Paths(repository="ada/app", manifestref=kit.digest_of(b"manifest"))
"""Values of the parameters of a path, else their names."""

BODILESS = {
    "/organization/{orgname}/applications/{client_id}/resetclientsecret",
    "/organization/{orgname}/mirror/sync-cancel",
    "/organization/{orgname}/mirror/sync-now",
    "/organization/{orgname}/notifications/{uuid}",
    "/organization/{orgname}/notifications/{uuid}/test",
    "/organization/{orgname}/robots/{robot_shortname}/regenerate",
    "/organization/{orgname}/team/{teamname}/invite/{email}",
    "/organization/{orgname}/team/{teamname}/members/{membername}",
    "/repository/{repository}/authorizedemail/{email}",
    "/repository/{repository}/mirror/sync-cancel",
    "/repository/{repository}/mirror/sync-now",
    "/repository/{repository}/notification/{uuid}",
    "/repository/{repository}/notification/{uuid}/reset",
    "/repository/{repository}/notification/{uuid}/test",
    "/repository/{repository}/trigger/{trigger_uuid}/fields/branch_name",
    "/repository/{repository}/trigger/{trigger_uuid}/fields/refs",
    "/repository/{repository}/trigger/{trigger_uuid}/fields/tag_name",
    "/superuser/takeownership/{namespace}",
    "/superusers/users/{username}/sendrecovery",
    "/teaminvite/{code}",
    "/user/namespacenotifications/{uuid}",
    "/user/namespacenotifications/{uuid}/test",
    "/user/robots/{robot_shortname}/regenerate",
}
"""Operations of REST that read no body, though their method could have one."""


async def test_a_body_that_stops_arriving_is_408_at_every_door(
    settings_with_files: Settings, factory: Factory, caplog: pytest.LogCaptureFixture
) -> None:
    async with opened(settings_with_files, factory, times=BodyTimes(SHORT_S, SHORT_S)) as door:
        before = await dump()
        for method, address, media_type in DOORS:
            for rest in (b"Content-Length: 1000\r\n\r\n{", b"Transfer-Encoding: chunked\r\n\r\n3E8\r\n{"):
                head, body = await door.send(method, address, media_type, rest)

                status, *fields = head.lower().split(b"\r\n")
                assert status == b"http/1.1 408 request timeout", address
                assert b"connection: close" in fields, address
                assert SENTENCE.encode() in body, address
        assert await dump() == before
    # A busy machine is slow, which says nothing of doors.
    slow = {"quayside.statement", "quayside.transaction"}
    told = [one for one in caplog.records if one.levelno > logging.INFO and one.name not in slow]
    assert [one.getMessage() for one in told] == []


@pytest.mark.parametrize(
    ("address", "accept", "code"),
    [
        ("/graphql", "*/*", {"errors": [{"message": SENTENCE, "extensions": {"code": "BAD_REQUEST"}}]}),
        ("/api/v1/signin", "text/html", {"message": SENTENCE}),
        ("/v2/auth", "*/*", {"errors": [{"code": "INVALID_REQUEST", "message": SENTENCE}]}),
        ("/oauth/access_token", "*/*", {"message": SENTENCE}),
    ],
)
async def test_each_door_says_so_in_its_format(
    address: str, accept: str, code: dict[str, Any], settings_with_files: Settings, factory: Factory
) -> None:
    media_type = next(one for _, path, one in DOORS if path == address)
    async with opened(settings_with_files, factory, times=BodyTimes(SHORT_S)) as door:
        rest = b"Accept: %b\r\nContent-Length: 9\r\n\r\n{" % accept.encode()
        _, body = await door.send("POST", address, media_type, rest)
        _, page = await door.send("POST", "/signin", DOORS[6][2], rest.replace(b"*/*", b"text/html"))

    found = json.loads(body)
    for error in found.get("errors", [found]):
        (error.get("extensions") or error.get("detail") or error).pop("request_id")
        if error.get("detail") == {}:
            del error["detail"]
    assert found == code
    assert page.startswith(b"<!doctype html>")
    assert SENTENCE.encode() in page


async def test_every_operation_of_rest_that_takes_a_body_ends_a_stalled_one(
    settings_with_files: Settings, factory: Factory
) -> None:
    await factory.user("ada", is_superuser=True)
    token = await factory.token("ada", EVERY_SCOPE)
    app = create_app(settings_with_files, jobs=False, body_times=BodyTimes(whole_s=0))
    asked = [
        (method, route.path)
        for chapter in CHAPTERS
        for route in chapter.routes
        if not route.external and settings_with_files.features.issuperset(route.flags)
        for method in [route.method]
        if method in {"POST", "PUT", "PATCH"}
    ]
    assert len(asked) > 40
    statuses: dict[tuple[str, str], int] = {}

    async def receive() -> Message:
        await asyncio.Event().wait()
        raise AssertionError

    async with app.router.lifespan_context(app):
        for method, path in asked:

            async def send(message: Message, key: tuple[str, str] = (method, path)) -> None:
                statuses.setdefault(key, message.get("status", 0))

            address = "/api/v1" + path.format_map(PATHS)
            headers = {
                "authorization": f"Bearer {token}",
                "content-type": "application/json",
                "content-length": "9",
            }
            scope = {
                "type": "http",
                "method": method,
                "path": address,
                "raw_path": address.encode(),
                "query_string": b"",
                "root_path": "",
                "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
            }
            async with asyncio.timeout(LONG_S):
                await app(scope, receive, send)
    assert {path for (_, path), status in statuses.items() if status != 408} == BODILESS


async def test_an_upload_that_stalls_goes_on_where_it_ended(
    settings_with_files: Settings, factory: Factory
) -> None:
    async with opened(settings_with_files, factory, times=BodyTimes(LONG_S, SHORT_S)) as door:
        head, body = await door.send("PATCH", UPLOAD, kit.OCTETS, b"Content-Length: 5\r\n\r\nlay")
        assert b"\r\nrange: 0-2\r\n" in head.lower()
        assert json.loads(body)["errors"] == [
            {"code": "BLOB_UPLOAD_INVALID", "message": SENTENCE, "detail": {"upload": door.upload}}
        ]

        async with client(door) as http:
            digest = kit.digest_of(b"layer")
            fields = {"Content-Range": "3-4"}
            ended = await http.put(upload(door), params={"digest": digest}, content=b"er", headers=fields)
            assert ended.status_code == 201
            assert (await http.get(f"/v2/ada/app/blobs/{digest}")).content == b"layer"


async def test_a_blob_in_one_request_that_stalls_leaves_no_upload(
    settings_with_files: Settings, factory: Factory
) -> None:
    store = open_blob_store(settings_with_files.blob_url)
    async with opened(settings_with_files, factory, times=BodyTimes(LONG_S, SHORT_S)) as door:
        path = f"/v2/ada/app/blobs/uploads/?digest={kit.digest_of(b'layer')}"
        head, _ = await door.send("POST", path, kit.OCTETS, b"Content-Length: 5\r\n\r\nlay")
        assert head.startswith(b"HTTP/1.1 408 ")
        assert [one async for one in store.uploads()] == [door.upload]
    await store.close()


async def test_an_upload_may_take_any_time_while_bytes_come(
    settings_with_files: Settings, factory: Factory
) -> None:
    async def slowly() -> AsyncIterator[bytes]:
        for letter in b"layer":
            await asyncio.sleep(SHORT_S)
            yield bytes([letter])

    times = BodyTimes(whole_s=SHORT_S, pause_s=LONG_S)
    async with opened(settings_with_files, factory, times=times) as door, client(door) as http:
        assert (await http.patch(upload(door), content=slowly())).headers["Range"] == "0-4"


async def test_a_second_request_to_an_upload_is_told_to_wait(
    settings_with_files: Settings, factory: Factory
) -> None:
    arrived, gate = asyncio.Event(), asyncio.Event()

    async def first() -> AsyncIterator[bytes]:
        yield b"lay"
        arrived.set()
        await gate.wait()
        yield b"er"

    async with opened(settings_with_files, factory, times=BodyTimes()) as door, client(door) as http:
        running = asyncio.create_task(http.patch(upload(door), content=first()))
        await arrived.wait()
        await asyncio.sleep(SHORT_S)
        digest = kit.digest_of(b"layer")
        again = await http.patch(upload(door), content=b"lay", headers={"Content-Range": "0-2"})
        ending = await http.put(upload(door), params={"digest": digest})
        gate.set()
        done = await running

        for refused in (again, ending):
            assert refused.status_code == 409
            assert refused.headers["Retry-After"] == "5"
            assert refused.headers["Docker-Upload-UUID"] == door.upload
            assert refused.json()["errors"] == [
                {
                    "code": "BLOB_UPLOAD_INVALID",
                    "message": "another request is at work on this upload",
                    "detail": {"upload": door.upload},
                }
            ]
        assert (done.status_code, done.headers["Range"]) == (202, "0-4")
        assert (await http.put(upload(door), params={"digest": digest})).status_code == 201


async def test_a_second_request_takes_over_from_a_silent_one(
    settings_with_files: Settings, factory: Factory
) -> None:
    times = BodyTimes(LONG_S, LONG_S, give_way_s=SHORT_S)
    async with opened(settings_with_files, factory, times=times) as door, client(door) as http:
        silent = asyncio.create_task(door.send("PATCH", UPLOAD, kit.OCTETS, b"Content-Length: 5\r\n\r\nlay"))
        await asyncio.sleep(SHORT_S * 6)
        stale = await http.patch(upload(door), content=b"lay", headers={"Content-Range": "0-2"})
        head, body = await silent

        # The bytes of the first count, so the second learns where to go on.
        assert (stale.status_code, stale.headers["Range"]) == (416, "0-2")
        assert head.startswith(b"HTTP/1.1 408 ")
        assert b"Another request continues this upload, since this one was silent." in body
        went_on = await http.patch(upload(door), content=b"er", headers={"Content-Range": "3-4"})
        assert (went_on.status_code, went_on.headers["Range"]) == (202, "0-4")


async def test_a_request_of_another_process_is_told_to_wait_too(
    settings_with_files: Settings, factory: Factory
) -> None:
    arrived, gate = asyncio.Event(), asyncio.Event()

    async def first() -> AsyncIterator[bytes]:
        yield b"lay"
        arrived.set()
        await gate.wait()

    # Given another process that holds the lock of the upload
    other = open_blob_store(settings_with_files.blob_url)
    times = BodyTimes(give_way_s=0)
    async with opened(settings_with_files, factory, times=times) as door, client(door) as http:
        running = asyncio.create_task(other.append(door.upload, 0, first()))
        await arrived.wait()
        answers = [
            await http.patch(upload(door), content=b"lay"),
            await http.put(upload(door), params={"digest": kit.digest_of(b"lay")}),
        ]
        gate.set()
        assert await running == 3
        await other.close()
    refusal = (409, ["BLOB_UPLOAD_INVALID"])
    assert [(one.status_code, kit.error_codes(one)) for one in answers] == [refusal, refusal]


async def test_what_comes_after_the_body_may_take_any_time() -> None:
    messages = [
        {"type": "http.request", "body": b"a", "more_body": True},
        {"type": "http.request", "body": b"b", "more_body": False},
    ]

    async def receive() -> Message:
        if messages:
            return messages.pop(0)
        await asyncio.sleep(SHORT_S * 2)
        return {"type": "http.disconnect"}

    body = Body(receive, BodyTimes(whole_s=SHORT_S))
    assert [(await body.receive()).get("body") for _ in range(3)] == [b"a", b"b", None]


async def test_a_body_in_many_pieces_has_one_time_for_all() -> None:
    async def receive() -> Message:
        await asyncio.sleep(SHORT_S / 10)
        return {"type": "http.request", "body": b"a", "more_body": True}

    body = Body(receive, BodyTimes(whole_s=SHORT_S))

    async def read() -> None:
        while True:
            await body.receive()

    with pytest.raises(BodyStalled, match=SENTENCE):
        await read()


def client(door: Door) -> httpx.AsyncClient:
    """A client that may push into the repository."""
    return httpx.AsyncClient(base_url=f"http://{door.address}", headers=door.fields_for(UPLOAD))


def upload(door: Door) -> str:
    """The address of the upload."""
    return UPLOAD.replace("<upload>", door.upload)
