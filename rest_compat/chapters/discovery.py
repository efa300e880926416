"""Discovery: the machine-readable description of this API."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rest_compat.chapter import chapter
from rest_compat.discovery import ApiInfo, discovery
from rest_compat.route import Route


def answer(info: ApiInfo, values: Mapping[str, Any]) -> dict[str, Any]:
    """The Swagger document; `internal` adds internal operations and details."""
    return discovery(info, internal=values["internal"])


CHAPTER = chapter(
    "discovery",
    "What this API offers, in machine-readable form.",
    Route("discovery", "GET", "/discovery", open=True, native=answer),
)
