"""Organizations: create, show, change, delete."""

from __future__ import annotations

from rest_compat.chapter import chapter
from rest_compat.problems import message
from rest_compat.route import Check, Route

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
)
