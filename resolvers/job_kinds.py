"""Kinds of jobs: declared with `@job` beside what they do, collected here, run by `quayside.workers`.

    @job(
        "upload.expire",
        "Removes uploads that nobody has continued.",
        every_s=HOUR,
        lane=Lane.LONG,
        goes_on_when_read_only=False,
    )
    async def expire_uploads(run: Run) -> str:
        ...

A handler may be run again at any point, and two runs of one job may overlap when a process was silent for
too long; it must not mind. It returns a sentence on what came of it, or None. Long ones call `progress`
between their batches, outside of transactions: it says how far they are, and there they end when cancelled.
"""

import time
from collections.abc import Awaitable, Callable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field
from enum import StrEnum
from importlib import import_module
from pkgutil import walk_packages
from typing import Any, Final

import resolvers
from resolvers.context import Context, Site
from storage.jobs import MAXIMUM_ATTEMPTS, ClaimedJob, Limits, report

MINUTE: Final = 60
HOUR: Final = 3_600
DAY: Final = 86_400
MIB: Final = 1024 * 1024

REPORT_INTERVAL_S = 1.0
"""A job that reports more often costs no more than a statement in this time."""


class Lane(StrEnum):
    """Where jobs run. Each lane has slots of its own in each process, so that none waits for another."""

    SHORT = "short"
    NETWORK = "network"
    DELIVERY = "delivery"
    LONG = "long"
    TRANSFER = "transfer"
    BUILD = "build"
    SCAN = "scan"
    HEAVY = "heavy"


@dataclass(frozen=True, slots=True)
class LaneRules:
    """How many jobs of a lane a process runs at once, and the time limit of one where its kind says none.

    `connections` is how many may use the database at once, where most of them wait for something else.
    """

    slots: int
    timeout_s: int
    sentence: str
    connections: int | None = None


LANES: Final[Mapping[Lane, LaneRules]] = {
    Lane.SHORT: LaneRules(4, 10 * MINUTE, "Work in the database that takes seconds."),
    Lane.NETWORK: LaneRules(8, 5 * MINUTE, "Work that mostly waits for other servers."),
    Lane.DELIVERY: LaneRules(
        128,
        5 * MINUTE,
        "Notifications, whose receivers may be slow: each job serves one of them.",
        connections=8,
    ),
    Lane.LONG: LaneRules(2, 6 * HOUR, "Work in batches that may take hours."),
    Lane.TRANSFER: LaneRules(4, 12 * HOUR, "Content that comes from other registries, which may take hours."),
    Lane.BUILD: LaneRules(2, 24 * HOUR, "Builds of images, each in a sandbox of its own."),
    Lane.SCAN: LaneRules(
        2,
        HOUR,
        "Images whose layers are read for what is in them: each layer has a child process of its own.",
    ),
    Lane.HEAVY: LaneRules(
        2, 6 * HOUR, "Work that takes processor or memory as well: each job has a child process of its own."
    ),
}


GROUPS: Final[Mapping[str, Lane]] = {"builds": Lane.BUILD}
"""Names for all kinds of a lane, for processes that run no others."""


class JobStopped(BaseException):
    """The job was told to stop, or makes room for others and waits anew.

    Like `CancelledError` it is no `Exception`, so that handlers let it pass.
    """


@dataclass(frozen=True, slots=True)
class Tools:
    """What jobs work with beside the database, which is current.

    `context` acts in nobody's name. `log_retention_s` is how long the audit log is kept, 0 for ever.
    `hand_over` gives a mail to the mail server, None without one. `builder` makes images of builds
    (`resolvers.builds.builder`), `scanner` finds out what is in layers (`resolvers.scan.scanner`), and
    `bill_reader` what bills of materials say (`resolvers.sbom.bill`); each is None in a process without one.
    """

    context: Context
    log_retention_s: int = 0
    hand_over: Callable[[Any], Awaitable[None]] | None = None
    builder: Any = None
    scanner: Any = None
    bill_reader: Any = None


