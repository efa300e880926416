"""Tags and their mutations. A `Tag` is a span: one manifest for one period."""

from datetime import datetime
from typing import Annotated, Any

import strawberry

import resolvers.tags.tag
from resolvers.access.roles import RepositoryRole
from resolvers.manifests.own_graph import Sizes
from resolvers.manifests.reclaimable import Moment
from resolvers.tags.filter import Platform
from resolvers.tags.tag import TagChanges, TagRecord
from schema.accounts.account import Account
from schema.accounts.robot import load_account
from schema.context import Info
from schema.errors import Payload, mutation
from schema.inputs import PathArgument, changes
from schema.manifests.manifest import Manifest, to_manifest
from schema.manifests.sizes import FOR_MEMBERS, RECLAIMABLE, SIZE, At, require_member_for
from schema.node_id import Node, encode_id
from schema.repositories.activity import Pulls
from schema.scalars import BigInt, Digest, optional_datetime, to_datetime, to_milliseconds


@strawberry.input(description="Which names fit; both conditions must hold if both are given.")
class NameFilter:
    equals: str | None = strawberry.field(default=None, description="The whole name.")
    contains: str | None = strawberry.field(
        default=None, description="A part of the name, in upper or lower case."
    )


@strawberry.input(description="What an image is for; what is not given fits everything.")
class PlatformFilter:
    os: str | None = strawberry.field(default=None, description="The operating system, such as `linux`.")
    architecture: str | None = strawberry.field(
        default=None, description="The processor, such as `amd64` or `arm64`."
    )
    variant: str | None = strawberry.field(
        default=None, description="The variant of the processor, such as `v8`."
    )

    def platform(self) -> Platform:
        """The platform as resolvers take it."""
        return Platform(self.os, self.architecture, self.variant)


@strawberry.type(description="A span of time in which a tag pointed to one manifest.")
class Tag(Node):
    record: strawberry.Private[TagRecord]

    @strawberry.field(description="The tag's name.")
    def name(self) -> str:
        return self.record.name

    @strawberry.field(description="Since when it has pointed there.")
    def started_at(self) -> datetime:
        return to_datetime(self.record.started_at_ms)

    @strawberry.field(
        description="Until when: the end of history, or an expiration to come, which `expiresAt` tells apart;"
        " null for no end."
    )
    def ended_at(self) -> datetime | None:
        return optional_datetime(self.record.ended_at_ms)

    @strawberry.field(
        description="When it expires, or expired; null for a tag without expiration, and if it ended before."
    )
    def expires_at(self) -> datetime | None:
        return optional_datetime(self.record.ended_at_ms if self.record.is_expiration else None)

    @strawberry.field(
        description="Who pointed it there at `startedAt`, by a push or otherwise. Null if that is not known"
        " or the account is gone, and for viewers who can neither push to the repository nor are members of"
        " its namespace."
    )
    async def pushed_by(self, info: Info) -> Account | None:
        loaders = info.context.loaders
        if self.record.pusher_id is None or info.context.context.viewer.is_anonymous:
            return None
        repository = await loaders.repositories.load(self.record.repository_id)
        if repository is None:
            return None
        role = await loaders.repository_roles.load(repository.ref)
        can_push = role is not None and role >= RepositoryRole.WRITE
        if not can_push and await loaders.namespace_roles.load(repository.namespace_id) is None:
            return None
        return await load_account(info, self.record.pusher_id)

    @strawberry.field(description="Whether this span was made by a restore.")
    def is_reversion(self) -> bool:
        return self.record.is_reversion

    @strawberry.field(description="Whether the tag is locked: it can be neither moved nor deleted.")
    def is_immutable(self) -> bool:
        return self.record.is_immutable

    @strawberry.field(
        description="How often it was pulled by its name, whatever it pointed to, since it was made. A tag"
        " that is made again starts at 0; one that is restored goes on."
    )
    async def pulls(self, info: Info) -> Pulls:
        key = (self.record.repository_id, self.record.name, self.record.life)
        return Pulls(record=await info.context.loaders.tag_pulls.load(key))

    @strawberry.field(
        description="What the repository stores of what it points to, in bytes; see `Manifest.storedBytes`.",
        metadata=SIZE,
    )
    async def stored_bytes(self, info: Info) -> BigInt:
        return BigInt((await info.context.loaders.own_sizes.load(self.record.manifest_id)).stored)

    @strawberry.field(
        description="The bytes of `storedBytes` that nothing else in the namespace uses: no other tag, no"
        " other manifest of its repository, and no other repository." + FOR_MEMBERS,
        metadata=SIZE,
    )
    async def exclusive_bytes(self, info: Info) -> BigInt:
        return BigInt((await self._sizes(info)).exclusive)

    @strawberry.field(
        description="The bytes of `storedBytes` that something else in the namespace uses too: another tag or"
        " manifest, or another repository." + FOR_MEMBERS,
        metadata=SIZE,
    )
    async def shared_bytes(self, info: Info) -> BigInt:
        return BigInt((await self._sizes(info)).shared)

    @strawberry.field(
        description="How many bytes less the namespace stores once the tag is deleted, with the cosign tags"
        " that end with it, and what nothing keeps any more has been collected. What is collected in any case"
        " is not counted; 0 for a span that has ended. For a locked tag, as if it were not locked."
        + FOR_MEMBERS,
        metadata=RECLAIMABLE,
    )
    async def reclaimable_bytes(self, info: Info, at: At = Moment.NOW) -> BigInt:
        await require_member_for(info, self.record.repository_id)
        return BigInt(await info.context.loaders.reclaimable_by_tags.load((self.record.id, at)))

    async def _sizes(self, info: Info) -> Sizes:
        await require_member_for(info, self.record.repository_id)
        return await info.context.loaders.tag_sizes.load(self.record.id)

    @strawberry.field(description="What it points to.")
    async def manifest(self, info: Info) -> Manifest:
        return to_manifest(await info.context.loaders.manifests.load(self.record.manifest_id))


