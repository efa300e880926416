"""Runs of mirrors: how far they are, what they brought, and what failed."""

from datetime import datetime

import strawberry

from resolvers.mirrors.history import MirrorRunRecord, TagFailure
from resolvers.mirrors.schedule import MirrorStatus
from schema.scalars import BigInt, optional_datetime, to_datetime

strawberry.enum(
    MirrorStatus, name="MirrorStatus", description="What a mirror does, or what came of its last run."
)


@strawberry.type(description="A tag that was not brought.")
class MirrorFailure:
    record: strawberry.Private[TagFailure]

    @strawberry.field(description="The tag's name.")
    def tag(self) -> str:
        return self.record.tag

    @strawberry.field(description="Why it failed, one sentence for people.")
    def message(self) -> str:
        return self.record.message


@strawberry.type(description="A run of a mirror.")
class MirrorRun:
    record: strawberry.Private[MirrorRunRecord]

    @strawberry.field(description="`SYNCING` while it goes on; then what came of it.")
    def status(self) -> MirrorStatus:
        return self.record.status

    @strawberry.field(description="When it began.")
    def started_at(self) -> datetime:
        return to_datetime(self.record.started_at_ms)

    @strawberry.field(description="When it ended; null while it goes on.")
    def ended_at(self) -> datetime | None:
        return optional_datetime(self.record.ended_at_ms)

    @strawberry.field(description="How many tags of the source fit the rule; null until they are known.")
    def tag_count(self) -> int | None:
        return self.record.tag_count

    @strawberry.field(description="How many of these it is through with.")
    def done_count(self) -> int:
        return self.record.done_count

    @strawberry.field(description="How many tags were made or moved, signatures included.")
    def changed_count(self) -> int:
        return self.record.changed_count

    @strawberry.field(description="How many tags were ended since the source has them no more.")
    def removed_count(self) -> int:
        return self.record.removed_count

    @strawberry.field(description="How many tags failed.")
    def failed_count(self) -> int:
        return self.record.failed_count

    @strawberry.field(description="The bytes of layers and other blobs that came from the source.")
    def fetched_bytes(self) -> BigInt:
        return BigInt(self.record.fetched_bytes)

    @strawberry.field(description="What came of it, one sentence for people; null while it goes on.")
    def message(self) -> str | None:
        return self.record.message

    @strawberry.field(description="The first tags that failed, at most 100, with the reasons.")
    def failures(self) -> list[MirrorFailure]:
        return [MirrorFailure(record=one) for one in self.record.failures]
