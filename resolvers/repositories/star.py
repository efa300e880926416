"""Stars: bookmarks of users for repositories. Starring requires to read the repository."""

from collections.abc import Sequence

from resolvers.access.permissions import require_account_role
from resolvers.access.roles import AccountRole, RepositoryRole
from resolvers.access.viewer import Viewer
from resolvers.context import Context
from resolvers.pages import Page, Slice
from resolvers.repositories.repository import RepositoryFilter, RepositoryRecord, find, repositories, require
from storage.clock import now_ms
from storage.conditions import exists
from storage.statements import execute, fetch, placeholders
from storage.transactions import transaction


async def star(context: Context, path: str) -> RepositoryRecord:
    """Star a repository. Idempotent. Requires `user:admin` and `repo:read`. Raises `NotFound`."""
    account_id = require_account_role(context, AccountRole.ADMIN)
    record = await require(context, path, RepositoryRole.READ)
    async with transaction("star.create"):
        await execute(
            # The statement itself checks that the repository was not deleted meanwhile.
            "INSERT INTO star (account_id, repository_id, created_at_ms)"
            " SELECT CAST(? AS BIGINT), r.id, CAST(? AS BIGINT) FROM repository r"
            f" WHERE r.id = ? AND {exists('r')}"
            " ON CONFLICT (account_id, repository_id) DO NOTHING",
            account_id,
            now_ms(),
            record.id,
        )
    return record


async def unstar(context: Context, path: str) -> RepositoryRecord:
    """Remove the viewer's star from a repository. Idempotent. Requires `user:admin`.

    Without a star to remove it requires and raises as `star`; who has one may no longer read the repository.
    """
    account_id = require_account_role(context, AccountRole.ADMIN)
    if record := await find(path):
        async with transaction("star.delete"):
            removed = await execute(
                "DELETE FROM star WHERE account_id = ? AND repository_id = ?", account_id, record.id
            )
        if removed:
            return record
    return await require(context, path, RepositoryRole.READ)


async def starred(context: Context, page: Page) -> Slice[RepositoryRecord]:
    """The repositories that the viewer starred and may still see, oldest first. Requires `user:admin`."""
    require_account_role(context, AccountRole.ADMIN)
    return await repositories(context, RepositoryFilter(is_starred=True), page)


async def starred_among(viewer: Viewer, repository_ids: Sequence[int]) -> dict[int, bool]:
    """Those of some repositories that the viewer has starred, in one statement."""
    if viewer.account is None or not repository_ids:
        return {}
    rows = await fetch(
        "SELECT repository_id AS id FROM star"
        f" WHERE account_id = ? AND repository_id IN ({placeholders(repository_ids)})",
        viewer.account.id,
        *repository_ids,
    )
    return {row["id"]: True for row in rows}


async def counts(repository_ids: Sequence[int]) -> dict[int, int]:
    """The number of stars of each repository, in one statement; repositories without stars are left out."""
    if not repository_ids:
        return {}
    rows = await fetch(
        "SELECT repository_id AS id, COUNT(*) AS stars FROM star"
        f" WHERE repository_id IN ({placeholders(repository_ids)}) GROUP BY repository_id",
        *repository_ids,
    )
    return {row["id"]: row["stars"] for row in rows}
