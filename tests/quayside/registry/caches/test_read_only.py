"""Pull-through caches in read-only mode: what is stored is served, the rest refused, and nothing is asked."""

import httpx

from quayside.settings.settings import Settings
from storage import readonly
from storage.transactions import transaction
from tests.quayside.registry.caches.caching import LAYERS, get, gets, heads
from tests.quayside.registry.people import acting
from tests.upstreams.upstream import FakeUpstream


async def test_only_what_is_stored_is_served(
    registry: httpx.AsyncClient, upstream: FakeUpstream, settings: Settings
) -> None:
    digest = upstream.image("lib/app", "v1", LAYERS[0])
    assert (await get(registry, "manifests/v1")).status_code == 200
    upstream.image("lib/app", "v2", LAYERS[1])
    asked = heads(upstream), gets(upstream)
    async with acting(settings), transaction("test.on"):
        await readonly.switch(None, is_on=True)
    readonly._known.clear()

    answers = [await get(registry, f"manifests/{name}") for name in ("v1", digest, "v2")]

    assert [answer.status_code for answer in answers] == [200, 200, 503]
    (error,) = answers[2].json()["errors"]
    assert (error["code"], error["message"]) == ("UNAVAILABLE", readonly.SENTENCE)
    assert (heads(upstream), gets(upstream)) == asked
