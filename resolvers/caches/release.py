"""What a former cache keeps: its tags do not expire any more, but for those whose content has not all come.

Nobody confirms a tag once its organization follows no upstream. One whose image can be pulled stays, as if it
had been pushed; one that names what only the upstream has ends.
"""

from dataclasses import replace

from resolvers import events, spans
from resolvers.access.viewer import ANONYMOUS
from resolvers.caches.configuration import RELEASE
from resolvers.context import Context
from resolvers.job_kinds import Lane, Run, checkpoint, job
from resolvers.manifests.rights import IS_HELD
from resolvers.repositories import repository as repositories
from resolvers.repositories.repository import RepositoryRecord
from resolvers.tags import event as tag_event
from storage.clock import now_ms
from storage.conditions import exists, is_active
from storage.statements import execute, fetch, fetch_one, placeholders
from storage.transactions import lock_row, transaction

BATCH = 200

_LACKS_BLOB = (
    "EXISTS (SELECT 1 FROM manifest_blob l WHERE l.manifest_id = {manifest}.id AND l.is_distributable"
    f" AND NOT {IS_HELD})"
)
_IMAGE = (
    "SELECT 1 FROM manifest_child c JOIN manifest k ON k.digest = c.digest"
    " AND k.repository_id = m.repository_id AND k.deleted_digest IS NULL WHERE c.manifest_id = m.id"
)
_IS_WHOLE = (
    f"(NOT {_LACKS_BLOB.format(manifest='m')} AND (NOT m.is_index OR EXISTS ({_IMAGE}))"
    f" AND NOT EXISTS ({_IMAGE} AND {_LACKS_BLOB.format(manifest='k')}))"
)
"""SQL condition: all blobs of a manifest have come, and those of the images of an index that have come."""


@job(
    RELEASE,
    "Lets tags of a former cache stay, if their content is there.",
    lane=Lane.LONG,
    per_namespace=1,
    goes_on_when_read_only=False,
)
async def run_release(run: Run) -> None:
    """Release the tags of the organization that the job is for."""
    await release(run.tools.context, run.payload["organization_id"])


async def release(context: Context, organization_id: int) -> None:
    """Release the tags of an organization, in short transactions. Idempotent; nothing for a cache."""
    last = 0
    while True:
        rows = await fetch(
            f"SELECT r.id FROM repository r WHERE r.namespace_id = ? AND r.id > ? AND {exists('r')}"
            f" ORDER BY r.id LIMIT {BATCH}",
            organization_id,
            last,
        )
        for row in rows:
            last = row["id"]
            record = (await repositories.by_ids([last])).get(last)
            if record is not None and not await _release_all(context, record):
                return
        if len(rows) < BATCH:
            return


async def _release_all(context: Context, record: RepositoryRecord) -> bool:
    """Release the tags of a repository; False if its organization is a cache again."""
    after = 0
    while True:
        checkpoint()
        rows = await fetch(
            f"SELECT t.id, t.name, CASE WHEN {_IS_WHOLE} THEN 1 ELSE 0 END AS is_whole"
            " FROM tag t JOIN manifest m ON m.id = t.manifest_id"
            f" WHERE t.repository_id = ? AND t.id > ? AND t.confirmed_at_ms IS NOT NULL AND {is_active('t')}"
            f" ORDER BY t.id LIMIT {BATCH}",
            record.id,
            after,
            now_ms(),
        )
        if not rows:
            return True
        after = rows[-1]["id"]
        whole = [row["id"] for row in rows if row["is_whole"]]
        others = [row["id"] for row in rows if not row["is_whole"]]
        if not await _release(context, record, whole, others):
            return False


async def _release(context: Context, record: RepositoryRecord, whole: list[int], others: list[int]) -> bool:
    async with transaction("cache.release"):
        await lock_row("repository", record.id)
        if await fetch_one("SELECT id FROM proxy_cache WHERE organization_id = ?", record.namespace_id):
            return False
        now = now_ms()
        if whole:
            await spans.go_on(f"id IN ({placeholders(whole)}) AND {is_active('tag')}", *whole, now)
            await execute(
                f"UPDATE tag SET confirmed_at_ms = NULL WHERE id IN ({placeholders(whole)})", *whole
            )
        if others:
            ended = await fetch(
                f"SELECT t.name FROM tag t WHERE t.id IN ({placeholders(others)}) AND {is_active('t')}"
                " ORDER BY t.id",
                *others,
                now,
            )
            await spans.end(f"id IN ({placeholders(others)})", *others, moment_ms=now)
            # Nobody asked for it, so that the entries name nobody.
            nobody = replace(context, viewer=ANONYMOUS)
            await events.write(
                await events.prepare(
                    nobody,
                    [tag_event.deleted(nobody, record, row["name"]) for row in ended],
                    namespace_id=record.namespace_id,
                    repository_id=record.id,
                )
            )
    return True
