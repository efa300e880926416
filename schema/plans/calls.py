"""How a resolver is called: directly where Strawberry's wrapper would add nothing, else through the wrapper.

The wrapper looks up for each call which parameters a resolver has and converts the arguments. Here the first
is known, and the second is done once for an execution, or once for all, where the values cannot be changed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from inspect import isasyncgenfunction
from operator import attrgetter
from typing import Any, Literal

import strawberry
from graphql import GraphQLError, VariableNode, Visitor, visit
from graphql.execution.values import VariableValues, get_argument_values
from strawberry.types.arguments import convert_arguments
from strawberry.types.field import StrawberryField

from schema.guards import unguarded
from schema.plans.run import Info, Path, Place, Run, Unplannable

Kind = Literal["attribute", "plain", "coroutine", "unknown"]


@dataclass(frozen=True, slots=True)
class Call:
    """How a field is resolved.

    attribute    `get(source)`: an attribute, or a method without parameters
    plain        `call(run, source, arguments, path)` gives the value
    coroutine    … gives a coroutine
    unknown      … gives either
    """

    kind: Kind
    get: Callable[[Any], Any] | None = None
    call: Callable[[Run, Any, dict[str, Any], Path], Any] | None = None


Arguments = Callable[[Run], dict[str, Any]]
"""The coerced arguments of a field. Raises GraphQLError."""

NO_ARGUMENTS: dict[str, Any] = {}
_FIXED = (str, int, float, type(None), Enum, datetime)


def is_fixed(values: Mapping[str, Any]) -> bool:
    """Whether nobody can change the values, so that calls may share them."""
    return all(isinstance(value, _FIXED) for value in values.values())


def arguments_of(place: Place) -> dict[str, Any] | Arguments:
    """The arguments of a field, or how they are made from the variables of an execution."""
    node, definition = place.nodes[0], place.definition
    if not definition.args:
        return NO_ARGUMENTS
    uses = _Variables()
    for argument in node.arguments or ():
        visit(argument, uses)

    def made(run: Run) -> dict[str, Any]:
        return get_argument_values(definition, node, run.variables)

    if not uses.found:
        try:
            values = get_argument_values(definition, node, VariableValues({}, {}))
        except GraphQLError:
            # It is raised where the field is.
            return made
        return values if is_fixed(values) else made

    def kept(run: Run) -> dict[str, Any]:
        if (found := run.arguments.get(place)) is None:
            found = made(run)
            if is_fixed(found):
                run.arguments[place] = found
        values: dict[str, Any] = found
        return values

    return kept


class _Variables(Visitor):
    """Finds out whether there are variables."""

    def __init__(self) -> None:
        super().__init__()
        self.found = False

    def enter_variable(self, _node: VariableNode, *_: Any) -> None:
        self.found = True


def call_of(place: Place, schema: strawberry.Schema) -> Call:
    """How a field is resolved for sources that are judged, if it is guarded."""
    resolve = place.definition.resolve
    inner = unguarded(resolve) or resolve
    definition = place.definition.extensions.get("strawberry-definition")
    # A resolver that something else was put around says so by its name alone.
    is_wrapper = getattr(inner, "__qualname__", "").startswith("GraphQLCoreConverter.from_resolver.")
    is_wrapper = is_wrapper and schema.config.info_class is strawberry.Info
    if not isinstance(definition, StrawberryField) or not is_wrapper or definition.extensions:
        return through_wrapper(place, resolve)
    if definition.is_basic_field:
        return Call("attribute", get=attrgetter(definition.python_name))
    return _direct(place, definition, schema)


def through_wrapper(place: Place, resolve: Any) -> Call:
    """The resolver of the schema, whatever it is."""

    def call(run: Run, source: Any, arguments: dict[str, Any], path: Path) -> Any:
        return resolve(source, run.info(place, path), **arguments)

    return Call("unknown", call=call)


def _direct(place: Place, definition: StrawberryField, schema: strawberry.Schema) -> Call:
    resolver = definition.base_resolver
    assert resolver is not None
    function: Any = resolver.wrapped_func
    has_self = resolver.self_parameter is not None
    named = [one.name for one in (resolver.parent_parameter, resolver.root_parameter) if one is not None]
    info_name = resolver.info_parameter.name if resolver.info_parameter else None
    parameters = definition.arguments
    if isasyncgenfunction(function):
        raise Unplannable("a stream")
    kind: Kind = "coroutine" if definition.is_async else "plain"
    if has_self and not named and not parameters:
        return Call(kind, call=_without_arguments(place, definition, function, info_name))
    config, registry = schema.config, schema.schema_converter.scalar_registry
    function_key = (place, "converted")

    def converted(run: Run, arguments: dict[str, Any], info: Any) -> dict[str, Any]:
        """The arguments as the resolver takes them; for each call its own, since some keep what they get."""
        if (kept := run.arguments.get(function_key)) is not None and kept[0] is arguments:
            return dict(kept[1])
        made = convert_arguments(arguments, parameters, scalar_registry=registry, config=config, info=info)
        if is_fixed(made):
            run.arguments[function_key] = (arguments, made)
            return dict(made)
        return made

    def call(run: Run, source: Any, arguments: dict[str, Any], path: Path) -> Any:
        info = Info(run, place, path, definition)
        given = converted(run, arguments, info) if parameters else {}
        for name in named:
            given[name] = source
        if info_name is not None:
            given[info_name] = info
        return function(source, **given) if has_self else function(**given)

    return Call(kind, call=call)


def _without_arguments(
    place: Place, definition: StrawberryField, function: Any, info_name: str | None
) -> Any:
    if info_name is None:
        return lambda _run, source, _arguments, _path: function(source)

    def call(run: Run, source: Any, _arguments: dict[str, Any], path: Path) -> Any:
        return function(source, **{info_name: Info(run, place, path, definition)})

    return call
