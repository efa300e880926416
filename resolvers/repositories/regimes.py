"""Regimes of an organization: by what its tags move and end, where that is not by pushes alone.

Some exclude each other: what follows an upstream must be able to move and end tags, so that locked tags and
the rules that lock tags do not go with it. Whoever begins one of them asks here.
"""

from collections.abc import Mapping
from enum import StrEnum

from resolvers.errors import Invalid
from storage.clock import now_ms
from storage.conditions import exists, is_active
from storage.statements import fetch_one


class Regime(StrEnum):
    """Something that does not go with some other."""

    CACHE = "cache"
    """The organization is a pull-through cache of another registry."""
    LOCKS = "locks"
    """It has locked tags, or policies that lock them."""
    MIRROR = "mirror"
    """Repositories of it are mirrors of other ones."""
    ORGANIZATION_MIRROR = "organization mirror"
    """All its repositories come from a namespace of another registry."""
    REPOSITORY_MIRROR = "repository mirror"
    """Somebody sets or removes the mirror of one repository."""
    CREATION = "creation"
    """Somebody makes a repository."""
    STATE = "state"
    """Somebody changes the state of a repository."""


_HOLDS: Mapping[Regime, tuple[str, ...]] = {
    Regime.CACHE: ("SELECT 1 AS found FROM proxy_cache WHERE organization_id = ?",),
    Regime.LOCKS: (
        "SELECT 1 AS found FROM immutability_policy WHERE namespace_id = ? LIMIT 1",
        (
            "SELECT 1 AS found FROM repository r JOIN tag t ON t.repository_id = r.id"
            f" WHERE r.namespace_id = ? AND {exists('r')} AND t.is_immutable AND {is_active('t')} LIMIT 1"
        ),
    ),
    Regime.MIRROR: (
        (
            "SELECT 1 AS found FROM repository_mirror m JOIN repository r ON r.id = m.repository_id"
            f" WHERE r.namespace_id = ? AND {exists('r')} LIMIT 1"
        ),
    ),
    Regime.ORGANIZATION_MIRROR: ("SELECT 1 AS found FROM organization_mirror WHERE organization_id = ?",),
}
"""The statements that find one in a namespace; a second value of a statement is the time."""

_MANAGED = "Repository mirror configuration cannot be managed when organization-level mirroring is configured"
_REFUSALS: Mapping[Regime, Mapping[Regime, str]] = {
    Regime.CACHE: {
        Regime.LOCKS: "Cannot convert organization to proxy cache: immutable tags exist",
        Regime.ORGANIZATION_MIRROR: "Cannot create proxy cache: organization is managed by"
        " organization-level mirroring",
        Regime.MIRROR: "Cannot create proxy cache: the organization has mirrors of other registries",
    },
    Regime.MIRROR: {
        Regime.ORGANIZATION_MIRROR: _MANAGED,
        Regime.CACHE: "There can be no mirror in a pull-through cache. Remove the proxy cache configuration"
        " of the organization first.",
    },
    Regime.ORGANIZATION_MIRROR: {
        Regime.CACHE: "There can be no mirror in a pull-through cache. Remove the proxy cache configuration"
        " of the organization first.",
        Regime.MIRROR: "Repositories of the organization have mirrors of their own. Remove these first.",
    },
    Regime.REPOSITORY_MIRROR: {Regime.ORGANIZATION_MIRROR: _MANAGED},
    Regime.CREATION: {
        Regime.ORGANIZATION_MIRROR: "Cannot create repository: organization is managed by"
        " organization-level mirroring"
    },
    Regime.STATE: {
        Regime.ORGANIZATION_MIRROR: "Repository state changes are not allowed in an organization managed by"
        " organization-level mirroring"
    },
    Regime.LOCKS: {
        Regime.CACHE: "Tags cannot be locked in a pull-through cache, where they follow the upstream. Remove"
        " the proxy cache configuration of the organization first."
    },
}
"""For what is to begin: what is in its way, and the message."""


async def require_free(namespace_id: int, wanted: Regime, *, field: str) -> None:
    """Raise `Invalid` if there is something in a namespace that does not go with what is to begin there.

    In the open transaction. Where the row of the namespace is locked, of two that exclude each other one
    comes first.
    """
    for other, message in _REFUSALS[wanted].items():
        if await _is_there(namespace_id, other):
            raise Invalid(message, field=field)


async def _is_there(namespace_id: int, regime: Regime) -> bool:
    for statement in _HOLDS[regime]:
        values = (namespace_id, now_ms())[: statement.count("?")]
        if await fetch_one(statement, *values) is not None:
            return True
    return False
