"""The grammar of names: namespaces, repositories, tags, digests, e-mail addresses, links."""

import re

from resolvers.errors import Invalid

NAMESPACE = re.compile(r"[a-z0-9]+(?:[._-][a-z0-9]+)*")
REPOSITORY = re.compile(r"(?=.{1,255}\Z)[a-z0-9][\.a-z0-9_-]*(?:/[a-z0-9][\.a-z0-9_-]*)*")
TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")

NAMESPACE_RULE = (
    "2 to 255 lower-case letters and digits, with a single '.', '_' or '-' only between two of them"
)

_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*(?=:)")
_WEB = re.compile(r"https?://[^/?#\\]", re.IGNORECASE)


def is_robot_elsewhere(name: str, namespace: str) -> bool:
    """Whether a name is that of a robot outside a namespace: nobody in there may learn if it exists."""
    owner, plus, _ = name.partition("+")
    return bool(plus) and owner != namespace


def check_namespace(name: str, *, field: str = "name") -> str:
    """Check the name of a user, organization, team or robot. Raises `Invalid`."""
    if not 2 <= len(name) <= 255 or not NAMESPACE.fullmatch(name):
        raise Invalid(f"name: '{name[:255]}' is not valid; use {NAMESPACE_RULE}.", field=field)
    return name


def check_repository(name: str) -> str:
    """Check the name of a repository within its namespace. Raises `Invalid`."""
    if not REPOSITORY.fullmatch(name):
        raise Invalid("Invalid repository name", field="name")
    return name


def check_tag(name: str) -> str:
    """Check the name of a tag. Raises `Invalid`."""
    if not TAG.fullmatch(name):
        raise Invalid(
            'Invalid tag: must match [A-Za-z0-9_.-], NOT start with "." or "-",'
            " and can contain 1-128 characters",
            field="tag",
        )
    return name


def check_email(address: str, *, field: str = "email") -> str:
    """Check an e-mail address: one @, two or more domain labels, at most 254 characters. Raises `Invalid`."""
    local, at, domain = address.partition("@")
    labels = domain.split(".")
    well_formed = local and at and "@" not in domain and len(labels) > 1 and all(labels)
    if not well_formed or len(address) > 254 or any(character.isspace() for character in address):
        raise Invalid("Invalid email address", field=field)
    return address


def check_link(uri: str, *, field: str) -> str:
    """Check a URI that pages link to. Raises `Invalid`.

    It has the scheme `http` or `https` and a host, or no scheme, which makes it a path; it may be empty.
    Other schemes are refused, since `javascript:` runs code when clicked (XSS). So are white space and
    control characters, which browsers strip before they read the scheme (URL Standard, "basic URL parser").
    """
    is_plain = uri.isprintable() and not any(character.isspace() for character in uri)
    if not is_plain or (_SCHEME.match(uri) and not _WEB.match(uri)):
        raise Invalid("URI: must begin with http:// or https:// and contain no white space.", field=field)
    return uri


def split_path(path: str) -> tuple[str, str]:
    """The namespace and the name in a repository path; the name is empty without a slash."""
    namespace, _, name = path.partition("/")
    return namespace, name
