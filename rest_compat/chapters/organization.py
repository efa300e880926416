"""Organizations: create, show, change, delete."""

from __future__ import annotations

from rest_compat.chapter import chapter
from rest_compat.problems import Problem, message
from rest_compat.route import Check, Route

APPLICATION = "/organization/{orgname}/applications/{client_id}"
PROXY_CACHE = "/organization/{orgname}/proxycache"

CHAPTER = chapter(
    "organization",
    "Create, show, change and delete organizations.",
    Route(
        "createOrganization",
        "POST",
        "/organization/",
        "user:admin",
        status=201,
        body="Created",
        check=Check.LOGIN,
    ),
    Route("getOrganization", "GET", "/organization/{orgname}"),
    Route(
        "changeOrganizationDetails",
        "PUT",
        "/organization/{orgname}",
        "org:admin",
        problems={("INVALID", "tag_expiration_s"): message()},
    ),
    Route(
        "deleteAdminedOrganization",
        "DELETE",
        "/organization/{orgname}",
        "org:admin",
        status=204,
        fresh_login=True,
    ),
    Route("getOrganizationMembers", "GET", "/organization/{orgname}/members", "org:admin"),
    Route("getOrganizationMember", "GET", "/organization/{orgname}/members/{membername}", "org:admin"),
    Route(
        "removeOrganizationMember",
        "DELETE",
        "/organization/{orgname}/members/{membername}",
        "org:admin",
        status=204,
        problems={"INVALID": message()},
    ),
    Route("getOrganizationCollaborators", "GET", "/organization/{orgname}/collaborators", "org:admin"),
    Route("getOrganizationApplications", "GET", "/organization/{orgname}/applications", "org:admin"),
    Route(
        "createOrganizationApplication",
        "POST",
        "/organization/{orgname}/applications",
        "org:admin",
        status=201,
        observed=200,
    ),
    Route("getOrganizationApplication", "GET", APPLICATION, "org:admin"),
    Route("updateOrganizationApplication", "PUT", APPLICATION, "org:admin"),
    Route("deleteOrganizationApplication", "DELETE", APPLICATION, "org:admin", status=204),
    Route("getApplicationInformation", "GET", "/app/{client_id}"),
    Route(
        "getProxyCacheConfig",
        "GET",
        PROXY_CACHE,
        flags=("PROXY_CACHE",),
        null_answer={"upstream_registry": "", "expiration_s": "", "insecure": ""},
    ),
    Route(
        "createProxyCacheConfig",
        "POST",
        PROXY_CACHE,
        status=201,
        body="Created",
        flags=("PROXY_CACHE",),
    ),
    Route(
        "deleteProxyCacheConfig",
        "DELETE",
        PROXY_CACHE,
        status=204,
        observed=201,
        body="Deleted",
        flags=("PROXY_CACHE",),
    ),
    Route(
        "validateProxyCacheConfig",
        "POST",
        "/organization/{orgname}/validateproxycache",
        status=202,
        flags=("PROXY_CACHE",),
        problems={"UPSTREAM": Problem(400, text="Failed to validate Proxy cache configuration")},
    ),
    Route("resetApplicationSecret", "POST", f"{APPLICATION}/resetclientsecret", "org:admin", internal=True),
    Route("listApplicationTokens", "GET", f"{APPLICATION}/tokens", "org:admin", internal=True),
    Route(
        "createApplicationToken",
        "POST",
        f"{APPLICATION}/tokens",
        "org:admin",
        status=201,
        observed=200,
        internal=True,
    ),
    Route(
        "revokeApplicationToken",
        "DELETE",
        f"{APPLICATION}/tokens/{{token_uuid}}",
        "org:admin",
        status=204,
        internal=True,
    ),
)
