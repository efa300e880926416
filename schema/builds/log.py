"""Logs of builds."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from datetime import datetime
from enum import StrEnum
from typing import Annotated

import strawberry

from resolvers.builds import follow, log
from resolvers.builds.build import BuildRecord
from resolvers.builds.follow import Follower
from resolvers.builds.log import LogLine, LogPage
from resolvers.record.groups import Batch
from schema.context import Info
from schema.scalars import RepositoryPath, to_datetime

MAXIMUM_LINES = 1_000
LogStart = Annotated[int, strawberry.argument(description="The number of the first line; 0 for the top.")]
LogLines = Annotated[
    int, strawberry.argument(description=f"How many lines at most, up to {MAXIMUM_LINES:,}.")
]


class BuildLogLineKind(StrEnum):
    """The kind of a line that the build did not print itself."""

    PHASE = "phase"
    ERROR = "error"


strawberry.enum(
    BuildLogLineKind,
    name="BuildLogLineKind",
    description="What a line of a log is that the build did not print.",
)


@strawberry.type(description="A line of a build's log.")
class BuildLogLine:
    record: strawberry.Private[LogLine]

    @strawberry.field(description="Its number; the first line is 0.")
    def number(self) -> int:
        return self.record.number

    @strawberry.field(description="What it is; null for what the build printed.")
    def kind(self) -> BuildLogLineKind | None:
        return BuildLogLineKind(self.record.kind) if self.record.kind else None

    @strawberry.field(description="The line, of at most 4,096 characters; the name of a phase.")
    def text(self) -> str:
        return self.record.text

    @strawberry.field(description="When it was printed.")
    def created_at(self) -> datetime:
        return to_datetime(self.record.created_at_ms)


@strawberry.type(description="A part of a build's log.")
class BuildLog:
    record: strawberry.Private[LogPage]
    batch: strawberry.Private[Batch | None] = None

    @property
    def key(self) -> int:
        """What names it in its batch."""
        return self.record.start

    @strawberry.field(description="The number of the first line that was asked for.")
    def start(self) -> int:
        return self.record.start

    @strawberry.field(description="How many lines the log has so far.")
    def total(self) -> int:
        return self.record.total

    @strawberry.field(description="The lines, in order.")
    def lines(self) -> list[BuildLogLine]:
        return [BuildLogLine(record=line) for line in self.record.lines]


async def read_log(info: Info, build: BuildRecord, start: int, first: int) -> BuildLog:
    """A part of a log. The caller has checked who may read it."""
    most = max(MAXIMUM_LINES, info.context.context.max_first)
    return BuildLog(record=await log.read(build.id, max(start, 0), min(max(first, 0), most)))


@strawberry.type
class BuildLogSubscription:
    @strawberry.subscription(
        description="What a build prints, in parts of at most 500 lines, each line once and in order, until"
        " the build has ended. To go on after a lost connection, `start` with the line after the last one."
        " Requires `repo:write`, with the feature `READER_BUILD_LOGS` `repo:read`; rights are looked at again"
        " while it goes on."
    )
    async def build_log(
        self,
        info: Info,
        repository: Annotated[
            RepositoryPath, strawberry.argument(description="The repository that it is for.")
        ],
        uuid: Annotated[str, strawberry.argument(description="The build's `uuid`.")],
        start: LogStart = 0,
    ) -> AsyncGenerator[BuildLog, None]:
        fanout = info.context.live
        assert fanout is not None  # Set where there are subscriptions.
        return _parts(await follow.follow(info.context.context, fanout, repository, uuid, start=start))


async def _parts(follower: Follower) -> AsyncGenerator[BuildLog, None]:
    async with aclosing(follower.parts()) as parts:
        async for part, viewer in parts:
            yield BuildLog(record=part.page, batch=part.batch(viewer))
