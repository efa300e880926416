"""Live events over a real server: what is seen, in which order, by whom, and how it goes on after a break."""

from tests import live
from tests.factories import Factory


async def test_what_happens_is_seen_in_its_order(factory: Factory) -> None:
    # given somebody who listens to their namespace
    await factory.user("ada")
    async with (
        live.serving(factory) as door,
        live.listening(door.address, await factory.token("ada"), namespace="ada", kinds=None) as client,
    ):
        # when things happen there, written by others
        await factory.repository("ada/app")
        await factory.image("ada/app", b"one", tag="v1")

        # then each is seen, once
        events = await client.events(2)
        assert [(event["kind"], event["repositoryPath"], event["tagName"]) for event in events] == [
            ("create_repo", "ada/app", None),
            ("create_tag", "ada/app", "v1"),
        ]
