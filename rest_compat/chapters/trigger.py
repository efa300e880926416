"""Build triggers: activated, listed, started, switched and deleted. A page or GraphQL makes them."""

from __future__ import annotations

from collections.abc import Mapping

from rest_compat.chapter import chapter
from rest_compat.problems import Problem, ProblemKey
from rest_compat.route import Check, Route

_TRIGGERS = "/repository/{repository}/trigger/"
_TRIGGER = "/repository/{repository}/trigger/{trigger_uuid}"
_REFUSED: Mapping[ProblemKey, Problem] = {"CONFLICT": Problem(400), "UPSTREAM": Problem(400)}
_ACTIVE = Problem(400, text="Trigger config is not sufficient for activation.")

CHAPTER = chapter(
    "trigger",
    "Have images built when somebody pushes to a Git repository.",
    Route("listBuildTriggers", "GET", _TRIGGERS, "repo:admin", null_answer={"triggers": []}),
    Route("getBuildTrigger", "GET", _TRIGGER, "repo:admin"),
    Route(
        "updateBuildTrigger",
        "PUT",
        _TRIGGER,
        "repo:admin",
        check=Check.ACCESS,
        writable=True,
        problems=_REFUSED,
    ),
    Route(
        "deleteBuildTrigger",
        "DELETE",
        _TRIGGER,
        "repo:admin",
        status=204,
        check=Check.ACCESS,
        writable=True,
    ),
    Route(
        "activateBuildTrigger",
        "POST",
        f"{_TRIGGER}/activate",
        "repo:admin",
        status=201,
        observed=200,
        check=Check.ACCESS,
        writable=True,
        problems={**_REFUSED, "CONFLICT": _ACTIVE},
    ),
    Route(
        "manuallyStartBuildTrigger",
        "POST",
        f"{_TRIGGER}/start",
        "repo:admin",
        status=201,
        check=Check.ACCESS,
        writable=True,
        strict=True,
        location="/repository/{repository}/build/{id}/status",
        problems=_REFUSED,
    ),
    *(
        Route(
            operation,
            "POST",
            f"{_TRIGGER}/fields/{field}",
            "repo:admin",
            check=Check.ACCESS,
            internal=True,
            optional_body=True,
            problems=_REFUSED,
        )
        for operation, field in (
            ("listTriggerReferences", "refs"),
            ("listTriggerBranches", "branch_name"),
            ("listTriggerTags", "tag_name"),
        )
    ),
    Route("listTriggerRecentBuilds", "GET", f"{_TRIGGER}/builds", "repo:admin", null_answer={"builds": []}),
)
