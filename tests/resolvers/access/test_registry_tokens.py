"""Registry tokens: their claims, and refusal of forged, changed, foreign and expired ones."""

import base64
import hashlib
import hmac
import time
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

import orjson
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from jose import jwt

from resolvers.access.registry_tokens import (
    ISSUER,
    LIFETIME_S,
    RegistryGrant,
    RepositoryGrant,
    SigningKey,
    TokenSigner,
)
from resolvers.access.rsa_keys import constructed
from resolvers.errors import InvalidCredentials

T = TypeVar("T")

AUDIENCE = "registry.test"
KID = "the-key"
GRANT = RegistryGrant(
    subject="ada",
    account_id=7,
    account_epoch=3,
    credential_kind="app_token",
    credential_id=9,
    repositories={
        "ada/app": RepositoryGrant(11, 2, 5, frozenset({"pull", "push"})),
        "acme/tools/x": RepositoryGrant(12, 0, 0, frozenset()),
    },
    expires_at_s=0,
)


def pair() -> tuple[str, str]:
    """A new private key and its public half, as PEM."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    public = key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return private.decode(), public.decode()


PRIVATE, PUBLIC = pair()
FOREIGN_PRIVATE, FOREIGN_PUBLIC = pair()


class Keys:
    """Keys that never change: the first signs, all are valid."""

    def __init__(self, kid: str, private: str, public: dict[str, str]) -> None:
        self._signing = SigningKey(kid, constructed(private))
        self._public = {name: constructed(pem) for name, pem in public.items()}

    async def signing(self) -> SigningKey:
        return self._signing

    def at_hand(self, kid: str) -> Any | None:
        return self._public.get(kid)

    async def find(self, kid: str) -> Any | None:
        return self.at_hand(kid)


class Signer:
    """A signer with such keys, which never has to wait."""

    def __init__(self, kid: str, private: str, public: dict[str, str]) -> None:
        self._signer = TokenSigner(Keys(kid, private, public), audience=AUDIENCE)

    def issue(self, grant: RegistryGrant) -> str:
        return result(self._signer.issue(grant))

    def verify(self, token: str) -> RegistryGrant:
        return result(self._signer.verify(token))


def result(coroutine: Coroutine[Any, Any, T]) -> T:
    try:
        coroutine.send(None)
    except StopIteration as end:
        value: T = end.value
        return value
    raise AssertionError("it waits for something")


SIGNER = Signer(KID, PRIVATE, {KID: PUBLIC})


def encoded(value: Any) -> str:
    raw = value if isinstance(value, bytes) else orjson.dumps(value)
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def claims(**changes: Any) -> dict[str, Any]:
    """The claims of a valid token with some changed; None removes one."""
    good = jwt.get_unverified_claims(SIGNER.issue(GRANT)) | changes
    return {key: value for key, value in good.items() if value is not None}


def signed(body: dict[str, Any], *, key: str = PRIVATE, headers: dict[str, Any] | None = None) -> str:
    return str(jwt.encode(body, key, algorithm="RS256", headers={"kid": KID} | (headers or {})))


def by_hand(header: dict[str, Any], body: dict[str, Any], sign: Callable[[bytes], bytes]) -> str:
    """A token with any header and signature, as no library makes it."""
    text = f"{encoded(header)}.{encoded(body)}"
    return f"{text}.{encoded(sign(text.encode()))}"


def hmac_with_public_key(text: bytes) -> bytes:
    return hmac.new(PUBLIC.encode(), text, hashlib.sha256).digest()


def tampered(token: str) -> str:
    """The token with other claims under the same signature."""
    header, _, signature = token.split(".")
    return f"{header}.{encoded(claims(sub='root'))}.{signature}"


def flipped(token: str) -> str:
    """The token with one bit of its signature changed."""
    header, body, signature = token.split(".")
    raw = bytearray(base64.urlsafe_b64decode(signature + "=="))
    raw[20] ^= 1
    return f"{header}.{body}.{encoded(bytes(raw))}"


NOW = int(time.time())
FOREIGN_JWK = {"kty": "RSA", "n": "AQAB", "e": "AQAB"}
FORGED: dict[str, Callable[[], str]] = {
    "nothing": lambda: "",
    "no token": lambda: "x.y.z",
    "no text": lambda: "é" * 50,
    "too few parts": lambda: SIGNER.issue(GRANT).rpartition(".")[0],
    "other claims": lambda: tampered(SIGNER.issue(GRANT)),
    "other signature": lambda: flipped(SIGNER.issue(GRANT)),
    "no signature": lambda: SIGNER.issue(GRANT).rpartition(".")[0] + ".",
    "foreign key": lambda: signed(claims(), key=FOREIGN_PRIVATE),
    "expired": lambda: signed(claims(exp=NOW - 1)),
    "not yet": lambda: signed(claims(nbf=NOW + 3600)),
    "never expires": lambda: signed(claims(exp=None)),
    "expiry is no number": lambda: signed(claims(exp="tomorrow")),
    "other audience": lambda: signed(claims(aud="elsewhere.test")),
    "no audience": lambda: signed(claims(aud=None)),
    "other issuer": lambda: signed(claims(iss="elsewhere")),
    "no issuer": lambda: signed(claims(iss=None)),
    "no subject": lambda: signed(claims(sub=None)),
    "no grant": lambda: signed(claims(quayside=None)),
    "no access": lambda: signed(claims(access=None)),
    "access is no list": lambda: signed(claims(access="all")),
    "grant is no object": lambda: signed(claims(quayside=[1])),
    "access lacks a repository": lambda: signed(claims(access=[])),
    "unknown key": lambda: signed(claims(), headers={"kid": "another"}),
    "no key": lambda: by_hand({"alg": "RS256", "typ": "JWT"}, claims(), lambda _: b"x" * 256),
    "algorithm none": lambda: by_hand({"alg": "none", "kid": KID}, claims(), lambda _: b""),
    "algorithm NONE": lambda: by_hand({"alg": "NONE", "kid": KID}, claims(), lambda _: b""),
    "no algorithm": lambda: by_hand({"kid": KID}, claims(), lambda _: b""),
    "HMAC with the public key": lambda: by_hand({"alg": "HS256", "kid": KID}, claims(), hmac_with_public_key),
    "key in the header": lambda: signed(
        claims(), key=FOREIGN_PRIVATE, headers={"kid": KID, "jwk": FOREIGN_JWK, "x5c": [FOREIGN_PUBLIC]}
    ),
    "key at an address": lambda: signed(
        claims(), key=FOREIGN_PRIVATE, headers={"jku": "http://127.0.0.1/keys", "x5u": "http://127.0.0.1/key"}
    ),
}


def test_a_verified_token_returns_its_grant() -> None:
    before = int(time.time())

    grant = SIGNER.verify(SIGNER.issue(GRANT))

    assert before + LIFETIME_S <= grant.expires_at_s <= int(time.time()) + LIFETIME_S
    assert (grant.subject, grant.account_id, grant.account_epoch) == ("ada", 7, 3)
    assert (grant.credential_kind, grant.credential_id) == ("app_token", 9)
    assert grant.repositories == GRANT.repositories


def test_a_token_has_the_claims_of_the_specification() -> None:
    token = SIGNER.issue(GRANT)

    body = jwt.get_unverified_claims(token)

    assert jwt.get_unverified_header(token) == {"alg": "RS256", "kid": KID, "typ": "JWT"}
    assert (body["iss"], body["aud"], body["sub"]) == (ISSUER, AUDIENCE, "ada")
    assert body["exp"] - body["iat"] == LIFETIME_S
    assert body["nbf"] <= body["iat"]
    assert {entry["name"]: (entry["type"], set(entry["actions"])) for entry in body["access"]} == {
        "ada/app": ("repository", {"pull", "push"}),
        "acme/tools/x": ("repository", set()),
    }
    assert jwt.get_unverified_claims(SIGNER.issue(GRANT))["jti"] != body["jti"]


@pytest.mark.parametrize("forgery", FORGED)
def test_forged_tokens_are_refused(forgery: str) -> None:
    token = FORGED[forgery]()

    for _ in range(2):
        with pytest.raises(InvalidCredentials):
            SIGNER.verify(token)


def test_a_token_that_expires_after_it_was_verified_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    token = SIGNER.issue(GRANT)
    SIGNER.verify(token)
    later = time.time() + LIFETIME_S + 1

    monkeypatch.setattr(time, "time", lambda: later)

    for _ in range(2):
        with pytest.raises(InvalidCredentials):
            SIGNER.verify(token)


def test_a_token_signed_before_a_key_rotation_is_accepted() -> None:
    old = SIGNER.issue(GRANT)
    rotated = Signer("new", FOREIGN_PRIVATE, {KID: PUBLIC, "new": FOREIGN_PUBLIC})

    assert rotated.verify(old).subject == "ada"
    assert rotated.verify(rotated.issue(GRANT)).subject == "ada"
    with pytest.raises(InvalidCredentials):
        SIGNER.verify(rotated.issue(GRANT))


def test_a_token_is_good_on_a_host_whose_clock_is_behind_but_not_after_a_month_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = time.time()

    def issued(ahead_s: int) -> str:
        monkeypatch.setattr(time, "time", lambda: now + ahead_s)
        token = SIGNER.issue(GRANT)
        monkeypatch.undo()
        return token

    assert SIGNER.verify(issued(50)).subject == "ada"
    with pytest.raises(InvalidCredentials):
        SIGNER.verify(issued(30 * 86_400))
