"""Liveness, readiness and metrics: `/healthz`, `/readyz`, `/metrics`.

`/readyz` answers 200 or 503 with

    {"status": "ready" | "unready", "checks": {"database": "ok" | "failed", …}}
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from quayside.http.metrics import CONTENT_TYPE, Metrics

logger = logging.getLogger("quayside.http.health")

CHECK_TIMEOUT_S = 5.0

Check = Callable[[], Awaitable[object]]
"""Raises unless what it checks works."""


def health_routes(metrics: Metrics, checks: Mapping[str, Check]) -> list[Route]:
    """The three routes. `/readyz` runs `checks` concurrently; keys are their names."""

    async def alive(request: Request) -> Response:
        return PlainTextResponse("ok\n")

    async def ready(request: Request) -> Response:
        passed = await asyncio.gather(*(_passes(name, check) for name, check in checks.items()))
        return JSONResponse(
            {
                "status": "ready" if all(passed) else "unready",
                "checks": {name: "ok" if one else "failed" for name, one in zip(checks, passed, strict=True)},
            },
            status_code=200 if all(passed) else 503,
        )

    async def numbers(request: Request) -> Response:
        return Response(metrics.exposition(), headers={"Content-Type": CONTENT_TYPE})

    return [Route("/healthz", alive), Route("/readyz", ready), Route("/metrics", numbers)]


async def _passes(name: str, check: Check) -> bool:
    try:
        await asyncio.wait_for(check(), CHECK_TIMEOUT_S)
    except Exception as error:  # noqa: BLE001 - Any exception means that the check failed.
        # Callers may be anybody: the answer names the failed check, only the log says why.
        logger.warning("check failed", extra={"check": name, "reason": f"{type(error).__name__}: {error}"})
        return False
    return True
