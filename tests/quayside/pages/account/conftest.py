"""A browser without a signed-in user."""

from collections.abc import AsyncIterator

import pytest
from starlette.applications import Starlette

from tests.browser import Browser, browsing


@pytest.fixture
async def browser(app: Starlette) -> AsyncIterator[Browser]:
    async with browsing(app) as opened:
        await opened.arrive()
        yield opened
