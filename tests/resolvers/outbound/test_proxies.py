"""Proxies that a user names: which is asked for what, and what may be asked through it."""

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from resolvers.errors import Invalid, Upstream
from resolvers.outbound.client import Client, Outbound
from resolvers.outbound.proxies import Proxies, Proxy, is_local_name, parse_proxies
from resolvers.outbound.tls import Tls
from resolvers.outbound.transport import Untrusted
from tests.certificates import make_certificate
from tests.upstreams.upstream import FakeUpstream, faking

OUTBOUND = Outbound(["127.0.0.1"])
BASIC = "Basic dTpwIHc="


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A certificate for this machine and for `registry.example`, and its key."""
    return make_certificate(tmp_path_factory.mktemp("tls"), "registry.example")


@pytest.fixture(scope="module")
def running_secure(certificate: tuple[Path, Path]) -> Iterator[FakeUpstream]:
    with faking(*certificate, verify=False) as fake:
        yield fake


@pytest.fixture
def secure(running_secure: FakeUpstream) -> FakeUpstream:
    """A server by TLS."""
    running_secure.reset()
    return running_secure


@pytest.fixture
def unknown_here(monkeypatch: pytest.MonkeyPatch) -> None:
    """This machine knows addresses alone, and no names."""
    resolve = socket.getaddrinfo

    def known(host: str, *arguments: object, **more: object) -> object:
        if not host[0].isdigit():
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return resolve(host, *arguments, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(socket, "getaddrinfo", known)


async def get(url: str, proxies: Proxies, outbound: Outbound = OUTBOUND, tls: Tls | None = None) -> int:
    """The status of a URL, asked by way of a proxy with a header of its own."""
    async with outbound.client(proxies=proxies, tls=tls or Tls()) as client:
        opened: Client = client
        return (await opened.get(url, headers={"X-Own": "1"})).status


async def test_plain_http_is_asked_by_the_proxy(upstream: FakeUpstream) -> None:
    with faking() as proxy:
        status = await get(f"{upstream.url}/v2/", parse_proxies(f"u:p%20w@{proxy.host}", None, None))
        (passed,) = proxy.requests()

    assert (status, passed["method"], passed["path"]) == (200, "GET", f"{upstream.url}/v2/")
    assert passed["headers"]["proxy-authorization"] == BASIC
    (asked,) = upstream.requests()
    assert (asked["path"], asked["headers"]["x-own"]) == ("/v2/", "1")
    assert "proxy-authorization" not in asked["headers"]


@pytest.mark.usefixtures("unknown_here")
async def test_tls_goes_through_a_tunnel_to_a_name_that_only_the_proxy_knows(
    upstream: FakeUpstream, secure: FakeUpstream, certificate: tuple[Path, Path]
) -> None:
    port = secure.host.rpartition(":")[2]
    upstream.rule("CONNECT registry.example", to="127.0.0.1")
    proxies = parse_proxies(None, f"http://u:p%20w@{upstream.host}", None)
    tls = Tls(extra_cas=certificate[0].read_text())

    assert await get(f"https://registry.example:{port}/v2/", proxies, tls=tls) == 200

    (tunnel,) = upstream.requests()
    assert (tunnel["method"], tunnel["path"]) == ("CONNECT", f"registry.example:{port}")
    assert tunnel["headers"]["proxy-authorization"] == BASIC
    assert "x-own" not in tunnel["headers"]
    (asked,) = secure.requests()
    assert (asked["headers"]["host"], asked["headers"]["x-own"]) == (f"registry.example:{port}", "1")

    with pytest.raises(Untrusted):
        await get(f"https://registry.example:{port}/v2/", proxies)


async def test_a_proxy_with_tls_is_verified_whatever_is_asked_through_it(
    upstream: FakeUpstream, secure: FakeUpstream, certificate: tuple[Path, Path]
) -> None:
    proxies = parse_proxies(secure.url, None, None)

    with pytest.raises(Untrusted, match=r"^127\.0\.0\.1, or the proxy before it, shows a certificate"):
        await get(f"{upstream.url}/v2/", proxies, tls=Tls(verify=False))
    assert secure.asked() == upstream.asked() == []

    assert await get(f"{upstream.url}/v2/", proxies, tls=Tls(extra_cas=certificate[0].read_text())) == 200
    assert secure.asked() == [f"GET {upstream.url}/v2/"]


@pytest.mark.usefixtures("unknown_here")
@pytest.mark.parametrize(
    "host",
    ["127.0.0.2", "169.254.169.254", "registry", "registry.internal", "x.svc.cluster.local", "localhost."],
)
async def test_what_is_private_is_not_asked_through_a_proxy(upstream: FakeUpstream, host: str) -> None:
    proxies = parse_proxies(upstream.host, upstream.host, "")

    for scheme in ("http", "https"):
        with pytest.raises(Invalid, match="is not on the public internet"):
            await get(f"{scheme}://{host}/v2/", proxies)

    assert upstream.asked() == []


@pytest.mark.usefixtures("unknown_here")
async def test_the_operator_opens_names_that_only_a_proxy_knows(upstream: FakeUpstream) -> None:
    upstream.rule("CONNECT", status=403)
    outbound = Outbound(["127.0.0.1", "registry.internal"])
    proxies = parse_proxies(None, upstream.host, None)

    with pytest.raises(Upstream, match=r"^The proxy does not lead to registry\.internal; it answered 403\.$"):
        await get("https://registry.internal/v2/", proxies, outbound)


async def test_a_proxy_at_a_private_address_is_not_asked(upstream: FakeUpstream) -> None:
    proxies = parse_proxies(upstream.host.replace("127.0.0.1", "127.0.0.2"), None, None)

    with pytest.raises(Invalid, match=r"^The host 127\.0\.0\.2 is not on the public internet\.$"):
        await get(f"{upstream.url}/v2/", proxies)

    assert upstream.asked() == []


async def test_a_host_without_proxy_is_asked_directly(upstream: FakeUpstream) -> None:
    proxies = parse_proxies("127.0.0.1:9", None, "other.example, 127.0.0.0/8")

    assert await get(f"{upstream.url}/v2/", proxies) == 200


@pytest.mark.parametrize(
    ("no_proxy", "url", "is_direct"),
    [
        ("", "https://quay.io/", False),
        ("*", "https://quay.io/", True),
        ("quay.io", "https://quay.io/", True),
        ("QUAY.io", "https://cdn.quay.IO./", True),
        (".quay.io", "https://cdn.quay.io/", True),
        ("*.quay.io", "https://cdn.quay.io/", True),
        ("quay.io", "https://notquay.io/", False),
        ("quay.io:8443", "https://quay.io/", False),
        ("quay.io:443", "https://quay.io/", True),
        ("10.0.0.0/8", "https://10.1.2.3/", True),
        ("10.0.0.0/8", "https://11.1.2.3/", False),
        ("10.0.0.0/8", "https://ten.example/", False),
        ("10.1.2.3", "https://10.1.2.3:5000/", True),
        ("10.1.2.3:5000", "https://10.1.2.3:5000/", True),
        ("::1", "https://[::1]/", True),
        ("[::1]:5000", "https://[::1]:5000/", True),
        ("[::1]:5000", "https://[::1]/", False),
        ("a.example b.example,c.example", "https://c.example/", True),
    ],
)
def test_hosts_without_proxy(no_proxy: str, url: str, is_direct: bool) -> None:
    proxies = parse_proxies(None, "proxy.example:3128", no_proxy)

    assert (proxies.proxy_for(url) is None) is is_direct
    assert proxies.proxy_for(url.replace("https", "http")) is None


def test_proxies_of_a_configuration() -> None:
    proxies = parse_proxies("http://proxy.example:3128/", "https://u:p%40w@proxy.example", " ")

    assert proxies == Proxies(
        Proxy("http://proxy.example:3128"), Proxy("https://proxy.example", ("u", "p@w")), ()
    )
    assert proxies.urls == ["http://proxy.example:3128", "https://proxy.example"]
    assert parse_proxies(None, "", None) == Proxies()
    assert "p@w" not in repr(proxies)


@pytest.mark.parametrize(
    "text",
    [
        "socks5://proxy",
        "http://",
        "http://proxy:0",
        "http://proxy:x",
        "http://a b",
        "http://p/path",
        "http://[",
    ],
)
@pytest.mark.parametrize("field", ["http_proxy", "https_proxy"])
def test_what_is_no_proxy(text: str, field: str) -> None:
    with pytest.raises(Invalid) as caught:
        parse_proxies(*((text, None) if field == "http_proxy" else (None, text)), None)

    assert caught.value.field == field
    assert caught.value.message.startswith(f"{field}: must be http://host:port")


@pytest.mark.parametrize(
    ("host", "expected"), [("a.example", False), ("a", True), ("a.LOCAL.", True), ("local.example", False)]
)
def test_names_of_private_networks(host: str, expected: bool) -> None:
    assert is_local_name(host) is expected
