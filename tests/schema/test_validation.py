"""Validation of documents within a budget in proportion to what parsing them cost."""

import gc
from collections.abc import Iterator

import pytest

from schema import schema
from schema.limits import Limits
from schema.validation import PER_PARSING, parse_and_validate

KEYS = ", ".join(f"x{number}: 1" for number in range(700))
MISTAKES = f"{{ auditLog(filter: {{{KEYS}}}) {{ nodes {{ kind }} }} }}"
"""A small document with many mistakes, each of which costs as much as the whole is long."""


def ticking(*times: float, then: float) -> Iterator[float]:
    """The times of a clock: some, then in equal steps."""
    yield from times
    now = times[-1]
    while True:
        now += then
        yield now


def test_what_takes_longer_than_parsing_allows_is_refused() -> None:
    # given a clock by which parsing takes 10 ms, so that validation may take 50 + 50 ms, and each step 1 ms
    clock = ticking(1.0, 1.01, then=0.001)

    _, (error,) = parse_and_validate(MISTAKES, schema._schema, Limits(), clock=lambda: next(clock))

    assert error.message == (
        "Validating the document takes too long for its size; ask for less, or with fewer mistakes."
    )
    assert error.extensions == {"code": "TOO_COMPLEX", "limit": "validation", "maximum": PER_PARSING}
    # The time was looked at 101 times after parsing.
    assert round(next(clock) - 1.01, 3) == 0.102


def test_what_stays_within_is_validated_to_the_end() -> None:
    clock = ticking(1.0, 1.01, then=0.000_001)

    _, errors = parse_and_validate(MISTAKES, schema._schema, Limits(), clock=lambda: next(clock))

    assert len(errors) == 101
    assert errors[-1].message.endswith("Validation aborted.")


def test_garbage_collection_is_put_off_and_resumed() -> None:
    seen: list[bool] = []

    def clock() -> float:
        seen.append(gc.isenabled())
        return 0.0

    assert gc.isenabled()
    parse_and_validate("{ viewer { name } }", schema._schema, Limits(), clock=clock)
    with pytest.raises(Exception, match="Syntax Error"):
        parse_and_validate("{", schema._schema, Limits(), clock=clock)

    assert set(seen) == {False}
    assert gc.isenabled()


def test_a_real_document_full_of_mistakes_costs_a_little_more_than_parsing() -> None:
    _, errors = parse_and_validate(MISTAKES, schema._schema, Limits())

    assert 1 <= len(errors) <= 101
