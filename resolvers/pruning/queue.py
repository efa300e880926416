"""Enqueues runs of auto-prune policies: for a namespace as a whole, or for one of its repositories."""

from typing import Final

from storage.jobs import enqueue_once

RUN: Final = "prune.run"
"""Kind of the job that deletes what the policies of a namespace, or of one repository, select."""
DELAY_MS: Final = 10_000
"""How long a run waits after a change, so that several changes share one run."""


async def policy_changed(namespace_id: int, repository_id: int | None) -> None:
    """Run the policies of a namespace or of one repository soon, in the transaction of their change.

    A run that waits already does for both.
    """
    await enqueue_once(
        RUN,
        {"namespace_id": namespace_id, "repository_id": repository_id},
        delay_ms=DELAY_MS,
        namespace_id=namespace_id,
    )


async def namespace_is_due(namespace_id: int) -> None:
    """Run the policies of a namespace now, unless that run waits already."""
    await enqueue_once(RUN, {"namespace_id": namespace_id, "repository_id": None}, namespace_id=namespace_id)
