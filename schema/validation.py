"""Validates documents of clients, within a budget in proportion to what parsing them cost.

Some rules report an error for each of many parts of a document, and each error costs as much as the document
is long. What no rule bounds itself, the budget does.
"""

import gc
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from graphql import (
    DocumentNode,
    GraphQLError,
    GraphQLSchema,
    OverlappingFieldsCanBeMergedRule,
    ValidationRule,
    specified_rules,
    validate,
)

from schema.limits import Limits, parse, too_complex
from schema.merging import MergeableFields

VALIDATION_RULES = tuple(
    MergeableFields if rule is OverlappingFieldsCanBeMergedRule else rule for rule in specified_rules
)
"""The specification's rules, introspection depth included."""

FREE_S = 0.05
"""CPU time that each document may take, whatever its size: more than documents of people need."""

PER_PARSING = 5
"""What validation may take beyond it, as a multiple of what parsing took."""

Clock = Callable[[], float]


class BudgetExceeded(Exception):
    """Validation takes too long for the size of the document."""


def parse_and_validate(
    text: str, schema: GraphQLSchema, limits: Limits, *, clock: Clock = time.thread_time
) -> tuple[DocumentNode, list[GraphQLError]]:
    """The document of a text, and what is wrong with it. `clock` is the CPU time of this thread in seconds.

    Raises GraphQLSyntaxError, or GraphQLError with code TOO_COMPLEX for too many tokens or comments.
    """
    try:
        with _uncollected():
            begun = clock()
            document = parse(text, limits)
            parsed = clock()
            end = parsed + FREE_S + PER_PARSING * (parsed - begun)
            return document, validate(schema, document, (_budgeted(clock, end), *VALIDATION_RULES))
    except BudgetExceeded:
        message = "Validating the document takes too long for its size; ask for less, or with fewer mistakes."
        return document, [too_complex("validation", PER_PARSING, message)]


@contextmanager
def _uncollected() -> Iterator[None]:
    """Put off garbage collection, whose pauses are not the document's fault."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def _budgeted(clock: Clock, end: float) -> type[ValidationRule]:
    """A rule that ends validation at a time of the clock: looked at in each node, and after each error."""

    class Budget(ValidationRule):
        def __init__(self, context: Any) -> None:
            super().__init__(context)
            report = context.on_error

            def reported(error: GraphQLError) -> None:
                self.enter()
                report(error)

            context.on_error = reported

        def enter(self, *_: Any) -> None:
            if clock() > end:
                raise BudgetExceeded

    return Budget
