"""Quotas of organizations and of the caller: read by members and the user, changed by superusers."""

from __future__ import annotations

from functools import partial

from rest_compat.chapter import chapter
from rest_compat.problems import Problem, ProblemKey, message
from rest_compat.route import Route

FLAGS = ("SUPER_USERS", "QUOTA_MANAGEMENT", "EDIT_QUOTA")

_route = partial(Route, flags=FLAGS)
_own = partial(_route, scope_enforced=True)
_change = partial(_route, full_access=True)

LIMIT_PROBLEMS: dict[ProblemKey, Problem] = {
    ("type", "enum"): message(text="Quota type must be one of [Warning, Reject]"),
    ("INVALID", "threshold_percent"): message(),
}
NEW_LIMIT_PROBLEMS: dict[ProblemKey, Problem] = {
    **LIMIT_PROBLEMS,
    # To the reference a new limit from 0 on is one without a threshold.
    ("INVALID", "threshold_percent", 0): Problem(400),
}

CHAPTER = chapter(
    "namespacequota",
    "See how much an organization or the caller may store, and change it as a superuser.",
    _route("listOrganizationQuota", "GET", "/organization/{orgname}/quota"),
    _change(
        "createOrganizationQuota",
        "POST",
        "/organization/{orgname}/quota",
        "super:user",
        status=201,
        body="Created",
    ),
    _route("getOrganizationQuota", "GET", "/organization/{orgname}/quota/{quota_id}"),
    _change(
        "changeOrganizationQuota",
        "PUT",
        "/organization/{orgname}/quota/{quota_id}",
        "super:user",
        strict=True,
    ),
    _change(
        "deleteOrganizationQuota",
        "DELETE",
        "/organization/{orgname}/quota/{quota_id}",
        "super:user",
        status=204,
    ),
    _route("listOrganizationQuotaLimit", "GET", "/organization/{orgname}/quota/{quota_id}/limit"),
    _change(
        "createOrganizationQuotaLimit",
        "POST",
        "/organization/{orgname}/quota/{quota_id}/limit",
        "super:user",
        status=201,
        body="Created",
        problems=NEW_LIMIT_PROBLEMS,
    ),
    _route("getOrganizationQuotaLimit", "GET", "/organization/{orgname}/quota/{quota_id}/limit/{limit_id}"),
    _change(
        "changeOrganizationQuotaLimit",
        "PUT",
        "/organization/{orgname}/quota/{quota_id}/limit/{limit_id}",
        "super:user",
        problems=LIMIT_PROBLEMS,
    ),
    _change(
        "deleteOrganizationQuotaLimit",
        "DELETE",
        "/organization/{orgname}/quota/{quota_id}/limit/{limit_id}",
        "super:user",
        status=204,
    ),
    _own("listUserQuota", "GET", "/user/quota", "user:admin"),
    _own("getUserQuota", "GET", "/user/quota/{quota_id}", "user:admin"),
    _own("listUserQuotaLimit", "GET", "/user/quota/{quota_id}/limit", "user:admin"),
    _own("getUserQuotaLimit", "GET", "/user/quota/{quota_id}/limit/{limit_id}", "user:admin"),
)
