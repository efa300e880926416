"""Where outbound connections may go: resolves a host and judges all of its addresses (SSRF guard)."""

import asyncio
import ipaddress
import socket
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

from resolvers.errors import Invalid
from resolvers.outbound.addresses import Address, Network, is_public
from resolvers.outbound.proxies import is_local_name

_LOOKING = ThreadPoolExecutor(64, thread_name_prefix="names")
"""Threads that look up names. Where a name server is silent that takes long, so no other work waits there."""

FAILED_S = 5.0
"""How long a name that was not found is not looked up again."""
_MAX_FAILED = 1_000

_Question = tuple[asyncio.AbstractEventLoop, str, int]


class Destinations:
    """Which hosts may be connected to: those of the public internet, and those that the operator allowed.

    `allowed` are the host names, addresses and networks that the operator opened although they are private.
    """

    def __init__(self, allowed: Iterable[str] = ()) -> None:
        self._hosts: set[str] = set()
        self._networks: list[Network] = []
        self._looking: dict[_Question, asyncio.Future[list[Any]]] = {}
        self._failed: dict[str, tuple[float, str]] = {}
        for entry in allowed:
            try:
                self._networks.append(ipaddress.ip_network(entry.strip("[]"), strict=False))
            except ValueError:
                self._hosts.add(entry.lower().rstrip("."))

    def is_allowed(self, host: str) -> bool:
        """Whether the operator opened a host, given as a name or as an address."""
        name = host.lower().rstrip(".")
        if name in self._hosts:
            return True
        try:
            address = ipaddress.ip_address(name)
        except ValueError:
            return False
        return any(address in network for network in self._networks)

    async def resolve(self, host: str, port: int) -> list[Address]:
        """The addresses of a host, all of them judged: connect to these, and do not resolve the name again.

        Raises `Invalid` if one of them may not be connected to, `OSError` if the host has none.
        """
        try:
            found = await self._look_for(host, port)
        except UnicodeError as error:
            raise Invalid("A URL must name a host.") from error
        texts = dict.fromkeys(str(row[4][0]).partition("%")[0] for row in found)
        addresses = [ipaddress.ip_address(text) for text in texts]
        if self.is_allowed(host):
            return addresses
        for address in addresses:
            if not is_public(address) and not self.is_allowed(str(address)):
                raise Invalid(f"The host {host} is not on the public internet.")
        return addresses

    async def _look_for(self, host: str, port: int) -> list[Any]:
        """What the system knows of a host; whoever asks for it at the same time shares one look-up."""
        until, error = self._failed.get(host, (0.0, ""))
        if time.monotonic() < until:
            raise OSError(error)
        question = asyncio.get_running_loop(), host, port
        looking = self._looking.get(question)
        if looking is None:
            look = partial(socket.getaddrinfo, host, port, type=socket.SOCK_STREAM)
            looking = self._looking[question] = asyncio.get_running_loop().run_in_executor(_LOOKING, look)
            looking.add_done_callback(lambda done: self._looked_for(question, done))
        return await asyncio.shield(looking)

    def _looked_for(self, question: _Question, done: asyncio.Future[list[Any]]) -> None:
        del self._looking[question]
        # Whoever asked may be gone, so that the error is read here.
        error = None if done.cancelled() else done.exception()
        if isinstance(error, OSError):
            if len(self._failed) >= _MAX_FAILED:
                self._failed.clear()
            self._failed[question[1]] = time.monotonic() + FAILED_S, str(error)

    async def judge_behind_proxy(self, host: str, port: int) -> None:
        """Judge a host that a proxy will look for, which may know names that this machine does not.

        What this machine finds must be allowed. A name that it does not find is left to the proxy, unless
        its form says that it is one of a private network. Raises `Invalid`.
        """
        try:
            await self.resolve(host, port)
        except OSError as error:
            if is_local_name(host) and not self.is_allowed(host):
                raise Invalid(f"The host {host} is not on the public internet.") from error
