"""Each kind of log entry that clients know is written, or listed with the theme that will write it."""

from __future__ import annotations

import json
import re

import pytest

from resolvers.event_kinds import KINDS
from tests.contract.reference import DATA
from tests.process import ROOT

LAYERS = ("resolvers", "quayside")


def awaited() -> dict[str, list[str]]:
    """Kinds that nothing writes yet, by theme; the list may only shrink.

    Those that are `retired` belong to what the API has no operation for any more, such as plans to pay for.
    """
    found: dict[str, list[str]] = json.loads((DATA / "log_kinds.json").read_text("utf-8"))
    return found


def sources() -> str:
    """The code, without the table of kinds."""
    files = [
        file for layer in LAYERS for file in (ROOT / layer).rglob("*.py") if file.name != "event_kinds.py"
    ]
    return "\n".join(file.read_text("utf-8") for file in files if file.name != "event_kinds.py")


def test_what_is_awaited_is_not_written_yet() -> None:
    assert {kind for kinds in awaited().values() for kind in kinds} & KINDS.keys() == set()


def test_a_kind_is_awaited_once_and_in_order() -> None:
    kinds = [kind for kinds in awaited().values() for kind in kinds]

    assert len(kinds) == len(set(kinds))
    assert all(kinds == sorted(kinds) for kinds in awaited().values())


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_a_kind_of_the_table_has_a_writer(kind: str) -> None:
    assert re.search(rf'"{kind}"', sources()), f"nothing writes {kind}"


def test_each_kind_of_the_table_is_named_in_a_test() -> None:
    files = (ROOT / "tests").rglob("*.py")
    text = "\n".join(file.read_text("utf-8") for file in files if "bench" not in file.parts)

    assert [kind for kind in sorted(KINDS) if not re.search(rf"""["']{kind}["']""", text)] == []
