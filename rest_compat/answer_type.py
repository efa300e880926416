"""The JSON type of an answer, derived from the schema and a document."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from graphql import GraphQLNamedType

ANY_OTHER = "*"
"""No key of a document is called so."""


@dataclass(frozen=True)
class AnswerType:
    """`kind` is object, list, map, string, integer, number, boolean or any."""

    kind: str
    nullable: bool = False
    item: AnswerType | None = None
    """The type of the items of a list or map."""
    keys: Mapping[str, Key] = field(default_factory=dict)
    """The keys of an object; `ANY_OTHER` stands for those of JSON that was written into it."""
    leaf: GraphQLNamedType | None = field(default=None, compare=False)
    """The GraphQL type of a scalar or enum value; None after a form has converted it."""

    def as_nullable(self, nullable: bool = True) -> AnswerType:
        return replace(self, nullable=nullable)


@dataclass(frozen=True)
class Key:
    """One key of an object. `types` names the object types that have it; None means all."""

    answer: AnswerType
    optional: bool = False
    types: frozenset[str] | None = None


_ANY = Key(AnswerType("any"))


def merge(keys: Iterable[tuple[str, Key]], possible: frozenset[str]) -> dict[str, Key]:
    """The keys of one object, inside and outside type conditions.

    A key is optional unless its type conditions cover every possible type.
    """
    merged: dict[str, Key] = {}
    for name, key in keys:
        types = possible if key.types is None else key.types
        if (known := merged.get(name)) is None:
            merged[name] = replace(key, types=types)
            continue
        merged[name] = Key(
            union(known.answer, key.answer),
            known.optional or key.optional,
            (known.types or possible) | types,
        )
    return {
        name: replace(key, optional=key.optional or not possible <= (key.types or possible), types=None)
        for name, key in merged.items()
    }


def union(one: AnswerType, other: AnswerType) -> AnswerType:
    """The type of what is of either type."""
    if replace(one, nullable=True) == replace(other, nullable=True):
        return one.as_nullable(one.nullable or other.nullable)
    if one.kind == other.kind == "object":
        keys = {
            name: Key(
                union(one.keys[name].answer, other.keys[name].answer),
                one.keys[name].optional or other.keys[name].optional,
            )
            if name in one.keys and name in other.keys
            else replace((one.keys.get(name) or other.keys[name]), optional=True)
            for name in (*one.keys, *(name for name in other.keys if name not in one.keys))
        }
        return AnswerType("object", one.nullable or other.nullable, keys=keys)
    return AnswerType("any", one.nullable or other.nullable)


def type_of_literal(value: Any) -> AnswerType:
    """The answer type of a constant."""
    match value:
        case None:
            return AnswerType("any", nullable=True)
        case bool():
            return AnswerType("boolean")
        case int():
            return AnswerType("integer")
        case float():
            return AnswerType("number")
        case str():
            return AnswerType("string")
        case list():
            return AnswerType("list", item=type_of_literal(value[0]) if value else AnswerType("any"))
        case _:
            return AnswerType(
                "object", keys={name: Key(type_of_literal(item)) for name, item in value.items()}
            )


def describe(answer: AnswerType) -> Any:
    """The answer as plain JSON: `"integer"`, `"string?"` (or null), `["string"]`, `{"key": …, "seldom?": …}`,
    `{"*": …}` for a map, and `{"?": …}` around a list, map or object that may be null."""
    match answer.kind:
        case "object":
            shown: Any = {
                name + ("?" if key.optional else ""): describe(key.answer)
                for name, key in answer.keys.items()
            }
        case "list":
            shown = [describe(answer.item)] if answer.item else []
        case "map":
            shown = {"*": describe(answer.item) if answer.item else "any"}
        case kind:
            return kind + ("?" if answer.nullable else "")
    return {"?": shown} if answer.nullable else shown


_PYTHON: Mapping[str, tuple[type, ...]] = {
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
}


def type_mismatch(answer: AnswerType, value: Any, path: str = "answer") -> str | None:
    """A sentence that says why a value is not of the type, or None if it is."""
    if value is None:
        return None if answer.nullable or answer.kind == "any" else f"{path} is null."
    match answer.kind, value:
        case "any", _:
            return None
        case "list", list():
            item = answer.item or AnswerType("any")
            inner = [(f"{path}[{index}]", item, part) for index, part in enumerate(value)]
        case "map", dict():
            item = answer.item or AnswerType("any")
            inner = [(f"{path}.{name}", item, part) for name, part in value.items()]
        case "object", dict():
            extra = value.keys() - answer.keys.keys()
            if extra and ANY_OTHER not in answer.keys:
                return f"{path} has the unknown key {min(extra)}."
            required = {name for name, key in answer.keys.items() if not key.optional}
            if missing := required - value.keys():
                return f"{path} lacks the key {min(missing)}."
            inner = [
                (f"{path}.{name}", answer.keys.get(name, answer.keys.get(ANY_OTHER, _ANY)).answer, part)
                for name, part in value.items()
            ]
        case kind, _:
            right = isinstance(value, _PYTHON.get(kind, ())) and not (
                isinstance(value, bool) and kind != "boolean"
            )
            return None if right else f"{path} is not of kind {kind}."
    return next(
        (reason for where, part, found in inner if (reason := type_mismatch(part, found, where))), None
    )
