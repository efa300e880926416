"""Pages of other origins that browse the registry: preflights, and fields that scripts may read."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import httpx
import pytest

from quayside.app import create_app
from quayside.settings.settings import Settings
from tests.quayside.registry import kit
from tests.quayside.registry.people import OWNER, PASSWORD, create_users

PAGE = "https://console.example"
ADDRESSES = ["/v2/", "/v2/auth", "/v2/owner/app/manifests/v1", "/v2/owner/app/blobs/uploads/", "/v1/search"]
PREFLIGHT = {"Origin": PAGE, "Access-Control-Request-Method": "GET"}


@asynccontextmanager
async def opened(settings: Settings, *origins: str) -> AsyncIterator[httpx.AsyncClient]:
    """A client of a registry with these CORS_ORIGINS."""
    app = create_app(replace(settings, cors_origins=origins), jobs=False)
    transport = httpx.ASGITransport(app=app)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url=settings.public_url) as client,
    ):
        yield client


def allowed(answer: httpx.Response) -> dict[str, str]:
    """The fields of an answer that browsers heed."""
    return {
        name.removeprefix("access-control-"): value
        for name, value in answer.headers.items()
        if name.startswith("access-control-")
    }


@pytest.mark.parametrize("address", ADDRESSES)
async def test_a_preflight_of_a_named_origin_is_granted(address: str, settings: Settings) -> None:
    await create_users(settings, OWNER)
    async with opened(settings, "https://other.example", PAGE) as client:
        answer = await client.options(address, headers=PREFLIGHT)
        stranger = await client.options(address, headers=PREFLIGHT | {"Origin": "https://evil.example"})

    assert (answer.status_code, answer.content) == (204, b"")
    told = allowed(answer)
    assert told["allow-origin"] == PAGE
    assert told["allow-credentials"] == "true"
    assert told["allow-methods"] == "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"
    assert {"Authorization", "Content-Range", "Accept", "Range"} <= set(told["allow-headers"].split(", "))
    assert told["max-age"] == "21600"
    assert answer.headers["Vary"] == "Origin"
    assert allowed(stranger) == {}


async def test_answers_and_errors_can_be_read_by_scripts(settings: Settings) -> None:
    await create_users(settings, OWNER)
    async with opened(settings, PAGE) as client:
        page = {"Origin": PAGE}
        asked = {"scope": "repository:owner/app:pull,push"}
        issued = await client.get("/v2/auth", params=asked, auth=(OWNER, PASSWORD), headers=page)
        assert allowed(issued)["allow-origin"] == PAGE
        token = issued.json()["token"]
        bearer = page | {"Authorization": f"Bearer {token}"}
        repository = kit.Repository(client, "owner/app")
        client.headers["Authorization"] = f"Bearer {token}"
        await repository.push_image(b"layer", tag="v1")
        answers = [
            await client.get("/v2/owner/app/manifests/v1", headers=bearer),
            await client.head("/v2/owner/app/manifests/v1", headers=bearer),
            await client.get("/v2/owner/app/manifests/v2", headers=bearer),
            await client.get(f"/v2/owner/app/blobs/{kit.digest_of(b'layer')}", headers=bearer),
            await client.get("/v2/owner/app/tags/list", params={"n": 0}, headers=bearer),
            await client.get("/v2/", headers=page | {"Authorization": ""}),
            await client.get("/v1/_ping", headers=page),
        ]

    assert [one.status_code for one in answers] == [200, 200, 404, 200, 200, 401, 200]
    for answer in answers:
        told = allowed(answer)
        assert (told["allow-origin"], told["allow-credentials"]) == (PAGE, "true")
        assert {
            "Docker-Content-Digest",
            "Link",
            "Location",
            "WWW-Authenticate",
            "OCI-Filters-Applied",
            "OCI-Subject",
            "OCI-Tag",
            "Range",
        } <= set(told["expose-headers"].split(", "))


async def test_every_origin_may_read_without_cookies_if_all_may(settings: Settings) -> None:
    await create_users(settings, OWNER)
    async with opened(settings, "*") as client:
        told = allowed(await client.get("/v2/", headers={"Origin": PAGE}))
        preflight = allowed(await client.options("/v2/", headers=PREFLIGHT))

    assert told.keys() == {"allow-origin", "expose-headers"}
    assert told["allow-origin"] == preflight["allow-origin"] == "*"
    assert "allow-credentials" not in preflight


async def test_without_the_setting_nothing_changes(unauthenticated: httpx.AsyncClient) -> None:
    answers = [
        await unauthenticated.options("/v2/", headers=PREFLIGHT),
        await unauthenticated.get("/v2/", headers={"Origin": PAGE}),
    ]

    assert [one.status_code for one in answers] == [405, 401]
    assert [allowed(one) for one in answers] == [{}, {}]


async def test_options_that_is_no_preflight_is_405(settings: Settings) -> None:
    await create_users(settings, OWNER)
    async with opened(settings, PAGE) as client:
        answer = await client.options("/v2/", headers={"Origin": PAGE})

    assert (answer.status_code, kit.error_codes(answer)) == (405, ["UNSUPPORTED"])
    assert allowed(answer)["allow-origin"] == PAGE
