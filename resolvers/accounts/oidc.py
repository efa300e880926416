"""Identity tokens of external OIDC issuers: fetches the issuers' keys and verifies the tokens.

Keys are fetched from the address that OpenID Connect Discovery 1.0, section 4 derives from the issuer,
through the guard for outbound requests (SSRF). They are cached for an hour. An unknown key id causes one more
fetch, at most once a minute, so that nobody can make this server flood an issuer.
"""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson
from jose import jwk, jwt
from jose.exceptions import ExpiredSignatureError

from resolvers.access.foreign_tokens import MALFORMED, names_audience
from resolvers.errors import Invalid, Upstream
from resolvers.outbound.client import Client, Outbound
from resolvers.outbound.transport import Limits
from resolvers.outbound.urls import split_url

KEY_TYPES: Mapping[str, tuple[str, str | None]] = {
    "RS256": ("RSA", None),
    "RS384": ("RSA", None),
    "RS512": ("RSA", None),
    "ES256": ("EC", "P-256"),
    "ES384": ("EC", "P-384"),
    "ES512": ("EC", "P-521"),
}
"""The accepted algorithms, all asymmetric, each with the type (`kty`) and curve (`crv`) of its key."""

LEEWAY_S = 30
KEYS_LIFETIME_S = 3600.0
REFRESH_INTERVAL_S = 60.0
MAX_ISSUERS = 256
MAX_KEYS = 100
DOCUMENT_LIMITS = Limits(response_bytes=256 * 1024)
MAX_TOKEN_LENGTH = 16 * 1024
MIN_RSA_BITS = 2048

CONFIGURATION = "/.well-known/openid-configuration"

Claims = dict[str, Any]


@dataclass(slots=True)
class _Keys:
    """Cached keys of one issuer. Times are seconds of the clock; `failure` is why the last fetch failed."""

    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    keys: list[dict[str, Any]] = field(default_factory=list)
    valid_until: float = 0.0
    refreshed_at: float | None = None
    failure: str | None = None


