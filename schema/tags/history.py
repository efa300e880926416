"""The history of tags, and the difference between two times."""

from datetime import datetime

import strawberry

from resolvers.tags.history import TagChange as ChangeRecord
from resolvers.tags.history import TagChangeKind, TagDifferenceKind
from resolvers.tags.history import TagDifference as DifferenceRecord
from schema.context import Info
from schema.manifests.manifest import Manifest, load_manifest
from schema.scalars import to_datetime

strawberry.enum(
    TagChangeKind,
    name="TagChangeKind",
    description="What happened to a tag: it was made, moved, restored or deleted, or its expiration came.",
)
strawberry.enum(
    TagDifferenceKind,
    name="TagDifferenceKind",
    description="How a tag differs: it is there only later, only earlier, or points elsewhere.",
)


@strawberry.type(description="Something that happened to a tag.")
class TagChange:
    record: strawberry.Private[ChangeRecord]

    @strawberry.field(description="The tag's name.")
    def name(self) -> str:
        return self.record.name

    @strawberry.field(description="What happened.")
    def kind(self) -> TagChangeKind:
        return self.record.kind

    @strawberry.field(description="When it happened.")
    def changed_at(self) -> datetime:
        return to_datetime(self.record.at_ms)

    @strawberry.field(description="What the tag pointed to from then on; null for nothing.")
    async def manifest(self, info: Info) -> Manifest | None:
        return await load_manifest(info, self.record.manifest_id)

    @strawberry.field(description="What the tag had pointed to until then; null for nothing.")
    async def previous_manifest(self, info: Info) -> Manifest | None:
        return await load_manifest(info, self.record.previous_manifest_id)


@strawberry.type(description="A tag that points elsewhere at the second of two moments.")
class TagDifference:
    record: strawberry.Private[DifferenceRecord]

    @strawberry.field(description="The tag's name.")
    def name(self) -> str:
        return self.record.name

    @strawberry.field(description="How it differs.")
    def kind(self) -> TagDifferenceKind:
        return self.record.kind

    @strawberry.field(description="What it pointed to at the first moment; null for nothing.")
    async def before(self, info: Info) -> Manifest | None:
        return await load_manifest(info, self.record.before_id)

    @strawberry.field(description="What it points to at the second moment; null for nothing.")
    async def after(self, info: Info) -> Manifest | None:
        return await load_manifest(info, self.record.after_id)


def to_tag_change(record: ChangeRecord) -> TagChange:
    """A change as a GraphQL value."""
    return TagChange(record=record)


def to_tag_difference(record: DifferenceRecord) -> TagDifference:
    """A difference as a GraphQL value."""
    return TagDifference(record=record)
