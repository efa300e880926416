"""Repositories: create, list, show, change, delete."""

from __future__ import annotations

from rest_compat.chapter import chapter
from rest_compat.problems import message
from rest_compat.route import Check, Route

SUCCESS = {"success": True}

CHAPTER = chapter(
    "repository",
    "Create, list, show, change and delete repositories.",
    Route("createRepo", "POST", "/repository", "repo:create", status=201),
    Route(
        "listRepos",
        "GET",
        "/repository",
        "repo:read",
        any_of=("namespace", "starred", "public"),
        problems={"UNAUTHENTICATED": message()},
    ),
    Route("getRepo", "GET", "/repository/{repository}", "repo:read"),
    Route("updateRepo", "PUT", "/repository/{repository}", "repo:write", body=SUCCESS, check=Check.ACCESS),
    Route("deleteRepository", "DELETE", "/repository/{repository}", "repo:admin", status=204),
    Route(
        "changeRepoVisibility",
        "POST",
        "/repository/{repository}/changevisibility",
        "repo:admin",
        status=201,
        observed=200,
        body=SUCCESS,
        check=Check.ACCESS,
    ),
    Route(
        "getRepoAuthorizedEmail",
        "GET",
        "/repository/{repository}/authorizedemail/{email}",
        "repo:admin",
        internal=True,
        flags=("MAILING",),
    ),
    Route(
        "requestRepoAuthorizedEmail",
        "POST",
        "/repository/{repository}/authorizedemail/{email}",
        "repo:admin",
        internal=True,
        flags=("MAILING",),
    ),
    Route(
        "changeRepoState",
        "PUT",
        "/repository/{repository}/changestate",
        "repo:admin",
        body=SUCCESS,
        check=Check.ACCESS,
        flags=("REPO_MIRROR",),
    ),
)
