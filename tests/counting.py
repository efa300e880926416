"""Counts the statements of a request."""

from collections.abc import Awaitable, Callable

from storage.statements import count_statements

TRIES = 3


async def least_statements(ask: Callable[[], Awaitable[object]]) -> int:
    """The statements of a request, the minimum of several tries.

    Branches of a query that load the same objects at the same time share a statement. On PostgreSQL that
    depends on the order in which results arrive.
    """
    counts = []
    for _ in range(TRIES):
        with count_statements() as count:
            await ask()
        counts.append(len(count.statements))
    return min(counts)
