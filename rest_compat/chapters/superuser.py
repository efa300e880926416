"""What superusers see and change of all users and organizations."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from rest_compat.chapter import chapter
from rest_compat.chapters.namespacequota import FLAGS
from rest_compat.problems import DEFAULT_TEXT, Problem, ProblemKey, message
from rest_compat.route import Check, Route

_quota = partial(Route, flags=FLAGS)
_site = partial(Route, scope="super:user", flags=("SUPER_USERS",), fresh_login=True)

_LIMIT: dict[ProblemKey, Problem] = {("limit", "value"): Problem(400, text="Page limit cannot be above 100")}

_OF_VALUES: dict[ProblemKey, Problem] = {
    (code, field): message()
    for code in ("INVALID", "ALREADY_EXISTS")
    for field in ("username", "email", "password")
    if (code, field) != ("INVALID", "username")
}
"""What the data model of the reference refuses, it says in another style."""

_ONE = "/superuser/users/{username}"

USERS = (
    _site("listAllUsers", "GET", "/superuser/users/", parts_of="users", problems=_LIMIT),
    _site(
        "createInstallUser",
        "POST",
        "/superuser/users/",
        status=201,
        observed=200,
        check=Check.LOGIN,
        problems={**_OF_VALUES, ("INVALID", "username"): message()},
    ),
    _site("getInstallUser", "GET", _ONE, internal=True, site_view=True),
    _site("changeInstallUser", "PUT", _ONE, check=Check.LOGIN, problems=_OF_VALUES),
    _site("deleteInstallUser", "DELETE", _ONE, status=201, observed=204, body=""),
    _site(
        "sendInstallUserRecoveryEmail",
        "POST",
        "/superusers/users/{username}/sendrecovery",
        internal=True,
        flags=("SUPER_USERS", "MAILING"),
    ),
    _site("listAllAppTokens", "GET", "/superuser/apptokens", internal=True, fresh_login=False),
)

_UNKNOWN_BUILD: dict[ProblemKey, Problem] = {
    "NOT_FOUND": Problem(400, type="invalid_response", text="Unable to locate a build by id")
}

BUILDS = (
    _site("getRepoBuildSuperUser", "GET", "/superuser/{build_uuid}/build"),
    _site("getRepoBuildStatusSuperUser", "GET", "/superuser/{build_uuid}/status", problems=_UNKNOWN_BUILD),
    _site("getRepoBuildLogsSuperUser", "GET", "/superuser/{build_uuid}/logs", problems=_UNKNOWN_BUILD),
)

KEYS = (
    _site("listServiceKeys", "GET", "/superuser/keys", fresh_login=False),
    _site(
        "createServiceKey",
        "POST",
        "/superuser/keys",
        status=201,
        observed=200,
        check=Check.LOGIN,
        problems={("INVALID", "service"): message(text="")},
    ),
    _site("getServiceKey", "GET", "/superuser/keys/{kid}", fresh_login=False),
    _site("updateServiceKey", "PUT", "/superuser/keys/{kid}", check=Check.LOGIN),
    _site("deleteServiceKey", "DELETE", "/superuser/keys/{kid}", status=204),
    _site(
        "approveServiceKey",
        "POST",
        "/superuser/approvedkeys/{kid}",
        status=201,
        body="",
        check=Check.LOGIN,
    ),
)


def _quotas(name: str, path: str) -> tuple[Route, ...]:
    """The routes to the quota of any namespace. Both paths take users and organizations alike."""
    one = f"{path}/{{quota_id}}"
    return (
        _quota(
            f"list{name}QuotaSuperUser",
            "GET",
            path,
            "super:user",
            fresh_login=True,
            document="ListQuotaSuperUser",
        ),
        _quota(
            f"create{name}QuotaSuperUser",
            "POST",
            path,
            "super:user",
            status=201,
            body="Created",
            check=Check.LOGIN,
            fresh_login=True,
            document="CreateQuotaSuperUser",
        ),
        _quota(
            f"change{name}QuotaSuperUser",
            "PUT",
            one,
            "super:user",
            check=Check.LOGIN,
            fresh_login=True,
            strict=True,
            document="ChangeQuotaSuperUser",
        ),
        _quota(
            f"delete{name}QuotaSuperUser",
            "DELETE",
            one,
            "super:user",
            status=204,
            document="DeleteQuotaSuperUser",
        ),
    )


_COUNTS = ("SUPER_USERS", "AGGREGATED_LOG_COUNT_RETRIEVAL")
_ORDER: Mapping[ProblemKey, Problem] = {"BAD_REQUEST": message(400, DEFAULT_TEXT[400])}

CHAPTER = chapter(
    "superuser",
    "See and change what belongs to any user or organization, as a superuser.",
    *USERS,
    *KEYS,
    *BUILDS,
    _site(
        "listAllOrganizations",
        "GET",
        "/superuser/organizations",
        parts_of="organizations",
        problems=_LIMIT,
    ),
    _site(
        "changeOrganization",
        "PUT",
        # The reference has `name` here too, as the key of the body.
        "/superuser/organizations/{organization}",
        check=Check.LOGIN,
        problems={
            ("NOT_FOUND", "organization"): message(),
            ("INVALID", "name"): message(),
            ("ALREADY_EXISTS", "name"): message(),
            ("INVALID", "tag_expiration_s"): message(),
        },
    ),
    _site("deleteOrganization", "DELETE", "/superuser/organizations/{name}", status=204),
    _site("takeOwnership", "POST", "/superuser/takeownership/{namespace}", optional_body=True, internal=True),
    # The reference has each name on the path of the other.
    *_quotas("User", "/superuser/organization/{namespace}/quota"),
    *_quotas("Organization", "/superuser/users/{namespace}/quota"),
    _site("listAllLogs", "GET", "/superuser/logs", problems=_ORDER),
    _site(
        "listAllAggregateLogs",
        "GET",
        "/superuser/aggregatelogs",
        flags=_COUNTS,
        internal=True,
        problems={"BAD_REQUEST": message(400)},
    ),
    _site("getRegistrySize", "GET", "/superuser/registrysize/"),
    _site(
        "postRegistrySize",
        "POST",
        "/superuser/registrysize/",
        status=201,
        otherwise=("isStarted", 202),
        body="",
        optional_body=True,
    ),
    # Where it is switched off the reference refuses it, instead of not knowing it.
    _site("getConfigDump", "GET", "/superuser/config", status=201, observed=200),
    _site("getChangeLog", "GET", "/superuser/changelog/", internal=True),
    Route(
        "getRegistryStatus",
        "GET",
        "/superuser/registrystatus",
        flags=("SUPER_USERS",),
        open=True,
        internal=True,
    ),
)
