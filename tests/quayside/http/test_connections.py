"""How many connections are taken: of one address, and while descriptors last."""

import logging
import resource
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from ipaddress import ip_network
from pathlib import Path

import pytest

from quayside.http.connections import (
    ConnectionRefused,
    Connections,
    address_of,
    counted_address,
    raise_descriptor_limit,
)
from tests.live import connected
from tests.process import environment, log_of, serving

FAR_BELOW = 0
"""The number of a descriptor that is no reason to refuse anything."""


def status_of(connections: Connections, peer: str | None, descriptor: int = FAR_BELOW) -> int:
    """The status with which a connection is refused, 0 if it is taken."""
    try:
        connections.take(peer, descriptor)
    except ConnectionRefused as refusal:
        return refusal.status
    return 0


def test_an_address_has_so_many_places_and_gets_them_back() -> None:
    connections = Connections(2)
    places = [connections.take("192.0.2.1", FAR_BELOW) for _ in range(2)]

    assert [status_of(connections, peer) for peer in ("192.0.2.1", "192.0.2.2")] == [429, 0]
    for place in places[:1] * 2:
        assert place is not None
        place.leave()
    assert [status_of(connections, "192.0.2.1") for _ in range(2)] == [0, 429]


@pytest.mark.parametrize(
    ("peer", "counted"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:3::4", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("no address", "no address"),
    ],
)
def test_what_one_customer_has_is_one_address(peer: str, counted: str) -> None:
    assert counted_address(peer) == counted


def test_trusted_proxies_and_local_sockets_have_no_bound() -> None:
    connections = Connections(1, trusted_proxies=(ip_network("10.0.0.0/8"),))

    for peer in ("10.1.2.3", "::ffff:10.1.2.3", None):
        assert [status_of(connections, peer) for _ in range(3)] == [0, 0, 0]
    assert [status_of(connections, "192.0.2.1") for _ in range(2)] == [0, 429]
    assert [status_of(Connections(0), "192.0.2.1") for _ in range(3)] == [0, 0, 0]


@pytest.mark.parametrize(("limit", "last"), [(1024, 895), (100, 83), (65536, 65407)])
def test_the_last_descriptors_are_kept(limit: int, last: int) -> None:
    connections = Connections(descriptors=limit)

    assert [status_of(connections, "192.0.2.1", number) for number in (last, last + 1)] == [0, 503]


def test_refusals_are_logged_once_a_minute_with_their_number(caplog: pytest.LogCaptureFixture) -> None:
    seconds = 0.0
    connections = Connections(1, descriptors=100, clock=lambda: seconds)
    connections.take("192.0.2.1", FAR_BELOW)

    for at in (0, 1, 59, 60):
        seconds = at
        assert status_of(connections, "192.0.2.1") == 429
        assert status_of(connections, "192.0.2.1", 99) == 503

    told = [(one.levelno, one.getMessage(), vars(one)["refused"]) for one in caplog.records]
    assert told == [
        (logging.WARNING, "too many connections from one address", 1),
        (
            logging.ERROR,
            "the process runs out of file descriptors; raise its limit (ulimit -n, LimitNOFILE)",
            1,
        ),
        (logging.WARNING, "too many connections from one address", 3),
        (
            logging.ERROR,
            "the process runs out of file descriptors; raise its limit (ulimit -n, LimitNOFILE)",
            3,
        ),
    ]


def test_no_address_is_no_address() -> None:
    assert address_of("registry.example") is None


@pytest.fixture(scope="module")
def strict(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """A server that takes three connections of an address, and its directory."""
    directory = tmp_path_factory.mktemp("strict")
    environ = {"QUAYSIDE_CONNECTIONS_PER_ADDRESS": "3"}
    with serving(directory, "--no-jobs", environ=environ) as (client, _):
        client.close()
        yield f"127.0.0.1:{client.base_url.port}", directory


def connect(address: str) -> socket.socket:
    host, _, port = address.partition(":")
    return socket.create_connection((host, int(port)), timeout=30)


def test_a_connection_too_many_is_told_so(strict: tuple[str, Path]) -> None:
    address, directory = strict
    with ExitStack() as stack:
        held = [stack.enter_context(connect(address)) for _ in range(3)]
        for one in held:
            one.sendall(b"GET /healthz HTTP/1.1\r\nHost: h\r\n\r\n")
            assert one.recv(65536).startswith(b"HTTP/1.1 200 OK\r\n")
        refused = stack.enter_context(connect(address))
        assert refused.recv(65536) == (
            b"HTTP/1.1 429 Too Many Requests\r\ncontent-type: text/plain\r\nconnection: close\r\n"
            b"content-length: 50\r\n\r\nThere are too many connections from your address.\n"
        )
        assert refused.recv(1) == b""
        held[0].close()
        assert is_taken(address)
    told = [line for line in log_of(directory) if line["message"] == "too many connections from one address"]
    assert [(line["client"], line["refused"]) for line in told] == [("127.0.0.1", 1)]


async def test_a_web_socket_holds_its_place_to_its_end(strict: tuple[str, Path]) -> None:
    address, _ = strict
    async with connected(address), connected(address), connected(address):
        with connect(address) as refused:
            assert refused.recv(65536).startswith(b"HTTP/1.1 429 ")
    assert is_taken(address)


def is_taken(address: str) -> bool:
    """Whether a connection is served, soon: the server hears of an end a moment later."""
    for _ in range(500):
        with connect(address) as one:
            one.sendall(b"GET /healthz HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
            try:
                if one.recv(65536).startswith(b"HTTP/1.1 200 OK\r\n"):
                    return True
            except ConnectionError:
                continue
    return False


def test_a_process_without_descriptors_says_so_and_goes_on(tmp_path: Path) -> None:
    # Given a server that may open 100 files
    with serving(tmp_path, "--no-jobs") as (client, process):
        resource.prlimit(process.pid, resource.RLIMIT_NOFILE, (100, 100))
        address = f"127.0.0.1:{client.base_url.port}"
        assert client.get("/healthz").status_code == 200

        # When more connections come than that
        with ExitStack() as stack:
            many = [stack.enter_context(connect(address)) for _ in range(120)]
            last = many[-1].recv(65536)

            # Then the last are told so, and those that are there are served, database and all
            assert last.startswith(b"HTTP/1.1 503 Service Unavailable\r\n")
            assert last.endswith(b"The server has too many connections; try again later.\n")
            assert client.get("/readyz").json()["status"] == "ready"
        assert is_taken(address)
    told = [line for line in log_of(tmp_path) if line["logger"] == "quayside.connections"]
    assert [line["message"] for line in told] == [
        "the process runs out of file descriptors; raise its limit (ulimit -n, LimitNOFILE)"
    ]


def test_a_server_takes_the_descriptors_that_it_may_have() -> None:
    code = (
        "import resource as r; from quayside.http.connections import raise_descriptor_limit as up;"
        "r.setrlimit(r.RLIMIT_NOFILE, (64, min(4096, r.getrlimit(r.RLIMIT_NOFILE)[1]))); up();"
        "print(r.getrlimit(r.RLIMIT_NOFILE))"
    )
    printed = subprocess.run(
        [sys.executable, "-c", code], env=environment(), capture_output=True, text=True, check=True
    )
    soft, hard = printed.stdout.strip("()\n").split(", ")
    assert soft == hard
    # Where there is nothing to gain, nothing changes.
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    if before[0] >= 65536:
        raise_descriptor_limit()
        assert resource.getrlimit(resource.RLIMIT_NOFILE) == before
