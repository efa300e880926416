"""Manifests: images, indexes and artifacts."""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import strawberry
from strawberry.scalars import JSON

from resolvers.manifests import label
from resolvers.manifests.artifact import ArtifactKind
from resolvers.manifests.content import ChildRecord
from resolvers.manifests.content import Layer as LayerRecord
from resolvers.manifests.manifest import ManifestRecord
from resolvers.manifests.reclaimable import Moment
from resolvers.manifests.referrer import ReferrerFilter, ReferrerRecord, ReferrerSource
from schema.connections import After, Connection, First, connect, page
from schema.context import Info
from schema.guards import REFUSABLE
from schema.manifests.label import Label, to_label
from schema.manifests.sizes import FOR_MEMBERS, RECLAIMABLE, SIZE, At, require_member_for
from schema.node_id import Node, encode_id
from schema.repositories.activity import Pulls
from schema.scalars import BigInt, Digest, to_datetime
from schema.scan.contents import Scanned

if TYPE_CHECKING:
    from schema.builds.build import Build
    from schema.tags.tag import Tag

strawberry.enum(
    ArtifactKind,
    name="ArtifactKind",
    description="What an artifact is to the image that it is about: a signature (cosign, Notation), an"
    " attestation (in-toto, DSSE), a bill of materials (SPDX, CycloneDX), or something else.",
)
strawberry.enum(
    ReferrerSource,
    name="ReferrerSource",
    description="How a manifest says what it is about: by its subject, or by a tag such as"
    " `sha256-<hex>.sig`, as cosign made them.",
)


@strawberry.type(description="What an image runs on.")
class Platform:
    os: str | None = strawberry.field(description="The operating system, such as `linux`.")
    architecture: str | None = strawberry.field(description="The processor, such as `amd64`.")
    variant: str | None = strawberry.field(description="The variant of the processor, such as `v8`.")


def _platform(record: ManifestRecord | ChildRecord) -> Platform | None:
    if record.os is None and record.architecture is None:
        return None
    return Platform(os=record.os, architecture=record.architecture, variant=record.variant)


@strawberry.type(description="A key and value that the image's author attached.")
class Annotation:
    key: str = strawberry.field(description="The key, such as `org.opencontainers.image.source`.")
    value: str = strawberry.field(description="The value.")


@strawberry.type(description="A layer, with what the image configuration says of how it came to be.")
class Layer:
    record: strawberry.Private[LayerRecord]

    @strawberry.field(description="Its place from the bottom, beginning with 0.")
    def index(self) -> int:
        return self.record.index

    @strawberry.field(description="The digest of the compressed layer.")
    def digest(self) -> Digest:
        return Digest(self.record.descriptor.digest)

    @strawberry.field(description="Its media type.")
    def media_type(self) -> str:
        return self.record.descriptor.media_type

    @strawberry.field(description="Compressed size in bytes.")
    def size_bytes(self) -> BigInt:
        return BigInt(self.record.descriptor.size_bytes)

    @strawberry.field(description="Whether it is kept elsewhere and cannot be pulled from this registry.")
    def is_remote(self) -> bool:
        return not self.record.descriptor.is_distributable

    @strawberry.field(description="Where else it can be fetched; null if nowhere.")
    def urls(self) -> list[str] | None:
        return list(self.record.descriptor.urls) or None

    @strawberry.field(description="The command that made it; null if unknown.")
    def command(self) -> list[str] | None:
        return self.record.command

    @strawberry.field(description="A comment of its author; null if there is none.")
    def comment(self) -> str | None:
        return self.record.comment

    @strawberry.field(description="Who made it; null if unknown.")
    def author(self) -> str | None:
        return self.record.author

    @strawberry.field(description="When it was made; null if unknown.")
    def created_at(self) -> datetime | None:
        return self.record.created_at


