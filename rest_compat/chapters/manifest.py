"""Manifests: show, pull statistics, labels."""

from __future__ import annotations

from rest_compat.chapter import chapter
from rest_compat.problems import message
from rest_compat.route import Check, Route

_LABELS = "/repository/{repository}/manifest/{manifestref}/labels"
_LABEL = _LABELS + "/{labelid}"

CHAPTER = chapter(
    "manifest",
    "Look into the manifests of a repository.",
    Route(
        "getRepoManifest",
        "GET",
        "/repository/{repository}/manifest/{manifestref}",
        "repo:read",
        check=Check.ACCESS,
    ),
    Route(
        "getManifestPullStatistics",
        "GET",
        "/repository/{repository}/manifest/{manifestref}/pull_statistics",
        "repo:read",
        check=Check.ACCESS,
        internal=True,
        flags=("IMAGE_PULL_STATS",),
    ),
    Route("listManifestLabels", "GET", _LABELS, "repo:read", check=Check.ACCESS),
    Route(
        "addManifestLabel",
        "POST",
        _LABELS,
        "repo:write",
        status=201,
        check=Check.ACCESS,
        writable=True,
        location=_LABELS + "/{label[id]}",
        problems={("INVALID", "key"): message(), ("INVALID", "media_type"): message()},
    ),
    Route("getManifestLabel", "GET", _LABEL, "repo:read", check=Check.ACCESS),
    Route(
        "deleteManifestLabel",
        "DELETE",
        _LABEL,
        "repo:write",
        status=204,
        check=Check.ACCESS,
        writable=True,
        problems={("INVALID", "labelid"): message()},
    ),
)
