"""Deleting a namespace: it is gone at once, its content follows in a job (`resolvers.repositories.purge`)."""

from resolvers.access.epochs import Cause, bump
from resolvers.accounts import session
from resolvers.errors import NotFound
from storage.clock import now_ms
from storage.conditions import exists
from storage.jobs import enqueue
from storage.statements import execute

JOB = "namespace.purge"


async def begin(account_id: int) -> None:
    """Hide a user or organization with all it owns, end its access, and leave the rest to the job.

    In the open transaction. Raises `NotFound` if another caller was first.
    """
    hidden = await execute(
        f"UPDATE account SET deleted_at_ms = ?, is_enabled = ?, {bump(Cause.ACCOUNT_DELETED)}"
        f" WHERE id = ? AND {exists()}",
        now_ms(),
        False,
        account_id,
    )
    if not hidden:
        raise NotFound
    await session.end_all(account_id)
    # The tokens of its applications act for others, and so would outlive the organization by the job's time.
    await execute("DELETE FROM application WHERE organization_id = ?", account_id)
    await enqueue(JOB, {"namespace_id": account_id})
