"""Request heads, at a real server."""

import asyncio
import socket
from collections.abc import Iterable, Iterator
from contextlib import suppress

import httpx
import pytest
import uvicorn
import uvloop
from starlette.types import Receive, Scope, Send

from quayside.http import protocol
from quayside.http.intake import take_large_pieces
from quayside.http.protocol import MAX_BUFFERED_BYTES, MAX_HEAD_BYTES, BufferingTransport
from tests.live import listening_at
from tests.process import serving

ENOUGH = 8 * 1024 * 1024
"""Bytes: far more than a server may read before it answers, socket buffers included."""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    with serving(tmp_path_factory.mktemp("server"), "--no-jobs") as (client, _):
        yield client


def answer_to(server: httpx.Client, *pieces: bytes) -> bytes:
    """Send bytes on a new connection until the server closes it or they end; the answer."""
    address = (server.base_url.host, server.base_url.port or 0)
    answer = b""
    with socket.create_connection(address, timeout=60) as connection, suppress(ConnectionError):
        for piece in pieces:
            with suppress(ConnectionError):
                connection.sendall(piece)
        while piece := connection.recv(65536):
            answer += piece
    return answer


def test_a_head_of_the_largest_size_is_read(server: httpx.Client) -> None:
    # Given a request whose address and fields have as many bytes as they may
    lines = [b"Host: h", b"Connection: close"]
    used = len(b"/healthz") + sum(len(line) - len(b": ") for line in lines) + len(b"X")
    head = b"\r\n".join([b"GET /healthz HTTP/1.1", *lines, b"X: " + b"a" * (MAX_HEAD_BYTES - used)])

    # When it is sent, and one with a byte more
    good = answer_to(server, head + b"\r\n\r\n")
    bad = answer_to(server, head + b"a\r\n\r\n")

    # Then the first is answered, and the other refused
    assert good.startswith(b"HTTP/1.1 200 OK\r\n")
    assert bad == (
        b"HTTP/1.1 431 Request Header Fields Too Large\r\ncontent-type: text/plain\r\nconnection: close\r\n"
        b"content-length: 33\r\n\r\nThe header fields are too large.\n"
    )


@pytest.mark.parametrize(
    "opening",
    [
        pytest.param(b"GET / HTTP/1.1\r\nHost: h\r\nX: ", id="one field without end"),
        pytest.param(b"GET / HTTP/1.1\r\n", id="a name without end"),
        pytest.param(b"", id="a method without end"),
        pytest.param(
            b"POST /graphql HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX: ",
            id="a field behind the body without end",
        ),
    ],
)
def test_an_endless_head_is_refused(server: httpx.Client, opening: bytes) -> None:
    answer = answer_to(server, opening, b"a" * ENOUGH)

    # The client may only see a closed connection, since it is still sending.
    assert b" 200 " not in answer
    assert server.get("/healthz").status_code == 200


def test_many_fields_are_refused_like_large_ones(server: httpx.Client) -> None:
    answer = answer_to(server, b"GET / HTTP/1.1\r\n" + b"A: b\r\n" * MAX_HEAD_BYTES)

    assert answer.split(b"\r\n")[0] in (b"HTTP/1.1 431 Request Header Fields Too Large", b"")


def test_an_address_that_is_too_long_is_414(server: httpx.Client) -> None:
    answer = answer_to(server, b"GET /" + b"a" * MAX_HEAD_BYTES + b" HTTP/1.1\r\nHost: h\r\n\r\n")

    assert answer.startswith(b"HTTP/1.1 414 ")


def test_invalid_http_is_400(server: httpx.Client) -> None:
    assert answer_to(server, b"\x16\x03\x01\x00\xf4 hello").split(b"\r\n")[0] == b"HTTP/1.1 400 Bad Request"


HOST_REFUSED = (
    b"HTTP/1.1 400 Bad Request\r\ncontent-type: text/plain\r\nconnection: close\r\n"
    b"content-length: 66\r\n\r\nA request has exactly one Host field: a host, and perhaps a port.\n"
)
UPGRADE = (
    b"GET /graphql HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: graphql-transport-ws\r\n"
)


@pytest.mark.parametrize(
    "opening",
    [
        pytest.param(b"GET /healthz HTTP/1.1\r\n", id="page"),
        pytest.param(b"GET /v2/ HTTP/1.1\r\n", id="registry"),
        pytest.param(b"POST /api/v1/signin HTTP/1.1\r\nContent-Length: 0\r\n", id="body"),
        pytest.param(b"GET http://h/healthz HTTP/1.1\r\n", id="whole address"),
        pytest.param(UPGRADE, id="websocket"),
    ],
)
@pytest.mark.parametrize(
    "hosts",
    [
        pytest.param([], id="none"),
        pytest.param([b"h", b"h"], id="two alike"),
        pytest.param([b"h", b"evil.example"], id="two"),
        pytest.param([b"h", b""], id="an empty one too"),
        pytest.param([b"h, evil.example"], id="a list"),
        pytest.param([b"ada@h"], id="user"),
        pytest.param([b"h/path"], id="path"),
        pytest.param([b"h h"], id="blank"),
        pytest.param([b"h:80:80"], id="two ports"),
        pytest.param([b"h:http"], id="port"),
        pytest.param([b"[::1"], id="bracket"),
        pytest.param(["hä".encode()], id="other letters"),
    ],
)
def test_a_request_names_one_host(server: httpx.Client, opening: bytes, hosts: list[bytes]) -> None:
    fields = b"".join(b"%b: %b\r\n" % (b"hOsT" if i else b"Host", host) for i, host in enumerate(hosts))

    assert answer_to(server, opening + fields + b"\r\n") == HOST_REFUSED


