"""An application and a client of its GraphQL endpoint, beside a factory that fills the same database."""

from collections.abc import AsyncIterator

import httpx
import pytest
from starlette.applications import Starlette

from quayside.app import create_app
from quayside.config import Settings
from tests.factories import Factory
from tests.schema.client import GraphQL


@pytest.fixture
async def application(settings_with_files: Settings) -> AsyncIterator[Starlette]:
    """A started application without a job runner."""
    app = create_app(settings_with_files, jobs=False)
    async with app.router.lifespan_context(app):
        yield app


@pytest.fixture
async def graphql(application: Starlette) -> AsyncIterator[GraphQL]:
    """An anonymous client of `/graphql`, from the machine itself."""
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app=application), base_url="http://registry.test"
    ) as http:
        yield GraphQL(http)


@pytest.fixture
async def ada(graphql: GraphQL, factory: Factory) -> GraphQL:
    """A client with a token of every scope of the user `ada`."""
    await factory.user("ada")
    return graphql.with_token(await factory.token("ada"))
