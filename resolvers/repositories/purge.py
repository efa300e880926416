"""Purging: jobs that hard-delete the content of deleted repositories and namespaces, in batches."""

from collections.abc import Iterable

from resolvers.access.epochs import Cause, bump
from resolvers.job_kinds import Lane, Run, checkpoint, job, progress
from resolvers.sizes import stored as sizes
from storage.clock import now_ms
from storage.conditions import exists
from storage.statements import execute, fetch, fetch_one
from storage.transactions import transaction

PURGE_STATEMENTS = (
    "DELETE FROM tag WHERE id IN (SELECT id FROM tag WHERE repository_id = ? LIMIT {limit})",
    "DELETE FROM manifest WHERE id IN (SELECT id FROM manifest WHERE repository_id = ? LIMIT {limit})",
    (
        "DELETE FROM repository_blob WHERE id IN"
        " (SELECT id FROM repository_blob WHERE repository_id = ? LIMIT {limit})"
    ),
    "DELETE FROM upload WHERE id IN (SELECT id FROM upload WHERE repository_id = ? LIMIT {limit})",
    (
        "DELETE FROM repository_permission WHERE id IN"
        " (SELECT id FROM repository_permission WHERE repository_id = ? LIMIT {limit})"
    ),
    "DELETE FROM star WHERE id IN (SELECT id FROM star WHERE repository_id = ? LIMIT {limit})",
    (
        "DELETE FROM storage_sample WHERE id IN (SELECT s.id FROM repository r JOIN storage_sample s"
        " ON s.namespace_id = r.namespace_id AND s.repository_id = r.id WHERE r.id = ? LIMIT {limit})"
    ),
    (
        "DELETE FROM notification_delivery WHERE id IN (SELECT d.id FROM notification n"
        " JOIN notification_delivery d ON d.notification_id = n.id WHERE n.repository_id = ? LIMIT {limit})"
    ),
    "DELETE FROM notification WHERE repository_id = ?",
    (
        "DELETE FROM build_log_line WHERE id IN (SELECT l.id FROM build b"
        " JOIN build_log_line l ON l.build_id = b.id WHERE b.repository_id = ? LIMIT {limit})"
    ),
    "DELETE FROM build WHERE id IN (SELECT id FROM build WHERE repository_id = ? LIMIT {limit})",
    "DELETE FROM build_trigger WHERE repository_id = ?",
    "DELETE FROM repository WHERE id = ?",
    # Triggers subtract what leaves with the row of the repository, so this goes after it.
    "DELETE FROM repository_size WHERE repository_id = ?",
)
PURGE_BATCH = 200


@job(
    "repository.purge",
    "Removes what a deleted repository held.",
    lane=Lane.LONG,
    per_namespace=1,
    goes_on_when_read_only=False,
)
async def purge_repository_of(run: Run) -> None:
    """Purge the repository that the job is for."""
    await purge_repository(run.payload["repository_id"])


@job(
    "namespace.purge",
    "Removes what a deleted user or organization held.",
    lane=Lane.LONG,
    goes_on_when_read_only=False,
)
async def purge_namespace_of(run: Run) -> None:
    """Purge the namespace that the job is for."""
    await purge_namespace(run.payload["namespace_id"])


async def purge_repository(repository_id: int) -> None:
    """Delete the content and the row of a deleted repository, in short transactions. Idempotent."""
    row = await fetch_one("SELECT deleted_at_ms FROM repository WHERE id = ?", repository_id)
    if row is None or row["deleted_at_ms"] is None:
        return
    await delete_in_batches("repository.purge", PURGE_STATEMENTS, repository_id)


async def delete_in_batches(name: str, statements: Iterable[str], row_id: int) -> None:
    """Delete what statements with a `{limit}` find for a row id, in short transactions of a name."""
    for statement in statements:
        removed = PURGE_BATCH
        while removed == PURGE_BATCH:
            checkpoint()
            async with transaction(name):
                removed = await execute(statement.format(limit=PURGE_BATCH), row_id)


async def purge_namespace(namespace_id: int) -> None:
    """Delete the content of a deleted namespace, and at last its row. Idempotent, also after a kill.

    Memberships, permissions and tokens are deleted with the row of their account (ON DELETE CASCADE).
    """
    row = await fetch_one("SELECT deleted_at_ms FROM account WHERE id = ?", namespace_id)
    if row is None or row["deleted_at_ms"] is None:
        return
    await execute(
        f"UPDATE repository SET deleted_at_ms = ?, {bump(Cause.REPOSITORY_DELETED)}"
        f" WHERE namespace_id = ? AND {exists()}",
        now_ms(),
        namespace_id,
    )
    repositories = await fetch("SELECT id FROM repository WHERE namespace_id = ?", namespace_id)
    for place, held in enumerate(repositories):
        await progress(place, len(repositories))
        await purge_repository(held["id"])
    async with transaction("namespace.purge"):
        robots = await fetch("SELECT account_id AS id FROM robot WHERE owner_id = ?", namespace_id)
        await execute("DELETE FROM robot WHERE owner_id = ?", namespace_id)
        for robot in robots:
            await execute("DELETE FROM account WHERE id = ?", robot["id"])
        await execute("DELETE FROM account WHERE id = ?", namespace_id)
        await sizes.forget(namespace_id)
