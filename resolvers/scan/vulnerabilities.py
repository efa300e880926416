"""Vulnerabilities of images: which there are, how many, and which images have one."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from resolvers.advisories.severity import SEVERITIES, Severity
from resolvers.advisories.vulnerability import Vulnerability, advisories_of, vulnerability_of
from resolvers.context import Context
from resolvers.manifests.manifest import held_by
from resolvers.pages import Page, Query, Slice, Term, paginate_each
from resolvers.scan.packages import (
    ATTACHED,
    COLUMNS,
    CONTENTS,
    DOWNWARDS,
    IS_ATTACHED,
    IS_JOINED,
    IS_SHOWN,
    ORDER,
    ImagePackage,
    PackageSource,
    image_packages,
    is_of,
    key_of,
    with_packages,
)
from resolvers.scan.suppression import IS_SUPPRESSED, Suppression, suppressions_of
from storage.statements import fetch


@dataclass(frozen=True, slots=True)
class VulnerabilityFilter:
    """Conditions on vulnerabilities; None means any. `is_fixable` is whether a version fixes it.

    `is_suppressed` is whether it does not count, since a document of VEX says so.
    """

    minimum: Severity | None = None
    is_fixable: bool | None = None
    is_suppressed: bool | None = None
    source: PackageSource | None = None

    def conditions(self) -> tuple[list[str], list[int]]:
        """SQL conditions on `v` and `b`, and their values."""
        conditions, values = is_of(self.source), []
        if self.minimum is not None:
            conditions.append("v.severity <= ?")
            values.append(self.minimum.number)
        if self.is_fixable is not None:
            conditions.append(f"v.fixed_version IS {'NOT ' if self.is_fixable else ''}NULL")
        if self.is_suppressed is not None:
            conditions.append(IS_SUPPRESSED if self.is_suppressed else f"NOT {IS_SUPPRESSED}")
        return conditions, values


@dataclass(frozen=True, slots=True)
class ImageVulnerability:
    """A vulnerability of a package of an image, and why it does not count if it does not."""

    vulnerability: Vulnerability
    package: ImagePackage
    suppression: Suppression | None = None


async def vulnerabilities_of(
    context: Context, manifest_ids: Sequence[int], page: Page, chosen: VulnerabilityFilter
) -> dict[int, Slice[ImageVulnerability]]:
    """One page of the vulnerabilities of each of some authorized images, the worst first.

    A package that several files note, or several bills alone name, has them as often. Six statements, and two
    more where documents of VEX are attached. What is long is read for the rows of the pages alone.
    """
    conditions, values = chosen.conditions()
    found = await paginate_each(
        Query(
            f"{COLUMNS}, b.package_id, v.severity, v.fixed_version, v.advisory_id",
            f"{CONTENTS} JOIN vulnerability v ON v.package_id = b.package_id",
            (Term("v.severity", "severity"), Term("v.advisory_id", "advisory_id"), *ORDER),
            tuple(conditions),
            tuple(values),
        ),
        "b.manifest_id",
        manifest_ids,
        page,
        maximum=context.max_first,
    )
    rows = [row for slice_ in found.values() for row in slice_.items]
    packages = await image_packages(await with_packages(rows))
    advisories = await advisories_of(row["advisory_id"] for row in rows)
    reasons = await suppressions_of([(row["manifest_id"], row["package_id"]) for row in rows])
    return {
        identity: slice_.of(
            lambda row: ImageVulnerability(
                vulnerability_of(row, advisories),
                packages[key_of(row)],
                reasons.get((row["manifest_id"], row["package_id"]), {}).get(row["advisory_id"]),
            )
        )
        for identity, slice_ in found.items()
    }


@dataclass(frozen=True, slots=True)
class SeverityCount:
    """How many advisories concern packages of an image with a severity, and of how many all are fixed."""

    severity: Severity
    count: int
    fixable: int


@dataclass(frozen=True, slots=True)
class Summary:
    """The numbers of vulnerabilities, the worst first, and how many more advisories do not count.

    `named` of them are about packages that bills of materials alone name.
    """

    counts: tuple[SeverityCount, ...] = ()
    suppressed: int = 0
    named: int = 0


async def summaries_of(manifest_ids: Sequence[int]) -> dict[int, Summary]:
    """The numbers of vulnerabilities of images, and of indexes those of what they hold; one statement.

    An advisory that concerns several packages counts once, with the worst severity, and as fixable if all of
    these can be fixed. Packages in which it is suppressed are left out; it is if it is in all of them.
    """
    rows = await fetch(
        f"{held_by(manifest_ids)} SELECT root, severity, COUNT(*) AS number,"
        " SUM(CASE WHEN unfixed = 0 THEN 1 ELSE 0 END) AS fixable, SUM(is_named) AS named FROM ("
        " SELECT root, advisory_id, MIN(CASE WHEN hidden THEN NULL ELSE severity END) AS severity,"
        " SUM(CASE WHEN hidden OR fixed_version IS NOT NULL THEN 0 ELSE 1 END) AS unfixed,"
        " MIN(CASE WHEN hidden THEN NULL ELSE is_named END) AS is_named FROM ("
        " SELECT b.root, b.is_named, v.advisory_id, v.severity, v.fixed_version,"
        f" {IS_SUPPRESSED} AS hidden FROM ("
        "SELECT h.root, b.manifest_id, fp.package_id, 0 AS is_named FROM held h CROSS JOIN manifest_scan s"
        f" CROSS JOIN {DOWNWARDS} WHERE s.manifest_id = h.id AND s.state = 'scanned'"
        f" AND b.manifest_id = h.id AND {IS_JOINED} AND {IS_SHOWN} UNION ALL"
        f" SELECT h.root, i.id, sp.package_id, 1 FROM held h CROSS JOIN {ATTACHED}"
        f" WHERE i.id = h.id AND {IS_ATTACHED} AND sp.is_found = FALSE"
        ") b CROSS JOIN vulnerability v WHERE v.package_id = b.package_id"
        " ) judged GROUP BY root, advisory_id) counted GROUP BY root, severity ORDER BY root, severity",
        *manifest_ids,
    )
    counts: dict[int, list[SeverityCount]] = {identity: [] for identity in manifest_ids}
    suppressed: dict[int, int] = {}
    named: Counter[int] = Counter()
    for row in rows:
        if row["severity"] is None:
            suppressed[row["root"]] = int(row["number"])
        else:
            one = SeverityCount(SEVERITIES[row["severity"]], int(row["number"]), int(row["fixable"]))
            counts[row["root"]].append(one)
            named[row["root"]] += int(row["named"])
    return {
        identity: Summary(tuple(some), suppressed.get(identity, 0), named[identity])
        for identity, some in counts.items()
    }
