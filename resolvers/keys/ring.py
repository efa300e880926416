"""What a process knows of the keys of registry tokens, and how it learns of others.

Whoever signs asks for the newest key, so that no process signs with one that another has replaced. Public
halves are read again each second in which they are needed, so that a key that somebody has stolen counts for
nothing a second after it was deleted; and at once when a token names a key that is unknown here: another
process may have made it a moment ago. Such looks are shared, and a quarter of a second apart, so that made-up
key ids cost the database four statements a second at most; who has a real one waits that long and no longer.
"""

import asyncio
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

from resolvers.access.registry_tokens import SigningKey, TokenSigner
from resolvers.access.rsa_keys import constructed
from resolvers.context import Context
from resolvers.keys.own_key import SERVICE, TOKENS, OwnService, ensure
from storage.clock import now_ms
from storage.hot import HotStore
from storage.statements import fetch_one

REFRESH_S = 1.0
LOOKS_APART_S = 0.25
MAX_KID = 64


@dataclass(frozen=True, slots=True)
class _Known:
    key: Any
    expires_at_ms: int | None


class KeyRing:
    """The keys of registry tokens as one process knows them (`SigningKeys`).

    `context` acts in nobody's name. `current` makes the database current, which it is not all the way of a
    pull. Public halves are read from `hot`, so that no pull waits for a connection that others use; without
    it the ring only signs.
    """

    def __init__(
        self, context: Context, current: Callable[[], AbstractContextManager[None]], hot: HotStore | None
    ) -> None:
        self._context = context
        self._current = current
        self._hot = hot
        self._signing: SigningKey | None = None
        self._known: dict[str, _Known] = {}
        self._looked_at = float("-inf")
        self._lock = asyncio.Lock()

    async def signing(self) -> SigningKey:
        """The key that signs now, made if there is none."""
        with self._current():
            self._signing = await signing_key(self._context, TOKENS, self._signing)
        return self._signing

    def at_hand(self, kid: str) -> Any | None:
        """The public half of a valid key; None if it is unknown here, or what is known here is old."""
        if time.monotonic() - self._looked_at > REFRESH_S:
            return None
        known = self._known.get(kid)
        if known is None or (known.expires_at_ms is not None and known.expires_at_ms <= now_ms()):
            return None
        return known.key

    async def find(self, kid: str) -> Any | None:
        """The public half of a valid key, looked up first; None if there is no such key."""
        if self._hot is not None and 0 < len(kid) <= MAX_KID:
            await self._look(self._hot)
        return self.at_hand(kid)

    async def _look(self, hot: HotStore) -> None:
        """Read the keys, or wait for somebody who does, and began after this call."""
        called_at = time.monotonic()
        async with self._lock:
            if self._looked_at > called_at:
                return
            await asyncio.sleep(self._looked_at + LOOKS_APART_S - time.monotonic())
            began_at = time.monotonic()
            found = await hot.keys(SERVICE)
            self._known = {
                row.kid: _Known(
                    before.key if (before := self._known.get(row.kid)) else constructed(row.public_key),
                    row.expires_at_ms,
                )
                for row in found
            }
            self._looked_at = began_at


async def signing_key(context: Context, own: OwnService, known: SigningKey | None = None) -> SigningKey:
    """The key of a service of the registry's own that signs now, made if there is none.

    It is `known` if that is the one. Raises `SecretUnreadable`.
    """
    newest = await ensure(context, own)
    context.site.uses.note("service_key", newest.id, newest.last_accessed_at_ms)
    if known is not None and known.kid == newest.kid:
        return known
    row = await fetch_one("SELECT private_key_encrypted FROM service_key WHERE id = ?", newest.id)
    if row is None:
        # Deleted between the two statements, which has made a successor.
        return await signing_key(context, own)
    return SigningKey(newest.kid, constructed(context.secrets.decrypt(row["private_key_encrypted"])))


async def load_signer(
    context: Context,
    current: Callable[[], AbstractContextManager[None]],
    *,
    audience: str,
    hot: HotStore | None = None,
) -> TokenSigner:
    """The signer of a process, which verifies nothing without `hot`.

    Raises `SecretUnreadable` if the key that signs cannot be read.
    """
    ring = KeyRing(context, current, hot)
    await ring.signing()
    return TokenSigner(ring, audience=audience)
