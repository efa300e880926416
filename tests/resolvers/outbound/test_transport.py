"""Clients of other servers against one in a process of its own: connections, streams, limits, TLS."""

import asyncio
import hashlib
import json
import socket
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from resolvers.errors import Invalid, Upstream
from resolvers.outbound.client import MAX_DISCARDED_BYTES, Client, Outbound
from resolvers.outbound.destinations import Destinations
from resolvers.outbound.transport import GuardedTransport, Limits, Untrusted
from tests.certificates import make_certificate
from tests.peer import PIECE, peering

OUTBOUND = Outbound(["127.0.0.1"])


@pytest.fixture(scope="module")
def running_peer() -> Iterator[str]:
    """The address of a server, as the test before left it."""
    with peering() as port:
        yield f"http://127.0.0.1:{port}"


@pytest.fixture
def peer(running_peer: str) -> str:
    """The address of a server that has seen nothing yet."""
    httpx.post(f"{running_peer}/reset", trust_env=False).raise_for_status()
    return running_peer


@pytest.fixture
async def client() -> AsyncIterator[Client]:
    async with OUTBOUND.client() as opened:
        yield opened


async def said(client: Client, url: str, **more: Any) -> dict[str, Any]:
    """What the server says of a request."""
    answer: dict[str, Any] = json.loads((await client.get(url, **more)).body)
    return answer


async def seen(peer: str) -> dict[str, Any]:
    """What the server has seen, asked by another client."""
    async with httpx.AsyncClient(trust_env=False) as other:
        found: dict[str, Any] = (await other.get(f"{peer}/seen")).json()
    return {"connections": found["connections"], "paths": found["paths"]}


def resolve_to(monkeypatch: pytest.MonkeyPatch, *found: str) -> list[str]:
    """Let the resolver answer these addresses, one for each call. Returns the hosts that it is asked for."""
    asked: list[str] = []
    answers = iter(found)

    def resolve(host: str, port: int, *_: object, **__: object) -> list[tuple[object, ...]]:
        asked.append(host)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (next(answers), port))]

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    return asked


async def test_a_connection_is_used_again(peer: str, client: Client) -> None:
    numbers = [(await said(client, f"{peer}/{n}"))["connection"] for n in range(5)]

    assert numbers == [1] * 5


async def test_each_use_has_connections_of_its_own(peer: str) -> None:
    numbers = []
    for _ in range(3):
        async with OUTBOUND.client() as client:
            numbers.append((await said(client, peer))["connection"])

    assert numbers == [1, 2, 3]


async def test_connections_at_once_are_limited(peer: str) -> None:
    async with OUTBOUND.client(Limits(connections=2)) as client:
        answers = await asyncio.gather(*[client.get(f"{peer}/drip") for _ in range(6)])

    assert [answer.body for answer in answers] == [PIECE * 3] * 6
    assert await seen(peer) == {"connections": 2, "paths": ["/drip"] * 6}


async def test_no_cookie_is_kept(peer: str, client: Client) -> None:
    assert (await client.get(peer)).headers["set-cookie"] == "a=b; Path=/"

    assert "Cookie" not in (await said(client, peer))["fields"]


async def test_answers_are_asked_for_unpacked_unless_a_caller_wants_otherwise(
    peer: str, client: Client
) -> None:
    fields = [
        (await said(client, peer, headers=headers))["fields"]
        for headers in (None, {"Accept-Encoding": "gzip", "Accept": "application/json"})
    ]

    assert [(each["Accept-Encoding"], each["Accept"]) for each in fields] == [
        ("identity", "*/*"),
        ("gzip", "application/json"),
    ]


async def test_a_request_lost_on_a_kept_connection_is_sent_again(peer: str, client: Client) -> None:
    assert (await said(client, f"{peer}/forgetful"))["connection"] == 1

    assert (await said(client, f"{peer}/next"))["connection"] == 2


