"""What auto-prune policies would delete, and what their last runs deleted."""

from datetime import datetime

import strawberry

from resolvers.pages import paginate_list
from resolvers.pruning.history import PrunedTag, PruneRunRecord
from resolvers.pruning.preview import Preview, PreviewItem, freed_bytes
from schema.connections import After, Connection, First, connect, page
from schema.context import Info
from schema.guards import REFUSABLE
from schema.limits import WEIGHT
from schema.scalars import BigInt, Digest, optional_datetime, to_datetime
from schema.sizes.storage import require_member

NEXT_RUN = (
    "What all auto-prune policies together will delete {} at their next run, as things are, and the bytes"
    " that this frees. The bytes of policies by themselves do not add up to it: what the tags of two of them"
    " share is freed only by both."
)
"""The description of a field of an owner, with where."""

READS_MANY = {WEIGHT: 100}
"""The `metadata` of a field for which the tags of a place, and what they point to, are read."""


@strawberry.type(description="A tag that an auto-prune policy would delete.")
class PrunePreviewItem:
    record: strawberry.Private[PreviewItem]

    @strawberry.field(description="The repository's path.")
    def repository(self) -> str:
        return self.record.path

    @strawberry.field(description="The tag's name.")
    def name(self) -> str:
        return self.record.name

    @strawberry.field(description="Since when it has pointed where it does, by which its age is judged.")
    def started_at(self) -> datetime:
        return to_datetime(self.record.started_at_ms)

    @strawberry.field(description="What it points to.")
    async def digest(self, info: Info) -> Digest:
        return Digest((await info.context.loaders.manifests.load(self.record.manifest_id)).digest)

    @strawberry.field(
        description="Whether it is one of cosign's, such as `sha256-<hex>.sig`, which the policy does not"
        " count: it ends with the last other tag of its image."
    )
    def is_consequence(self) -> bool:
        return self.record.is_consequence


@strawberry.type(
    description="What a policy would delete if it ran now, among all policies that hold with it: tags that"
    " another one deletes first are not here; or what all of them would. Up to 10,000 tags for the policies"
    " of an owner together. One request looks for them in up to 1,000 repositories, among up to 200,000 tags."
)
class PrunePreview:
    record: strawberry.Private[Preview]

    @strawberry.field(description="How many tags it deletes, without those that end as a consequence.")
    def tag_count(self) -> int:
        return self.record.tag_count

    @strawberry.field(
        description="How many bytes less the namespace stores once these tags are deleted, the time machine's"
        " window is over, and what nothing keeps any more has been collected. Null where more than 10,000"
        " manifests depend on them. For the owner and the members of the namespace, since it depends on what"
        " other repositories hold; refused to others.",
        metadata=READS_MANY | REFUSABLE,
    )
    async def freed_bytes(self, info: Info) -> BigInt | None:
        await require_member(info, self.record.namespace_id)
        freed = await freed_bytes(self.record)
        return None if freed is None else BigInt(freed)

    @strawberry.field(
        description="Whether this is all of it. If not, a run deletes more than is here, and the bytes are"
        " those of what is here."
    )
    def is_complete(self) -> bool:
        return self.record.is_complete

    @strawberry.field(description="How many repositories were not looked at to their end, if not complete.")
    def unread_repository_count(self) -> int:
        return self.record.unread

    @strawberry.field(description="The tags, by repository and newest first.")
    async def items(self, info: Info, first: First = 50, after: After = None) -> Connection[PrunePreviewItem]:
        found = paginate_list(self.record.items, page(first, after), maximum=info.context.context.max_first)
        return connect(found, lambda item: PrunePreviewItem(record=item))


@strawberry.type(description="A tag that a run of an auto-prune policy deleted.")
class PrunedTagItem:
    record: strawberry.Private[PrunedTag]

    @strawberry.field(description="The name of its repository in the namespace, then.")
    def repository(self) -> str:
        return self.record.repository

    @strawberry.field(description="The tag's name.")
    def name(self) -> str:
        return self.record.name

    @strawberry.field(description="What it pointed to.")
    def digest(self) -> Digest:
        return Digest(self.record.digest)


@strawberry.type(description="A run of an auto-prune policy.")
class PruneRun:
    record: strawberry.Private[PruneRunRecord]

    @strawberry.field(description="When it began.")
    def started_at(self) -> datetime:
        return to_datetime(self.record.started_at_ms)

    @strawberry.field(description="When it ended; null while it runs.")
    def ended_at(self) -> datetime | None:
        return optional_datetime(self.record.ended_at_ms)

    @strawberry.field(description="How many tags it deleted.")
    def tag_count(self) -> int:
        return self.record.tag_count

    @strawberry.field(description="The first tags that it deleted, at most 100.")
    async def tags(self, info: Info) -> list[PrunedTagItem]:
        found = await info.context.loaders.pruned_tags.load(self.record.id)
        return [PrunedTagItem(record=one) for one in found]

    @strawberry.field(description="Why it ended before it was through; null if it did not.")
    def error(self) -> str | None:
        return self.record.error
