"""Pages: keyset cursors over any ordered list, so that page 1,000 costs what page 1 costs.

A cursor holds the sort values of the last row of a page. A second kind, the offset cursor, says "skip n from
the start"; it exists for callers who count pages, and is read by the same decoder.
"""

import base64
import binascii
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Generic, TypeVar

import orjson

from resolvers.errors import Invalid
from storage.statements import (
    Row,
    fetch,
    fetch_one,
    first_of_each,
    keyset_condition,
    nested_loop,
    placeholders,
)

T = TypeVar("T")
U = TypeVar("U")

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
class IndexRange:
    """A part of a list of a table's rows that an index holds in the list's order; parts may overlap.

    Its rows are those where each column of `equal` has the value beside it, which is SQL, and the conditions
    hold. `each` is a query for a column `id`: then it is a part for each of its rows, with `each_row.id` in
    `equal`. `few` is a query for ids of rows: then these are all that is looked at. `values` are those of
    `each` or `few`, then of the conditions.
    """

    equal: tuple[tuple[str, str], ...]
    conditions: tuple[str, ...]
    values: tuple[Any, ...] = ()
    parents: str | None = None
    candidates: str | None = None

    def and_also(self, condition: str, *values: Any) -> "IndexRange":
        """The rows of the range on which one more condition holds."""
        return replace(self, conditions=(*self.conditions, condition), values=(*self.values, *values))

    def ids(self, key: str, source: str, table: str, term: str, *, is_after: bool, limit: int) -> str:
        """The query for the ids of its first rows, with one more value if they are behind a cursor."""
        if self.candidates is not None:
            conditions = [*self.conditions, *(f"{column} = {value}" for column, value in self.equal)]
            conditions += [f"{term} > ?"] if is_after else []
            return nested_loop(
                self.candidates, f"{key} AS id", source, " AND ".join([f"{key} = found.id", *conditions])
            )
        place, order = keyset_condition(self.equal, term, is_after=is_after)
        where = " AND ".join(f"({condition})" for condition in (*self.conditions, place))
        rows = f"SELECT {key} AS id FROM {source} WHERE {where} ORDER BY {order} LIMIT {limit}"
        return first_of_each(self.parents, table, rows) if self.parents else f"SELECT id FROM ({rows}) range_"


@dataclass(frozen=True, slots=True)
class Slice(Generic[T]):
    """One page of a list, with a cursor for each item. `count` asks the database how long the list is."""

    items: list[T]
    cursors: list[str]
    has_next: bool
    has_previous: bool
    query: Query | None = field(default=None, repr=False)
    total: int | None = None
    """How long the list is, if that is known beforehand."""

    def of(self, make: Callable[[T], U]) -> "Slice[U]":
        """The same page with each item made into something else."""
        items = [make(item) for item in self.items]
        return Slice(items, self.cursors, self.has_next, self.has_previous, self.query, self.total)

    async def count(self) -> int:
        """How many items the whole list has; one more statement."""
        if self.total is not None:
            return self.total
        if self.query is None:
            return len(self.items)
        row = await fetch_one(
            f"SELECT COUNT(*) AS total FROM {self.query.source} WHERE {self.query.where}", *self.query.values
        )
        return int(row["total"]) if row else 0


def keyset_cursor(*values: Any) -> str:
    """The cursor that stands behind the row with these values of the terms of the order."""
    return _encode(["k", *values])


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


def _after_condition(order: Sequence[Term], values: Sequence[Any]) -> tuple[str, list[Any]]:
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


def _position(query: Query, page: Page) -> tuple[list[Any], int]:
    """The values behind which a page starts, if any, and how many rows it skips."""
    if page.after is None:
        return [], 0
    kind, parts = _decode(page.after)
    if kind == "o" and len(parts) == 1 and isinstance(parts[0], int) and 0 <= parts[0] < 2**53:
        return [], parts[0]
    if (
        kind == "k"
        and len(parts) == len(query.order)
        and all(term.fits(part) for term, part in zip(query.order, parts, strict=True))
    ):
        return parts, 0
    raise Invalid("The cursor belongs to another list.", field="after")


def _where_after(query: Query, page: Page) -> tuple[str, list[Any], int]:
    """The conditions and values of a query behind a page's cursor, and how many rows to skip."""
    position, offset = _position(query, page)
    if not position:
        return query.where, list(query.values), offset
    behind, more = _after_condition(query.order, position)
    return f"{query.where} AND {behind}", [*query.values, *more], offset


