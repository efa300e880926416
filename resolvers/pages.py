"""Pages: keyset cursors over any ordered list, so that page 1,000 costs what page 1 costs.

A cursor holds the sort values of the last row of a page. A second kind, the offset cursor, says "skip n from
the start"; it exists for callers who count pages, and is read by the same decoder.
"""

import base64
import binascii
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

import orjson

from resolvers.errors import Invalid
from storage.statements import Row, fetch, fetch_one

T = TypeVar("T")

DEFAULT_FIRST = 50


@dataclass(frozen=True, slots=True)
class Page:
    """What is asked for: at most `first` items behind the cursor `after`."""

    first: int = DEFAULT_FIRST
    after: str | None = None


@dataclass(frozen=True, slots=True)
class Term:
    """One term of a sort order: the SQL expression, the key of the row that holds its value, the direction.

    The last term of an order must be unique among the rows that the others leave equal.
    """

    column: str
    key: str
    descending: bool = False
    kind: type[int] | type[str] = int

    def fits(self, value: Any) -> bool:
        """Whether a value out of a cursor can be compared with the column: of its type, and storable."""
        if self.kind is str:
            return isinstance(value, str) and "\0" not in value
        return isinstance(value, int) and not isinstance(value, bool) and abs(value) < 2**63


@dataclass(frozen=True, slots=True)
class Query:
    """A list to page through: `SELECT {columns} FROM {source} WHERE {conditions} ORDER BY {order}`."""

    columns: str
    source: str
    order: tuple[Term, ...]
    conditions: tuple[str, ...] = ()
    values: tuple[Any, ...] = ()

    @property
    def where(self) -> str:
        """The conditions in one."""
        return " AND ".join(f"({condition})" for condition in self.conditions) or "1 = 1"


@dataclass(frozen=True, slots=True)
class Slice(Generic[T]):
    """One page of a list, with a cursor for each item. `count` asks the database how long the list is."""

    items: list[T]
    cursors: list[str]
    has_next: bool
    has_previous: bool
    query: Query | None = field(default=None, repr=False)

    async def count(self) -> int:
        """How many items the whole list has; one more statement."""
        if self.query is None:
            return len(self.items)
        row = await fetch_one(
            f"SELECT COUNT(*) AS total FROM {self.query.source} WHERE {self.query.where}", *self.query.values
        )
        return int(row["total"]) if row else 0


def offset_cursor(offset: int) -> str:
    """The cursor that stands behind the first `offset` items."""
    return _encode(["o", offset])


def is_cursor(text: str) -> bool:
    """Whether a text is a cursor that this module made."""
    try:
        _decode(text)
    except Invalid:
        return False
    return True


def _encode(value: list[Any]) -> str:
    return base64.urlsafe_b64encode(orjson.dumps(value)).decode().rstrip("=")


def _decode(cursor: str) -> tuple[str, list[Any]]:
    try:
        value = orjson.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except (binascii.Error, ValueError) as error:
        raise Invalid("The cursor is not one that this server made.", field="after") from error
    if not isinstance(value, list) or not value or value[0] not in {"k", "o"}:
        raise Invalid("The cursor is not one that this server made.", field="after")
    return value[0], value[1:]


def check_first(first: int, *, maximum: int) -> int:
    """The page size. Raises `Invalid` unless it is between 1 and the maximum of the door."""
    if not 1 <= first <= maximum:
        raise Invalid(f"'first' must be between 1 and {maximum}, not {first}.", field="first")
    return first


def _behind(order: Sequence[Term], values: Sequence[Any]) -> tuple[str, list[Any]]:
    # (a, b, c) after (x, y, z) with a direction for each, as a chain of alternatives. The bound on the first
    # term stands alone as well, since only so do the databases use it to find their place in the index.
    alternatives, arguments = [], []
    for position, term in enumerate(order):
        equal = [f"{before.column} = ?" for before in order[:position]]
        alternatives.append(" AND ".join([*equal, f"{term.column} {'<' if term.descending else '>'} ?"]))
        arguments += [*values[:position], values[position]]
    bound = f"{order[0].column} {'<=' if order[0].descending else '>='} ?"
    chain = " OR ".join(f"({alternative})" for alternative in alternatives)
    return f"{bound} AND ({chain})", [values[0], *arguments]


async def paginate(query: Query, page: Page, *, maximum: int) -> Slice[Row]:
    """Run one page of a query: a single statement that reads `first` + 1 rows.

    Raises `Invalid` for a page size out of range or a cursor that is not ours.
    """
    first = check_first(page.first, maximum=maximum)
    conditions, values, offset = query.where, list(query.values), 0
    if page.after is not None:
        kind, parts = _decode(page.after)
        if kind == "o" and len(parts) == 1 and isinstance(parts[0], int) and 0 <= parts[0] < 2**53:
            offset = parts[0]
        elif (
            kind == "k"
            and len(parts) == len(query.order)
            and all(term.fits(part) for term, part in zip(query.order, parts, strict=True))
        ):
            behind, more = _behind(query.order, parts)
            conditions, values = f"{conditions} AND {behind}", [*values, *more]
        else:
            raise Invalid("The cursor belongs to another list.", field="after")
    order = ", ".join(f"{term.column} {'DESC' if term.descending else 'ASC'}" for term in query.order)
    rows = await fetch(
        f"SELECT {query.columns} FROM {query.source} WHERE {conditions} ORDER BY {order} LIMIT ? OFFSET ?",
        *values,
        first + 1,
        offset,
    )
    items = rows[:first]
    return Slice(
        items=items,
        cursors=[_encode(["k", *(row[term.key] for term in query.order)]) for row in items],
        has_next=len(rows) > first,
        has_previous=page.after is not None,
        query=query,
    )
