"""Upstreams of caches as this process asks them: one client for each, kept while it is used.

A client keeps connections and tokens, and the pace that its upstream wants, so that a pull of many blobs asks
for one token, and who was told to come later holds back all.
"""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from dataclasses import replace
from typing import Any
from weakref import WeakKeyDictionary

from resolvers.background import Background
from resolvers.caches.configuration import ProxyCacheRecord
from resolvers.context import Context, Site
from resolvers.upstreams.authorization import Credentials
from resolvers.upstreams.errors import (
    UpstreamFailure,
    UpstreamLimited,
    UpstreamRefused,
    UpstreamUnavailable,
    UpstreamUnknown,
)
from resolvers.upstreams.limits import PROMPT
from resolvers.upstreams.location import Location, parse_registry
from resolvers.upstreams.registry import Registry, UpstreamManifest, open_registry
from storage.clock import SKEW_MS, now_ms
from storage.secrets import SecretUnreadable

LIMITS = replace(PROMPT, at_once=32)
"""Clients wait, and many pull at once."""
BLOBS_AT_ONCE = 24
"""The other places are for short requests: a tag must not be checked only when blobs have come."""
BLOB_TURN_S = 30.0
"""The longest wait of a blob for its place."""
IDLE_S = 30.0
REST_S = 10.0
"""After an upstream could not be asked, what is stored is served for so long without trying again."""
MAX_FAILURES = 1_000
MAX_ABSENT = 10_000

_Scope = tuple[str, ...]
"""What a failure is about: all of an upstream, a repository of it, or a reference in that."""
_EVERYTHING: _Scope = ()
_ABSENT: WeakKeyDictionary[Background, dict[tuple[int, str, str], int]] = WeakKeyDictionary()
"""When an upstream was found not to have a tag, by the id of the cache, the repository and the tag."""


class _Session:
    """The client of one upstream, open until nobody has used it for a while."""

    def __init__(self, context: Context, cache: ProxyCacheRecord, location: Location) -> None:
        self._context = context
        self._cache = cache
        self._location = location
        self._users = 0
        self._blobs = asyncio.Semaphore(BLOBS_AT_ONCE)
        self._touched = asyncio.Event()
        self._touched.set()
        self.opened: asyncio.Future[Registry] = asyncio.get_running_loop().create_future()
        self._failures: dict[_Scope, tuple[UpstreamFailure, float]] = {}
        self.task = asyncio.create_task(self._run())

    async def _run(self) -> None:
        try:
            login = self._cache.login(self._context.secrets)
        except SecretUnreadable as error:
            raise UpstreamUnavailable(
                "The login of this cache cannot be read with the keys of the setting SECRET_KEY;"
                " make its configuration anew."
            ) from error
        async with open_registry(
            self._context.site.outbound,
            self._location,
            credentials=login and Credentials(*login),
            limits=LIMITS,
        ) as registry:
            self.opened.set_result(registry)
            while self._users or self._touched.is_set():
                self._touched.clear()
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._touched.wait(), IDLE_S)
            self._context.site.background.leave(_Session, self._cache.id, self)

    @asynccontextmanager
    async def used(self, name: str, reference: str) -> AsyncIterator[Registry]:
        """The client, kept open in the block, which asks for something in a repository.

        Raises what was refused a moment ago, since logins that are refused too often are locked.
        """
        refused = self.failure(name, reference)
        if isinstance(refused, UpstreamRefused):
            raise refused
        self._users += 1
        try:
            # What keeps the client from being made, such as a login that no key can read, ends the task.
            both: set[asyncio.Future[Any]] = {self.opened, self.task}
            await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
            if not self.opened.done():
                self.task.result()
            yield self.opened.result()
            for scope in _scopes(name, reference):
                self._failures.pop(scope, None)
        except UpstreamUnknown:
            raise
        except UpstreamFailure as error:
            self._remember(_scope_of(error, name, reference), error)
            raise
        finally:
            self._users -= 1
            self._touched.set()

    def _remember(self, scope: _Scope, error: UpstreamFailure) -> None:
        self._failures.pop(scope, None)
        while len(self._failures) >= MAX_FAILURES:
            del self._failures[next(iter(self._failures))]
        self._failures[scope] = error, time.monotonic() + REST_S

    def failure(self, name: str, reference: str) -> UpstreamFailure | None:
        """Why something could not be asked a moment ago; None if it may be asked."""
        now = time.monotonic()
        for scope in _scopes(name, reference):
            known = self._failures.get(scope)
            if known is not None and now < known[1]:
                return known[0]
        return None

    @asynccontextmanager
    async def blob_turn(self) -> AsyncIterator[None]:
        """A place among the blobs under way. Raises `UpstreamUnavailable` if none gets free in time."""
        try:
            async with asyncio.timeout(BLOB_TURN_S):
                await self._blobs.acquire()
        except TimeoutError as error:
            raise UpstreamUnavailable(f"{BLOBS_AT_ONCE} other blobs are on their way; come back.") from error
        try:
            yield
        finally:
            self._blobs.release()


