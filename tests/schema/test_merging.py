"""Merging of fields: the verdicts of the library's rule, in time that grows with the document."""

import sys
from collections.abc import Callable

import pytest
from graphql import (
    DocumentNode,
    OverlappingFieldsCanBeMergedRule,
    ValidationRule,
    build_schema,
    parse,
    validate,
)

from schema import merging
from schema.merging import MergeableFields

SCHEMA = build_schema("""
  interface Being { name(upper: Boolean): String! friend: Being tags: [String] age: Int }
  type Dog implements Being { name(upper: Boolean): String! friend: Being tags: [String] age: Int
    barks: Boolean! size: Int volume(of: Int, at: [Int!], in: In): Int owner: Person }
  type Cat implements Being { name(upper: Boolean): String! friend: Being tags: [String] age: Int
    meows: Boolean size: String owner: Person }
  type Person { name: String pets: [Being!]! first: Being dog: Dog }
  input In { a: Int b: Int }
  union Pet = Dog | Cat
  type Query { being: Being dog: Dog cat: Cat person: Person pet: Pet }
""")


def messages(text: str, rule: type[ValidationRule] = MergeableFields) -> list[str]:
    """What the rule says of a document."""
    return [error.message for error in validate(SCHEMA, parse(text), [rule])]


@pytest.mark.parametrize(
    "text",
    [
        "{ dog { name name } }",
        "{ dog { name(upper: true) name(upper: true) } }",
        "{ dog { volume(of: 1, at: [1, 2]) volume(at: [1, 2], of: 1) } }",
        "{ dog { volume(in: {a: 1, b: 2}) volume(in: {b: 2, a: 1}) } }",
        "query($u: Boolean) { dog { name(upper: $u) ...F } } fragment F on Dog { name(upper: $u) }",
        "{ being { ... on Dog { x: name } ... on Cat { x: name(upper: true) } } }",
        "{ being { ... on Dog { x: barks } ... on Dog { x: barks } } }",
        "{ pet { ... on Dog { owner { name } } ... on Cat { owner { n: name } } } }",
        "{ pet { ... on Dog { x: owner { y: name } } ... on Cat { x: owner { y: name } } } }",
        (
            "{ ...A ...B } fragment A on Query { dog { ...D } } fragment B on Query { dog { ...D } } "
            "fragment D on Dog { name }"
        ),
        "{ dog { ...F } } fragment F on Dog { friend { ...G } } fragment G on Being { friend { name } }",
        "{ dog { nothing nothing } }",
    ],
)
def test_fields_that_can_be_merged(text: str) -> None:
    assert messages(text) == messages(text, OverlappingFieldsCanBeMergedRule) == []


@pytest.mark.parametrize(
    ("text", "name", "reason"),
    [
        ("{ dog { x: name x: age } }", "x", "'name' and 'age' are different fields"),
        ("{ dog { ... on Nothing { x: name x: age } } }", "x", "'name' and 'age' are different fields"),
        ("{ dog { x: size x: age } }", "x", "'size' and 'age' are different fields"),
        ("{ dog { name name(upper: true) } }", "name", "they have differing arguments"),
        ("{ dog { volume(of: 1) volume(of: 2) } }", "volume", "they have differing arguments"),
        ("{ dog { volume(in: {a: 1}) volume(in: {a: 2}) } }", "volume", "they have differing arguments"),
        ("{ dog { ...F name } } fragment F on Dog { name: age }", "name", "'name' and 'age'"),
        ("{ being { ... on Dog { x: size } ... on Cat { x: size } } }", "x", "types 'Int' and 'String'"),
        ("{ being { ... on Dog { x: barks } ... on Cat { x: meows } } }", "x", "'Boolean!' and 'Boolean'"),
        ("{ being { ... on Dog { x: tags } ... on Cat { x: name } } }", "x", "'[String]' and 'String!'"),
        ("{ being { x: tags ... on Dog { x: owner { name } } } }", "x", "'tags' and 'owner'"),
        (
            "{ being { name ... on Dog { name: name(upper: true) } } }",
            "name",
            "they have differing arguments",
        ),
        ("{ dog { friend { x: age } friend { x: name } } }", "x", "'age' and 'name'"),
        (
            "{ pet { ... on Dog { x: owner { y: name } } ... on Cat { x: owner { y: pets { name } } } } }",
            "y",
            "'String' and '[Being!]!'",
        ),
        (
            (
                "{ person { pets { friend { ...F } } pets { friend { age: name } } } }"
                " fragment F on Being { age }"
            ),
            "age",
            "'name' and 'age'",
        ),
        (
            "{ a: dog { ...F } } query B { dog { x: age x: size } } fragment F on Dog { friend { age } }",
            "x",
            "'age' and 'size' are different fields",
        ),
    ],
)
def test_fields_that_conflict(text: str, name: str, reason: str) -> None:
    (message,) = set(messages(text))

    assert message.startswith(f"Fields '{name}' conflict because ")
    assert reason in message
    assert message.endswith(f". {merging.ADVICE}")
    assert messages(text, OverlappingFieldsCanBeMergedRule) != []


def test_fragments_that_spread_each_other_end() -> None:
    text = "{ dog { ...F } } fragment F on Dog { friend { ...G } } fragment G on Being { friend { ...G } }"
    assert messages(text) == []


def calls_of(run: Callable[[], object]) -> int:
    """The number of calls of functions in Python while something runs."""
    count = 0

    def called(_: object, event: str, __: object) -> None:
        nonlocal count
        count += event == "call"

    before = sys.getprofile()
    sys.setprofile(called)
    try:
        run()
    finally:
        sys.setprofile(before)
    return count


def fragments(count: int) -> str:
    """Fragments that all select the same field."""
    spreads = " ".join(f"...F{number}" for number in range(count))
    return f"{{ {spreads} }}" + "".join(
        f"fragment F{n} on Query {{ a: dog {{ name }} }}" for n in range(count)
    )


def chain(count: int) -> str:
    """Fragments that each select the next under two names."""
    links = (
        f"fragment F{n} on Being {{ a: friend {{ ...F{n + 1} }} b: friend {{ ...F{n + 1} }} }}"
        for n in range(count)
    )
    return f"{{ being {{ ...F0 }} }}{''.join(links)} fragment F{count} on Being {{ age }}"


@pytest.mark.parametrize(
    "document",
    [
        lambda count: "{ " + "dog { name } " * count + "}",
        lambda count: "{ dog { " + "volume(at: [1, 2, 3]) " * count + "} }",
        lambda count: "{ being { " + "... on Dog { name } ... on Cat { name } " * count + "} }",
        fragments,
        chain,
    ],
)
def test_the_work_grows_with_the_document(document: Callable[[int], str]) -> None:
    def work(parsed: DocumentNode) -> int:
        return calls_of(lambda: validate(SCHEMA, parsed, [MergeableFields]))

    small, large = parse(document(10)), parse(document(40))
    assert validate(SCHEMA, large, [MergeableFields]) == []
    assert work(large) < 4.5 * work(small)


def test_combinations_of_fragments_beyond_the_limit_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(merging, "MAX_VISITS", 100)
    (error,) = validate(SCHEMA, parse("{ " + "dog { name } " * 60 + "} "), [MergeableFields])

    assert error.message == "The document has more than 100 fields once every fragment is written out."
    assert error.extensions == {"code": "TOO_COMPLEX", "limit": "fields", "maximum": 100}
