"""Substring search in names and descriptions, by trigram indexes of both databases (FTS5 and pg_trgm).

    found = repositories("public", "name", "lib")
    await fetch(f"SELECT r.id FROM {found.source} WHERE {found.condition}", *found.values)

In every source `r` is the repository, `a` the account. No search works without an index.
"""

import re
from dataclasses import dataclass

from storage.statements import is_postgres

TEXT_LENGTH = 255
"""Longer search texts are cut: no name is longer."""

_WORD = re.compile(r"[^\W_]{3}")
_LAST = "\U0010ffff"


@dataclass(frozen=True, slots=True)
class Match:
    """A search as SQL: `SELECT … FROM {source} WHERE {condition}`, with its values."""

    source: str
    condition: str
    values: tuple[str, ...]


def normalised(text: str) -> str:
    """The search text with single spaces, without NUL characters, cut to `TEXT_LENGTH`."""
    return " ".join(text.replace("\0", " ").split())[:TEXT_LENGTH]


def has_trigrams(text: str) -> bool:
    """Whether a text has three letters or digits in a row, which trigram indexes need."""
    return _WORD.search(text) is not None


def in_order(column: str) -> str:
    """The expression by which an index orders names: by code points, independent of the locale."""
    return f'{column} COLLATE "C"' if is_postgres() else column


def begins(column: str, prefix: str) -> tuple[str, tuple[str, str]]:
    """A condition, with its values, that the column begins with the prefix; a range of its index."""
    ordered = in_order(column)
    return f"({ordered} >= ? AND {ordered} < ?)", (prefix, prefix + _LAST)


def contains(column: str, part: str, *, ignores_case: bool = True) -> tuple[str, str]:
    """A condition, with its value, that the column contains the part. For few rows.

    PostgreSQL compares ten times as fast where both are in small letters, so that no case must be ignored.
    """
    escaped = re.sub(r"([\\%_])", r"\\\1", part)
    operator = "ILIKE" if ignores_case and is_postgres() else "LIKE"
    return f"{column} {operator} ? ESCAPE '\\'", f"%{escaped}%"


def contains_as_indexed(part: str) -> bool:
    """Whether `contains` finds the same as the index: SQLite's LIKE ignores case only of ASCII letters."""
    return is_postgres() or all(letter.isascii() or letter.lower() == letter.upper() for letter in part)


DESCRIPTION = "substr(r.description, 1, 2000)"
"""The indexed part of a description."""


def _found(index: str, table: str, alias: str, expression: str, part: str) -> Match:
    if is_postgres():
        condition, value = contains(expression, part)
        return Match(f"{table} {alias}", condition, (value,))
    phrase = part.replace('"', '""')
    return Match(
        # CROSS JOIN fixes the join order: first the index, then its rows.
        f"{index} CROSS JOIN {table} {alias} ON {alias}.id = {index}.rowid",
        f"{index} MATCH ?",
        (f'"{phrase}"',),
    )


def repositories(visibility: str, column: str, part: str) -> Match:
    """Public or private repositories whose name or description contains a part that has trigrams.

    Only the first 2,000 characters of a description are searched.
    """
    expression = {"name": "r.name", "description": DESCRIPTION}[column]
    found = _found(f"repository_search_{visibility}_{column}", "repository", "r", expression, part)
    return Match(found.source, f"{found.condition} AND r.visibility = '{visibility}'", found.values)


def account_names(part: str) -> Match:
    """Users and organizations whose name contains a part that has trigrams."""
    return _found("account_search", "account", "a", "a.name", part)
