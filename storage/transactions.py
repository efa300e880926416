"""Named transactions: nested ones join the outer one, long ones are logged. Row locks."""

import logging
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from contextvars import ContextVar

from tortoise.transactions import in_transaction

from storage import readonly
from storage.backends.measured import StatementCount, statement_count
from storage.outage import answering
from storage.statements import Row, fetch, fetch_one, is_postgres

logger = logging.getLogger("quayside.transaction")

LONG_TRANSACTION_MS = 100

open_transaction: ContextVar[str | None] = ContextVar("open_transaction", default=None)
"""The name of the open transaction of the running task, if any."""

_once_committed: ContextVar[list[Callable[[], None]]] = ContextVar("once_committed")
"""What is to be called when the open transaction has committed."""


@asynccontextmanager
async def transaction(name: str) -> AsyncIterator[None]:
    """Run the block in one transaction; inside an open transaction, join it.

    An exception undoes all of it. Nothing slow belongs here: no network, no disk, no hashing. A transaction
    open for more than 100 ms is logged with its name, and with the part of that time it sat idle between
    statements.

    Raises `ReadOnly` if the mode is on and suspends what the task does, and `DatabaseUnavailable`; from the
    end of the block that leaves open whether PostgreSQL has committed.
    """
    if open_transaction.get() is not None:
        yield
        return
    outer = statement_count.get()
    count = StatementCount()
    context = in_transaction("default")
    # Set before BEGIN is sent: a task that is cancelled in the middle of it would keep the connection locked,
    # so that who cancels tasks waits until they are outside.
    token = open_transaction.set(name)
    calls: list[Callable[[], None]] = []
    calling = _once_committed.set(calls)
    try:
        with answering():
            await context.__aenter__()
    except BaseException:
        _once_committed.reset(calling)
        open_transaction.reset(token)
        raise
    counting = statement_count.set(count)
    started = time.perf_counter()
    try:
        # Not before BEGIN, which may wait: whoever switches read-only mode on waits for what has begun.
        await readonly.check()
        yield
    except BaseException as error:
        idle_ms = (time.perf_counter() - started) * 1000 - count.elapsed_ms
        with answering():
            await context.__aexit__(type(error), error, error.__traceback__)
        raise
    else:
        idle_ms = (time.perf_counter() - started) * 1000 - count.elapsed_ms
        with answering():
            await context.__aexit__(None, None, None)
    finally:
        statement_count.reset(counting)
        _once_committed.reset(calling)
        open_transaction.reset(token)
        if outer is not None:
            outer.statements += count.statements
            outer.elapsed_ms += count.elapsed_ms
        open_ms = (time.perf_counter() - started) * 1000
        if open_ms > LONG_TRANSACTION_MS:
            logger.warning(
                "transaction open longer than 100 ms",
                extra={
                    "transaction": name,
                    "open_ms": round(open_ms),
                    "idle_ms": round(idle_ms),
                    "statement_ms": round(count.elapsed_ms),
                },
            )
    for each in calls:
        each()


def once_committed(call: Callable[[], None]) -> None:
    """Call something once the open transaction has committed, if it does; without one at once.

    Only what costs nothing to miss belongs here: a process may die in between.
    """
    if open_transaction.get() is None:
        call()
    else:
        _once_committed.get().append(call)


async def lock_row(table: str, row_id: int) -> None:
    """Lock one row against other writers until the transaction ends (FOR UPDATE).

    On SQLite a transaction has the write lock of the database already, so no statement is run.
    """
    if is_postgres():
        await fetch(f'SELECT "id" FROM "{table}" WHERE "id" = ? FOR UPDATE', row_id)


def key_share() -> str:
    """The end of a query whose rows must not be deleted until the transaction ends, but may change."""
    return " FOR KEY SHARE" if is_postgres() else ""


async def hold_row(table: str, row_id: int) -> bool:
    """Keep one row from being deleted until the transaction ends; False if it does not exist."""
    return await fetch_one(f'SELECT "id" FROM "{table}" WHERE "id" = ?{key_share()}', row_id) is not None


async def lock_and_read(table: str, row_id: int, *columns: str) -> Row | None:
    """Lock a row as `lock_row` does, and read it; None if it does not exist."""
    chosen = ", ".join(f'"{column}"' for column in columns)
    end = " FOR UPDATE" if is_postgres() else ""
    return await fetch_one(f'SELECT {chosen} FROM "{table}" WHERE "id" = ?{end}', row_id)
