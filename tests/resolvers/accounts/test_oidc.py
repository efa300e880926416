"""Identity tokens of an issuer in its own process: which are accepted, how often its keys are fetched."""

import asyncio
import base64
import json
import time
from typing import Any

import pytest
from jose import jwt

from resolvers.accounts.oidc import KEYS_LIFETIME_S, REFRESH_INTERVAL_S, Issuers, unverified_issuer
from resolvers.errors import Invalid, Upstream
from resolvers.outbound.client import Outbound
from tests.issuer import CONFIGURATION, Issuer, private_pem

AUDIENCE = "registry.example"
AUDIENCES = {AUDIENCE, "https://registry.example"}


@pytest.fixture
def issuers() -> Issuers:
    return Issuers(Outbound(["127.0.0.1"]))


def claims(issuer: Issuer, **more: Any) -> dict[str, Any]:
    now = int(time.time())
    whole = {
        "iss": issuer.url,
        "aud": AUDIENCE,
        "sub": "crane",
        "iat": now,
        "nbf": now,
        "exp": now + 300,
        **more,
    }
    return {name: value for name, value in whole.items() if value is not None}


async def refusal(issuers: Issuers, issuer: Issuer, token: str) -> str:
    with pytest.raises(Invalid) as caught:
        await issuers.verify(token, issuer=issuer.url, audiences=AUDIENCES)
    return caught.value.message


async def test_a_valid_token_returns_its_claims(issuer: Issuer, issuers: Issuers) -> None:
    token = issuer.sign(claims(issuer, at_hash="of a token that we do not have"))

    found = await issuers.verify(token, issuer=issuer.url, audiences=AUDIENCES)

    assert (found["sub"], found["iss"], unverified_issuer(token)) == ("crane", issuer.url, issuer.url)


@pytest.mark.parametrize("audience", ["https://registry.example", ["other", AUDIENCE]])
async def test_one_matching_audience_is_enough(issuer: Issuer, issuers: Issuers, audience: Any) -> None:
    token = issuer.sign(claims(issuer, aud=audience))

    assert (await issuers.verify(token, issuer=issuer.url, audiences=AUDIENCES))["aud"] == audience


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"aud": "other"}, "Invalid token: it was made for another audience."),
        ({"aud": ["other", {"a": "b"}]}, "Invalid token: it was made for another audience."),
        ({"aud": []}, "Invalid token: it was made for another audience."),
        ({"aud": None}, "Invalid token: it was made for another audience."),
        ({"exp": 1}, "Invalid token: it has expired."),
        ({"exp": None}, "Invalid token: its signature or one of its claims is not valid."),
        ({"sub": None}, "Invalid token: its signature or one of its claims is not valid."),
        ({"sub": 7}, "Invalid token: its signature or one of its claims is not valid."),
        ({"iss": "https://other.example"}, "Invalid token: its signature or one of its claims is not valid."),
        ({"iss": None}, "Invalid token: its signature or one of its claims is not valid."),
        ({"nbf": 2**40}, "Invalid token: its signature or one of its claims is not valid."),
    ],
)
async def test_a_wrong_claim_is_refused(
    issuer: Issuer, issuers: Issuers, change: dict[str, Any], message: str
) -> None:
    assert await refusal(issuers, issuer, issuer.sign(claims(issuer, **change))) == message


async def test_a_token_signed_by_another_key_is_refused(issuer: Issuer, issuers: Issuers) -> None:
    forged = jwt.encode(claims(issuer), private_pem("RS256"), "RS256", headers={"kid": "first"})

    assert (
        await refusal(issuers, issuer, forged)
        == "Invalid token: its signature or one of its claims is not valid."
    )


async def test_a_public_key_is_not_accepted_as_an_hmac_secret(issuer: Issuer, issuers: Issuers) -> None:
    (key,) = [key for key in issuer.keys()["keys"] if key["kid"] == "first"]

    for algorithm in ("HS256", "HS384", "HS512"):
        forged = jwt.encode(claims(issuer), json.dumps(key), algorithm, headers={"kid": "first"})
        assert "its algorithm is none of RS256" in await refusal(issuers, issuer, forged)


