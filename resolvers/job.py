"""Background jobs as superusers see them: listed, cancelled, tried again, forgotten when long over."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from resolvers.columns import Columns
from resolvers.context import Context
from resolvers.errors import Conflict, NotFound
from resolvers.job_kinds import DAY, Run, job
from resolvers.pages import Page, Query, Slice, Term, paginate
from storage import jobs
from storage.clock import now_ms
from storage.statements import fetch, fetch_one, placeholders


class JobState(StrEnum):
    """Where a job stands."""

    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


KEEP_MS = {
    JobState.DONE: 7 * 86_400_000,
    JobState.CANCELLED: 7 * 86_400_000,
    JobState.FAILED: 90 * 86_400_000,
}
"""How long the record of a job that ended is kept, by its state."""


@dataclass(frozen=True, slots=True)
class JobRecord:
    """A job. `namespace` is that for which it works; `holder` the process that runs it or ran it last.

    `run_at_ms` is when it may run, `started_at_ms` the start of its last attempt. `error` is what went wrong
    in the last attempt that failed. `progress_done` is null until it says how far it is.
    """

    id: int
    kind: str
    state: JobState
    namespace: str | None
    attempts: int
    holder: str | None
    created_at_ms: int
    run_at_ms: int
    started_at_ms: int | None
    finished_at_ms: int | None
    cancel_requested_at_ms: int | None
    progress_done: int | None
    progress_total: int | None
    result: str | None
    error: str | None


@dataclass(frozen=True, slots=True)
class JobFilter:
    """Which jobs: None lets all pass, an empty list none."""

    kinds: Sequence[str] | None = None
    states: Sequence[JobState] | None = None
    namespace: str | None = None


_COLUMNS = Columns(JobRecord, "j", namespace="n.name", holder="j.lease_holder")
_SOURCE = "job j LEFT JOIN account n ON n.id = j.namespace_id"


async def listed(context: Context, chosen: JobFilter, page: Page) -> Slice[JobRecord]:
    """The jobs of the installation, newest first. For superusers, also read-only ones.

    Raises `Invalid` for a wrong page.
    """
    context.viewer.require_site_view()
    conditions: list[str] = []
    values: list[str] = []
    lists = (("j.kind", chosen.kinds), ("j.state", chosen.states))
    for column, wanted in ((column, wanted) for column, wanted in lists if wanted is not None):
        conditions.append(f"{column} IN ({placeholders(wanted)})" if wanted else "1 = 0")
        values += [str(one) for one in wanted]
    if chosen.namespace is not None:
        conditions.append("j.namespace_id = (SELECT a.id FROM account a WHERE a.name = ?)")
        values.append(chosen.namespace)
    query = Query(
        _COLUMNS.sql, _SOURCE, (Term("j.id", "id", descending=True),), tuple(conditions), tuple(values)
    )
    return (await paginate(query, page, maximum=context.max_first)).of(_COLUMNS.record)


async def by_id(context: Context, job_id: int) -> JobRecord | None:
    """One job. For superusers, also read-only ones."""
    context.viewer.require_site_view()
    row = await fetch_one(f"SELECT {_COLUMNS.sql} FROM {_SOURCE} WHERE j.id = ?", job_id)
    return _COLUMNS.record(row) if row else None


async def cancel(context: Context, job_id: int | None) -> JobRecord:
    """Cancel a job that waits, or have one ended that runs, which takes seconds.

    For superusers with a fresh login. Raises `NotFound`, also for None, and `Conflict` for a job that has
    ended.
    """
    context.viewer.require_superuser()
    context.viewer.require_fresh()
    before = await by_id(context, job_id) if job_id is not None else None
    if before is None:
        raise NotFound("job: there is no job of this id.", field="job")
    if not await jobs.cancel(before.id):
        raise Conflict("job: has ended already; only a waiting or running job can be cancelled.", field="job")
    return await by_id(context, before.id) or before


async def retry(context: Context, job_id: int | None) -> JobRecord:
    """Let a job that failed or was cancelled wait again, with all its attempts.

    For superusers with a fresh login. Raises `NotFound`, also for None, and `Conflict` for any other job.
    """
    context.viewer.require_superuser()
    context.viewer.require_fresh()
    before = await by_id(context, job_id) if job_id is not None else None
    if before is None:
        raise NotFound("job: there is no job of this id.", field="job")
    if not await jobs.retry(before.id):
        raise Conflict("job: only one that failed or was cancelled can be tried again.", field="job")
    return await by_id(context, before.id) or before


async def latest_of(kinds: Sequence[str]) -> dict[str, JobRecord]:
    """The last job of each kind that has had any, by kind. For callers who have checked rights."""
    if not kinds:
        return {}
    latest = "(SELECT l.id FROM job l WHERE l.kind = ? ORDER BY l.id DESC LIMIT 1)"
    rows = await fetch(
        f"SELECT {_COLUMNS.sql} FROM {_SOURCE} WHERE j.id IN ({', '.join([latest] * len(kinds))})", *kinds
    )
    return {row["kind"]: _COLUMNS.record(row) for row in rows}


@job(
    "job.forget",
    "Removes the records of jobs: done or cancelled a week ago, failed 90 days ago.",
    every_s=DAY,
    goes_on_when_read_only=False,
)
async def forget(run: Run) -> None:
    """Forget in batches."""
    for state, keep_ms in KEEP_MS.items():
        while await jobs.forget_ended(now_ms() - keep_ms, states=[state.value]):
            run.check()
