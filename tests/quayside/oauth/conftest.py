"""The authorization server with an application, and the browsers of two users."""

from collections.abc import AsyncIterator

import pytest
from starlette.applications import Starlette

from quayside.http.context_factory import ContextFactory
from quayside.oauth import AuthorizationServer
from quayside.pages.sign_in import SignIn
from resolvers.oauth import application
from resolvers.oauth.application import ApplicationChanges
from tests.browser import PASSWORD, Browser, browsing
from tests.factories import Factory
from tests.quayside.oauth.client import CALLBACK, Client


@pytest.fixture
async def app(factory: Factory) -> Starlette:
    """Signing in and the authorization server, with `ada`, who administers `acme`, and the user `eve`.

    Without the other doors, since starting them takes longer than the tests.
    """
    for name in ("ada", "eve"):
        await factory.user(name, password=PASSWORD)
    await factory.organization("acme", owner="ada")
    contexts = ContextFactory(factory.site, factory.blobs, factory.secrets)
    sign_in = SignIn(lambda: contexts)
    return Starlette(routes=[*sign_in.routes(), *AuthorizationServer(lambda: contexts).routes()])


@pytest.fixture
async def client(app: Starlette, factory: Factory) -> Client:
    """An application of `acme`."""
    ada = await factory.as_account("ada")
    values = {"name": "Helm <script>", "redirect_uri": CALLBACK, "description": "Steers & more"}
    made = await application.create(ada, "acme", ApplicationChanges(**values))
    return Client(made.client_id, application.client_secret(ada, made))


@pytest.fixture
async def eve(app: Starlette) -> AsyncIterator[Browser]:
    """A browser in which `eve` is signed in."""
    async with browsing(app) as browser:
        await browser.sign_in("eve")
        yield browser
