"""Audit logs of users, organizations and repositories: entries, counts, exports."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from rest_compat.chapter import chapter
from rest_compat.owners import ORGANIZATION, REPOSITORY, USER, owned
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
_OWNERS = (
    replace(USER, check=Check.LOGIN, scope_enforced=True),
    replace(ORGANIZATION, word="Org", variable='"Name of the organization."\n  $orgname: String!'),
    replace(REPOSITORY, word="Repo", check=Check.ACCESS),
)

CHAPTER = chapter(
    "logs",
    "Read what was done in a namespace or repository, count it, and export it.",
    owned(_OWNERS, Route("list{Owner}Logs", "GET", "{owner}/logs", problems=_LIST)),
    owned(
        _OWNERS,
        Route("getAggregate{Owner}Logs", "GET", "{owner}/aggregatelogs", flags=_COUNTS, problems=_COUNT),
    ),
    owned(
        _OWNERS,
        Route(
            "export{Owner}Logs",
            "POST",
            "{owner}/exportlogs",
            status=201,
            observed=200,
            flags=_EXPORTS,
            problems=_EXPORT,
        ),
    ),
)
