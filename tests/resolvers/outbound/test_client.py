"""Requests to addresses that users name: what may be reached, and what comes back."""

import asyncio
import socket
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from resolvers.errors import Invalid, Upstream
from resolvers.outbound.client import Answer, Outbound
from resolvers.outbound.transport import Limits

LOOPBACK = "127.0.0.0/8"

Reply = Callable[[str, dict[str, str]], bytes]


class Server:
    """An HTTP server on the loopback; `requests` holds the path and the headers of each request."""

    def __init__(self) -> None:
        self.requests: list[tuple[str, dict[str, str]]] = []
        self.port = 0

    def url(self, path: str = "/", host: str = "127.0.0.1") -> str:
        return f"http://{host}:{self.port}{path}"


@asynccontextmanager
async def serving(
    reply: Reply, *, after: Callable[[], Awaitable[None]] | None = None
) -> AsyncIterator[Server]:
    server = Server()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        headers = dict(line.lower().split(": ", 1) for line in head[1:] if line)
        path = head[0].split(" ")[1]
        server.requests.append((path, headers))
        if after is not None:
            await after()
        writer.write(reply(path, headers))
        writer.close()

    listener = await asyncio.start_server(answer, "127.0.0.1", 0)
    server.port = listener.sockets[0].getsockname()[1]
    async with listener:
        yield server


def response(body: bytes = b"", status: str = "200 OK", **headers: str) -> bytes:
    lines = [
        f"HTTP/1.1 {status}",
        "Connection: close",
        *(f"{name}: {text}" for name, text in headers.items()),
    ]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


async def get(
    outbound: Outbound, url: str, *, headers: dict[str, str] | None = None, **limits: Any
) -> Answer:
    """GET a URL with a client of its own."""
    async with outbound.client(Limits(**limits)) as client:
        return await client.get(url, headers=headers)


def hello(_: str, __: dict[str, str]) -> bytes:
    return response(b"hello", Etag="x")


async def test_an_answer_comes_whole() -> None:
    async with serving(hello) as server:
        answer = await get(Outbound([LOOPBACK]), server.url("/a?b=c"), headers={"X-Own": "1"})

    assert (answer.status, answer.body, answer.headers["etag"]) == (200, b"hello", "x")
    ((path, headers),) = server.requests
    assert (path, headers["x-own"], headers["host"]) == ("/a?b=c", "1", f"127.0.0.1:{server.port}")


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "0x7f.1", "2130706433", "[::ffff:127.0.0.1]"])
async def test_the_machine_itself_is_not_asked_by_any_of_its_names(host: str) -> None:
    async with serving(hello) as server:
        with pytest.raises(Invalid, match="not on the public internet"):
            await get(Outbound(), server.url(host=host))

    assert server.requests == []


@pytest.mark.parametrize("entry", ["localhost", "LOCALHOST.", "127.0.0.1", "127.0.0.0/8"])
async def test_the_operator_opens_hosts_addresses_and_networks(entry: str) -> None:
    async with serving(hello) as server:
        # The name may have an address of the other family as well, which only naming the host opens.
        host = "localhost" if entry[0] in "lL" else "127.0.0.1"
        assert (await get(Outbound([entry]), server.url(host=host))).body == b"hello"


async def test_a_name_with_one_private_address_is_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    def resolve(host: str, port: int, *_: object, **__: object) -> list[tuple[object, ...]]:
        kind = (socket.AF_INET, socket.SOCK_STREAM, 6, "")
        return [(*kind, ("8.8.8.8", port)), (*kind, ("10.0.0.1", port))]

    monkeypatch.setattr(socket, "getaddrinfo", resolve)

    with pytest.raises(Invalid, match=r"The host mixed\.example is not on the public internet\."):
        await get(Outbound(), "https://mixed.example/")


async def test_the_connection_goes_to_the_address_that_was_judged(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def resolve(host: str, port: int, *_: object, **__: object) -> list[tuple[object, ...]]:
        asked.append(host)
        assert len(asked) == 1, "the name was resolved again"
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))]

    async with serving(hello) as server:
        monkeypatch.setattr(socket, "getaddrinfo", resolve)
        answer = await get(Outbound([LOOPBACK]), server.url(host="issuer.example"))

    assert (answer.body, asked) == (b"hello", ["issuer.example"])
    assert server.requests[0][1]["host"] == f"issuer.example:{server.port}"


async def test_names_that_nobody_knows_hold_up_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    real, answered, asked = socket.getaddrinfo, threading.Event(), list[str]()

    def resolve(host: str, *rest: Any, **more: Any) -> list[Any]:
        if host.endswith(".example"):
            asked.append(host)
            answered.wait(30)
            raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")
        return real(host, *rest, **more)

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    outbound = Outbound([LOOPBACK])
    dead = [f"http://dead{number % 40}.example/" for number in range(80)]
    waiting = [asyncio.create_task(get(outbound, url)) for url in dead]
    try:
        async with serving(hello) as server:
            assert (await get(outbound, server.url(), time_s=10)).body == b"hello"
        assert await asyncio.wait_for(asyncio.to_thread(len, waiting), 10) == 80
    finally:
        answered.set()
    found = await asyncio.gather(*waiting, return_exceptions=True)
    assert {type(one) for one in found} == {Upstream}
    assert len(asked) == 40


@pytest.fixture
def no_names(monkeypatch: pytest.MonkeyPatch) -> None:
    """No host is known, whatever resolver the machine of the test has."""

    def resolve(*_: object, **__: object) -> list[tuple[object, ...]]:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", resolve)


