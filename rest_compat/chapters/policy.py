"""Auto-prune policies of organizations, repositories and the signed-in user."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from rest_compat.chapter import chapter
from rest_compat.owners import ORGANIZATION, REPOSITORY, USER, owned
from rest_compat.problems import Problem, ProblemKey
from rest_compat.route import Check, Route

_FLAGS = ("AUTO_PRUNE",)
_POLICIES = "{owner}/autoprunepolicy/"
_POLICY = _POLICIES + "{policy_uuid}"
_ORGANIZATION = ORGANIZATION
_REPOSITORY = replace(REPOSITORY, check=Check.ACCESS)
_USER = replace(USER, root="namespace", check=Check.LOGIN, scope_enforced=True)
_OWNERS = (_ORGANIZATION, _REPOSITORY, _USER)
_RULE: Mapping[ProblemKey, Problem] = {
    ("method", "enum"): Problem(400, text="Invalid method provided"),
    ("INVALID", "value"): Problem(400, text="Invalid value given for method type"),
}

CHAPTER = chapter(
    "policy",
    "Let tags end by their number or their age.",
    owned(
        _OWNERS,
        Route("create{Owner}AutoPrunePolicy", "POST", _POLICIES, status=201, flags=_FLAGS, problems=_RULE),
    ),
    owned(
        (_ORGANIZATION,),
        # A superuser is answered so for an organization that does not exist, as by the reference.
        Route("list{Owner}AutoPrunePolicies", "GET", _POLICIES, flags=_FLAGS, null_answer={"policies": []}),
    ),
    owned((_REPOSITORY, _USER), Route("list{Owner}AutoPrunePolicies", "GET", _POLICIES, flags=_FLAGS)),
    owned(
        _OWNERS,
        Route("get{Owner}AutoPrunePolicy", "GET", _POLICY, flags=_FLAGS),
        Route("delete{Owner}AutoPrunePolicy", "DELETE", _POLICY, status=204, observed=200, flags=_FLAGS),
    ),
    owned(
        (_ORGANIZATION, _USER),
        Route("update{Owner}AutoPrunePolicy", "PUT", _POLICY, status=204, flags=_FLAGS, problems=_RULE),
    ),
    owned(
        (_REPOSITORY,),
        Route("update{Owner}AutoPrunePolicy", "PUT", _POLICY, observed=204, flags=_FLAGS, problems=_RULE),
    ),
)
