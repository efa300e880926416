"""Background jobs, for superusers."""

from datetime import datetime
from typing import Annotated, Any

import strawberry

from resolvers import job
from resolvers.job import JobFilter, JobRecord, JobState
from schema.connections import After, Connection, First, connect, page
from schema.context import Info
from schema.errors import Payload, mutation
from schema.node_id import Node, decode_id, encode_id
from schema.scalars import optional_datetime, to_datetime

LARGEST_INT = 2**31 - 1
"""GraphQL's `Int` has 32 bits."""

strawberry.enum(
    JobState,
    name="JobState",
    description="Where a job stands. A job that failed for the last time is FAILED; one that is tried again"
    " is WAITING.",
)


@strawberry.type(description="How far a running job is, in steps of its kind, such as repositories.")
class JobProgress:
    done: int = strawberry.field(description="How many steps are behind it.")
    total: int | None = strawberry.field(description="How many there are; null if it does not know.")


@strawberry.type(description="A piece of work that the registry does in the background.")
class Job(Node):
    record: strawberry.Private[JobRecord]

    @strawberry.field(description="What it does, such as `mail.send`; the documentation lists all kinds.")
    def kind(self) -> str:
        return self.record.kind

    @strawberry.field(description="Where it stands.")
    def state(self) -> JobState:
        return self.record.state

    @strawberry.field(description="The namespace for which it works; null for the registry itself.")
    def namespace(self) -> str | None:
        return self.record.namespace

    @strawberry.field(
        description="How often it was begun. A shutdown of the process in between is no attempt."
    )
    def attempts(self) -> int:
        return self.record.attempts

    @strawberry.field(description="The process that runs it, as host, process id and a number; null if none.")
    def holder(self) -> str | None:
        return self.record.holder if self.record.state is JobState.RUNNING else None

    @strawberry.field(description="How far the last attempt is; null as long as it has not said.")
    def progress(self) -> JobProgress | None:
        if self.record.progress_done is None:
            return None
        total = self.record.progress_total
        return JobProgress(
            done=min(self.record.progress_done, LARGEST_INT),
            total=None if total is None else min(total, LARGEST_INT),
        )

    @strawberry.field(description="What came of it, in a sentence; null if there is nothing to say.")
    def result(self) -> str | None:
        return self.record.result

    @strawberry.field(description="What went wrong in the last attempt that failed; null if none has.")
    def error(self) -> str | None:
        return self.record.error

    @strawberry.field(description="Whether a superuser has asked for its end.")
    def is_cancel_requested(self) -> bool:
        return self.record.cancel_requested_at_ms is not None

    @strawberry.field(description="When it was ordered.")
    def created_at(self) -> datetime:
        return to_datetime(self.record.created_at_ms)

    @strawberry.field(description="The time before which it does not begin, or does not begin again.")
    def runs_at(self) -> datetime:
        return to_datetime(self.record.run_at_ms)

    @strawberry.field(description="When the last attempt began; null if none has.")
    def started_at(self) -> datetime | None:
        return optional_datetime(self.record.started_at_ms)

    @strawberry.field(description="When it was done, cancelled or given up; null before.")
    def finished_at(self) -> datetime | None:
        return optional_datetime(self.record.finished_at_ms)


def to_job(record: JobRecord) -> Job:
    """A job as a GraphQL value."""
    return Job(id=encode_id("Job", record.id), record=record)


@strawberry.input(name="JobFilter", description="Which jobs. What is not given lets all pass.")
class JobFilterInput:
    kinds: list[str] | None = strawberry.field(default=None, description="Only jobs of these kinds.")
    states: list[JobState] | None = strawberry.field(default=None, description="Only jobs in these states.")
    namespace: str | None = strawberry.field(
        default=None, description="Only jobs that work for the namespace of this name."
    )


@strawberry.type(description="What came of cancelling a job.")
class JobCancelPayload(Payload):
    job: Job | None = strawberry.field(
        default=None,
        description="The job: CANCELLED if it was waiting; else still RUNNING for the seconds that its end"
        " takes. Null if refused.",
    )


@strawberry.type(description="What came of having a job tried again.")
class JobRetryPayload(Payload):
    job: Job | None = strawberry.field(default=None, description="The job, WAITING; null if refused.")


@strawberry.type
class JobQuery:
    @strawberry.field(
        description="The background jobs of the installation, newest first. Those that are done or were"
        " cancelled are kept for 7 days, those that failed for 90. Refused to others than superusers."
    )
    async def jobs(
        self,
        info: Info,
        filter: Annotated[
            JobFilterInput | None, strawberry.argument(description="Which jobs; all if not given.")
        ] = None,
        first: First = 50,
        after: After = None,
    ) -> Connection[Job] | None:
        chosen = JobFilter(filter.kinds, filter.states, filter.namespace) if filter else JobFilter()
        return connect(await job.listed(info.context.context, chosen, page(first, after)), to_job)


@strawberry.type
class JobMutation:
    @mutation(
        JobCancelPayload,
        description="Cancel a job that waits, or end one that runs; what it has done so far stays. For"
        " superusers; needs a fresh login of a session.",
    )
    async def job_cancel(
        self,
        info: Info,
        job_id: Annotated[strawberry.ID, strawberry.argument(name="job", description="The job's `id`.")],
    ) -> Any:
        number = decode_id(job_id, "Job")
        return JobCancelPayload(job=to_job(await job.cancel(info.context.context, number)))

    @mutation(
        JobRetryPayload,
        description="Have a job tried again that failed or was cancelled, with as many attempts as a new one."
        " For superusers; needs a fresh login of a session.",
    )
    async def job_retry(
        self,
        info: Info,
        job_id: Annotated[strawberry.ID, strawberry.argument(name="job", description="The job's `id`.")],
    ) -> Any:
        number = decode_id(job_id, "Job")
        return JobRetryPayload(job=to_job(await job.retry(info.context.context, number)))
