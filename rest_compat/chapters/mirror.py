"""Mirrors of repositories and of organizations: their settings, and orders to run or to stop."""

from __future__ import annotations

from functools import partial

from rest_compat.chapter import chapter
from rest_compat.problems import NOT_FOUND, Problem, ProblemKey, detail, message
from rest_compat.route import Check, Route

_MIRROR = "/repository/{repository}/mirror"
_SETTINGS: dict[ProblemKey, Problem] = {
    ("sync_start_date", "value"): detail(text="Incorrect DateTime format for sync_start_date."),
    ("UNKNOWN_REFERENCE", "robot_username"): message(),
    ("INVALID", "robot_username"): message(),
    ("INVALID", "architecture_filter"): detail(),
    ("INVALID", "external_registry_password"): detail(),
    "ALREADY_EXISTS": detail(409),
}
_NOTHING_TO_DO: dict[ProblemKey, Problem] = {"CONFLICT": NOT_FOUND}

_OF_ORGANIZATION = "/organization/{orgname}/mirror"

_route = partial(Route, flags=("REPO_MIRROR",), check=Check.ACCESS)
_of_organization = partial(Route, scope="org:admin", flags=("ORG_MIRROR",), internal=True)

CHAPTER = chapter(
    "mirror",
    "Let a repository, or an organization, follow another registry.",
    Route(
        "getRepoMirrorHealth",
        "GET",
        "/repository/mirror/health",
        "org:admin",
        flags=("REPO_MIRROR",),
        internal=True,
    ),
    _route("getRepoMirrorConfig", "GET", _MIRROR, "repo:admin"),
    _route("createRepoMirrorConfig", "POST", _MIRROR, "repo:admin", status=201, body="", problems=_SETTINGS),
    _route("changeRepoMirrorConfig", "PUT", _MIRROR, "repo:admin", status=201, body="", problems=_SETTINGS),
    _route(
        "syncNow",
        "POST",
        f"{_MIRROR}/sync-now",
        "repo:admin",
        status=201,
        observed=204,
        body="",
        problems=_NOTHING_TO_DO,
    ),
    _route(
        "syncCancel",
        "POST",
        f"{_MIRROR}/sync-cancel",
        "repo:admin",
        status=201,
        observed=204,
        body="",
        problems=_NOTHING_TO_DO,
    ),
    _of_organization("getOrganizationMirror", "GET", _OF_ORGANIZATION),
    _of_organization(
        "createOrganizationMirror", "POST", _OF_ORGANIZATION, status=201, body="", problems=_SETTINGS
    ),
    _of_organization("updateOrganizationMirror", "PUT", _OF_ORGANIZATION, body="", problems=_SETTINGS),
    _of_organization("deleteOrganizationMirror", "DELETE", _OF_ORGANIZATION, status=204),
    _of_organization("listOrganizationMirrorRepositories", "GET", f"{_OF_ORGANIZATION}/repositories"),
    _of_organization(
        "syncOrganizationMirrorNow",
        "POST",
        f"{_OF_ORGANIZATION}/sync-now",
        status=204,
        optional_body=True,
    ),
    _of_organization(
        "cancelOrganizationMirrorSync",
        "POST",
        f"{_OF_ORGANIZATION}/sync-cancel",
        status=204,
        optional_body=True,
    ),
    _of_organization(
        "verifyOrganizationMirror",
        "POST",
        f"{_OF_ORGANIZATION}/verify",
        optional_body=True,
        problems=_SETTINGS,
    ),
)