@strawberry.type(description="An entry of an index.")
class ManifestChild:
    record: strawberry.Private[ChildRecord]

    @strawberry.field(description="The digest of the manifest that it names.")
    def digest(self) -> Digest:
        return Digest(self.record.digest)

    @strawberry.field(description="The media type that the index gives it.")
    def media_type(self) -> str:
        return self.record.media_type

    @strawberry.field(description="The artifact type that the index gives it; null if none.")
    def artifact_type(self) -> str | None:
        return self.record.artifact_type

    @strawberry.field(description="The size of the manifest document in bytes, as the index gives it.")
    def size_bytes(self) -> BigInt:
        return BigInt(self.record.size_bytes)

    @strawberry.field(description="The platform that the index gives it; null if none.")
    def platform(self) -> Platform | None:
        return _platform(self.record)

    @strawberry.field(description="Whether the repository holds it.")
    def is_present(self) -> bool:
        return self.record.child_id is not None

    @strawberry.field(description="The manifest itself; null if the repository does not hold it.")
    async def manifest(
        self, info: Info
    ) -> Annotated["Manifest", strawberry.lazy("schema.manifests.manifest")] | None:
        return await load_manifest(info, self.record.child_id)


@strawberry.type(description="The entries of an index.")
class ManifestIndex:
    entries: strawberry.Private[list[ChildRecord]]

    @strawberry.field(description="In the order of the index; at most 10,000.")
    def children(self) -> list[ManifestChild]:
        return [ManifestChild(record=record) for record in self.entries]

    @strawberry.field(description="How many entries there are.")
    def child_count(self) -> int:
        return len(self.entries)

    @strawberry.field(description="How many of them the repository holds.")
    def present_child_count(self) -> int:
        return sum(record.child_id is not None for record in self.entries)

    @strawberry.field(description="Whether some of them are missing.")
    def is_sparse(self) -> bool:
        return any(record.child_id is None for record in self.entries)


@strawberry.type(description="A manifest that is about another one.")
class Referrer:
    record: strawberry.Private[ReferrerRecord]

    @strawberry.field(description="The manifest that is about another one.")
    def manifest(self) -> Annotated["Manifest", strawberry.lazy("schema.manifests.manifest")]:
        return to_manifest(self.record.manifest)

    @strawberry.field(description="What it is to the other one, by its artifact type or its layers.")
    def kind(self) -> ArtifactKind:
        return self.record.kind

    @strawberry.field(description="How it says what it is about.")
    def source(self) -> ReferrerSource:
        return self.record.source

    @strawberry.field(description="The tag by which it says so; null if it does by its subject.")
    def tag_name(self) -> str | None:
        return self.record.tag

    @strawberry.field(
        description="Whether the content of a signature or attestation names the other one's digest. False if"
        " it names another; null if that cannot be told. Nothing is said of who signed it."
    )
    async def is_subject_named(self, info: Info) -> bool | None:
        return await info.context.loaders.subjects_named.load(self.record)


ArtifactTypeArgument = Annotated[
    str | None, strawberry.argument(description="Only those of this artifact type.")
]
ArtifactKindArgument = Annotated[
    ArtifactKind | None, strawberry.argument(description="Only those of this kind.")
]


