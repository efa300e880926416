"""Operations of tests are executed by plans from their first use, so that what tests assert is true of plans.

    TEST_PLANS=compare make test T=tests/contract

executes each query by graphql-core as well, without counting its statements, and fails where both differ.
"""

import os
import re
import sys
import time
from typing import Any
from unittest.mock import patch

import pytest

_MEASURED = re.compile(r"'(latencyMs|freeBytes)': [\d.]+")

COMPARES = os.environ.get("TEST_PLANS") == "compare"


@pytest.fixture(autouse=True)
def plans_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Plans are made at the first use, in tests that import the schema."""
    if (execute := sys.modules.get("schema.execute")) is None:
        return
    execute.USES_BEFORE_PLAN = 1  # type: ignore[attr-defined]
    if COMPARES:
        monkeypatch.setattr("schema.plans.cache.Plans.execute", _compared(execute))


def _compared(execute: Any) -> Any:
    from graphql import OperationType, get_operation_ast

    from schema import GraphContext
    from schema.plans.cache import Plans
    from storage.statements import StatementCount, statement_count

    by_plan = Plans.execute

    async def compared(
        self: Plans, document: Any, variables: Any, context: GraphContext, name: str | None
    ) -> Any:
        # What tells the time tells the same.
        moment = time.time_ns()
        with patch.object(time, "time_ns", lambda: moment):
            return await at_once(self, document, variables, context, name)

    async def at_once(
        self: Plans, document: Any, variables: Any, context: GraphContext, name: str | None
    ) -> Any:
        ours = await by_plan(self, document, variables, context, name)
        operation = get_operation_ast(document, name)
        if ours is None or operation is None or operation.operation is not OperationType.QUERY:
            return ours
        again = GraphContext(context.context, context.live, context.response_limits)
        token = statement_count.set(StatementCount())
        try:
            theirs = await execute.interpreted(document, variables, again, name)
        finally:
            statement_count.reset(token)
        assert [one.formatted for one in ours.errors or ()] == [one.formatted for one in theirs.errors or ()]
        # The order of keys counts; what is measured differs.
        assert _MEASURED.sub("", repr(ours.data)) == _MEASURED.sub("", repr(theirs.data))
        return ours

    return compared
