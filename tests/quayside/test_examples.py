"""The example queries of GraphiQL give answers, as the public endpoint limits them."""

import re
from collections.abc import AsyncIterator
from typing import Any

import pytest

from quayside import web
from resolvers.access.roles import RepositoryRole, TeamRole
from resolvers.access.scopes import parse_scopes
from tests import live
from tests.factories import Factory, image_config
from tests.process import ROOT
from tests.quayside.registry import kit
from tests.schema.client import GraphQL, endpoint


@pytest.fixture
async def ada(factory: Factory) -> AsyncIterator[GraphQL]:
    """The owner of `acme/app`, which has an index of two images as `latest`."""
    await factory.user("ada")
    await factory.organization("acme", owner="ada")
    await factory.repository("acme/app", by="ada")
    configs = [image_config("amd64"), image_config("arm64")]
    for config in configs:
        await factory.image("acme/app", b"layer", config=config)
    images = [kit.encode(kit.image_document(b"layer", config=config)) for config in configs]
    await factory.manifest("acme/app", kit.index_document(*images), tag="latest")
    async with endpoint(factory) as client:
        yield client.with_token(await factory.token("ada"))


async def test_every_example_is_answered(ada: GraphQL) -> None:
    for example in web.examples():
        if "\nsubscription " in example.query:
            continue
        data = await ada.data(example.query)

        refused = [
            field["errors"] for field in data.values() if isinstance(field, dict) and "errors" in field
        ]
        assert None not in data.values(), example.title
        assert [errors for errors in refused if errors] == [], example.title


async def test_the_token_of_the_readme_may_do_what_the_examples_ask(ada: GraphQL, factory: Factory) -> None:
    (text,) = re.findall(r'create-token alice --scopes "([^"]*)"', (ROOT / "README.md").read_text("utf-8"))
    client = ada.with_token(await factory.token("ada", parse_scopes(text)))

    for example in web.examples():
        if "\nsubscription " not in example.query:
            data = await client.data(example.query)
            assert None not in data.values(), example.title


REFUSED = {
    "An organization at a glance": {"repositories.nodes.0.permissions"},
    "Who works in an organization": {
        "organization.members",
        "organization.collaborators",
    },
    "A chart of an organization": {"organization.activity"},
    "Who did what in an organization": {"auditLog", "auditSummary"},
    "Who can push here": {"repository.access"},
}
"""What a plain member of the organization may not see of an example, by how its title begins."""


async def test_every_example_is_answered_to_a_plain_member(ada: GraphQL, factory: Factory) -> None:
    await factory.user("bob")
    await factory.team("acme", "deckhands", TeamRole.MEMBER, ["bob"])
    await factory.grant("acme/app", "bob", RepositoryRole.READ, by="ada")
    bob = ada.with_token(await factory.token("bob"))

    refused: dict[str, set[str]] = {}
    for example in web.examples():
        if "\nsubscription " in example.query:
            continue
        answer = await bob.answer(example.query)
        errors = answer.get("errors", [])
        assert {error["extensions"]["code"] for error in errors} <= {"FORBIDDEN"}, example.title
        for path in (error["path"] for error in errors):
            # Nothing but the refused field itself is lost.
            assert at(answer["data"], path) is None
            title = next(title for title in REFUSED if example.title.startswith(title))
            refused.setdefault(title, set()).add(".".join(map(str, path)))

    assert refused == REFUSED


def at(data: Any, path: list[str | int]) -> Any:
    for part in path:
        data = data[part]
    return data


async def test_every_example_of_a_subscription_shows_what_happens(ada: GraphQL, factory: Factory) -> None:
    examples = [example for example in web.examples() if "\nsubscription " in example.query]

    for number, example in enumerate(examples):
        async with (
            live.serving(factory) as door,
            live.listening(door.address, await factory.token("ada"), query=example.query) as client,
        ):
            await factory.repository(f"acme/new-{number}", by="ada")
            event = await client.event()
            assert (event["kind"], event["repositoryPath"]) == ("create_repo", f"acme/new-{number}")
            assert event["performer"] == {"name": "ada"}

    assert examples
