"""What this registry supports, for clients that adapt to it."""

from __future__ import annotations

from rest_compat.chapter import chapter
from rest_compat.route import Route

CHAPTER = chapter(
    "registry",
    "What this registry supports.",
    Route("getRegistryCapabilities", "GET", "/registry/capabilities", open=True, internal=True),
)
