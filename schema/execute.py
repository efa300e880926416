"""Executes documents, for `/graphql` and for REST.

The caller parses and validates documents. Strawberry's schema extensions do not run here, so there are none:
access checks are in resolvers, payload errors in field extensions.
"""

import asyncio
import logging
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

from graphql import DocumentNode, ExecutionResult, GraphQLError, execute
from graphql import subscribe as subscribe_source

from resolvers.errors import DatabaseUnavailable, ErrorCode, QuaysideError
from resolvers.record.fanout import StreamEnded
from schema.context import GraphContext
from schema.errors import code_of
from schema.input_checks import variables_error
from schema.response import BoundedExecutor

logger = logging.getLogger("quayside.graphql")

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
    from schema import schema

    if (refused := variables_error(variables)) is not None:
        return ExecutionResult(None, [refused])
    result = execute(
        schema._schema,
        document,
        context_value=context,
        variable_values=variables,
        operation_name=operation_name,
        executor_class=BoundedExecutor,
    )
    if not isinstance(result, ExecutionResult):
        result = await result
    return _with_codes(result)


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
    stream = subscribe_source(
        schema._schema,
        document,
        context_value=context,
        variable_values=variables,
        operation_name=operation_name,
        executor_class=BoundedExecutor,
    )
    if not isinstance(stream, ExecutionResult) and not hasattr(stream, "__anext__"):
        stream = await stream
    return _with_codes(stream) if isinstance(stream, ExecutionResult) else _results(stream)


async def _results(stream: Any) -> AsyncGenerator[ExecutionResult, None]:
    async with aclosing(stream):
        try:
            async for result in stream:
                yield _with_codes(result)
                # Available events do not suspend, so let other tasks run in between.
                await asyncio.sleep(0)
        except GraphQLError as error:
            raise _with_code(error) from error
        except (QuaysideError, DatabaseUnavailable) as error:
            raise _with_code(GraphQLError(str(error), original_error=error)) from error


def _with_codes(result: ExecutionResult) -> ExecutionResult:
    if result.errors:
        return ExecutionResult(result.data, [_with_code(error) for error in result.errors], result.extensions)
    return result


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
    elif isinstance(original, QuaysideError) and original.field:
        extensions["field"] = original.field
    return GraphQLError(
        message, error.nodes, error.source, error.positions, error.path, original, extensions=extensions
    )