class Issuers:
    """Verifies tokens of external issuers, with a cache (LRU) of the issuers' keys.

    `clock` is monotonic, in seconds.
    """

    def __init__(self, outbound: Outbound, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._outbound = outbound
        self._clock = clock
        self._issuers: OrderedDict[str, _Keys] = OrderedDict()

    async def verify(self, token: str, *, issuer: str, audiences: Collection[str]) -> Claims:
        """The claims of a valid token that this issuer signed for one of the audiences.

        Call it only with an issuer that a user chose to trust, since it sends requests to the issuer. Raises
        `Invalid` for any other token, `Upstream` if the keys cannot be fetched.
        """
        header = _header(token)
        key = await self._key(issuer, header)
        try:
            claims: Claims = jwt.decode(
                token,
                key,
                algorithms=[header["alg"]],
                issuer=issuer,
                # See `names_audience`; and the library would need the access token for `at_hash`.
                options={
                    "verify_aud": False,
                    "verify_at_hash": False,
                    "require_exp": True,
                    "require_iss": True,
                    "require_sub": True,
                    "leeway": LEEWAY_S,
                },
            )
        except ExpiredSignatureError as error:
            raise Invalid("Invalid token: it has expired.") from error
        except MALFORMED as error:
            raise Invalid("Invalid token: its signature or one of its claims is not valid.") from error
        if not names_audience(claims, audiences):
            raise Invalid("Invalid token: it was made for another audience.")
        return claims

    async def _key(self, issuer: str, header: Mapping[str, Any]) -> Any:
        known = self._issuers.setdefault(issuer, _Keys())
        self._issuers.move_to_end(issuer)
        if len(self._issuers) > MAX_ISSUERS:
            self._issuers.popitem(last=False)
        async with known.lock:
            if self._clock() >= known.valid_until:
                await self._refresh(issuer, known)
            found = _matching(known.keys, header)
            if found is None:
                # The issuer may have rotated its keys.
                await self._refresh(issuer, known)
                found = _matching(known.keys, header)
        if found is None:
            raise Invalid("Invalid token: the issuer has no such key.")
        return _constructed(found, header["alg"])

    async def _refresh(self, issuer: str, known: _Keys) -> None:
        """Fetch the keys, at most once in `REFRESH_INTERVAL_S`. Raises `Upstream`, `Invalid`."""
        now = self._clock()
        if known.refreshed_at is None or now - known.refreshed_at >= REFRESH_INTERVAL_S:
            known.refreshed_at, known.failure = now, None
            try:
                known.keys = await self._fetch(issuer)
            except (Invalid, Upstream) as error:
                known.failure = error.message
            else:
                known.valid_until = now + KEYS_LIFETIME_S
        if known.failure is not None and now >= known.valid_until:
            raise Upstream(f"The keys of the issuer cannot be fetched: {known.failure}")

    async def _fetch(self, issuer: str) -> list[dict[str, Any]]:
        async with self._outbound.client(DOCUMENT_LIMITS) as client:
            return await self._published(client, issuer)

    async def _published(self, client: Client, issuer: str) -> list[dict[str, Any]]:
        configuration = await self._document(client, issuer.rstrip("/") + CONFIGURATION)
        if configuration.get("issuer") != issuer:
            raise Upstream("Its configuration is that of another issuer.")
        address = configuration.get("jwks_uri")
        if not isinstance(address, str):
            raise Upstream("Its configuration has no `jwks_uri`.")
        keys = (await self._document(client, address)).get("keys")
        if not isinstance(keys, list):
            raise Upstream("Its document of keys has no list `keys`.")
        return [key for key in keys[:MAX_KEYS] if isinstance(key, dict)]

    async def _document(self, client: Client, url: str) -> dict[str, Any]:
        parts = split_url(url)
        if parts.scheme != "https" and not self._outbound.is_allowed(parts.hostname or ""):
            # Without TLS, anybody on the path could inject their own keys.
            raise Invalid("The issuer and its keys must have https addresses.")
        answer = await client.get(url, headers={"Accept": "application/json"})
        try:
            document = orjson.loads(answer.body)
        except orjson.JSONDecodeError:
            document = None
        if answer.status != 200 or not isinstance(document, dict):
            raise Upstream(f"{parts.hostname} answered {answer.status} instead of a document.")
        return document


def unverified_issuer(token: str) -> str | None:
    """The issuer that a token claims, unverified, to look up whether it is trusted; None if malformed."""
    if len(token) > MAX_TOKEN_LENGTH:
        return None
    try:
        issuer = jwt.get_unverified_claims(token).get("iss")
    except MALFORMED:
        return None
    return issuer if isinstance(issuer, str) else None


def _header(token: str) -> Mapping[str, Any]:
    """The header of a token. Raises `Invalid` unless its algorithm is accepted."""
    try:
        header: Mapping[str, Any] = jwt.get_unverified_header(token)
        algorithm = header.get("alg")
    except MALFORMED as error:
        raise Invalid("Invalid token: it is not a signed JWT.") from error
    if not isinstance(algorithm, str) or algorithm not in KEY_TYPES:
        raise Invalid(f"Invalid token: its algorithm is none of {', '.join(KEY_TYPES)}.")
    if "crit" in header:
        # RFC 7515, section 4.1.11: an extension that must be understood and is not makes the token invalid.
        raise Invalid("Invalid token: its header asks for an extension.")
    return header


def _matching(keys: list[dict[str, Any]], header: Mapping[str, Any]) -> dict[str, Any] | None:
    """The key for a header: by its `kid`, or the only suitable one if the header has no `kid`."""
    algorithm, kid = header["alg"], header.get("kid")
    kind, curve = KEY_TYPES[algorithm]
    fitting = [
        key
        for key in keys
        if key.get("kty") == kind
        and (curve is None or key.get("crv") == curve)
        and key.get("use", "sig") == "sig"
        and key.get("alg", algorithm) == algorithm
        and (kid is None or key.get("kid") == kid)
    ]
    return fitting[0] if len(fitting) == 1 else None


def _constructed(key: dict[str, Any], algorithm: str) -> Any:
    """Build the key. Raises `Upstream` for one that is malformed or too weak."""
    try:
        made = jwk.construct(key, algorithm)
        bits = made.prepared_key.key_size
    except Exception as error:
        # The libraries raise many kinds of errors for numbers that are not a valid key.
        raise Upstream("The issuer's key cannot be read.") from error
    if KEY_TYPES[algorithm][0] == "RSA" and bits < MIN_RSA_BITS:
        raise Upstream("The issuer's key is too short.")
    return made
