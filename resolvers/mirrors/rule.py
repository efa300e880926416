"""Rules: which tags of a source are mirrored, as a list of globs."""

import re
from collections.abc import Callable, Sequence
from typing import Any

import re2

from resolvers.errors import Invalid

MAXIMUM_PATTERNS = 100
PATTERN_LENGTH = 256
NO_RULE = "validation failed: rule_value for TAG_GLOB_CSV must be a list with at least one rule"
"""Clients show this text."""
_CLASS = re.compile(r"\[([!^]?)(\]?[^\]]*)\]")


def check_patterns(patterns: Sequence[str], *, field: str) -> list[str]:
    """Globs as they are stored: without spaces around them, and each once. Raises `Invalid`."""
    found = list(dict.fromkeys(pattern.strip() for pattern in patterns))
    if not found:
        raise Invalid(NO_RULE, field=field)
    if len(found) > MAXIMUM_PATTERNS:
        raise Invalid(f"{field}: must have at most {MAXIMUM_PATTERNS} patterns.", field=field)
    for pattern in found:
        if not 1 <= len(pattern) <= PATTERN_LENGTH:
            raise Invalid(f"{field}: each pattern must have 1 to {PATTERN_LENGTH} characters.", field=field)
        try:
            _compiled(pattern)
        except re2.error as error:
            raise Invalid(
                f"{field}: '{pattern}' is no pattern; use * for any characters, ? for one, [a-c] for some.",
                field=field,
            ) from error
    return found


def tag_test(patterns: Sequence[str]) -> Callable[[str], bool]:
    """Whether a tag fits one of some globs, which were checked when they were stored.

    Names without a wildcard are looked up, so that a long list costs no more than a short one.
    """
    exact = frozenset(pattern for pattern in patterns if not _has_wildcard(pattern))
    matches = [_compiled(pattern).fullmatch for pattern in patterns if _has_wildcard(pattern)]
    return lambda name: name in exact or any(match(name) for match in matches)


def select(patterns: Sequence[str], names: Sequence[str]) -> list[str]:
    """The names that fit, in their order."""
    return list(filter(tag_test(patterns), names))


def _has_wildcard(pattern: str) -> bool:
    return any(character in pattern for character in "*?[")


def _compiled(pattern: str) -> Any:
    """A glob as an expression in RE2 syntax, which matches in linear time."""
    options = re2.Options()
    options.log_errors = False
    return re2.compile(_expression(pattern), options)


def _expression(pattern: str) -> str:
    parts, place = [], 0
    while place < len(pattern):
        character = pattern[place]
        found = _CLASS.match(pattern, place) if character == "[" else None
        if found is not None:
            negated, members = found.groups()
            parts.append(f"[{'^' if negated else ''}{re2.escape(members).replace(chr(92) + '-', '-')}]")
            place = found.end()
            continue
        parts.append({"*": ".*", "?": "."}.get(character) or re2.escape(character))
        place += 1
    return "".join(parts)
