"""How requests to other registries are authorized, and who is shown the credentials."""

import asyncio
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from resolvers.outbound.client import Outbound
from resolvers.upstreams.authorization import Credentials
from resolvers.upstreams.challenges import Challenge, parse_challenges
from resolvers.upstreams.errors import UpstreamInvalid, UpstreamLimited, UpstreamRefused
from resolvers.upstreams.limits import RegistryLimits
from resolvers.upstreams.registry import Access
from resolvers.upstreams.trust import is_within
from tests.quayside.registry.kit import digest_of
from tests.resolvers.upstreams.asking import NAME, FakeClock, opened, read
from tests.upstreams.upstream import FakeUpstream

KNOWN = Credentials("robot", "se cret:ü")
ACCOUNT = {"username": "robot", "password": "se cret:ü"}
SCOPE = f"repository:{NAME}:pull"


def shown(upstream: FakeUpstream, match: str = "") -> list[str | None]:
    """The credentials with each request."""
    return [each["headers"].get("authorization") for each in upstream.requests(match)]


async def test_a_password_is_shown_when_it_is_asked_for(upstream: FakeUpstream) -> None:
    upstream.image(NAME, "v1")
    upstream.ask_for("basic", **ACCOUNT)

    async with opened(upstream.host, credentials=KNOWN) as registry:
        assert await registry.ping() is Access.OPEN
        await registry.manifest(NAME, "v1")

    assert shown(upstream) == [None, KNOWN.basic, KNOWN.basic]


@pytest.mark.parametrize("kind", ["basic", "bearer"])
async def test_a_wrong_password_is_tried_once(upstream: FakeUpstream, kind: str) -> None:
    upstream.ask_for(kind, **ACCOUNT)

    async with opened(upstream.host, credentials=Credentials("robot", "wrong")) as registry:
        with pytest.raises(UpstreamRefused, match="UNAUTHORIZED") as caught:
            await registry.ping()

    assert caught.value.status == 401
    assert len(upstream.asked()) == 2
    assert "wrong" not in repr(Credentials("robot", "wrong"))


@pytest.mark.parametrize("kind", ["basic", "bearer"])
async def test_without_credentials_a_ping_only_tells_that_they_are_wanted(
    upstream: FakeUpstream, kind: str
) -> None:
    upstream.ask_for(kind, **ACCOUNT)

    async with opened(upstream.host) as registry:
        assert await registry.ping() is Access.CHALLENGED
        with pytest.raises(UpstreamRefused):
            await registry.manifest(NAME, "v1")


async def test_a_token_is_kept_for_its_scope(upstream: FakeUpstream) -> None:
    upstream.image(NAME, "v1", b"layer")
    upstream.image("team/other", "v1")
    upstream.ask_for("bearer", service="the service", **ACCOUNT)

    async with opened(upstream.host, credentials=KNOWN) as registry:
        await registry.manifest(NAME, "v1")
        await read(registry, digest_of(b"layer"))
        await registry.manifest("team/other", "v1")

    asked = [line.split("?")[0] for line in upstream.asked()]
    assert asked == [
        f"GET /v2/{NAME}/manifests/v1",
        "GET /token",
        f"GET /v2/{NAME}/manifests/v1",
        f"GET /v2/{NAME}/blobs/{digest_of(b'layer')}",
        "GET /token",  # its realm is known, so that nothing is asked in vain
        "GET /v2/team/other/manifests/v1",
    ]
    assert [parse_qs(urlsplit(each["path"]).query) for each in upstream.requests("token")] == [
        {"service": ["the service"], "scope": [scope], "account": ["robot"]}
        for scope in (SCOPE, "repository:team/other:pull")
    ]
    assert shown(upstream, "token") == [KNOWN.basic] * 2
    assert shown(upstream, "team/app") == [None] + [f"Bearer token-1-{SCOPE}"] * 2


async def test_public_content_is_had_by_a_token_without_credentials(upstream: FakeUpstream) -> None:
    upstream.image(NAME, "v1")
    upstream.ask_for("bearer", is_public=True, **ACCOUNT)

    async with opened(upstream.host) as registry:
        await registry.manifest(NAME, "v1")

    assert shown(upstream) == [None, None, f"Bearer token-1-{SCOPE}"]


@pytest.mark.parametrize(("lives_s", "passes_s", "tokens"), [(100, 89, 1), (100, 91, 2), (None, 55, 2)])
async def test_a_token_ends_before_it_expires(
    upstream: FakeUpstream, lives_s: int | None, passes_s: float, tokens: int
) -> None:
    upstream.image(NAME, "v1")
    upstream.ask_for("bearer", **({} if lives_s is None else {"expires_in": lives_s}))
    clock = FakeClock()

    async with opened(upstream.host, clock=clock) as registry:
        await registry.manifest(NAME, "v1")
        clock.time += passes_s
        await registry.manifest(NAME, "v1")

    assert len(upstream.asked("token")) == tokens
    assert len(upstream.asked("manifests")) == 3


