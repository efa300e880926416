"""Closures that turn one value of a GraphQL result into one value of a REST answer.

Each takes the value and the parameters of the request. They are made at start-up, once per field.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from graphql import get_nullable_type, is_list_type, is_non_null_type

from rest_compat.answer_type import AnswerType

Values = Mapping[str, Any]
Convert = Callable[[Any, Values], Any]
Writer = Callable[[dict[str, Any], dict[str, Any], Values], None]


def identity(value: Any, _: Values) -> Any:
    return value


def build_object(writers: list[Writer]) -> Convert:
    def convert(value: Any, values: Values) -> Any:
        out: dict[str, Any] = {}
        for write in writers:
            write(value, out, values)
        return out

    return convert


def compose(first: Convert, second: Convert) -> Convert:
    def convert(value: Any, values: Values) -> Any:
        return second(first(value, values), values)

    return convert


def convert_items(convert: Convert) -> Convert:
    def each_item(value: Any, values: Values) -> Any:
        return None if value is None else [convert(item, values) for item in value]

    return each_item


def unless_null(convert: Convert) -> Convert:
    def convert_unless_null(value: Any, values: Values) -> Any:
        return None if value is None else convert(value, values)

    return convert_unless_null


def in_lists(type_: Any, convert: Convert | None, answer: AnswerType) -> tuple[Convert | None, AnswerType]:
    """The converter and answer type of a GraphQL type, from those of its innermost item."""
    nullable = not is_non_null_type(type_)
    type_ = get_nullable_type(type_)
    if is_list_type(type_):
        inner, item = in_lists(type_.of_type, convert, answer)
        return None if inner is None else convert_items(inner), AnswerType("list", nullable, item=item)
    answer = answer.as_nullable(nullable or answer.nullable)
    return None if convert is None else unless_null(convert) if nullable else convert, answer


def as_list(convert: Convert) -> Convert:
    def one_or_none(value: Any, values: Values) -> Any:
        one = convert(value, values)
        return [] if one is None else [one]

    return one_or_none


def or_default(convert: Convert, default: Any) -> Convert:
    def found_or_default(value: Any, values: Values) -> Any:
        found = convert(value, values)
        return default if found is None else found

    return found_or_default