@dataclass(slots=True)
class Run:
    """One attempt at a job. `job` is None for a run that is no job, such as a command's or a test's."""

    payload: dict[str, Any]
    tools: Tools
    job: ClaimedJob | None = None
    is_stopping: bool = False
    _reported: tuple[int, int | None] | None = field(default=None, init=False)
    _noted: tuple[int, int | None] | None = field(default=None, init=False)
    _noted_at: float = field(default=-REPORT_INTERVAL_S, init=False)

    async def progress(self, done: int, total: int | None = None) -> None:
        """Say how far the job is. Raises `JobStopped` when it is to end."""
        self._reported = (done, total)
        if time.monotonic() - self._noted_at >= REPORT_INTERVAL_S:
            await self.note()
        self.check()

    def stop(self) -> None:
        """Let the job end at its next `progress` or `check`."""
        self.is_stopping = True

    def check(self) -> None:
        """Raise `JobStopped` when the job is to end."""
        if self.is_stopping:
            raise JobStopped

    async def note(self) -> None:
        """Write down the last progress that was reported, unless it is."""
        if self.job is not None and self._reported is not None and self._reported != self._noted:
            self._noted, self._noted_at = self._reported, time.monotonic()
            await report(self.job, *self._reported)


current_run: ContextVar[Run | None] = ContextVar("current_run", default=None)
"""The run that the running task works for, if any."""


async def progress(done: int, total: int | None = None) -> None:
    """Say how far the current job is, if this is one. Raises `JobStopped` when it is to end."""
    run = current_run.get()
    if run is not None:
        await run.progress(done, total)


def checkpoint() -> None:
    """Raise `JobStopped` when the current job, if this is one, is to end."""
    run = current_run.get()
    if run is not None:
        run.check()


Handler = Callable[[Run], Awaitable[str | None]]


@dataclass(frozen=True, slots=True)
class JobKind:
    """One kind. The limits of number hold over all processes, those of time and memory for each attempt.

    `memory_bytes` is the resident memory that a child process may have. `needs` says whether this site can do
    it; where it cannot, its jobs wait. In read-only mode so do those that do not go on then: they change
    content, accounts or settings, or tidy up what can wait.
    """

    name: str
    sentence: str
    handler: Handler
    goes_on_when_read_only: bool
    lane: Lane = Lane.SHORT
    every_s: int | None = None
    retries: int = MAXIMUM_ATTEMPTS - 1
    timeout_s: float = LANES[Lane.SHORT].timeout_s
    memory_bytes: int | None = None
    at_once: int | None = None
    per_namespace: int | None = None
    needs: Callable[[Site], bool] = lambda _: True

    def is_meant_by(self, name: str) -> bool:
        """Whether a name is that of the kind, or of a group of kinds with it."""
        return name == self.name or GROUPS.get(name) is self.lane

    @property
    def limits(self) -> Limits:
        """What the queue has to know of it."""
        return Limits(self.at_once, self.per_namespace, self.retries + 1)


KINDS: Final[dict[str, JobKind]] = {}
"""The kinds by name, as far as their modules are imported; `collected` imports all."""


def job(
    name: str,
    sentence: str,
    *,
    goes_on_when_read_only: bool,
    lane: Lane = Lane.SHORT,
    every_s: int | None = None,
    retries: int = MAXIMUM_ATTEMPTS - 1,
    timeout_s: float | None = None,
    memory_bytes: int | None = None,
    at_once: int | None = None,
    per_namespace: int | None = None,
    needs: Callable[[Site], bool] = lambda _: True,
) -> Callable[[Handler], Handler]:
    """Declare a kind of job, whose handler is decorated. Every kind says whether read-only mode suspends it.

    One that comes `every_s` seconds runs once at a time if nothing else is said. A heavy one may take 1 GiB.
    Raises `ValueError` for a name that is taken, and for a limit of memory that nobody watches.
    """
    if name in KINDS:
        raise ValueError(f"the kind of job {name!r} is declared twice")
    if memory_bytes is not None and lane is not Lane.HEAVY:
        raise ValueError(f"{name}: only jobs of the lane heavy have a process whose memory can be limited")
    if lane is Lane.HEAVY and memory_bytes is None:
        memory_bytes = 1024 * MIB

    def declare(handler: Handler) -> Handler:
        KINDS[name] = JobKind(
            name=name,
            sentence=sentence,
            handler=handler,
            goes_on_when_read_only=goes_on_when_read_only,
            lane=lane,
            every_s=every_s,
            retries=retries,
            timeout_s=timeout_s or LANES[lane].timeout_s,
            memory_bytes=memory_bytes,
            at_once=1 if at_once is None and every_s is not None else at_once,
            per_namespace=per_namespace,
            needs=needs,
        )
        return handler

    return declare


def collected() -> Mapping[str, JobKind]:
    """All kinds by name, in alphabetical order."""
    for found in walk_packages(resolvers.__path__, f"{resolvers.__name__}."):
        import_module(found.name)
    return dict(sorted(KINDS.items()))
