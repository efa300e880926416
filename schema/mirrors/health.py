"""The health of mirrors, for who watches many of them."""

from datetime import datetime
from typing import Annotated

import strawberry

import resolvers.mirrors.health
from resolvers.mirrors.health import FailingMirror as FailingRecord
from resolvers.mirrors.health import MirrorHealth as HealthRecord
from resolvers.mirrors.schedule import MirrorStatus
from schema.context import Info
from schema.scalars import RepositoryPath, to_datetime


@strawberry.type(description="A mirror whose last run left something out.")
class FailingMirror:
    record: strawberry.Private[FailingRecord]

    @strawberry.field(description="The repository.")
    def repository(self) -> RepositoryPath:
        return RepositoryPath(self.record.repository)

    @strawberry.field(description="What came of its last run, one sentence for people.")
    def message(self) -> str:
        return self.record.message


@strawberry.type(description="How mirrors do.")
class MirrorHealth:
    record: strawberry.Private[HealthRecord]

    def _count(self, *statuses: MirrorStatus) -> int:
        return sum(self.record.counts.get(status, 0) for status in statuses)

    @strawberry.field(description="Whether the last run of none has failed.")
    def is_healthy(self) -> bool:
        return self.record.is_healthy

    @strawberry.field(description="How many there are.")
    def mirror_count(self) -> int:
        return self._count(*MirrorStatus)

    @strawberry.field(description="How many run, or are about to.")
    def running_count(self) -> int:
        return self._count(MirrorStatus.SYNCING, MirrorStatus.SYNC_NOW)

    @strawberry.field(description="How many brought all tags at their last run.")
    def succeeded_count(self) -> int:
        return self._count(MirrorStatus.SUCCESS)

    @strawberry.field(description="How many left something out at their last run.")
    def failed_count(self) -> int:
        return self._count(MirrorStatus.FAIL)

    @strawberry.field(description="How many have not run yet.")
    def never_run_count(self) -> int:
        return self._count(MirrorStatus.NEVER_RUN)

    @strawberry.field(description="How many tags the runs that go on have still before them.")
    def waiting_tag_count(self) -> int:
        return self.record.waiting_tags

    @strawberry.field(description="Those that failed, at most 20, by path.")
    def failing(self) -> list[FailingMirror]:
        return [FailingMirror(record=one) for one in self.record.failing]

    @strawberry.field(description="When this was so.")
    def checked_at(self) -> datetime:
        return to_datetime(self.record.checked_at_ms)


@strawberry.type
class MirrorQuery:
    @strawberry.field(
        description="How the mirrors of a namespace do. Requires `org:admin`, or `user:admin` for the"
        " viewer's own; without a namespace all mirrors count, for superusers."
    )
    async def mirror_health(
        self,
        info: Info,
        namespace: Annotated[
            str | None, strawberry.argument(description="The user or organization; null for the registry.")
        ] = None,
    ) -> MirrorHealth:
        found = await resolvers.mirrors.health.health(info.context.context, namespace)
        return MirrorHealth(record=found)
