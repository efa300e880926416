"""Mirrors of repositories, and the mutations that set, start and stop them."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any

import strawberry

import resolvers.mirrors.mirror
from resolvers.mirrors.mirror import Architecture, MirrorChanges, MirrorRecord
from schema.context import Info
from schema.errors import DeletionPayload, mutation, payload
from schema.inputs import PathArgument, changes
from schema.mirrors.connection import MirrorConnectionInput
from schema.mirrors.run import MirrorRun
from schema.mirrors.settings import (
    ENABLED,
    INTERVAL,
    ROBOT,
    STARTS,
    TIMEOUT,
    USERNAME,
    MirrorSettings,
    settings_of,
)
from schema.node_id import Node, encode_id
from schema.scalars import RepositoryPath, optional_datetime

strawberry.enum(
    Architecture, name="MirrorArchitecture", description="A processor, as indexes of images name it."
)


class MirrorRuleKind(StrEnum):
    """The kind of a rule for tags."""

    TAG_GLOB_CSV = "TAG_GLOB_CSV"


strawberry.enum(MirrorRuleKind, name="MirrorRuleKind", description="How a rule says which tags it is for.")

_SOURCE = "The repository that is mirrored, as `host[:port]/path`, without a scheme and without a tag."
_DELETIONS = (
    "Whether tags that fit the rule end here once the source has them no more. Locked tags never end so."
)
_ARCHITECTURES = (
    "Only images for these, at most four, are fetched of an index, which keeps its digest; empty for all."
    " Requires the feature `SPARSE_INDEX`."
)


@strawberry.type(description="Makes a repository follow one of another registry. Requires `repo:admin`.")
class RepositoryMirror(MirrorSettings, Node):
    record: strawberry.Private[MirrorRecord]

    @strawberry.field(description=_SOURCE)
    def source(self) -> str:
        return self.record.source

    @strawberry.field(
        description="The tags that are mirrored: at most 100 names, or patterns with `*`, `?`, `[a-c]`."
    )
    def tag_patterns(self) -> list[str]:
        return list(self.record.tag_patterns)

    @strawberry.field(description=_DELETIONS)
    def follows_deletions(self) -> bool:
        return self.record.follows_deletions

    @strawberry.field(description=_ARCHITECTURES)
    def architectures(self) -> list[Architecture]:
        return list(self.record.architectures)

    @strawberry.field(description="When the run that goes on is given up; null while none does.")
    def run_expires_at(self) -> datetime | None:
        return optional_datetime(self.record.claimed_until_ms)

    @strawberry.field(
        description="Its last runs, newest first, at most ten: how far the one is that goes on, and what"
        " came of the others."
    )
    async def runs(self, info: Info) -> list[MirrorRun]:
        found = await info.context.loaders.mirror_runs.load(self.record.id)
        return [MirrorRun(record=one) for one in found]


def to_mirror(record: MirrorRecord) -> RepositoryMirror:
    """A mirror as a GraphQL value."""
    return RepositoryMirror(id=encode_id("RepositoryMirror", record.id), record=record)


@strawberry.input(description="Which tags of a source are mirrored.")
class MirrorRuleInput:
    rule_kind: MirrorRuleKind = strawberry.field(description="How it says which tags it is for.")
    rule_value: list[str] = strawberry.field(
        description="Names of tags, or patterns: `*` is for any characters, `?` for one, `[a-c]` for one of"
        " some. At most 100."
    )


@strawberry.input(description="A new mirror.")
class MirrorCreateInput:
    source: str = strawberry.field(description=_SOURCE)
    robot: str = strawberry.field(description=ROBOT)
    rule: MirrorRuleInput = strawberry.field(description="Which tags are mirrored.")
    sync_starts_at: datetime = strawberry.field(description=STARTS)
    sync_interval_s: int = strawberry.field(description=INTERVAL)
    tag_timeout_s: int = strawberry.field(default=300, description=TIMEOUT)
    is_enabled: bool = strawberry.field(default=True, description=ENABLED)
    follows_deletions: bool = strawberry.field(default=False, description=_DELETIONS)
    architectures: list[Architecture] | None = strawberry.field(default=None, description=_ARCHITECTURES)
    username: str | None = strawberry.field(default=None, description=USERNAME)
    password: str | None = strawberry.field(default=None, description="The password of that user.")
    connection: strawberry.Maybe[MirrorConnectionInput] = strawberry.field(
        description="How the other registry is reached."
    )


@strawberry.input(description="What to change; absent fields stay as they are.")
class MirrorUpdateInput:
    source: strawberry.Maybe[str] = strawberry.field(description=_SOURCE)
    robot: strawberry.Maybe[str] = strawberry.field(description=ROBOT)
    rule: strawberry.Maybe[MirrorRuleInput] = strawberry.field(description="Which tags are mirrored.")
    sync_starts_at: strawberry.Maybe[datetime] = strawberry.field(description=STARTS)
    sync_interval_s: strawberry.Maybe[int] = strawberry.field(description=INTERVAL)
    tag_timeout_s: strawberry.Maybe[int] = strawberry.field(description=TIMEOUT)
    is_enabled: strawberry.Maybe[bool] = strawberry.field(description=ENABLED)
    follows_deletions: strawberry.Maybe[bool] = strawberry.field(description=_DELETIONS)
    architectures: strawberry.Maybe[list[Architecture] | None] = strawberry.field(description=_ARCHITECTURES)
    username: strawberry.Maybe[str | None] = strawberry.field(
        description=f"{USERNAME} The password goes with it."
    )
    password: strawberry.Maybe[str | None] = strawberry.field(
        description="The password; one without a user name is refused."
    )
    connection: strawberry.Maybe[MirrorConnectionInput] = strawberry.field(
        description="How the other registry is reached."
    )


def _changes(value: MirrorCreateInput | MirrorUpdateInput) -> MirrorChanges:
    found = settings_of(changes(value))
    rule = found.pop("rule", None)
    if rule is not None:
        found["patterns"] = rule.rule_value
    if "architectures" in found:
        found["architectures"] = found["architectures"] or []
    return MirrorChanges(**found)


_FIELD = (RepositoryMirror, "The mirror; null if refused.")
MirrorCreatePayload = payload("MirrorCreatePayload", "What came of making a mirror.", mirror=_FIELD)
MirrorUpdatePayload = payload("MirrorUpdatePayload", "What came of changing a mirror.", mirror=_FIELD)
MirrorSyncPayload = payload("MirrorSyncPayload", "What came of starting a mirror.", mirror=_FIELD)
MirrorSyncCancelPayload = payload("MirrorSyncCancelPayload", "What came of stopping a mirror.", mirror=_FIELD)


@strawberry.type(description="What came of removing a mirror.")
class MirrorDeletePayload(DeletionPayload):
    path: RepositoryPath | None = strawberry.field(
        default=None, description="The repository that is no mirror any more; null if refused."
    )


@strawberry.type
class MirrorMutation:
    @mutation(
        MirrorCreatePayload,
        description="Make a repository follow one of another registry: its state becomes `MIRROR`, so that"
        " only the mirror writes. Requires `repo:admin`.",
    )
    async def mirror_create(
        self,
        info: Info,
        repository: PathArgument,
        input: Annotated[MirrorCreateInput, strawberry.argument(description="The new mirror.")],
    ) -> Any:
        record = await resolvers.mirrors.mirror.create(info.context.context, repository, _changes(input))
        return MirrorCreatePayload(mirror=to_mirror(record))

    @mutation(MirrorUpdatePayload, description="Change a mirror. Requires `repo:admin`.")
    async def mirror_update(
        self,
        info: Info,
        repository: PathArgument,
        input: Annotated[MirrorUpdateInput, strawberry.argument(description="What to change.")],
    ) -> Any:
        record = await resolvers.mirrors.mirror.update(info.context.context, repository, _changes(input))
        return MirrorUpdatePayload(mirror=to_mirror(record))

    @mutation(
        MirrorDeletePayload,
        description="Remove a mirror: its repository keeps the tags, and becomes an ordinary one. Requires"
        " `repo:admin`.",
    )
    async def mirror_delete(self, info: Info, repository: PathArgument) -> Any:
        record = await resolvers.mirrors.mirror.delete(info.context.context, repository)
        gone = encode_id("RepositoryMirror", record.id)
        return MirrorDeletePayload(path=repository, deleted_id=gone)

    @mutation(
        MirrorSyncPayload,
        description="Let a mirror run at once, also if it is disabled; refused while it runs. Requires"
        " `repo:admin`.",
    )
    async def mirror_sync(self, info: Info, repository: PathArgument) -> Any:
        record = await resolvers.mirrors.mirror.sync_now(info.context.context, repository)
        return MirrorSyncPayload(mirror=to_mirror(record))

    @mutation(
        MirrorSyncCancelPayload,
        description="End the run of a mirror, which then does not run again by itself until it is enabled, or"
        " its schedule is changed. Requires `repo:admin`.",
    )
    async def mirror_sync_cancel(self, info: Info, repository: PathArgument) -> Any:
        record = await resolvers.mirrors.mirror.sync_cancel(info.context.context, repository)
        return MirrorSyncCancelPayload(mirror=to_mirror(record))