def to_tag(record: TagRecord) -> Tag:
    """A span of a tag as a GraphQL value."""
    return Tag(id=encode_id("Tag", record.id), record=record)


@strawberry.input(description="What to change; absent fields stay as they are.")
class TagUpdateInput:
    manifest_digest: strawberry.Maybe[Digest | None] = strawberry.field(
        description="Create the tag, or move it, to this manifest of the repository. What its image asks for"
        " with `quay.expires-after` and `quay.immutable` holds as at a push, unless `expiresAt` or"
        " `isImmutable` is given."
    )
    expires_at: strawberry.Maybe[datetime | None] = strawberry.field(
        description="When the tag shall end, at least an hour and at most 104 weeks after its start;"
        " null for never."
    )
    is_immutable: strawberry.Maybe[bool] = strawberry.field(
        description="Lock (`repo:write`) or unlock (`repo:admin`) the tag."
    )


@strawberry.type(description="What came of changing a tag.")
class TagUpdatePayload(Payload):
    tag: Tag | None = strawberry.field(default=None, description="Where the tag points now; null if refused.")


@strawberry.type(description="What came of deleting a tag.")
class TagDeletePayload(Payload):
    tag: Tag | None = strawberry.field(default=None, description="The span that ended; null if refused.")


@strawberry.type(description="What came of restoring a tag.")
class TagRestorePayload(Payload):
    tag: Tag | None = strawberry.field(default=None, description="The new span; null if refused.")


_Name = Annotated[str, strawberry.argument(description="The tag's name.")]


@strawberry.type
class TagMutation:
    @mutation(
        TagUpdatePayload,
        description="Create, move, expire, lock or unlock a tag: all of the changes or none."
        " Requires `repo:write`.",
    )
    async def tag_update(
        self,
        info: Info,
        repository: PathArgument,
        tag: _Name,
        input: Annotated[TagUpdateInput, strawberry.argument(description="What to change.")],
    ) -> Any:
        values = changes(input)
        if "expires_at" in values:
            expires_at = values.pop("expires_at")
            values["expires_at_ms"] = to_milliseconds(expires_at) if expires_at else None
        record = await resolvers.tags.tag.update(info.context.context, repository, tag, TagChanges(**values))
        return TagUpdatePayload(tag=to_tag(record) if record else None)

    @mutation(
        TagDeletePayload,
        description="End a tag now; it can be restored within the time machine window."
        " Requires `repo:write`.",
    )
    async def tag_delete(self, info: Info, repository: PathArgument, tag: _Name) -> Any:
        record = await resolvers.tags.tag.delete(info.context.context, repository, tag)
        return TagDeletePayload(tag=to_tag(record))

    @mutation(
        TagRestorePayload,
        description="Let a tag point to an earlier manifest again, marked as a reversion. What its image asks"
        " for with `quay.expires-after` and `quay.immutable` holds as at a push."
        " Requires `repo:write`.",
    )
    async def tag_restore(
        self,
        info: Info,
        repository: PathArgument,
        tag: _Name,
        manifest_digest: Annotated[Digest, strawberry.argument(description="The manifest to point to.")],
    ) -> Any:
        record = await resolvers.tags.tag.restore(info.context.context, repository, tag, manifest_digest)
        return TagRestorePayload(tag=to_tag(record))
