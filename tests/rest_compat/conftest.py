"""Clients of the toy registry."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest

from rest_compat.engine import Engine
from tests.rest_compat import toy, toy_schema


@pytest.fixture(scope="session")
def engine() -> Engine[toy_schema.Context]:
    """The engine, compiled once."""
    return toy.engine()


@pytest.fixture
async def alice(engine: Engine[toy_schema.Context]) -> AsyncIterator[httpx.AsyncClient]:
    """The owner of everything."""
    async with toy.client(engine) as client:
        yield client


@pytest.fixture
async def bob(engine: Engine[toy_schema.Context]) -> AsyncIterator[httpx.AsyncClient]:
    """May read, and no more."""
    async with toy.client(engine, user="bob") as client:
        yield client


@pytest.fixture
async def carol(engine: Engine[toy_schema.Context]) -> AsyncIterator[httpx.AsyncClient]:
    """May do nothing."""
    async with toy.client(engine, user="carol") as client:
        yield client


@pytest.fixture
async def nobody(engine: Engine[toy_schema.Context]) -> AsyncIterator[httpx.AsyncClient]:
    """Not signed in."""
    async with toy.client(engine, user="") as client:
        yield client
