"""Public IP addresses, for the guard against SSRF.

The table follows the IANA registries of special-purpose addresses (RFC 6890) and of the IPv6 address space.
Python's `is_global` does not suffice: it depends on the version, and includes anycast addresses, whose
nearest server may be in the private network.
"""

import ipaddress

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_NOT_PUBLIC: tuple[Network, ...] = tuple(
    ipaddress.ip_network(block)
    for block in (
        "0.0.0.0/8",  # this network, RFC 791
        "10.0.0.0/8",  # private, RFC 1918
        "100.64.0.0/10",  # shared behind the address translation of providers, RFC 6598
        "127.0.0.0/8",  # this machine, RFC 1122
        "168.63.129.16/32",  # public by number, but one cloud's metadata for its machines
        "169.254.0.0/16",  # link-local, RFC 3927; metadata of clouds
        "172.16.0.0/12",  # private, RFC 1918
        "192.0.0.0/24",  # protocol assignments, RFC 6890; nearest relay; metadata of clouds
        "192.0.2.0/24",  # documentation, RFC 5737
        "192.31.196.0/24",  # anycast to the nearest sink of reverse lookups, RFC 7535
        "192.52.193.0/24",  # anycast to the nearest multicast relay, RFC 7450
        "192.88.99.0/24",  # anycast to the nearest relay of 6to4, RFC 7526
        "192.168.0.0/16",  # private, RFC 1918
        "192.175.48.0/24",  # anycast to the nearest sink of reverse lookups, RFC 7534
        "198.18.0.0/15",  # benchmarks, RFC 2544
        "198.51.100.0/24",  # documentation, RFC 5737
        "203.0.113.0/24",  # documentation, RFC 5737
        "224.0.0.0/4",  # multicast, RFC 5771
        "240.0.0.0/4",  # reserved, RFC 1112; limited broadcast, RFC 8190
        "2001::/23",  # protocol assignments, RFC 2928: Teredo, benchmarks, nearest relay
        "2001:db8::/32",  # documentation, RFC 3849
        "2620:4f:8000::/48",  # anycast to the nearest sink of reverse lookups, RFC 7534
        "3fff::/20",  # documentation, RFC 9637
    )
)

_GLOBAL_UNICAST = ipaddress.IPv6Network("2000::/3")
"""The part of IPv6 that IANA allocates. Outside are fc00::/7, fe80::/10, fec0::/10, 5f00::/16, 100::/64, …"""

_TRANSLATED = ipaddress.IPv6Network("64:ff9b::/96")
"""NAT64 addresses: a gateway forwards to the IPv4 address in the last four bytes, RFC 6052.

64:ff9b:1::/48 (RFC 8215) is the same for local use, and never public.
"""

_ISATAP = frozenset({0x00005EFE, 0x02005EFE})
"""The four bytes before the IPv4 address in an ISATAP address, RFC 5214."""


def is_public(address: Address) -> bool:
    """Whether an address is on the public internet: not private, local, shared, multicast or reserved.

    An IPv6 address that embeds an IPv4 address (mapped, 6to4, NAT64, ISATAP) is public only if that one is.
    """
    if isinstance(address, ipaddress.IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour
        if inner is None and address in _TRANSLATED:
            inner = _last_bytes(address)
        if inner is not None:
            return is_public(inner)
        if address not in _GLOBAL_UNICAST:
            return False
        if int(address) >> 32 & 0xFFFFFFFF in _ISATAP and not is_public(_last_bytes(address)):
            return False
    # Python's own table is checked as well: a newer version may know blocks that were reserved since.
    return address.is_global and not any(address in network for network in _NOT_PUBLIC)


def _last_bytes(address: ipaddress.IPv6Address) -> ipaddress.IPv4Address:
    return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
