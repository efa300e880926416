"""`/health/instance`, `/health/endtoend`, `/health/warning`: the health of services, as tools ask for it.

They answer `{"data": {"services": {"database": true, …}}, "status_code": 200}`, with 503 if a service fails.
Some services that such tools look for are parts of others here; the table says of which.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Final

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from quayside.http.health import Check, measured, passes
from storage.space import Space

THIS_PROCESS: Final = "process"
SPACE: Final = "space"
AMPLE_SPACE: Final = "ample space"

SERVICES: Final[Mapping[str, Mapping[str, str]]] = {
    "instance": {
        "auth": "database",
        "database": "database",
        "disk_space": SPACE,
        "registry_gunicorn": THIS_PROCESS,
        "service_key": "signer",
        "web_gunicorn": THIS_PROCESS,
    },
    "endtoend": {"auth": "database", "database": "database", "redis": "database", "storage": "blobs"},
    "warning": {"disk_space_warning": AMPLE_SPACE},
}
"""What stands for each service that an address tells of: a check, free space, or the process that answers."""

TOLERATED: Final = frozenset({"disk_space"})
"""Services without which all but uploads goes on, so that nobody should stop sending requests."""

AMPLE: Final = 2
"""How many times the reserve is free where there is no warning yet."""


def service_health_routes(
    checks: Mapping[str, Check], spaces: Callable[[], Awaitable[Mapping[str, Space]]]
) -> list[Route]:
    """The three routes. `checks` run concurrently, each once; `spaces` may block."""

    def route(name: str, services: Mapping[str, str]) -> Route:
        async def health(request: Request) -> Response:
            found = await _looked_at(frozenset(services.values()), checks, spaces)
            states = {service: found[what] for service, what in services.items()}
            status = 200 if all(fine for service, fine in states.items() if service not in TOLERATED) else 503
            return JSONResponse(
                {"data": {"services": states}, "status_code": status},
                status_code=status,
                headers={"Cache-Control": "no-store"},
            )

        return Route(f"/health/{name}", health)

    return [route(name, services) for name, services in SERVICES.items()]


async def _looked_at(
    wanted: frozenset[str],
    checks: Mapping[str, Check],
    spaces: Callable[[], Awaitable[Mapping[str, Space]]],
) -> dict[str, bool]:
    """Whether each of what is wanted is as it should be."""
    names = sorted(wanted & checks.keys())
    passed = await asyncio.gather(*(passes(name, checks[name]) for name in names))
    found = dict(zip(names, passed, strict=True)) | {THIS_PROCESS: True}
    if wanted & {SPACE, AMPLE_SPACE}:
        known = (await measured(spaces)).values()
        found[SPACE] = not any(space.is_low for space in known)
        found[AMPLE_SPACE] = all(space.free_bytes >= AMPLE * space.reserve_bytes for space in known)
    return found
