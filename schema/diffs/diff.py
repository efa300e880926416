"""Differences between two images, by part."""

from collections.abc import Sequence
from typing import Annotated

import strawberry

from resolvers.advisories.severity import Severity
from resolvers.diffs import config, files, layers, packages, vulnerabilities
from resolvers.diffs.diff import OF_SCANS, OFF, Change, Part, content_hindrance, scan_hindrance
from resolvers.diffs.vulnerabilities import VulnerabilityChange
from resolvers.manifests.manifest import ManifestRecord
from resolvers.pages import paginate_list
from resolvers.scan.package import Ecosystem
from resolvers.tags.named import named
from schema.connections import After, Connection, First, connect, page
from schema.context import Info
from schema.diffs.changes import (
    ChangedVulnerability,
    ConfigChange,
    FileChange,
    LayerDiff,
    PackageChange,
    VulnerabilityCounts,
)
from schema.guards import REFUSABLE
from schema.limits import WEIGHT
from schema.manifests.manifest import Manifest, to_manifest
from schema.scalars import Digest, RepositoryPath

strawberry.enum(Part, name="DiffPart", description="A part of a comparison of two images.")


@strawberry.input(description="An image by its repository, and either a tag or a digest.")
class ManifestInput:
    repository: RepositoryPath = strawberry.field(description="Namespace and name, such as `acme/app`.")
    tag: str | None = strawberry.field(default=None, description="The name of a tag.")
    digest: Digest | None = strawberry.field(default=None, description="The digest of a manifest.")


@strawberry.type(description="A part of a comparison that is null, and why.")
class DiffHindrance:
    part: Part = strawberry.field(description="The part.")
    reason: str = strawberry.field(description="Why, as a sentence that names `from` or `to`.")


@strawberry.type(description="The packages that differ between two images.")
class PackageDiff:
    images: strawberry.Private[tuple[int, int]]
    numbers: strawberry.Private[dict[Change, int]]

    @strawberry.field(description="How many packages only `to` has, by ecosystem and name.")
    def added_count(self) -> int:
        return self.numbers[Change.ADDED]

    @strawberry.field(description="How many only `from` has.")
    def removed_count(self) -> int:
        return self.numbers[Change.REMOVED]

    @strawberry.field(description="Of how many both have other versions.")
    def changed_count(self) -> int:
        return self.numbers[Change.CHANGED]

    @strawberry.field(description="These packages, by name.")
    async def changes(
        self,
        info: Info,
        first: First = 50,
        after: After = None,
        change: Annotated[
            Change | None, strawberry.argument(description="Only those that differ so.")
        ] = None,
        ecosystem: Annotated[
            Ecosystem | None, strawberry.argument(description="Only those of this ecosystem.")
        ] = None,
    ) -> Connection[PackageChange]:
        found = await packages.changes(
            info.context.context, self.images, page(first, after), change=change, ecosystem=ecosystem
        )
        return connect(found, lambda record: PackageChange(record=record))


@strawberry.type(
    description="The vulnerabilities of two images: the advisories that concern packages of them, and count."
)
class VulnerabilityDiff:
    images: strawberry.Private[tuple[int, int]]
    numbers: strawberry.Private[Sequence[vulnerabilities.SeverityChanges]]

    def _sum(self, change: VulnerabilityChange) -> int:
        return sum(one.numbers[change] for one in self.numbers)

    @strawberry.field(description="How many only `to` has.")
    def new_count(self) -> int:
        return self._sum(VulnerabilityChange.NEW)

    @strawberry.field(description="How many only `from` has.")
    def gone_count(self) -> int:
        return self._sum(VulnerabilityChange.GONE)

    @strawberry.field(description="How many both have.")
    def staying_count(self) -> int:
        return self._sum(VulnerabilityChange.STAYING)

    @strawberry.field(
        description="By severity, the worst first, at most one entry for each that there is; that in `to`"
        " counts, or of those that are gone the one in `from`."
    )
    def severities(self) -> list[VulnerabilityCounts]:
        return [VulnerabilityCounts(record=one) for one in self.numbers]

    @strawberry.field(description="All of them, the worst first, each once.")
    async def vulnerabilities(
        self,
        info: Info,
        first: First = 50,
        after: After = None,
        change: Annotated[
            VulnerabilityChange | None, strawberry.argument(description="Only those of which this became.")
        ] = None,
        min_severity: Annotated[
            Severity | None, strawberry.argument(description="Only those of this severity, or worse.")
        ] = None,
    ) -> Connection[ChangedVulnerability]:
        found = await vulnerabilities.compared(
            info.context.context, self.images, page(first, after), change=change, minimum=min_severity
        )
        return connect(found, lambda record: ChangedVulnerability(record=record))


