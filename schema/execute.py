"""Executes documents, for `/graphql` and for REST.

The caller parses and validates documents. Strawberry's schema extensions do not run here, so there are none:
access checks are in resolvers, payload errors in field extensions.
"""

import asyncio
import hashlib
import logging
import sys
from collections.abc import AsyncGenerator
from contextlib import aclosing
from functools import cache, partial
from typing import Any

import orjson
from graphql import (
    DocumentNode,
    ExecutionResult,
    FieldNode,
    GraphQLError,
    OperationDefinitionNode,
    VariableDefinitionNode,
    VariableNode,
    Visitor,
    execute,
    visit,
)
from graphql.execution import create_source_event_stream

from resolvers.errors import DatabaseUnavailable, ErrorCode, QuaysideError, ReadOnly, Refusal, Refused
from resolvers.record.subscription import StreamEnded
from schema.context import GraphContext
from schema.errors import code_of
from schema.input_checks import variables_error
from schema.plans.cache import Plans
from schema.response import BoundedExecutor

logger = logging.getLogger("quayside.graphql")

USES_BEFORE_PLAN = 3
"""At which use a client's operation gets a plan. Making one takes as long as some executions."""

INTERNAL_ERROR_TEXT = "Internal error; the request id finds it in the server's log."


async def run(
    document: DocumentNode,
    variables: dict[str, Any],
    context: GraphContext,
    operation_name: str | None = None,
) -> ExecutionResult:
    """Execute a validated document.

    Every error of the result has `extensions.code`. Unexpected errors are logged with their traceback, and
    their message is replaced.
    """
    return await _run(document, variables, context, operation_name, plans=_plans_of_clients())


async def run_constant(
    document: DocumentNode,
    variables: dict[str, Any],
    context: GraphContext,
    operation_name: str | None = None,
) -> ExecutionResult:
    """`run` for a document of the program, which never changes, so that it has a plan from its first use."""
    return await _run(document, variables, context, operation_name, plans=_plans_of_program())


async def _run(
    document: DocumentNode,
    variables: dict[str, Any],
    context: GraphContext,
    operation_name: str | None,
    *,
    plans: Plans,
) -> ExecutionResult:
    if (refused := variables_error(variables)) is not None:
        return ExecutionResult(None, [refused])
    result = await plans.execute(document, variables, context, operation_name)
    if result is None:
        result = await interpreted(document, variables, context, operation_name)
    return with_codes(result)


async def interpreted(
    document: DocumentNode, variables: dict[str, Any], context: GraphContext, operation_name: str | None
) -> ExecutionResult:
    """What graphql-core makes of a document, which plans are compared with."""
    from schema import schema

    result = execute(
        schema._schema,
        document,
        context_value=context,
        variable_values=variables,
        operation_name=operation_name,
        executor_class=BoundedExecutor,
    )
    return result if isinstance(result, ExecutionResult) else await result


@cache
def _plans_of_clients() -> Plans:
    from schema import schema

    return Plans(schema, after=USES_BEFORE_PLAN)


@cache
def _plans_of_program() -> Plans:
    from schema import schema

    # The documents of the program bound themselves.
    return Plans(schema, fields=sys.maxsize)


async def subscribe(
    document: DocumentNode,
    variables: dict[str, Any],
    context: GraphContext,
    operation_name: str | None = None,
) -> AsyncGenerator[ExecutionResult, None] | ExecutionResult:
    """Start a validated subscription. Returns its results, or one result with errors if it cannot start.

    Errors are as in `run`. When the server ends the results, they raise a `GraphQLError`; a `cursor` in its
    extensions says where to resume. The caller must close the results.
    """
    from schema import schema

    if (refused := variables_error(variables)) is not None:
        return ExecutionResult(None, [refused])
    executor = BoundedExecutor.build(
        schema._schema,
        document,
        context_value=context,
        raw_variable_values=variables,
        operation_name=operation_name,
    )
    if isinstance(executor, list):
        return with_codes(ExecutionResult(None, executor))
    source: Any = create_source_event_stream(executor)
    if not isinstance(source, ExecutionResult) and not hasattr(source, "__anext__"):
        source = await source
    if isinstance(source, ExecutionResult):
        return with_codes(source)
    return _results(source, _Selection(document, variables, context, operation_name))


class SharedResult(ExecutionResult):
    """The result of one event for all subscriptions that are alike; `payload` keeps its JSON, once made."""

    payload: Any = None


