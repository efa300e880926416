"""Deleting a namespace: it is gone at once, its content follows in a job, then its name is free."""

from resolvers import repository, session
from resolvers.errors import NotFound
from storage.clock import now_ms
from storage.jobs import enqueue
from storage.statements import execute, fetch, fetch_one
from storage.transactions import transaction

JOB = "namespace.purge"


async def begin(account_id: int) -> None:
    """Hide a user or organization with all it owns, end its access, and leave the rest to the job.

    In the open transaction. Raises `NotFound` if another caller was first.
    """
    hidden = await execute(
        "UPDATE account SET deleted_at_ms = ?, is_enabled = ?, auth_epoch = auth_epoch + 1"
        " WHERE id = ? AND deleted_at_ms IS NULL",
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


async def purge(namespace_id: int) -> None:
    """Remove what a deleted namespace held, and at last its row. May be run again at any point.

    Memberships, permissions, tokens and the like go with the row of their account.
    """
    row = await fetch_one("SELECT deleted_at_ms FROM account WHERE id = ?", namespace_id)
    if row is None or row["deleted_at_ms"] is None:
        return
    await execute(
        "UPDATE repository SET deleted_at_ms = ?, auth_epoch = auth_epoch + 1"
        " WHERE namespace_id = ? AND deleted_at_ms IS NULL",
        now_ms(),
        namespace_id,
    )
    for held in await fetch("SELECT id FROM repository WHERE namespace_id = ?", namespace_id):
        await repository.purge(held["id"])
    async with transaction("namespace.purge"):
        robots = await fetch("SELECT account_id AS id FROM robot WHERE owner_id = ?", namespace_id)
        await execute("DELETE FROM robot WHERE owner_id = ?", namespace_id)
        for robot in robots:
            await execute("DELETE FROM account WHERE id = ?", robot["id"])
        await execute("DELETE FROM account WHERE id = ?", namespace_id)
