"""Health checks of the whole application, with a real database and blob store."""

import re
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
from storage.space import Space


@pytest.fixture
async def client(settings: Settings) -> AsyncIterator[httpx.AsyncClient]:
    """A client of a started application."""
    app = create_app(settings, jobs=False)
    async with app.router.lifespan_context(app), client_of(app) as client:
        yield client


def client_of(app: Starlette) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://registry")


async def test_a_started_application_is_alive_and_ready(
    client: httpx.AsyncClient, settings: Settings
) -> None:
    alive, ready = await client.get("/healthz"), await client.get("/readyz")

    assert (alive.status_code, alive.text) == (200, "ok\n")
    told = ready.json()
    space = told.pop("space")
    assert (ready.status_code, told) == (
        200,
        {"status": "ready", "checks": {"database": "ok", "blobs": "ok"}},
    )
    # What is in memory, or in PostgreSQL, is on no disk of ours.
    assert {(one["status"], one["reserve_bytes"]) for one in space.values()} <= {("ok", 256 * 1024**2)}
    assert set(space) == ({"database"} if settings.is_sqlite else set())


async def test_metrics_tell_the_free_space(settings_with_files: Settings, database: Database) -> None:
    app = create_app(settings_with_files, jobs=False)
    async with app.router.lifespan_context(app), client_of(app) as client:
        text = (await client.get("/metrics")).text

    free = re.findall(r'^quayside_free_bytes\{kept="(.+)"\} (.+)$', text, re.MULTILINE)
    kept = ["blobs", "database"] if settings_with_files.is_sqlite else ["blobs"]
    assert sorted(name for name, _ in free) == kept
    assert all(float(bytes_) > 0 for _, bytes_ in free)


async def test_a_disk_that_does_not_say_is_no_failure() -> None:
    async def breaks() -> dict[str, Space]:
        raise OSError

    routes = health_routes(Metrics(), {"database": works}, breaks)
    async with client_of(Starlette(routes=routes)) as client:
        answers = [await client.get("/readyz"), await client.get("/metrics")]

    assert [one.status_code for one in answers] == [200, 200]
    assert answers[0].json()["space"] == {}


async def test_little_space_is_told_and_leaves_a_server_ready() -> None:
    async def spaces() -> dict[str, Space]:
        return {"blobs": Space(free_bytes=9, reserve_bytes=10), "database": Space(10, 10)}

    routes = health_routes(Metrics(), {"database": works}, spaces)
    async with client_of(Starlette(routes=routes)) as client:
        answer = await client.get("/readyz")

    assert answer.status_code == 200
    assert answer.json()["space"] == {
        "blobs": {"free_bytes": 9, "reserve_bytes": 10, "status": "low"},
        "database": {"free_bytes": 10, "reserve_bytes": 10, "status": "ok"},
    }


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
    assert gone.json()["status"] == "unready"
    assert gone.json()["checks"] == {"database": "ok", "blobs": "failed"}


async def test_metrics_count_requests_and_statements(client: httpx.AsyncClient) -> None:
    await client.get("/readyz")

    answer = await client.get("/metrics")

    assert answer.headers["content-type"].startswith("text/plain; version=")
    lines = answer.text.splitlines()
    assert 'quayside_requests_total{door="other",method="GET",status="200"} 1.0' in lines
    # One asks whether the database is there, one whether read-only mode is on.
    assert "quayside_statements_total 2.0" in lines


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

    assert (ready.status_code, ready.json()) == (503, {"status": "unready", "checks": shown, "space": {}})
    assert alive.status_code == 200
