"""Clients of the toy registry."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest

from rest_compat.engine import Engine
from tests.rest_compat import toy, toy_schema


@pytest.fixture(scope="session")
def door() -> Engine[toy_schema.Context]:
    """The engine, compiled once."""
    return toy.engine()


@pytest.fixture
async def alice(door: Engine[toy_schema.Context]) -> AsyncIterator[httpx.AsyncClient]:
    """The owner of everything."""
    async with toy.client(door) as client:
        yield client


@pytest.fixture
async def bob(door: Engine[toy_schema.Context]) -> AsyncIterator[httpx.AsyncClient]:
    """May read, and no more."""
    async with toy.client(door, user="bob") as client:
        yield client


@pytest.fixture
async def carol(door: Engine[toy_schema.Context]) -> AsyncIterator[httpx.AsyncClient]:
    """May do nothing."""
    async with toy.client(door, user="carol") as client:
        yield client


@pytest.fixture
async def nobody(door: Engine[toy_schema.Context]) -> AsyncIterator[httpx.AsyncClient]:
    """Not signed in."""
    async with toy.client(door, user="") as client:
        yield client
