"""Audit logs of users, organizations and repositories: entries, counts, exports."""

from __future__ import annotations

from collections.abc import Mapping

from rest_compat.chapter import chapter
from rest_compat.problems import DEFAULT_TEXT, Problem, ProblemKey, message
from rest_compat.route import Check, Route

_ORDER = message(400, DEFAULT_TEXT[400])
_LIST: Mapping[ProblemKey, Problem] = {"BAD_REQUEST": _ORDER}
_COUNT: Mapping[ProblemKey, Problem] = {"BAD_REQUEST": message(400)}
_EXPORT: Mapping[ProblemKey, Problem] = {
    ("INVALID", "endtime"): Problem(400, text="Invalid time span selected")
}
_COUNTS = ("AGGREGATED_LOG_COUNT_RETRIEVAL",)
_EXPORTS = ("LOG_EXPORT",)

CHAPTER = chapter(
    "logs",
    "Read what was done in a namespace or repository, count it, and export it.",
    Route("listUserLogs", "GET", "/user/logs", "user:admin", problems=_LIST),
    Route("listOrgLogs", "GET", "/organization/{orgname}/logs", "org:admin", problems=_LIST),
    Route("listRepoLogs", "GET", "/repository/{repository}/logs", "repo:admin", problems=_LIST),
    Route("getAggregateUserLogs", "GET", "/user/aggregatelogs", "user:admin", flags=_COUNTS, problems=_COUNT),
    Route(
        "getAggregateOrgLogs",
        "GET",
        "/organization/{orgname}/aggregatelogs",
        "org:admin",
        flags=_COUNTS,
        problems=_COUNT,
    ),
    Route(
        "getAggregateRepoLogs",
        "GET",
        "/repository/{repository}/aggregatelogs",
        "repo:admin",
        flags=_COUNTS,
        problems=_COUNT,
    ),
    Route(
        "exportUserLogs",
        "POST",
        "/user/exportlogs",
        "user:admin",
        status=201,
        observed=200,
        check=Check.LOGIN,
        flags=_EXPORTS,
        problems=_EXPORT,
    ),
    Route(
        "exportOrgLogs",
        "POST",
        "/organization/{orgname}/exportlogs",
        "org:admin",
        status=201,
        observed=200,
        flags=_EXPORTS,
        problems=_EXPORT,
    ),
    Route(
        "exportRepoLogs",
        "POST",
        "/repository/{repository}/exportlogs",
        "repo:admin",
        status=201,
        observed=200,
        check=Check.ACCESS,
        flags=_EXPORTS,
        problems=_EXPORT,
    ),
)
