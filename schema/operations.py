"""How the registry does, for superusers: fields of an object that only those get who see the site."""

from datetime import datetime

import strawberry

from resolvers import operations
from schema.connections import After, Connection, First, connect, page
from schema.guards import REFUSABLE
from schema.job import Job, to_job
from schema.scalars import BigInt, optional_datetime, to_datetime


@strawberry.type(description="A store that the registry depends on, asked now.")
class StoreHealth:
    kind: str = strawberry.field(
        description="`sqlite` or `postgres`; of blobs `file`, `s3` or `memory`, the scheme of the address."
    )
    is_healthy: bool = strawberry.field(
        description="Whether it answered within five seconds, as `/readyz` judges it."
    )
    latency_ms: int = strawberry.field(description="How long the answer took.")
    free_bytes: BigInt | None = strawberry.field(
        description="The free space of its disk; null where it is on no disk of this host."
    )


@strawberry.type(description="The jobs of one kind that are not over, or failed.")
class JobCounts:
    kind: str = strawberry.field(description="The kind, such as `mail.send`.")
    waiting_count: int = strawberry.field(description="How many wait, also for a later time.")
    running_count: int = strawberry.field(description="How many run.")
    failed_count: int = strawberry.field(
        description="How many were given up in the last 90 days; `jobs` has their errors, `jobRetry`"
        " tries one again."
    )
    oldest_due_at: datetime | None = strawberry.field(
        description="Since when the oldest waits whose time has come; null if none does."
    )


@strawberry.type(description="How far the readers of the event log are behind.")
class EventLag:
    last_event_at: datetime | None = strawberry.field(description="When the last event happened.")
    unread_count: int = strawberry.field(
        description="How many events notifications have not read yet, at most 10,000; 0 as long as there has"
        " been no notification."
    )
    oldest_unread_at: datetime | None = strawberry.field(
        description="When the oldest of these happened; null if there are none."
    )
    summed_until_at: datetime | None = strawberry.field(
        description="Up to when audit entries are counted by day; null before the first count."
    )


@strawberry.type(description="Sessions and tokens that are valid now.")
class SignInCounts:
    session_count: int = strawberry.field(description="Sessions of browsers.")
    access_token_count: int = strawberry.field(description="Access tokens.")
    used_access_token_count: int = strawberry.field(description="Those that were used in the last day.")
    app_token_count: int = strawberry.field(description="Application tokens.")
    used_app_token_count: int = strawberry.field(description="Those that were used in the last day.")


@strawberry.type(description="Failures to sign in from one address.")
class AddressFailures:
    address: str = strawberry.field(description="The address of the client.")
    failure_count: int = strawberry.field(
        description="How many entries the audit log has. The same mistake again has none, nor has what"
        " is held back."
    )
    last_failed_at: datetime = strawberry.field(description="When the last was.")


@strawberry.type(description="What a namespace stores.")
class NamespaceStored:
    namespace: str = strawberry.field(description="The name of the user or organization.")
    stored_bytes: BigInt = strawberry.field(description="Its blobs, each once, and its manifests.")


@strawberry.type(description="A kind of job that comes again and again.")
class RecurringJob:
    record: strawberry.Private[operations.Recurrence]

    @strawberry.field(description="The kind, such as `content.collect`.")
    def kind(self) -> str:
        return self.record.kind.name

    @strawberry.field(description="What it does.")
    def description(self) -> str:
        return self.record.kind.sentence

    @strawberry.field(description="After how many seconds it comes again.")
    def interval_s(self) -> int:
        return self.record.kind.every_s or 0

    @strawberry.field(description="Whether it goes on in read-only mode.")
    def is_going_on_when_read_only(self) -> bool:
        return self.record.kind.goes_on_when_read_only

    @strawberry.field(description="The last one, which may wait or run still; null before the first.")
    def last_job(self) -> Job | None:
        return to_job(self.record.last) if self.record.last else None

    @strawberry.field(description="How long the last one took; null before it has ended.")
    def last_duration_ms(self) -> int | None:
        last = self.record.last
        if last is None or last.started_at_ms is None or last.finished_at_ms is None:
            return None
        return min(max(last.finished_at_ms - last.started_at_ms, 0), 2**31 - 1)

    @strawberry.field(description="When the next one is ordered; null before the first.")
    def next_at(self) -> datetime | None:
        last = self.record.last
        return to_datetime(last.created_at_ms + self.interval_ms) if last else None

    @property
    def interval_ms(self) -> int:
        """The interval in milliseconds."""
        return (self.record.kind.every_s or 0) * 1000


