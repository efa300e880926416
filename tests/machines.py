"""What stateful tests share: a database, a blob store and a fake clock, for all runs of one machine."""

import asyncio
from collections.abc import Coroutine
from typing import Any

from quayside.settings.settings import Settings
from storage.blobs import open_blob_store
from storage.database import Database
from tests.factories import Factory


class Bench:
    """A database and a fake clock, shared by all runs of one test."""

    def __init__(self, chosen: Settings) -> None:
        self.settings = chosen
        self.now = 1_800_000_000_000
        self.runner = asyncio.Runner()
        self.database, self.factory = self.run(self._open())

    async def _open(self) -> tuple[Database, Factory]:
        database = await Database.connect(self.settings.database_url)
        database.make_current()
        factory = Factory.of(self.settings, database, open_blob_store(self.settings.blob_url))
        await factory.user("ada")
        return database, factory

    def run(self, work: Coroutine[Any, Any, Any]) -> Any:
        return self.runner.run(work)

    def close(self) -> None:
        self.run(self.database.close())
        self.runner.close()
