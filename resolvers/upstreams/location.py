"""Where content is in another registry: `host[:port]/path`, as people write it for container tools.

Docker Hub is the one registry with shorthand: a text whose first part cannot be a host is a path there, and a
path of one part is below `library/`. Its API has another host than its name.
"""

import re
from dataclasses import dataclass

from resolvers.errors import Invalid
from resolvers.outbound.urls import ascii_host, split_url

HUB = "docker.io"
_HUB_NAMES = frozenset({HUB, "index.docker.io", "registry-1.docker.io", "registry.hub.docker.com"})
_HUB_API = "registry-1.docker.io"
_HUB_LIBRARY = "library/"

MAX_LENGTH = 512
MAX_PATH_LENGTH = 255

_PART = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_PATH = re.compile(rf"{_PART}(?:/{_PART})*")
_FORBIDDEN = re.compile(r"[\s?#\\%]|[^\x21-\x7e]")
_HOST = re.compile(r"(?P<host>\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(?::(?P<port>[0-9]{1,5}))?")

_WHAT = "External registry reference"


@dataclass(frozen=True, slots=True)
class Location:
    """A registry and a path in it, which may be empty: a repository, or a namespace.

    `host` is the name of the registry with its port, in lower case; `scheme` is `http` only where plain
    HTTP was asked for. `str` is the reference in full.
    """

    host: str
    path: str = ""
    scheme: str = "https"

    def __str__(self) -> str:
        return f"{self.host}/{self.path}" if self.path else self.host

    @property
    def api_host(self) -> str:
        """The host, with its port, that speaks the registry's API."""
        return _HUB_API if self.host == HUB else self.host

    @property
    def url(self) -> str:
        """The address of the API without a path, such as `https://quay.io`."""
        return f"{self.scheme}://{self.api_host}"

    def name(self, below: str = "") -> str:
        """The name of the repository at the path, or of the one below it, as the API wants it."""
        joined = "/".join(part for part in (self.path, below) if part)
        return f"{_HUB_LIBRARY}{joined}" if self.host == HUB and "/" not in joined else joined


def parse_location(text: str, *, insecure: bool = False, field: str = "external_reference") -> Location:
    """The repository that a reference names, such as `quay.io/team/app`, `alpine` or `localhost:5000/app`.

    Raises `Invalid` with the field.
    """
    first, _, rest = _checked(text, field).partition("/")
    if not _is_host(first):
        text = f"{HUB}/{text}"
    elif not rest.strip("/"):
        raise Invalid(f"{_WHAT} must name a repository after the host, without a tag: {first}/…", field=field)
    location = _parsed(text, insecure, field)
    return Location(location.host, location.name(), location.scheme)


def parse_registry(text: str, *, insecure: bool = False, field: str = "upstream_registry") -> Location:
    """The registry, or the namespace in one, that a text names, such as `docker.io` or `quay.io/team`.

    Raises `Invalid` with the field.
    """
    return _parsed(_checked(text, field), insecure, field)


def _checked(text: str, field: str) -> str:
    """The text, if it has no part that a reference never has."""
    if "://" in text:
        raise Invalid(f"{_WHAT} must not include a URL scheme", field=field)
    if not text.strip("/"):
        raise Invalid(f"{_WHAT} must be host[:port]/path, such as quay.io/team/app", field=field)
    if len(text) > MAX_LENGTH:
        raise Invalid(f"{_WHAT} must have at most {MAX_LENGTH} characters", field=field)
    if _FORBIDDEN.search(text):
        raise Invalid(f"{_WHAT} must not include spaces, ?, #, %, \\ or letters beyond ASCII", field=field)
    if "@" in text:
        raise Invalid(f"{_WHAT} must not include a digest or a user name", field=field)
    return text


def _parsed(text: str, insecure: bool, field: str) -> Location:
    """Host and path, in the form in which they are asked."""
    authority, _, path = text.partition("/")
    matched = _HOST.fullmatch(authority)
    if matched is None or not 0 < int(matched["port"] or 443) < 65536:
        raise Invalid(f"{_WHAT} must begin with a host name, or a host and a port: {authority}", field=field)
    host = authority.lower()
    try:
        ascii_host(split_url(f"https://{host}"))
    except Invalid as error:
        raise Invalid(f"{_WHAT} must begin with a host name: {authority}", field=field) from error
    path = path.rstrip("/")
    if ":" in path:
        raise Invalid(f"{_WHAT} must not include a tag", field=field)
    if path and (len(path) > MAX_PATH_LENGTH or not _PATH.fullmatch(path)):
        raise Invalid(
            f"{_WHAT} has an invalid path; use at most {MAX_PATH_LENGTH} lower-case letters and digits, with"
            " '.', '_', '-' and '/' only between two of them",
            field=field,
        )
    bare = host.removesuffix(":443")
    return Location(HUB if bare in _HUB_NAMES else host, path, "http" if insecure else "https")


def _is_host(part: str) -> bool:
    """Whether the first part of a reference is a host by the rule of container tools."""
    return "." in part or ":" in part or part.lower() == "localhost"
