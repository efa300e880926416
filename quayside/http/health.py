"""Liveness, readiness and metrics: `/healthz`, `/readyz`, `/metrics`.

`/readyz` answers 200 or 503 with

    {"status": "ready" | "unready", "checks": {"database": "ok" | "failed", …},
     "space": {"blobs": {"free_bytes": 123, "reserve_bytes": 12, "status": "ok" | "low"}, …}}

Little space does not make a server unready: all but uploads goes on, and others write to the same disk.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from quayside.http.metrics import CONTENT_TYPE, Metrics
from resolvers.errors import DatabaseUnavailable
from storage.space import Space

logger = logging.getLogger("quayside.http.health")

CHECK_TIMEOUT_S = 5.0

Check = Callable[[], Awaitable[object]]
"""Raises unless what it checks works."""


async def no_spaces() -> dict[str, Space]:
    """Where nothing is kept on a disk of ours."""
    return {}


def health_routes(
    metrics: Metrics,
    checks: Mapping[str, Check],
    spaces: Callable[[], Awaitable[Mapping[str, Space]]] = no_spaces,
    is_read_only: Callable[[], Awaitable[bool]] | None = None,
) -> list[Route]:
    """The three routes. `/readyz` runs `checks` concurrently; keys are their names. `spaces` may block.

    In read-only mode a server is ready: it serves pulls.
    """

    async def alive(request: Request) -> Response:
        return PlainTextResponse("ok\n")

    async def ready(request: Request) -> Response:
        passed = await asyncio.gather(*(passes(name, check) for name, check in checks.items()))
        found = await measured(spaces)
        return JSONResponse(
            {
                "status": "ready" if all(passed) else "unready",
                "checks": {name: "ok" if one else "failed" for name, one in zip(checks, passed, strict=True)},
                "space": {
                    name: {**space._asdict(), "status": "low" if space.is_low else "ok"}
                    for name, space in found.items()
                },
            },
            status_code=200 if all(passed) else 503,
        )

    async def numbers(request: Request) -> Response:
        metrics.spaces(await measured(spaces))
        if is_read_only is not None:
            # Where the database is away, the last value stands; `/readyz` tells of that.
            with suppress(DatabaseUnavailable):
                metrics.read_only(is_on=await is_read_only())
        return Response(metrics.exposition(), headers={"Content-Type": CONTENT_TYPE})

    return [Route("/healthz", alive), Route("/readyz", ready), Route("/metrics", numbers)]


async def measured(spaces: Callable[[], Awaitable[Mapping[str, Space]]]) -> Mapping[str, Space]:
    """The free space by what is kept there; nothing where a disk does not say, as one that is away."""
    try:
        return await asyncio.wait_for(spaces(), CHECK_TIMEOUT_S)
    except Exception as error:  # noqa: BLE001 - The checks tell of it.
        logger.warning("free space unknown", extra={"reason": f"{type(error).__name__}: {error}"})
        return {}


async def passes(name: str, check: Check) -> bool:
    """Whether a check passes in time."""
    try:
        await asyncio.wait_for(check(), CHECK_TIMEOUT_S)
    except Exception as error:  # noqa: BLE001 - Any exception means that the check failed.
        # Callers may be anybody: the answer names the failed check, only the log says why.
        logger.warning("check failed", extra={"check": name, "reason": f"{type(error).__name__}: {error}"})
        return False
    return True
