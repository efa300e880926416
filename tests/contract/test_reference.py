"""Routes and documents have exactly the operations, parameters and keys of the reference."""

from __future__ import annotations

from typing import Any

import pytest

from rest_compat.answer_type import describe, type_of_literal
from rest_compat.bind import place_of
from rest_compat.discovery import PREFIX
from rest_compat.params import Param
from rest_compat.route import UNSET, Route
from tests.contract.reference import EXTRA, THEMES, Operation, answers, engine, operations, rows

RENAMED = {"changeOrganization": {"organization": "name"}}
"""Path values with another name in the route, since a body key has the same name: ours → theirs."""

IMPLEMENTED = sorted(rows().keys() - EXTRA)


def test_the_reference_is_complete() -> None:
    assert len(operations()) == 178
    assert {operation["owner"] for operation in operations().values()} == THEMES


def test_routes_are_documented_operations_or_listed_extras() -> None:
    assert rows().keys() - operations().keys() == EXTRA


def test_extras_are_not_published() -> None:
    assert all(rows()[name][1].internal for name in EXTRA)


def test_nothing_is_missing() -> None:
    assert operations().keys() - rows().keys() == set()


def facts(chapter: str, route: Route) -> dict[str, Any]:
    path = route.path if route.external else PREFIX + route.path
    for ours, theirs in RENAMED.get(route.operation, {}).items():
        path = path.replace(f"{{{ours}}}", f"{{{theirs}}}")
    return {
        "chapter": chapter,
        "method": route.method,
        "path": path,
        "scope": route.scope,
        "status_documented": route.status_for("documented"),
        "status_observed": route.status_for("observed"),
        "fresh_login": route.fresh_login,
        "flags": list(route.flags),
    }


@pytest.mark.parametrize("name", IMPLEMENTED)
def test_a_route_matches_the_reference(name: str) -> None:
    operation = operations()[name]
    chapter, route = rows()[name]
    ours = facts(chapter, route)

    assert ours == {key: operation[key] for key in ours}  # type: ignore[literal-required]
    assert operation["check_order"] in (None, route.check)


def renamed(name: str, param: Param, route: Route) -> str:
    return (
        RENAMED.get(name, {}).get(param.name, param.name) if place_of(route, param) == "path" else param.name
    )


@pytest.mark.parametrize("name", IMPLEMENTED)
def test_a_document_takes_the_parameters_of_the_reference(name: str) -> None:
    route = rows()[name][1]
    params = engine().plans[route.document_name].params
    operation = operations()[name]

    expected = {(one["place"], one["name"]) for one in operation["parameters"]}
    declared = {(place_of(route, param), renamed(name, param, route)) for param in params}
    second = {(place_of(route, param), param.also) for param in params if param.also is not None}

    assert (declared - expected, expected - declared - second) == (set(), set())
    assert [reason for param in params for reason in differences(param, route, operation)] == []


def differences(param: Param, route: Route, operation: Operation) -> list[str]:
    """Differences between a parameter and the reference, as texts."""
    place = place_of(route, param)
    name = renamed(operation["operation"], param, route)
    theirs = next(one for one in operation["parameters"] if (one["place"], one["name"]) == (place, name))
    types = {theirs["type"]} if isinstance(theirs["type"], str) else set(theirs["type"])
    checks = {
        "required": param.required == theirs["required"],
        "nullable": place != "body" or param.nullable == theirs.get("nullable", False),
        "ignored": not theirs.get("ignored", False) or param.ignored,
        "type": place == "path" or types & {"any", *param.kinds} != set(),
        "description": param.description != "",
    }
    return [f"{param.name}: {what}" for what, holds in checks.items() if not holds]


def drift(expected: Any, derived: Any, path: str = "answer") -> list[str]:
    """Differences between a derived answer type and the reference's, as texts."""
    if "any" in (expected, derived) or (derived == "any?" and str(expected).endswith("?")):
        return []
    if isinstance(expected, dict) and set(expected) == {"?"}:
        inner = derived["?"] if isinstance(derived, dict) and set(derived) == {"?"} else derived
        return drift(expected["?"], inner, path)
    if isinstance(expected, list) and isinstance(derived, list):
        return drift(expected[0], derived[0], f"{path}[]")
    if isinstance(expected, dict) and isinstance(derived, dict):
        return [
            *(f"{path} lacks {key}" for key in expected if key not in derived),
            *(f"{path} has {key}" for key in derived if key not in expected),
            *(
                reason
                for key in expected
                if key in derived
                for reason in drift(expected[key], derived[key], f"{path}.{key}")
            ),
        ]
    # We may be stricter than the reference about null, but not the other way round.
    return [] if expected in (derived, f"{derived}?") else [f"{path} is {derived}, not {expected}"]


def adapted(expected: Any, later: list[str], always: list[str], path: str = "") -> Any:
    """The answer type without keys of later chapters, and with keys that we always write marked so."""
    if isinstance(expected, list):
        return [adapted(item, later, always, path) for item in expected]
    if not isinstance(expected, dict):
        return expected
    paths = {key: f"{path}.{key.removesuffix('?')}".removeprefix(".") for key in expected}
    return {
        key.removesuffix("?") if paths[key] in always else key: adapted(item, later, always, paths[key])
        for key, item in expected.items()
        if paths[key] not in later
    }


def described(name: str) -> Any:
    route = rows()[name][1]
    if route.body is not UNSET:
        return describe(type_of_literal(route.body))
    answer = engine().plans[route.document_name].answer
    return None if route.status == 204 or answer is None else describe(answer)


ANSWERED = [name for name in IMPLEMENTED if name in answers() and rows()[name][1].native is None]


@pytest.mark.parametrize("name", ANSWERED)
def test_an_answer_has_the_type_of_the_reference(name: str) -> None:
    entry = answers()[name]
    entry = answers()[entry["same_as"]] if "same_as" in entry else entry

    expected = adapted(entry["answer"], entry.get("later", []), entry.get("always", []))
    assert drift(expected, described(name)) == []


def test_drift_is_found() -> None:
    expected = {
        "a": "integer",
        "b?": "string",
        "c": [{"d": "string"}],
        "e": {"?": ["string"]},
        "f": "string?",
    }
    derived = {
        "a": "string",
        "b": "string",
        "c": [{"d": "string?"}],
        "e": ["string"],
        "f": "string",
        "g": "any",
    }

    assert drift(expected, expected) == []
    assert drift(expected, derived) == [
        "answer lacks b?",
        "answer has b",
        "answer has g",
        "answer.a is string, not integer",
        "answer.c[].d is string?, not string",
    ]


def test_only_discovery_and_error_answer_without_the_schema() -> None:
    assert {name for name, (_, route) in rows().items() if route.native} == {
        "discovery",
        "getErrorDescription",
    }
