"""What becomes of repositories whose organization follows another registry no more: ordinary ones."""

from typing import Final

from resolvers.context import Context
from resolvers.repositories import repository
from resolvers.repositories.repository import RepositoryState
from storage.conditions import exists
from storage.statements import execute, fetch, fetch_one
from storage.transactions import lock_row, transaction

PAGE: Final = 100


async def release(context: Context, organization_id: int, *, at_most: int | None = None) -> int:
    """Remove the mirrors that an organization gave its repositories; how many. The caller has authorized it.

    Each is a transaction of its own. It ends once the organization is a mirror again.
    """
    number = 0
    while at_most is None or number < at_most:
        rows = await fetch(
            f"SELECT r.id FROM repository r WHERE r.namespace_id = ? AND r.state = ? AND {exists('r')}"
            f" ORDER BY r.id LIMIT {PAGE}",
            *(organization_id, RepositoryState.ORG_MIRROR.value),
        )
        if not rows:
            break
        for row in rows:
            if not await _release(context, organization_id, row["id"]):
                return number
            number += 1
    return number


async def _release(context: Context, organization_id: int, repository_id: int) -> bool:
    async with transaction("mirror.release"):
        # A mirror of the organization begins under this lock.
        await lock_row("account", organization_id)
        if await fetch_one("SELECT id FROM organization_mirror WHERE organization_id = ?", organization_id):
            return False
        await execute("DELETE FROM repository_mirror WHERE repository_id = ?", repository_id)
        place = (await repository.by_ids([repository_id])).get(repository_id)
        if place is not None:
            await repository.put_state(context, place, RepositoryState.NORMAL)
    return True
