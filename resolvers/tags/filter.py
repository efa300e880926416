"""Filters of tags: the SQL conditions on spans, with the alias `t`, that a list may ask for."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from storage.clock import now_ms
from storage.conditions import is_active, was_active
from storage.search import contains


@dataclass(frozen=True, slots=True)
class Platform:
    """What images are for."""

    os: str | None = None
    architecture: str | None = None
    variant: str | None = None


@dataclass(frozen=True, slots=True)
class TagFilter:
    """Conditions on spans: `as_of_ms` selects those active at that time, `is_active` those active now.

    `unpulled_since_ms` selects those that began before and were not pulled since, `expires_before_ms` those
    with an expiration before. Of `platform`, the parts that are None fit everything.
    """

    name_equals: str | None = None
    name_contains: str | None = None
    is_active: bool = False
    as_of_ms: int | None = None
    unpulled_since_ms: int | None = None
    expires_before_ms: int | None = None
    platform: Platform | None = None


_UNPULLED_SINCE = (
    "t.started_at_ms < ? AND NOT EXISTS (SELECT 1 FROM tag_pulls u WHERE u.repository_id = t.repository_id"
    " AND u.name = t.name AND u.life = t.life AND u.last_pulled_at_ms >= ?)"
)
"""The condition that a span began before a time and its tag was not pulled since; takes the time twice."""


def conditions_of(chosen: TagFilter) -> Iterator[tuple[str, list[Any]]]:
    """The SQL conditions of a filter, each with its values.

    Those on pulls and platforms are looked up by row, in the order of the list.
    """
    if chosen.name_equals is not None:
        yield "t.name = ?", [chosen.name_equals]
    if chosen.name_contains:
        condition, pattern = contains("t.name", chosen.name_contains)
        yield condition, [pattern]
    if chosen.as_of_ms is not None:
        yield was_active("t"), [chosen.as_of_ms, chosen.as_of_ms]
    elif chosen.is_active:
        yield is_active("t"), [now_ms()]
    if chosen.unpulled_since_ms is not None:
        yield _UNPULLED_SINCE, [chosen.unpulled_since_ms] * 2
    if chosen.expires_before_ms is not None:
        yield "t.is_expiration AND t.ended_at_ms < ?", [chosen.expires_before_ms]
    if chosen.platform is not None:
        yield _of_platform(chosen.platform)


def _of_platform(platform: Platform) -> tuple[str, list[Any]]:
    """The condition that an image is for a platform, or an index has an entry for it."""
    parts = {"os": platform.os, "architecture": platform.architecture, "variant": platform.variant}
    given = {name: value for name, value in parts.items() if value is not None}

    def fits(alias: str) -> str:
        # An image without a platform, such as an artifact, is for none.
        return " AND ".join([f"{alias}.{name} = ?" for name in given] or [f"{alias}.os IS NOT NULL"])

    condition = (
        f"(EXISTS (SELECT 1 FROM manifest g WHERE g.id = t.manifest_id AND {fits('g')})"
        f" OR EXISTS (SELECT 1 FROM manifest_child h WHERE h.manifest_id = t.manifest_id AND {fits('h')}))"
    )
    return condition, [*given.values()] * 2
