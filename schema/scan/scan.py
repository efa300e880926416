"""The scan of an image, and the packages that it found."""

from collections.abc import Mapping
from datetime import datetime

import strawberry

from resolvers.scan.package import Distribution as DistributionRecord
from resolvers.scan.package import Ecosystem, purl_of
from resolvers.scan.packages import ImagePackage as ImagePackageRecord
from resolvers.scan.packages import PackageRecord, advisory_ecosystem
from resolvers.scan.state import Problem, ScanRecord, ScanState
from resolvers.scan.vulnerabilities import ImageVulnerability as ImageVulnerabilityRecord
from schema.connections import After, Connection, First, connect, page
from schema.context import Info
from schema.scalars import Digest, optional_datetime
from schema.scan.advisory import ImageVulnerability, to_image_vulnerability
from schema.scan.bill import PackageSource

strawberry.enum(ScanState, name="ScanState", description="How far it is known what is in an image.")
strawberry.enum(
    Ecosystem,
    name="PackageEcosystem",
    description="Who names and numbers packages, by the types of package URLs.",
)


@strawberry.type(description="A distribution of Linux, as its `os-release` names it.")
class Distribution:
    record: strawberry.Private[DistributionRecord]

    @strawberry.field(description="Its name, such as `debian`.")
    def name(self) -> str:
        return self.record.name

    @strawberry.field(description="Its version, such as `12`; empty where it has none.")
    def version(self) -> str:
        return self.record.version


def to_distribution(record: DistributionRecord | None) -> Distribution | None:
    """A distribution as a GraphQL value."""
    return Distribution(record=record) if record else None


@strawberry.type(description="A file of an image that could not be read for what it holds.")
class ScanProblem:
    record: strawberry.Private[Problem]

    @strawberry.field(description="Its path, without a `/` in front.")
    def path(self) -> str:
        return self.record.path

    @strawberry.field(description="Why, as a sentence.")
    def reason(self) -> str:
        return self.record.reason


@strawberry.type(description="How many images are in a state.")
class ScanCount:
    state: ScanState = strawberry.field(description="The state.")
    count: int = strawberry.field(description="How many are in it.")


def to_scan_counts(numbers: Mapping[ScanState, int]) -> list[ScanCount]:
    """Numbers by state as GraphQL values."""
    return [ScanCount(state=state, count=count) for state, count in numbers.items()]


@strawberry.type(
    description="How far it is known what is in an image. For an index it sums up those that it holds: as"
    " long as one is queued it is, and otherwise what has failed outweighs what was scanned."
)
class ManifestScan:
    manifest_id: strawberry.Private[int]
    record: strawberry.Private[ScanRecord]

    @strawberry.field(description="Where it is.")
    def state(self) -> ScanState:
        return self.record.state

    @strawberry.field(
        description="Where it is itself: an index, which has no packages of its own, is `UNSUPPORTED`."
    )
    def own_state(self) -> ScanState:
        return self.record.state if self.record.images is None else ScanState.UNSUPPORTED

    @strawberry.field(description="Why it is there, as a sentence; null if that says it all.")
    def reason(self) -> str | None:
        return self.record.reason

    @strawberry.field(description="When that was found out; null while it is queued.")
    def scanned_at(self) -> datetime | None:
        return optional_datetime(self.record.scanned_at_ms)

    @strawberry.field(description="The distribution of an image; null if it names none, and for an index.")
    def distribution(self) -> Distribution | None:
        return to_distribution(self.record.distribution)

    @strawberry.field(
        description="How many images of an index are in which state, at most one entry for each state; null"
        " for an image."
    )
    def images(self) -> list[ScanCount] | None:
        if self.record.images is None:
            return None
        return to_scan_counts(self.record.images)

    @strawberry.field(
        description="Files of an image that could not be read, such as a damaged `package.json`; at most 100."
    )
    async def problems(self, info: Info) -> list[ScanProblem]:
        found = await info.context.loaders.scan_problems.load(self.manifest_id)
        return [ScanProblem(record=problem) for problem in found]


