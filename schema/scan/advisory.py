"""Advisories, and what they say of packages of images."""

from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import strawberry

from resolvers.advisories.vulnerability import AdvisoryRecord
from resolvers.scan.suppression import Suppression as SuppressionRecord
from resolvers.scan.vulnerabilities import ImageVulnerability as ImageVulnerabilityRecord
from resolvers.scan.vulnerabilities import SeverityCount, Summary
from schema.scalars import Digest, optional_datetime, to_datetime
from schema.scan.severity import Severity

if TYPE_CHECKING:
    from schema.scan.scan import ImagePackage


@strawberry.type(description="How bad a vulnerability is by CVSS.")
class CvssRating:
    vector: str = strawberry.field(description="The vector.")
    score: float = strawberry.field(description="Its base score, from 0 to 10.")


@strawberry.type(description="What is known of a vulnerability, as its source tells it.")
class Advisory:
    record: strawberry.Private[AdvisoryRecord]

    @strawberry.field(description="Its name, such as `GHSA-jfh8-c2jp-5v3q` or `DSA-5532-1`.")
    def name(self) -> str:
        return self.record.osv_id

    @strawberry.field(
        description="Other names of it, and of what it was derived from, such as `CVE-2021-44228`; at most"
        " 400."
    )
    def aliases(self) -> list[str]:
        return list(self.record.aliases)

    @strawberry.field(description="What it is about, in one line; empty if its source has none.")
    def summary(self) -> str:
        return self.record.summary

    @strawberry.field(description="What its source says, as Markdown, cut after 4,000 characters.")
    def details(self) -> str:
        return self.record.details

    @strawberry.field(description="What it is about: `details`, or `summary` where there are none.")
    def description(self) -> str:
        return self.record.details or self.record.summary

    @strawberry.field(description="How bad it is in general; in a package it may be judged otherwise.")
    def severity(self) -> Severity:
        return self.record.severity

    @strawberry.field(description="The base score of `vector`, from 0 to 10; null without one.")
    def score(self) -> float | None:
        return self.record.score

    @strawberry.field(description="How it is rated, as a vector of CVSS; null if it is not.")
    def vector(self) -> str | None:
        return self.record.vector

    @strawberry.field(description="How version 3 of CVSS rates it; null if `vector` is of another version.")
    def cvss3(self) -> CvssRating | None:
        vector, score = self.record.vector, self.record.score
        if vector is None or score is None or not vector.startswith("CVSS:3"):
            return None
        return CvssRating(vector=vector, score=score)

    @strawberry.field(description="The first of `links`; null if there is none.")
    def link(self) -> str | None:
        return next(iter(self.record.links), None)

    @strawberry.field(description="Where more is said; at most 20.")
    def links(self) -> list[str]:
        return list(self.record.links)

    @strawberry.field(description="When it was published; null if its source does not say.")
    def published_at(self) -> datetime | None:
        return optional_datetime(self.record.published_at_ms)

    @strawberry.field(description="When its source changed it last.")
    def modified_at(self) -> datetime:
        return to_datetime(self.record.modified_at_ms)


def to_advisory(record: AdvisoryRecord) -> Advisory:
    """An advisory as a GraphQL value."""
    return Advisory(record=record)


@strawberry.type(description="What a document of VEX states of a vulnerability, so that it does not count.")
class Suppression:
    record: strawberry.Private[SuppressionRecord]

    @strawberry.field(description="`not_affected` or `fixed`.")
    def status(self) -> str:
        return self.record.status

    @strawberry.field(description="Such as `vulnerable_code_not_in_execute_path`; null if none is given.")
    def justification(self) -> str | None:
        return self.record.justification

    @strawberry.field(
        description="Why the image is not affected, in prose, cut after 2,000 characters; null if that is not"
        " said."
    )
    def impact_statement(self) -> str | None:
        return self.record.impact

    @strawberry.field(description="When it was stated, as the document has it.")
    def stated_at(self) -> datetime:
        return to_datetime(self.record.stated_at_ms)

    @strawberry.field(description="The name of the account that pushed the document; null if nobody did.")
    def pushed_by(self) -> str | None:
        return self.record.pushed_by

    @strawberry.field(description="The digest of the referrer that has the document.")
    def manifest_digest(self) -> Digest:
        return Digest(self.record.manifest_digest)


@strawberry.type(description="What an advisory says of a package of an image.")
class ImageVulnerability:
    record: strawberry.Private[ImageVulnerabilityRecord]

    @strawberry.field(description="The advisory.")
    def advisory(self) -> Advisory:
        return to_advisory(self.record.vulnerability.advisory)

    @strawberry.field(description="How bad it is in this package.")
    def severity(self) -> Severity:
        return self.record.vulnerability.severity

    @strawberry.field(
        description="The version that fixes it, of the source package in distributions that name these; null"
        " if none is known to."
    )
    def fixed_version(self) -> str | None:
        return self.record.vulnerability.fixed_version

    @strawberry.field(description="The package, at the place where it is noted.")
    def package(self) -> Annotated["ImagePackage", strawberry.lazy("schema.scan.scan")]:
        from schema.scan.scan import to_image_package

        return to_image_package(self.record.package)

    @strawberry.field(
        description="Why it does not count: what a document of VEX that is attached to the image states of it"
        " last; null if it counts."
    )
    def suppression(self) -> Suppression | None:
        found = self.record.suppression
        return Suppression(record=found) if found else None


def to_image_vulnerability(record: ImageVulnerabilityRecord) -> ImageVulnerability:
    """A vulnerability of an image as a GraphQL value."""
    return ImageVulnerability(record=record)


@strawberry.type(description="How many vulnerabilities have a severity.")
class VulnerabilityCount:
    severity: Severity = strawberry.field(description="The severity.")
    count: int = strawberry.field(description="How many advisories have it.")
    fixable_count: int = strawberry.field(description="How many of them are fixed by other versions.")


@strawberry.type(
    description="How many vulnerabilities there are. An advisory about several packages counts once, as what"
    " is worst of it, and as fixable if all of these can be fixed."
)
class VulnerabilitySummary:
    count: int = strawberry.field(description="How many there are.")
    fixable_count: int = strawberry.field(description="How many of them are fixed by other versions.")
    sbom_count: int = strawberry.field(
        description="How many of them are only about packages that attached bills of materials alone name."
    )
    suppressed_count: int = strawberry.field(
        description="How many more do not count, since documents of VEX attached to the image say so."
    )
    worst: Severity | None = strawberry.field(description="The worst severity; null if there are none.")
    severities: list[VulnerabilityCount] = strawberry.field(
        description="By severity, the worst first, at most one entry for each that there is."
    )


def to_vulnerability_counts(counts: Iterable[SeverityCount]) -> list[VulnerabilityCount]:
    """Numbers of advisories by severity as GraphQL values."""
    return [
        VulnerabilityCount(severity=one.severity, count=one.count, fixable_count=one.fixable)
        for one in counts
    ]


def to_vulnerability_summary(summary: Summary) -> VulnerabilitySummary:
    """The numbers of vulnerabilities as a GraphQL value."""
    counts = summary.counts
    return VulnerabilitySummary(
        count=sum(one.count for one in counts),
        fixable_count=sum(one.fixable for one in counts),
        sbom_count=summary.named,
        suppressed_count=summary.suppressed,
        worst=counts[0].severity if counts else None,
        severities=to_vulnerability_counts(counts),
    )
