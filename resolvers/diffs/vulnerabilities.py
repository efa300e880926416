"""Vulnerabilities that are new in the second of two images, gone with the first, or stay."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from resolvers.advisories.severity import SEVERITIES, Severity
from resolvers.advisories.vulnerability import ADVISORY_COLUMNS, AdvisoryRecord, aliases_of, record_of
from resolvers.context import Context
from resolvers.pages import Page, Query, Slice, Term, paginate
from resolvers.scan.packages import DOWNWARDS, IS_JOINED, IS_SHOWN
from resolvers.scan.suppression import IS_SUPPRESSED
from storage.statements import fetch


class VulnerabilityChange(StrEnum):
    """What became of a vulnerability between two images."""

    NEW = "new"
    GONE = "gone"
    STAYING = "staying"


_COMPARED: Final = (
    "(SELECT advisory_id, before_severity, after_severity,"
    " COALESCE(after_severity, before_severity) AS severity,"
    " CASE WHEN before_severity IS NULL THEN 'new' WHEN after_severity IS NULL THEN 'gone' ELSE 'staying' END"
    " AS change FROM (SELECT v.advisory_id,"
    " MIN(CASE WHEN b.manifest_id = ? THEN v.severity ELSE NULL END) AS before_severity,"
    " MIN(CASE WHEN b.manifest_id = ? THEN v.severity ELSE NULL END) AS after_severity"
    f" FROM {DOWNWARDS} CROSS JOIN vulnerability v WHERE b.manifest_id IN (?, ?) AND {IS_JOINED}"
    f" AND v.package_id = fp.package_id AND {IS_SHOWN} AND NOT {IS_SUPPRESSED} GROUP BY v.advisory_id"
    ") judged) compared"
)
"""SQL: the advisories that concern packages of either of two images, and count; it takes their ids twice."""


@dataclass(frozen=True, slots=True)
class ComparedVulnerability:
    """An advisory, and the worst severity that it has in packages of both images; None where it has none."""

    advisory: AdvisoryRecord
    change: VulnerabilityChange
    before: Severity | None
    after: Severity | None


@dataclass(frozen=True, slots=True)
class SeverityChanges:
    """How many advisories of a severity are new, gone or stay. That is the one in the second image, or else
    in the first."""

    severity: Severity
    numbers: dict[VulnerabilityChange, int]


async def counts(images: tuple[int, int]) -> Sequence[SeverityChanges]:
    """The numbers of vulnerabilities of two authorized, scanned images, the worst first; one statement."""
    rows = await fetch(
        f"SELECT severity, change, COUNT(*) AS number FROM {_COMPARED} GROUP BY severity, change"
        " ORDER BY severity",
        *images,
        *images,
    )
    found: dict[int, dict[VulnerabilityChange, int]] = {}
    for row in rows:
        numbers = found.setdefault(row["severity"], dict.fromkeys(VulnerabilityChange, 0))
        numbers[VulnerabilityChange(row["change"])] = int(row["number"])
    return [SeverityChanges(SEVERITIES[severity], numbers) for severity, numbers in found.items()]


async def compared(
    context: Context,
    images: tuple[int, int],
    page: Page,
    *,
    change: VulnerabilityChange | None,
    minimum: Severity | None,
) -> Slice[ComparedVulnerability]:
    """One page of the vulnerabilities of two authorized, scanned images, the worst first; two statements."""
    conditions: list[str] = []
    values: list[int | str] = [*images, *images]
    if change is not None:
        conditions.append("change = ?")
        values.append(change.value)
    if minimum is not None:
        conditions.append("compared.severity <= ?")
        values.append(minimum.number)
    found = await paginate(
        Query(
            f"before_severity, after_severity, change, compared.severity, {ADVISORY_COLUMNS}",
            f"{_COMPARED} JOIN advisory a ON a.id = compared.advisory_id",
            (Term("compared.severity", "severity"), Term("compared.advisory_id", "advisory_id")),
            tuple(conditions),
            tuple(values),
        ),
        page,
        maximum=context.max_first,
    )
    aliases = await aliases_of([row["advisory_id"] for row in found.items])
    return found.of(
        lambda row: ComparedVulnerability(
            record_of(row, aliases.get(row["advisory_id"], ())),
            VulnerabilityChange(row["change"]),
            _severity(row["before_severity"]),
            _severity(row["after_severity"]),
        )
    )


def _severity(number: int | None) -> Severity | None:
    return None if number is None else SEVERITIES[number]