async def test_a_token_that_is_refused_is_replaced_once(upstream: FakeUpstream) -> None:
    upstream.image(NAME, "v1")
    upstream.ask_for("bearer")
    clock = FakeClock()

    async with opened(upstream.host, clock=clock) as registry:
        await registry.manifest(NAME, "v1")
        upstream.revoke()
        clock.time += 10
        await registry.manifest(NAME, "v1")
        assert len(upstream.asked("token")) == 2
        upstream.rule(
            "manifests", status=401, headers={"WWW-Authenticate": f'Bearer realm="{upstream.url}/token"'}
        )
        with pytest.raises(UpstreamRefused):
            await registry.manifest(NAME, "v1")

    # A new token would not be another one.
    assert (len(upstream.asked("token")), len(upstream.asked("manifests"))) == (2, 5)


async def test_a_token_has_the_scope_that_a_registry_names_for_itself(upstream: FakeUpstream) -> None:
    challenge = {"WWW-Authenticate": f'Bearer realm="{upstream.url}/token",scope="all"'}
    for name in (NAME, "team/other"):
        upstream.image(name, "v1")
        upstream.rule(f"/v2/{name}/", times=1, status=401, headers=challenge)
    upstream.ask_for("bearer")

    async with opened(upstream.host) as registry:
        await registry.manifest(NAME, "v1")
        await registry.manifest("team/other", "v1")

    other = "repository:team/other:pull"
    assert [parse_qs(urlsplit(each["path"]).query)["scope"] for each in upstream.requests("token")] == [
        [SCOPE, "all"],
        [other],
        [other, "all"],
    ]


async def test_a_token_is_fetched_once_for_all_who_wait(upstream: FakeUpstream) -> None:
    upstream.image(NAME, "v1")
    upstream.ask_for("bearer")
    upstream.rule("token", delay=0.1)

    async with opened(upstream.host) as registry:
        await asyncio.gather(*[registry.manifest(NAME, "v1") for _ in range(4)])

    assert len(upstream.asked("token")) == 1


async def test_clients_with_the_same_account_share_what_they_were_told(upstream: FakeUpstream) -> None:
    upstream.image(NAME, "v1")
    upstream.ask_for("bearer", is_public=True, **ACCOUNT)
    clock = FakeClock()

    for credentials in (KNOWN, KNOWN, None, None):
        async with opened(upstream.host, credentials=credentials, clock=clock) as registry:
            await registry.manifest(NAME, "v1")
            # Whether the credentials are good is asked anew each time.
            assert await registry.ping() is (Access.OPEN if credentials else Access.CHALLENGED)

    token = [f"Bearer token-{n}-{SCOPE}" for n in range(6)]
    assert shown(upstream, "manifests") == [None, token[1], token[1], None, token[4], token[4]]
    assert shown(upstream, "token") == [KNOWN.basic] * 3 + [None]
    assert shown(upstream, "/v2/$") == ["Bearer token-2-none", "Bearer token-3-none", None, None]

    upstream.rule("manifests", times=1, status=429, headers={"Retry-After": "20"})
    async with opened(upstream.host, clock=clock, limits=RegistryLimits(tries=1)) as registry:
        with pytest.raises(UpstreamLimited):
            await registry.manifest(NAME, "v1")
    assert clock.slept == []
    async with opened(upstream.host, clock=clock) as registry:
        await registry.manifest(NAME, "v1")
    assert clock.slept == [20]


@pytest.mark.parametrize(
    "answer", ["{}", "[]", "<html>", '{"token": 5}', '{"token": "a b"}', '{"token": ""}']
)
async def test_what_is_no_token(upstream: FakeUpstream, answer: str) -> None:
    upstream.ask_for("bearer")
    upstream.rule("token", status=200, body=answer)

    async with opened(upstream.host) as registry:
        with pytest.raises(UpstreamInvalid, match=r"^127\.0\.0\.1 did not answer with a token\.$"):
            await registry.manifest(NAME, "v1")


async def test_credentials_are_not_shown_to_a_realm_elsewhere(
    upstream: FakeUpstream, other_upstream: FakeUpstream
) -> None:
    upstream.image(NAME, "v1")
    realm = other_upstream.url.replace("127.0.0.1", "localhost") + "/token"
    upstream.ask_for("bearer", realm=realm, **ACCOUNT)
    outbound = Outbound(["127.0.0.1", "localhost"])

    async with opened(upstream.host, credentials=KNOWN, outbound=outbound) as registry:
        with pytest.raises(UpstreamRefused, match=r"shown to localhost, which is another party\."):
            await registry.manifest(NAME, "v1")
    assert other_upstream.asked() == []

    # Who has none to show may ask there, as for registries that are a second name of another one.
    async with opened(upstream.host, outbound=outbound) as registry:
        with pytest.raises(UpstreamRefused):
            await registry.manifest(NAME, "v1")
    assert shown(other_upstream) == [None]