@pytest.mark.parametrize("host", [b"h", b"h:8080", b"[::1]:8080", b"a_b.example.", b"127.0.0.1", b"h:", b""])
def test_any_host_is_good_if_there_is_one(server: httpx.Client, host: bytes) -> None:
    answer = answer_to(server, b"GET /healthz HTTP/1.1\r\nConnection: close\r\nHost: " + host + b"\r\n\r\n")

    assert answer.startswith(b"HTTP/1.1 200 OK\r\n")


def test_the_version_before_needs_no_host_but_has_no_two(server: httpx.Client) -> None:
    # Health checks of load balancers have none.
    assert answer_to(server, b"GET /healthz HTTP/1.0\r\n\r\n").split(b"\r\n")[0] == b"HTTP/1.1 200 OK"
    assert answer_to(server, b"GET /healthz HTTP/1.0\r\nHost: h\r\nHost: h\r\n\r\n") == HOST_REFUSED


def test_the_bound_is_for_each_request_of_a_connection(server: httpx.Client) -> None:
    # Given requests that have more bytes together than the head of one may
    request = b"GET /healthz HTTP/1.1\r\nHost: h\r\nX: " + b"a" * 1000 + b"\r\n\r\n"
    last = request.replace(b"Host: h", b"Host: h\r\nConnection: close")

    # When they are sent without waiting for answers
    answer = answer_to(server, request * 99 + last)

    # Then each is answered
    assert answer.count(b"HTTP/1.1 200 OK\r\n") == 100


def test_trailer_fields_are_ignored(server: httpx.Client) -> None:
    # Given a query whose trailer claims another type for its body
    query = b'{"query": "{ __typename }"}'
    chunk = b"%x\r\n%b\r\n0\r\n" % (len(query), query)
    head = b"POST /graphql HTTP/1.1\r\nHost: h\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n"

    # When it is sent with the right type in its head, and without
    right = answer_to(
        server, head + b"Content-Type: application/json\r\n\r\n" + chunk + b"Content-Type: text/plain\r\n\r\n"
    )
    wrong = answer_to(server, head + b"\r\n" + chunk + b"Content-Type: application/json\r\n\r\n")

    # Then only the head counts
    assert right.startswith(b"HTTP/1.1 200 OK\r\n")
    assert wrong.startswith(b"HTTP/1.1 415 Unsupported Media Type\r\n")


