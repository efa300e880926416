"""URLs of git repositories: which may be asked, and their parts.

Git itself knows more forms, such as paths, `git://`, `ext::` and helpers of any name; none gets that far.
"""

import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from resolvers.errors import Invalid
from resolvers.outbound.urls import ascii_host

MAXIMUM_LENGTH: Final = 2048
PORTS: Final = {"https": 443, "ssh": 22}

_USER: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,63}")
_HOST: Final = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9._-]{0,252}[A-Za-z0-9_])?\.?|[0-9a-f:]*:[0-9a-f:.]*")
_SHORT: Final = re.compile(r"([^/:@]+)@(\[[^\]]+\]|[^/:@]+):(.+)", re.DOTALL)
"""The form of `scp`: USER@HOST:PATH."""
_FORMS: Final = "A repository must be given as https://HOST/PATH, ssh://USER@HOST/PATH or USER@HOST:PATH."


@dataclass(frozen=True, slots=True)
class Location:
    """A repository on a server, by a URL that git takes; `user` is None for https."""

    url: str
    scheme: str
    user: str | None
    host: str
    port: int
    path: str

    @property
    def uri(self) -> str:
        """The URL in the form of in-toto and SPDX, without the user."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        port = "" if self.port == PORTS[self.scheme] else f":{self.port}"
        return f"git+{self.scheme}://{host}{port}/{self.path.lstrip('/')}"

    @property
    def checked_url(self) -> str:
        """A URL of the same server by which the guard of outbound requests judges it."""
        return f"https://{f'[{self.host}]' if ':' in self.host else self.host}:{self.port}/"


def parse_location(url: str) -> Location:
    """The parts of a URL. Raises `Invalid`."""
    if len(url) > MAXIMUM_LENGTH or not url.isprintable() or " " in url or "\\" in url:
        raise Invalid(_FORMS)
    short = _SHORT.fullmatch(url) if "://" not in url else None
    if short is not None:
        user, host, path = short.groups()
        if path.startswith(("-", ":")):
            raise Invalid(_FORMS)
        return _located(url, "ssh", user, host.strip("[]"), None, path)
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise Invalid(_FORMS) from error
    # Git knows a protocol by its name in small letters alone.
    if not url.startswith(tuple(f"{scheme}://" for scheme in PORTS)) or not parts.hostname or port == 0:
        raise Invalid(_FORMS)
    if len(parts.path) < 2 or parts.query or parts.fragment:
        raise Invalid(_FORMS)
    if parts.password is not None or (parts.scheme == "https" and parts.username is not None):
        raise Invalid("The URL of a repository must not hold a password, nor a user name with https.")
    host = ascii_host(parts)
    # Others than Python have other rules for what a name with other letters is in ASCII.
    user = f"{parts.username}@" if parts.username is not None else ""
    literal, number = f"[{host}]" if ":" in host else host, f":{port}" if port else ""
    url = f"{parts.scheme}://{user}{literal}{number}{parts.path}"
    return _located(url, parts.scheme, parts.username, host, port, parts.path)


def _located(url: str, scheme: str, user: str | None, host: str, port: int | None, path: str) -> Location:
    """The parts, which become words of a command line of ssh: no option, and nothing that a shell minds."""
    if scheme == "ssh" and (user is None or not _USER.fullmatch(user)):
        raise Invalid("The URL of a repository must name a user of the server with ssh, as in git@HOST:PATH.")
    if not _HOST.fullmatch(host):
        raise Invalid(_FORMS)
    return Location(url, scheme, user, host, port or PORTS[scheme], path)
