"""The queue of scans, for superusers."""

from datetime import datetime

import strawberry

from resolvers.scan.queue import ScanQueue as ScanQueueRecord
from schema.scalars import optional_datetime
from schema.scan.scan import ScanCount, to_scan_counts


@strawberry.type(
    description="The scans of images that are to be made. One that stands still has a `oldestOrderedAt` and a"
    " `lastScannedAt` that are long ago."
)
class ScanQueue:
    record: strawberry.Private[ScanQueueRecord]

    @strawberry.field(
        description="How many new images wait, also those that are tried again later or whose server is gone."
    )
    def waiting_count(self) -> int:
        return self.record.pushed.waiting

    @strawberry.field(description="How many new images are being scanned.")
    def running_count(self) -> int:
        return self.record.pushed.running

    @strawberry.field(description="When the scan was ordered that waits longest; null if none does.")
    def oldest_ordered_at(self) -> datetime | None:
        return optional_datetime(self.record.pushed.oldest_ms)

    @strawberry.field(
        description="How many scans were given up in the last 90 days, since the registry itself failed in"
        " each attempt; `jobs` has their errors. These images are tried again in the background."
    )
    def given_up_count(self) -> int:
        return self.record.pushed.failed

    @strawberry.field(
        description="How many images are in which state, at most one entry for each; those that are deleted"
        " until their content is removed. `QUEUED` are here those whose layers are not in the registry yet;"
        " what was never scanned is in none."
    )
    def images(self) -> list[ScanCount]:
        return to_scan_counts(self.record.images)

    @strawberry.field(description="When the last scan ended; null if none has.")
    def last_scanned_at(self) -> datetime | None:
        return optional_datetime(self.record.last_scanned_at_ms)

    @strawberry.field(
        description="How many images are left that are scanned in the background: those from before there was"
        " a scanner or of a version that knew less, those that were given up, and those whose layers may have"
        " come. The job `scan.others` counts them when it begins; null before it did."
    )
    def background_count(self) -> int | None:
        return self.record.left


def to_scan_queue(record: ScanQueueRecord | None) -> ScanQueue | None:
    """The queue as a GraphQL value."""
    return ScanQueue(record=record) if record else None
