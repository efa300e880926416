"""Relay connections: `edges`, `nodes`, `pageInfo`, and a `totalCount` that is computed only if selected."""

from collections.abc import Awaitable, Callable
from typing import Annotated, Any, Generic, TypeVar, cast

import strawberry

from resolvers.pages import DEFAULT_FIRST, Page, Slice, is_cursor, offset_cursor
from schema.scalars import Cursor

__all__ = [
    "After",
    "Connection",
    "Edge",
    "First",
    "PageInfo",
    "connect",
    "is_cursor",
    "offset_cursor",
    "page",
]

Node = TypeVar("Node")
Record = TypeVar("Record")

First = Annotated[
    int, strawberry.argument(description=f"How many to return, 1 to 100; {DEFAULT_FIRST} if not given.")
]
After = Annotated[
    Cursor | None, strawberry.argument(description="Return what comes after this cursor; null for the start.")
]


@strawberry.type(description="Where a page lies in its list.")
class PageInfo:
    has_next_page: bool = strawberry.field(description="Whether more follows.")
    has_previous_page: bool = strawberry.field(description="Whether the page began after a cursor.")
    start_cursor: Cursor | None = strawberry.field(description="The cursor of the first item; null if empty.")
    end_cursor: Cursor | None = strawberry.field(description="The cursor of the last item; null if empty.")
    next_cursor: Cursor | None = strawberry.field(
        description="What to pass as `after` for the next page; null on the last page."
    )


@strawberry.type(description="An item and its place in the list.")
class Edge(Generic[Node]):
    node: Node = strawberry.field(description="The item.")
    cursor: Cursor = strawberry.field(description="Its place in the list.")


@strawberry.type(description="A page of a list.")
class Connection(Generic[Node]):
    edges: list[Edge[Node]] = strawberry.field(description="The items with their cursors.")
    nodes: list[Node] = strawberry.field(description="The items alone.")
    page_info: PageInfo = strawberry.field(description="Where the page lies in the list.")
    count: strawberry.Private[Callable[[], Awaitable[int]]]

    @strawberry.field(description="How many items the whole list has. Costs one more statement.")
    async def total_count(self) -> int | None:
        return await self.count()


def page(first: int, after: Cursor | None) -> Page:
    """The resolvers' page for the two arguments of a connection."""
    return Page(first, after)


def connect(slice_: Slice[Record], to_node: Callable[[Record], Node]) -> Connection[Node]:
    """A connection from a slice of records."""
    nodes = [to_node(record) for record in slice_.items]
    cursors = [Cursor(cursor) for cursor in slice_.cursors]
    last = Cursor(slice_.resume) if slice_.resume else cursors[-1] if cursors else None
    return Connection(
        edges=[Edge(node=node, cursor=cursor) for node, cursor in zip(nodes, cursors, strict=True)],
        nodes=nodes,
        page_info=PageInfo(
            has_next_page=slice_.has_next,
            has_previous_page=slice_.has_previous,
            start_cursor=cursors[0] if cursors else None,
            end_cursor=last,
            next_cursor=last if slice_.has_next else None,
        ),
        count=cast(Any, slice_.count),
    )
