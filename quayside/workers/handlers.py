"""What each kind of job does: a table from kind to handler. A handler may be run again at any point."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from quayside.config import Settings
from resolvers import organization, repository, upload
from storage.blobs import BlobStore
from storage.clock import now_ms
from storage.jobs import forget_done


@dataclass(frozen=True, slots=True)
class Tools:
    """What handlers work with beside the database, which is current."""

    settings: Settings
    blobs: BlobStore


Handler = Callable[[dict[str, Any], Tools], Awaitable[None]]

KEEP_DONE_JOBS_MS = 7 * 86_400_000


async def _purge_repository(payload: dict[str, Any], tools: Tools) -> None:
    await repository.purge(payload["repository_id"])


async def _purge_namespace(payload: dict[str, Any], tools: Tools) -> None:
    await organization.purge(payload["namespace_id"])


async def _expire_uploads(payload: dict[str, Any], tools: Tools) -> None:
    await upload.expire(tools.blobs)


async def _forget_jobs(payload: dict[str, Any], tools: Tools) -> None:
    while await forget_done(now_ms() - KEEP_DONE_JOBS_MS):
        pass


HANDLERS: Mapping[str, Handler] = {
    "job.forget": _forget_jobs,
    "namespace.purge": _purge_namespace,
    "repository.purge": _purge_repository,
    "upload.expire": _expire_uploads,
}