@strawberry.type(description="An image, an index of images, or an artifact.")
class Manifest(Node, Scanned):
    record: strawberry.Private[ManifestRecord]

    @strawberry.field(description="Its digest.")
    def digest(self) -> Digest:
        return Digest(self.record.digest)

    @strawberry.field(description="Its media type.")
    def media_type(self) -> str:
        return self.record.media_type

    @strawberry.field(
        description="What kind of artifact it is: its artifact type, or its configuration's media type."
    )
    def artifact_type(self) -> str | None:
        return self.record.artifact_type

    @strawberry.field(description="Whether it lists other manifests.")
    def is_index(self) -> bool:
        return self.record.is_index

    @strawberry.field(description="The size of the document itself in bytes.")
    def document_size_bytes(self) -> BigInt:
        return BigInt(self.record.size_bytes)

    @strawberry.field(description="The compressed size of its own layers in bytes; 0 for an index.")
    def layers_size_bytes(self) -> BigInt:
        return BigInt(self.record.layers_size_bytes)

    @strawberry.field(
        description="What pulling all of it takes, in bytes: configuration and layers, for an index those of"
        " every image that it holds, each blob counted once."
    )
    async def total_size_bytes(self, info: Info) -> BigInt:
        return BigInt(await info.context.loaders.total_sizes.load(self.record.id))

    @strawberry.field(
        description="What its repository stores of its own graph, in bytes: its document, configuration and"
        " layers, and for an index those of all that it lists, each content once. Left out is what the"
        " repository does not hold. Null with an error beyond 10,000 manifests.",
        metadata=SIZE,
    )
    async def stored_bytes(self, info: Info) -> BigInt:
        return BigInt((await info.context.loaders.own_sizes.load(self.record.id)).stored)

    @strawberry.field(
        description="The bytes of `storedBytes` that nothing else in the namespace uses: no other manifest of"
        " its repository, no tag of what it lists, and no other repository." + FOR_MEMBERS,
        metadata=SIZE,
    )
    async def exclusive_bytes(self, info: Info) -> BigInt:
        await require_member_for(info, self.record.repository_id)
        return BigInt((await info.context.loaders.own_sizes.load(self.record.id)).exclusive)

    @strawberry.field(
        description="The bytes of `storedBytes` that something else in the namespace uses too: another"
        " manifest, a tag of what it lists, or another repository." + FOR_MEMBERS,
        metadata=SIZE,
    )
    async def shared_bytes(self, info: Info) -> BigInt:
        await require_member_for(info, self.record.repository_id)
        return BigInt((await info.context.loaders.own_sizes.load(self.record.id)).shared)

    @strawberry.field(
        description="How many bytes less the namespace stores once it is deleted, with its tags, and what"
        " nothing keeps any more has been collected. What is collected in any case is not counted."
        + FOR_MEMBERS,
        metadata=RECLAIMABLE,
    )
    async def reclaimable_bytes(self, info: Info, at: At = Moment.NOW) -> BigInt:
        await require_member_for(info, self.record.repository_id)
        return BigInt(await info.context.loaders.reclaimable_by_manifests.load((self.record.id, at)))

    @strawberry.field(description="The digest of its configuration; null for an index.")
    def config_digest(self) -> Digest | None:
        return Digest(self.record.config_digest) if self.record.config_digest else None

    @strawberry.field(description="The media type of its configuration; null for an index.")
    def config_media_type(self) -> str | None:
        return self.record.config_media_type

    @strawberry.field(
        description="The configuration of an image as its author made it; null for anything else."
    )
    async def config(self, info: Info) -> JSON | None:
        value: Any = await info.context.loaders.configurations.load(self.record)
        return value  # type: ignore[no-any-return]

    @strawberry.field(description="What the image runs on, from its configuration; null if unknown.")
    def platform(self) -> Platform | None:
        return _platform(self.record)

    @strawberry.field(
        description="The platforms on offer: of an index those of its entries, of an image its own. Null with"
        " an error beyond the entries that one request reads.",
        metadata=REFUSABLE,
    )
    async def platforms(self, info: Info) -> list[Platform]:
        records: list[Any] = [self.record]
        if self.record.is_index:
            records = await info.context.loaders.entries.load(self.record.id)
        return [platform for platform in map(_platform, records) if platform]

    @strawberry.field(
        description="What its author attached, by key; at most what fits in 4 MiB. Null with an error beyond"
        " the content that one request reads.",
        metadata=REFUSABLE,
    )
    async def annotations(self, info: Info) -> list[Annotation]:
        found = await info.context.loaders.annotations.load(self.record)
        return [Annotation(key=key, value=value) for key, value in sorted(found.items())]

    @strawberry.field(description="The digest of the manifest that it is about; null for ordinary images.")
    def subject_digest(self) -> Digest | None:
        return Digest(self.record.subject_digest) if self.record.subject_digest else None

    @strawberry.field(description="When it was pushed first.")
    def pushed_at(self) -> datetime:
        return to_datetime(self.record.created_at_ms)

    @strawberry.field(description="How often it was pulled, by its digest or by a tag.")
    async def pulls(self, info: Info) -> Pulls:
        return Pulls(record=await info.context.loaders.manifest_pulls.load(self.record.id))

    @strawberry.field(description="The tags that point to it now, by name.")
    async def tags(
        self, info: Info, first: First = 50, after: After = None
    ) -> Connection[Annotated["Tag", strawberry.lazy("schema.tags.tag")]]:
        from schema.tags.tag import to_tag

        found = await info.context.loaders.manifest_tags.load((self.record.id, page(first, after)))
        return connect(found, to_tag)

    @strawberry.field(
        description="The names of the tags that point to it now, in order; at most the first 100."
    )
    async def tag_names(self, info: Info) -> list[str]:
        found = await info.context.loaders.manifest_tags.load((self.record.id, page(100, None)))
        return [record.name for record in found.items]

    @strawberry.field(description="Its labels, oldest first: those of the image itself, and what was added.")
    async def labels(
        self,
        info: Info,
        first: First = 50,
        after: After = None,
        prefix: Annotated[
            str | None,
            strawberry.argument(description="Only labels whose key begins so, in upper or lower case."),
        ] = None,
    ) -> Connection[Label]:
        found = await info.context.loaders.labels.load((self.record.id, page(first, after), prefix or ""))
        return connect(found, to_label)

    @strawberry.field(description="One of its labels; null if it has none such.")
    async def label(
        self, info: Info, uuid: Annotated[str, strawberry.argument(description="The label's `uuid`.")]
    ) -> Label | None:
        record = await label.label(self.record.id, uuid)
        return to_label(record) if record else None

    @strawberry.field(
        description="The manifests that are about it (signatures, attestations, bills of materials), oldest"
        " first."
    )
    async def referrers(
        self,
        info: Info,
        first: First = 50,
        after: After = None,
        artifact_type: ArtifactTypeArgument = None,
        kind: ArtifactKindArgument = None,
    ) -> Connection[Referrer]:
        chosen = ReferrerFilter(artifact_type, kind)
        found = await info.context.loaders.referrers.load((self.record.id, page(first, after), chosen))
        return connect(found, to_referrer)

    @strawberry.field(
        description="The newest build of the registry that made it for its repository; null for what was"
        " pushed by somebody."
    )
    async def built_by(self, info: Info) -> Annotated["Build", strawberry.lazy("schema.builds.build")] | None:
        from schema.builds.build import to_build

        place = self.record.repository_id
        found = await info.context.loaders.built_by.load((place, self.record.digest))
        repository = await info.context.loaders.repositories.load(place) if found else None
        return to_build(found, repository) if found and repository else None

    @strawberry.field(description="The entries of an index; null for anything else.")
    async def index(self, info: Info) -> ManifestIndex | None:
        if not self.record.is_index:
            return None
        return ManifestIndex(entries=await info.context.loaders.entries.load(self.record.id))

    @strawberry.field(
        description="Its layers from the bottom up, at most 4,096; null for an index, and if its content has"
        " been removed."
    )
    async def layers(self, info: Info) -> list[Layer] | None:
        if self.record.is_index:
            return None
        found = await info.context.loaders.layers.load(self.record)
        return None if found is None else [Layer(record=record) for record in found]

    @strawberry.field(
        description="What its author says of a machine learning model, as Markdown: the last layer of an"
        " artifact of the type `application/x-mlmodel`; null for anything else, and if that is no text of at"
        " most 1 MiB."
    )
    async def model_card(self, info: Info) -> str | None:
        return await info.context.loaders.model_cards.load(self.record)

    @strawberry.field(
        description="The document exactly as it was pushed; empty if its content has been removed. Null with"
        " an error beyond the content that one request reads.",
        metadata=REFUSABLE,
    )
    async def document(self, info: Info) -> str:
        body = await info.context.loaders.bodies.load(self.record)
        return (body or b"").decode()

    @strawberry.field(
        description="Whether its content has been removed, since its last tag ended before the window of the"
        " time machine: the history of tags still tells of it, but nothing can be restored to it."
    )
    def is_collected(self) -> bool:
        return self.record.is_collected


def to_manifest(record: ManifestRecord) -> Manifest:
    """A manifest as a GraphQL value."""
    return Manifest(id=encode_id("Manifest", record.id), record=record)


def to_referrer(record: ReferrerRecord) -> Referrer:
    """A referrer as a GraphQL value."""
    return Referrer(record=record)


async def load_manifest(info: Info, manifest_id: int | None) -> Manifest | None:
    """A manifest by its row id, through the loader of the request; None for None."""
    if manifest_id is None:
        return None
    record = await info.context.loaders.manifests.load(manifest_id)
    return to_manifest(record) if record else None
