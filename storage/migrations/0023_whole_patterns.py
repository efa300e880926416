"""Patterns of immutability policies that fit whole names: those there are are rewritten, and do what they did.

Until now they were looked for anywhere in a name. A rewritten pattern is up to ten characters longer, so the
column is wider.
"""

import re
from typing import Any

from tortoise import fields, migrations
from tortoise.migrations import operations as ops

_PIECE = re.compile(r"\\.|\[\^?\]?(?:\[:\^?\w+:\]|\\.|[^\]\\])*\]|[()|]|.", re.DOTALL)
"""One character of an expression, or what is escaped or in brackets, where `(`, `|` and `)` mean themselves."""
_ANCHORED = re.compile(r"\^(?![*+?{]|\(\?[a-zA-Z-]+\))")
"""An anchor without a quantifier, which may follow behind flags."""


def whole(pattern: str) -> str:
    """The expression that fits the names, without line breaks, in which the given one is found."""
    if "\\Q" in pattern:
        # Without an end, it would quote what follows.
        is_open = pattern.rfind("\\Q") > pattern.rfind("\\E")
        return f".*(?:{pattern}{chr(92) + 'E' if is_open else ''}).*"
    depth, last = 0, ""
    for piece in _PIECE.findall(pattern):
        depth += {"(": 1, ")": -1}.get(piece, 0)
        if piece == "|" and depth == 0:
            return f".*(?:{pattern}).*"
        last = piece
    before = "" if _ANCHORED.match(pattern) else ".*"
    return f"{before}{pattern}{'' if last == '$' else '.*'}"


class _Widen(ops.AlterField):
    """On SQLite, which keeps longer texts in any column, the table need not be rebuilt."""

    async def database_forward(
        self, app_label: str, old_state: Any, new_state: Any, state_editor: Any = None
    ) -> None:
        if state_editor and state_editor.DIALECT == "postgres":
            await state_editor.client.execute_query(
                "ALTER TABLE immutability_policy ALTER COLUMN tag_pattern TYPE VARCHAR(266)"
            )


async def rewrite(_: Any, editor: Any) -> None:
    """Rewrite the patterns of all policies."""
    client = editor.client
    places = "?, ?" if editor.DIALECT == "sqlite" else "$1, $2"
    pattern, identity = places.split(", ")
    for row in await client.execute_query_dict("SELECT id, tag_pattern FROM immutability_policy"):
        await client.execute_query(
            f"UPDATE immutability_policy SET tag_pattern = {pattern} WHERE id = {identity}",
            [whole(row["tag_pattern"]), row["id"]],
        )


class Migration(migrations.Migration):
    dependencies = [("models", "0022_email_key")]

    operations = [
        _Widen(
            model_name="ImmutabilityPolicy",
            name="tag_pattern",
            field=fields.CharField(max_length=266),
        ),
        ops.RunPython(rewrite),
    ]