async def test_an_unsigned_token_is_refused(issuer: Issuer, issuers: Issuers) -> None:
    def part(value: dict[str, Any]) -> str:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")

    for algorithm in ("none", "None", "NONE", "", None, ["RS256"], 5):
        forged = f"{part({'alg': algorithm, 'kid': 'first'})}.{part(claims(issuer))}."
        assert "its algorithm is none of RS256" in await refusal(issuers, issuer, forged)


async def test_a_key_in_the_header_is_ignored(issuer: Issuer, issuers: Issuers) -> None:
    pem = private_pem("RS256")
    header = {"jwk": {"kty": "RSA"}, "jku": "https://evil.example/keys", "kid": "first"}
    forged = jwt.encode(claims(issuer), pem, "RS256", headers=header)

    assert "its signature" in await refusal(issuers, issuer, forged)


async def test_an_extension_that_must_be_understood_is_refused(issuer: Issuer, issuers: Issuers) -> None:
    token = issuer.sign(claims(issuer), header={"crit": ["exp"]})

    assert await refusal(issuers, issuer, token) == "Invalid token: its header asks for an extension."


DEEP = base64.urlsafe_b64encode(b"[" * 9000).decode().rstrip("=")


@pytest.mark.parametrize(
    "token", ["", "x", "a.b.c", "..", "é.é.é", f"{DEEP}.{DEEP}.x", "x" * 20_000, "a.b.c.d.e"]
)
async def test_a_malformed_token_is_refused(issuer: Issuer, issuers: Issuers, token: str) -> None:
    assert unverified_issuer(token) is None
    assert await refusal(issuers, issuer, token) == "Invalid token: it is not a signed JWT."


async def test_elliptic_curves_are_accepted_only_with_their_keys(issuer: Issuer, issuers: Issuers) -> None:
    issuer.add_key("curve", "ES256")

    token = issuer.sign(claims(issuer), key="curve")

    assert (await issuers.verify(token, issuer=issuer.url, audiences=AUDIENCES))["sub"] == "crane"
    head, _, rest = issuer.sign(claims(issuer)).partition(".")
    header = json.loads(base64.urlsafe_b64decode(head + "=="))
    mixed = base64.urlsafe_b64encode(json.dumps(header | {"kid": "curve"}).encode()).decode().rstrip("=")
    assert await refusal(issuers, issuer, f"{mixed}.{rest}") == "Invalid token: the issuer has no such key."


async def test_a_short_key_is_not_used(issuer: Issuer, issuers: Issuers) -> None:
    issuer.add_key("short", "RS256", bits=1024)

    with pytest.raises(Upstream, match="too short"):
        await issuers.verify(issuer.sign(claims(issuer), key="short"), issuer=issuer.url, audiences=AUDIENCES)


async def test_keys_are_fetched_once_an_hour_and_again_for_an_unknown_key(issuer: Issuer) -> None:
    now = 0.0
    issuers = Issuers(Outbound(["127.0.0.1"]), clock=lambda: now)
    before = issuer.asked().get("/keys", 0)

    async def verify(key: str) -> int:
        await issuers.verify(issuer.sign(claims(issuer), key=key), issuer=issuer.url, audiences=AUDIENCES)
        return issuer.asked()["/keys"] - before

    assert [await verify("first"), await verify("first")] == [1, 1]

    # A new key is not fetched within the minute, and once after it.
    name = f"new-{time.monotonic_ns()}"
    issuer.add_key(name)
    with pytest.raises(Invalid, match="no such key"):
        await verify(name)
    assert issuer.asked()["/keys"] - before == 1
    now = REFRESH_INTERVAL_S
    assert [await verify(name), await verify(name)] == [2, 2]

    now += KEYS_LIFETIME_S - 1
    assert await verify("first") == 2
    now += 1
    assert await verify("first") == 3


async def test_concurrent_verifications_fetch_the_keys_once(issuer: Issuer, issuers: Issuers) -> None:
    before = issuer.asked().get(CONFIGURATION, 0)
    tokens = [issuer.sign(claims(issuer, jti=str(number))) for number in range(10)]

    await asyncio.gather(*(issuers.verify(token, issuer=issuer.url, audiences=AUDIENCES) for token in tokens))

    assert issuer.asked()[CONFIGURATION] - before == 1


