"""Default permissions of an organization."""

from __future__ import annotations

from rest_compat.chapter import chapter
from rest_compat.route import Route

CHAPTER = chapter(
    "prototype",
    "Default permissions, which new repositories of an organization begin with.",
    Route(
        "updateOrganizationPrototypePermission",
        "PUT",
        "/organization/{orgname}/prototypes/{prototypeid}",
        "org:admin",
    ),
    Route(
        "deleteOrganizationPrototypePermission",
        "DELETE",
        "/organization/{orgname}/prototypes/{prototypeid}",
        "org:admin",
        status=204,
    ),
    Route(
        "createOrganizationPrototypePermission",
        "POST",
        "/organization/{orgname}/prototypes",
        "org:admin",
        status=201,
        observed=200,
    ),
    Route(
        "getOrganizationPrototypePermissions",
        "GET",
        "/organization/{orgname}/prototypes",
        "org:admin",
    ),
)
