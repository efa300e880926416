"""The state of one execution of a plan: what it counted, and which errors it met."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeAlias

import strawberry
from graphql import (
    GraphQLError,
    GraphQLField,
    GraphQLObjectType,
    GraphQLResolveInfo,
    GraphQLSchema,
    located_error,
)
from graphql.execution.collect_fields import FieldDetailsList
from graphql.execution.values import VariableValues
from graphql.language import FieldNode, FragmentDefinitionNode, OperationDefinitionNode
from graphql.pyutils import Path as CorePath
from graphql.pyutils import gather_with_cancel, is_awaitable
from graphql.type import GraphQLResolveInfoHelpers
from strawberry.types.field import StrawberryField

from schema.response import ResponseLimits, exceeded

if TYPE_CHECKING:
    from schema.context import GraphContext

Path: TypeAlias = "tuple[Path, str | int] | None"
"""Where a value stands: the path above it, and its key. Keys become a list only for an error."""

Step: TypeAlias = "Callable[[Run, Any, Path], Any]"
"""Makes the value of a field for a source, or a coroutine that does; raises what nulls the object around."""

Complete: TypeAlias = "Callable[[Run, Any, Path], Any]"
"""Makes what the answer holds for the value of a resolver, or a coroutine that does."""


@dataclass(frozen=True, slots=True)
class Operation:
    """The operation of a plan, as infos show it."""

    schema: GraphQLSchema
    node: OperationDefinitionNode
    fragments: dict[str, FragmentDefinitionNode]


@dataclass(frozen=True, slots=True, eq=False)
class Place:
    """A field of the operation, below one type: all its nodes of the same response name."""

    operation: Operation
    key: str
    parent: GraphQLObjectType
    definition: GraphQLField
    details: FieldDetailsList
    nodes: list[FieldNode]
    required: bool
    """Whether the field cannot be null."""

    @property
    def null_text(self) -> str:
        """What is said of a null that may not be."""
        name = self.nodes[0].name.value
        return f"Cannot return null for non-nullable field {self.parent.name}.{name}."


class Unplannable(Exception):
    """The operation has something that plans do not know; graphql-core runs it."""


class Run:
    """One execution, within the limits of its context."""

    __slots__ = (
        "_background",
        "_nulled",
        "arguments",
        "context",
        "errors",
        "exceeded",
        "max_text",
        "max_values",
        "text",
        "values",
        "variables",
    )

    def __init__(self, context: GraphContext, variables: VariableValues) -> None:
        limits: ResponseLimits = context.response_limits
        self.context = context
        self.variables = variables
        self.arguments: dict[Any, Any] = {}
        """Arguments made once for all sources of a place."""
        self.values = 0
        self.text = 0
        self.max_values = limits.values
        self.max_text = limits.text
        self.exceeded: GraphQLError | None = None
        self.errors: list[GraphQLError] = []
        self._nulled: set[Path] = set()
        self._background: set[asyncio.Future[Any]] = set()

    def raise_values(self) -> None:
        """End the execution: the answer has too many fields."""
        self.exceeded = exceeded("values", self.max_values)
        raise self.exceeded

    def raise_text(self) -> None:
        """End the execution: the answer has too much text."""
        self.exceeded = exceeded("text", self.max_text)
        raise self.exceeded

    def fail(self, error: Exception, nodes: list[FieldNode], path: Path, required: bool) -> None:
        """Put null at a path because of an error; raise the error where null may not be."""
        if self.exceeded is not None:
            raise self.exceeded
        located = located_error(error, nodes, keys_of(path))
        if required:
            raise located
        self.add(located, path)

    def add(self, error: GraphQLError, path: Path) -> None:
        """Keep an error, unless what is around it is null already."""
        nulled, above = self._nulled, path
        if None in nulled:
            return
        while above is not None:
            if above in nulled:
                return
            above = above[0]
        nulled.add(path)
        self.errors.append(error)

    def settle(self, awaitables: Sequence[Awaitable[Any]]) -> None:
        """Let values end that nobody waits for any more, since the object around them is null."""
        future = asyncio.gather(*awaitables, return_exceptions=True)
        self._background.add(future)
        future.add_done_callback(self._background.discard)

    def track(self, values: Sequence[Any]) -> None:
        """`settle` what can be awaited."""
        if awaitables := [value for value in values if is_awaitable(value)]:
            self.settle(awaitables)

    def info(self, place: Place, path: Path) -> GraphQLResolveInfo[GraphContext]:
        """What graphql-core tells a resolver."""
        operation = place.operation
        return GraphQLResolveInfo(
            place.nodes[0].name.value,
            place.nodes,
            place.definition.type,
            place.parent,
            _core_path(path, place.parent.name),
            operation.schema,
            operation.fragments,
            None,
            operation.node,
            self.variables,
            self.context,
            is_awaitable,
            None,
            GraphQLResolveInfoHelpers(gather=lambda values: gather_with_cancel(*values), track=self.track),
        )


class Info(strawberry.Info[Any, None]):
    """What Strawberry tells a resolver: the context, which all ask for, and the rest for those who do."""

    context: Any = None

    def __init__(self, run: Run, place: Place, path: Path, definition: StrawberryField) -> None:
        self.context = run.context
        self._field = definition
        self._seen_from = (run, place, path)

    @cached_property
    def _raw_info(self) -> GraphQLResolveInfo[GraphContext]:  # type: ignore[override]
        run, place, path = self._seen_from
        return run.info(place, path)


class LazyInfo:
    """What graphql-core tells those who find out the type of a value, who ask for little."""

    __slots__ = ("_path", "_place", "_run", "context")

    def __init__(self, run: Run, place: Place, path: Path) -> None:
        self.context = run.context
        self._run = run
        self._place = place
        self._path = path

    def __getattr__(self, name: str) -> Any:
        return getattr(self._run.info(self._place, self._path), name)


def keys_of(path: Path) -> list[str | int]:
    """The keys of a path from the root."""
    keys: list[str | int] = []
    while path is not None:
        path, key = path
        keys.append(key)
    keys.reverse()
    return keys


def _core_path(path: Path, parent: str | None) -> CorePath:
    """The path as resolvers see it; only the last key names its type."""
    assert path is not None  # A field has a key.
    above, key = path
    return CorePath(None if above is None else _core_path(above, None), key, parent)
