"""What a client asks the token service for, and the challenge that sends it there.

Source: "Distribution Registry Token Scope and Access" for the grammar, RFC 6750 section 3 for the challenge.
A class after the type, as in ``repository(plugin)``, is deprecated there and ignored.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from quayside.registry.errors import OciCode, RegistryError
from quayside.registry.names import require_name

ACTIONS = ("push", "pull", "*")
"""The actions that can be granted, in the order in which a token lists them."""

API_VERSION = ("Docker-Distribution-API-Version", "registry/2.0")

_SCOPE = re.compile(
    r"repository(?:\([a-z0-9]+\))?:"
    r"(?P<name>[A-Za-z0-9._:/-]+):"
    r"(?P<actions>(?:[a-z]+|\*)(?:,(?:[a-z]+|\*))*)"
)


@dataclass(frozen=True, slots=True)
class RequestedScope:
    """Actions on one repository, in the order of `ACTIONS`.

    Actions that we do not know are left out: a token carries what is both asked for and had.
    """

    name: str
    actions: tuple[str, ...]


def parse_scopes(values: Iterable[str], registry_host: str) -> tuple[RequestedScope, ...]:
    """Read the `scope` parameters of a token request, each of which may list several scopes.

    A name may begin with `registry_host` and a slash. Scopes of one repository are merged. Raises
    RegistryError: INVALID_REQUEST for a text that is no repository scope, NAME_INVALID for a bad name.
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
        actions_by_name.setdefault(require_name(name), set()).update(match.group("actions").split(","))
    return tuple(RequestedScope(name, ordered_actions(actions)) for name, actions in actions_by_name.items())


def ordered_actions(actions: Iterable[str]) -> tuple[str, ...]:
    """Return the known actions among those given, in the order of `ACTIONS`."""
    wanted = frozenset(actions)
    return tuple(action for action in ACTIONS if action in wanted)


def challenge(
    public_url: str,
    service: str,
    *,
    scopes: Iterable[tuple[str, Iterable[str]]] = (),
    error: str | None = None,
) -> Mapping[str, str]:
    """Return the headers of a 401 answer.

    `scopes` are (repository, actions) that the request needs; names and actions have passed the grammar, so
    nothing needs quoting. `error` is a code of RFC 6750, ``invalid_token`` or ``insufficient_scope``.
    """
    wanted = " ".join(f"repository:{name}:{','.join(actions)}" for name, actions in scopes)
    parameters = {"realm": f"{public_url}/v2/auth", "service": service, "scope": wanted, "error": error}
    value = ",".join(f'{key}="{text}"' for key, text in parameters.items() if text)
    return {"WWW-Authenticate": f"Bearer {value}", API_VERSION[0]: API_VERSION[1]}
