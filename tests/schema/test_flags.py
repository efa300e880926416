"""Flags of an installation that hold users back, or something from being kept of them."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import httpx
import pytest

from quayside.app import create_app
from quayside.settings.settings import Settings
from resolvers.access.credentials import basic_viewer
from resolvers.access.roles import TeamRole
from storage.statements import execute, fetch
from tests.browser import PASSWORD, browsing
from tests.factories import Factory
from tests.quayside.registry import kit

CREATE = """mutation {{ repositoryCreate(input: {{ namespace: {namespace}, name: "{name}" }}) {{
  repository {{ path }} errors {{ code field message }} }} }}"""


@asynccontextmanager
async def installation(settings: Settings, features: frozenset[str]) -> AsyncIterator[httpx.AsyncClient]:
    app = create_app(replace(settings, features=features), jobs=False)
    async with app.router.lifespan_context(app), browsing(app) as browser:
        yield browser.http


async def paths() -> list[str]:
    rows = await fetch(
        "SELECT n.name AS n, r.name AS r FROM repository r JOIN account n ON n.id = r.namespace_id"
        " ORDER BY 1, 2"
    )
    return [f"{row['n']}/{row['r']}" for row in rows]


async def push(http: httpx.AsyncClient, user: str, path: str) -> tuple[int, list[str]]:
    """Status of a manifest's push, and what was granted for it."""
    scope = {"scope": f"repository:{path}:pull,push"}
    answer = await http.get("/v2/auth", params=scope, auth=(user, PASSWORD))
    token = answer.json()["token"]
    granted = await http.post(
        "/v2/auth", data={"grant_type": "password", "username": user, "password": PASSWORD, **scope}
    )
    headers = {"Authorization": f"Bearer {token}", "Content-Type": kit.OCI_INDEX}
    put = await http.put(
        f"/v2/{path}/manifests/v1", content=kit.encode(kit.index_document()), headers=headers
    )
    return put.status_code, granted.json()["scope"].rpartition(":")[2].split(",")


async def test_restricted_users_have_no_repositories_of_their_own(
    settings_with_files: Settings, factory: Factory
) -> None:
    await factory.user("ada", password=PASSWORD)
    await factory.user("root", password=PASSWORD, is_superuser=True)
    await factory.organization("acme", owner="root")
    await factory.team("acme", "crew", TeamRole.CREATOR, ["ada"])
    await factory.repository("ada/earlier", by="ada")
    tokens = {name: await factory.token(name) for name in ("ada", "root")}
    before = await paths()

    async with installation(settings_with_files, settings_with_files.features | {"RESTRICTED_USERS"}) as http:

        async def graphql(name: str, document: str) -> dict[str, object]:
            headers = {"Authorization": f"Bearer {tokens[name]}"}
            answer = (await http.post("/graphql", json={"query": document}, headers=headers)).json()
            return dict(answer)

        refused = await graphql("ada", CREATE.format(namespace="null", name="own"))
        named = await graphql("ada", CREATE.format(namespace='"ada"', name="own"))
        rest = await http.post(
            "/api/v1/repository",
            json={"repository": "own", "visibility": "private", "description": ""},
            headers={"Authorization": f"Bearer {tokens['ada']}"},
        )
        pushed = await push(http, "ada", "ada/own")
        told = await graphql(
            "ada",
            '{ viewer { own: canCreateRepositoriesIn(namespace: "ada")'
            ' acme: canCreateRepositoriesIn(namespace: "acme") } }',
        )
        assert await paths() == before
        earlier = await push(http, "ada", "ada/earlier")
        in_organization = await push(http, "ada", "acme/app")
        by_superuser = await push(http, "root", "root/app")

    for answer in (refused, named):
        assert [error["extensions"]["code"] for error in answer["errors"]] == ["FORBIDDEN"]  # type: ignore[attr-defined]
    assert rest.status_code == 403
    assert pushed == (401, ["pull"])
    assert told["data"] == {"viewer": {"own": False, "acme": True}}
    assert earlier == in_organization == by_superuser == (201, ["push", "pull"])
    assert await paths() == ["acme/app", "ada/earlier", "root/app"]


@pytest.mark.parametrize("is_on", [True, False])
async def test_names_have_slashes_only_where_they_may(
    settings_with_files: Settings, factory: Factory, is_on: bool
) -> None:
    await factory.user("ada", password=PASSWORD)
    await factory.repository("ada/old/tools", by="ada")
    token = await factory.token("ada")
    features = settings_with_files.features - (frozenset() if is_on else {"EXTENDED_REPOSITORY_NAMES"})

    async with installation(settings_with_files, features) as http:
        made = await http.post(
            "/graphql",
            json={"query": CREATE.format(namespace="null", name="new/tools")},
            headers={"Authorization": f"Bearer {token}"},
        )
        pushed = await push(http, "ada", "ada/deep/er/app")
        plain = await push(http, "ada", "ada/app")
        earlier = await push(http, "ada", "ada/old/tools")

    errors = made.json()["data"]["repositoryCreate"]["errors"]
    message = "Invalid repository name: it may not have a slash here."
    assert errors == ([] if is_on else [{"code": "INVALID", "field": "input.name", "message": message}])
    assert pushed == ((201, ["push", "pull"]) if is_on else (401, ["pull"]))
    # What has a slash from earlier stays usable.
    assert plain == earlier == (201, ["push", "pull"])


@pytest.mark.parametrize("is_on", [True, False])
async def test_when_somebody_was_last_here_is_kept_only_where_it_may_be(
    settings_with_files: Settings, factory: Factory, is_on: bool
) -> None:
    await factory.user("ada", password=PASSWORD)
    token = await factory.token("ada")
    features = settings_with_files.features - (frozenset() if is_on else {"USER_LAST_ACCESSED"})
    kept = factory if is_on else factory.without_features("USER_LAST_ACCESSED")

    await basic_viewer("ada", PASSWORD, site=kept.site, secrets=kept.secrets)
    await kept.site.uses.write()
    ((noted,),) = [tuple(row.values()) for row in await fetch("SELECT last_accessed_at_ms FROM account")]
    # What an earlier setting kept is not shown either.
    await execute("UPDATE account SET last_accessed_at_ms = 1000")
    async with installation(settings_with_files, features) as http:
        answer = await http.post(
            "/graphql",
            json={"query": "{ viewer { user { settings { lastAccessedAt } } } }"},
            headers={"Authorization": f"Bearer {token}"},
        )

    assert (noted is not None) is is_on
    shown = answer.json()["data"]["viewer"]["user"]["settings"]["lastAccessedAt"]
    assert shown == ("1970-01-01T00:00:01Z" if is_on else None)
