"""Limits on the size of a response, counted during execution.

The cost computed before execution knows page sizes only, not how many entries an index has, how many layers
an image, or how long a label is. Without these limits, pushed content could make the response of a small
request huge.
"""

from dataclasses import dataclass
from typing import Any

import orjson
from graphql import GraphQLError, GraphQLLeafType, GraphQLObjectType, GraphQLOutputType
from graphql.execution import Executor
from graphql.pyutils import AwaitableOrValue, Path

from schema.limits import too_complex


@dataclass(frozen=True, slots=True)
class ResponseLimits:
    """The limits of one response.

    `values`: fields of all objects. `text`: characters of strings and of free-form JSON.
    """

    values: int
    text: int = 64 * 1024 * 1024


PUBLIC_RESPONSE = ResponseLimits(values=250_000)


def exceeded(limit: str, maximum: int) -> GraphQLError:
    """The error that ends an execution over a limit of its response."""
    return too_complex(
        limit, maximum, f"The response would have more than {maximum:,} {limit}; ask for less at once."
    )


class BoundedExecutor(Executor[None]):
    """Executes operations within the `ResponseLimits` of their context.

    An operation over a limit ends with TOO_COMPLEX, after errors that came before, and no data; effects of
    mutations remain.
    graphql-core calls the overridden methods for each object, value and error.
    """

    _values = 0
    _text = 0
    _exceeded: GraphQLError | None = None

    def execute_fields(
        self,
        parent_type: GraphQLObjectType,
        source_value: Any,
        path: Path | None,
        fields: Any,
        position: None,
    ) -> AwaitableOrValue[dict[str, Any]]:
        """Execute the fields of one object."""
        self._values += len(fields)
        if self._values > self._limits.values:
            self._raise_too_complex("values", self._limits.values)
        return super().execute_fields(parent_type, source_value, path, fields, position)

    def complete_leaf_value(self, return_type: GraphQLLeafType, result: Any) -> Any:  # type: ignore[override]
        """Complete one scalar or enum value."""
        value = super().complete_leaf_value(return_type, result)
        if isinstance(value, str):
            self._text += len(value)
        elif isinstance(value, dict | list):
            self._text += len(orjson.dumps(value))
        else:
            return value
        if self._text > self._limits.text:
            self._raise_too_complex("text", self._limits.text)
        return value

    def handle_field_error(
        self, raw_error: Exception, return_type: GraphQLOutputType, details: Any, path: Path
    ) -> None:
        """Handle one error: null in its place, unless a limit is exceeded."""
        if self._exceeded is not None:
            raise self._exceeded
        super().handle_field_error(raw_error, return_type, details, path)

    @property
    def _limits(self) -> ResponseLimits:
        limits: ResponseLimits = self.context_value.response_limits
        return limits

    def _raise_too_complex(self, limit: str, maximum: int) -> None:
        self._exceeded = exceeded(limit, maximum)
        raise self._exceeded
