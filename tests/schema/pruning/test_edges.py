"""Policies that overlap, or that match everything or nothing: from REST to the tags that are left."""

from collections.abc import Mapping
from typing import Any

import pytest

from quayside.settings.settings import Settings
from quayside.workers.tools import Tools, tools_of
from resolvers.job_kinds import Run, collected
from storage.blobs import BlobStore
from storage.statements import decode_json, execute, fetch
from tests.contract.world import ORGANIZATION, Caller, World, callers
from tests.factories import Factory
from tests.resolvers.pruning.given import aged

BEACON, FERRY, MINE = f"{ORGANIZATION}/beacon", f"{ORGANIZATION}/ferry", "maren/mine"
AGES = {"v1": 9, "v2": 7, "rc-v3": 5, "v3": 4, "v4": 2, "main": 30}
"""Tags of each repository, by days."""
OWNERS = {
    "beacon": f"/repository/{BEACON}",
    "organization": f"/organization/{ORGANIZATION}",
    "user": "/user",
}
NUMBER, AGE = "number_of_tags", "creation_date"


@pytest.fixture
async def world(factory: Factory) -> World:
    """Three repositories with the same tags, two of an organization and one of its owner."""
    made = World(factory)
    await made.people()
    await made.organization()
    await made.repositories()
    await factory.repository(MINE)
    for path in (BEACON, FERRY, MINE):
        await aged(factory, path, AGES)
    return made


@pytest.fixture
def tools(settings_with_files: Settings, blobs: BlobStore) -> Tools:
    """What jobs are given."""
    return tools_of(settings_with_files, blobs)


async def run_all(tools: Tools) -> None:
    """Run the jobs that changes of policies have enqueued."""
    for job in await fetch("SELECT id, kind, payload FROM job WHERE kind = 'prune.run' ORDER BY id"):
        await collected()[job["kind"]].handler(Run(decode_json(job["payload"]), tools))
        await execute("DELETE FROM job WHERE id = ?", job["id"])


async def left(caller: Caller, path: str) -> list[str]:
    """The active tags of a repository, as REST lists them."""
    answer = await caller.ask("maren", "GET", f"/repository/{path}/tag/?onlyActiveTags=true")
    return sorted(tag["name"] for tag in answer.json()["tags"])


async def ended(caller: Caller, owner: str) -> list[str]:
    """The tags that policies ended, from the log of an owner, sorted by name."""
    answer = await caller.ask("maren", "GET", f"{owner}/logs")
    found = [entry for entry in answer.json()["logs"] if entry["kind"] == "autoprune_tag_delete"]
    assert {entry["metadata"]["performer"] for entry in found} <= {"autoprune worker"}
    assert {entry.get("performer") for entry in found} <= {None}
    return sorted(f"{entry['metadata']['repo']}:{entry['metadata']['tag']}" for entry in found)


@pytest.mark.parametrize(
    ("policies", "expected"),
    [
        # Two of one repository: each for itself, and what one ends the other does not count.
        (
            [
                ("beacon", {"method": NUMBER, "value": 2, "tagPattern": "^v"}),
                ("beacon", {"method": NUMBER, "value": 4, "tagPattern": "v"}),
                ("user", {"method": NUMBER, "value": 1, "tagPattern": "none", "tagPatternMatches": False}),
            ],
            {BEACON: ["main", "rc-v3", "v3", "v4"], FERRY: list(AGES), MINE: ["v4"]},
        ),
        # Of a namespace and its repository: by age first, whoever has it.
        (
            [
                ("beacon", {"method": NUMBER, "value": 3}),
                ("organization", {"method": AGE, "value": "6d", "tagPattern": "^v"}),
            ],
            {BEACON: ["rc-v3", "v3", "v4"], FERRY: ["main", "rc-v3", "v3", "v4"], MINE: list(AGES)},
        ),
        # A loose one of the repository does not stand in for the strict one of its namespace.
        (
            [
                ("beacon", {"method": NUMBER, "value": 100}),
                ("organization", {"method": NUMBER, "value": 1}),
            ],
            {BEACON: ["v4"], FERRY: ["v4"], MINE: list(AGES)},
        ),
        # Equal ones of both.
        (
            [
                ("organization", {"method": AGE, "value": "1w"}),
                ("beacon", {"method": AGE, "value": "7d"}),
                ("user", {"method": AGE, "value": "8d"}),
            ],
            {
                BEACON: ["rc-v3", "v3", "v4"],
                FERRY: ["rc-v3", "v3", "v4"],
                MINE: ["rc-v3", "v2", "v3", "v4"],
            },
        ),
        # A pattern that matches everything, and one that matches nothing.
        (
            [
                ("user", {"method": AGE, "value": "0s", "tagPattern": ".*"}),
                ("beacon", {"method": AGE, "value": "0s", "tagPattern": ".*", "tagPatternMatches": False}),
                ("organization", {"method": AGE, "value": "0s", "tagPattern": "^$"}),
            ],
            {BEACON: list(AGES), FERRY: list(AGES), MINE: []},
        ),
    ],
)
async def test_policies_that_overlap_end_what_each_of_them_ends(
    policies: list[tuple[str, dict[str, Any]]],
    expected: Mapping[str, list[str]],
    world: World,
    tools: Tools,
    settings_with_files: Settings,
) -> None:
    async with callers(world, settings_with_files) as caller:
        for owner, rule in policies:
            made = await caller.ask("maren", "POST", f"{OWNERS[owner]}/autoprunepolicy/", rule)
            assert made.status_code == 201
        await run_all(tools)

        assert {path: await left(caller, path) for path in expected} == {
            path: sorted(names) for path, names in expected.items()
        }
        gone = {path: sorted(AGES.keys() - {*names}) for path, names in expected.items()}
        assert await ended(caller, f"/organization/{ORGANIZATION}") == [
            f"{path.partition('/')[2]}:{name}" for path in (BEACON, FERRY) for name in gone[path]
        ]
        assert await ended(caller, "/user") == [f"mine:{name}" for name in gone[MINE]]
        # What is ended is ended: a second run finds nothing more.
        await caller.ask("maren", "POST", "/user/autoprunepolicy/", {"method": NUMBER, "value": 1_000})
        await run_all(tools)
        assert len(await ended(caller, "/user")) == len(gone[MINE])
