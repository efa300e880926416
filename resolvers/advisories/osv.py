"""Advisories in the OSV format, https://ossf.github.io/osv-schema/: one JSON object each, as plain data."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeVar

import orjson

from resolvers.advisories import affected, ecosystems, severity
from resolvers.advisories.affected import Span
from resolvers.advisories.severity import Severity
from storage.clock import read_ms

T = TypeVar("T")

MAXIMUM_BYTES: Final = 16 * 1024 * 1024
"""The largest record; the largest real ones have a quarter of that."""
_LONGEST_NAME: Final = 128
_LONGEST_PACKAGE: Final = 512
_LONGEST_ECOSYSTEM: Final = 96
_LONGEST_SUMMARY: Final = 500
_LONGEST_DETAILS: Final = 4_000
_LONGEST_LINK: Final = 1_000
_MOST_NAMES: Final = 200
_MOST_LINKS: Final = 20
_MOST_PACKAGES: Final = 20_000
_RANGES: Final = ("ECOSYSTEM", "SEMVER")
"""Types of ranges of versions; those of commits say nothing of packages."""


class BadRecord(Exception):
    """The record is no advisory; the message names the field, and says what it must be."""


@dataclass(frozen=True, slots=True)
class Affected:
    """A package that an advisory concerns; see `storage.models.advisory.AffectedPackage`."""

    ecosystem: str
    name: str
    severity: Severity
    spans: list[Span]
    versions: list[str]


@dataclass(frozen=True, slots=True)
class Record:
    """An advisory. `related` are names of what it was derived from. A withdrawn one concerns no package."""

    id: str
    aliases: tuple[str, ...]
    related: tuple[str, ...]
    summary: str
    details: str
    severity: Severity
    score: float | None
    vector: str | None
    word: str | None
    links: tuple[str, ...]
    published_at_ms: int | None
    modified_at_ms: int
    withdrawn_at_ms: int | None
    affected: tuple[Affected, ...]


@dataclass(frozen=True, slots=True)
class Outline:
    """What tells whether a record is known already, which is judged before the rest of it is read."""

    id: str
    modified_at_ms: int
    document: dict[str, Any]


def outline(content: bytes) -> Outline:
    """The outline of the advisory that a JSON text holds. Raises `BadRecord`."""
    if len(content) > MAXIMUM_BYTES:
        raise BadRecord(f"It has more than {MAXIMUM_BYTES // 1024 // 1024} MiB.")
    try:
        document = orjson.loads(content)
    except orjson.JSONDecodeError as error:
        raise BadRecord(f"It is not JSON: {error}.") from error
    if not isinstance(document, dict):
        raise BadRecord("It must be a JSON object.")
    identity = _name("id", document.get("id"), _LONGEST_NAME)
    modified = _moment(document, "modified")
    if modified is None:
        raise BadRecord("modified is missing; it must be a time such as 2026-01-31T12:00:00Z.")
    return Outline(identity, modified, document)


def parse(outlined: Outline) -> Record:
    """The whole record. Raises `BadRecord`."""
    document, identity = outlined.document, outlined.id
    withdrawn = _moment(document, "withdrawn")
    vectors = _vectors(document, "")
    counted = severity.of_vectors(vectors)
    word = _word(document)
    found = _severity(vectors, word)
    return Record(
        id=identity,
        aliases=_names(document, "aliases", identity),
        related=_names(document, "upstream", identity),
        summary=_text(document, "summary", _LONGEST_SUMMARY),
        details=_text(document, "details", _LONGEST_DETAILS),
        severity=found,
        score=counted[1] if counted else None,
        vector=counted[0] if counted else None,
        word=word,
        links=tuple(_links(document)),
        published_at_ms=_moment(document, "published"),
        modified_at_ms=outlined.modified_at_ms,
        withdrawn_at_ms=withdrawn,
        affected=() if withdrawn is not None else tuple(_all_affected(document, found)),
    )


def _listed(document: Mapping[str, Any], field: str, kind: type[T], place: str = "") -> list[T]:
    """The items of a list that may be missing. Raises `BadRecord`."""
    value = document.get(field)
    if value is None:
        return []
    if not isinstance(value, list):
        raise BadRecord(f"{place}{field} must be a list.")
    for at, item in enumerate(value):
        if not isinstance(item, kind):
            wanted = "an object" if kind is dict else "a text"
            raise BadRecord(f"{place}{field}[{at}] must be {wanted}.")
    return value


def _objects(document: dict[str, Any], field: str, place: str = "") -> list[dict[str, Any]]:
    return _listed(document, field, dict, place)


def _name(field: str, value: Any, longest: int) -> str:
    """A text that identifies something. Raises `BadRecord`."""
    if not isinstance(value, str) or not 0 < len(value) <= longest or not value.isprintable():
        raise BadRecord(f"{field} must be a text of 1 to {longest} printable characters.")
    return value


def _names(document: dict[str, Any], field: str, identity: str) -> tuple[str, ...]:
    values = _listed(document, field, str)
    if len(values) > _MOST_NAMES:
        raise BadRecord(f"{field} must have at most {_MOST_NAMES} items.")
    named = [_name(f"{field}[{at}]", value, _LONGEST_NAME) for at, value in enumerate(values)]
    return tuple(dict.fromkeys(name for name in named if name != identity))


def _text(document: dict[str, Any], field: str, longest: int) -> str:
    """A text for people, cut. Raises `BadRecord`."""
    value = document.get(field)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise BadRecord(f"{field} must be a text.")
    # PostgreSQL stores no NUL.
    value = value.replace("\0", "\ufffd").strip()
    return value if len(value) <= longest else value[: longest - 1] + "…"


def _moment(document: dict[str, Any], field: str) -> int | None:
    """A time in milliseconds; None if it is missing. Raises `BadRecord`."""
    value = document.get(field)
    if value is None:
        return None
    try:
        # Times without a zone are UTC, as the format says.
        return read_ms(value)
    except (TypeError, ValueError, OverflowError) as error:
        raise BadRecord(f"{field} must be a time such as 2026-01-31T12:00:00Z.") from error


def _links(document: dict[str, Any]) -> Iterator[str]:
    found = 0
    for reference in _objects(document, "references"):
        url = reference.get("url")
        if not isinstance(url, str) or not url.startswith(("https://", "http://")):
            continue
        if len(url) <= _LONGEST_LINK and url.isprintable() and found < _MOST_LINKS:
            found += 1
            yield url


def _vectors(document: dict[str, Any], place: str) -> list[tuple[str, str]]:
    return [
        (item["type"], item["score"])
        for item in _objects(document, "severity", place)
        if isinstance(item.get("type"), str) and isinstance(item.get("score"), str)
    ]


_WORD_FIELDS: Final = ("severity", "urgency", "cvss_severity")


def _word(document: dict[str, Any]) -> str | None:
    """The severity by a word of the source, such as `MODERATE`, if it has one."""
    for holder in ("ecosystem_specific", "database_specific"):
        held = document.get(holder)
        if not isinstance(held, dict):
            continue
        for field in _WORD_FIELDS:
            if severity.of_word(held.get(field)) is not None:
                return str(held[field])
    return None


def _severity(vectors: list[tuple[str, str]], word: str | None) -> Severity:
    """What a distribution says of its own package, else what vectors say, else the word of the source."""
    for kind, value in vectors:
        if not kind.startswith("CVSS") and (own := severity.of_word(value)):
            return own
    counted = severity.of_vectors(vectors)
    if counted is not None:
        return severity.of_score(counted[1])
    return severity.of_word(word) or Severity.UNKNOWN


def _all_affected(document: dict[str, Any], general: Severity) -> Iterator[Affected]:
    items = _objects(document, "affected")
    if len(items) > _MOST_PACKAGES:
        raise BadRecord(f"affected must have at most {_MOST_PACKAGES} items.")
    for at, item in enumerate(items):
        found = _affected(item, f"affected[{at}].", general)
        if found is not None:
            yield found


def _affected(item: dict[str, Any], place: str, general: Severity) -> Affected | None:
    package = item.get("package")
    if package is None:
        # Records about commits alone name no package.
        return None
    if not isinstance(package, dict):
        raise BadRecord(f"{place}package must be an object.")
    ecosystem = ecosystems.key_of(
        _name(f"{place}package.ecosystem", package.get("ecosystem"), _LONGEST_ECOSYSTEM)
    )
    field = f"{place}package.name"
    name = _name(field, package.get("name"), _LONGEST_PACKAGE)
    # Small letters may be more than the capital ones were.
    name = _name(field, ecosystems.name_of(ecosystem, name), _LONGEST_PACKAGE)
    spans = [
        span
        for number, one in enumerate(_objects(item, "ranges", place))
        if one.get("type") in _RANGES
        for span in affected.spans_of(ecosystem, _events(one, f"{place}ranges[{number}]."))
    ]
    versions = affected.outside(ecosystem, spans, _listed(item, "versions", str, place))
    if not spans and not versions:
        return None
    return Affected(
        ecosystem,
        name,
        _own_severity(item, place, general),
        list(dict.fromkeys(spans)),
        [_clean(version) for version in versions],
    )


def _own_severity(item: dict[str, Any], place: str, general: Severity) -> Severity:
    """The severity in one package, which a distribution may judge otherwise."""
    vectors, word = _vectors(item, place), _word(item)
    if word is not None and severity.of_word(word) is Severity.NEGLIGIBLE:
        return Severity.NEGLIGIBLE
    if vectors:
        own = _severity(vectors, word)
        return general if own is Severity.UNKNOWN else own
    if general is Severity.UNKNOWN:
        return severity.of_word(word) or general
    return general


def _events(one: dict[str, Any], place: str) -> list[tuple[str, str]]:
    events: list[tuple[str, str]] = []
    for at, event in enumerate(_objects(one, "events", place)):
        for kind in ("introduced", "fixed", "last_affected"):
            if kind in event:
                value = event[kind]
                if not isinstance(value, str):
                    raise BadRecord(f"{place}events[{at}].{kind} must be a text.")
                events.append((kind, _clean(value)))
    return events


def _clean(version: str) -> str:
    """A version as it can be stored: PostgreSQL stores no NUL."""
    return version.replace("\0", "")
