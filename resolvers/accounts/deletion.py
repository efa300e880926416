"""Deletion of a namespace: a tombstone at once, then a job purges it (`resolvers.repositories.purge`)."""

from resolvers.access.epochs import Cause, bump
from resolvers.access.viewer import AccountKind
from resolvers.accounts import session
from resolvers.errors import NotFound
from storage.clock import now_ms
from storage.conditions import exists
from storage.jobs import enqueue
from storage.statements import execute

JOB = "namespace.purge"


async def begin(account_id: int, kind: AccountKind) -> None:
    """Mark a user or organization as deleted, end its sessions and tokens, and enqueue the purge.

    Its address is free at once; its name only after the purge, since its content stands under it.

    In the open transaction. Raises `NotFound` if it is deleted already, or is no longer of this kind: who is
    taken over becomes an organization.
    """
    hidden = await execute(
        f"UPDATE account SET deleted_at_ms = ?, is_enabled = ?, email = NULL, email_key = NULL,"
        f" {bump(Cause.ACCOUNT_DELETED)}"
        f" WHERE id = ? AND kind = ? AND {exists()}",
        now_ms(),
        False,
        account_id,
        kind.value,
    )
    if not hidden:
        raise NotFound
    await session.end_all(account_id)
    # Tokens of its applications act for other users, so they would stay valid until the job ran.
    await execute("DELETE FROM application WHERE organization_id = ?", account_id)
    await enqueue(JOB, {"namespace_id": account_id}, namespace_id=account_id)
