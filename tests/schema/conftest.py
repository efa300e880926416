"""Clients of the GraphQL endpoint, on the database of `factory`."""

from collections.abc import AsyncIterator

import pytest

from tests.factories import Factory
from tests.schema.client import GraphQL, endpoint


@pytest.fixture
async def graphql(factory: Factory) -> AsyncIterator[GraphQL]:
    """An anonymous client at a loopback address."""
    async with endpoint(factory) as client:
        yield client


@pytest.fixture
async def ada(graphql: GraphQL, factory: Factory) -> GraphQL:
    """A client with a token of every scope of the user `ada`."""
    await factory.user("ada")
    return graphql.with_token(await factory.token("ada"))
