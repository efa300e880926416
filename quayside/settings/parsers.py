"""Parsers of settings.

Each takes a text and returns a value. It raises `ValueError` with a text that continues "must be …".
"""

import re
import urllib.parse
from collections.abc import Callable
from datetime import timedelta
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Final

from resolvers import byte_size

_DURATION: Final = re.compile(r"(\d{1,6})([smhdwy])")
_SECONDS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800, "y": 31_536_000}
_HOST: Final = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]{0,252}[A-Za-z0-9])?|[0-9A-Fa-f:.]{2,45}")
_NAME: Final = re.compile(r"[a-z0-9]+(?:[._-][a-z0-9]+)*")
MIN_SECRET_CHARACTERS: Final = 32


def boolean(text: str) -> bool:
    """`true` or `false`."""
    value = {"true": True, "false": False}.get(text.strip().lower())
    if value is None:
        raise ValueError("true or false")
    return value


def one_of(*choices: str) -> Callable[[str], str]:
    """A parser that accepts exactly these choices."""

    def parse(text: str) -> str:
        if text not in choices:
            raise ValueError(" or ".join(choices))
        return text

    return parse


def path(text: str) -> Path:
    """A path, made absolute against the working directory."""
    return Path(text).expanduser().absolute()


def file(text: str) -> Path:
    """The path of a file that exists."""
    if not path(text).is_file():
        raise ValueError("the path of a file that exists")
    return path(text)


def whole(minimum: int, maximum: int) -> Callable[[str], int]:
    """A parser of whole numbers in a range."""

    def parse(text: str) -> int:
        # Longer texts are not converted: they are out of any range.
        if not (text.isascii() and text.isdecimal() and len(text) <= 10 and minimum <= int(text) <= maximum):
            raise ValueError(f"a whole number from {minimum} to {maximum}")
        return int(text)

    return parse


port: Final = whole(1, 65_535)
"""A TCP port."""


def size(text: str) -> int:
    """A number of bytes with or without a unit, as in quotas: `10 GiB`, `512M`."""
    try:
        return byte_size.parse(text)
    except ValueError as error:
        raise ValueError(
            "a whole number of bytes below 2^63, or one with a unit, such as 512MiB (KiB, MiB, GiB … are"
            " powers of 1024; KB, MB, GB or K, M, G … powers of 1000)"
        ) from error


def host(text: str) -> str:
    """A host name or address, without port or brackets."""
    if not _HOST.fullmatch(text):
        raise ValueError("a host name or an IP address")
    return text


def duration(text: str) -> timedelta:
    """A number and a unit of `s m h d w y` (a year is 365 days), or `0`."""
    if text == "0":
        return timedelta()
    match = _DURATION.fullmatch(text)
    if match is None:
        raise ValueError("a whole number with one of the units s, m, h, d, w, y, such as 30d")
    return timedelta(seconds=int(match[1]) * _SECONDS[match[2]])


def items(text: str) -> tuple[str, ...]:
    """The items of a comma-separated list, stripped, without empty ones."""
    return tuple(part for part in (raw.strip() for raw in text.split(",")) if part)


def secret_keys(text: str) -> tuple[str, ...]:
    """Secret keys of at least 32 characters."""
    keys = items(text)
    if any(len(key) < MIN_SECRET_CHARACTERS for key in keys):
        raise ValueError(
            f"a list of keys of at least {MIN_SECRET_CHARACTERS} characters each, separated by commas"
        )
    return keys


def names(text: str) -> frozenset[str]:
    """Names of users, whose letters are small whichever way an operator writes them."""
    found = frozenset(name.lower() if name.isascii() else name for name in items(text))
    if not all(_NAME.fullmatch(name) for name in found):
        raise ValueError("a list of user names, separated by commas")
    return found


