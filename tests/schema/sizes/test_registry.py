"""The size of the registry: who sees it, and how a recount is ordered once."""

import asyncio

import pytest

from resolvers.job_kinds import Run, Tools
from resolvers.sizes import recount
from storage.jobs import claim, finish
from storage.statements import fetch
from tests.factories import Factory
from tests.schema.client import GraphQL, Json

SIZE = "{ site { storage { storedBytes countedAt isRecountQueued isRecountRunning } } }"
ORDER = "mutation { storageRecount { isStarted errors { code } } }"


@pytest.fixture
async def root(graphql: GraphQL, factory: Factory) -> GraphQL:
    await factory.user("root", is_superuser=True)
    return graphql.with_token(await factory.token("root"))


async def size(client: GraphQL) -> Json:
    found: Json = (await client.data(SIZE))["site"]["storage"]
    return found


async def test_a_recount_is_ordered_once_until_it_is_done(root: GraphQL, factory: Factory) -> None:
    never = {"storedBytes": None, "countedAt": None, "isRecountQueued": False, "isRecountRunning": False}
    assert await size(root) == never

    # When four ask for it at once
    asked = await asyncio.gather(*(root.payload(ORDER) for _ in range(4)))

    # Then it is queued once, runs, and can be ordered again when it is done
    assert sorted(one["isStarted"] for one in asked) == [False, False, False, True]
    assert await size(root) == {**never, "isRecountQueued": True}
    job = await claim("host:1:2", [recount.JOB])
    assert job is not None
    assert await size(root) == {**never, "isRecountRunning": True}
    assert (await root.payload(ORDER))["isStarted"] is False
    await factory.user("ada")
    await factory.repository("ada/app")
    await factory.blob("ada/app", b"layer")
    await recount.run_recount(Run({}, Tools(factory.context())))
    await finish(job)
    counted = await size(root)
    assert counted.pop("countedAt") is not None
    assert counted == {"storedBytes": 5, "isRecountQueued": False, "isRecountRunning": False}
    assert (await root.payload(ORDER))["isStarted"] is True
    assert len(await fetch("SELECT id FROM job WHERE kind = ?", recount.JOB)) == 2


async def test_who_may_not_see_the_site_sees_nothing(graphql: GraphQL, factory: Factory) -> None:
    await factory.user("ada")
    ada = graphql.with_token(await factory.token("ada"))

    assert await ada.refusal(SIZE) == "FORBIDDEN"
    assert await ada.refusal(ORDER) == "FORBIDDEN"
    assert await graphql.refusal(SIZE) == "UNAUTHENTICATED"
    assert await fetch("SELECT id FROM job") == []
