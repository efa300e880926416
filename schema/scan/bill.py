"""Bills of materials that somebody attached to images."""

import strawberry

from resolvers.sbom.sbom import SbomFormat
from resolvers.scan.bills import BillRecord, BillState
from resolvers.scan.packages import PackageSource
from schema.scalars import Digest

__all__ = ["AttachedSbom", "PackageSource", "SbomFormat"]

# Before any type uses them.
strawberry.enum(
    SbomFormat,
    name="SbomFormat",
    description="A format of bills of materials: SPDX or CycloneDX, as JSON.",
)
strawberry.enum(
    PackageSource,
    name="PackageSource",
    description="Whence it is known that an image has a package.",
)
strawberry.enum(
    BillState,
    name="AttachedSbomState",
    description="How far a bill of materials is that is attached to an image.",
)


@strawberry.type(
    description="A bill of materials that somebody who may push to the repository has attached to an image."
)
class AttachedSbom:
    record: strawberry.Private[BillRecord]

    @strawberry.field(description="The digest of the manifest that attaches it.")
    def digest(self) -> Digest:
        return Digest(self.record.manifest_digest)

    @strawberry.field(description="Its format; null unless it was read.")
    def format(self) -> SbomFormat | None:
        return SbomFormat(self.record.format) if self.record.format else None

    @strawberry.field(description="The version of its format, such as `2.3`; null unless it was read.")
    def version(self) -> str | None:
        return self.record.version

    @strawberry.field(description="How many packages it names, those that scans found among them.")
    def package_count(self) -> int:
        return self.record.package_count

    @strawberry.field(description="How far it is.")
    def state(self) -> BillState:
        return self.record.state

    @strawberry.field(
        description="Why it could not be read, or what of it was left out; null if that says it all."
    )
    def reason(self) -> str | None:
        return self.record.reason

    @strawberry.field(description="The name of the account that pushed it; null if nobody did.")
    def pushed_by(self) -> str | None:
        return self.record.pushed_by