class _Selection:
    """What a subscription wants to know of each event."""

    def __init__(
        self,
        document: DocumentNode,
        variables: dict[str, Any],
        context: GraphContext,
        operation_name: str | None,
    ) -> None:
        self._document = document
        self._variables = variables
        self._context = context
        self._operation_name = operation_name
        self._key = selection_key(document, variables, operation_name, page=context.context.max_first)

    async def render(self, event: Any) -> SharedResult:
        """The result of an event, shared with all subscriptions of its group that select the same."""
        found: SharedResult = await event.batch.renderings.get(
            event.key, self._key, partial(self._execute, event)
        )
        return found

    async def _execute(self, event: Any) -> SharedResult:
        from schema import schema

        batch = event.batch
        result = execute(
            schema._schema,
            self._document,
            root_value=event,
            context_value=batch.renderings.context(
                self._key, partial(self._context.for_events, batch.viewer)
            ),
            variable_values=self._variables,
            operation_name=self._operation_name,
            executor_class=BoundedExecutor,
        )
        if not isinstance(result, ExecutionResult):
            result = await result
        result = with_codes(result)
        return SharedResult(result.data, result.errors, result.extensions)


def selection_key(
    document: DocumentNode, variables: dict[str, Any], operation_name: str | None, *, page: int
) -> bytes:
    """A key that subscriptions share whose results of an event are the same for the same viewer.

    A variable that only says after which event to begin does not count.
    """
    assert document.loc is not None  # Documents are parsed with locations.
    begins = _begin_variables(document)
    counted = {name: value for name, value in variables.items() if name not in begins}
    parts = (document.loc.source.body, operation_name, page, counted)
    return hashlib.sha256(orjson.dumps(parts, option=orjson.OPT_SORT_KEYS)).digest()


def _begin_variables(document: DocumentNode) -> set[str]:
    """Names of variables that stand nowhere but in the argument `after` of root fields of subscriptions."""
    begins: set[int] = set()
    for definition in document.definitions:
        if isinstance(definition, OperationDefinitionNode):
            for field in definition.selection_set.selections:
                arguments = field.arguments or () if isinstance(field, FieldNode) else ()
                begins.update(
                    id(one.value)
                    for one in arguments
                    if one.name.value == "after" and isinstance(one.value, VariableNode)
                )
    if not begins:
        return set()
    uses = _Uses(begins)
    visit(document, uses)
    return uses.names - uses.elsewhere


class _Uses(Visitor):
    """The names of the variables that are used at some nodes, and those used elsewhere."""

    def __init__(self, begins: set[int]) -> None:
        super().__init__()
        self.begins = begins
        self.names: set[str] = set()
        self.elsewhere: set[str] = set()

    def enter_variable(self, node: VariableNode, _key: Any, parent: Any, *_: Any) -> None:
        """Note the use of a variable; its definition is none."""
        if not isinstance(parent, VariableDefinitionNode):
            (self.names if id(node) in self.begins else self.elsewhere).add(node.name.value)


async def _results(source: Any, selection: _Selection) -> AsyncGenerator[ExecutionResult, None]:
    async with aclosing(source):
        try:
            async for event in source:
                yield await selection.render(event)
                # Available events do not suspend, so let other tasks run in between.
                await asyncio.sleep(0)
        except GraphQLError as error:
            raise _with_code(error) from error
        except (QuaysideError, DatabaseUnavailable) as error:
            raise _with_code(GraphQLError(str(error), original_error=error)) from error


def with_codes(result: ExecutionResult) -> ExecutionResult:
    if result.errors:
        return ExecutionResult(result.data, [_with_code(error) for error in result.errors], result.extensions)
    return result


def _missing(refusal: Refusal) -> dict[str, Any]:
    return {
        "reason": refusal.reason.value,
        "requiredScopes": list(refusal.required_scopes),
        "grantedScopes": list(refusal.granted_scopes),
        "requiredRole": refusal.required_role,
    }


def _with_code(error: GraphQLError) -> GraphQLError:
    code = code_of(error)
    message = error.message
    extensions = dict(error.extensions or {}) | {"code": code.value}
    original = error.original_error
    if code is ErrorCode.INTERNAL:
        logger.error("unexpected error in a resolver", extra={"path": error.path}, exc_info=original)
        message = INTERNAL_ERROR_TEXT
    elif isinstance(original, StreamEnded):
        extensions["cursor"] = original.cursor
    elif isinstance(original, Refused):
        message = original.refusal.sentence
        extensions |= _missing(original.refusal)
    elif isinstance(original, ReadOnly):
        message = original.sentence
    if isinstance(original, QuaysideError) and original.field:
        extensions["field"] = original.field
    return GraphQLError(
        message, error.nodes, error.source, error.positions, error.path, original, extensions=extensions
    )
