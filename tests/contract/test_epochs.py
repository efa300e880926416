"""Epochs of accounts and repositories: one place bumps them, and each cause in its list is a real change."""

import re

from resolvers.access.epochs import CAUSES, Cause
from tests.process import ROOT


def sources() -> dict[str, str]:
    """The modules of the layers that write rows, by path."""
    files = (file for layer in ("resolvers", "storage", "quayside") for file in (ROOT / layer).rglob("*.py"))
    return {
        str(file.relative_to(ROOT)): file.read_text("utf-8")
        for file in files
        if "migrations" not in file.parts
    }


def test_one_module_alone_bumps_epochs() -> None:
    assert [path for path, text in sources().items() if re.search(r"auth_epoch \+ 1", text)] == [
        "resolvers/access/epochs.py"
    ]


def test_every_cause_has_a_line_and_a_change_that_names_it() -> None:
    named = {
        name
        for path, text in sources().items()
        if path != "resolvers/access/epochs.py"
        for name in re.findall(r"\bCause\.([A-Z_]+)", text)
    }

    assert named == set(Cause.__members__)
    assert list(CAUSES) == list(Cause)


def test_tombstones_and_who_can_act_have_one_definition() -> None:
    spelled = re.compile(r"deleted_at_ms IS NULL|\b(?:NOT|not) \w+\.is_enabled|\bis_enabled AND")

    assert [path for path, text in sources().items() if spelled.search(text)] == ["storage/conditions.py"]


def test_whether_a_span_goes_on_has_one_definition() -> None:
    spelled = re.compile(r"COALESCE\([^)]*ended_at_ms|ended_at_ms IS NULL OR|NOT \w+\.has_ended")

    assert [path for path, text in sources().items() if spelled.search(text)] == ["storage/conditions.py"]