def hosts(text: str) -> frozenset[str]:
    """Host names, addresses and networks in CIDR form."""
    found = frozenset(items(text))
    if not all(_HOST.fullmatch(one) or _is_network(one) for one in found):
        raise ValueError(
            "a list of host names, addresses and networks such as 10.0.0.0/8, separated by commas"
        )
    return found


def host_names(text: str) -> frozenset[str]:
    """Names and addresses of hosts, in small letters."""
    found = frozenset(one.lower().rstrip(".") for one in items(text))
    if not all(_HOST.fullmatch(one) for one in found):
        raise ValueError("a list of host names and addresses, separated by commas")
    return found


def client_hosts(text: str) -> frozenset[str]:
    """Names and addresses of this server, each with or without a port, in small letters."""
    found = frozenset(one.lower() for one in items(text))
    if not all(_is_client_host(one) for one in found):
        raise ValueError(
            "a list of host names and addresses, with or without a port, such as registry.example.com:5000,"
            " separated by commas"
        )
    return found


def _is_client_host(text: str) -> bool:
    parts = _split(f"//{text}")
    return parts is not None and parts.netloc == text and _HOST.fullmatch(parts.hostname or "") is not None


def networks(text: str) -> tuple[IPv4Network | IPv6Network, ...]:
    """Networks in CIDR form; an address is a network of one."""
    found = items(text)
    if not all(_is_network(one) for one in found):
        raise ValueError("a list of networks such as 10.0.0.0/8, separated by commas")
    return tuple(ip_network(one) for one in found)


def origin(text: str) -> str:
    """`http://` or `https://` with a host and perhaps a port, and nothing else."""
    parts = _split(text.removesuffix("/"))
    if parts is None or parts.scheme not in {"http", "https"} or not parts.hostname or "@" in parts.netloc:
        raise ValueError("http:// or https:// followed by a host and perhaps a port")
    if parts.path or parts.query or parts.fragment:
        raise ValueError("http:// or https:// followed by a host and perhaps a port, without a path")
    return text.removesuffix("/")


def origins(text: str) -> tuple[str, ...]:
    """Origins of web pages, or `*` alone."""
    found = items(text)
    if found == ("*",):
        return found
    try:
        return tuple(origin(one) for one in found)
    except ValueError as error:
        raise ValueError(
            "* or a list of origins such as https://console.example.com, separated by commas"
        ) from error


def database_url(text: str) -> str:
    """`sqlite:///absolute/path`, `postgres://…` or `postgresql://…`."""
    parts = _split(text)
    if parts is not None and not parts.fragment:
        if parts.scheme == "sqlite" and not parts.netloc and parts.path.strip("/"):
            return text
        if parts.scheme in {"postgres", "postgresql"} and parts.path.strip("/"):
            return text
    raise ValueError("sqlite:///absolute/path or postgresql://user:password@host/name")


def blob_url(text: str) -> str:
    """`file:///absolute/path`, `memory:` or `s3://bucket/prefix?endpoint=…&region=…`."""
    parts = _split(text)
    if parts is not None and parts.scheme == "s3":
        # State is large to import, and settings are read by every command.
        from storage.blobs import StoreUrlInvalid
        from storage.blobs.s3_url import parse_s3_url

        try:
            parse_s3_url(text)
        except StoreUrlInvalid as error:
            raise ValueError(f"the address of a blob store: {error}") from error
        return text
    if text == "memory:":
        return text
    if parts is not None and parts.path.strip("/") and parts == ("file", "", parts.path, "", ""):
        return text
    raise ValueError("file:///absolute/path, s3://bucket/prefix or memory:")


def _split(text: str) -> urllib.parse.SplitResult | None:
    """The parts of a URL; None if it is invalid, such as for a port out of range or white space."""
    if text != "".join(text.split()):
        return None
    try:
        parts = urllib.parse.urlsplit(text)
        parts.port  # noqa: B018 - Reading it is what checks it.
    except ValueError:
        return None
    return parts


def _is_network(text: str) -> bool:
    try:
        ip_network(text)
    except ValueError:
        return False
    return True
