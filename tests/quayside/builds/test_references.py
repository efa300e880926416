"""Branches and tags of the Git repository of a trigger, as GraphQL and REST list them."""

from typing import Any

import httpx
import pytest

from quayside.builds.git.program import GitProgram
from resolvers.builds.git import GitFailed, GitRemote, Reached, References
from storage.statements import fetch
from tests.factories import Factory
from tests.quayside.builds.test_webhook import CUSTOM, SOURCE, Place, place
from tests.resolvers.builds.triggers.samples import COMMIT, OTHER

__all__ = ["place"]

HAS = References(
    "main",
    {
        "refs/heads/alpha": OTHER,
        "refs/heads/main": COMMIT,
        "refs/pull/7/head": OTHER,
        "refs/tags/v2": COMMIT,
        "refs/tags/v1": OTHER,
    },
)
LIST = """mutation($uuid: String!) { buildTriggerReferencesList(repository: "ada/ferry", uuid: $uuid) {
    references { defaultBranch items(first: 3) { nodes { kind name commit } pageInfo { hasNextPage } } }
    errors { code field message }
} }"""


async def has(_: GitProgram, remote: GitRemote) -> tuple[References, Reached]:
    assert remote.url == SOURCE
    return HAS, Reached("git.example.com ssh-ed25519 AAAA\n")


async def fails(*_: object) -> tuple[References, Reached]:
    raise GitFailed("git.example.com did not answer.")


async def fields(place: Place, token: str, uuid: str, name: str) -> httpx.Response:
    path = f"/api/v1/repository/ada/ferry/trigger/{uuid}/fields/{name}"
    return await place.http.post(path, json={}, headers={"Authorization": f"Bearer {token}"})


async def test_administrators_choose_among_branches_and_tags(
    place: Place, factory: Factory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(GitProgram, "references", has)
    uuid, token = (await place.hook(CUSTOM)).uuid, await factory.token("ada")

    async def ask() -> Any:
        answer = await place.http.post(
            "/graphql",
            json={"query": LIST, "variables": {"uuid": uuid}},
            headers={"Authorization": f"Bearer {token}"},
        )
        return answer.json()["data"]["buildTriggerReferencesList"]

    assert await ask() == {
        "references": {
            "defaultBranch": "main",
            "items": {
                "nodes": [
                    {"kind": "BRANCH", "name": "main", "commit": COMMIT},
                    {"kind": "BRANCH", "name": "alpha", "commit": OTHER},
                    {"kind": "TAG", "name": "v1", "commit": OTHER},
                ],
                "pageInfo": {"hasNextPage": True},
            },
        },
        "errors": [],
    }
    rest = {name: (await fields(place, token, uuid, name)) for name in ("refs", "branch_name", "tag_name")}
    assert {name: (answer.status_code, answer.json()) for name, answer in rest.items()} == {
        "refs": (
            200,
            {
                "values": [
                    {"kind": "branch", "name": "main"},
                    {"kind": "branch", "name": "alpha"},
                    {"kind": "tag", "name": "v1"},
                    {"kind": "tag", "name": "v2"},
                ]
            },
        ),
        "branch_name": (200, {"values": ["main", "alpha"]}),
        "tag_name": (200, {"values": ["v1", "v2"]}),
    }
    assert await fetch("SELECT known_hosts FROM build_trigger") == [
        {"known_hosts": "git.example.com ssh-ed25519 AAAA\n"}
    ]

    monkeypatch.setattr(GitProgram, "references", fails)
    (error,) = (await ask())["errors"]
    failed = await fields(place, token, uuid, "refs")
    assert error == {"code": "UPSTREAM", "field": None, "message": "git.example.com did not answer."}
    assert (failed.status_code, failed.json()["detail"]) == (400, "git.example.com did not answer.")


async def test_nobody_else_has_a_repository_asked(
    place: Place, factory: Factory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(GitProgram, "references", fails)
    hook = await place.hook(CUSTOM)
    await factory.user("eve")
    token, hers = await factory.token("ada"), await factory.token("eve")

    unknown = await fields(place, token, "5252e12d-4dc2-4f4c-adc4-a2a01b8702c6", "refs")
    eve = await fields(place, hers, hook.uuid, "refs")

    assert [one.status_code for one in (unknown, eve)] == [404, 403]