@strawberry.type(description="A package of an ecosystem, in one version.")
class Package:
    record: strawberry.Private[PackageRecord]

    @strawberry.field(description="Who names and numbers it.")
    def ecosystem(self) -> Ecosystem:
        return self.record.package.ecosystem

    @strawberry.field(
        description="Its name as advisories write it: `@scope/name` of npm, `group:artifact` of Maven."
    )
    def name(self) -> str:
        return self.record.package.name

    @strawberry.field(description="Its version.")
    def version(self) -> str:
        return self.record.package.version

    @strawberry.field(description="The source package that it was built from; null if that has its name.")
    def source_name(self) -> str | None:
        return self.record.package.source_name

    @strawberry.field(description="The version of the source package; null if that has its name and version.")
    def source_version(self) -> str | None:
        return self.record.package.source_version

    @strawberry.field(description="The processor that it is for; null if it says none.")
    def architecture(self) -> str | None:
        return self.record.package.architecture

    @strawberry.field(
        description="The distribution that it is of; null where versions mean the same everywhere, and if the"
        " image names none."
    )
    def distribution(self) -> Distribution | None:
        return to_distribution(self.record.distribution)

    @strawberry.field(
        description="The ecosystem whose advisories are about it, such as `Debian:12` or `PyPI`; null if"
        " none is known."
    )
    def advisory_ecosystem(self) -> str | None:
        return advisory_ecosystem(self.record)

    @strawberry.field(description="Its package URL, such as `pkg:deb/debian/openssl@3.0.15-1?arch=amd64`.")
    def purl(self) -> str:
        return purl_of(self.record.package, self.record.distribution)


@strawberry.type(description="A package of an image, at the place where it is noted.")
class ImagePackage:
    record: strawberry.Private[ImagePackageRecord]

    @strawberry.field(description="The package.")
    def package(self) -> Package:
        return Package(record=self.record.found)

    @strawberry.field(description="Whence it is known.")
    def source(self) -> PackageSource:
        return self.record.source

    @strawberry.field(
        description="The digest of the manifest with the bill of materials that names it, the newest of"
        " several; null if none does."
    )
    async def sbom_manifest_digest(self, info: Info) -> Digest | None:
        digest = self.record.bill_digest
        if digest is None:
            digest = await info.context.loaders.naming_bills.load(self.record)
        return Digest(digest) if digest else None

    @strawberry.field(
        description="The file that notes it, without a `/` in front; null if a bill alone names it."
    )
    def path(self) -> str | None:
        return self.record.place.path if self.record.place else None

    @strawberry.field(
        description="The digest of the layer whose version of that file the image has; null as `path`."
    )
    def layer_digest(self) -> Digest | None:
        return Digest(self.record.place.layer_digest) if self.record.place else None

    @strawberry.field(
        description="The digest of the layer since which, from the bottom up, the file has noted it; null as"
        " `path`."
    )
    def added_by(self) -> Digest | None:
        return Digest(self.record.place.added_by) if self.record.place else None

    @strawberry.field(description="What advisories say of it, the worst first.")
    async def vulnerabilities(
        self, info: Info, first: First = 50, after: After = None
    ) -> Connection[ImageVulnerability]:
        key = (self.record.found.id, page(first, after))
        found = await info.context.loaders.package_vulnerabilities.load(key)
        place = (self.record.manifest_id, self.record.found.id)
        reasons = await info.context.loaders.package_suppressions.load(place)
        return connect(
            found,
            lambda one: to_image_vulnerability(
                ImageVulnerabilityRecord(one, self.record, reasons.get(one.advisory.id))
            ),
        )

    @strawberry.field(
        description="The base scores of the advisories about it, the worst of these first; at most 1,000."
    )
    async def cvss_scores(self, info: Info) -> list[float]:
        return (await info.context.loaders.package_ratings.load(self.record.found.id)).scores

    @strawberry.field(
        description="The names of CVE of the advisories about it, the worst first; at most 1,000."
    )
    async def cve_names(self, info: Info) -> list[str]:
        return (await info.context.loaders.package_ratings.load(self.record.found.id)).cve_names


def to_image_package(record: ImagePackageRecord) -> ImagePackage:
    """A package of an image as a GraphQL value."""
    return ImagePackage(record=record)
