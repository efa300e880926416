"""Following the log of a build: its lines as they are written, by number, until the build has ended.

A follower is one of the subscriptions of its process: it counts among the shares, its credential is checked
again, and it ends with the process or with the repository. Lines are no events, so it reads them itself; all
who follow one build share what is read.
"""

import asyncio
import time
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field, replace
from typing import Final

from resolvers.access.roles import RepositoryRole
from resolvers.access.viewer import Viewer
from resolvers.builds import build, log
from resolvers.builds.build import BuildRecord
from resolvers.builds.log import ArchivedLog, LogPage
from resolvers.context import Context
from resolvers.errors import ErrorCode, NotFound, QuaysideError
from resolvers.record.fanout import Fanout
from resolvers.record.groups import Batch, Delivery, Group
from resolvers.record.live import Watch
from resolvers.record.shares import Holder
from resolvers.record.subscription import PlaceGone
from resolvers.repositories import repository
from resolvers.repositories.repository import RepositoryRecord
from storage.clock import now_ms
from storage.statements import fetch_one

PART: Final = 500
"""Lines that are delivered at once, after which rights are looked at again."""
LOOK_S: Final = 0.5
"""How often the log is looked at while it has nothing new; rights are as old at most."""
LATE_MS: Final = 10_000
"""Who runs a build that somebody else has ended may still write to its log for so long."""


class LogInterrupted(QuaysideError):
    """The server ends it before the log does; the client goes on with the line after its last one."""

    code = ErrorCode.TOO_MANY


@dataclass(frozen=True, slots=True)
class LogPart:
    """Lines that follow each other, for all who have come so far. `is_last` says that no others follow."""

    page: LogPage
    is_last: bool
    _batches: dict[Viewer, Batch] = field(default_factory=dict)

    def batch(self, viewer: Viewer) -> Batch:
        """What is rendered of it for a viewer."""
        return self._batches.setdefault(viewer, Batch(viewer, ()))


class Tail:
    """Reads the log of one build for all who follow it in this process, one that is archived only once."""

    def __init__(self, build_id: int) -> None:
        self._build_id = build_id
        self._archived: ArchivedLog | None = None
        self._unpacking = asyncio.Lock()
        self._reads: dict[int, tuple[float, asyncio.Task[LogPart]]] = {}

    async def read(self, start: int) -> LogPart:
        """The lines from a number on; maybe none. Raises `PlaceGone`."""
        now = time.monotonic()
        self._reads = {at: read for at, read in self._reads.items() if now - read[0] < LOOK_S}
        if start not in self._reads:
            self._reads[start] = now, asyncio.create_task(self._read(start))
        # Who asked first may leave meanwhile; the others still want it.
        return await asyncio.shield(self._reads[start][1])

    async def _read(self, start: int) -> LogPart:
        # Before the lines: what is written after the end is none of them.
        row = await fetch_one(
            "SELECT b.started_at_ms, b.ended_at_ms, (SELECT COUNT(*) FROM build_log_archive a"
            " WHERE a.build_id = b.id) AS archives FROM build b WHERE b.id = ?",
            self._build_id,
        )
        if row is None:
            raise PlaceGone
        ended_at_ms = row["ended_at_ms"]
        is_whole = ended_at_ms is not None and (
            row["archives"] > 0 or row["started_at_ms"] is None or ended_at_ms < now_ms() - LATE_MS
        )
        page = await self._page(start, is_archived=row["archives"] > 0)
        return LogPart(page, is_whole and start + len(page.lines) >= page.total)

    async def _page(self, start: int, *, is_archived: bool) -> LogPage:
        if is_archived:
            async with self._unpacking:
                self._archived = self._archived or await log.read_archive(self._build_id)
            if self._archived is not None:
                return self._archived.page(start, PART)
        return await log.read(self._build_id, start, PART)


class Follower:
    """One who follows a log: a member of a group that watches the repository, for none of its events."""

    def __init__(self, fanout: Fanout, group: Group, holder: Holder, following: "Following") -> None:
        self.group = group
        self.holder = holder
        self._fanout = fanout
        self._following = following
        self._tail: Tail = fanout.shared.setdefault(("log", following.build.id), Tail(following.build.id))
        self._failure: QuaysideError | None = None
        self._changed = asyncio.Event()

    def offer(self, delivery: Delivery) -> None:
        """Events are not what it follows."""

    def end(self, message: str) -> None:
        """End, for the client to go on with the line after the last one that it has."""
        self.fail(LogInterrupted(message))

    def fail(self, error: QuaysideError) -> None:
        """End with an error."""
        self._failure = self._failure or error
        self._changed.set()

    finish = fail

    async def parts(self) -> AsyncGenerator[tuple[LogPart, Viewer], None]:
        """Yield lines as they are written, with the viewer as they are now, until there are no more.

        Raises what `build.require_log` raises once the viewer may no longer read them, `CredentialEnded`,
        `PlaceGone`, and `LogInterrupted` when the process stops.
        """
        start = self._following.start
        try:
            while True:
                viewer = await self._require_rights()
                part = await self._tail.read(start)
                if self._failure is not None:
                    raise self._failure
                if part.page.lines:
                    yield part, viewer
                    start += len(part.page.lines)
                if part.is_last:
                    return
                if not part.page.lines:
                    await self._pause()
        finally:
            self._fanout.unsubscribe(self)

    async def _require_rights(self) -> Viewer:
        if self._failure is not None:
            raise self._failure
        viewer = self.group.viewer
        acting = replace(self._following.context, viewer=viewer)
        await build.require_log(acting, self._following.place)
        return viewer

    async def _pause(self) -> None:
        try:
            async with asyncio.timeout(LOOK_S):
                await self._changed.wait()
        except TimeoutError:
            pass


@dataclass(frozen=True, slots=True)
class Following:
    """What is followed: the log of a build from the line `start` on, by whoever asks in `context`."""

    context: Context
    place: RepositoryRecord
    build: BuildRecord
    start: int


async def follow(context: Context, fanout: Fanout, path: str, identity: str, *, start: int) -> Follower:
    """Follow the log of a build, from a line on; the caller must iterate over `Follower.parts`.

    Requires the rights of its log. Raises `NotFound`, `Forbidden`, and `TooManySubscriptions`.
    """
    place = await repository.require(context.looking, path, RepositoryRole.READ)
    await build.require_log(context, place)
    found = await build.of_repository(place, identity)
    if found is None:
        raise NotFound(field="uuid")
    following = Following(context, place, found, max(start, 0))
    watch = Watch(repository_id=place.id, kinds=frozenset())
    return await fanout.admit(
        context.viewer,
        watch,
        lambda group, holder: Follower(fanout, group, holder, following),
        ip=context.ip,
    )
