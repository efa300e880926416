"""Checks for values that the database cannot store: NUL characters and too deep nesting."""

import re
from typing import Any

from graphql import GraphQLError

from resolvers.errors import ErrorCode
from resolvers.nesting import MAX_DEPTH, is_too_deep

_ESCAPED_NUL = re.compile(r"\\u0000|\\u\{0+\}|\x00")


def nul_error(place: str) -> GraphQLError:
    """The error for a text with a NUL character."""
    return GraphQLError(
        f"{place} holds the character U+0000, which cannot be stored.",
        extensions={"code": ErrorCode.BAD_REQUEST.value},
    )


def variables_error(variables: dict[str, Any]) -> GraphQLError | None:
    """The error for variables that cannot be stored, or None."""
    # Two levels are ours: the object of the variables, and an input object.
    if is_too_deep(variables, limit=MAX_DEPTH + 2):
        return GraphQLError(
            f"variables: a value is nested more than {MAX_DEPTH} levels deep.",
            extensions={"code": ErrorCode.BAD_REQUEST.value},
        )
    place = variables_nul(variables)
    return None if place is None else nul_error(place)


def document_has_nul(text: str) -> bool:
    """Whether a document may contain a NUL character in a string, escaped or not."""
    return _ESCAPED_NUL.search(text) is not None


def variables_nul(value: Any, place: str = "variables") -> str | None:
    """The path of a text with a NUL character, such as `variables.input.name`; None if there is none."""
    if isinstance(value, str):
        return place if "\x00" in value else None
    if isinstance(value, dict):
        for key, item in value.items():
            found = variables_nul(key, place) or variables_nul(item, f"{place}.{key}")
            if found:
                return found
    elif isinstance(value, list):
        for index, item in enumerate(value):
            found = variables_nul(item, f"{place}[{index}]")
            if found:
                return found
    return None
