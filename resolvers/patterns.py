"""Patterns: regular expressions of users for names, in RE2 syntax, which match in linear time."""

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import re2

from resolvers.errors import Invalid

PATTERN_LENGTH = 256


@lru_cache(maxsize=512)
def _compiled(pattern: str) -> Any:
    options = re2.Options()
    options.log_errors = False
    return re2.compile(pattern, options)


def compile_pattern(pattern: str, *, field: str) -> Any:
    """Compile a user's regular expression of 1 to 256 characters. Raises `Invalid`."""
    if not pattern or len(pattern) > PATTERN_LENGTH:
        raise Invalid(f"The pattern must have 1 to {PATTERN_LENGTH} characters.", field=field)
    try:
        return _compiled(pattern)
    except re2.error as error:
        raise Invalid(
            f"The pattern '{pattern}' is not a regular expression in RE2 syntax.", field=field
        ) from error


def fits_whole(pattern: str, name: str) -> bool:
    """Whether a pattern, which was compiled when it was stored, fits all of a name.

    Its length is not checked again: those from before they had to fit whole names are a bit longer.
    """
    return bool(_compiled(pattern).fullmatch(name))


def search_of(pattern: str) -> Callable[[str], Any]:
    """The search for a pattern, which was compiled when it was stored, in any part of names.

    For many names, since nothing is looked up for each of them.
    """
    search: Callable[[str], Any] = _compiled(pattern).search
    return search