def _order(query: Query) -> str:
    return ", ".join(f"{term.column} {'DESC' if term.descending else 'ASC'}" for term in query.order)


def _slice(query: Query, page: Page, rows: list[Row]) -> Slice[Row]:
    """A page of the rows that were read for it, of which one may be too many."""
    items = rows[: page.first]
    return Slice(
        items=items,
        cursors=[keyset_cursor(*(row[term.key] for term in query.order)) for row in items],
        has_next=len(rows) > page.first,
        has_previous=page.after is not None,
        query=query,
    )


def paginate_list(items: Sequence[T], page: Page, *, maximum: int) -> Slice[T]:
    """One page of a list that is at hand, by offset cursors. Raises `Invalid` as `paginate`."""
    first = check_first(page.first, maximum=maximum)
    start = 0
    if page.after is not None:
        kind, parts = _decode(page.after)
        if kind != "o" or len(parts) != 1 or not isinstance(parts[0], int) or parts[0] < 0:
            raise Invalid("The cursor belongs to another list.", field="after")
        start = parts[0]
    shown = list(items[start : start + first])
    return Slice(
        items=shown,
        cursors=[offset_cursor(start + position + 1) for position in range(len(shown))],
        has_next=len(items) > start + first,
        has_previous=page.after is not None,
        total=len(items),
    )


async def paginate(query: Query, page: Page, *, maximum: int) -> Slice[Row]:
    """Run one page of a query: a single statement that reads `first` + 1 rows.

    Raises `Invalid` for a page size out of range or a cursor that is not ours.
    """
    first = check_first(page.first, maximum=maximum)
    conditions, values, offset = _where_after(query, page)
    rows = await fetch(
        f"SELECT {query.columns} FROM {query.source} WHERE {conditions}"
        f" ORDER BY {_order(query)} LIMIT ? OFFSET ?",
        *values,
        first + 1,
        offset,
    )
    return _slice(query, page, rows)


async def paginate_ranges(
    query: Query, ranges: Sequence[IndexRange], page: Page, *, table: str, key: str, maximum: int
) -> Slice[Row]:
    """As `paginate`, where the conditions of the query are those that the ranges say together.

    `key` is the id of the table whose rows are listed, as the query calls it; the order is one ascending
    term. Of each range as many rows are read as the page may show, so that the cost does not grow with the
    number of the others.
    """
    first = check_first(page.first, maximum=maximum)
    position, offset = _position(query, page)
    if not ranges:
        return Slice([], [], has_next=False, has_previous=page.after is not None, query=query)
    (term,) = query.order
    parts = [
        range_.ids(
            key,
            query.source,
            table,
            term.column,
            is_after=bool(position),
            limit=offset + first + 1,
        )
        for range_ in ranges
    ]
    found = nested_loop(" UNION ".join(parts), query.columns, query.source, f"{key} = found.id")
    rows = await fetch(
        f"SELECT * FROM ({found}) page ORDER BY {term.key} LIMIT ? OFFSET ?",
        *(value for range_ in ranges for value in (*range_.values, *position)),
        first + 1,
        offset,
    )
    return _slice(query, page, rows)


async def paginate_each(
    query: Query, parent: str, parents: Sequence[int], page: Page, *, maximum: int
) -> dict[int, Slice[Row]]:
    """One page for each of many parents, in a single statement; `parent` is the column that tells them apart.

    The same as `paginate` for each parent with the condition that the column is its id. Raises `Invalid`.
    """
    first = check_first(page.first, maximum=maximum)
    if not parents:
        return {}
    conditions, values, offset = _where_after(query, page)
    rows = await fetch(
        f"SELECT * FROM (SELECT {query.columns}, {parent} AS page_parent,"
        f" ROW_NUMBER() OVER (PARTITION BY {parent} ORDER BY {_order(query)}) AS page_position"
        f" FROM {query.source} WHERE {conditions} AND {parent} IN ({placeholders(parents)})) each_page"
        " WHERE page_position > ? AND page_position <= ? ORDER BY page_parent, page_position",
        *values,
        *parents,
        offset,
        offset + first + 1,
    )
    found: dict[int, list[Row]] = {identity: [] for identity in parents}
    for row in rows:
        del row["page_position"]
        found[row.pop("page_parent")].append(row)
    return {
        identity: _slice(
            replace(
                query,
                conditions=(*query.conditions, f"{parent} = ?"),
                values=(*query.values, identity),
            ),
            page,
            of_parent,
        )
        for identity, of_parent in found.items()
    }
