"""How many statements a request takes."""

from collections.abc import Awaitable, Callable

from storage.statements import count_statements

TRIES = 3


async def least_statements(ask: Callable[[], Awaitable[object]]) -> int:
    """The statements of a request, the least of a few tries.

    Branches of a query that ask for the same at the same time share a statement. On PostgreSQL it is chance
    whether they do, as their answers come in any order.
    """
    counts = []
    for _ in range(TRIES):
        with count_statements() as count:
            await ask()
        counts.append(len(count.statements))
    return min(counts)
