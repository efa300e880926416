"""Proxies that are not trusted: noted in the database, where `quayside doctor` finds them.

Only peers at private addresses are taken for proxies: anybody on the internet can send the header.
"""

import asyncio
import logging
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from ipaddress import ip_address

from resolvers.site import note_untrusted_proxy
from storage.database import Database

logger = logging.getLogger("quayside.http")

EVERY_S = 3600
"""How often a process notes that it still sees one."""


class UntrustedProxies:
    """The peers that were told of; one at a time is noted, beside the requests."""

    def __init__(self) -> None:
        self._next_at = 0.0
        self._seen: asyncio.Queue[str] = asyncio.Queue(maxsize=1)

    def seen(self, address: str) -> None:
        """Note a peer that sent `X-Forwarded-For` without being trusted."""
        if time.monotonic() < self._next_at or self._seen.full() or not _is_private(address):
            return
        self._next_at = time.monotonic() + EVERY_S
        self._seen.put_nowait(address)

    @asynccontextmanager
    async def noting(self, database: Database) -> AsyncIterator[None]:
        """Note what is seen until the context ends."""
        task = asyncio.create_task(self._note(database))
        try:
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def _note(self, database: Database) -> None:
        while True:
            address = await self._seen.get()
            logger.warning(
                "a proxy that is not in TRUSTED_PROXIES forwards requests", extra={"proxy": address}
            )
            try:
                with database.current():
                    await note_untrusted_proxy(address)
            except Exception:
                logger.exception("a proxy could not be noted")


def _is_private(address: str) -> bool:
    try:
        return not ip_address(address).is_global
    except ValueError:
        return False
