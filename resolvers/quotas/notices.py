"""Events and notices about quotas that fill up: each threshold once a day at most, whoever reaches it.

A row for each threshold decides between those who reach it at once. A warning is recorded by the push that
reaches the threshold; a refusal after its transaction was undone, in one of its own.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from resolvers import events
from resolvers.context import Context
from resolvers.errors import QuotaExceeded
from resolvers.inbox import notice
from resolvers.inbox.notice import NoticeKind, Target
from resolvers.quotas.usage import LimitKind, Usage, is_enforced, usage_of
from resolvers.sizes.stored import hold
from storage.clock import DAY_MS, is_recent, now_ms
from storage.statements import execute
from storage.transactions import transaction

ContextOf = Callable[[], Awaitable[Context]]
"""Makes the context of whoever pushes, which costs a statement at `/v2` and is seldom wanted."""

EVENTS = {LimitKind.REJECT: "quota_error", LimitKind.WARNING: "quota_warning"}


async def note(context_of: ContextOf, usage: Usage) -> None:
    """Record, in the open transaction, that a namespace has reached a threshold, unless that is known."""
    reached = usage.highest_reached
    if reached is None or (
        reached.noted_at_ms is not None and is_recent(reached.noted_at_ms, now_ms(), DAY_MS)
    ):
        return
    await _record(
        await context_of(),
        reached.kind,
        reached.percent,
        usage.namespace_id,
        usage.namespace,
        usage.stored_bytes,
        reached.limit_bytes,
    )


async def review(context: Context, namespace_id: int) -> None:
    """Record what thresholds a namespace has reached by now: for who makes or changes its quota.

    In the transaction that does so, which ends before more content enters.
    """
    if not is_enforced(context.site):
        return
    await hold([namespace_id])

    async def given() -> Context:
        return context

    await note(given, await usage_of(context.site, namespace_id))


async def tell_refusal(context: Context, error: QuotaExceeded) -> None:
    """Record a refused push, after its transaction was undone."""
    async with transaction("quota.refusal"):
        await _record(
            context,
            LimitKind.REJECT,
            error.percent,
            error.namespace_id,
            error.namespace,
            error.usage_bytes,
            error.limit_bytes,
        )


@asynccontextmanager
async def refusals(context: Context) -> AsyncIterator[None]:
    """Record the refusal that the block raises, if any; the block has the transaction inside."""
    try:
        yield
    except QuotaExceeded as error:
        await tell_refusal(context, error)
        raise


async def _record(
    context: Context,
    kind: LimitKind,
    percent: int,
    namespace_id: int,
    namespace: str,
    usage_bytes: int,
    limit_bytes: int,
) -> None:
    """Record the event of a threshold in the open transaction, if nobody did within a day."""
    if not context.site.has("QUOTA_NOTIFICATIONS"):
        return
    now = now_ms()
    first = await execute(
        "INSERT INTO quota_notice (namespace_id, kind, percent, noted_at_ms)"
        " SELECT n.id, CAST(? AS VARCHAR(16)), CAST(? AS INT), CAST(? AS BIGINT) FROM account n"
        " WHERE n.id = ?"
        " ON CONFLICT (namespace_id, kind, percent) DO UPDATE SET noted_at_ms = excluded.noted_at_ms"
        # A time further ahead was noted before the clock went back.
        " WHERE quota_notice.noted_at_ms <= ? OR quota_notice.noted_at_ms >= ?",
        kind.value,
        percent,
        now,
        namespace_id,
        now - DAY_MS,
        now + DAY_MS,
    )
    if not first:
        return
    told = {
        "namespace": namespace,
        "threshold_percent": percent,
        "usage_bytes": usage_bytes,
        "limit_bytes": limit_bytes,
        "usage_percent": usage_bytes * 100 // limit_bytes if limit_bytes else 100,
    }
    await events.record(context, EVENTS[kind], told, namespace_id=namespace_id)
    await notice.put(NoticeKind(EVENTS[kind]), told, Target(account_id=namespace_id))
