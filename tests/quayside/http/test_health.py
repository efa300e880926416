"""Health checks of the whole application, with a real database and blob store."""

from collections.abc import AsyncIterator
from pathlib import Path
from uuid import uuid4

import httpx
import pytest
from starlette.applications import Starlette

from quayside.app import create_app
from quayside.http.health import Check, health_routes
from quayside.http.metrics import Metrics
from quayside.settings.settings import Settings
from storage.blobs import BlobStore
from storage.database import Database


@pytest.fixture
async def client(settings: Settings) -> AsyncIterator[httpx.AsyncClient]:
    """A client of a started application."""
    app = create_app(settings, jobs=False)
    async with app.router.lifespan_context(app), client_of(app) as client:
        yield client


def client_of(app: Starlette) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://registry")


async def test_a_started_application_is_alive_and_ready(client: httpx.AsyncClient) -> None:
    alive, ready = await client.get("/healthz"), await client.get("/readyz")

    assert (alive.status_code, alive.text) == (200, "ok\n")
    assert (ready.status_code, ready.json()) == (
        200,
        {"status": "ready", "checks": {"database": "ok", "blobs": "ok"}},
    )


async def test_an_application_without_its_blob_directory_is_not_ready(
    settings_with_files: Settings, database: Database, blobs: BlobStore, tmp_path: Path
) -> None:
    # Given an application that is ready, with a directory of blobs
    await blobs.create_upload(str(uuid4()))
    app = create_app(settings_with_files, jobs=False)
    async with app.router.lifespan_context(app), client_of(app) as client:
        before = await client.get("/readyz")

        # When the directory is taken away
        (tmp_path / "blobs").rename(tmp_path / "away")
        gone = await client.get("/readyz")

    # Then it is not ready
    assert (before.status_code, gone.status_code) == (200, 503)
    assert gone.json() == {"status": "unready", "checks": {"database": "ok", "blobs": "failed"}}


async def test_metrics_count_requests_and_statements(client: httpx.AsyncClient) -> None:
    await client.get("/readyz")

    answer = await client.get("/metrics")

    assert answer.headers["content-type"].startswith("text/plain; version=")
    lines = answer.text.splitlines()
    assert 'quayside_requests_total{door="other",method="GET",status="200"} 1.0' in lines
    assert "quayside_statements_total 1.0" in lines


async def works() -> None:
    pass


async def breaks() -> None:
    raise ConnectionRefusedError("postgresql://quay:hunter2@db refused")


@pytest.mark.parametrize(
    ("checks", "shown"),
    [
        ({"database": breaks, "blobs": works}, {"database": "failed", "blobs": "ok"}),
        ({"database": works, "blobs": breaks}, {"database": "ok", "blobs": "failed"}),
    ],
)
async def test_an_application_that_is_not_ready_says_which_check_failed_and_not_why(
    checks: dict[str, Check], shown: dict[str, str]
) -> None:
    async with client_of(Starlette(routes=health_routes(Metrics(), checks))) as client:
        ready, alive = await client.get("/readyz"), await client.get("/healthz")

    assert (ready.status_code, ready.json()) == (503, {"status": "unready", "checks": shown})
    assert alive.status_code == 200
