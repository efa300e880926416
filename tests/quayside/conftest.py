"""The whole application in the process of the test, with a user in a browser."""

from collections.abc import AsyncIterator

import pytest
from starlette.applications import Starlette

from quayside.app import create_app
from quayside.settings.settings import Settings
from tests.browser import PASSWORD, Browser, browsing
from tests.factories import Factory


@pytest.fixture
async def app(settings_with_files: Settings, factory: Factory) -> AsyncIterator[Starlette]:
    """The whole application, beside a database with the user `ada`."""
    await factory.user("ada", password=PASSWORD)
    made = create_app(settings_with_files, jobs=False)
    async with made.router.lifespan_context(made):
        yield made


@pytest.fixture
async def ada(app: Starlette) -> AsyncIterator[Browser]:
    """A browser that is signed in as `ada`."""
    async with browsing(app) as opened:
        await opened.sign_in("ada")
        yield opened