async def test_a_realm_at_a_private_address_is_not_asked(
    upstream: FakeUpstream, other_upstream: FakeUpstream
) -> None:
    upstream.ask_for("bearer", realm=other_upstream.url.replace("127.0.0.1", "127.0.0.2") + "/token")

    async with opened(upstream.host) as registry:
        with pytest.raises(UpstreamInvalid, match=r"127\.0\.0\.2 is not on the public internet"):
            await registry.manifest(NAME, "v1")

    assert other_upstream.asked() == []


@pytest.mark.parametrize("kind", ["basic", "bearer"])
async def test_credentials_do_not_follow_a_redirect(
    upstream: FakeUpstream, other_upstream: FakeUpstream, kind: str
) -> None:
    digest = other_upstream.blob(NAME, b"layer")
    upstream.ask_for(kind, **ACCOUNT)
    upstream.rule(r"blobs/sha256:\S+$", times=1, status=401, headers=_challenge(upstream, kind))
    upstream.rule("blobs", status=307, headers={"Location": f"{other_upstream.url}/v2/{NAME}/blobs/{digest}"})

    async with opened(upstream.host, credentials=KNOWN) as registry:
        assert await read(registry, digest, size=5) == b"layer"

    assert shown(upstream, "blobs")[-1] is not None
    assert shown(other_upstream) == [None]


async def test_a_server_to_which_a_registry_leads_cannot_ask_for_credentials(
    upstream: FakeUpstream, other_upstream: FakeUpstream
) -> None:
    other_upstream.ask_for("basic", **ACCOUNT)
    upstream.rule("manifests", status=307, headers={"Location": f"{other_upstream.url}/v2/a/manifests/v1"})

    async with opened(upstream.host, credentials=KNOWN) as registry:
        with pytest.raises(UpstreamRefused):
            await registry.manifest(NAME, "v1")

    assert shown(upstream) + shown(other_upstream) == [None, None]


def _challenge(upstream: FakeUpstream, kind: str) -> dict[str, Any]:
    realm = f'Bearer realm="{upstream.url}/token",service="s"' if kind == "bearer" else "Basic realm=x"
    return {"WWW-Authenticate": realm}


@pytest.mark.parametrize(
    ("registry", "realm", "expected"),
    [
        ("https://quay.io", "https://quay.io/v2/auth", True),
        ("https://quay.io", "https://QUAY.io.:8443/v2/auth", True),
        ("https://quay.io", "http://quay.io/v2/auth", False),
        ("http://quay.io", "http://quay.io:5001/auth", True),
        ("http://a.quay.io", "http://b.quay.io/auth", False),
        ("http://a.quay.io", "https://b.quay.io/auth", True),
        ("https://registry-1.docker.io", "https://auth.docker.io/token", True),
        ("https://registry.gitlab.com", "https://gitlab.com/jwt/auth", True),
        ("https://example.com", "https://auth.example.com/token", True),
        ("https://quay.io", "https://evil.io/token", False),
        ("https://quay.io", "https://notquay.io/token", False),
        ("https://quay.io", "https://quay.io.evil.com/token", False),
        ("https://quay.io", "https://io/token", False),
        ("https://a.co.uk", "https://b.co.uk/token", False),
        ("https://r.a.co.uk", "https://auth.a.co.uk/token", True),
        ("https://a.azurecr.io", "https://b.azurecr.io/token", False),
        ("https://a.azurecr.io", "https://a.azurecr.io/token", True),
        ("https://x.s3.amazonaws.com", "https://y.s3.amazonaws.com/token", False),
        ("https://10.0.0.1", "https://10.0.0.1:5001/token", True),
        ("https://10.0.0.1", "https://11.0.0.1/token", False),
        ("https://[::1]", "https://[::2]/token", False),
        ("https://registry", "https://auth/token", False),
        ("https://localhost:5000", "https://localhost:5001/token", True),
    ],
)
def test_the_trust_boundary(registry: str, realm: str, expected: bool) -> None:
    assert is_within(urlsplit(realm), urlsplit(registry)) is expected


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("", []),
        ("Basic", [("basic", {})]),
        ('Basic realm="a, b"', [("basic", {"realm": "a, b"})]),
        (
            'Bearer realm="https://a/t",service=b,scope="repository:c:pull,push"',
            [("bearer", {"realm": "https://a/t", "service": "b", "scope": "repository:c:pull,push"})],
        ),
        (
            'Negotiate, BEARER Realm = "https://a/\\"t" , Basic realm=x',
            [("negotiate", {}), ("bearer", {"realm": 'https://a/"t'}), ("basic", {"realm": "x"})],
        ),
        ('Bearer realm="unended', [("bearer", {})]),
        ("realm=x", []),
        ("Bearer realm=a,realm=b", [("bearer", {"realm": "a"})]),
    ],
)
def test_challenges(header: str, expected: list[tuple[str, dict[str, str]]]) -> None:
    assert parse_challenges(header) == [Challenge(*each) for each in expected]