@strawberry.type(description="How the registry does.")
class Operations:
    record: strawberry.Private[operations.Operations]

    @strawberry.field(description="The version of the server that answers.")
    def version(self) -> str:
        return self.record.context.site.version

    @strawberry.field(
        description="The revision of the database's schema: the name of its last migration.",
        metadata=REFUSABLE,
    )
    async def schema_revision(self) -> str:
        return await self.record.revision()

    @strawberry.field(description="The database.", metadata=REFUSABLE)
    async def database(self) -> StoreHealth:
        return _health(await self.record.database())

    @strawberry.field(description="The blob store.", metadata=REFUSABLE)
    async def blob_store(self) -> StoreHealth:
        return _health(await self.record.blob_store())

    @strawberry.field(
        description="The jobs by kind, of kinds that have any; at most one for each kind.", metadata=REFUSABLE
    )
    async def job_counts(self) -> list[JobCounts]:
        return [
            JobCounts(
                kind=one.kind,
                waiting_count=one.waiting,
                running_count=one.running,
                failed_count=one.failed,
                oldest_due_at=optional_datetime(one.oldest_due_at_ms),
            )
            for one in await self.record.jobs()
        ]

    @strawberry.field(
        description="What ran when, of what comes again and again; at most one for each kind.",
        metadata=REFUSABLE,
    )
    async def recurring_jobs(self) -> list[RecurringJob]:
        return [RecurringJob(record=one) for one in await self.record.recurring()]

    @strawberry.field(description="How far the readers of the event log are behind.", metadata=REFUSABLE)
    async def event_lag(self) -> EventLag:
        lag = await self.record.events()
        return EventLag(
            last_event_at=optional_datetime(lag.last_event_at_ms),
            unread_count=lag.unread_by_notifications,
            oldest_unread_at=optional_datetime(lag.oldest_unread_at_ms),
            summed_until_at=optional_datetime(lag.rolled_up_to_ms),
        )

    @strawberry.field(description="Sessions and tokens in use.", metadata=REFUSABLE)
    async def sign_ins(self) -> SignInCounts:
        counts = await self.record.sign_ins()
        return SignInCounts(
            session_count=counts.sessions,
            access_token_count=counts.access_tokens,
            used_access_token_count=counts.access_tokens_used,
            app_token_count=counts.app_tokens,
            used_app_token_count=counts.app_tokens_used,
        )

    @strawberry.field(
        description="Addresses from which signing in failed in the last day, most failures first,"
        " at most 100; looked for among the newest 50,000 audit entries.",
        metadata=REFUSABLE,
    )
    async def sign_in_failures(self) -> list[AddressFailures]:
        return [
            AddressFailures(
                address=one.address,
                failure_count=one.failures,
                last_failed_at=to_datetime(one.last_failed_at_ms),
            )
            for one in await self.record.sign_in_failures()
        ]

    @strawberry.field(description="What namespaces store, most first.")
    async def namespace_storage(
        self, first: First = 50, after: After = None
    ) -> Connection[NamespaceStored] | None:
        found = await self.record.storage(page(first, after))
        return connect(
            found, lambda one: NamespaceStored(namespace=one.name, stored_bytes=BigInt(one.stored_bytes))
        )


def _health(found: operations.Health) -> StoreHealth:
    free = None if found.free_bytes is None else BigInt(found.free_bytes)
    return StoreHealth(
        kind=found.kind, is_healthy=found.is_healthy, latency_ms=found.latency_ms, free_bytes=free
    )
