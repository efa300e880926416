"""The kind of an answer: keys and JSON types, to compare answers with different content."""

from __future__ import annotations

from typing import Any

SCALARS = {type(None): "null", bool: "boolean", int: "integer", float: "number", str: "string"}

MAPS = frozenset({"tags", "teams", "child_manifests_presence", "permissions"})
"""Keys of objects whose keys are names."""

WHOLE = frozenset({"metadata", "paths", "definitions", "scopes"})
"""Keys of objects whose content depends on the installation; it is not compared."""

HISTORIES = frozenset({"aggregated", "logs"})
"""Keys of lists whose length depends on earlier requests; only the kind of their items is compared."""


def kind_of(value: Any, key: str = "") -> Any:
    """`"integer"`, `{"key": …}`, `["3 items", …]` for a list and `{"3 names": …}` for a map.

    An error object is `"error <type>"`. In lists and maps one kind stands for all items: a key that some lack
    ends in `?`, a scalar that is null in some as well.
    """
    match value:
        case None | bool() | int() | float() | str():
            return SCALARS[type(value)]
        case list() if key in HISTORIES:
            return ["items", *_common([kind_of(item) for item in value])]
        case list():
            return [f"{len(value)} items", *_common([kind_of(item) for item in value])]
        case {"error_type": kind}:
            return f"error {kind}"
        case dict() if key in WHOLE:
            return "object"
        case dict() if key in MAPS:
            common = _common([kind_of(item) for item in value.values()])
            return {f"{len(value)} names": common[0] if common else "null"}
    return {name: kind_of(item, name) for name, item in value.items()}


def _common(kinds: list[Any]) -> list[Any]:
    """The merged kind of all items, in a list; empty if there are none."""
    if not kinds:
        return []
    merged = kinds[0]
    for kind in kinds[1:]:
        merged = _merge(merged, kind)
    return [merged]


def _merge(one: Any, other: Any) -> Any:
    if one == other:
        return one
    if isinstance(one, dict) and isinstance(other, dict):
        ours, theirs = (
            {key.removesuffix("?"): (key, kind) for key, kind in keys.items()} for keys in (one, other)
        )
        merged = {}
        for name in [*ours, *(name for name in theirs if name not in ours)]:
            if name in ours and name in theirs:
                certain = ours[name][0] == theirs[name][0] == name
                merged[name if certain else f"{name}?"] = _merge(ours[name][1], theirs[name][1])
            else:
                merged[f"{name}?"] = (ours.get(name) or theirs[name])[1]
        return merged
    if isinstance(one, str) and isinstance(other, str):
        kinds = {one.removesuffix("?"), other.removesuffix("?")}
        if len(kinds - {"null"}) == 1:
            return f"{min(kinds - {'null'})}?"
    return "any"


def differences(expected: Any, actual: Any, path: str = "answer") -> list[str]:
    """Differences between two kinds, as texts. Keys that may be null may be missing."""
    if isinstance(expected, dict) and isinstance(actual, dict):
        return [
            *(f"{path} lacks {key}" for key in expected if key not in actual),
            *(f"{path} has {key}" for key in actual if key not in expected),
            *(
                reason
                for key in expected
                if key in actual
                for reason in differences(expected[key], actual[key], f"{path}.{key}")
            ),
        ]
    if isinstance(expected, list) and isinstance(actual, list) and len(expected) == len(actual):
        pairs = zip(expected[1:], actual[1:], strict=True)
        counted = [] if expected[0] == actual[0] else [f"{path} has {actual[0]}, not {expected[0]}"]
        return counted + [reason for one, other in pairs for reason in differences(one, other, f"{path}[]")]
    if expected == "null" and isinstance(actual, str):
        return []
    return [] if expected in (actual, f"{actual}?") else [f"{path} is {actual}, not {expected}"]