async def test_a_head_that_takes_too_long_is_408(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(protocol, "HEAD_TIMEOUT_S", 0.2)

    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        await asyncio.sleep(0.5)
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    config = uvicorn.Config(application, http=protocol.BoundedHeadProtocol, lifespan="off", log_config=None)
    server = uvicorn.Server(config)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        serving = asyncio.create_task(server.serve(sockets=[listener]))
        port = listener.getsockname()[1]

        async def answer(*pieces: bytes) -> bytes:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            for piece in pieces:
                writer.write(piece)
                await asyncio.sleep(0.05)
            received = await reader.read()
            writer.close()
            return received

        # Given a client that says nothing, one that never ends its head, one that begins a second request and
        # stops, and one whose request takes longer to answer than a head may take
        whole = b"GET / HTTP/1.1\r\nHost: h\r\n"
        silent, endless, second, slow = await asyncio.gather(
            answer(),
            answer(whole, b"X: 1\r\n"),
            answer(whole + b"\r\n", whole),
            answer(whole + b"Connection: close\r\n\r\n"),
        )
        server.should_exit = True
        await serving

    # Then the first is closed, the next two get a 408 after their earlier answers, and the last one is served
    late = (
        b"HTTP/1.1 408 Request Timeout\r\ncontent-type: text/plain\r\nconnection: close\r\n"
        b"content-length: 37\r\n\r\nThe request took too long to arrive.\n"
    )
    assert (silent, endless) == (b"", late)
    assert second.startswith(b"HTTP/1.1 204 No Content\r\n")
    assert second.endswith(late)
    assert slow.startswith(b"HTTP/1.1 204 No Content\r\n")


async def test_what_an_answer_leaves_of_a_body_has_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(protocol, "REMAINDER_TIMEOUT_S", 0.2)

    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    head = b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\n"
    last = head.replace(b"Host", b"Connection: close\r\nHost")
    async with listening_at(application) as address:
        host, _, port = address.partition(":")

        async def answers(*pieces: bytes) -> int:
            """The number of answers until the server closes the connection."""
            reader, writer = await asyncio.open_connection(host, int(port))
            received = bytearray()

            async def read() -> None:
                with suppress(ConnectionError):
                    while piece := await reader.read(65536):
                        received.extend(piece)

            reading = asyncio.create_task(read())
            for piece in pieces:
                writer.write(piece)
                await asyncio.sleep(0.05)
            await reading
            writer.close()
            return received.count(b"HTTP/1.1 204 No Content\r\n")

        # Given a client whose body stops, one that goes on byte by byte, and one that ends it in time
        stopping, dripping, ending = await asyncio.gather(
            answers(head + b"a"),
            answers(head.replace(b"3", b"99"), *[b"a"] * 8),
            answers(head, b"abc", head + b"abc", last + b"abc"),
        )

    # Then only the last can use the connection again
    assert (stopping, dripping, ending) == (1, 1, 3)


@pytest.mark.parametrize("size", [3, 300_000])
async def test_a_connection_ends_that_is_idle_behind_a_body_which_was_answered_early(size: int) -> None:
    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        take_large_pieces(scope)
        if scope["method"] == "GET":
            # Longer than a connection may be idle.
            await asyncio.sleep(0.4)
        await receive()
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    config = uvicorn.Config(application, http=protocol.BoundedHeadProtocol, lifespan="off", log_config=None)
    config.timeout_keep_alive = 0.2  # type: ignore[assignment]
    server = uvicorn.Server(config)
    head = b"PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n\r\n" % size
    next_one = b"GET / HTTP/1.1\r\nHost: h\r\n\r\n"

    async def answers(behind: bytes) -> int:
        """The number of answers until the server closes the connection."""
        reader, writer = await asyncio.open_connection("127.0.0.1", listening.getsockname()[1])
        writer.write(head + b"a")
        answer = await reader.readuntil(b"\r\n\r\n")
        writer.write(b"b" * (size - 1) + behind)
        async with asyncio.timeout(5):
            answer += await reader.read()
        writer.close()
        return answer.count(b"HTTP/1.1 204 No Content\r\n")

    with socket.create_server(("127.0.0.1", 0)) as listening:
        serving = asyncio.create_task(server.serve(sockets=[listening]))
        try:
            # Also a request that comes at once behind the body is answered
            assert await asyncio.gather(answers(b""), answers(next_one)) == [1, 2]
        finally:
            server.should_exit = True
            await serving


@pytest.mark.parametrize("method", [b"GET", b"HEAD"])
async def test_an_answer_without_a_length_ends_with_the_connection_for_old_clients(method: bytes) -> None:
    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"abc", "more_body": True})
        await send({"type": "http.response.body", "body": b"d" * 20_000, "more_body": True})
        await send({"type": "http.response.body", "body": b"e"})

    async with listening_at(application) as address:
        host, _, port = address.partition(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(method + b" / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
        head, _, body = (await reader.read()).partition(b"\r\n\r\n")
        writer.close()

    fields = [line for line in head.split(b"\r\n") if not line.startswith(b"date: ")]
    assert fields == [b"HTTP/1.1 200 OK", b"server: uvicorn", b"connection: close"]
    assert body == (b"" if method == b"HEAD" else b"abc" + b"d" * 20_000 + b"e")


class RecordingTransport(asyncio.Transport):
    """Records what it is to send, call by call."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[object] = []

    def writelines(self, list_of_data: Iterable[bytes | bytearray | memoryview]) -> None:
        self.calls.append([*list_of_data])

    def close(self) -> None:
        self.calls.append("close")

    def is_closing(self) -> bool:
        return "close" in self.calls


async def test_writes_of_one_iteration_are_sent_together() -> None:
    inner = RecordingTransport()
    transport = BufferingTransport(inner, asyncio.get_running_loop())

    # Given a small answer, a long one in pieces, and one after which the connection is closed
    transport.write(b"head")
    transport.write(b"body")
    await asyncio.sleep(0)
    transport.write(b"head")
    transport.write(b"x" * (MAX_BUFFERED_BYTES + 1))
    transport.write(b"y")
    transport.close()
    await asyncio.sleep(0)

    # Then each leaves at once, in order, and nothing is sent twice
    assert inner.calls == [
        [b"head", b"body"],
        [b"head", b"x" * (MAX_BUFFERED_BYTES + 1)],
        [b"y"],
        "close",
    ]


def test_an_answer_to_a_disconnected_client_is_dropped() -> None:
    failures: list[dict[str, object]] = []

    async def answer_and_lose() -> None:
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda _, context: failures.append(context))
        ours, theirs = socket.socketpair()
        with theirs:
            inner, _ = await loop.create_connection(asyncio.Protocol, sock=ours)
            transport = BufferingTransport(inner, loop)

            # Given a connection that breaks, when an answer is written before anybody was told, and after
            inner.abort()
            transport.write(b"head")
            await asyncio.sleep(0.01)
            transport.write(b"head")
            await asyncio.sleep(0.01)

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(answer_and_lose())

    # Then no error is reported
    assert failures == []
