"""Questions the other way round: which images have a vulnerability."""

from datetime import datetime
from typing import Annotated

import strawberry

from resolvers.manifests.manifest import ManifestRecord
from resolvers.scan import having, search
from resolvers.scan.having import ImageFilter, Packages
from resolvers.scan.package import Ecosystem
from resolvers.scan.search import Found
from schema.connections import After, Connection, First, connect, page
from schema.context import Info
from schema.manifests.manifest import Manifest, to_manifest
from schema.repositories.repository import Repository, to_judged_repository
from schema.scalars import to_milliseconds
from schema.scan.advisory import Advisory, to_advisory
from schema.scan.bill import PackageSource
from schema.scan.scan import Package


@strawberry.type
class _Image:
    """What all images have that were found."""

    record: strawberry.Private[ManifestRecord]
    wanted: strawberry.Private[Packages]

    @strawberry.field(description="The image.")
    def manifest(self) -> Manifest:
        return to_manifest(self.record)

    @strawberry.field(
        description="Whence it is known that it has one of the packages; `SBOM` if no scan has found any of"
        " them."
    )
    async def source(self, info: Info) -> PackageSource:
        return await info.context.loaders.found_sources.load((self.record.id, self.wanted))

    @strawberry.field(description="The repository that holds it.")
    async def repository(self, info: Info) -> Repository:
        return to_judged_repository(await info.context.loaders.repositories.load(self.record.repository_id))


PulledSince = Annotated[
    datetime | None,
    strawberry.argument(description="Only those that were pulled since, by tag or by digest."),
]


@strawberry.type(description="An image that was found, and its repository.")
class FoundImage(_Image):
    found: strawberry.Private[Found]

    @strawberry.field(
        description="Whether none of these advisories counts in it, since documents of VEX that are attached"
        " to it say so."
    )
    async def is_suppressed(self, info: Info) -> bool:
        return await info.context.loaders.suppressed_images.load((self.record.id, self.found.ids))


@strawberry.type(description="What is known by the name of a vulnerability, and which images it concerns.")
class VulnerabilitySearch:
    found: strawberry.Private[Found]

    @strawberry.field(description="The advisories with this name; at most 100.")
    def advisories(self) -> list[Advisory]:
        return [to_advisory(record) for record in self.found.advisories]

    @strawberry.field(
        description="Images with packages that these advisories concern, the newest first: those that you may"
        " see, and that have a tag now, or whose index has one."
    )
    async def images(
        self,
        info: Info,
        first: First = 50,
        after: After = None,
        pulled_since: PulledSince = None,
        suppressed: Annotated[
            bool | None,
            strawberry.argument(
                description="Only those in which none of these advisories counts; if false, all others."
            ),
        ] = None,
    ) -> Connection[FoundImage]:
        wanted = await search.packages_concerned(self.found)
        found = await having.images_with(
            info.context.context,
            wanted,
            page(first, after),
            ImageFilter(_milliseconds(pulled_since), suppressed, self.found.ids),
        )
        return connect(found, lambda record: FoundImage(record=record, wanted=wanted, found=self.found))


@strawberry.type(description="An image with packages that were looked for, and its repository.")
class FoundPackageImage(_Image):
    @strawberry.field(description="Those of the packages that it has, each once; at most 100.")
    async def packages(self, info: Info) -> list[Package]:
        found = await info.context.loaders.found_packages.load((self.record.id, self.wanted))
        return [Package(record=record) for record in found]


@strawberry.type(description="Which images have packages of a name.")
class PackageSearch:
    wanted: strawberry.Private[Packages]

    @strawberry.field(
        description="Images with these packages, the newest first: those that you may see, and that have a"
        " tag now, or whose index has one."
    )
    async def images(
        self, info: Info, first: First = 50, after: After = None, pulled_since: PulledSince = None
    ) -> Connection[FoundPackageImage]:
        found = await having.images_with(
            info.context.context,
            self.wanted,
            page(first, after),
            ImageFilter(pulled_since_ms=_milliseconds(pulled_since)),
        )
        return connect(found, lambda record: FoundPackageImage(record=record, wanted=self.wanted))


def _milliseconds(moment: datetime | None) -> int | None:
    return to_milliseconds(moment) if moment else None


@strawberry.type
class VulnerabilityQuery:
    @strawberry.field(
        description="Which images have a package, by its name as `Package.name` has it. Anybody may ask."
    )
    async def package_search(
        self,
        name: Annotated[str, strawberry.argument(description="The name, all of it.")],
        version_range: Annotated[
            str | None,
            strawberry.argument(
                description="Only versions for which all of these comparisons hold, such as `>=1.2 <1.4` or"
                " `1.2.3`, by the rules of the package's ecosystem; at most 10 of them."
            ),
        ] = None,
        ecosystem: Annotated[
            Ecosystem | None, strawberry.argument(description="Only packages of this ecosystem.")
        ] = None,
    ) -> PackageSearch:
        return PackageSearch(wanted=await search.packages_named(name, version_range, ecosystem))

    @strawberry.field(
        description="Which images have a vulnerability, by the name of an advisory or by another name of it,"
        " such as `CVE-2021-44228`. Anybody may ask."
    )
    async def vulnerability_search(
        self,
        id: Annotated[str, strawberry.argument(description="The name, as its source writes it.")],
    ) -> VulnerabilitySearch:
        return VulnerabilitySearch(found=await search.search(id))
