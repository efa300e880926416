"""Limit of nesting in JSON values: deeper ones overflow the recursion of JSON parsers and encoders."""

from typing import Any

MAX_DEPTH = 64


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
