"""Each directive, form and route option is used by a chapter, or listed with the theme that will use it."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

from graphql import GraphQLEnumType, build_schema

from rest_compat.compile import extended_schema
from rest_compat.forms import READ_FORMS, SPELLINGS, WRITE_FORMS
from rest_compat.route import Route
from tests.contract.reference import DATA, THEMES, engine, rows

PLAIN = Route("plain", "GET", "/plain")

ALWAYS = frozenset({"operation", "method", "path"})


def vocabulary() -> Any:
    return extended_schema(build_schema("type Query { a: Int }"))


def ours(text: str | None) -> bool:
    return bool(text and text.strip())


def words() -> dict[str, set[str]]:
    form = vocabulary().type_map["Form"]
    assert isinstance(form, GraphQLEnumType)
    standard = {"include", "skip", "deprecated", "specifiedBy", "oneOf"}
    return {
        "directives": {one.name for one in vocabulary().directives} - standard,
        "forms": set(form.values),
        "options": {field.name for field in dataclasses.fields(Route)} - ALWAYS,
    }


def used() -> dict[str, set[str]]:
    plans = engine().plans.values()
    routes = [route for _, route in rows().values()]
    return {
        "directives": set().union(*(plan.directives for plan in plans)) - {"include", "skip"},
        "forms": set().union(*(plan.forms for plan in plans)),
        "options": {
            name
            for name in words()["options"]
            if any(getattr(route, name) != getattr(PLAIN, name) for route in routes)
        },
    }


def test_each_directive_form_and_option_is_used_or_awaited() -> None:
    awaiting = json.loads((DATA / "awaiting.json").read_text("utf-8"))

    assert {kind: sorted(names) for kind, names in awaiting.items()} == {
        kind: sorted(names - used()[kind]) for kind, names in words().items()
    }
    assert {theme for names in awaiting.values() for theme in names.values()} <= THEMES


def test_each_directive_and_form_has_a_description() -> None:
    silent = [one.name for one in vocabulary().directives if not ours(one.description)]
    form = vocabulary().type_map["Form"]

    assert silent == []
    assert [name for name, value in form.values.items() if not ours(value.description)] == []


def test_each_form_has_a_function() -> None:
    assert words()["forms"] == WRITE_FORMS.keys() | READ_FORMS.keys() | SPELLINGS.keys()
