"""Certificates of other registries, and registries without."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from resolvers.errors import Invalid
from resolvers.outbound.proxies import parse_proxies
from resolvers.outbound.tls import Tls
from resolvers.upstreams.authorization import Credentials
from resolvers.upstreams.errors import UpstreamUnavailable
from resolvers.upstreams.limits import RegistryLimits
from resolvers.upstreams.registry import Access
from tests.certificates import make_certificate
from tests.process import free_port
from tests.resolvers.upstreams.asking import NAME, FakeClock, opened
from tests.upstreams.upstream import FakeUpstream, faking


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return make_certificate(tmp_path_factory.mktemp("tls"))


@pytest.fixture(scope="module")
def secure(authority: tuple[Path, Path]) -> Iterator[FakeUpstream]:
    """A registry whose certificate is signed by nobody that the machine trusts."""
    with faking(*authority, verify=False) as fake:
        yield fake


async def test_a_certificate_is_trusted_if_its_authority_is(
    secure: FakeUpstream, authority: tuple[Path, Path]
) -> None:
    clock = FakeClock()
    async with opened(secure.host, insecure=False, clock=clock) as registry:
        with pytest.raises(
            UpstreamUnavailable, match=r"^127\.0\.0\.1 shows a certificate that is not trusted"
        ):
            await registry.ping()
    assert clock.slept == []

    for tls in (Tls(extra_cas=authority[0].read_text()), Tls(verify=False)):
        async with opened(secure.host, insecure=False, tls=tls) as registry:
            assert await registry.ping() is Access.OPEN


@pytest.mark.parametrize("text", ["x", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "é"])
async def test_authorities_that_are_no_certificates(text: str) -> None:
    with pytest.raises(Invalid, match=r"^extra_cas: must be certificates in PEM") as caught:
        async with opened("127.0.0.1:9", tls=Tls(extra_cas=text)):
            pass

    assert caught.value.field == "extra_cas"


async def test_plain_http_is_spoken_only_where_certificates_do_not_count(upstream: FakeUpstream) -> None:
    upstream.image(NAME, "v1")
    async with opened(upstream.host, insecure=False, limits=RegistryLimits(tries=1)) as registry:
        with pytest.raises(UpstreamUnavailable, match="cannot be reached"):
            await registry.ping()
    assert upstream.asked() == []

    account = Credentials("robot", "secret")
    upstream.ask_for("bearer", username="robot", password="secret")
    clock = FakeClock()
    for passes_s in (0, 10, 1000):
        clock.time += passes_s
        async with opened(
            upstream.host, insecure=False, tls=Tls(verify=False), credentials=account, clock=clock
        ) as registry:
            assert (await registry.manifest(NAME, "v1")).body
    # Whether it speaks TLS is tried once, and again when that is long ago.
    assert len(upstream.asked("/v2/$")) == 2


async def test_a_registry_that_speaks_neither(upstream: FakeUpstream) -> None:
    limits = RegistryLimits(tries=1)
    async with opened(
        f"127.0.0.1:{free_port()}", insecure=False, tls=Tls(verify=False), limits=limits
    ) as registry:
        with pytest.raises(UpstreamUnavailable, match="cannot be reached"):
            await registry.ping()


async def test_a_registry_is_asked_by_way_of_a_proxy(upstream: FakeUpstream, secure: FakeUpstream) -> None:
    secure.reset()
    digest = secure.image(NAME, "v1")
    proxy = parse_proxies(None, upstream.host, None)

    async with opened(secure.host, insecure=False, tls=Tls(verify=False), proxy=proxy) as registry:
        assert (await registry.head_manifest(NAME, "v1")).digest == digest

    assert upstream.asked() == [f"CONNECT {secure.host}"]
