"""Finding names and descriptions by a part of them: the one place where the two databases differ.

    found = repositories("public", "name", "lib")
    await fetch(f"SELECT r.id FROM {found.source} WHERE {found.condition}", *found.values)

In every source `r` is the repository, `a` the account. What is not looked for by an index is not looked for.
"""

import re
from dataclasses import dataclass

from storage.statements import is_postgres

TEXT_LENGTH = 255
"""Longer texts are cut: no name is longer."""

_WORD = re.compile(r"[^\W_]{3}")
_LAST = "\U0010ffff"


@dataclass(frozen=True, slots=True)
class Match:
    """Where to look and for what: `SELECT … FROM {source} WHERE {condition}`."""

    source: str
    condition: str
    values: tuple[str, ...]


def normalised(text: str) -> str:
    """A text as it can be looked for: in one line, without what no database stores, of bounded length."""
    return " ".join(text.replace("\0", " ").split())[:TEXT_LENGTH]


def has_trigrams(text: str) -> bool:
    """Whether parts can be looked for: three letters or digits in a row, since indexes hold these."""
    return _WORD.search(text) is not None


def in_order(column: str) -> str:
    """A name as its index orders it: by code points, whatever the locale of the database."""
    return f'{column} COLLATE "C"' if is_postgres() else column


def begins(column: str, prefix: str) -> tuple[str, tuple[str, str]]:
    """A condition that an index on the names answers, with its values: the column begins with the prefix."""
    ordered = in_order(column)
    return f"({ordered} >= ? AND {ordered} < ?)", (prefix, prefix + _LAST)


def contains(column: str, part: str) -> tuple[str, str]:
    """A condition for few rows, with its value: the column holds the part, whatever its case."""
    escaped = re.sub(r"([\\%_])", r"\\\1", part)
    return f"{column} {'ILIKE' if is_postgres() else 'LIKE'} ? ESCAPE '\\'", f"%{escaped}%"


def contains_as_indexed(part: str) -> bool:
    """Whether `contains` finds what indexes of parts find: SQLite knows the case of ASCII letters alone."""
    return is_postgres() or all(letter.isascii() or letter.lower() == letter.upper() for letter in part)


DESCRIPTION = "substr(r.description, 1, 2000)"
"""So much of a description is looked at."""


def _found(index: str, table: str, alias: str, expression: str, part: str) -> Match:
    if is_postgres():
        condition, value = contains(expression, part)
        return Match(f"{table} {alias}", condition, (value,))
    phrase = part.replace('"', '""')
    return Match(
        # CROSS JOIN fixes the order: first what the index finds, then its rows.
        f"{index} CROSS JOIN {table} {alias} ON {alias}.id = {index}.rowid",
        f"{index} MATCH ?",
        (f'"{phrase}"',),
    )


def repositories(visibility: str, column: str, part: str) -> Match:
    """Public or private repositories whose name or description holds a part that has trigrams.

    Of a description the first 2,000 characters are looked at.
    """
    expression = {"name": "r.name", "description": DESCRIPTION}[column]
    found = _found(f"repository_search_{visibility}_{column}", "repository", "r", expression, part)
    return Match(found.source, f"{found.condition} AND r.visibility = '{visibility}'", found.values)


def account_names(part: str) -> Match:
    """Users and organizations whose name holds a part that has trigrams."""
    return _found("account_search", "account", "a", "a.name", part)
