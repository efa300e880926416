"""A repository that is not writable: every door refuses changes of its content, and allows reads."""

from __future__ import annotations

import pytest

from quayside.settings.settings import Settings
from resolvers.repositories import repository
from resolvers.repositories.repository import RepositoryState
from tests import state as everything
from tests.contract.world import ORGANIZATION, Caller, World, callers
from tests.factories import Factory

BEACON = f"{ORGANIZATION}/beacon"
WRITES = (
    ("PUT", f"/repository/{BEACON}/tag/1.0", {"manifest_digest": "{second}"}),
    ("PUT", f"/repository/{BEACON}/tag/new", {"manifest_digest": "{second}"}),
    ("PUT", f"/repository/{BEACON}/tag/1.0", {"expiration": "{in three days}"}),
    ("DELETE", f"/repository/{BEACON}/tag/1.0", None),
    ("POST", f"/repository/{BEACON}/tag/1.0/restore", {"manifest_digest": "{second}"}),
    (
        "POST",
        f"/repository/{BEACON}/manifest/{{first}}/labels",
        {"key": "berth", "value": "7", "media_type": "text/plain"},
    ),
)
MUTATIONS = (
    'tagUpdate(repository: "PATH", tag: "1.0", input: {manifestDigest: "SECOND"})',
    'tagUpdate(repository: "PATH", tag: "new", input: {manifestDigest: "SECOND"})',
    'tagDelete(repository: "PATH", tag: "1.0")',
    'tagRestore(repository: "PATH", tag: "1.0", manifestDigest: "SECOND")',
    'tagsDeletePlan(repository: "PATH", filter: {})',
    'tagsMovePlan(repository: "PATH", filter: {}, manifestDigest: "SECOND")',
    'tagsExpirePlan(repository: "PATH", filter: {})',
    'repositoryRollbackPlan(repository: "PATH", to: "2026-01-01T00:00:00Z")',
    'tagCopy(from: {repository: "PATH", tag: "1.0"}, to: [{repository: "PATH", tag: "new"}])',
)


async def graphql(caller: Caller, document: str) -> list[str]:
    """The codes of a mutation's payload errors, asked by `maren`."""
    answer = await caller.http.post(
        "/graphql",
        json={"query": f"mutation {{ result: {document} {{ errors {{ code }} }} }}"},
        headers={"Authorization": f"Bearer {caller.world.tokens['maren']}"},
    )
    body = answer.json()
    assert "errors" not in body, body
    return [error["code"] for error in body["data"]["result"]["errors"]]


@pytest.mark.parametrize("state", [RepositoryState.READ_ONLY, RepositoryState.MIRROR])
async def test_no_content_is_written_in_a_state_that_refuses_it(
    state: RepositoryState, factory: Factory, settings_with_files: Settings
) -> None:
    # Given a repository with tags, in that state
    world = World(factory)
    await world.people()
    for prepare in (World.organization, World.repositories, World.images):
        await prepare(world)
    await repository.change_state(await factory.as_account("maren"), BEACON, state)

    async with callers(world, settings_with_files) as caller:
        assert (await caller.ask("maren", "GET", f"/repository/{BEACON}/tag/")).status_code == 200
        before = await everything.dump()

        # When its administrator tries to change what it holds, by each door
        statuses = [
            (await caller.ask("maren", method, path, body)).status_code for method, path, body in WRITES
        ]
        codes = [
            await graphql(caller, document.replace("PATH", BEACON).replace("SECOND", world.digests["second"]))
            for document in MUTATIONS
        ]

        # Then all is refused, and nothing has changed
        assert statuses == [503] * len(WRITES)
        assert codes == [["NOT_WRITABLE"]] * len(MUTATIONS)
        assert await everything.dump() == before

        # And what is no content can be changed still: the description, a star, and the state itself
        path = f"/repository/{BEACON}"
        for method, address, body in (
            ("PUT", path, {"description": "resting"}),
            ("POST", "/user/starred", {"namespace": ORGANIZATION, "repository": "beacon"}),
            ("PUT", f"{path}/changestate", {"state": "NORMAL"}),
            ("PUT", f"{path}/tag/new", {"manifest_digest": "{second}"}),
        ):
            assert (await caller.ask("maren", method, address, body)).status_code in (200, 201)
