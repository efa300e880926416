"""Questions the other way round: which images have a vulnerability."""

from datetime import datetime
from typing import Annotated

import strawberry

from resolvers.manifests.manifest import ManifestRecord
from resolvers.scan import search
from resolvers.scan.package import Ecosystem
from resolvers.scan.packages import PackageRecord
from resolvers.scan.search import Found, Packages
from schema.connections import After, Connection, First, connect, page
from schema.context import Info
from schema.manifests.manifest import Manifest, to_manifest
from schema.repositories.repository import Repository, to_judged_repository
from schema.scalars import to_milliseconds
from schema.scan.advisory import Advisory, to_advisory
from schema.scan.scan import Package


@strawberry.type(description="An image that was found, and its repository.")
class FoundImage:
    record: strawberry.Private[ManifestRecord]

    @strawberry.field(description="The image.")
    def manifest(self) -> Manifest:
        return to_manifest(self.record)

    @strawberry.field(description="The repository that holds it.")
    async def repository(self, info: Info) -> Repository:
        return to_judged_repository(await info.context.loaders.repositories.load(self.record.repository_id))


PulledSince = Annotated[
    datetime | None,
    strawberry.argument(description="Only those that were pulled since, by tag or by digest."),
]


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
        self, info: Info, first: First = 50, after: After = None, pulled_since: PulledSince = None
    ) -> Connection[FoundImage]:
        found = await search.images_with(
            info.context.context,
            self.found.packages,
            page(first, after),
            pulled_since_ms=to_milliseconds(pulled_since) if pulled_since else None,
        )
        return connect(found, lambda record: FoundImage(record=record))


@strawberry.type(description="An image with packages that were looked for, and its repository.")
class FoundPackageImage(FoundImage):
    found: strawberry.Private[list[PackageRecord]]

    @strawberry.field(description="Those of the packages that it has, each once; at most 100.")
    def packages(self) -> list[Package]:
        return [Package(record=record) for record in self.found]


@strawberry.type(description="Which images have packages of a name.")
class PackageSearch:
    wanted: strawberry.Private[Packages | None]

    @strawberry.field(
        description="Images with these packages, the newest first: those that you may see, and that have a"
        " tag now, or whose index has one."
    )
    async def images(
        self, info: Info, first: First = 50, after: After = None, pulled_since: PulledSince = None
    ) -> Connection[FoundPackageImage]:
        found = await search.images_with(
            info.context.context,
            self.wanted,
            page(first, after),
            pulled_since_ms=to_milliseconds(pulled_since) if pulled_since else None,
        )
        ids = [record.id for record in found.items]
        packages = await search.packages_in(self.wanted, ids) if self.wanted else {}
        return connect(
            found, lambda record: FoundPackageImage(record=record, found=packages.get(record.id, []))
        )


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
