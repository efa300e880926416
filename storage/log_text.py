"""The metadata of events and audit entries as text for the database, each value at a bounded length.

Strangers write into the logs of others: the user agent of a failed login is in the log of its victim.
"""

from typing import Any, Final

import orjson

LONGEST: Final = 1024
"""The longest text of a value, in characters."""
MOST_ITEMS: Final = 100
"""The most items of a list or an object in metadata."""


def encode(metadata: dict[str, Any]) -> str:
    """Metadata as JSON. A longer text ends in `…`; further items of a list or an object are left out."""
    return orjson.dumps(_bounded(metadata)).decode()


def cut(text: str) -> str:
    """A text at its longest."""
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"


def _bounded(value: Any) -> Any:
    if isinstance(value, str):
        return cut(value)
    if isinstance(value, dict):
        return {_bounded(key): _bounded(item) for key, item in list(value.items())[:MOST_ITEMS]}
    if isinstance(value, list | tuple):
        return [_bounded(item) for item in value[:MOST_ITEMS]]
    return value
