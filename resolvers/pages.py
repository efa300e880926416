"""Pagination by keyset cursors: page 1,000 costs as much as page 1.

A keyset cursor holds the sort values of the last row of a page. An offset cursor skips n rows from the start;
it is for callers that number pages, and has the same encoding.
"""

import base64
import binascii
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Generic, TypeVar

import orjson

from resolvers.errors import Invalid
from storage.statements import (
    Row,
    batches,
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
KEY_LENGTH = 4_096
"""Most characters of a text that a list is ordered by: no path of a file is longer, and nothing else is."""


@dataclass(frozen=True, slots=True)
class Page:
    """The requested page: at most `first` items after the cursor `after`."""

    first: int = DEFAULT_FIRST
    after: str | None = None


@dataclass(frozen=True, slots=True)
class Term:
    """One term of a sort order: the SQL expression, the row's key for its value, the direction, the type.

    The last term must make the order unique.
    """

    column: str
    key: str
    descending: bool = False
    kind: type[int] | type[str] = int

    def fits(self, value: Any) -> bool:
        """Whether a value from a cursor has the type of the column, and a value that databases accept."""
        if self.kind is str:
            return isinstance(value, str) and len(value) <= KEY_LENGTH and "\0" not in value
        return isinstance(value, int) and not isinstance(value, bool) and abs(value) < 2**63


@dataclass(frozen=True, slots=True)
class Query:
    """A list to paginate: `SELECT {columns} FROM {source} WHERE {conditions} ORDER BY {order}`."""

    columns: str
    source: str
    order: tuple[Term, ...]
    conditions: tuple[str, ...] = ()
    values: tuple[Any, ...] = ()

    @property
    def where(self) -> str:
        """The conditions, joined by AND."""
        return " AND ".join(f"({condition})" for condition in self.conditions) or "1 = 1"

    def and_also(self, condition: str, *values: Any) -> "Query":
        """The list with one more condition."""
        return replace(self, conditions=(*self.conditions, condition), values=(*self.values, *values))


@dataclass(frozen=True, slots=True)
class IndexRange:
    """A part of a list that an index returns in the order of the list; ranges may overlap.

    Its rows have `column = value` for each pair of `equal` (values are SQL), and meet the conditions. With
    `parents`, a query for a column `id`, it is one range per parent, whose id is `each_row.id` in `equal`.
    With `candidates`, a query for ids of rows, only those rows are read, by id. `values` are the parameters
    of `parents` or `candidates`, then of the conditions.
    """

    equal: tuple[tuple[str, str], ...]
    conditions: tuple[str, ...]
    values: tuple[Any, ...] = ()
    parents: str | None = None
    candidates: str | None = None

    def and_also(self, condition: str, *values: Any) -> "IndexRange":
        """The range with one more condition."""
        return replace(self, conditions=(*self.conditions, condition), values=(*self.values, *values))

    def ids(
        self,
        key: str,
        source: str,
        table: str,
        term: str,
        *,
        is_after: bool,
        limit: int,
        descending: bool = False,
    ) -> str:
        """Query for the ids of the first rows; with `is_after` it takes the value of the cursor as well."""
        if self.candidates is not None:
            conditions = [*self.conditions, *(f"{column} = {value}" for column, value in self.equal)]
            conditions += [f"{term} {'<' if descending else '>'} ?"] if is_after else []
            return nested_loop(
                self.candidates, f"{key} AS id", source, " AND ".join([f"{key} = found.id", *conditions])
            )
        place, order = keyset_condition(self.equal, term, is_after=is_after, descending=descending)
        where = " AND ".join(f"({condition})" for condition in (*self.conditions, place))
        rows = f"SELECT {key} AS id FROM {source} WHERE {where} ORDER BY {order} LIMIT {limit}"
        return first_of_each(self.parents, table, rows) if self.parents else f"SELECT id FROM ({rows}) range_"


@dataclass(frozen=True, slots=True)
class Slice(Generic[T]):
    """One page of a list, with a cursor for each item. `count` counts the whole list."""

    items: list[T]
    cursors: list[str]
    has_next: bool
    has_previous: bool
    query: Query | None = field(default=None, repr=False)
    total: int | None = None
    """The length of the list, if known without a statement."""
    is_counted: bool = True
    """Whether the list can be counted; False where that takes reading all of it."""
    resume: str | None = None
    """The cursor after which the next page begins, if that is not the last item's: where the work that one
    page takes is bounded, it may have fewer items than were asked for."""

    def of(self, make: Callable[[T], U]) -> "Slice[U]":
        """The same page with `make` applied to each item."""
        items = [make(item) for item in self.items]
        return replace(self, items=items)  # type: ignore[arg-type, return-value]

    def of_found(self, find: Callable[[T], U | None]) -> "Slice[U]":
        """The same page with what `find` gives for each item; those for which it is None are left out."""
        found = [(find(item), cursor) for item, cursor in zip(self.items, self.cursors, strict=True)]
        kept = [(item, cursor) for item, cursor in found if item is not None]
        items, cursors = [item for item, _ in kept], [cursor for _, cursor in kept]
        return replace(self, items=items, cursors=cursors)  # type: ignore[arg-type, return-value]

    async def count(self) -> int | None:
        """The length of the whole list; at most one statement. None if it is not counted."""
        if not self.is_counted:
            return None
        if self.total is not None:
            return self.total
        if self.query is None:
            return len(self.items)
        row = await fetch_one(
            f"SELECT COUNT(*) AS total FROM {self.query.source} WHERE {self.query.where}", *self.query.values
        )
        return int(row["total"]) if row else 0


def keyset_cursor(*values: Any) -> str:
    """The keyset cursor after the row with these values of the order's terms."""
    return _encode(["k", *values])


def offset_cursor(offset: int) -> str:
    """The cursor after the first `offset` items."""
    return _encode(["o", offset])


def is_cursor(text: str) -> bool:
    """Whether a text is a cursor of this module."""
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
        raise Invalid("after: must be a cursor of this server.", field="after") from error
    if not isinstance(value, list) or not value or value[0] not in {"k", "o"}:
        raise Invalid("after: must be a cursor of this server.", field="after")
    return value[0], value[1:]


def check_first(first: int, *, maximum: int) -> int:
    """Check the page size. Raises `Invalid` unless it is between 1 and the maximum of the door."""
    if not 1 <= first <= maximum:
        raise Invalid(f"first: must be between 1 and {maximum}, not {first}.", field="first")
    return first


def keyset_of(page: Page, order: Sequence[Term]) -> list[Any]:
    """The keyset after which a page starts, empty for none. Raises `Invalid` for a cursor of another list."""
    position, offset = _position(Query("", "", tuple(order)), page)
    if offset:
        raise Invalid("after: the cursor belongs to another list.", field="after")
    return position


def _after_condition(order: Sequence[Term], values: Sequence[Any]) -> tuple[str, list[Any]]:
    # The keyset condition (a, b, c) > (x, y, z), with a direction per term, as OR of alternatives. The bound
    # on the first term is repeated with AND, since databases do not seek in an index by an OR.
    alternatives, arguments = [], []
    for position, term in enumerate(order):
        equal = [f"{before.column} = ?" for before in order[:position]]
        alternatives.append(" AND ".join([*equal, f"{term.column} {'<' if term.descending else '>'} ?"]))
        arguments += [*values[:position], values[position]]
    bound = f"{order[0].column} {'<=' if order[0].descending else '>='} ?"
    chain = " OR ".join(f"({alternative})" for alternative in alternatives)
    return f"{bound} AND ({chain})", [values[0], *arguments]


def _position(query: Query, page: Page) -> tuple[list[Any], int]:
    """The keyset after which a page starts, empty for none, and the number of rows to skip."""
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
    raise Invalid("after: the cursor belongs to another list.", field="after")


def _where_after(query: Query, page: Page) -> tuple[str, list[Any], int]:
    """The conditions and values of a query after a page's cursor, and the number of rows to skip."""
    position, offset = _position(query, page)
    if not position:
        return query.where, list(query.values), offset
    after, more = _after_condition(query.order, position)
    return f"{query.where} AND {after}", [*query.values, *more], offset


def _order(query: Query) -> str:
    return ", ".join(f"{term.column} {'DESC' if term.descending else 'ASC'}" for term in query.order)


def _slice(query: Query, page: Page, rows: list[Row]) -> Slice[Row]:
    """The page for the rows that were read: one more than `first`, if there is a next page."""
    items = rows[: page.first]
    return Slice(
        items=items,
        cursors=[keyset_cursor(*(row[term.key] for term in query.order)) for row in items],
        has_next=len(rows) > page.first,
        has_previous=page.after is not None,
        query=query,
    )


def paginate_list(items: Sequence[T], page: Page, *, maximum: int) -> Slice[T]:
    """One page of a list in memory, by offset cursors. Raises `Invalid` as `paginate`."""
    first = check_first(page.first, maximum=maximum)
    start = 0
    if page.after is not None:
        kind, parts = _decode(page.after)
        if kind != "o" or len(parts) != 1 or not isinstance(parts[0], int) or parts[0] < 0:
            raise Invalid("after: the cursor belongs to another list.", field="after")
        start = parts[0]
    shown = list(items[start : start + first])
    return Slice(
        items=shown,
        cursors=[offset_cursor(start + position + 1) for position in range(len(shown))],
        has_next=len(items) > start + first,
        has_previous=page.after is not None,
        total=len(items),
    )


def paginate_ids(ids: Collection[int], page: Page, *, maximum: int) -> Slice[int]:
    """One page of ids in memory, the greatest first. Raises `Invalid` as `paginate`.

    Its cursors are those of `paginate` for a list by descending ids.
    """
    first = check_first(page.first, maximum=maximum)
    position, offset = _position(Query("id", "", (Term("id", "id", descending=True),)), page)
    left = sorted((one for one in ids if not position or one < position[0]), reverse=True)
    items = left[offset : offset + first]
    return Slice(
        items=items,
        cursors=[keyset_cursor(one) for one in items],
        has_next=len(left) > offset + first,
        has_previous=page.after is not None,
        total=len(ids),
    )


async def paginate(query: Query, page: Page, *, maximum: int) -> Slice[Row]:
    """Read one page of a query, in one statement for `first` + 1 rows.

    Raises `Invalid` for a page size out of range or a cursor of another list.
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
    """As `paginate`, for a query whose rows are the union of the ranges; one statement.

    `key` is the id column of `table`, whose rows are listed; the order is one term. Each range
    reads at most a page of rows from its index, so that the cost does not grow with the length of the list.
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
            descending=term.descending,
        )
        for range_ in ranges
    ]
    found = nested_loop(" UNION ".join(parts), query.columns, query.source, f"{key} = found.id")
    rows = await fetch(
        f"SELECT * FROM ({found}) page ORDER BY {term.key}{' DESC' if term.descending else ''}"
        " LIMIT ? OFFSET ?",
        *(value for range_ in ranges for value in (*range_.values, *position)),
        first + 1,
        offset,
    )
    return _slice(query, page, rows)


