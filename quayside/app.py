"""The wiring: settings in, an ASGI application out. Nothing else builds one, and nothing here is global."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.types import ASGIApp, Receive, Scope, Send

from quayside import secret_key
from quayside.config import Settings
from quayside.health import health_routes
from quayside.metrics import Metrics
from quayside.middleware import RequestMiddleware
from storage.backends import measured
from storage.blobs import BlobStore, open_blob_store
from storage.database import Database, require_current

ABSENT = "sha256:" + "0" * 64
"""A digest that no content has: asking for it shows whether the store answers."""


class House:
    """What an application holds while it runs: opened at its start and closed at its end."""

    database: Database
    blobs: BlobStore

    def __init__(self, settings: Settings, *, jobs: bool) -> None:
        self.settings = secret_key.ensure(settings)
        self.jobs = jobs
        self.metrics = Metrics()

    @asynccontextmanager
    async def open(self, _: Starlette) -> AsyncIterator[None]:
        """Connect to everything. Raises `DatabaseError` unless the database has this version's schema."""
        self.database = await Database.connect(self.settings.database_url)
        try:
            await require_current(self.database)
            self.blobs = open_blob_store(self.settings.blob_url)
            measured.observers.append(self.metrics.statement)
            try:
                yield
            finally:
                measured.observers.remove(self.metrics.statement)
                await self.blobs.close()
        finally:
            await self.database.close()

    async def check_database(self) -> None:
        """Raise unless the database answers."""
        await self.database.ping()

    async def check_blobs(self) -> None:
        """Raise unless the blob store answers."""
        await self.blobs.stat(ABSENT)


class DatabaseMiddleware:
    """Makes the database current in the task of each request, which sees nothing of the start's task."""

    def __init__(self, app: ASGIApp, *, house: House) -> None:
        self.app = app
        self.house = house

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        with self.house.database.current():
            await self.app(scope, receive, send)


def create_app(settings: Settings, *, jobs: bool = True) -> Starlette:
    """The application of these settings. It opens the database, which must be migrated, when it starts.

    `jobs` says whether it may run background jobs. Raises `SettingsError` when there is no secret key and it
    cannot make one.
    """
    house = House(settings, jobs=jobs)
    return Starlette(
        routes=health_routes(house.metrics, {"database": house.check_database, "blobs": house.check_blobs}),
        middleware=[
            Middleware(RequestMiddleware, metrics=house.metrics, trusted_proxies=settings.trusted_proxies),
            Middleware(DatabaseMiddleware, house=house),
        ],
        lifespan=house.open,
    )
