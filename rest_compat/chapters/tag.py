"""Tags of a repository: list with history, change, delete, restore."""

from __future__ import annotations

from rest_compat.chapter import chapter
from rest_compat.problems import DEFAULT_TEXT, NOT_FOUND, Problem, message
from rest_compat.route import Check, Route

_FLAGS = ("IMMUTABLE_TAGS",)
_OF_NAMESPACE = "/organization/{orgname}/immutabilitypolicy/"
_OF_REPOSITORY = "/repository/{repository}/immutabilitypolicy/"
_ONE = "{policy_uuid}"

CHAPTER = chapter(
    "tag",
    "List, move, restore and delete the tags of a repository.",
    Route("listRepoTags", "GET", "/repository/{repository}/tag/", "repo:read", check=Check.ACCESS),
    Route(
        "changeTag",
        "PUT",
        "/repository/{repository}/tag/{tag}",
        "repo:write",
        status=201,
        body="Updated",
        check=Check.ACCESS,
        writable=True,
        problems={
            ("INVALID", "tag"): message(),
            ("manifest_digest", "value"): NOT_FOUND,
            ("INVALID", "expiration"): message(400, DEFAULT_TEXT[400]),
            ("IMMUTABLE", "expiration"): message(),
            ("INVALID", "immutable"): message(),
        },
    ),
    Route("deleteFullTag", "DELETE", "/repository/{repository}/tag/{tag}", "repo:write", status=204),
    Route(
        "restoreTag",
        "POST",
        "/repository/{repository}/tag/{tag}/restore",
        "repo:write",
        status=201,
        observed=200,
        body={},
        check=Check.ACCESS,
        writable=True,
        problems={
            ("manifest_digest", "required"): Problem(400, text="Missing manifest_digest"),
            ("manifest_digest", "value"): NOT_FOUND,
        },
    ),
    Route(
        "listOrganizationImmutabilityPolicies", "GET", _OF_NAMESPACE, "org:admin", internal=True, flags=_FLAGS
    ),
    Route(
        "createOrganizationImmutabilityPolicy",
        "POST",
        _OF_NAMESPACE,
        "org:admin",
        status=201,
        internal=True,
        flags=_FLAGS,
    ),
    Route(
        "getOrganizationImmutabilityPolicy",
        "GET",
        _OF_NAMESPACE + _ONE,
        "org:admin",
        internal=True,
        flags=_FLAGS,
    ),
    Route(
        "updateOrganizationImmutabilityPolicy",
        "PUT",
        _OF_NAMESPACE + _ONE,
        "org:admin",
        status=204,
        internal=True,
        flags=_FLAGS,
    ),
    Route(
        "deleteOrganizationImmutabilityPolicy",
        "DELETE",
        _OF_NAMESPACE + _ONE,
        "org:admin",
        internal=True,
        flags=_FLAGS,
    ),
    Route(
        "listRepositoryImmutabilityPolicies", "GET", _OF_REPOSITORY, "repo:admin", internal=True, flags=_FLAGS
    ),
    Route(
        "createRepositoryImmutabilityPolicy",
        "POST",
        _OF_REPOSITORY,
        "repo:admin",
        status=201,
        internal=True,
        flags=_FLAGS,
    ),
    Route(
        "getRepositoryImmutabilityPolicy",
        "GET",
        _OF_REPOSITORY + _ONE,
        "repo:admin",
        internal=True,
        flags=_FLAGS,
    ),
    Route(
        "updateRepositoryImmutabilityPolicy",
        "PUT",
        _OF_REPOSITORY + _ONE,
        "repo:admin",
        status=204,
        internal=True,
        flags=_FLAGS,
    ),
    Route(
        "deleteRepositoryImmutabilityPolicy",
        "DELETE",
        _OF_REPOSITORY + _ONE,
        "repo:admin",
        internal=True,
        flags=_FLAGS,
    ),
    Route(
        "getTagPullStatistics",
        "GET",
        "/repository/{repository}/tag/{tag}/pull_statistics",
        "repo:read",
        internal=True,
        flags=("IMAGE_PULL_STATS",),
    ),
)
