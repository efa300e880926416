"""Whose pages may connect by WebSocket: those of the same scheme, host and port, as a server sees them."""

import socket
import ssl
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.certificates import make_certificate
from tests.process import serving

ENVIRON = {
    "QUAYSIDE_PUBLIC_URL": "https://Registry.example",
    "QUAYSIDE_CORS_ORIGINS": "https://console.example,http://old.example:8080",
    "QUAYSIDE_TRUSTED_PROXIES": "127.0.0.1",
}
BY_TLS = {"X-Forwarded-Proto": "https"}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    with serving(tmp_path_factory.mktemp("server"), "--no-jobs", environ=ENVIRON) as (client, _):
        yield client


def upgrade(server: httpx.Client, context: ssl.SSLContext | None = None, **fields: str | None) -> int:
    """The status of a handshake with these fields, as a browser that is signed in sends it."""
    given = {
        "Connection": "Upgrade",
        "Upgrade": "websocket",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
        "Sec-WebSocket-Protocol": "graphql-transport-ws",
        **fields,
    }
    lines = [f"{name}: {value}" for name, value in given.items() if value is not None]
    head = "\r\n".join(["GET /graphql HTTP/1.1", *lines, "", ""]).encode()
    connection = socket.create_connection((server.base_url.host, server.base_url.port or 0), timeout=60)
    with context.wrap_socket(connection, server_hostname="127.0.0.1") if context else connection as opened:
        opened.sendall(head)
        return int(opened.recv(65536).split()[1])


@pytest.mark.parametrize(
    ("origin", "host", "more", "status"),
    [
        # No page at all, as of programs.
        (None, "registry.example", {}, 101),
        # The public address, in its one spelling, whatever the connection is.
        ("https://registry.example", "inside:8080", {}, 101),
        ("https://registry.example:443", "inside:8080", {}, 101),
        ("http://registry.example", "inside:8080", {}, 403),
        ("https://registry.example:8443", "inside:8080", {}, 403),
        # What CORS_ORIGINS names, and its neighbours.
        ("https://console.example", "inside:8080", {}, 101),
        ("http://console.example", "inside:8080", {}, 403),
        ("http://old.example:8080", "inside:8080", {}, 101),
        ("https://old.example:8080", "inside:8080", {}, 403),
        ("http://old.example", "inside:8080", {}, 403),
        # The host of the connection, without TLS …
        ("http://inside:8080", "inside:8080", {}, 101),
        ("https://inside:8080", "inside:8080", {}, 403),
        ("http://inside", "inside:80", {}, 101),
        ("https://inside", "inside", {}, 403),
        ("http://inside:8080", "inside", {}, 403),
        ("http://[::1]:8080", "[::1]:8080", {}, 101),
        # … and with, as the proxy in front says.
        ("https://inside", "inside", BY_TLS, 101),
        ("https://inside", "inside:443", BY_TLS, 101),
        ("http://inside", "inside", BY_TLS, 403),
        ("http://inside:443", "inside", BY_TLS, 403),
        ("https://inside:80", "inside", BY_TLS, 403),
        # What is no page of the web.
        ("null", "inside:8080", {}, 403),
        ("", "inside:8080", {}, 403),
        ("inside:8080", "inside:8080", {}, 403),
        ("file://inside:8080", "inside:8080", {}, 403),
        ("chrome-extension://inside:8080", "inside:8080", {}, 403),
        ("http://user@inside:8080", "inside:8080", {}, 403),
        ("http://inside:8080.evil.example", "inside:8080", {}, 403),
        ("http://evil.example", "", {}, 403),
        ("http://", "", {}, 403),
    ],
)
def test_a_page_connects_from_its_own_origin(
    server: httpx.Client, origin: str | None, host: str, more: dict[str, str], status: int
) -> None:
    assert upgrade(server, Host=host, Origin=origin, **more) == status


def test_a_page_without_tls_does_not_speak_for_one_with(tmp_path: Path) -> None:
    certificate, key = make_certificate(tmp_path)
    context = ssl.create_default_context(cafile=certificate)
    environ = {"QUAYSIDE_TLS_CERT": str(certificate), "QUAYSIDE_TLS_KEY": str(key)}

    with serving(tmp_path, "--no-jobs", certificate=certificate, environ=environ) as (server, _):
        statuses = {
            origin: upgrade(server, context, Host="inside", Origin=origin)
            for origin in ("https://inside", "http://inside", "https://inside:8080")
        }

    assert statuses == {"https://inside": 101, "http://inside": 403, "https://inside:8080": 403}