@pytest.mark.parametrize("host", ["hooks.internal", "HOOKS.Internal", "hooks.internal."])
@pytest.mark.parametrize("entry", ["hooks.internal", "Hooks.INTERNAL", "hooks.internal."])
@pytest.mark.usefixtures("no_names")
async def test_a_host_that_the_operator_named_need_not_be_found_yet(entry: str, host: str) -> None:
    outbound = Outbound([entry])

    await outbound.check(f"https://{host}/done")

    # A request looks for the host, whatever was said before.
    with pytest.raises(Upstream, match=r"^hooks\.internal\.? cannot be reached\.$"):
        await get(outbound, f"https://{host}/done")


@pytest.mark.parametrize("url", ["https://elsewhere.internal/", "https://a.hooks.internal/"])
@pytest.mark.usefixtures("no_names")
async def test_any_other_host_must_be_found(url: str) -> None:
    with pytest.raises(Upstream, match=r"^The host \S+ cannot be found\.$"):
        await Outbound(["hooks.internal", LOOPBACK]).check(url)


@pytest.mark.parametrize(
    "url", ["ftp://hooks.internal/", "https://a:b@hooks.internal/", "https://hooks.internal:0/"]
)
async def test_an_address_at_a_named_host_keeps_the_rules(url: str) -> None:
    with pytest.raises(Invalid):
        await Outbound(["hooks.internal"]).check(url)


async def test_a_host_that_was_public_when_its_address_was_saved_is_judged_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    found = iter(["8.8.8.8", "127.0.0.1"])

    def resolve(host: str, port: int, *_: object, **__: object) -> list[tuple[object, ...]]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (next(found), port))]

    async with serving(hello) as server:
        monkeypatch.setattr(socket, "getaddrinfo", resolve)
        outbound = Outbound()
        await outbound.check(server.url(host="hooks.example"))
        with pytest.raises(Invalid, match=r"hooks\.example is not on the public internet"):
            await get(outbound, server.url(host="hooks.example"))

    assert server.requests == []


async def test_a_redirect_is_judged_like_the_first_address() -> None:
    async with serving(hello) as inner:

        def lead(_: str, __: dict[str, str]) -> bytes:
            return response(status="302 Found", Location=inner.url("/secret"))

        async with serving(lead) as outer:
            with pytest.raises(Invalid, match=r"127\.0\.0\.1 is not on the public internet"):
                await get(Outbound(["localhost"]), outer.url(host="localhost"))

    assert (len(outer.requests), inner.requests) == (1, [])


async def test_a_redirect_takes_no_headers_to_another_server() -> None:
    async with serving(hello) as inner:

        def lead(path: str, _: dict[str, str]) -> bytes:
            return response(status="307 Go", Location="/b" if path == "/a" else inner.url("/c"))

        async with serving(lead) as outer:
            answer = await get(Outbound([LOOPBACK]), outer.url("/a"), headers={"Authorization": "secret"})

    assert (answer.body, answer.url) == (b"hello", inner.url("/c"))
    assert [(path, headers.get("authorization")) for path, headers in outer.requests + inner.requests] == [
        ("/a", "secret"),
        ("/b", "secret"),
        ("/c", None),
    ]


async def test_redirects_come_to_an_end() -> None:
    async with serving(lambda path, _: response(status="302 Found", Location=path + "x")) as server:
        answer = await get(Outbound([LOOPBACK]), server.url("/"))

    assert answer.status == 302
    assert len(server.requests) == 1 + Limits().redirects


async def test_a_post_is_not_redirected() -> None:
    async with (
        serving(lambda *_: response(status="307 Go", Location="/elsewhere")) as server,
        Outbound([LOOPBACK]).client() as client,
    ):
        answer = await client.request("POST", server.url(), content=b"{}")

    assert (answer.status, len(server.requests)) == (307, 1)


async def test_too_long_an_answer_is_refused() -> None:
    async with serving(lambda *_: response(b"x" * 1001)) as server:
        with pytest.raises(Upstream, match="answered more than 1000 bytes"):
            await get(Outbound([LOOPBACK]), server.url(), response_bytes=1000)
        assert len((await get(Outbound([LOOPBACK]), server.url(), response_bytes=1001)).body) == 1001


async def test_a_server_that_does_not_answer_is_left() -> None:
    never = asyncio.Event()

    async def stall() -> None:
        await never.wait()

    async with serving(hello, after=stall) as server:
        with pytest.raises(Upstream, match=r"did not answer within 0\.2 seconds"):
            await get(Outbound([LOOPBACK]), server.url(), time_s=0.2)
        never.set()


async def test_a_server_that_is_not_there_is_named_without_its_path() -> None:
    async with serving(hello) as server:
        url = server.url("/token-in-path")

    with pytest.raises(Upstream) as caught:
        await get(Outbound([LOOPBACK]), url)

    assert caught.value.message == "127.0.0.1 cannot be reached."


@pytest.mark.parametrize(
    "url",
    [
        "ftp://registry.example/",
        "file:///etc/passwd",
        "//registry.example/",
        "registry.example",
        "http://",
        "http:///path",
        "https://user:password@registry.example/",
        "https://registry.example:0/",
        "https://registry.example:99999/",
        "https://registry.example/a b",
        "https://[::1/",
        "https://" + "é" * 300 + ".example/",
        "https://" + "a" * 64 + ".example/",
        "https://registry..example/",
        "https://.example/",
    ],
)
async def test_what_is_no_web_address_is_refused(url: str) -> None:
    outbound = Outbound([LOOPBACK])

    for ask in (outbound.check(url), get(outbound, url)):
        with pytest.raises(Invalid):
            await ask
