"""Lists: a table on a terminal, elsewhere lines of `name<tab>key=value`, or with `--json` of JSON objects."""

import json
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime

from quayside.commands import terminal

Values = dict[str, str | bool | list[str] | None]
"""An item; the first key is what names it."""


async def show(items: AsyncIterator[Values], columns: Sequence[str], *, as_json: bool) -> None:
    """Print the items, which have the keys `columns`; an empty list is an empty output, or an empty table."""
    console = None if as_json else terminal.console()
    table = terminal.table(*(column.replace("_", " ").capitalize() for column in columns))
    async for item in items:
        if as_json:
            print(json.dumps(item))
        elif console is None:
            first, *others = columns
            print("\t".join((_text(item[first]), *(f"{key}={_text(item[key])}" for key in others))))
        else:
            table.add_row(*(terminal.text(_text(item[key])) for key in columns))
    if console is not None:
        console.print(table)


def _text(value: str | bool | list[str] | None) -> str:
    match value:
        case None:
            return ""
        case bool():
            return "yes" if value else "no"
        case list():
            return " ".join(value)
    return value.translate(terminal.CONTROLS).replace("\t", " ").replace("\n", " ")


def time(ms: int | None) -> str | None:
    """Milliseconds since the epoch as a time of day in UTC; None as itself."""
    return None if ms is None else f"{datetime.fromtimestamp(ms / 1000, UTC):%Y-%m-%dT%H:%M:%SZ}"
