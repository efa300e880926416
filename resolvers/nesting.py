"""Nested JSON values: what is at a path, and how deep they are.

Deeper ones than the limit overflow the recursion of JSON parsers and encoders.
"""

from collections.abc import Mapping
from typing import Any

import orjson

MAX_DEPTH = 64


def within(value: object, *keys: str) -> Any:
    """What is at a path of keys in JSON of somebody else; None where the path ends."""
    for key in keys:
        value = value.get(key) if isinstance(value, Mapping) else None
    return value


def is_too_deep(value: Any, *, limit: int = MAX_DEPTH) -> bool:
    """Whether a JSON value has more than `limit` nested objects and lists."""
    # Breadth first, since a recursion could overflow itself.
    level = [value] if isinstance(value, dict | list) else []
    for _ in range(limit):
        level = [
            child
            for parent in level
            for child in (parent.values() if isinstance(parent, dict) else parent)
            if isinstance(child, dict | list)
        ]
    return bool(level)


def check_json(value: dict[str, Any], name: str, *, most_bytes: int) -> None:
    """Raise `Invalid` for JSON of somebody that is large, or that not both databases and all answers hold."""
    # The errors come with the database, which processes that only read documents do without.
    from resolvers.errors import Invalid

    if is_too_deep(value):
        raise Invalid(f"{name}: must be nested at most {MAX_DEPTH} levels deep.", field=name)
    try:
        text = orjson.dumps(value)
    except orjson.JSONEncodeError as error:
        raise Invalid(f"{name}: has a number or a text that JSON cannot hold.", field=name) from error
    if len(text) > most_bytes:
        raise Invalid(f"{name}: must have at most {most_bytes} bytes of JSON.", field=name)
