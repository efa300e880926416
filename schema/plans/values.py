"""What becomes of the value of a resolver: scalars, enums and lists."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from types import CoroutineType, GeneratorType
from typing import Any

import orjson
from graphql import (
    FieldNode,
    GraphQLEnumType,
    GraphQLError,
    GraphQLLeafType,
    Undefined,
)
from graphql.execution import Executor
from graphql.pyutils import gather_with_cancel, is_awaitable, is_iterable
from graphql.type.scalars import (
    serialize_boolean,
    serialize_id,
    serialize_int,
    serialize_string,
)

from schema.plans.run import Complete, Path, Place, Run

NOT_AWAITABLE: set[type] = {str, int, bool, float, type(None), list, dict}
"""Classes whose instances cannot be awaited; more are added as they appear."""

MAX_INT = 2**31 - 1

_AS_THEY_ARE: dict[Any, type] = {
    serialize_string: str,
    serialize_id: str,
    str: str,
    int: int,
    serialize_boolean: bool,
}
"""How scalars serialize, and the class whose values this leaves as they are."""


def absent(value: Any, null_text: str | None) -> bool:
    """Whether a value is null. Raises it if it is an error, and TypeError if it may not be null."""
    if isinstance(value, Exception):
        raise value
    if value is None or value is Undefined:
        if null_text is not None:
            raise TypeError(null_text)
        return True
    return False


def can_be_awaited(value: Any) -> bool:
    """Whether a value can be awaited; its class is remembered if none of its instances can."""
    if is_awaitable(value):
        return True
    if not isinstance(value, GeneratorType):
        NOT_AWAITABLE.add(value.__class__)
    return False


@cache
def leaf(kind: GraphQLLeafType, null_text: str | None) -> Complete:
    """Completes a scalar or an enum; `null_text` is what is said of null, None where null may be.

    Plans share it; there is one for each field of the schema at most.
    """
    if isinstance(kind, GraphQLEnumType):
        return _enum(kind, null_text)
    plain = _AS_THEY_ARE.get(kind.coerce_output_value)
    if plain is str:
        return _text(kind, null_text)
    if plain is not None:
        return _same(kind, plain, null_text)
    if kind.coerce_output_value is serialize_int:
        return _int(kind, null_text)
    return _any(kind, null_text)


def _any(kind: GraphQLLeafType, null_text: str | None) -> Complete:
    serialize = Executor.complete_leaf_value

    def complete(run: Run, value: Any, _path: Path) -> Any:
        if absent(value, null_text):
            return None
        made = serialize(kind, value)
        if isinstance(made, str):
            run.text += len(made)
        elif isinstance(made, dict | list):
            run.text += len(orjson.dumps(made))
        else:
            return made
        if run.text > run.max_text:
            run.raise_text()
        return made

    return complete


def _text(kind: GraphQLLeafType, null_text: str | None) -> Complete:
    others = _any(kind, null_text)

    def complete(run: Run, value: Any, path: Path) -> Any:
        if value.__class__ is not str:
            return others(run, value, path)
        run.text += len(value)
        if run.text > run.max_text:
            run.raise_text()
        return value

    return complete


def _same(kind: GraphQLLeafType, plain: type, null_text: str | None) -> Complete:
    others = _any(kind, null_text)

    def complete(run: Run, value: Any, path: Path) -> Any:
        return value if value.__class__ is plain else others(run, value, path)

    return complete


def _int(kind: GraphQLLeafType, null_text: str | None) -> Complete:
    others = _any(kind, null_text)

    def complete(run: Run, value: Any, path: Path) -> Any:
        if value.__class__ is int and -MAX_INT <= value <= MAX_INT:
            return value
        return others(run, value, path)

    return complete


def _enum(kind: GraphQLEnumType, null_text: str | None) -> Complete:
    others = _any(kind, null_text)
    names: dict[int, tuple[Any, str]] = {}
    """By the identity of a member, which the entry keeps alive: a member can be equal to another value."""
    for member in getattr(kind, "wrapped_cls", ()):
        names[id(member)] = (member, kind.coerce_output_value(member))

    def complete(run: Run, value: Any, path: Path) -> Any:
        if (found := names.get(id(value))) is None:
            return others(run, value, path)
        run.text += len(found[1])
        if run.text > run.max_text:
            run.raise_text()
        return found[1]

    return complete


def finishing(nodes: list[FieldNode], required: bool) -> Complete:
    """What waits for a completed value, a coroutine, and meets its errors."""

    async def finish(run: Run, made: Any, here: Path) -> Any:
        try:
            return await made
        except Exception as error:  # noqa: BLE001 - It becomes an error of the answer.
            run.fail(error, nodes, here, required)
            return None

    return finish


def awaiting(complete: Complete, nodes: list[FieldNode], required: bool) -> Complete:
    """What waits for a value, and completes it."""

    async def awaited(run: Run, value: Any, here: Path) -> Any:
        try:
            made = complete(run, await value, here)
            return await made if made.__class__ is CoroutineType else made
        except Exception as error:  # noqa: BLE001 - It becomes an error of the answer.
            run.fail(error, nodes, here, required)
            return None

    return awaited


def list_of(place: Place, item: Complete, *, required: bool, null_text: str | None) -> Complete:
    """Completes a list, whose items cannot be null if `required`."""
    one_of = _item(item, place.nodes, required)
    name = f"{place.parent.name}.{place.nodes[0].name.value}"

    def complete(run: Run, value: Any, path: Path) -> Any:
        if value.__class__ is not list:
            if absent(value, null_text):
                return None
            if not is_iterable(value):
                raise GraphQLError(f"Expected Iterable, but did not find one for field '{name}'.")
        results: list[Any] = []
        pending: list[int] = []
        items = iter(value)
        try:
            for one in items:
                made = one_of(run, one, (path, len(results)))
                if made.__class__ is CoroutineType:
                    pending.append(len(results))
                results.append(made)
        except Exception:
            if left := [results[number] for number in pending] + _left(items):
                run.settle(left)
            raise
        return gathered(results, pending) if pending else results

    return complete


def _item(item: Complete, nodes: list[FieldNode], required: bool) -> Complete:
    """Completes an item of a list."""
    awaited, finish = awaiting(item, nodes, required), finishing(nodes, required)

    def complete(run: Run, value: Any, here: Path) -> Any:
        if value.__class__ not in NOT_AWAITABLE and can_be_awaited(value):
            return awaited(run, value, here)
        try:
            made = item(run, value, here)
        except Exception as error:  # noqa: BLE001 - It becomes an error of the answer.
            run.fail(error, nodes, here, required)
            return None
        return finish(run, made, here) if made.__class__ is CoroutineType else made

    return complete


def _left(items: Iterator[Any]) -> list[Any]:
    """What can be awaited of the items that are not looked at any more."""
    left: list[Any] = []
    try:
        left.extend(one for one in items if is_awaitable(one))
    except Exception:  # noqa: BLE001 - The error that ended the list is told; what could be kept is kept.
        return left
    return left


async def gathered(results: Any, pending: list[Any]) -> Any:
    """The results, whose pending keys or indexes hold coroutines."""
    if len(pending) == 1:
        results[pending[0]] = await results[pending[0]]
        return results
    made = await gather_with_cancel(*(results[key] for key in pending))
    for key, value in zip(pending, made, strict=True):
        results[key] = value
    return results
