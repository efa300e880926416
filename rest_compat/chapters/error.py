"""Descriptions of the error types."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rest_compat.chapter import chapter
from rest_compat.discovery import PREFIX, ApiInfo
from rest_compat.problems import ERROR_TYPES
from rest_compat.route import Route


def answer(info: ApiInfo, values: Mapping[str, Any]) -> dict[str, Any] | None:
    """Address, name and meaning of an error type; None if it does not exist."""
    kind = values["error_type"]
    if kind not in ERROR_TYPES:
        return None
    return {
        "type": f"{info.base_url}{PREFIX}/error/{kind}",
        "title": kind,
        "description": ERROR_TYPES[kind],
    }


CHAPTER = chapter(
    "error",
    "What the kinds of error mean.",
    Route("getErrorDescription", "GET", "/error/{error_type}", native=answer),
)
