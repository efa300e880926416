"""Tags of a repository: list with history, change, delete, restore."""

from __future__ import annotations

from rest_compat.chapter import chapter
from rest_compat.owners import ORGANIZATION, REPOSITORY, owned
from rest_compat.problems import DEFAULT_TEXT, NOT_FOUND, Problem, message
from rest_compat.route import Check, Route

_FLAGS = ("IMMUTABLE_TAGS",)
_POLICIES = "{owner}/immutabilitypolicy/"
_POLICY = _POLICIES + "{policy_uuid}"

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
    owned(
        (ORGANIZATION, REPOSITORY),
        Route("list{Owner}ImmutabilityPolicies", "GET", _POLICIES, internal=True, flags=_FLAGS),
        Route("create{Owner}ImmutabilityPolicy", "POST", _POLICIES, status=201, internal=True, flags=_FLAGS),
        Route("get{Owner}ImmutabilityPolicy", "GET", _POLICY, internal=True, flags=_FLAGS),
        Route("update{Owner}ImmutabilityPolicy", "PUT", _POLICY, status=204, internal=True, flags=_FLAGS),
        Route("delete{Owner}ImmutabilityPolicy", "DELETE", _POLICY, internal=True, flags=_FLAGS),
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
