"""Where outbound connections may go: resolves a host and judges all of its addresses (SSRF guard)."""

import asyncio
import ipaddress
import socket
from collections.abc import Iterable

from resolvers.errors import Invalid
from resolvers.outbound.addresses import Address, Network, is_public


class Destinations:
    """Which hosts may be connected to: those of the public internet, and those that the operator allowed.

    `allowed` are the host names, addresses and networks that the operator opened although they are private.
    """

    def __init__(self, allowed: Iterable[str] = ()) -> None:
        self._hosts: set[str] = set()
        self._networks: list[Network] = []
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
            found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
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
