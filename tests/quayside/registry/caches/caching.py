"""The organization `caching`, a pull-through cache, as clients and tests ask it."""

from collections.abc import Sequence
from typing import Any

import httpx

from quayside.settings.settings import Settings
from resolvers.caches.room import PROTECTED_MS
from storage.statements import fetch
from tests.quayside.registry import kit
from tests.quayside.registry.people import acting
from tests.quotas import set_quota, stored
from tests.upstreams.upstream import FakeUpstream

ORG = "caching"
LAYERS = (b"one" * 1000, b"two" * 2000)
QUIET_S = PROTECTED_MS // 1000 + 1
"""After so long without a pull an image may go."""


def at(client: httpx.AsyncClient, name: str = "app") -> kit.Repository:
    """A repository of the cache."""
    return kit.Repository(client, f"{ORG}/{name}")


async def get(client: httpx.AsyncClient, rest: str, method: str = "GET", **more: Any) -> httpx.Response:
    """Ask for something of `caching/app`."""
    return await client.request(method, f"/v2/{ORG}/app/{rest}", **more)


def heads(upstream: FakeUpstream) -> list[str]:
    """What the upstream was asked for by HEAD."""
    return [each.split("/", 3)[3] for each in upstream.asked("^HEAD /v2/lib/")]


def gets(upstream: FakeUpstream) -> list[str]:
    """What was fetched from the upstream."""
    return sorted(each.split("/", 3)[3] for each in upstream.asked("^GET /v2/lib/"))


async def pull(client: httpx.AsyncClient, tag: str, name: str = "app") -> tuple[int, ...]:
    """Pull an image; the statuses of its manifest and its layers."""
    found = await client.get(f"/v2/{ORG}/{name}/manifests/{tag}")
    layers = found.json()["layers"] if found.status_code == 200 else []
    blobs = [await client.get(f"/v2/{ORG}/{name}/blobs/{layer['digest']}") for layer in layers]
    return found.status_code, *(answer.status_code for answer in blobs)


async def tag_names(settings: Settings) -> list[str]:
    """The tags of the organization."""
    return [
        name for (name,) in await rows(settings, "SELECT name FROM tag WHERE NOT has_ended ORDER BY name")
    ]


async def limit(settings: Settings, limit_bytes: int) -> None:
    """Let the organization store no more than some bytes."""
    async with acting(settings):
        await set_quota(ORG, limit_bytes)


async def held_bytes(settings: Settings) -> int:
    """What the organization stores."""
    async with acting(settings):
        return await stored(ORG)


async def rows(settings: Settings, statement: str, *values: Any) -> Sequence[Any]:
    """Rows of the database."""
    async with acting(settings):
        return [tuple(row.values()) for row in await fetch(statement, *values)]
