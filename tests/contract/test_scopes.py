"""What a token of one scope opens: each documented operation by the scope it documents, and no other."""

from __future__ import annotations

from typing import Any

import pytest

from quayside.settings.settings import Settings
from resolvers.access.scopes import Scope
from tests.contract.reference import operations
from tests.contract.test_authorization import OPERATIONS, everything, record
from tests.contract.world import callers, observed
from tests.factories import EVERY_SCOPE, Factory

REFUSED = frozenset({401, 403})
SCOPES = sorted(EVERY_SCOPE)

IMPLIED = {
    Scope.REPO_READ: {Scope.REPO_WRITE, Scope.REPO_ADMIN},
    Scope.REPO_WRITE: {Scope.REPO_ADMIN},
    Scope.USER_READ: {Scope.USER_ADMIN},
}
"""The scopes that stand for another one as well."""

OTHERWISE = {
    "conductSearch": EVERY_SCOPE,
    "createOrgRobotFederation": {Scope.ORG_ADMIN},
    **dict.fromkeys(
        ("createProxyCacheConfig", "deleteProxyCacheConfig", "validateProxyCacheConfig"),
        frozenset({Scope.ORG_ADMIN}),
    ),
    "createRepo": {Scope.REPO_CREATE, Scope.ORG_ADMIN},
    "createStar": {Scope.USER_ADMIN},
    "getOrgRobotPermissions": frozenset[Scope](),
    "getOrganizationTeamPermissions": {Scope.ORG_ADMIN},
    "getRepoBuildLogs": {Scope.REPO_WRITE, Scope.REPO_ADMIN},
    "listRepos": EVERY_SCOPE,
    **dict.fromkeys(
        (
            "getOrganizationQuota",
            "getOrganizationQuotaLimit",
            "listOrganizationQuota",
            "listOrganizationQuotaLimit",
            "getProxyCacheConfig",
        ),
        frozenset({Scope.REPO_CREATE, Scope.ORG_ADMIN}),
    ),
}
"""Operations that ask for another scope than they document, as the live system does; one asks for two."""

MEMBERS = {
    ("getOrgRobots", "/organization/harbour-works/robots"),
    ("getOrganizationTeamMembers", "/organization/harbour-works/team/owners/members"),
}
"""What members may read: a membership counts for tokens that may create repositories, too."""

FOR_SUPERUSERS = {"createGlobalMessage", "deleteGlobalMessage"} | {
    name for name in OPERATIONS if operations()[name]["scope"] == Scope.SUPER_USER
}
"""What `maren` may never do."""

BODIES: dict[str, Any] = {
    "createAppToken": {"title": "anchor"},
    "createOrgRobotFederation": [{"issuer": "https://issuer.example", "subject": "winch"}],
}
"""Bodies for operations whose recorded ones are refused before anybody is judged."""

MORE: list[dict[str, Any]] = [
    {
        "operation": "createOrganization",
        "method": "POST",
        "path": "/organization/",
        "body": {"name": "new-harbour", "email": "new@harbour.example"},
        "expect": {"maren": 201},
    },
    {
        "operation": "getUserInformation",
        "method": "GET",
        "path": "/users/tove",
        "expect": {"maren": 200},
    },
]
"""What the record has no case of that `maren` may do."""


def documented(operation: str, path: str) -> frozenset[Scope]:
    """The scopes that open a request alone.

    Whoever could see a repository if there were one may know that there is none.
    """
    if "/nothing/" in path:
        return documented_scope(Scope.REPO_READ)
    if operation in OTHERWISE:
        return frozenset(OTHERWISE[operation])
    scope = operations()[operation]["scope"]
    if scope is None:
        return EVERY_SCOPE
    also = {Scope.REPO_CREATE} if (operation, path) in MEMBERS else set()
    return documented_scope(Scope(scope)) | also


def documented_scope(scope: Scope) -> frozenset[Scope]:
    """A scope and those that stand for it."""
    return frozenset({scope, *IMPLIED.get(scope, ())})


def cases(operation: str) -> list[dict[str, Any]]:
    """The recorded requests of an operation that `maren`, who owns what they are about, may make."""
    found = [case for case in (*record()["callers"], *MORE) if case["operation"] == operation]
    return [
        case | ({"body": BODIES[operation]} if operation in BODIES else {})
        for case in found
        if case["expect"].get("maren", 401) not in REFUSED
    ]


def test_every_operation_is_tried_but_those_for_superusers() -> None:
    assert {operation for operation in OPERATIONS if not cases(operation)} == FOR_SUPERUSERS


@pytest.mark.parametrize("operation", [name for name in OPERATIONS if cases(name)])
async def test_a_token_of_one_scope_opens_what_documents_it(
    operation: str, factory: Factory, settings_with_files: Settings
) -> None:
    world = await everything(factory)
    for scope in SCOPES:
        world.tokens[scope] = await factory.token("maren", frozenset({scope}))
    async with callers(world, observed(settings_with_files)) as caller:
        for case in cases(operation):
            statuses = {
                scope: (await caller.ask(scope, case["method"], case["path"], case.get("body"))).status_code
                for scope in SCOPES
            }
            opened = {scope for scope, status in statuses.items() if status not in REFUSED}
            assert opened == documented(operation, case["path"]), case


async def test_the_permissions_of_an_organizations_robots_take_two_scopes(
    factory: Factory, settings_with_files: Settings
) -> None:
    world = await everything(factory)
    await factory.robot("harbour-works+winch", by="maren")
    both = frozenset({Scope.ORG_ADMIN, Scope.USER_ADMIN})
    for scopes in (both, both - {Scope.ORG_ADMIN}, both - {Scope.USER_ADMIN}):
        world.tokens[" ".join(sorted(scopes))] = await factory.token("maren", scopes)
    path = "/organization/harbour-works/robots/winch/permissions"

    async with callers(world, observed(settings_with_files)) as caller:
        statuses = {
            scopes: (await caller.ask(scopes, "GET", path)).status_code
            for scopes in ("org:admin user:admin", "org:admin", "user:admin")
        }

    assert statuses == {"org:admin user:admin": 200, "org:admin": 403, "user:admin": 403}
