"""A registry with two users, and clients that authenticate as docker does."""

from collections.abc import AsyncIterator

import httpx
import pytest
from starlette.applications import Starlette

from quayside.app import create_app
from quayside.settings.settings import Settings
from tests.quayside.registry import kit
from tests.quayside.registry.people import OWNER, PASSWORD, STRANGER, create_users


@pytest.fixture
async def application(settings: Settings) -> AsyncIterator[Starlette]:
    """A started application with two users. It runs no jobs, which would start at any time."""
    await create_users(settings, OWNER, STRANGER)
    app = create_app(settings, jobs=False)
    async with app.router.lifespan_context(app):
        yield app


@pytest.fixture
async def registry(application: Starlette, settings: Settings) -> AsyncIterator[httpx.AsyncClient]:
    """A client signed in as the owner of the namespace `owner`."""
    async with client_of(application, settings, kit.TokenFlow(OWNER, PASSWORD)) as client:
        yield client


@pytest.fixture
async def stranger(application: Starlette, settings: Settings) -> AsyncIterator[httpx.AsyncClient]:
    """A client signed in as another user."""
    async with client_of(application, settings, kit.TokenFlow(STRANGER, PASSWORD)) as client:
        yield client


@pytest.fixture
async def anonymous(application: Starlette, settings: Settings) -> AsyncIterator[httpx.AsyncClient]:
    """A client without credentials, which fetches anonymous tokens."""
    async with client_of(application, settings, kit.TokenFlow()) as client:
        yield client


@pytest.fixture
async def unauthenticated(application: Starlette, settings: Settings) -> AsyncIterator[httpx.AsyncClient]:
    """A client that adds no credentials or tokens."""
    async with client_of(application, settings, None) as client:
        yield client


@pytest.fixture
def repository(registry: httpx.AsyncClient) -> kit.Repository:
    """The repository `owner/app`, which the first push creates."""
    return kit.Repository(registry, f"{OWNER}/app")


def client_of(app: Starlette, settings: Settings, auth: httpx.Auth | None) -> httpx.AsyncClient:
    transport = httpx.ASGITransport(app=app)
    return httpx.AsyncClient(transport=transport, base_url=settings.public_url, auth=auth)
