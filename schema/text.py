"""What no layer below can keep: the NUL character and endless nesting, refused at the door."""

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
    """The error for variables that cannot be kept; None for all others."""
    # The object of the variables themselves, and an input around a value, are levels of ours.
    if is_too_deep(variables, limit=MAX_DEPTH + 2):
        return GraphQLError(
            f"variables: a value is nested more than {MAX_DEPTH} levels deep.",
            extensions={"code": ErrorCode.BAD_REQUEST.value},
        )
    place = variables_nul(variables)
    return None if place is None else nul_error(place)


def document_has_nul(text: str) -> bool:
    """Whether a document may write a NUL character in one of its strings."""
    return _ESCAPED_NUL.search(text) is not None


def variables_nul(value: Any, place: str = "variables") -> str | None:
    """Where a value holds a text with a NUL character, such as `variables.input.name`; None if nowhere."""
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
