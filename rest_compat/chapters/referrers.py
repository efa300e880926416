"""Referrers: manifests whose `subject` is a given manifest. `/v2` serves them."""

from __future__ import annotations

from rest_compat.chapter import chapter
from rest_compat.route import Route

CHAPTER = chapter(
    "referrers",
    "Find signatures and other artifacts by the image that they are about.",
    Route(
        "getReferrers",
        "GET",
        "/v2/{organization_name}/{repository_name}/referrers/{digest}",
        external=True,
        flags=("REFERRERS_API",),
    ),
)
