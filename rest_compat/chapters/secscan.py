"""Security: what is in an image, and which vulnerabilities that has."""

from __future__ import annotations

from rest_compat.chapter import chapter
from rest_compat.route import Check, Route

CHAPTER = chapter(
    "secscan",
    "Look into what scans found in images.",
    Route(
        "getRepoManifestSecurity",
        "GET",
        "/repository/{repository}/manifest/{manifestref}/security",
        "repo:read",
        check=Check.ACCESS,
        flags=("SECURITY_SCANNER",),
        basic=True,
    ),
)
