"""The description of this API itself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rest_compat.chapter import chapter
from rest_compat.discovery import Facts, discovery
from rest_compat.route import Route


def answer(facts: Facts, values: Mapping[str, Any]) -> dict[str, Any]:
    """The Swagger document; `internal` lists every operation with more facts."""
    return discovery(facts, internal=values["internal"])


CHAPTER = chapter(
    "discovery",
    "What this API offers, in machine-readable form.",
    Route("discovery", "GET", "/discovery", open=True, native=answer),
)
