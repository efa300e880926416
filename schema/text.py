"""Text that no database keeps: the NUL character, refused at the door instead of failing deep inside."""

import re
from typing import Any

from graphql import GraphQLError

from resolvers.errors import ErrorCode

_ESCAPED_NUL = re.compile(r"\\u0000|\\u\{0+\}|\x00")


def nul_error(place: str) -> GraphQLError:
    """The error for a text with a NUL character."""
    return GraphQLError(
        f"{place} holds the character U+0000, which cannot be stored.",
        extensions={"code": ErrorCode.BAD_REQUEST.value},
    )


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
