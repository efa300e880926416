"""Enqueues runs of mirrors."""

from typing import Final

from storage.jobs import enqueue_once, hasten

SYNC: Final = "mirror.sync"
"""Kind of the job that fetches what a mirror lacks."""

SCHEDULE: Final = "mirror.schedule"
"""Kind of the job that looks which mirrors are due."""

DISCOVER: Final = "mirror.discover"
"""Kind of the job that looks which repositories the mirror of an organization has."""

RELEASE: Final = "mirror.release"
"""Kind of the job that makes ordinary repositories of those whose organization is no mirror any more."""


async def order(mirror_id: int, namespace_id: int, *, delay_ms: int = 0) -> None:
    """Let a mirror run, unless a run of it waits already."""
    await enqueue_once(SYNC, {"mirror_id": mirror_id}, delay_ms=delay_ms, namespace_id=namespace_id)


async def order_now(mirror_id: int, namespace_id: int) -> None:
    """Let a mirror run at once, also if a later attempt waits."""
    await order(mirror_id, namespace_id)
    await hasten(SYNC, {"mirror_id": mirror_id}, namespace_id=namespace_id)


async def order_discovery(mirror_id: int, organization_id: int, *, delay_ms: int = 0) -> None:
    """Let the mirror of an organization look for repositories, unless that waits already."""
    payload = {"organization_mirror_id": mirror_id}
    await enqueue_once(DISCOVER, payload, delay_ms=delay_ms, namespace_id=organization_id)


async def order_discovery_now(mirror_id: int, organization_id: int) -> None:
    """Let the mirror of an organization look at once, also if a later attempt waits."""
    await order_discovery(mirror_id, organization_id)
    await hasten(DISCOVER, {"organization_mirror_id": mirror_id}, namespace_id=organization_id)


async def order_release(organization_id: int) -> None:
    """Let repositories of an organization without a mirror be ordinary ones."""
    payload = {"organization_id": organization_id}
    await enqueue_once(RELEASE, payload, namespace_id=organization_id)
