"""Figures of charts: what is known of vulnerabilities in all tagged images of a repository or namespace."""

import zlib
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

from resolvers.advisories.severity import SEVERITIES, Severity
from resolvers.scan.state import ScanState
from resolvers.scan.vulnerabilities import SeverityCount
from storage.statements import Row, decode_json


@dataclass(frozen=True, slots=True)
class Figures:
    """Numbers of advisories by severity, and of images.

    `worst` has the scanned images by the worst severity in them, None for those without a vulnerability, and
    `states` all images by the states of their scans.
    """

    advisories: tuple[SeverityCount, ...] = ()
    worst: Mapping[Severity | None, int] = field(default_factory=dict)
    states: Mapping[ScanState, int] = field(default_factory=dict)

    @property
    def is_known(self) -> bool:
        """Whether an image is scanned: without one, the numbers of vulnerabilities say nothing."""
        return bool(self.worst)

    def encode(self) -> str:
        """As JSON, for a row."""
        return orjson.dumps(
            {
                "advisories": [[one.severity.number, one.count, one.fixable] for one in self.advisories],
                "worst": [
                    [None if one is None else one.number, number] for one, number in self.worst.items()
                ],
                "states": {state.value: number for state, number in self.states.items()},
            }
        ).decode()


def figures_of(found: Mapping[str, Any]) -> Figures:
    """What `encode` made."""
    return Figures(
        tuple(
            SeverityCount(SEVERITIES[number], count, fixable)
            for number, count, fixable in found["advisories"]
        ),
        {None if number is None else SEVERITIES[number]: count for number, count in found["worst"]},
        {ScanState(state): count for state, count in found["states"].items()},
    )


@dataclass(slots=True)
class Count:
    """A count under way. `advisories` are by id: the number of the worst severity, and whether all are fixed.

    An advisory in several images, or in several packages of one, counts once.
    """

    advisories: dict[int, tuple[int, bool]] = field(default_factory=dict)
    worst: Counter[int | None] = field(default_factory=Counter)
    states: Counter[ScanState] = field(default_factory=Counter)

    def add(self, advisory_id: int, severity: int, *, is_fixed: bool) -> None:
        """Count an advisory that concerns an image."""
        before = self.advisories.get(advisory_id)
        self.advisories[advisory_id] = (
            (severity, is_fixed) if before is None else (min(before[0], severity), before[1] and is_fixed)
        )

    def include(self, other: "Count") -> None:
        """Count what another count has come to."""
        for advisory_id, (severity, is_fixed) in other.advisories.items():
            self.add(advisory_id, severity, is_fixed=is_fixed)
        self.worst.update(other.worst)
        self.states.update(other.states)

    def figures(self) -> Figures:
        """What it has come to."""
        counts, fixable = Counter[int](), Counter[int]()
        for severity, is_fixed in self.advisories.values():
            counts[severity] += 1
            fixable[severity] += is_fixed
        last = len(SEVERITIES)
        return Figures(
            tuple(
                SeverityCount(SEVERITIES[severity], counts[severity], fixable[severity])
                for severity in sorted(counts)
            ),
            {
                None if severity is None else SEVERITIES[severity]: self.worst[severity]
                for severity in sorted(self.worst, key=lambda one: last if one is None else one)
            },
            {state: self.states[state] for state in ScanState if self.states[state]},
        )

    def packed(self) -> bytes:
        """The advisories, for a row."""
        rows = [(identity, *found) for identity, found in sorted(self.advisories.items())]
        return zlib.compress(orjson.dumps(rows), 1)


def count_of(row: Row) -> Count:
    """The count that a row has as `figures` and `advisories`, which `encode` and `packed` made."""
    figures = figures_of(decode_json(row["figures"]))
    rows = orjson.loads(zlib.decompress(row["advisories"]))
    return Count(
        {advisory_id: (severity, is_fixed) for advisory_id, severity, is_fixed in rows},
        Counter({None if worst is None else worst.number: n for worst, n in figures.worst.items()}),
        Counter(figures.states),
    )
