"""Compiles selections to closures, as graphql-core's `Executor` would execute them."""

from __future__ import annotations

from collections.abc import Callable
from types import CoroutineType
from typing import Any, cast

import strawberry
from graphql import (
    GraphQLAbstractType,
    GraphQLInterfaceType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLOutputType,
    GraphQLUnionType,
    get_nullable_type,
    is_leaf_type,
)
from graphql.execution import Executor
from graphql.execution.collect_fields import (
    CollectedFields,
    FieldDetailsList,
    FragmentDetails,
    collect_fields,
    collect_subfields,
)
from graphql.execution.executor import invalid_return_type_error
from graphql.execution.values import VariableValues

from schema.guards import unguarded
from schema.plans.calls import Arguments, Call, arguments_of, call_of, through_wrapper
from schema.plans.run import Complete, LazyInfo, Operation, Path, Place, Run, Step, Unplannable
from schema.plans.values import (
    NOT_AWAITABLE,
    absent,
    awaiting,
    can_be_awaited,
    finishing,
    gathered,
    leaf,
    list_of,
)

Fields = Callable[[Run, Any, Path], Any]
"""Makes the object of a source, or a coroutine that does."""

MAX_FIELDS = 2_000
"""Most fields of a plan, fragments written out: longer documents are made for one use."""


class Compiler:
    """Compiles one operation, for given values of the variables in its @skip and @include.

    `fields` counts what was compiled.
    """

    def __init__(
        self,
        schema: strawberry.Schema,
        operation: Operation,
        fragments: dict[str, FragmentDetails],
        choices: VariableValues,
    ) -> None:
        self.strawberry = schema
        self.schema = schema._schema
        self.operation = operation
        self.fragments = fragments
        self.choices = choices
        self.fields = 0

    def root(self, kind: GraphQLObjectType) -> tuple[list[tuple[str, Step]], Fields]:
        """The fields of the root, and what executes them at once. Raises Unplannable."""
        collected = collect_fields(self.schema, self.fragments, self.choices, kind, self.operation.node)
        steps = self.steps(kind, collected)
        return steps, executed(steps)

    def steps(self, kind: GraphQLObjectType, collected: CollectedFields) -> list[tuple[str, Step]]:
        """The fields of an object."""
        # A type of which nothing is selected takes work as well.
        self.fields += len(collected.grouped_field_set) or 1
        if self.fields > MAX_FIELDS:
            raise Unplannable("too many fields")
        steps = []
        for key, details in collected.grouped_field_set.items():
            name = details[0].node.name.value
            if (definition := self.schema.get_field(kind, name)) is None:
                continue
            nodes = [one.node for one in details]
            required = isinstance(definition.type, GraphQLNonNull)
            place = Place(self.operation, key, kind, definition, details, nodes, required)
            steps.append((key, self.step(place)))
        return steps

    def step(self, place: Place) -> Step:
        """One field."""
        name = place.nodes[0].name.value
        complete = self.complete(place, place.definition.type)
        if name == "__typename":
            type_name = place.parent.name
            return _leaf(place, Call("attribute", get=lambda _: type_name), complete)
        if name.startswith("__"):
            raise Unplannable("introspection")
        call = call_of(place, self.strawberry)
        arguments = arguments_of(place)
        step = _step(place, call, arguments, complete)
        if call.kind == "unknown" or unguarded(place.definition.resolve) is None:
            return step
        judge = _step(place, through_wrapper(place, place.definition.resolve), arguments, complete)
        return _guarded(step, judge)

    def complete(self, place: Place, kind: GraphQLOutputType) -> Complete:
        """What becomes of the value of a field, or of an item of its list."""
        null_text = None
        if isinstance(kind, GraphQLNonNull):
            kind, null_text = kind.of_type, place.null_text
        if isinstance(kind, GraphQLList):
            item = self.complete(place, kind.of_type)
            return list_of(
                place, item, required=isinstance(kind.of_type, GraphQLNonNull), null_text=null_text
            )
        if is_leaf_type(kind):
            return leaf(kind, null_text)
        if isinstance(kind, GraphQLObjectType):
            return self.object(place, kind, null_text)
        return self.abstract(place, cast("GraphQLAbstractType", kind), null_text)

    def object(self, place: Place, kind: GraphQLObjectType, null_text: str | None) -> Complete:
        """An object of a known type."""
        fields = self.selection(kind, place.details)
        is_type_of: Any = kind.is_type_of
        if is_type_of is None:

            def complete(run: Run, value: Any, path: Path) -> Any:
                return None if absent(value, null_text) else fields(run, value, path)

            return complete
        if kind.extensions["strawberry-definition"].is_type_of:
            raise Unplannable("is_type_of")

        def checked(run: Run, value: Any, path: Path) -> Any:
            if absent(value, null_text):
                return None
            if not is_type_of(value, LazyInfo(run, place, path)):
                raise invalid_return_type_error(kind, value, place.details)
            return fields(run, value, path)

        return checked

    def abstract(self, place: Place, kind: GraphQLAbstractType, null_text: str | None) -> Complete:
        """An object whose type its value tells."""
        resolve_type: Any = kind.resolve_type
        if isinstance(kind, GraphQLInterfaceType):
            own = kind.extensions["strawberry-definition"].resolve_type
        else:
            own = not isinstance(kind, GraphQLUnionType)
        if resolve_type is None or own:
            raise Unplannable("resolve_type")
        possible = self.schema.get_possible_types(kind)
        objects = {one.name: self.object(place, one, None) for one in possible}

        def complete(run: Run, value: Any, path: Path) -> Any:
            if absent(value, null_text):
                return None
            info = LazyInfo(run, place, path)
            name = resolve_type(value, info, kind)
            if (known := objects.get(name)) is not None:
                return known(run, value, path)
            # It raises what is wrong with the name, and looks at the schema alone.
            return Executor.ensure_valid_runtime_type(
                cast("Any", self), name, kind, place.details, cast("Any", info), value
            )

        return complete

    def selection(self, kind: GraphQLObjectType, details: FieldDetailsList) -> Fields:
        """What executes the fields below a field for an object of a type."""
        collected = collect_subfields(
            self.schema, self.fragments, self.choices, self.operation.node, kind, details
        )
        return executed(self.steps(kind, collected))


