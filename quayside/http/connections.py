"""How many connections a process takes: of one address, and altogether.

An address is that of the peer, an IPv6 network of 64 bits counting as one. Trusted proxies have no bound,
since all their clients are one peer.
"""

import logging
import math
import resource
import time
from collections import Counter
from collections.abc import Callable
from functools import lru_cache
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Any, Final

logger = logging.getLogger("quayside.connections")

MOST_DESCRIPTORS: Final = 65_536
"""The limit of file descriptors that a server gives itself where it may."""

LOG_EVERY_S: Final = 60.0
"""Refusals of one kind are logged once in this time, with their number."""

Networks = tuple[IPv4Network | IPv6Network, ...]


class ConnectionRefused(Exception):
    """The connection is not served; `status` says why: 429 for its address, 503 for the process."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


class Place:
    """The place of one connection among those of its address."""

    def __init__(self, counts: Counter[str], address: str) -> None:
        self._counts = counts
        self._address: str | None = address
        counts[address] += 1

    def leave(self) -> None:
        """Give the place back. A second time does nothing."""
        address, self._address = self._address, None
        if address is None:
            return
        self._counts[address] -= 1
        if not self._counts[address]:
            del self._counts[address]


class Connections:
    """The connections of this process.

    `per_address` is the most of one address, 0 for no bound. `descriptors` is the limit of the process on
    open files, by default the one of the system; the last of them are kept for files and the database.
    """

    def __init__(
        self,
        per_address: int = 0,
        *,
        trusted_proxies: Networks = (),
        descriptors: int | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._per_address = per_address
        self._trusted_proxies = trusted_proxies
        self._descriptors = descriptors
        self._counts: Counter[str] = Counter()
        self._clock = clock
        self._refused: Counter[int] = Counter()
        self._logged_at: dict[int, float] = {}

    def take(self, peer: str | None, descriptor: int) -> Place | None:
        """A place for a connection of this peer; None where its address is not counted.

        Raises `ConnectionRefused`.
        """
        # The system gives the lowest free number, so a high one says that those below are in use.
        if descriptor > self._last_descriptor():
            self._log(
                503,
                logging.ERROR,
                "the process runs out of file descriptors; raise its limit (ulimit -n, LimitNOFILE)",
                descriptor=descriptor,
            )
            raise ConnectionRefused(503)
        if not self._per_address or peer is None or is_within(peer, self._trusted_proxies):
            return None
        address = counted_address(peer)
        if self._counts[address] >= self._per_address:
            self._log(429, logging.WARNING, "too many connections from one address", client=address)
            raise ConnectionRefused(429)
        return Place(self._counts, address)

    def _last_descriptor(self) -> float:
        """The highest number that a connection may have. The limit may be changed from outside."""
        limit = self._descriptors or resource.getrlimit(resource.RLIMIT_NOFILE)[0]
        # RLIM_INFINITY is negative.
        return limit - max(16, min(128, limit // 8)) - 1 if limit > 0 else math.inf

    def _log(self, status: int, level: int, text: str, **more: Any) -> None:
        self._refused[status] += 1
        now = self._clock()
        last = self._logged_at.get(status)
        if last is None or now - last >= LOG_EVERY_S:
            self._logged_at[status] = now
            logger.log(level, text, extra={"refused": self._refused.pop(status), **more})


def raise_descriptor_limit() -> None:
    """Let this process and its children open as many files as the system allows them, up to 65,536."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MOST_DESCRIPTORS if hard < 0 else min(hard, MOST_DESCRIPTORS)
    if 0 <= soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def address_of(text: str) -> str | None:
    """An IP address in canonical form, or None. An IPv4-mapped IPv6 address becomes the IPv4 address."""
    try:
        address = ip_address(text)
    except ValueError:
        return None
    if isinstance(address, IPv6Address) and address.ipv4_mapped:
        return str(address.ipv4_mapped)
    return str(address)


@lru_cache(maxsize=4096)
def counted_address(peer: str) -> str:
    """What counts as one address: an IPv4 address, or the IPv6 network that one customer gets."""
    address = address_of(peer)
    if address is None or ":" not in address:
        return address or peer
    return str(ip_network((address.partition("%")[0], 64), strict=False))


@lru_cache(maxsize=4096)
def is_within(host: str, networks: Networks) -> bool:
    """Whether a host is an address in one of some networks."""
    address = address_of(host)
    return address is not None and any(ip_address(address) in network for network in networks)
