"""Manifests: what a digest means."""

from __future__ import annotations

from rest_compat.chapter import chapter
from rest_compat.route import Check, Route

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
)
