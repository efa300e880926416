"""How deep values may be nested: beyond this, readers and writers of JSON fail one after the other."""

from typing import Any

MAX_DEPTH = 64


def is_too_deep(value: Any, *, limit: int = MAX_DEPTH) -> bool:
    """Whether a JSON value has more than `limit` objects and lists inside each other."""
    # Level by level, since a recursion would be the first to fail.
    level = [value] if isinstance(value, dict | list) else []
    for _ in range(limit):
        level = [
            child
            for parent in level
            for child in (parent.values() if isinstance(parent, dict) else parent)
            if isinstance(child, dict | list)
        ]
    return bool(level)
