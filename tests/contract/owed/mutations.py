"""All mutations, and REST writes by the mutation whose every debt they have."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from tests.contract.owed import (
    builds,
    caches,
    keys,
    mirrors,
    notifications,
    organizations,
    policies,
    pruning,
    quotas,
    repositories,
    robots,
    sizes,
    tags,
    tokens,
    users,
)
from tests.contract.owed.rows import Json, Request, Row

FAMILIES: Mapping[str, tuple[Row, ...]] = {
    "repositories": repositories.ROWS,
    "tags": tags.ROWS,
    "policies": policies.ROWS,
    "auto-prune": pruning.ROWS,
    "builds": builds.ROWS,
    "mirrors": mirrors.ROWS,
    "notifications": notifications.ROWS,
    "organizations": organizations.ROWS,
    "quotas": quotas.ROWS,
    "sizes": sizes.ROWS,
    "proxy caches": caches.ROWS,
    "robots": robots.ROWS,
    "tokens": tokens.ROWS,
    "users": users.ROWS,
    "service keys": keys.ROWS,
}
"""The rows of mutations, by what they are about."""

_BY_NAME = {row.name: row for rows in (*FAMILIES.values(), users.FIRST) for row in rows}


def rest(
    name: str,
    method: str,
    path: str,
    mutation: str,
    body: Json = None,
    *,
    right: str | None = None,
    **keep: str,
) -> Row:
    """The row of an operation, below `/api/v1`: what the row of a mutation is, but for the request."""
    row = _BY_NAME[mutation]
    request = Request(f"/api/v1{path}", method, body, by=row.request.by, keep=keep)
    return replace(row, name=name, request=request, right=right or row.right)
