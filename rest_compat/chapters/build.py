"""Builds: ordered, listed, cancelled, and what they print."""

from __future__ import annotations

from rest_compat.chapter import chapter
from rest_compat.problems import NOT_FOUND, Problem, ProblemKey, message
from rest_compat.route import Check, Route

_BUILDS = "/repository/{repository}/build/"
_BUILD = "/repository/{repository}/build/{build_uuid}"
_UNKNOWN: dict[ProblemKey, Problem] = {"NOT_FOUND": message(400, "Unable to locate a build by id")}

CHAPTER = chapter(
    "build",
    "Build images from a Dockerfile, and follow how that goes.",
    Route("getRepoBuilds", "GET", _BUILDS, "repo:read", null_answer={"builds": []}),
    Route(
        "requestRepoBuild",
        "POST",
        _BUILDS,
        "repo:write",
        status=201,
        check=Check.ACCESS,
        writable=True,
        location="/repository/{repository}/build/{id}/status",
        problems={"NOT_FOUND": NOT_FOUND},
    ),
    Route("getRepoBuild", "GET", _BUILD, "repo:read"),
    Route(
        "cancelRepoBuild",
        "DELETE",
        _BUILD,
        "repo:admin",
        status=201,
        check=Check.ACCESS,
        writable=True,
        body="Okay",
        problems={"CONFLICT": Problem(400)},
    ),
    Route("getRepoBuildStatus", "GET", f"{_BUILD}/status", "repo:read", problems=_UNKNOWN),
    Route("getRepoBuildLogs", "GET", f"{_BUILD}/logs", "repo:read", problems=_UNKNOWN),
    Route("createFileDrop", "POST", "/filedrop/", "user:read", internal=True, optional_body=True),
)
