"""The place of tests of notifications, and the receiver that they share."""

from collections.abc import AsyncIterator, Iterator
from dataclasses import replace

import pytest

from quayside.settings.settings import Settings
from quayside.workers.runner import Runner
from resolvers.notifications import delivery
from storage.blobs import BlobStore
from storage.database import Database
from tests.factories import Factory
from tests.quayside.registry import kit
from tests.quayside.workers.notifications.place import PATH, Place
from tests.receiver import Receiver, receiving
from tests.schema.client import endpoint


@pytest.fixture(scope="module")
def receiver() -> Iterator[Receiver]:
    with receiving() as running:
        yield running


@pytest.fixture
async def place(
    database: Database,
    settings_with_files: Settings,
    blobs: BlobStore,
    receiver: Receiver,
    monkeypatch: pytest.MonkeyPatch,
) -> AsyncIterator[Place]:
    """The place, without waits between attempts."""
    monkeypatch.setattr(delivery, "RETRY_AFTER_S", (0,) * len(delivery.RETRY_AFTER_S))
    settings = replace(settings_with_files, ssrf_allowed_hosts=frozenset({"127.0.0.1"}))
    factory = Factory.of(settings, database, blobs)
    await factory.user("ada")
    await factory.organization("acme", owner="ada")
    await factory.repository(PATH, by="ada")
    for content in (kit.CONFIG, b"layer"):
        await factory.blob(PATH, content)
    async with endpoint(factory) as graphql:
        yield Place(
            factory,
            Runner(database, settings, blobs),
            graphql.with_token(await factory.token("ada")),
            receiver,
        )
