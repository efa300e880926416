"""Columns of records: the select list and the conversions that follow from a dataclass."""

from dataclasses import dataclass
from enum import StrEnum

import pytest

from resolvers.columns import Columns


class Colour(StrEnum):
    RED = "red"


@dataclass(frozen=True)
class Thing:
    id: int
    colour: Colour | None
    is_new: bool
    is_known: bool | None
    details: dict[str, int]
    words: frozenset[str]


COLUMNS = Columns(Thing, "t", convert={"words": lambda text: frozenset(text.split())}, is_new="t.age < 1")


def test_the_select_list_has_each_field_of_the_record() -> None:
    assert str(COLUMNS) == "t.id, t.colour, t.age < 1 AS is_new, t.is_known, t.details, t.words"


@pytest.mark.parametrize(
    ("row", "thing"),
    [
        (
            {
                "colour": "red",
                "is_new": 1,
                "is_known": 0,
                "details": '{"a": 1}',
                "words": "one two",
                "other": 5,
            },
            Thing(7, Colour.RED, True, False, {"a": 1}, frozenset({"one", "two"})),
        ),
        (
            {"colour": None, "is_new": 0, "is_known": None, "details": {"a": 1}, "words": ""},
            Thing(7, None, False, None, {"a": 1}, frozenset()),
        ),
    ],
)
def test_values_become_what_the_fields_say(row: dict[str, object], thing: Thing) -> None:
    record = COLUMNS.record({"id": 7, **row})

    assert record == thing
    assert [type(value) for value in vars(record).values()] == [type(value) for value in vars(thing).values()]


@pytest.mark.parametrize("unknown", [{"age": "1"}, {"convert": {"age": int}}])
def test_no_field_is_invented(unknown: dict[str, object]) -> None:
    with pytest.raises(TypeError, match=r"Thing has no fields \['age'\]"):
        Columns(Thing, "t", **unknown)  # type: ignore[arg-type]
