"""`include_modelcard` over REST."""

from __future__ import annotations

from quayside.settings.settings import Settings
from tests.contract.world import ORGANIZATION, World, callers
from tests.factories import Factory
from tests.quayside.registry import kit


async def test_the_card_of_a_model_comes_only_if_asked_for(
    factory: Factory, settings_with_files: Settings
) -> None:
    world = World(factory)
    await world.people()
    await world.organization()
    path = f"{ORGANIZATION}/tides"
    await factory.repository(path, by="maren")
    for content in (kit.EMPTY, b"weights", b"# Tides"):
        await factory.blob(path, content)
    model = await factory.manifest(
        path, kit.artifact_document("application/x-mlmodel", b"weights", b"# Tides"), tag="model"
    )
    image = await factory.image(path, b"weights", tag="image")

    async with callers(world, settings_with_files) as caller:
        plain = await caller.ask("maren", "GET", f"/repository/{path}/manifest/{model}")
        asked = await caller.ask(
            "maren", "GET", f"/repository/{path}/manifest/{model}?include_modelcard=true"
        )
        of_image = await caller.ask(
            "maren", "GET", f"/repository/{path}/manifest/{image}?include_modelcard=true"
        )

    assert asked.json() == plain.json() | {"modelcard": "# Tides"}
    assert "modelcard" not in plain.json()
    assert (of_image.status_code, "modelcard" in of_image.json()) == (200, False)
