"""Which addresses are on everybody's internet, by the registries of special-purpose addresses."""

import ipaddress

import pytest

from resolvers.errors import Invalid
from resolvers.outbound.addresses import is_public
from resolvers.outbound.client import Outbound

PRIVATE = {
    "this network": ("0.0.0.0/8",),
    "private": ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7"),
    "shared behind the address translation of providers": ("100.64.0.0/10",),
    "this machine": ("127.0.0.0/8", "::1/128"),
    "link-local": ("169.254.0.0/16", "fe80::/10"),
    "site-local": ("fec0::/10",),
    "protocol assignments": ("192.0.0.0/24", "2001::/23"),
    "Teredo": ("2001::/32",),
    "documentation": (
        "192.0.2.0/24",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "2001:db8::/32",
        "3fff::/20",
    ),
    "benchmarks": ("198.18.0.0/15", "2001:2::/48"),
    "identifiers, which are no addresses": ("2001:10::/28", "2001:20::/28", "2001:30::/28"),
    "anycast to whatever is nearest": (
        "192.0.0.9/32",
        "192.0.0.10/32",
        "192.31.196.0/24",
        "192.52.193.0/24",
        "192.88.99.0/24",
        "192.175.48.0/24",
        "2001:1::1/128",
        "2001:3::/32",
        "2001:4:112::/48",
        "2620:4f:8000::/48",
    ),
    "multicast": ("224.0.0.0/4", "ff00::/8"),
    "reserved": ("240.0.0.0/4", "255.255.255.255/32"),
    "unspecified": ("::/128",),
    "compatible with IPv4": ("::/96",),
    "translated within one network": ("64:ff9b:1::/48", "::ffff:0:0:0/96"),
    "discarded": ("100::/64", "100:0:0:1::/64"),
    "segments of routing": ("5f00::/16",),
    "never given out": ("200::/7", "1000::/4", "4000::/3", "8000::/3", "e000::/4", "fe00::/9"),
    "metadata of clouds": (
        "100.100.100.200/32",
        "168.63.129.16/32",
        "169.254.169.254/32",
        "192.0.0.192/32",
        "fd00:ec2::254/128",
    ),
}
"""Blocks that are not public, by what they are for."""

BLOCKS = [pytest.param(block, id=f"{use}: {block}") for use, blocks in PRIVATE.items() for block in blocks]
V4_BLOCKS = [block for blocks in PRIVATE.values() for block in blocks if ":" not in block]

CARRIERS = {
    "mapped": "::ffff:{}",
    "NAT64": "64:ff9b::{}",
    "6to4": "2002:{}::1",
    "ISATAP": "2606:4700::5efe:{}",
    "ISATAP, of a unique IPv4 address": "2606:4700::200:5efe:{}",
}
"""IPv6 addresses that stand for an IPv4 address, where routers go on to it."""

PUBLIC = (
    "1.1.1.1",
    "8.8.8.8",
    "100.63.255.255",
    "100.128.0.0",
    "168.63.129.15",
    "192.0.1.0",
    "192.88.98.255",
    "192.88.100.0",
    "198.17.255.255",
    "198.20.0.0",
    "223.255.255.255",
)
"""IPv4 addresses that are public, among them neighbours of blocks that are not."""

PUBLIC_V6 = (
    "2001:200::1",
    "2001:4860:4860::8888",
    "2001:db7:ffff:ffff::1",
    "2001:db9::1",
    "2606:4700:4700::1111",
    "2a00:1450:4001:80b::200e",
    "2620:4f:7fff::1",
    "3ffe:ffff::1",
)


def carried(carrier: str, address: ipaddress.IPv4Address) -> ipaddress.IPv6Address:
    """The IPv6 address of a kind that stands for an IPv4 address."""
    return ipaddress.IPv6Address(carrier.format(f"{int(address) >> 16:x}:{int(address) & 0xFFFF:x}"))


@pytest.mark.parametrize("block", BLOCKS)
async def test_what_only_some_machines_can_reach_is_not_public(block: str) -> None:
    network = ipaddress.ip_network(block)

    for address in (network[0], network[network.num_addresses // 2], network[-1]):
        assert not is_public(address), address
        literal = f"[{address}]" if address.version == 6 else str(address)
        with pytest.raises(Invalid, match="not on the public internet"):
            await Outbound().check(f"https://{literal}/")


@pytest.mark.parametrize("carrier", CARRIERS.values(), ids=CARRIERS)
def test_an_address_that_stands_for_another_is_as_public_as_that(carrier: str) -> None:
    networks = [ipaddress.IPv4Network(block) for block in V4_BLOCKS]

    assert [
        block for block in networks for end in (block[0], block[-1]) if is_public(carried(carrier, end))
    ] == []
    assert [text for text in PUBLIC if not is_public(carried(carrier, ipaddress.IPv4Address(text)))] == []


@pytest.mark.parametrize("address", [*PUBLIC, *PUBLIC_V6])
def test_other_addresses_are_public(address: str) -> None:
    assert is_public(ipaddress.ip_address(address))


@pytest.mark.parametrize("block", ["fec0::/10", "192.88.99.0/24", "192.0.0.0/24", "3fff::/20", "5f00::/16"])
async def test_the_operator_opens_such_a_block(block: str) -> None:
    address = ipaddress.ip_network(block)[1]
    literal = f"[{address}]" if address.version == 6 else str(address)

    await Outbound([block]).check(f"https://{literal}/")
