"""What one response may hold, counted while it is made.

What a document asks for is measured before it runs, but that knows of pages only. How many entries an index
has, how many layers an image, how long a label is, shows as they are read. A response that grows beyond its
limits is given up, so that nobody can push content that makes a small request a large one.
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
    """The most that one response may hold.

    `values` are the fields of all its objects, `text` characters of its strings and of free-form JSON.
    """

    values: int
    text: int = 64 * 1024 * 1024


PUBLIC_RESPONSE = ResponseLimits(values=250_000)


class BoundedExecutor(Executor[None]):
    """Executes operations within the `ResponseLimits` of their context.

    One that goes beyond them ends with a single error, TOO_COMPLEX, and no data; what mutations have done
    stays. The methods are those that the library goes through for each object, value and error.
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
            self._give_up("values", self._limits.values)
        return super().execute_fields(parent_type, source_value, path, fields, position)

    def complete_leaf_value(self, return_type: GraphQLLeafType, result: Any) -> Any:  # type: ignore[override]
        """Complete one scalar or enum; the library has no use for the instance here."""
        value = super().complete_leaf_value(return_type, result)
        if isinstance(value, str):
            self._text += len(value)
        elif isinstance(value, dict | list):
            self._text += len(orjson.dumps(value))
        else:
            return value
        if self._text > self._limits.text:
            self._give_up("text", self._limits.text)
        return value

    def handle_field_error(
        self, raw_error: Exception, return_type: GraphQLOutputType, details: Any, path: Path
    ) -> None:
        """Deal with one error: null in its place, unless all is given up."""
        if self._exceeded is not None:
            raise self._exceeded
        super().handle_field_error(raw_error, return_type, details, path)

    @property
    def _limits(self) -> ResponseLimits:
        limits: ResponseLimits = self.context_value.response_limits
        return limits

    def _give_up(self, limit: str, maximum: int) -> None:
        self._exceeded = too_complex(
            limit, maximum, f"The response would have more than {maximum:,} {limit}; ask for less at once."
        )
        raise self._exceeded
