"""Fields that can be refused: they are nullable, and on guarded types they are refused by default.

GraphQL puts null in the place of a refused field. Where that may not be null, it is the object around it that
is lost, and in the end the whole answer. So the types of our classes say what a field holds when it is not
refused, and `open_up` makes every field nullable that can be.
"""

from collections.abc import Callable
from inspect import isawaitable
from typing import Any, ClassVar, TypeVar

from graphql import (
    GraphQLField,
    GraphQLInterfaceType,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLOutputType,
    GraphQLSchema,
)

from resolvers.access.needs import Need
from schema.context import Info

T = TypeVar("T")

REFUSABLE = {"refusable": True}
"""The `metadata` of a field that can be refused although nothing else tells, such as by a limit."""

NULL_BESIDE_ERROR = "null-beside-error"
"""Marks the fields that are null only beside an error, in their `extensions`."""

UNGUARDED = "unguarded"
"""The attribute of a guarded resolver with the one that it guards."""


class Guarded:
    """The base of types whose objects can be named by viewers who may not see them.

    Every field but those of `open_fields` (names of Python) is refused to such viewers; `need` is what they
    lack. `is_judged`: the viewer is known to be allowed, so that fields cost no decision.
    """

    open_fields: ClassVar[frozenset[str]]
    need: ClassVar[Need]
    is_judged: bool

    async def is_visible(self, info: Info) -> bool:
        """Whether the viewer may see the object; asked once for each guarded field that is selected."""
        raise NotImplementedError


def open_up(schema: GraphQLSchema) -> None:
    """Make every field nullable that can be refused, and guard the fields of `Guarded` types.

    Refused can be: mutations, since a refused one must not hide what others did; fields with arguments, such
    as a cursor that is none; guarded fields; and those with the metadata `REFUSABLE`.
    """
    for type_ in schema.type_map.values():
        if not isinstance(type_, GraphQLObjectType | GraphQLInterfaceType) or type_.name.startswith("__"):
            continue
        if type_ is schema.subscription_type:
            # It has one field alone, so nothing else is lost with it.
            continue
        for field in type_.fields.values():
            refusable = _definition(field).metadata.get("refusable") or type_ is schema.mutation_type
            if _is_guarded(type_, field):
                refusable, field.resolve = True, _guard(field.resolve)
            if refusable or field.args:
                _make_nullable(field)


def assured_type(field: GraphQLField) -> GraphQLOutputType:
    """The type of a field for callers to whom every error is the end, so that nothing is null beside one."""
    type_ = field.type
    if field.extensions.get(NULL_BESIDE_ERROR) and not isinstance(type_, GraphQLNonNull):
        return GraphQLNonNull(type_)
    return type_


def _definition(field: GraphQLField) -> Any:
    return field.extensions["strawberry-definition"]


def _is_guarded(type_: Any, field: GraphQLField) -> bool:
    origin = type_.extensions["strawberry-definition"].origin
    return issubclass(origin, Guarded) and _definition(field).python_name not in origin.open_fields


def _make_nullable(field: GraphQLField) -> None:
    if isinstance(field.type, GraphQLNonNull):
        field.type = field.type.of_type
        field.extensions[NULL_BESIDE_ERROR] = True


def _guard(resolve: Callable[..., Any]) -> Callable[..., Any]:
    """A resolver that asks first whether the object may be seen, and awaits nothing where that is known."""

    async def judge(source: Guarded, info: Any, arguments: dict[str, Any]) -> Any:
        if not await source.is_visible(info):
            raise info.context.context.viewer.refusal(source.need)
        value = resolve(source, info, **arguments)
        return await value if isawaitable(value) else value

    def guarded(source: Guarded, info: Any, **arguments: Any) -> Any:
        if source.is_judged:
            return resolve(source, info, **arguments)
        return judge(source, info, arguments)

    setattr(guarded, UNGUARDED, resolve)
    return guarded


def unguarded(resolve: Any) -> Any:
    """What a guarded resolver calls for objects that are judged; None if it is not guarded."""
    return getattr(resolve, UNGUARDED, None)