@pytest.mark.parametrize(
    ("state", "message"),
    [
        ({"broken": True}, r"answered 500 instead of a document"),
        ({"issuer": "https://other.example"}, "Its configuration is that of another issuer"),
        ({"documents": {CONFIGURATION: "no JSON"}}, "answered 200 instead of a document"),
        ({"documents": {CONFIGURATION: ["a list"]}}, "answered 200 instead of a document"),
        ({"documents": {"/keys": {"keys": "none"}}}, "Its document of keys has no list"),
    ],
)
async def test_a_failed_fetch_of_keys_is_repeated_after_a_minute(
    issuer: Issuer, state: dict[str, Any], message: str
) -> None:
    now = 0.0
    issuers = Issuers(Outbound(["127.0.0.1"]), clock=lambda: now)
    token = issuer.sign(claims(issuer))
    issuer.behave(**state)
    before = issuer.asked().get(CONFIGURATION, 0)

    for _ in range(3):
        with pytest.raises(Upstream, match=message):
            await issuers.verify(token, issuer=issuer.url, audiences=AUDIENCES)
    assert issuer.asked()[CONFIGURATION] - before == 1

    issuer.behave()
    now = REFRESH_INTERVAL_S
    assert (await issuers.verify(token, issuer=issuer.url, audiences=AUDIENCES))["sub"] == "crane"


async def test_keys_are_not_fetched_from_a_private_address(issuer: Issuer, issuers: Issuers) -> None:
    documents = {CONFIGURATION: {"issuer": issuer.url, "jwks_uri": "http://169.254.169.254/keys"}}
    issuer.behave(documents=documents)

    with pytest.raises(Upstream, match="The issuer and its keys must have https addresses"):
        await issuers.verify(issuer.sign(claims(issuer)), issuer=issuer.url, audiences=AUDIENCES)


async def test_an_issuer_on_loopback_is_refused_unless_allowed_by_the_operator(issuer: Issuer) -> None:
    token = issuer.sign(claims(issuer))
    before = issuer.asked()

    with pytest.raises(Upstream, match="The issuer and its keys must have https addresses"):
        await Issuers(Outbound()).verify(token, issuer=issuer.url, audiences=AUDIENCES)

    assert issuer.asked() == before


@pytest.mark.parametrize(
    "broken",
    [{"n": "AQAB"}, {"n": ""}, {"e": None}, {"n": 5}, {"kty": "oct", "k": "c2VjcmV0"}, {"use": "enc"}],
)
async def test_malformed_keys_verify_nothing(
    issuer: Issuer, issuers: Issuers, broken: dict[str, Any]
) -> None:
    (key,) = [key for key in issuer.keys()["keys"] if key["kid"] == "first"]
    issuer.behave(documents={"/keys": {"keys": [key | broken, "no key", None]}})

    with pytest.raises((Invalid, Upstream)) as caught:
        await issuers.verify(issuer.sign(claims(issuer)), issuer=issuer.url, audiences=AUDIENCES)

    assert caught.value.message in {
        "Invalid token: the issuer has no such key.",
        "The issuer's key cannot be read.",
        "The issuer's key is too short.",
    }


async def test_a_token_without_a_key_id_needs_an_issuer_with_one_key(
    issuer: Issuer, issuers: Issuers
) -> None:
    keys = issuer.keys()["keys"]
    (first,) = [key for key in keys if key["kid"] == "first"]
    token = issuer.sign(claims(issuer), header={"kid": None})
    issuer.behave(documents={"/keys": {"keys": [first]}})

    assert (await issuers.verify(token, issuer=issuer.url, audiences=AUDIENCES))["sub"] == "crane"

    issuer.behave(documents={"/keys": {"keys": [first, first | {"kid": "second"}]}})
    assert (
        await refusal(Issuers(Outbound(["127.0.0.1"])), issuer, token)
        == "Invalid token: the issuer has no such key."
    )
