"""The example queries of GraphiQL give answers, as the public endpoint limits them."""

from collections.abc import AsyncIterator

import pytest

from quayside import web
from tests import live
from tests.factories import Factory, image_config
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
