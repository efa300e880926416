"""Scopes of token requests, and the challenge that names them.

Sources: "Distribution Registry Token Scope and Access" for the grammar, RFC 6750 section 3 for the challenge.
The class of a resource, as in ``repository(plugin)``, is deprecated and ignored.
"""

import re
from collections.abc import Iterable, Mapping

from quayside.registry.errors import OciCode, RegistryError
from quayside.registry.names import repository_path, require_name
from resolvers.access.registry_tokens import ACTIONS, ALL, CATALOG
from resolvers.repositories.registry_access import RequestedScope, RequestedScopes

__all__ = [
    "ACTIONS",
    "CATALOG_SCOPE",
    "RequestedScope",
    "challenge",
    "ordered_actions",
    "parse_scopes",
    "repository_scope",
]

MAX_REPOSITORIES = 100

API_VERSION = ("Docker-Distribution-API-Version", "registry/2.0")

CATALOG_SCOPE = f"registry:{CATALOG}:{ALL}"
"""The scope of `/v2/_catalog`."""

_SCOPE = re.compile(
    r"(?P<type>[a-z0-9]+)(?:\([a-z0-9]+\))?:"
    r"(?P<name>[A-Za-z0-9._:/-]+):"
    r"(?P<actions>(?:[a-z]+|\*)(?:,(?:[a-z]+|\*))*)"
)


def parse_scopes(values: Iterable[str], registry_host: str, *, has_library: bool = False) -> RequestedScopes:
    """Parse the `scope` parameters of a token request, each of which may list several scopes.

    A name may begin with `registry_host` and a slash. Scopes of one repository are merged under its path.
    What cannot be granted is left out: unknown types and actions, malformed scopes, invalid names. Raises
    RegistryError for more than 100 repositories, and if there is nothing but malformed scopes
    (INVALID_REQUEST) and invalid names (NAME_INVALID).
    """
    actions_by_name: dict[str, set[str]] = {}
    has_catalog = False
    impossible: list[RegistryError] = []
    texts = [scope for value in values for scope in value.split()]
    for text in texts:
        match = _SCOPE.fullmatch(text)
        actions = match["actions"].split(",") if match else []
        if match is None or match["type"] == "repository":
            try:
                name = _repository_name(text, match, registry_host)
                path = repository_path(name, has_library=has_library)
            except RegistryError as error:
                impossible.append(error)
                continue
            actions_by_name.setdefault(path, set()).update(actions)
        elif match["type"] == "registry" and match["name"] == CATALOG and ALL in actions:
            has_catalog = True
    if impossible and len(impossible) == len(texts):
        raise impossible[0]
    if len(actions_by_name) > MAX_REPOSITORIES:
        raise RegistryError(OciCode.INVALID_REQUEST, f"at most {MAX_REPOSITORIES} repositories a token")
    repositories = tuple(
        RequestedScope(name, ordered_actions(asked)) for name, asked in actions_by_name.items()
    )
    return RequestedScopes(repositories, has_catalog=has_catalog)


def _repository_name(text: str, match: re.Match[str] | None, registry_host: str) -> str:
    name = match["name"].removeprefix(f"{registry_host}/") if match else ""
    if match is None or ":" in name:
        raise RegistryError(
            OciCode.INVALID_REQUEST,
            f"Unable to decode repository and actions: {text[:255]}",
            detail={"scope": text[:255]},
        )
    return require_name(name)


def ordered_actions(actions: Iterable[str]) -> tuple[str, ...]:
    """Return the known ones of some actions, in the order of `ACTIONS`."""
    wanted = frozenset(actions)
    return tuple(action for action in ACTIONS if action in wanted)


def repository_scope(name: str, actions: Iterable[str]) -> str:
    """The scope for actions on a repository with a valid name."""
    return f"repository:{name}:{','.join(actions)}"


def challenge(
    public_url: str,
    service: str,
    *,
    scopes: Iterable[str] = (),
    error: str | None = None,
) -> Mapping[str, str]:
    """Return the headers of a 401 response.

    `scopes` are those that the request needs; all are valid, so that they need no quoting. `error` is a code
    of RFC 6750, ``invalid_token`` or ``insufficient_scope``.
    """
    wanted = " ".join(scopes)
    parameters = {"realm": f"{public_url}/v2/auth", "service": service, "scope": wanted, "error": error}
    value = ",".join(f'{key}="{text}"' for key, text in parameters.items() if text)
    return {"WWW-Authenticate": f"Bearer {value}", API_VERSION[0]: API_VERSION[1]}
