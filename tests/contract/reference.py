"""The reference as data: the documentation of the Quay API, and the behaviour of a live Quay."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any, NotRequired, TypedDict, cast

from rest_compat.app import create_api
from rest_compat.chapters import CHAPTERS
from rest_compat.engine import Engine
from rest_compat.route import Route

DATA = Path(__file__).parent / "data"

THEMES = frozenset(
    {
        "foundation",
        "identity and access",
        "content",
        "audit and live events",
        "quota and retention",
        "mirroring and proxy cache",
        "builds",
        "notifications",
        "security",
        "superuser",
    }
)


EXTRA = frozenset(
    {
        "acceptTeamInvite",
        "cancelOrganizationMirrorSync",
        "changeUserDetails",
        "createApplicationToken",
        "createFileDrop",
        "createNewUser",
        "createOrganizationMirror",
        "createOrganizationImmutabilityPolicy",
        "createRepositoryImmutabilityPolicy",
        "createUserRobotFederation",
        "declineTeamInvite",
        "deleteAssignedAuthorization",
        "deleteAuthorization",
        "deleteCurrentUser",
        "deleteOrgRobotFederation",
        "deleteOrganizationImmutabilityPolicy",
        "deleteOrganizationMirror",
        "deleteRepositoryImmutabilityPolicy",
        "deleteUserRobotFederation",
        "generateUserClientKey",
        "getAuthorization",
        "getOrgRobotFederation",
        "getInstallUser",
        "getManifestPullStatistics",
        "getOrganizationImmutabilityPolicy",
        "getOrganizationMirror",
        "getRepoAuthorizedEmail",
        "getRegistryCapabilities",
        "getRepoMirrorHealth",
        "getRepositoryImmutabilityPolicy",
        "getTagPullStatistics",
        "getUserNotification",
        "getUserRobotFederation",
        "initializeUser",
        "listAllAppTokens",
        "listApplicationTokens",
        "listAssignedAuthorizations",
        "listAuthorizations",
        "listOrganizationImmutabilityPolicies",
        "listOrganizationMirrorRepositories",
        "listRepositoryImmutabilityPolicies",
        "listUserNotifications",
        "requestRecoveryEmail",
        "requestRepoAuthorizedEmail",
        "resetApplicationSecret",
        "revokeApplicationToken",
        "sendInstallUserRecoveryEmail",
        "syncOrganizationMirrorNow",
        "takeOwnership",
        "updateOrganizationImmutabilityPolicy",
        "updateOrganizationMirror",
        "updateRepositoryImmutabilityPolicy",
        "updateUserNotification",
        "verifyOrganizationMirror",
        "createOrganizationNotification",
        "deleteOrganizationNotification",
        "getOrganizationNotification",
        "listOrganizationNotifications",
        "resetOrganizationNotificationFailures",
        "testOrganizationNotification",
        "createUserNamespaceNotification",
        "deleteUserNamespaceNotification",
        "getUserNamespaceNotification",
        "listUserNamespaceNotifications",
        "resetUserNamespaceNotificationFailures",
        "testUserNamespaceNotification",
        "resetRepoNotification",
        "getChangeLog",
        "getRegistryStatus",
        "listAllAggregateLogs",
        "listTriggerReferences",
        "listTriggerBranches",
        "listTriggerTags",
    }
)
"""Operations that clients call although the reference does not list them."""


class Parameter(TypedDict):
    """`type` is a JSON type, a list of them, or `any`. `documented` is false if only the live Quay reads it,
    `ignored` true if it is only documented."""

    name: str
    place: str
    required: bool
    type: str | list[str]
    documented: bool
    nullable: NotRequired[bool]
    ignored: NotRequired[bool]


class Operation(TypedDict):
    """One operation. `path` is the full path; `check_order` is null if it is unknown or there is no body."""

    operation: str
    chapter: str
    method: str
    path: str
    scope: str | None
    status_documented: int
    status_observed: int
    check_order: str | None
    fresh_login: bool
    flags: list[str]
    owner: str
    parameters: list[Parameter]


@cache
def operations() -> dict[str, Operation]:
    """All 178 operations by name."""
    rows = cast(list[Operation], json.loads((DATA / "operations.json").read_text("utf-8")))
    return {row["operation"]: row for row in rows}


@cache
def answers() -> dict[str, Any]:
    """The answer types, as `rest_compat.answer_type.describe` writes them."""
    return cast(dict[str, Any], json.loads((DATA / "answers.json").read_text("utf-8")))


def rows() -> dict[str, tuple[str, Route]]:
    """Chapter and route of each operation that we have."""
    return {route.operation: (chapter.name, route) for chapter in CHAPTERS for route in chapter.routes}


@cache
def engine() -> Engine[Any]:
    """All chapters, compiled against the schema."""

    async def no_context(_: object) -> Any:
        raise AssertionError("Contract tests send no requests.")

    return create_api(no_context, features=frozenset(), base_url="https://registry.example", validates=True)
