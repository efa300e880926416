"""`docker search` and `podman search`: their requests, as Docker 24 and containers/image send them."""

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import httpx
import pytest

from quayside.app import create_app
from quayside.settings.settings import Settings
from resolvers.context import Context
from resolvers.repositories import repository as repositories
from resolvers.repositories import star
from resolvers.repositories.repository import Visibility
from tests.quayside.registry import kit
from tests.quayside.registry.people import OWNER, PASSWORD, STRANGER, acting

DOCKER = {"X-Docker-Token": "true"}
"""What docker sends with a search, with credentials or without."""


@pytest.fixture
async def found(application: object, settings: Settings) -> None:
    """A public repository, a private one, and one of somebody else."""
    async with acting(settings) as context:
        for path, visibility, text in (
            ("owner/lamp-shade", Visibility.PUBLIC, "Keeps the light in"),
            ("owner/lamp", Visibility.PRIVATE, None),
            ("owner/other", Visibility.PUBLIC, "Nothing"),
        ):
            await create(context, path, visibility, text or "")
        await star.star(context, "owner/lamp-shade")
    async with acting(settings, STRANGER) as context:
        await create(context, "stranger/lamp", Visibility.PRIVATE)


async def create(context: Context, path: str, visibility: Visibility, description: str = "") -> None:
    namespace, _, name = path.partition("/")
    await repositories.create(
        context, namespace=namespace, name=name, visibility=visibility, description=description
    )


def names(answer: httpx.Response) -> list[str]:
    assert answer.status_code == 200, answer.text
    return [one["name"] for one in answer.json()["results"]]


async def ask(client: httpx.AsyncClient, login: str | None = None, **query: Any) -> httpx.Response:
    """What docker asks."""
    auth = httpx.BasicAuth(login, PASSWORD) if login else None
    return await client.get("/v1/search", params=query, headers=DOCKER, auth=auth)


async def test_the_ping_tells_docker_to_send_credentials(unauthenticated: httpx.AsyncClient) -> None:
    answer = await unauthenticated.get("/v1/_ping")

    assert (answer.status_code, answer.json()) == (200, {"standalone": True})
    assert answer.headers["X-Docker-Registry-Standalone"] == "true"
    assert answer.headers["X-Docker-Registry-Version"] == "1.0"
    assert (await unauthenticated.head("/v1/_ping")).content == b""


async def test_everybody_finds_what_is_public(found: None, unauthenticated: httpx.AsyncClient) -> None:
    answer = await ask(unauthenticated, q="lamp", n=25)

    assert answer.json() == {
        "query": "lamp",
        "num_results": 1,
        "num_pages": 1,
        "page": 1,
        "page_size": 25,
        "results": [
            {
                "name": "owner/lamp-shade",
                "description": "Keeps the light in",
                "star_count": 1,
                "is_official": False,
                "is_automated": False,
                "is_trusted": False,
            }
        ],
    }


async def test_a_private_repository_is_found_by_those_who_may_see_it(
    found: None, unauthenticated: httpx.AsyncClient
) -> None:
    assert names(await ask(unauthenticated, OWNER, q="lamp")) == ["owner/lamp", "owner/lamp-shade"]
    assert names(await ask(unauthenticated, STRANGER, q="lamp")) == ["stranger/lamp", "owner/lamp-shade"]
    assert names(await ask(unauthenticated, q="owner/lamp")) == ["owner/lamp-shade"]


async def test_wrong_credentials_are_told(found: None, unauthenticated: httpx.AsyncClient) -> None:
    answer = await unauthenticated.get("/v1/search", params={"q": "lamp"}, auth=(OWNER, "wrong"))

    assert (answer.status_code, kit.error_codes(answer)) == (401, ["UNAUTHORIZED"])
    assert answer.headers["WWW-Authenticate"].startswith("Basic realm=")


async def test_pages(found: None, unauthenticated: httpx.AsyncClient) -> None:
    pages = [(await ask(unauthenticated, OWNER, q="lamp", n=1, page=page)).json() for page in (1, 2, 3)]

    assert [[one["name"] for one in page["results"]] for page in pages] == [
        ["owner/lamp"],
        ["owner/lamp-shade"],
        [],
    ]
    assert {(page["num_results"], page["num_pages"]) for page in pages} == {(2, 2)}
    assert (await ask(unauthenticated, OWNER, q="lamp", n=10**8)).json()["page_size"] == 100


@pytest.mark.parametrize("query", [{"n": "0"}, {"n": "-1"}, {"n": "many"}, {"page": "0"}, {"n": "9" * 5000}])
async def test_a_number_that_is_none_is_400(
    query: dict[str, str], found: None, unauthenticated: httpx.AsyncClient
) -> None:
    answer = await ask(unauthenticated, q="lamp", **query)

    (name,) = query
    assert (answer.status_code, kit.error_codes(answer)) == (400, ["INVALID_REQUEST"])
    assert answer.json()["errors"][0]["message"] == f"{name} must be a whole number from 1"


async def test_podman_gets_an_empty_list_only_where_it_could_find_nothing_else(
    found: None, unauthenticated: httpx.AsyncClient
) -> None:
    # podman sends no credentials here, and asks the catalog with a token only if this fails.
    assert names(await unauthenticated.get("/v1/search", params={"q": "lamp"})) == ["owner/lamp-shade"]
    private = await unauthenticated.get("/v1/search", params={"q": "stranger/lamp"})
    assert (private.status_code, kit.error_codes(private)) == (401, ["UNAUTHORIZED"])
    # docker shows what it is answered.
    assert names(await ask(unauthenticated, q="stranger/lamp")) == []


@pytest.fixture
async def closed(found: None, settings: Settings) -> AsyncIterator[httpx.AsyncClient]:
    """A client of a registry where nobody may read without signing in."""
    app = create_app(replace(settings, features=settings.features - {"ANONYMOUS_ACCESS"}), jobs=False)
    transport = httpx.ASGITransport(app=app)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url=settings.public_url) as client,
    ):
        yield client


async def test_without_anonymous_access_a_search_is_for_users(closed: httpx.AsyncClient) -> None:
    assert (await ask(closed, q="lamp")).status_code == 401
    assert names(await ask(closed, OWNER, q="lamp")) == ["owner/lamp", "owner/lamp-shade"]


async def test_other_addresses_of_version_1_do_not_exist(unauthenticated: httpx.AsyncClient) -> None:
    answer = await unauthenticated.get("/v1/repositories/owner/lamp/images")

    assert (answer.status_code, kit.error_codes(answer)) == (404, ["UNSUPPORTED"])
    assert answer.json()["errors"][0]["detail"] == {"path": "/v1/repositories/owner/lamp/images"}
