"""Build triggers as clients see them: who sees what, and which trigger of which repository is meant."""

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest

from resolvers.access.roles import RepositoryRole
from tests.factories import Factory
from tests.fake_git import FakeGit
from tests.schema.client import GraphQL, endpoint
from tests.state import dump

MAKE = """mutation ($service: BuildTriggerService!) { buildTriggerCreate(repository: "ada/app",
  service: $service) { trigger { uuid isActive isEnabled config credentials { name } } errors { code } } }"""
ACTIVATE = """mutation ($uuid: String!, $config: JSONObject!) { buildTriggerActivate(repository: "ada/app",
  uuid: $uuid, input: { config: $config }) { errors { code field message }
    trigger { buildSource repositoryUrl config credentials { name value } connectedBy { name } } } }"""
START = """mutation ($uuid: String!, $input: BuildTriggerStartInput!) { buildTriggerStart(
  repository: "ada/app", uuid: $uuid, input: $input) { build { uuid } errors { code field message } } }"""
TRIGGER = "uuid buildSource config credentials { name } connectedBy { name } numberOfFailures viewerCanStart"
READ = f"""{{ repository(path: "ada/app") {{
  builds {{ nodes {{ orderedBy {{ name }} trigger {{ {TRIGGER} }} triggerMetadata }} }} }} }}"""
SOURCE = "git@git.example.com:acme/app.git"


@pytest.fixture
async def ada(factory: Factory) -> AsyncIterator[GraphQL]:
    """A client of `ada`, who has two repositories, at a server that reaches a Git repository."""
    await factory.user("ada")
    for name in ("app", "other"):
        await factory.repository(f"ada/{name}")
    token = await factory.token("ada")
    async with endpoint(replace(factory, site=replace(factory.site, git=FakeGit()))) as client:
        yield client.with_token(token)


async def connected(
    ada: GraphQL, service: str = "CUSTOM_GIT", source: str = SOURCE, **config: Any
) -> tuple[str, dict[str, Any]]:
    """An active trigger: its uuid, and what the activation answers."""
    made = (await ada.data(MAKE, service=service))["buildTriggerCreate"]
    assert made["errors"] == []
    found = made["trigger"]
    assert (found["isActive"], found["isEnabled"], found["config"], found["credentials"]) == (
        *(False, True, {}),
        None,
    )
    active = await ada.data(ACTIVATE, uuid=found["uuid"], config={"build_source": source, **config})
    assert active["buildTriggerActivate"]["errors"] == []
    return found["uuid"], active["buildTriggerActivate"]["trigger"]


async def test_readers_of_a_build_see_its_trigger_but_not_what_it_can(ada: GraphQL, factory: Factory) -> None:
    uuid, _ = await connected(ada, context="/")
    assert (await ada.data(START, uuid=uuid, input={"commit": "a" * 40}))["buildTriggerStart"]["errors"] == []
    await factory.user("bob")
    await factory.grant("ada/app", "bob", RepositoryRole.WRITE, by="ada")
    bob = ada.with_token(await factory.token("bob"))

    (seen,) = (await ada.data(READ))["repository"]["builds"]["nodes"]
    (shown,) = (await bob.data(READ))["repository"]["builds"]["nodes"]

    metadata = {"commit": "a" * 40, "git_url": SOURCE}
    assert seen == {
        "orderedBy": {"name": "ada"},
        "trigger": {
            "uuid": uuid,
            "buildSource": SOURCE,
            "config": {"build_source": SOURCE, "context": "/"},
            "credentials": [{"name": "SSH Public Key"}, {"name": "Webhook Endpoint URL"}],
            "connectedBy": {"name": "ada"},
            "numberOfFailures": 0,
            "viewerCanStart": True,
        },
        "triggerMetadata": metadata,
    }
    hidden = dict.fromkeys(("config", "credentials", "connectedBy", "numberOfFailures"))
    assert shown["trigger"] == {"uuid": uuid, "buildSource": SOURCE, "viewerCanStart": False} | hidden
    for field in ("buildTriggers { nodes { uuid } }", f'buildTrigger(uuid: "{uuid}") {{ uuid }}'):
        assert await bob.refusal(f'{{ repository(path: "ada/app") {{ {field} }} }}') == "FORBIDDEN"


