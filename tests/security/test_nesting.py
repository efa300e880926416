"""Deeply nested JSON: refused in requests, ignored in the content of images."""

import json
from typing import Any

import httpx
import pytest

from quayside.app import create_app
from quayside.settings.settings import Settings
from tests.factories import Factory
from tests.schema.client import GraphQL

CONFIG = '{ repository(path: "ada/app") { tag(name: "v1") { manifest { config platform { os } } } } }'
CREATE = """mutation ($m: JSONObject!) { robotCreate(input: {shortName: "bot", unstructuredMetadata: $m}) {
  robot { unstructuredMetadata } errors { code } } }"""


def nested(depth: int) -> dict[str, Any]:
    """Objects nested `depth` levels deep."""
    value: dict[str, Any] = {}
    for _ in range(depth - 1):
        value = {"a": value}
    return value


@pytest.mark.parametrize("depth", [65, 300, 900, 1500])
async def test_a_configuration_that_is_too_deep_is_null(factory: Factory, ada: GraphQL, depth: int) -> None:
    text = '{"os": "linux", "x": ' + '{"a": ' * (depth - 1) + "{}" + "}" * depth
    await factory.repository("ada/app")
    await factory.image("ada/app", b"layer", tag="v1", config=text.encode())

    manifest = (await ada.data(CONFIG))["repository"]["tag"]["manifest"]

    # Beyond 1,024 levels orjson fails, so nothing of the configuration is known.
    assert manifest == {"config": None, "platform": {"os": "linux"} if depth < 1024 else None}


async def test_a_configuration_of_the_greatest_depth_is_shown(factory: Factory, ada: GraphQL) -> None:
    config = {"os": "linux", "x": nested(63)}
    await factory.repository("ada/app")
    await factory.image("ada/app", b"layer", tag="v1", config=json.dumps(config).encode())

    assert (await ada.data(CONFIG))["repository"]["tag"]["manifest"]["config"] == config


async def test_variables_are_taken_to_a_depth_of_64(ada: GraphQL) -> None:
    for depth in (67, 250, 800):
        assert await ada.refusal(CREATE, m=nested(depth)) == "BAD_REQUEST"

    assert await ada.payload(CREATE, m=nested(64)) == {
        "robot": {"unstructuredMetadata": nested(64)},
        "errors": [],
    }


async def test_rest_bodies_have_the_same_limit(factory: Factory, settings_with_files: Settings) -> None:
    await factory.user("ada")
    headers = {"Authorization": f"Bearer {await factory.token('ada')}"}
    app = create_app(settings_with_files)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(
            transport=httpx.ASGITransport(app=app), base_url=settings_with_files.public_url, headers=headers
        ) as http,
    ):
        robot = "/api/v1/user/robots/bot"
        for depth in (67, 250, 900):
            refused = await http.put(robot, json={"unstructured_metadata": nested(depth)})
            assert (refused.status_code, (await http.get(robot)).status_code) == (400, 400)
        taken = await http.put(robot, json={"unstructured_metadata": nested(64)})

    assert (taken.status_code, taken.json()["unstructured_metadata"]) == (200, nested(64))
