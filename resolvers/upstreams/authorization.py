"""How requests to one registry are authorized: by tokens of its realm, or by a password (Basic).

Sources: "Token Authentication Specification" of distribution; RFC 7617. Nothing is sent before the registry
has asked for it. Tokens are kept for each scope until they expire, and fetched once for all who wait.
"""

import asyncio
import base64
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, urlencode, urlsplit

import orjson

from resolvers.errors import Invalid
from resolvers.outbound.urls import server_of, split_url
from resolvers.upstreams.challenges import Challenge, parse_challenges
from resolvers.upstreams.errors import UpstreamInvalid, UpstreamRefused
from resolvers.upstreams.memory import Memory, Realm, Token
from resolvers.upstreams.pace import Clock
from resolvers.upstreams.trust import is_within

_DEFAULT_LIFE_S = 60.0
_LONGEST_LIFE_S = 3600.0
_MARGIN = 0.1
"""The part of a token's life in which it is no longer used: requests take time, and clocks differ."""
_NEW_S = 5.0
"""How long a token is new: one that is refused meanwhile would be followed by another of the same kind."""
_MAX_TOKEN_LENGTH = 16_384

FetchToken = Callable[[str, Mapping[str, str]], Awaitable[bytes]]
"""GETs the address of a realm with headers, with retries; the body of a good answer."""


@dataclass(frozen=True, slots=True)
class Credentials:
    """The account of a registry. The password is never in a text of this object."""

    username: str
    password: str = field(repr=False)

    @property
    def basic(self) -> str:
        """The header `Authorization` by which they are shown."""
        return "Basic " + base64.b64encode(f"{self.username}:{self.password}".encode()).decode()


class Authorization:
    """The credentials for one registry, and the tokens got by them."""

    def __init__(
        self,
        registry_url: str,
        credentials: Credentials | None,
        fetch: FetchToken,
        *,
        clock: Clock,
        memory: Memory,
    ) -> None:
        self._registry = urlsplit(registry_url)
        self._credentials = credentials
        self._fetch = fetch
        self._clock = clock
        self._memory = memory
        self._locks: dict[str, asyncio.Lock] = {}

    async def header(self, scope: str) -> str | None:
        """What to send with a request for a scope, as far as it is known what the registry wants."""
        if self._memory.is_basic and self._credentials is not None:
            return self._credentials.basic
        return None if self._memory.realm is None else await self._token(self._memory.realm, scope)

    async def answer(self, challenge: str, scope: str, refused: str | None) -> str | None:
        """What to send instead after a 401 with this header; None if there is nothing else to show.

        `refused` is what was sent. Raises as a request for a token.
        """
        for found in parse_challenges(challenge):
            if found.scheme == "bearer" and "realm" in found.parameters:
                return await self._answer_bearer(found, scope, refused)
            if found.scheme == "basic" and self._credentials is not None:
                self._memory.is_basic = True
                return None if refused == self._credentials.basic else self._credentials.basic
        return None

    async def _answer_bearer(self, challenge: Challenge, scope: str, refused: str | None) -> str | None:
        self._memory.is_basic = False
        self._memory.realm = self._judged(challenge)
        kept, wanted = self._memory.tokens.get(scope), challenge.parameters.get("scope", "")
        if kept is not None and kept.header == refused:
            is_known = wanted in {"", scope, self._memory.scopes.get(scope, "")}
            if is_known and self._clock.now() < kept.fetched_at + _NEW_S:
                return None
            del self._memory.tokens[scope]
        self._memory.scopes[scope] = wanted
        return await self._token(self._memory.realm, scope)

    def _judged(self, challenge: Challenge) -> Realm:
        """The realm, if it may be asked. Without credentials nothing is shown there, so that any will do."""
        url = challenge.parameters["realm"]
        try:
            parts = split_url(url)
        except Invalid as error:
            raise UpstreamInvalid(
                f"{self._registry.hostname} names an impossible realm for its tokens.", status=401
            ) from error
        if self._credentials is not None and not is_within(parts, self._registry):
            raise UpstreamRefused(
                f"{self._registry.hostname} wants the credentials to be shown to {server_of(url)}, which is"
                " another party. Without credentials public content can be had.",
                status=401,
            )
        return Realm(url, challenge.parameters.get("service", ""))

    async def _token(self, realm: Realm, scope: str) -> str:
        """The header with a token for a scope: a kept one, or a new one for all who wait."""
        async with self._locks.setdefault(scope, asyncio.Lock()):
            kept = self._memory.tokens.get(scope)
            if kept is None or kept.expires_at <= self._clock.now():
                kept = await self._ask(realm, scope)
                # One without a scope only shows that the credentials are right, anew each time.
                if scope:
                    self._memory.keep_token(scope, kept)
            return kept.header

    async def _ask(self, realm: Realm, scope: str) -> Token:
        parts = urlsplit(realm.url)
        query = parse_qsl(parts.query, keep_blank_values=True)
        scopes = dict.fromkeys((scope, self._memory.scopes.get(scope, "")))
        query += [("service", realm.service)] if realm.service else []
        query += [("scope", each) for each in scopes if each]
        headers = {"Accept": "application/json"}
        if self._credentials is not None:
            query.append(("account", self._credentials.username))
            headers["Authorization"] = self._credentials.basic
        asked_at = self._clock.now()
        body = await self._fetch(parts._replace(query=urlencode(query), fragment="").geturl(), headers)
        token, life_s = _read(body, server_of(realm.url))
        return Token(f"Bearer {token}", asked_at, asked_at + life_s * (1 - _MARGIN))


def _read(body: bytes, server: str) -> tuple[str, float]:
    """The token in an answer, and for how many seconds it is good."""
    try:
        answer = orjson.loads(body)
        token = answer.get("token") or answer["access_token"]
        life_s = float(answer.get("expires_in") or _DEFAULT_LIFE_S)
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        raise UpstreamInvalid(f"{server} did not answer with a token.") from error
    is_plain = isinstance(token, str) and token.isascii() and token.isprintable() and " " not in token
    if not is_plain or not 0 < len(token) <= _MAX_TOKEN_LENGTH or not life_s > 0:
        raise UpstreamInvalid(f"{server} did not answer with a token.")
    return token, min(life_s, _LONGEST_LIFE_S)
