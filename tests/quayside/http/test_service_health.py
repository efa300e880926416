"""The health of services, as tools of the API ask for it."""

from collections.abc import Mapping

import httpx
import pytest
from starlette.applications import Starlette

from quayside.app import create_app
from quayside.http.service_health import service_health_routes
from quayside.settings.settings import Settings
from storage.space import Space

ALL = {
    "instance": ("auth", "database", "disk_space", "registry_gunicorn", "service_key", "web_gunicorn"),
    "endtoend": ("auth", "database", "redis", "storage"),
    "warning": ("disk_space_warning",),
}
AMPLE, SCARCE, LOW = Space(200, 100), Space(199, 100), Space(99, 100)


async def test_a_server_that_runs_is_healthy(database_url: str, settings_with_files: Settings) -> None:
    app = create_app(settings_with_files, jobs=False)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://registry.test") as http,
    ):
        for name, services in ALL.items():
            answer = await http.get(f"/health/{name}")
            assert (answer.status_code, answer.json()) == (
                200,
                {"data": {"services": dict.fromkeys(services, True)}, "status_code": 200},
            )


@pytest.mark.parametrize(
    ("failing", "space", "lost"),
    [
        ("database", AMPLE, {"instance": {"auth", "database"}, "endtoend": {"auth", "database", "redis"}}),
        ("blobs", AMPLE, {"endtoend": {"storage"}}),
        ("signer", AMPLE, {"instance": {"service_key"}}),
        ("", SCARCE, {"warning": {"disk_space_warning"}}),
        ("", LOW, {"instance": {"disk_space"}, "warning": {"disk_space_warning"}}),
    ],
)
async def test_what_fails_is_named(failing: str, space: Space, lost: Mapping[str, set[str]]) -> None:
    def check(name: str):  # type: ignore[no-untyped-def]
        async def run() -> None:
            if name == failing:
                raise OSError("away")

        return run

    async def spaces() -> Mapping[str, Space]:
        return {"blobs": space, "database": AMPLE}

    checks = {name: check(name) for name in ("database", "blobs", "signer")}
    app = Starlette(routes=service_health_routes(checks, spaces))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://registry.test") as http:
        for name, services in ALL.items():
            answer = await http.get(f"/health/{name}")
            missing = lost.get(name, set())
            # Little space alone keeps nobody from sending requests.
            status = 503 if missing - {"disk_space"} else 200
            assert (answer.status_code, answer.json()) == (
                status,
                {
                    "data": {"services": {service: service not in missing for service in services}},
                    "status_code": status,
                },
            )