async def test_a_streamed_request_is_never_sent_twice(peer: str, client: Client) -> None:
    async def body() -> AsyncIterator[bytes]:
        yield b"once"

    await client.get(f"{peer}/forgetful")
    with pytest.raises(Upstream, match=r"^127\.0\.0\.1 cannot be reached\.$"):
        await client.request("GET", f"{peer}/next", content=body(), headers={"Content-Length": "4"})

    assert await seen(peer) == {"connections": 1, "paths": ["/forgetful"]}


async def test_a_host_is_resolved_once_for_each_connection(
    peer: str, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = resolve_to(monkeypatch, "127.0.0.1")
    url = peer.replace("127.0.0.1", "registry.example")

    answers = [await said(client, url) for _ in range(3)]

    assert [answer["connection"] for answer in answers] == [1, 1, 1]
    assert answers[0]["fields"]["Host"] == url.removeprefix("http://")
    assert asked == ["registry.example"]


async def test_a_name_that_moves_to_a_private_address_is_left(
    peer: str, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = resolve_to(monkeypatch, "127.0.0.1", "127.0.0.2")
    url = peer.replace("127.0.0.1", "registry.example")

    await client.get(f"{url}/forgetful")
    with pytest.raises(Invalid, match=r"^The host registry\.example is not on the public internet\.$"):
        await client.get(url)

    assert asked == ["registry.example"] * 2
    assert await seen(peer) == {"connections": 1, "paths": ["/forgetful"]}


@pytest.mark.parametrize("host", ["127.0.0.2", "localhost.example", "[::1]", "[::ffff:127.0.0.2]"])
async def test_a_redirect_does_not_reach_a_private_address(
    peer: str, client: Client, host: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if host == "localhost.example":
        resolve_to(monkeypatch, "127.0.0.1", "127.0.0.2")
    target = peer.replace("127.0.0.1", host) + "/secret"

    with pytest.raises(Invalid, match=r"is not on the public internet\.$"):
        await client.get(f"{peer}/redirect?to=/redirect%3Fto={target}")

    assert await seen(peer) == {"connections": 1, "paths": ["/redirect"] * 2}


async def test_a_client_of_httpx_has_the_same_guard(peer: str) -> None:
    """Whoever follows the redirect, the transport judges the connection."""
    transport = GuardedTransport(Destinations(["127.0.0.1"]), Limits(), httpx.create_ssl_context())
    target = peer.replace("127.0.0.1", "127.0.0.2")
    async with httpx.AsyncClient(transport=transport, follow_redirects=True) as client:
        with pytest.raises(Invalid, match=r"^The host 127\.0\.0\.2 is not on the public internet\.$"):
            await client.get(f"{peer}/redirect?to={target}")
        with pytest.raises(Upstream, match=r"^127\.0\.0\.1 answered more than 1048576 bytes\.$"):
            await client.get(f"{peer}/endless")

        assert (await client.get(f"{peer}/redirect?to=/there")).json()["path"] == "/there"


@pytest.mark.parametrize(
    ("size", "connections"), [(MAX_DISCARDED_BYTES - 10, 1), (MAX_DISCARDED_BYTES * 3, 2)]
)
async def test_a_redirect_keeps_its_connection_unless_its_body_is_long(
    peer: str, client: Client, size: int, connections: int
) -> None:
    assert (await said(client, f"{peer}/redirect?bytes={size}&to=/there"))["connection"] == connections


@pytest.mark.parametrize(
    ("target", "error"), [("http://[", Invalid), ("ftp://a/", Invalid), ("//a:b@c/", Invalid)]
)
async def test_a_redirect_to_what_is_no_url_is_refused(
    peer: str, client: Client, target: str, error: type[Exception]
) -> None:
    with pytest.raises(error):
        await client.get(f"{peer}/redirect?to={target}")


async def test_redirects_are_limited_by_the_use(peer: str) -> None:
    async with OUTBOUND.client(Limits(redirects=0)) as client:
        answer = await client.get(f"{peer}/redirect?to=/there")

    assert (answer.status, answer.headers["location"], answer.url) == (
        307,
        "/there",
        f"{peer}/redirect?to=/there",
    )


async def test_an_answer_is_read_as_it_comes(peer: str, client: Client) -> None:
    """The server sends a piece only when the client has read the one before."""
    async with client.stream("GET", f"{peer}/lockstep") as response:
        size = 0
        async for piece in response.pieces:
            size += len(piece)
            assert (await client.request("POST", f"{peer}/go")).status == 200

    assert (response.status, size) == (200, 3 * len(PIECE))


async def test_a_body_is_sent_as_it_comes(peer: str, client: Client) -> None:
    """The iterator goes on only when the server has what came before."""

    async def body() -> AsyncIterator[bytes]:
        for number in range(3):
            await client.get(f"{peer}/received?bytes={number * len(PIECE)}")
            yield PIECE

    answer = json.loads((await client.request("POST", f"{peer}/upload", content=body())).body)

    assert (answer["bytes"], answer["is_chunked"]) == (3 * len(PIECE), True)
    assert answer["sha256"] == hashlib.sha256(PIECE * 3).hexdigest()


async def test_a_streamed_body_may_tell_its_length(peer: str, client: Client) -> None:
    async def body() -> AsyncIterator[bytes]:
        yield b"abc"
        yield b"def"

    answer = await client.request("POST", f"{peer}/upload", content=body(), headers={"content-length": "6"})

    about = json.loads(answer.body)
    assert (about["bytes"], about["is_chunked"], about["length"]) == (6, False, "6")


@pytest.mark.parametrize("error", [OSError("disk"), TimeoutError("source"), Invalid("digest")])
async def test_what_the_body_raises_comes_as_it_is(peer: str, client: Client, error: Exception) -> None:
    async def body() -> AsyncIterator[bytes]:
        yield b"abc"
        raise error

    with pytest.raises(type(error)) as caught:
        await client.request("POST", f"{peer}/upload", content=body())

    assert caught.value is error
    # The client is none the worse for it.
    assert (await said(client, peer))["path"] == "/"


async def test_a_streamed_body_is_not_redirected(peer: str, client: Client) -> None:
    async def body() -> AsyncIterator[bytes]:
        yield b"once"

    fields = {"Content-Length": "4"}
    answer = await client.request("GET", f"{peer}/redirect?to=/there", content=body(), headers=fields)

    assert (answer.status, answer.headers["location"]) == (307, "/there")


async def test_what_is_done_with_an_answer_raises_as_it_is(peer: str, client: Client) -> None:
    async def copy() -> None:
        async with client.stream("GET", f"{peer}/endless") as response:
            async for _ in response.pieces:
                raise OSError("disk full")

    with pytest.raises(OSError, match=r"^disk full$"):
        await copy()

    assert (await said(client, peer))["path"] == "/"


async def test_an_endless_answer_is_left_at_the_limit(peer: str) -> None:
    limit = 10 * len(PIECE)
    async with OUTBOUND.client(Limits(response_bytes=limit, connections=1)) as client:
        size = 0

        async def copy() -> None:
            nonlocal size
            async with client.stream("GET", f"{peer}/endless") as response:
                async for piece in response.pieces:
                    size += len(piece)

        with pytest.raises(Upstream, match=rf"^127\.0\.0\.1 answered more than {limit} bytes\.$"):
            await copy()
        assert size <= limit
        # The only connection is free again.
        assert (await said(client, peer))["connection"] == 2


async def test_a_slow_answer_is_left_in_time(peer: str) -> None:
    """Each piece comes soon enough; all of them do not."""
    async with OUTBOUND.client(Limits(time_s=0.5, connections=1)) as client:
        with pytest.raises(Upstream, match=r"^127\.0\.0\.1 did not answer within 0\.5 seconds\.$"):
            await client.get(f"{peer}/drip?pieces=1000")
        assert (await said(client, peer))["connection"] == 2


async def test_time_counts_over_redirects(peer: str) -> None:
    """Each redirect comes soon enough; both of them do not."""
    again = "/redirect%3Fpause=0.4%26to=/there"
    async with OUTBOUND.client(Limits(time_s=0.6)) as client:
        with pytest.raises(Upstream, match=r"^127\.0\.0\.1 did not answer within 0\.6 seconds\.$"):
            await client.get(f"{peer}/redirect?pause=0.4&to={again}")

    assert (await seen(peer))["paths"] == ["/redirect"] * 2


async def test_time_counts_while_a_request_waits_for_a_connection(peer: str) -> None:
    async with OUTBOUND.client(Limits(time_s=0.5, connections=1)) as client:
        async with client.stream("GET", f"{peer}/lockstep"):
            with pytest.raises(Upstream, match=r"did not answer within 0\.5 seconds"):
                await client.get(peer)
        await client.get(peer)

    assert (await seen(peer))["paths"] == ["/lockstep", "/"]


async def test_proxies_of_the_environment_are_not_asked(
    peer: str, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")

    assert (await said(client, f"{peer}/direct"))["path"] == "/direct"


@pytest.fixture
def tls_peer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A server by TLS for `registry.example`, whose certificate the operator trusts."""
    certificate, key = make_certificate(tmp_path, "registry.example")
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    with peering(str(certificate), str(key)) as port:
        yield f"https://registry.example:{port}"


async def test_tls_verifies_the_name_though_the_connection_goes_to_an_address(
    tls_peer: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = resolve_to(monkeypatch, "127.0.0.1")
    async with Outbound(["127.0.0.1"]).client() as client:
        answers = [await said(client, f"{tls_peer}/{n}") for n in range(2)]

    assert [(answer["connection"], answer["server_name"]) for answer in answers] == [
        (1, "registry.example")
    ] * 2
    assert (answers[0]["fields"]["Host"], asked) == (tls_peer.removeprefix("https://"), ["registry.example"])


async def test_tls_refuses_another_name(tls_peer: str, monkeypatch: pytest.MonkeyPatch) -> None:
    resolve_to(monkeypatch, "127.0.0.1")
    async with Outbound(["127.0.0.1"]).client() as client:
        with pytest.raises(Untrusted, match=r"^other\.example shows a certificate that is not trusted\.$"):
            await client.get(tls_peer.replace("registry", "other"))


async def test_tls_refuses_a_certificate_that_the_operator_does_not_trust(
    tls_peer: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SSL_CERT_FILE")
    resolve_to(monkeypatch, "127.0.0.1")
    async with Outbound(["127.0.0.1"]).client() as client:
        with pytest.raises(Untrusted, match=r"^registry\.example shows a certificate that is not trusted\.$"):
            await client.get(tls_peer)


async def test_a_redirect_does_not_give_up_tls(
    tls_peer: str, peer: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    resolve_to(monkeypatch, "127.0.0.1")
    async with Outbound(["127.0.0.1"]).client() as client:
        with pytest.raises(Upstream, match=r"^registry\.example leads to an address without TLS\.$"):
            await client.get(f"{tls_peer}/redirect?to={peer}/")

    assert await seen(peer) == {"connections": 0, "paths": []}


async def test_an_address_that_does_not_answer_is_followed_by_the_next(
    peer: str, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def resolve(_: str, port: int, *__: object, **___: object) -> list[tuple[object, ...]]:
        kind = (socket.AF_INET, socket.SOCK_STREAM, 6, "")
        return [(*kind, (address, port)) for address in ("127.0.0.3", "127.0.0.1")]

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    async with Outbound(["127.0.0.0/8"]).client() as opened:
        assert (await said(opened, peer.replace("127.0.0.1", "registry.example")))["connection"] == 1