@pytest.mark.parametrize(
    ("service", "source", "page", "names"),
    [
        ("GITHUB", "acme/app", "https://github.com/acme/app", []),
        ("GITLAB", "https://git.example.com/a/b/c.git", "https://git.example.com/a/b/c", []),
        ("BITBUCKET", SOURCE, "https://git.example.com/acme/app", ["SSH Public Key"]),
    ],
)
async def test_services_get_an_address_and_a_secret(
    ada: GraphQL, service: str, source: str, page: str, names: list[str]
) -> None:
    uuid, active = await connected(ada, service, source)

    given = {each["name"]: each["value"] for each in active["credentials"]}
    assert [*given] == [*names, "Webhook Endpoint URL", "Webhook Secret"]
    assert given["Webhook Endpoint URL"].endswith(f"/webhooks/push/trigger/{uuid}")
    assert "@" not in given["Webhook Endpoint URL"]
    assert (active["repositoryUrl"], active["buildSource"]) == (page, source)


async def test_custom_git_gets_an_address_with_its_token(ada: GraphQL) -> None:
    uuid, active = await connected(ada, source="https://git.example.com/acme/app.git", credentials=[1])

    ((name, address),) = [(each["name"], each["value"]) for each in active["credentials"]]
    assert name == "Webhook Endpoint URL"
    assert address.split("@")[0].startswith("http://$token:")
    assert address.endswith(f"/webhooks/push/trigger/{uuid}")
    assert active["repositoryUrl"] is None
    # What clients send back of ours is not theirs to say.
    assert active["config"] == {"build_source": "https://git.example.com/acme/app.git"}


async def test_a_trigger_is_one_of_the_repository_that_is_named(ada: GraphQL) -> None:
    uuid, _ = await connected(ada)
    before = await dump()

    found = f'{{ repository(path: "ada/other") {{ buildTrigger(uuid: "{uuid}") {{ uuid }} }} }}'
    assert (await ada.data(found))["repository"]["buildTrigger"] is None
    for mutation in (
        "buildTriggerUpdate(%s, isEnabled: false)",
        "buildTriggerDelete(%s)",
        'buildTriggerActivate(%s, input: { config: { build_source: "x" } })',
        'buildTriggerStart(%s, input: { commit: "aaaaaaa" })',
    ):
        named = mutation % f'repository: "ada/other", uuid: "{uuid}"'
        answer = await ada.data(f"mutation {{ it: {named} {{ errors {{ code field }} }} }}")
        assert answer["it"]["errors"] == [{"code": "NOT_FOUND", "field": "uuid"}], mutation
    assert await dump() == before


@pytest.mark.parametrize(
    ("document", "given", "error"),
    [
        (ACTIVATE, {"config": {"build_source": SOURCE}}, ("CONFLICT", "uuid")),
        (START, {"input": {}}, ("INVALID", "input.commit")),
        (START, {"input": {"branch": "main"}}, ("INVALID", "input.commit")),
        (START, {"input": {"commit": "xyz"}}, ("INVALID", "input.commit")),
    ],
)
async def test_what_an_active_trigger_of_custom_git_refuses(
    ada: GraphQL, document: str, given: dict[str, Any], error: tuple[str, str]
) -> None:
    uuid, _ = await connected(ada)
    before = await dump()

    assert await ada.payload_error(document, uuid=uuid, **given) == error
    assert await dump() == before


async def test_a_setting_that_is_refused_is_named_as_it_is_written(ada: GraphQL) -> None:
    made = (await ada.data(MAKE, service="GITHUB"))["buildTriggerCreate"]["trigger"]

    for config, field in (
        ({}, "input.config.build_source"),
        ({"build_source": SOURCE, "tag_templates": [5]}, "input.config.tag_templates[0]"),
    ):
        assert await ada.payload_error(ACTIVATE, uuid=made["uuid"], config=config) == ("INVALID", field)
