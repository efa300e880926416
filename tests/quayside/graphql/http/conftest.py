"""A client of an endpoint with a small schema."""

from collections.abc import AsyncIterator

import httpx
import pytest

from tests.quayside.graphql.http.endpoint import NOTES, client_of, endpoint


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    NOTES.clear()
    async with client_of(endpoint()) as opened:
        yield opened