@strawberry.type(description="What differs between two images.")
class ManifestDiff:
    before: strawberry.Private[ManifestRecord]
    later: strawberry.Private[ManifestRecord]

    @strawberry.field(name="from", description="The image that is compared.")
    def from_(self) -> Manifest:
        return to_manifest(self.before)

    @strawberry.field(description="The image that it is compared with.")
    def to(self) -> Manifest:
        return to_manifest(self.later)

    @strawberry.field(
        description="The parts that are null, and why: of one of both images that is not known; at most 5."
        " Null with an error beyond the content that one request reads.",
        metadata=REFUSABLE,
    )
    async def hindrances(self, info: Info) -> list[DiffHindrance]:
        found = [(part, await self._hindrance(info, part)) for part in Part]
        return [DiffHindrance(part=part, reason=reason) for part, reason in found if reason]

    @strawberry.field(
        description="What differs in what the images say of how they run, and of what they are for; null if"
        " that is unknown, as `hindrances` says."
    )
    async def config(
        self, info: Info, first: First = 50, after: After = None
    ) -> Connection[ConfigChange] | None:
        if await self._hindrance(info, Part.CONFIG):
            return None
        load = info.context.loaders.configurations.load
        found = config.changes(await load(self.before) or {}, await load(self.later) or {})
        shown = paginate_list(found, page(first, after), maximum=info.context.context.max_first)
        return connect(shown, lambda record: ConfigChange(record=record))

    @strawberry.field(
        description="Which layers are in both images; null if these are unknown, as `hindrances` says."
    )
    async def layers(self, info: Info) -> LayerDiff | None:
        if await self._hindrance(info, Part.LAYERS):
            return None
        load = info.context.loaders.layers.load
        return LayerDiff(record=layers.compare(await load(self.before) or [], await load(self.later) or []))

    @strawberry.field(
        description="The files that differ, by path; null unless both images are scanned, as `hindrances`"
        " says. Directories that no layer lists, but what is in them, are left out. The work of one page is"
        " bounded, so that it may have less than `first`, even none, while more follows. `totalCount` is"
        " null.",
        metadata={WEIGHT: 200},
    )
    async def files(
        self,
        info: Info,
        path: Annotated[
            str,
            strawberry.argument(
                description="Only what is at this path and in it, such as `usr/lib`; all if not given."
            ),
        ] = "",
        first: First = 50,
        after: After = None,
    ) -> Connection[FileChange] | None:
        if await self._hindrance(info, Part.FILES):
            return None
        parts = info.context.loaders.parts
        found = await files.changes(info.context.context, parts, self._ids, path, page(first, after))
        return connect(found, lambda record: FileChange(record=record)) if found else None

    @strawberry.field(
        description="The packages that differ; null unless both images are scanned, as `hindrances` says.",
        metadata={WEIGHT: 20},
    )
    async def packages(self, info: Info) -> PackageDiff | None:
        if await self._hindrance(info, Part.PACKAGES):
            return None
        return PackageDiff(images=self._ids, numbers=await packages.counts(self._ids))

    @strawberry.field(
        description="The vulnerabilities of both; null unless both images are scanned, as `hindrances` says.",
        metadata={WEIGHT: 20},
    )
    async def vulnerabilities(self, info: Info) -> VulnerabilityDiff | None:
        if await self._hindrance(info, Part.VULNERABILITIES):
            return None
        return VulnerabilityDiff(images=self._ids, numbers=await vulnerabilities.counts(self._ids))

    @property
    def _ids(self) -> tuple[int, int]:
        return self.before.id, self.later.id

    async def _hindrance(self, info: Info, part: Part) -> str | None:
        images = (("from", self.before), ("to", self.later))
        if part in OF_SCANS:
            if not info.context.context.site.has("SECURITY_SCANNER"):
                return OFF
            scans = [await info.context.loaders.scans.load(image.id) for _, image in images]
            return scan_hindrance(images, scans)
        reason = content_hindrance(images)
        if part is Part.CONFIG:
            for name, image in images:
                if reason is None and await info.context.loaders.configurations.load(image) is None:
                    reason = f"`{name}` has no configuration of an image that can be read."
        return reason


@strawberry.type
class DiffQuery:
    @strawberry.field(
        description="What differs between two images, which may be of different repositories. Null if one is"
        " not there. Requires `repo:read` on both repositories.",
        metadata=REFUSABLE | {WEIGHT: 10},
    )
    async def manifest_diff(
        self,
        info: Info,
        from_: Annotated[
            ManifestInput, strawberry.argument(name="from", description="The image that is compared.")
        ],
        to: Annotated[ManifestInput, strawberry.argument(description="The image that it is compared with.")],
    ) -> ManifestDiff | None:
        found = [
            await named(
                info.context.context, one.repository, tag_name=one.tag, digest=one.digest, field=field
            )
            for field, one in (("from", from_), ("to", to))
        ]
        if found[0] is None or found[1] is None:
            return None
        return ManifestDiff(before=found[0][1], later=found[1][1])
