"""SQL fragments of searches, and the points of matches."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from storage.search import Match, begins

WINDOW = 100
"""Most matches of each kind that are ranked; no search shows more."""

EXACT, BEGINS, CONTAINS, DESCRIBED = 100, 95, 80, 50
"""Points of a match: the text equals the name, begins it, is contained in it, is in the description."""


@dataclass(frozen=True, slots=True)
class Part:
    """A fragment of SQL with its values."""

    sql: str
    values: tuple[Any, ...] = ()


ALWAYS = Part("1 = 1")


def limited(columns: str, source: str, conditions: Sequence[Part], order: str = "") -> Part:
    """SQL of the first `WINDOW` rows that meet all conditions."""
    where = " AND ".join(part.sql for part in conditions)
    return Part(
        f"SELECT * FROM (SELECT {columns} FROM {source} WHERE {where} {order} LIMIT {WINDOW}) one_match",
        tuple(value for part in conditions for value in part.values),
    )


def name_matches(text: str, column: str, source: str) -> list[tuple[int, str, Part]]:
    """Matches that B-tree indexes of names find, as points, source and condition."""
    prefix, bounds = begins(column, text)
    return [(EXACT, source, Part(f"{column} = ?", (text,))), (BEGINS, source, Part(prefix, bounds))]


def index_match(points: int, found: Match) -> tuple[int, str, Part]:
    """A match that a trigram index finds, as points, source and condition."""
    return points, found.source, Part(found.condition, found.values)


def points_of(name: str, text: str, *, otherwise: Part = Part(str(CONTAINS))) -> Part:
    """SQL of the points of a name that contains the text, for the few rows that are scanned."""
    prefix, bounds = begins(name, text)
    return Part(
        f"CASE WHEN {name} = ? THEN {EXACT} WHEN {prefix} THEN {BEGINS} ELSE {otherwise.sql} END",
        (text, *bounds, *otherwise.values),
    )
