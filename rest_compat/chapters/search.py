"""Search: repositories, all kinds of objects, and possible grantees."""

from __future__ import annotations

from rest_compat.chapter import chapter
from rest_compat.route import Route

CHAPTER = chapter(
    "search",
    "Find repositories, organizations, users, teams and robots.",
    Route("conductRepoSearch", "GET", "/find/repositories"),
    Route("conductSearch", "GET", "/find/all", "repo:read"),
    Route("getMatchingEntities", "GET", "/entities/{prefix}"),
)
