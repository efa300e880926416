"""Scopes of token requests, and the challenge that names them.

Sources: "Distribution Registry Token Scope and Access" for the grammar, RFC 6750 section 3 for the challenge.
The class of a resource, as in ``repository(plugin)``, is deprecated and ignored.
"""

import re
from collections.abc import Iterable, Mapping

from quayside.registry.errors import OciCode, RegistryError
from quayside.registry.names import repository_path, require_name
from resolvers.access.registry_tokens import ACTIONS
from resolvers.repositories.registry_access import RequestedScope

__all__ = ["ACTIONS", "RequestedScope", "challenge", "ordered_actions", "parse_scopes"]

MAX_REPOSITORIES = 100

API_VERSION = ("Docker-Distribution-API-Version", "registry/2.0")

_SCOPE = re.compile(
    r"repository(?:\([a-z0-9]+\))?:"
    r"(?P<name>[A-Za-z0-9._:/-]+):"
    r"(?P<actions>(?:[a-z]+|\*)(?:,(?:[a-z]+|\*))*)"
)


def parse_scopes(
    values: Iterable[str], registry_host: str, *, has_library: bool = False
) -> tuple[RequestedScope, ...]:
    """Parse the `scope` parameters of a token request, each of which may list several scopes.

    A name may begin with `registry_host` and a slash. Scopes of one repository are merged under its path.
    Unknown actions are left out. Raises RegistryError: INVALID_REQUEST for a malformed scope or more than 100
    repositories, NAME_INVALID for an invalid name.
    """
    actions_by_name: dict[str, set[str]] = {}
    for text in (scope for value in values for scope in value.split()):
        match = _SCOPE.fullmatch(text)
        name = match.group("name").removeprefix(f"{registry_host}/") if match else ""
        if match is None or ":" in name:
            raise RegistryError(
                OciCode.INVALID_REQUEST,
                f"Unable to decode repository and actions: {text[:255]}",
                detail={"scope": text[:255]},
            )
        path = repository_path(require_name(name), has_library=has_library)
        actions_by_name.setdefault(path, set()).update(match.group("actions").split(","))
    if len(actions_by_name) > MAX_REPOSITORIES:
        raise RegistryError(OciCode.INVALID_REQUEST, f"at most {MAX_REPOSITORIES} repositories a token")
    return tuple(RequestedScope(name, ordered_actions(actions)) for name, actions in actions_by_name.items())


def ordered_actions(actions: Iterable[str]) -> tuple[str, ...]:
    """Return the known ones of some actions, in the order of `ACTIONS`."""
    wanted = frozenset(actions)
    return tuple(action for action in ACTIONS if action in wanted)


def challenge(
    public_url: str,
    service: str,
    *,
    scopes: Iterable[tuple[str, Iterable[str]]] = (),
    error: str | None = None,
) -> Mapping[str, str]:
    """Return the headers of a 401 response.

    `scopes` are the pairs (repository, actions) that the request needs; both are valid, so that they need no
    quoting. `error` is a code of RFC 6750, ``invalid_token`` or ``insufficient_scope``.
    """
    wanted = " ".join(f"repository:{name}:{','.join(actions)}" for name, actions in scopes)
    parameters = {"realm": f"{public_url}/v2/auth", "service": service, "scope": wanted, "error": error}
    value = ",".join(f'{key}="{text}"' for key, text in parameters.items() if text)
    return {"WWW-Authenticate": f"Bearer {value}", API_VERSION[0]: API_VERSION[1]}
