"""What an operator may set or type is described, and described as it is."""

import re
from pathlib import Path

import pytest

from quayside.cli import COMMANDS, GROUPS
from quayside.graphql import http as graphql_http
from quayside.http import protocol
from quayside.settings.features import FEATURES
from quayside.settings.settings import PREFIX, SETTINGS
from resolvers.events import KINDS
from resolvers.record.live import CONTENT

DOCS = Path(__file__).parents[2] / "docs"
ROW = re.compile(r"\| `(?P<name>[A-Z_]+)` \| (?:`(?P<default>[^`]*)`)? ?\| (?P<sentence>.*) \|")


def described(prefix: str) -> dict[str, tuple[str, str]]:
    """The rows of docs/settings.md whose names begin with the prefix: default and sentence, by name."""
    matches = ROW.finditer((DOCS / "settings.md").read_text(encoding="utf-8"))
    return {
        match["name"]: (match["default"] or "", match["sentence"])
        for match in matches
        if match["name"].startswith(PREFIX) == bool(prefix)
    }


def test_every_setting_is_described_with_its_default() -> None:
    assert described(PREFIX) == {PREFIX + row.name: (row.default, row.sentence) for row in SETTINGS}


def test_every_feature_is_described_with_its_default() -> None:
    assert described("") == {row.name: (str(row.default).lower(), row.sentence) for row in FEATURES}


def sections() -> dict[str, str]:
    """The sections of docs/commands.md, by the command that each is about."""
    _, *parts = re.split(
        r"^## quayside ", (DOCS / "commands.md").read_text(encoding="utf-8"), flags=re.MULTILINE
    )
    return {heading: body for heading, _, body in (part.partition("\n") for part in parts)}


def test_every_command_has_a_section_and_no_other_has() -> None:
    assert list(sections()) == [row.name for row in COMMANDS]


@pytest.mark.parametrize("row", COMMANDS, ids=lambda row: row.name)
def test_a_section_says_what_the_command_does_and_takes(row: object) -> None:
    command = next(one for one in COMMANDS if one is row)
    body = sections()[command.name]
    names = [
        argument.options["metavar"] if not argument.names[0].startswith("-") else argument.names[0]
        for argument in command.arguments
    ]

    assert body.strip().startswith(command.sentence)
    assert [name for name in names if not re.search(rf"^- `{re.escape(name)}[` ]", body, re.MULTILINE)] == []


def test_commands_of_two_words_belong_to_a_group() -> None:
    assert {row.name.split(" ")[0] for row in COMMANDS if " " in row.name} == set(GROUPS)


def test_the_statuses_of_graphql_are_those_that_the_code_answers() -> None:
    # Given the numbers in the code, and that of a result without errors
    written = re.findall(
        r"\b[Rr]efusal\(\s*([0-9]{3})\b", Path(graphql_http.__file__).read_text(encoding="utf-8")
    )
    answered = {200, *graphql_http.STATUS_WITH_ERRORS.values(), *protocol.REASONS, *map(int, written)}

    # When the table is read
    rows = re.findall(r"^\| ([0-9]{3}) \|", (DOCS / "graphql.md").read_text(encoding="utf-8"), re.MULTILINE)

    # Then it has each of them once, in order
    assert rows == [str(status) for status in sorted(answered)]


def test_the_kinds_of_events_are_listed_by_what_they_are_about() -> None:
    text = (DOCS / "graphql.md").read_text(encoding="utf-8")
    section = re.split(r"^##+ ", text.partition("### Kinds\n")[2], flags=re.MULTILINE)[0]
    lists = [set(re.findall(r"`(\w+_\w+)`", part)) for part in section.split("\n- ")[1:]]
    content, repository, either, namespace = lists[0], *lists[1:3], lists[3] - CONTENT

    assert content == CONTENT
    assert content | repository | either | namespace == KINDS.keys()
