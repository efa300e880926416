"""Named transactions: nested ones join the outer one, long ones are logged. Row locks."""

import logging
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from contextvars import ContextVar

from tortoise.transactions import in_transaction

from storage.backends.measured import StatementCount, statement_count
from storage.outage import answering
from storage.statements import Row, fetch, fetch_one, is_postgres

logger = logging.getLogger("quayside.transaction")

LONG_TRANSACTION_MS = 100

open_transaction: ContextVar[str | None] = ContextVar("open_transaction", default=None)
"""The name of the open transaction of the running task, if any."""


@asynccontextmanager
async def transaction(name: str) -> AsyncIterator[None]:
    """Run the block in one transaction; inside an open transaction, join it.

    An exception undoes all of it. Nothing slow belongs here: no network, no disk, no hashing. A transaction
    open for more than 100 ms is logged with its name, and with the part of that time it sat idle between
    statements.

    Raises `DatabaseUnavailable`; from the end of the block it leaves open whether PostgreSQL has committed.
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
    try:
        with answering():
            await context.__aenter__()
    except BaseException:
        open_transaction.reset(token)
        raise
    counting = statement_count.set(count)
    started = time.perf_counter()
    try:
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


async def lock_row(table: str, row_id: int) -> None:
    """Lock one row against other writers until the transaction ends (FOR UPDATE).

    On SQLite a transaction has the write lock of the database already, so no statement is run.
    """
    if is_postgres():
        await fetch(f'SELECT "id" FROM "{table}" WHERE "id" = ? FOR UPDATE', row_id)


async def lock_and_read(table: str, row_id: int, *columns: str) -> Row | None:
    """Lock a row as `lock_row` does, and read it; None if it does not exist."""
    chosen = ", ".join(f'"{column}"' for column in columns)
    end = " FOR UPDATE" if is_postgres() else ""
    return await fetch_one(f'SELECT {chosen} FROM "{table}" WHERE "id" = ?{end}', row_id)
