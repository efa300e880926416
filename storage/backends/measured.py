"""What both database clients share: each statement is counted, timed, and logged when it is slow.

Where the database is away, each raises the one error of `storage.outage`.
"""

import logging
import time
from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

from storage.outage import answering

logger = logging.getLogger("quayside.statement")

SLOW_STATEMENT_MS = 100


@dataclass(slots=True)
class StatementCount:
    """Statements run since `count_statements` began, with their text and total time."""

    statements: list[str] = field(default_factory=list)
    elapsed_ms: float = 0.0


statement_count: ContextVar[StatementCount | None] = ContextVar("statement_count", default=None)
observers: list[Callable[[float], None]] = []
"""Called with the milliseconds of each statement; the metrics of a server register here."""


def record(statement: str, started: float) -> None:
    """Count and time a statement that began at `started` (`time.perf_counter`)."""
    elapsed_ms = (time.perf_counter() - started) * 1000
    count = statement_count.get()
    if count is not None:
        count.statements.append(statement)
        count.elapsed_ms += elapsed_ms
    for observe in observers:
        observe(elapsed_ms)
    if elapsed_ms > SLOW_STATEMENT_MS:
        # The text holds placeholders, never values, so no secret can reach the log.
        logger.warning(
            "slow statement", extra={"statement": statement[:1000], "elapsed_ms": round(elapsed_ms)}
        )


class Measured:
    """Mixed into a Tortoise client in front of its statement methods. They raise `DatabaseUnavailable`."""

    async def execute_insert(self, query: str, values: list[Any]) -> Any:
        started = time.perf_counter()
        try:
            with answering():
                return await super().execute_insert(query, values)  # type: ignore[misc]
        finally:
            record(query, started)

    async def execute_many(self, query: str, values: list[list[Any]]) -> None:
        started = time.perf_counter()
        try:
            with answering():
                await super().execute_many(query, values)  # type: ignore[misc]
        finally:
            record(query, started)

    async def execute_query(self, query: str, values: list[Any] | None = None) -> tuple[int, list[Any]]:
        started = time.perf_counter()
        try:
            with answering():
                result: tuple[int, list[Any]] = await super().execute_query(query, values)  # type: ignore[misc]
            return result
        finally:
            record(query, started)

    async def execute_query_dict(self, query: str, values: list[Any] | None = None) -> list[dict[str, Any]]:
        started = time.perf_counter()
        try:
            with answering():
                rows: list[dict[str, Any]] = await super().execute_query_dict(query, values)  # type: ignore[misc]
            return rows
        finally:
            record(query, started)
