"""REST lists of repositories: pages, variants and stars."""

from __future__ import annotations

from typing import Any

import pytest

from quayside.settings.settings import Settings
from resolvers.access.roles import RepositoryRole
from resolvers.accounts import account
from tests.bench.many import fill
from tests.contract.world import ORGANIZATION, Caller, World, callers
from tests.factories import Factory


@pytest.fixture
async def world(factory: Factory) -> World:
    """The people, and an organization with 250 repositories, every third of them public."""
    world = World(factory)
    await world.people()
    await world.organization()
    owner = await account.by_name(ORGANIZATION)
    assert owner is not None
    await fill(owner.id, 0, 250)
    return world


async def pages(caller: Caller, actor: str, path: str) -> list[list[dict[str, Any]]]:
    """All pages of a list, each requested with the token of the previous one."""
    found, token = [], ""
    while True:
        answer = (await caller.ask(actor, "GET", f"{path}{token}")).json()
        found.append(answer["repositories"])
        if "next_page" not in answer:
            return found
        token = f"{'&' if '?' in path else '?'}next_page={answer['next_page']}"


async def test_pages_of_a_hundred_hold_everything_once(world: World, settings_with_files: Settings) -> None:
    async with callers(world, settings_with_files) as caller:
        mine = await pages(caller, "maren", f"/repository?namespace={ORGANIZATION}")
        public = await pages(
            caller, "anonymous", "/repository?public=true&last_modified=true&popularity=true"
        )

    assert [len(page) for page in mine] == [100, 100, 50]
    assert len({row["name"] for page in mine for row in page}) == 250
    assert {row["is_starred"] for page in mine for row in page} == {False}
    assert [len(page) for page in public] == [84]
    assert {(row["is_public"], row["last_modified"], row["popularity"]) for row in public[0]} == {
        (True, None, 0.0)
    }
    assert all("is_starred" not in row for row in public[0])


async def test_starred_repositories_are_listed_page_by_page(
    world: World, settings_with_files: Settings
) -> None:
    async with callers(world, settings_with_files) as caller:
        every = [
            row["name"] for page in await pages(caller, "maren", "/repository?public=true") for row in page
        ]
        chosen = every[:130]
        for name in chosen:
            body = {"namespace": ORGANIZATION, "repository": name}
            answer = await caller.ask("maren", "POST", "/user/starred", body)
            assert (answer.status_code, answer.json()) == (201, body)
        lists = {
            path: await pages(caller, "maren", path)
            for path in ("/user/starred", "/repository?starred=true", "/repository?starred=true&public=false")
        }
        others = await pages(caller, "ingrid", "/repository?starred=true")
        all_again = await pages(caller, "maren", f"/repository?namespace={ORGANIZATION}&starred=false")

    for found in lists.values():
        assert [len(page) for page in found] == [100, 30]
        assert [row["name"] for page in found for row in page] == chosen
    assert others == [[]]
    rows = [row for page in all_again for row in page]
    assert (len(rows), sum(row["is_starred"] for row in rows)) == (250, 130)


async def test_stars_need_a_user(world: World, settings_with_files: Settings) -> None:
    async with callers(world, settings_with_files) as caller:
        answer = await caller.ask("anonymous", "GET", "/repository?starred=true")

    assert answer.status_code == 400
    assert answer.json().keys() == {"message"}


async def test_a_name_with_slashes_and_one_that_is_not_readable(
    world: World, factory: Factory, settings_with_files: Settings
) -> None:
    await factory.repository(f"{ORGANIZATION}/deep/down", by="maren")
    body = {"namespace": ORGANIZATION, "repository": "deep/down"}
    path = f"/user/starred/{ORGANIZATION}/deep/down"

    async with callers(world, settings_with_files) as caller:
        assert (await caller.ask("tove", "POST", "/user/starred", body)).status_code == 403
        assert (await caller.ask("tove", "DELETE", path)).status_code == 403
        await factory.grant(f"{ORGANIZATION}/deep/down", "tove", RepositoryRole.READ, by="maren")
        assert (await caller.ask("tove", "POST", "/user/starred", body)).json() == body
        assert (await caller.ask("tove", "GET", f"/repository/{ORGANIZATION}/deep/down")).json()["is_starred"]
        assert (await caller.ask("tove", "DELETE", path)).status_code == 204
        for wrong in ({**body, "repository": ""}, {**body, "repository": 7}, {**body, "namespace": None}):
            assert (await caller.ask("tove", "POST", "/user/starred", wrong)).status_code == 400


async def test_pages_of_a_search_say_where_they_begin(world: World, settings_with_files: Settings) -> None:
    async with callers(world, settings_with_files) as caller:
        found = [
            (await caller.ask("maren", "GET", f"/find/repositories?query=image&page={page}")).json()
            for page in (0, 1, 2, 10, 11, 10**18)
        ]

    assert [(page["page"], page["start_index"], len(page["results"])) for page in found] == [
        (1, 0, 10),
        (1, 0, 10),
        (2, 10, 10),
        (10, 90, 10),
        (10, 90, 10),
        (10, 90, 10),
    ]
    assert [page["has_additional"] for page in found] == [True, True, True, False, False, False]
    assert len({row["name"] for page in found for row in page["results"]}) == 30
