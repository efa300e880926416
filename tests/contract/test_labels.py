"""Labels over REST: the Location of a new one, and refused ones."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from quayside.settings.settings import Settings
from resolvers.repositories import repository
from resolvers.repositories.repository import RepositoryState
from tests import state
from tests.contract.world import ORGANIZATION, Caller, World, callers
from tests.factories import Factory

BEACON = f"/repository/{ORGANIZATION}/beacon/manifest/"
LAMP = {"key": "lamp", "value": "lit", "media_type": None}


@pytest.fixture
async def caller(factory: Factory, settings_with_files: Settings) -> AsyncIterator[Caller]:
    """`maren` and the others, with images in `beacon`."""
    world = World(factory)
    await world.people()
    await world.organization()
    await world.repositories()
    await world.images()
    async with callers(world, settings_with_files) as found:
        yield found


async def test_a_new_label_is_found_where_the_answer_says(caller: Caller) -> None:
    made = await caller.ask("maren", "POST", BEACON + "{first}/labels", LAMP)

    label = made.json()["label"]
    assert made.status_code == 201
    assert label == {
        "id": label["id"],
        "key": "lamp",
        "value": "lit",
        "source_type": "api",
        "media_type": "text/plain",
    }
    _, _, path = made.headers["Location"].partition("/api/v1")
    assert path == caller.world.filled(f"{BEACON}{{first}}/labels/{label['id']}")
    assert (await caller.ask("maren", "GET", path)).json() == label


async def test_a_label_of_another_manifest_is_not_found(caller: Caller) -> None:
    made = (await caller.ask("maren", "POST", BEACON + "{first}/labels", LAMP)).json()["label"]["id"]
    elsewhere = (
        f"{BEACON}{{second}}/labels/{made}",
        f"{BEACON}{{first}}/labels/{'0' * 8}-0000-4000-8000-{'0' * 12}",
        f"/repository/{ORGANIZATION}/ferry/manifest/{{first}}/labels/{made}",
    )
    before = await state.dump()

    answers = [await caller.ask("maren", method, path) for method in ("GET", "DELETE") for path in elsewhere]

    assert {answer.status_code for answer in answers} == {404}
    assert len({answer.text for answer in answers}) == 1
    assert await state.dump() == before


@pytest.mark.parametrize("read_only", [RepositoryState.READ_ONLY, RepositoryState.MIRROR])
async def test_a_repository_that_is_not_writable_refuses_labels(
    caller: Caller, factory: Factory, read_only: RepositoryState
) -> None:
    made = (await caller.ask("maren", "POST", BEACON + "{first}/labels", LAMP)).json()["label"]["id"]
    maren = await factory.as_account("maren")
    await repository.change_state(maren, f"{ORGANIZATION}/beacon", read_only)
    before = await state.dump()

    added = await caller.ask("maren", "POST", BEACON + "{first}/labels", {})
    deleted = await caller.ask("maren", "DELETE", f"{BEACON}{{first}}/labels/{made}")

    text = f"Repository is in read only or mirror mode: {read_only.value}"
    assert [(answer.status_code, answer.json()["message"]) for answer in (added, deleted)] == [
        (503, text)
    ] * 2
    assert (await caller.ask("maren", "GET", BEACON + "{first}/labels")).status_code == 200
    assert await state.dump() == before
