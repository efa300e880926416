"""Questions the other way round: packages by name and version, and those that advisories concern."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from resolvers.advisories.ecosystems import name_of, rules_of
from resolvers.advisories.versions import Key, NotAVersion, key_of
from resolvers.advisories.vulnerability import AdvisoryRecord, advisories_named
from resolvers.errors import Invalid
from resolvers.scan.having import Packages
from resolvers.scan.package import Ecosystem
from storage.statements import Row, fetch, placeholders

_LONGEST: Final = 512
_MOST: Final = 50_000
"""Packages in as many versions are looked for; whoever may push could make up more of one name."""
_MOST_BOUNDS: Final = 10
_BOUND: Final = re.compile(r"(<=|>=|==|<|>|=)?\s*([^\s,<>=]+)\s*,?\s*")


@dataclass(frozen=True, slots=True)
class Found:
    """What is known by a name: the advisories that have it, at most 100."""

    advisories: tuple[AdvisoryRecord, ...]

    @property
    def ids(self) -> tuple[int, ...]:
        """Their ids."""
        return tuple(one.id for one in self.advisories)


async def search(name: str) -> Found:
    """The advisories with a name, be it their own or another one, that hold. Anybody may ask."""
    return Found(tuple(await advisories_named(name)))


async def packages_concerned(found: Found) -> Packages:
    """The packages that advisories concern; one statement. Raises `Invalid` if they are too many."""
    if not found.ids:
        return Packages(())
    rows = await fetch(
        f"SELECT DISTINCT package_id FROM vulnerability WHERE advisory_id IN ({placeholders(found.ids)})"
        " LIMIT ?",
        *found.ids,
        _MOST + 1,
    )
    return Packages(tuple(row["package_id"] for row in _bounded(rows, "id")))


def _bounded(rows: list[Row], field: str) -> list[Row]:
    if len(rows) > _MOST:
        raise Invalid(f"{field}: more than {_MOST:,} packages have it; ask for fewer.", field=field)
    return rows


async def packages_named(name: str, version_range: str | None, ecosystem: Ecosystem | None) -> Packages:
    """The packages with a name, in versions of a range such as `>=1.2 <1.4`; at most one statement.

    Versions are compared by the rules of the ecosystem of each package. Raises `Invalid` for a range that is
    none, and for a name of too many packages.
    """
    kinds = [ecosystem] if ecosystem else list(Ecosystem)
    bounds = _bounds(version_range, ecosystem) if version_range is not None else []
    if not 0 < len(name) <= _LONGEST or "\0" in name:
        return Packages(())
    names = {kind: name_of(rules_of(kind.value), name) for kind in kinds}
    conditions = " OR ".join(["p.name = ? AND p.ecosystem = ?"] * len(names))
    values = tuple(value for kind, one in names.items() for value in (one, kind.value))
    rows = await fetch(
        f"SELECT p.id, p.ecosystem, p.version FROM package p WHERE {conditions} LIMIT ?", *values, _MOST + 1
    )
    rules = {kind.value: key_of(rules_of(kind.value)) for kind in kinds}
    return Packages(
        tuple(
            row["id"]
            for row in _bounded(rows, "name")
            if _is_in(row["version"], bounds, rules[row["ecosystem"]])
        )
    )


def _bounds(text: str, ecosystem: Ecosystem | None) -> list[tuple[str, str]]:
    """The bounds of a range: comparisons with versions, all of which hold."""
    found: list[tuple[str, str]] = []
    place = 0
    while place < len(text.strip()):
        match = _BOUND.match(text.strip(), place)
        if match is None or len(found) == _MOST_BOUNDS:
            raise Invalid(
                "versionRange: must be comparisons of versions with < <= > >= or =, such as `>=1.2 <1.4`, at"
                f" most {_MOST_BOUNDS} of them.",
                field="versionRange",
            )
        found.append((match[1] or "=", match[2]))
        place = match.end()
    if ecosystem is not None:
        for _, version in found:
            try:
                key_of(rules_of(ecosystem.value))(version)
            except NotAVersion as error:
                raise Invalid(
                    f"versionRange: {version[:100]} is no version of this ecosystem.", field="versionRange"
                ) from error
    return found


def _is_in(version: str, bounds: Sequence[tuple[str, str]], key: Key) -> bool:
    if not bounds:
        return True
    try:
        place = key(version)
        return all(_holds(place, comparison, key(bound)) for comparison, bound in bounds)
    except NotAVersion:
        # It has no place in an order, but may be named.
        return all(comparison in {"=", "=="} and version == bound for comparison, bound in bounds)


def _holds(place: Any, comparison: str, bound: Any) -> bool:
    if comparison in {"=", "=="}:
        return bool(place == bound)
    if comparison.startswith("<"):
        return bool(place < bound or (comparison == "<=" and place == bound))
    return bool(place > bound or (comparison == ">=" and place == bound))
