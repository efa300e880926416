"""What is inside images, as far as their scans know it: fields of `Manifest`."""

from typing import Annotated

import strawberry

from resolvers.advisories.severity import Severity
from resolvers.manifests.manifest import ManifestRecord
from resolvers.scan.bills import BillState
from resolvers.scan.package import Ecosystem
from resolvers.scan.packages import PackageFilter
from resolvers.scan.state import ScanState
from resolvers.scan.vulnerabilities import VulnerabilityFilter
from schema.connections import After, Connection, First, connect, page
from schema.context import Info
from schema.limits import WEIGHT
from schema.scan.advisory import (
    ImageVulnerability,
    VulnerabilitySummary,
    to_image_vulnerability,
    to_vulnerability_summary,
)
from schema.scan.bill import AttachedSbom, PackageSource, SbomFormat
from schema.scan.file import ImageFile, to_image_file
from schema.scan.scan import ImagePackage, ManifestScan, to_image_package

Source = Annotated[
    PackageSource | None,
    strawberry.argument(description="Only those that scans found, or those that bills alone name."),
]


@strawberry.type
class Scanned:
    """What a manifest has of its scan: fields of `Manifest`."""

    record: strawberry.Private[ManifestRecord]

    @strawberry.field(
        description="How far it is known what is in it; null where nothing is scanned. What is no image is"
        " `UNSUPPORTED`."
    )
    async def scan(self, info: Info) -> ManifestScan | None:
        if not info.context.context.site.has("SECURITY_SCANNER"):
            return None
        record = await info.context.loaders.scans.load(self.record.id)
        return ManifestScan(manifest_id=self.record.id, record=record)

    @strawberry.field(
        description="The packages of an image by name, each as often as files note it, and those that only"
        " bills of materials attached to it name. Null unless it is scanned, which `scan` says, or has such a"
        " bill, and for an index without one, whose images have them."
    )
    async def packages(
        self,
        info: Info,
        first: First = 50,
        after: After = None,
        search: Annotated[
            str | None,
            strawberry.argument(
                description="Only those with this in their name, in small or capital letters."
            ),
        ] = None,
        ecosystem: Annotated[
            Ecosystem | None, strawberry.argument(description="Only those of this ecosystem.")
        ] = None,
        source: Source = None,
    ) -> Connection[ImagePackage] | None:
        if not await self._has_packages(info, source):
            return None
        key = (self.record.id, page(first, after), PackageFilter(search, ecosystem, source))
        return connect(await info.context.loaders.packages.load(key), to_image_package)

    @strawberry.field(
        description="What advisories say of the packages of an image, the worst first, as often as `packages`"
        " has these; null where that is."
    )
    async def vulnerabilities(
        self,
        info: Info,
        first: First = 50,
        after: After = None,
        min_severity: Annotated[
            Severity | None, strawberry.argument(description="Only those of this severity, or worse.")
        ] = None,
        fixable: Annotated[
            bool | None,
            strawberry.argument(description="Only those that a version fixes; if false, all others."),
        ] = None,
        suppressed: Annotated[
            bool | None,
            strawberry.argument(description="Only those that do not count; if false, all others."),
        ] = None,
        source: Source = None,
    ) -> Connection[ImageVulnerability] | None:
        if not await self._has_packages(info, source):
            return None
        chosen = VulnerabilityFilter(min_severity, fixable, suppressed, source)
        key = (self.record.id, page(first, after), chosen)
        return connect(await info.context.loaders.vulnerabilities.load(key), to_image_vulnerability)

    @strawberry.field(
        description="How many vulnerabilities it has; of an index, what those of its images come to. Null"
        " unless it is scanned, or has a bill of materials attached to it."
    )
    async def vulnerability_summary(self, info: Info) -> VulnerabilitySummary | None:
        if not await self._is_scanned(info) and not await self._has_bill(info):
            return None
        found = await info.context.loaders.vulnerability_summaries.load(self.record.id)
        return to_vulnerability_summary(found)

    @strawberry.field(
        description="The bills of materials in SPDX and CycloneDX that are attached to it, the newest first;"
        " at most 100. Null where nothing is scanned."
    )
    async def attached_sboms(self, info: Info) -> list[AttachedSbom] | None:
        if not info.context.context.site.has("SECURITY_SCANNER"):
            return None
        return [AttachedSbom(record=bill) for bill in await info.context.loaders.bills.load(self.record.id)]

    @strawberry.field(
        description="What a scan found in an image as a bill of materials, in SPDX 2.3 or CycloneDX 1.6: the"
        " text of a document of JSON, the same for the same scan. Null unless it is scanned, which `scan`"
        " says, and for an index, whose images have one each; null with an error beyond the packages that one"
        " request writes."
    )
    async def sbom(
        self,
        info: Info,
        format: Annotated[SbomFormat, strawberry.argument(description="The format.")],
    ) -> str | None:
        if self.record.is_index or not await self._is_scanned(info):
            return None
        return await info.context.loaders.sboms.load((self.record.id, format))

    @strawberry.field(
        description="What is in a directory of an image, as its layers combine to it, by name. Null unless it"
        " is scanned, which `scan` says, and for an index, whose images have files; null with an error if"
        " `path` is no directory of it. A page may have less than `first` while more follows: where layers"
        " take away 100,000 files in a row. `totalCount` is null.",
        metadata={WEIGHT: 50},
    )
    async def files(
        self,
        info: Info,
        path: Annotated[
            str,
            strawberry.argument(
                description="The path of the directory, such as `usr/lib`; that of the root if not given."
                " Links are not followed."
            ),
        ] = "",
        first: First = 50,
        after: After = None,
    ) -> Connection[ImageFile] | None:
        if self.record.is_index or not await self._is_scanned(info):
            return None
        found = await info.context.loaders.files.load((self.record.id, path, page(first, after)))
        return connect(found, to_image_file) if found else None

    async def _has_packages(self, info: Info, source: PackageSource | None) -> bool:
        """Whether packages of a source, or of any, are known."""
        if source is not PackageSource.SBOM and not self.record.is_index and await self._is_scanned(info):
            return True
        return source is not PackageSource.FOUND and await self._has_bill(info)

    async def _has_bill(self, info: Info) -> bool:
        if not info.context.context.site.has("SECURITY_SCANNER"):
            return False
        return any(
            bill.state is BillState.READ for bill in await info.context.loaders.bills.load(self.record.id)
        )

    async def _is_scanned(self, info: Info) -> bool:
        if not info.context.context.site.has("SECURITY_SCANNER"):
            return False
        return (await info.context.loaders.scans.load(self.record.id)).state is ScanState.SCANNED