def _scopes(name: str, reference: str) -> tuple[_Scope, ...]:
    return _EVERYTHING, (name,), (name, reference)


def _scope_of(error: UpstreamFailure, name: str, reference: str) -> _Scope:
    """What a failure is about. An upstream may refuse one repository, or answer nonsense for one tag."""
    if isinstance(error, UpstreamUnavailable | UpstreamLimited):
        return _EVERYTHING
    if isinstance(error, UpstreamRefused):
        return _EVERYTHING if error.is_of_login else (name,)
    return name, reference


class Upstream:
    """One repository of the upstream of a cache. Its errors are `UpstreamFailure`."""

    def __init__(self, context: Context, cache: ProxyCacheRecord, name: str) -> None:
        self._context = context
        self._cache = cache
        self.location = parse_registry(cache.upstream_registry, insecure=cache.is_insecure)
        self.name = self.location.name(name)

    def _session(self) -> _Session:
        # A cache that was made anew has another id, so that its login is never mixed with an older one.
        return self._context.site.background.join(
            _Session, self._cache.id, lambda: _Session(self._context, self._cache, self.location)
        )

    def failure(self, reference: str) -> UpstreamFailure | None:
        """Why the upstream could not be asked for something a moment ago; None if it may be asked."""
        return self._session().failure(self.name, reference)

    @asynccontextmanager
    async def asked(self, reference: str) -> AsyncIterator[Registry]:
        """The client of the upstream. It must be asked for what is meant in `name`."""
        async with self._session().used(self.name, reference) as registry:
            yield registry

    def lacks(self, tag: str) -> bool:
        """Whether the upstream was found not to have a tag, and need not be asked again yet."""
        at_ms = self._absent.get((self._cache.id, self.name, tag))
        return at_ms is not None and is_recent(self._context.site, at_ms)

    def note_absent(self, tag: str) -> None:
        """Remember that the upstream does not have a tag."""
        absent, key = self._absent, (self._cache.id, self.name, tag)
        absent.pop(key, None)
        while len(absent) >= MAX_ABSENT:
            del absent[next(iter(absent))]
        absent[key] = now_ms()

    @property
    def _absent(self) -> dict[tuple[int, str, str], int]:
        return _ABSENT.setdefault(self._context.site.background, {})

    async def head(self, reference: str) -> str:
        """The digest of a manifest by its tag or digest."""
        async with self.asked(reference) as registry:
            return (await registry.head_manifest(self.name, reference)).digest

    async def manifest(self, digest: str) -> UpstreamManifest:
        """A manifest by its digest."""
        async with self.asked(digest) as registry:
            return await registry.manifest(self.name, digest)

    async def blob(self, digest: str, *, size: int, start: int) -> AsyncIterator[bytes]:
        """The bytes of a blob from an offset on."""
        async with (
            self._session().blob_turn(),
            self.asked(digest) as registry,
            aclosing(registry.blob(self.name, digest, size=size, start=start)) as pieces,
        ):
            async for piece in pieces:
                yield piece


def is_recent(site: Site, at_ms: int) -> bool:
    """Whether what an upstream told of a tag at a time still counts.

    A time later than now is from before the clock went back.
    """
    return -SKEW_MS <= now_ms() - at_ms < site.proxy_cache_check_ms
