"""What searches are made of: pieces of SQL that give ids, and points for how well a text fits."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from storage.search import Match, begins

WINDOW = 100
"""So many matches of each kind are weighed against each other: as many as are ever shown."""

EXACT, BEGINS, CONTAINS, DESCRIBED = 100, 95, 80, 50
"""How well a text fits, in hundredths: it is the name, begins it, is in it, is in the description."""


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of SQL with its values."""

    sql: str
    values: tuple[Any, ...] = ()


ALWAYS = Part("1 = 1")


def limited(columns: str, source: str, conditions: Sequence[Part], order: str = "") -> Part:
    """The first of the rows on which the conditions hold."""
    where = " AND ".join(part.sql for part in conditions)
    return Part(
        f"SELECT * FROM (SELECT {columns} FROM {source} WHERE {where} {order} LIMIT {WINDOW}) one_match",
        tuple(value for part in conditions for value in part.values),
    )


def name_matches(text: str, column: str, source: str) -> list[tuple[int, str, Part]]:
    """What the indexes of names say, as points, source and condition."""
    prefix, bounds = begins(column, text)
    return [(EXACT, source, Part(f"{column} = ?", (text,))), (BEGINS, source, Part(prefix, bounds))]


def index_match(points: int, found: Match) -> tuple[int, str, Part]:
    """What an index of parts says, as points, source and condition."""
    return points, found.source, Part(found.condition, found.values)


def points_of(name: str, text: str, *, otherwise: Part = Part(str(CONTAINS))) -> Part:
    """How well the text fits a name that holds it, for the few rows that are looked at one by one."""
    prefix, bounds = begins(name, text)
    return Part(
        f"CASE WHEN {name} = ? THEN {EXACT} WHEN {prefix} THEN {BEGINS} ELSE {otherwise.sql} END",
        (text, *bounds, *otherwise.values),
    )
