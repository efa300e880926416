"""The documentation matches the code: settings, commands, statuses, tables, glossary."""

import re
from pathlib import Path

import orjson
import pytest
from graphql import LoneAnonymousOperationRule, parse, specified_rules, validate

from quayside.cli import COMMANDS, GROUPS
from quayside.graphql import http as graphql_http
from quayside.http import protocol
from quayside.settings.features import FEATURES
from quayside.settings.settings import PREFIX
from quayside.settings.table import SETTINGS
from resolvers.event_kinds import KINDS
from schema import schema
from tests import docs

DOCS = docs.DOCS
RULES = [rule for rule in specified_rules if rule is not LoneAnonymousOperationRule]
"""A block may show several documents below each other."""
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


EXAMPLE = re.compile(r"^```(?:graphql|sh)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
"""A fenced block."""


def documents() -> list[str]:
    """The GraphQL documents of the pages that have some, those that `curl` sends too."""
    names = ("graphql", "notifications", "scanning", "vulnerabilities")
    pages = [(DOCS / f"{name}.md").read_text(encoding="utf-8") for name in names]
    blocks = [block for page in pages for block in EXAMPLE.findall(page)]
    bodies = [body for block in blocks for body in re.findall(r"-d '(.*)'", block)]
    found = [block for block in blocks if re.match(r"(query|mutation|subscription|\{) ", block)]
    return [block for block in found if '"message"' not in block] + [
        orjson.loads(body)["query"] for body in bodies
    ]


def test_every_document_of_the_documentation_is_valid() -> None:
    found = documents()

    assert len(found) >= 8
    assert [
        (text, errors) for text in found if (errors := validate(schema._schema, parse(text), RULES))
    ] == []


TERM = re.compile(r"^- \*\*(?P<term>[^*]+)\*\*: (?P<meaning>\S.*)$", re.MULTILINE)


def glossary() -> dict[str, str]:
    """The meanings of docs/glossary.md by term."""
    text = (DOCS / "glossary.md").read_text(encoding="utf-8")
    found = [(match["term"], match["meaning"]) for match in TERM.finditer(text)]
    # An item that the expression does not match would be left out of all checks.
    assert len(found) == len(re.findall(r"^[-*] ", text, re.MULTILINE)) > 0
    assert len(dict(found)) == len(found)
    return dict(found)


def prose() -> str:
    """The code and the other documentation, with words of names apart and in lower case."""
    root = DOCS.parent
    packages = ("quayside", "rest_compat", "schema", "resolvers", "storage")
    paths = [
        *DOCS.rglob("*.md"),
        *(path for package in packages for path in (root / package).rglob("*.py")),
    ]
    text = "\n".join(path.read_text(encoding="utf-8") for path in paths if path.name != "glossary.md")
    return re.sub(r"[\s_-]+", " ", re.sub(r"(?<=[a-z])(?=[A-Z])", " ", text)).lower()


def test_the_glossary_is_sorted_and_has_each_term_once() -> None:
    assert list(glossary()) == sorted(glossary())


def test_each_term_of_the_glossary_occurs_in_the_code_or_the_documentation() -> None:
    text = prose()

    def occurs(term: str) -> bool:
        words = re.split(r"[ -]", term.lower())
        return re.search(rf"(?<![a-z]){' ?'.join(map(re.escape, words))}(?:e?s)?(?![a-z])", text) is not None

    assert [term for term in glossary() if not occurs(term)] == []


def test_commands_of_two_words_belong_to_a_group() -> None:
    assert {row.name.split(" ")[0] for row in COMMANDS if " " in row.name} == set(GROUPS)


def test_the_statuses_of_graphql_are_those_that_the_code_answers() -> None:
    # Given the numbers in the code, and that of a result without errors
    folder = Path(graphql_http.__file__).parent
    code = "".join((folder / f"{name}.py").read_text("utf-8") for name in ("documents", "http", "requests"))
    written = re.findall(r"\b(?:refused|RequestRefused)\(\s*([0-9]{3})\b", code)
    answered = {200, *graphql_http.STATUS_WITH_ERRORS.values(), *protocol.ERROR_BODIES, *map(int, written)}

    # When the table is read
    rows = re.findall(r"^\| ([0-9]{3}) \|", (DOCS / "graphql.md").read_text(encoding="utf-8"), re.MULTILINE)

    # Then it has each of them once, in order
    assert rows == [str(status) for status in sorted(answered)]


def test_tables_of_the_documentation_are_those_of_the_code() -> None:
    pages = {page.name: page.read_text(encoding="utf-8") for page in docs.DOCS.rglob("*.md")}

    assert sorted(name for text in pages.values() for name in docs.tables_in(text)) == sorted(docs.TABLES)
    assert [name for name, text in pages.items() if docs.current(text) != text] == [], "run `make docs`"


def test_the_table_of_events_has_every_kind_with_its_keys() -> None:
    rows = re.findall(r"^\| `(\w+)` \|.*\|([^|]*)\|$", (DOCS / "events.md").read_text("utf-8"), re.MULTILINE)

    assert {name: tuple(re.findall(r"`([^`]+)`", keys)) for name, keys in rows} == {
        row.name: row.metadata for row in KINDS.values()
    }


NAMED_FILE = re.compile(r"`([^`\s]*/[^`\s]*|[\w-]+\.(?:md|toml|txt))`")


def test_files_that_the_guide_for_developers_names_exist() -> None:
    root = DOCS.parent
    text = (DOCS / "dev.md").read_text(encoding="utf-8")
    sections = [part.partition("\n") for part in re.split(r"^## ", text, flags=re.MULTILINE)[1:]]

    assert [title for title, _, _ in sections] == [
        "A noun",
        "An event kind",
        "A job",
        "A setting",
        "A REST operation",
        "A blob driver",
    ]
    assert [title for title, _, body in sections if len(NAMED_FILE.findall(body)) < 3] == []
    assert [path for path in NAMED_FILE.findall(text) if not (root / path).exists()] == []
    assert "(docs/dev.md)" in (root / "README.md").read_text(encoding="utf-8")