def executed(steps: list[tuple[str, Step]]) -> Fields:
    """Executes fields at once."""
    count = len(steps)

    def fields(run: Run, source: Any, path: Path) -> Any:
        run.values += count
        if run.values > run.max_values:
            run.raise_values()
        results: dict[str, Any] = {}
        pending: list[str] = []
        try:
            for key, step in steps:
                results[key] = made = step(run, source, path)
                if made.__class__ is CoroutineType:
                    pending.append(key)
        except Exception:
            if pending:
                run.settle([results[key] for key in pending])
            raise
        return gathered(results, pending) if pending else results

    return fields


def _guarded(step: Step, judge: Step) -> Step:
    def guarded(run: Run, source: Any, path: Path) -> Any:
        # The guard itself says what is wrong with a source that it does not know.
        return (step if getattr(source, "is_judged", False) else judge)(run, source, path)

    return guarded


def _step(place: Place, call: Call, arguments: dict[str, Any] | Arguments, complete: Complete) -> Step:
    if call.get is not None:
        is_leaf = is_leaf_type(get_nullable_type(place.definition.type))
        return (_leaf if is_leaf else _attribute)(place, call, complete)
    if call.kind == "coroutine":
        return _coroutine(place, call, arguments, complete)
    return _called(place, call, arguments, complete)


def _leaf(place: Place, call: Call, complete: Complete) -> Step:
    """An attribute, or a method without parameters, that is a scalar or an enum."""
    get = call.get
    assert get is not None
    key, nodes, required = place.key, place.nodes, place.required

    def step(run: Run, source: Any, path: Path) -> Any:
        try:
            value = get(source)
            if value.__class__ not in NOT_AWAITABLE and can_be_awaited(value):
                return awaiting(complete, nodes, required)(run, value, (path, key))
            # A scalar has nothing below it to which the path would lead.
            return complete(run, value, None)
        except Exception as error:  # noqa: BLE001 - It becomes an error of the answer.
            run.fail(error, nodes, (path, key), required)
            return None

    return step


def _attribute(place: Place, call: Call, complete: Complete) -> Step:
    """A field that is an attribute of its source, or a method without parameters."""
    get = call.get
    assert get is not None
    key, nodes, required = place.key, place.nodes, place.required
    finish = finishing(nodes, required)

    def step(run: Run, source: Any, path: Path) -> Any:
        try:
            value = get(source)
            if value.__class__ not in NOT_AWAITABLE and can_be_awaited(value):
                return awaiting(complete, nodes, required)(run, value, (path, key))
            made = complete(run, value, (path, key))
        except Exception as error:  # noqa: BLE001 - It becomes an error of the answer.
            run.fail(error, nodes, (path, key), required)
            return None
        return finish(run, made, (path, key)) if made.__class__ is CoroutineType else made

    return step


def _coroutine(place: Place, call: Call, arguments: dict[str, Any] | Arguments, complete: Complete) -> Step:
    """A field whose resolver is asynchronous."""
    resolve = call.call
    assert resolve is not None
    key, nodes, required = place.key, place.nodes, place.required

    async def awaited(run: Run, source: Any, given: dict[str, Any], here: Path) -> Any:
        try:
            made = complete(run, await resolve(run, source, given, here), here)
            return await made if made.__class__ is CoroutineType else made
        except Exception as error:  # noqa: BLE001 - It becomes an error of the answer.
            run.fail(error, nodes, here, required)
            return None

    if isinstance(arguments, dict):

        def constant(run: Run, source: Any, path: Path) -> Any:
            return awaited(run, source, arguments, (path, key))

        return constant

    def step(run: Run, source: Any, path: Path) -> Any:
        try:
            given = arguments(run)
        except Exception as error:  # noqa: BLE001 - As above.
            run.fail(error, nodes, (path, key), required)
            return None
        return awaited(run, source, given, (path, key))

    return step


def _called(place: Place, call: Call, arguments: dict[str, Any] | Arguments, complete: Complete) -> Step:
    """A field whose resolver may be asynchronous."""
    resolve = call.call
    assert resolve is not None
    key, nodes, required = place.key, place.nodes, place.required
    awaited, finish = awaiting(complete, nodes, required), finishing(nodes, required)

    def step(run: Run, source: Any, path: Path) -> Any:
        here = (path, key)
        try:
            given = arguments if isinstance(arguments, dict) else arguments(run)
            value = resolve(run, source, given, here)
            if value.__class__ not in NOT_AWAITABLE and can_be_awaited(value):
                return awaited(run, value, here)
            made = complete(run, value, here)
        except Exception as error:  # noqa: BLE001 - As above.
            run.fail(error, nodes, here, required)
            return None
        return finish(run, made, here) if made.__class__ is CoroutineType else made

    return step
