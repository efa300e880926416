"""Records of advisories: what is made of them, and what is said of bad ones."""

from typing import Any

import orjson
import pytest

from resolvers.advisories.affected import Concerned
from resolvers.advisories.osv import BadRecord, Record, outline, parse
from resolvers.advisories.severity import Severity
from tests.resolvers.advisories.records import SCORE_7_5, SCORE_9_3, SCORE_9_8, concerned, record


def read(**changes: Any) -> Record:
    return parse(outline(orjson.dumps(record(**changes))))


def test_a_record_is_read_with_its_package_and_severity() -> None:
    found = read(
        upstream=["CVE-2026-1"], details="x" * 5_000 + "\0", affected=[concerned(versions=["1.0", "9"])]
    )

    assert (found.id, found.aliases, found.related) == ("TEST-1", ("CVE-TEST-1",), ("CVE-2026-1",))
    assert (found.severity, found.score, found.vector) == (Severity.CRITICAL, 9.8, SCORE_9_8)
    assert (found.published_at_ms, found.modified_at_ms) == (1767225600000, 1767323045000)
    assert (len(found.details), found.details[-1]) == (4_000, "…")
    (one,) = found.affected
    # Of the listed versions that alone is kept which the span does not say.
    assert (one.spans, one.versions) == ([("0", "1.2-3", None)], ["9"])


@pytest.mark.parametrize(
    ("given", "severity", "score"),
    [
        ({"severity": [{"type": "CVSS_V4", "score": SCORE_9_3}]}, "Critical", 9.3),
        ({"severity": [{"type": "CVSS_V2", "score": SCORE_7_5}]}, "High", 7.5),
        (
            {"severity": [{"type": "CVSS_V4", "score": SCORE_9_3}, {"type": "CVSS_V3", "score": SCORE_9_8}]},
            "Critical",
            9.8,
        ),
        ({"severity": [{"type": "CVSS_V3", "score": "CVSS:3.1/AV:X"}]}, "Unknown", None),
        (
            {"severity": [{"type": "CVSS_V3", "score": SCORE_9_8}, {"type": "Ubuntu", "score": "low"}]},
            "Low",
            9.8,
        ),
        ({"severity": None, "database_specific": {"severity": "MODERATE"}}, "Medium", None),
        ({"severity": None, "database_specific": {"severity": "MIXED"}}, "Unknown", None),
        ({"severity": None}, "Unknown", None),
        ({"affected": [concerned(ecosystem_specific={"urgency": "unimportant"})]}, "Negligible", 9.8),
        (
            {"affected": [concerned(severity=[{"type": "CVSS_V2", "score": SCORE_7_5}])]},
            "High",
            9.8,
        ),
    ],
)
def test_severity_is_by_the_distribution_then_by_vectors_then_by_words(
    given: dict[str, Any], severity: str, score: float | None
) -> None:
    found = read(**given)

    assert (found.affected[0].severity.value, found.score) == (severity, score)


@pytest.mark.parametrize(
    ("events", "spans"),
    [
        ([("introduced", "0"), ("fixed", "2")], [("0", "2", None)]),
        ([("introduced", "1"), ("last_affected", "2")], [("1", None, "2")]),
        ([("introduced", "1")], [("1", None, None)]),
        (
            [("fixed", "10"), ("introduced", "9"), ("fixed", "2"), ("introduced", "0")],
            [("0", "2", None), ("9", "10", None)],
        ),
        ([("introduced", "1"), ("introduced", "2"), ("fixed", "3"), ("fixed", "4")], [("1", "3", None)]),
        ([("fixed", "3")], []),
    ],
)
def test_events_become_spans_in_order(
    events: list[tuple[str, str]], spans: list[tuple[str, str | None, str | None]]
) -> None:
    found = read(affected=[concerned("npm", "flaw", *events)])

    assert [span for one in found.affected for span in one.spans] == spans


def test_a_version_is_in_a_span_up_to_what_fixes_it() -> None:
    spans = [("1", None, "1.5"), ("1.2", "1.4", None), ("2", None, None)]
    found = Concerned("npm", spans)

    assert found.span_with("0.9") is None
    assert found.span_with("1.0.0") == found.span_with("1.5.0") == spans[0]
    # Rather that which tells of a fix
    assert found.span_with("1.3.9") == spans[1]
    assert found.span_with("1.4.0") == spans[0]
    assert found.span_with("1.5.1") is None
    assert found.span_with("2.0.1") == spans[2]
    assert found.span_with("no version") is None
    assert Concerned("Packagist", [("0", None, None)]).span_with("1") is None


def test_names_and_releases_are_normalized() -> None:
    given = [
        ("PyPI", "Flaw_Lib"),
        ("Ubuntu:22.04:LTS", "flaw"),
        ("Red Hat:enterprise_linux:9::baseos", "flaw"),
    ]

    found = read(affected=[concerned(ecosystem, name) for ecosystem, name in given])

    assert [(one.ecosystem, one.name) for one in found.affected] == [
        ("PyPI", "flaw-lib"),
        ("Ubuntu:22.04", "flaw"),
        ("Red Hat:9", "flaw"),
    ]


def test_a_withdrawn_record_and_one_of_commits_concern_no_package() -> None:
    commits = {"ranges": [{"type": "GIT", "repo": "https://example.com/a", "events": [{"introduced": "0"}]}]}

    assert read(withdrawn="2026-02-01T00:00:00Z").affected == ()
    assert read(affected=[commits]).affected == ()
    assert read(affected=[{"package": {"ecosystem": "npm", "name": "flaw"}} | commits]).affected == ()


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"id": None}, "id must be a text of 1 to 128 printable characters."),
        ({"id": "A\nB"}, "id must be a text of 1 to 128 printable characters."),
        ({"modified": None}, "modified is missing; it must be a time such as 2026-01-31T12:00:00Z."),
        ({"modified": 5}, "modified must be a time such as 2026-01-31T12:00:00Z."),
        ({"withdrawn": "soon"}, "withdrawn must be a time such as 2026-01-31T12:00:00Z."),
        ({"summary": []}, "summary must be a text."),
        ({"aliases": "CVE-1"}, "aliases must be a list."),
        ({"aliases": [5]}, "aliases[0] must be a text."),
        ({"severity": {}}, "severity must be a list."),
        ({"affected": [5]}, "affected[0] must be an object."),
        ({"affected": [{"package": 5}]}, "affected[0].package must be an object."),
        (
            {"affected": [concerned(), concerned("npm", "")]},
            "affected[1].package.name must be a text of 1 to 512 printable characters.",
        ),
        (
            {"affected": [concerned("PyPI", "İ" * 512)]},
            "affected[0].package.name must be a text of 1 to 512 printable characters.",
        ),
        (
            {"affected": [concerned() | {"ranges": [{"type": "SEMVER", "events": [{"fixed": 1}]}]}]},
            "affected[0].ranges[0].events[0].fixed must be a text.",
        ),
        ({"affected": [concerned(versions=[1])]}, "affected[0].versions[0] must be a text."),
    ],
)
def test_a_bad_record_is_refused_with_its_field(changes: dict[str, Any], sentence: str) -> None:
    with pytest.raises(BadRecord) as raised:
        read(**changes)
    assert str(raised.value) == sentence