async def paginate_each(
    query: Query, parent: str, parents: Sequence[int], page: Page, *, maximum: int, are_long: bool = False
) -> dict[int, Slice[Row]]:
    """One page for each of many parents, in one statement (no N+1). Raises `Invalid`.

    Equals `paginate` per parent with the condition that the column `parent` is its id. If the lists
    `are_long`, no more than the page is read of each, from an index of the order, which is one term.
    """
    first = check_first(page.first, maximum=maximum)
    if not parents:
        return {}
    conditions, values, offset = _where_after(query, page)
    if are_long:
        rows = []
        for batch in batches(parents, _PARENTS_AT_ONCE):
            rows += await _each_of(query, parent, batch, (conditions, values), first + 1, offset)
    else:
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
        row.pop("page_position", None)
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


_PARENTS_AT_ONCE = 100
"""Lists that one statement reads, each by a part of its own; SQLite takes 500 parts."""


async def _each_of(
    query: Query,
    parent: str,
    parents: Sequence[int],
    where: tuple[str, Sequence[Any]],
    limit: int,
    offset: int,
) -> list[Row]:
    """The first rows of each of many long lists."""
    conditions, values = where
    (term,) = query.order
    parts = [
        f"SELECT * FROM (SELECT {query.columns}, {parent} AS page_parent FROM {query.source}"
        f" WHERE {conditions} AND {parent} = ? ORDER BY {_order(query)} LIMIT ? OFFSET ?) part{number}"
        for number in range(len(parents))
    ]
    return await fetch(
        f"SELECT * FROM ({' UNION ALL '.join(parts)}) each_page"
        f" ORDER BY page_parent, {term.key}{' DESC' if term.descending else ''}",
        *(value for identity in parents for value in (*values, identity, limit, offset)),
    )
