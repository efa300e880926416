"""Explanations of retention: the rules that keep a tag or a manifest, and when its bytes go."""

from datetime import datetime
from typing import Annotated

import strawberry

from resolvers.pruning.explanation import rulings
from resolvers.retention import explanation
from resolvers.retention.endings import Ending, TagEnding
from resolvers.retention.explanation import Reason, RetentionRule
from resolvers.retention.explanation import Retention as RetentionRecord
from schema.context import Info
from schema.guards import REFUSABLE
from schema.inputs import PathArgument
from schema.limits import WEIGHT
from schema.manifests.manifest import Manifest, load_manifest, to_manifest
from schema.pruning.policy import PrunePolicy, to_prune_policy
from schema.pruning.ruling import PruneRuling
from schema.scalars import BigInt, Digest, optional_datetime, to_datetime
from schema.sizes.storage import require_member
from schema.tags.tag import Tag, to_tag

ASKS_POLICIES = REFUSABLE | {WEIGHT: 50}
"""The `metadata` of a field for which policies are tried on the tags of a repository."""
OF_POLICIES = (
    "Policies count for those who may see them: with `repo:admin`, and those of the namespace only for its"
    " owner and members; for others they are as if there were none."
)

strawberry.enum(Ending, name="TagEnding", description="What ends a tag.")
strawberry.enum(
    RetentionRule,
    name="RetentionRule",
    description="A rule that keeps a manifest from the garbage collector.",
)


@strawberry.type(description="A rule that keeps a manifest now.")
class RetentionReason:
    record: strawberry.Private[Reason]

    @strawberry.field(description="The rule.")
    def rule(self) -> RetentionRule:
        return self.record.rule

    @strawberry.field(
        description="Until when it does; null for no end in sight. Of an active tag, its expiration, after"
        " which the time machine keeps what it pointed to."
    )
    def ends_at(self) -> datetime | None:
        return optional_datetime(self.record.ends_at_ms)

    @strawberry.field(description="The tag that does; null for other rules.")
    def tag(self) -> Tag | None:
        return to_tag(self.record.tag) if self.record.tag else None

    @strawberry.field(description="The index or the subject that does; null for other rules.")
    async def manifest(self, info: Info) -> Manifest | None:
        return await load_manifest(info, self.record.manifest_id)


@strawberry.type(description="What ends an active tag.")
class RetentionEnding:
    record: strawberry.Private[TagEnding]

    @strawberry.field(description="What does.")
    def ending(self) -> Ending:
        return self.record.ending

    @strawberry.field(description="When: the expiration, or about when the policy runs next.")
    def ends_at(self) -> datetime:
        return to_datetime(self.record.ends_at_ms)

    @strawberry.field(description="The tag.")
    def tag(self) -> Tag:
        return to_tag(self.record.tag)

    @strawberry.field(description="The auto-prune policy that deletes it; null if none does.")
    def policy(self) -> PrunePolicy | None:
        return to_prune_policy(self.record.policy) if self.record.policy else None


@strawberry.type(description="What keeps a manifest, and when its bytes go if nothing else changes.")
class Retention:
    record: strawberry.Private[RetentionRecord]

    @strawberry.field(
        description="The tag that was asked for: where it points now, or pointed last; null if a digest was."
    )
    def tag(self) -> Tag | None:
        return to_tag(self.record.tag) if self.record.tag else None

    @strawberry.field(description="The manifest that is explained.")
    def manifest(self) -> Manifest:
        return to_manifest(self.record.manifest)

    @strawberry.field(
        description="Whether something keeps it; false if the next collection takes it, or one has taken it."
    )
    def is_kept(self) -> bool:
        return bool(self.record.reasons)

    @strawberry.field(
        description="Every rule that keeps it, tags first; at most 20 tags, indexes and subjects each."
    )
    def reasons(self) -> list[RetentionReason]:
        return [RetentionReason(record=record) for record in self.record.reasons]

    @strawberry.field(
        description="What ends its active tags: expirations, and auto-prune policies at their next run. Of"
        f" at most 20 tags. {OF_POLICIES}",
        metadata=ASKS_POLICIES,
    )
    async def endings(self) -> list[RetentionEnding]:
        return [RetentionEnding(record=record) for record in await self.record.outlook.endings()]

    @strawberry.field(
        description="What auto-prune policies say of the tag that was asked for, at most one ruling of each,"
        " in the order in which they apply, up to the one that deletes it; decided by the same function as"
        " their runs. Empty for a digest, and for one of cosign's tags. Requires `repo:admin`."
        f" {OF_POLICIES}",
        metadata=ASKS_POLICIES,
    )
    async def prune_rulings(self, info: Info) -> list[PruneRuling]:
        if self.record.tag is None:
            return []
        found = await rulings(info.context.context, self.record.repository, self.record.tag.id)
        return [PruneRuling(record=one) for one in found]

    @strawberry.field(
        description="The earliest time at which a collection takes it, if its tags end as `endings` say; null"
        " if nothing ends it, and if it has been collected.",
        metadata=ASKS_POLICIES,
    )
    async def collectable_at(self) -> datetime | None:
        return optional_datetime(await self.record.outlook.collectable_at_ms())

    @strawberry.field(
        description="The bytes of its own graph that the namespace stores less after a collection at that"
        " time; 0 without such a time. For the owner and the members of the namespace; refused to others.",
        metadata=ASKS_POLICIES,
    )
    async def collectable_bytes(self, info: Info) -> BigInt:
        await require_member(info, self.record.repository.namespace_id)
        return BigInt(await self.record.outlook.collectable_bytes())


@strawberry.type
class RetentionQuery:
    @strawberry.field(
        description="What keeps a tag or a manifest of a repository, and when its bytes go; decided by the"
        " same functions as the deeds of the garbage collector and of auto-prune policies. Give either the"
        " tag or the digest. Null if there is none such. Requires `repo:read`.",
        metadata={WEIGHT: 20},
    )
    async def explain_retention(
        self,
        info: Info,
        repository: PathArgument,
        tag: Annotated[str | None, strawberry.argument(description="The name of a tag.")] = None,
        digest: Annotated[Digest | None, strawberry.argument(description="The digest of a manifest.")] = None,
    ) -> Retention | None:
        record = await explanation.explain(info.context.context, repository, tag_name=tag, digest=digest)
        return Retention(record=record) if record else None
