"""Tokens at all three doors: what their scopes cap, and that a revoked one is dead everywhere at once."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from quayside.app import create_app
from quayside.settings.settings import Settings
from resolvers.access.scopes import Scope
from tests.factories import Factory
from tests.waiting import until

PATH = "ada/app"


@pytest.fixture
async def http(settings_with_files: Settings, factory: Factory) -> AsyncIterator[httpx.AsyncClient]:
    """The whole application, with an image in the private repository `ada/app`."""
    await factory.user("ada")
    await factory.user("eve")
    await factory.organization("acme", owner="ada")
    await factory.repository(PATH)
    await factory.image(PATH, b"layer", tag="v1")
    app = create_app(settings_with_files, jobs=False)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(
            transport=httpx.ASGITransport(app), base_url=settings_with_files.public_url
        ) as client,
    ):
        yield client


async def rest(http: httpx.AsyncClient, token: str, method: str, path: str, **json: Any) -> httpx.Response:
    headers = {"Authorization": f"Bearer {token}"}
    return await http.request(method, f"/api/v1{path}", json=json or None, headers=headers)


async def graphql(http: httpx.AsyncClient, token: str, query: str) -> Any:
    answer = await http.post("/graphql", json={"query": query}, headers={"Authorization": f"Bearer {token}"})
    return answer.json()


async def registry_token(http: httpx.AsyncClient, name: str, secret: str) -> str | None:
    """What docker login and a pull would ask for; None if the login fails."""
    query = {"service": str(http.base_url.netloc, "ascii"), "scope": f"repository:{PATH}:pull,push"}
    answer = await http.get("/v2/auth", params=query, auth=(name, secret))
    return str(answer.json()["token"]) if answer.status_code == 200 else None


async def may(http: httpx.AsyncClient, token: str) -> dict[str, bool]:
    """What a registry token lets its holder do with the repository."""
    headers = {"Authorization": f"Bearer {token}"}
    pull = await http.get(f"/v2/{PATH}/manifests/v1", headers=headers)
    push = await http.post(f"/v2/{PATH}/blobs/uploads/", headers=headers)
    return {"pull": pull.status_code == 200, "push": push.status_code == 202}


DESCRIBE = """mutation { repositoryUpdate(repository: "ada/app", input: { description: "x" }) {
  errors { code } } }"""
SEE = '{ repository(path: "ada/app") { name } }'


@pytest.mark.parametrize(
    ("scopes", "sees", "pulls", "pushes", "changes"),
    [
        ({Scope.USER_READ}, False, False, False, False),
        ({Scope.ORG_ADMIN, Scope.USER_ADMIN}, False, False, False, False),
        ({Scope.REPO_READ}, True, True, False, False),
        ({Scope.REPO_WRITE}, True, True, True, True),
        ({Scope.REPO_ADMIN}, True, True, True, True),
    ],
)
async def test_scopes_cap_the_user_at_every_door(
    http: httpx.AsyncClient,
    factory: Factory,
    scopes: set[Scope],
    sees: bool,
    pulls: bool,
    pushes: bool,
    changes: bool,
) -> None:
    token = await factory.token("ada", frozenset(scopes))

    issued = await registry_token(http, "$oauthtoken", token)
    assert issued is not None
    assert await may(http, issued) == {"pull": pulls, "push": pushes}
    assert (await rest(http, token, "GET", f"/repository/{PATH}")).status_code == (200 if sees else 403)
    assert ("errors" not in await graphql(http, token, SEE)) == sees
    changed = await rest(http, token, "PUT", f"/repository/{PATH}", description="x")
    assert changed.status_code == (200 if changes else 403)
    assert ("errors" not in await graphql(http, token, DESCRIBE)) == changes


async def test_a_token_of_somebody_else_opens_nothing(http: httpx.AsyncClient, factory: Factory) -> None:
    token = await factory.token("eve")

    issued = await registry_token(http, "$oauthtoken", token)

    assert issued is not None
    assert await may(http, issued) == {"pull": False, "push": False}
    assert (await rest(http, token, "GET", f"/repository/{PATH}")).status_code == 403
    assert (await graphql(http, token, SEE))["errors"][0]["extensions"]["code"] == "FORBIDDEN"


async def test_a_revoked_access_token_is_dead_at_every_door_at_once(
    http: httpx.AsyncClient, factory: Factory
) -> None:
    owner = await factory.token("ada")
    made = await rest(http, owner, "POST", "/organization/acme/applications", name="Helm")
    path = f"/organization/acme/applications/{made.json()['client_id']}"
    token = (await rest(http, owner, "POST", f"{path}/tokens", name="ci", scope="repo:write")).json()
    issued = await registry_token(http, "$oauthtoken", token["token"])
    assert issued is not None
    assert await may(http, issued) == {"pull": True, "push": True}

    revoked = await rest(http, owner, "DELETE", f"{path}/tokens/{token['uuid']}")

    assert revoked.status_code == 204
    assert await may(http, issued) == {"pull": False, "push": False}
    assert await registry_token(http, "$oauthtoken", token["token"]) is None
    assert (await rest(http, token["token"], "GET", f"/repository/{PATH}")).status_code == 401
    answer = await graphql(http, token["token"], SEE)
    assert answer["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"


async def test_deleting_an_application_ends_its_registry_tokens(
    http: httpx.AsyncClient, factory: Factory
) -> None:
    owner = await factory.token("ada")
    made = await rest(http, owner, "POST", "/organization/acme/applications", name="Helm")
    path = f"/organization/acme/applications/{made.json()['client_id']}"
    token = (await rest(http, owner, "POST", f"{path}/tokens", name="ci", scope="repo:write")).json()
    issued = await registry_token(http, "$oauthtoken", token["token"])
    assert issued is not None

    assert (await rest(http, owner, "DELETE", path)).status_code == 204

    assert await may(http, issued) == {"pull": False, "push": False}


async def test_an_application_token_is_a_docker_password_until_it_is_revoked(
    http: httpx.AsyncClient, factory: Factory
) -> None:
    owner = await factory.token("ada")
    token = (await rest(http, owner, "POST", "/user/apptoken", title="laptop")).json()["token"]
    issued = [await registry_token(http, name, token["token_code"]) for name in ("$app", "ada")]
    for one in issued:
        assert one is not None
        assert await may(http, one) == {"pull": True, "push": True}
    shown = (await rest(http, owner, "GET", f"/user/apptoken/{token['uuid']}")).json()["token"]
    assert shown["token_code"] == token["token_code"]

    async def used() -> bool:
        answer = await rest(http, owner, "GET", f"/user/apptoken/{token['uuid']}")
        return answer.json()["token"]["last_accessed"] is not None

    await until(used)
    assert await registry_token(http, "eve", token["token_code"]) is None
    assert (await rest(http, token["token_code"], "GET", "/user/")).status_code == 401

    assert (await rest(http, owner, "DELETE", f"/user/apptoken/{token['uuid']}")).status_code == 204

    for one in issued:
        assert one is not None
        assert await may(http, one) == {"pull": False, "push": False}
    for name in ("$app", "ada"):
        assert await registry_token(http, name, token["token_code"]) is None


async def test_the_tokens_of_an_application_over_rest(http: httpx.AsyncClient, factory: Factory) -> None:
    owner = await factory.token("ada")
    made = (await rest(http, owner, "POST", "/organization/acme/applications", name="Helm")).json()
    path = f"/organization/acme/applications/{made['client_id']}"
    body = {"name": "ci", "scope": "repo:write repo:read", "expiration": 3600}

    created = await rest(http, owner, "POST", f"{path}/tokens", **body)

    assert created.status_code == 201
    token = created.json()
    listed = (await rest(http, owner, "GET", f"{path}/tokens")).json()
    assert listed == {"tokens": [{key: token[key] for key in token if key != "token"}]}
    assert listed["tokens"][0].keys() == {
        "uuid",
        "name",
        "scope",
        "expires_at",
        "created",
        "created_by",
        "last_accessed",
    }
    assert (token["name"], token["scope"], token["created_by"]) == ("ci", "repo:read repo:write", "ada")
    bad = await rest(http, owner, "POST", f"{path}/tokens", name="ci", scope="nonsense")
    assert (bad.status_code, bad.json()["error_type"]) == (400, "invalid_request")

    reset = await rest(http, owner, "POST", f"{path}/resetclientsecret")
    assert reset.status_code == 200
    assert reset.json() == made | {"client_secret": reset.json()["client_secret"]}
    assert reset.json()["client_secret"] != made["client_secret"]

    eve = await factory.token("eve")
    for method, below in (
        ("GET", "/tokens"),
        ("POST", "/tokens"),
        ("DELETE", f"/tokens/{token['uuid']}"),
        ("POST", "/resetclientsecret"),
    ):
        refused = await rest(http, eve, method, path + below, name="ci", scope="repo:read")
        assert refused.status_code == 403
        elsewhere = path.replace("acme", "nowhere") + below
        assert (await rest(http, owner, method, elsewhere, name="ci", scope="repo:read")).status_code == 403


async def test_a_child_of_another_parent_is_what_an_absent_one_is(
    http: httpx.AsyncClient, factory: Factory
) -> None:
    owner = await factory.token("ada")
    await factory.organization("other", owner="ada")
    made, foreign = [
        (await rest(http, owner, "POST", f"/organization/{name}/applications", name="Helm")).json()[
            "client_id"
        ]
        for name in ("acme", "other")
    ]
    tokens = f"/organization/other/applications/{foreign}/tokens"
    uuid = (await rest(http, owner, "POST", tokens, name="ci", scope="repo:read")).json()["uuid"]
    body = {"name": "Mine", "redirect_uri": "", "application_uri": "", "scope": "repo:read"}

    for client_id in (foreign, "NONE"):
        path = f"/organization/acme/applications/{client_id}"
        for method, below in (
            ("GET", ""),
            ("PUT", ""),
            ("DELETE", ""),
            ("POST", "/resetclientsecret"),
            ("GET", "/tokens"),
            ("POST", "/tokens"),
            ("DELETE", f"/tokens/{uuid}"),
        ):
            answer = await rest(http, owner, method, path + below, **body)
            assert (answer.status_code, answer.json()["error_type"]) == (404, "not_found"), (method, below)
    for one in (uuid, "none"):
        path = f"/organization/acme/applications/{made}/tokens/{one}"
        assert (await rest(http, owner, "DELETE", path)).status_code == 404
    assert (await rest(http, owner, "GET", tokens)).json()["tokens"][0]["uuid"] == uuid


async def test_what_a_user_agreed_to_is_listed_and_taken_back_over_rest(
    http: httpx.AsyncClient, factory: Factory
) -> None:
    owner = await factory.token("ada")
    made = (await rest(http, owner, "POST", "/organization/acme/applications", name="Helm")).json()
    path = f"/organization/acme/applications/{made['client_id']}/tokens"
    token = (await rest(http, owner, "POST", path, name="ci", scope="repo:read")).json()

    (listed,) = (await rest(http, owner, "GET", "/user/authorizations")).json()["authorizations"]

    assert (listed["uuid"], listed["application"]["name"], listed["application"]["clientId"]) == (
        token["uuid"],
        "Helm",
        made["client_id"],
    )
    assert listed["scopes"] == [
        {
            "scope": "repo:read",
            "title": "Read repositories",
            "description": "See and pull every repository that you can see.",
            "dangerous": False,
        }
    ]
    one = f"/user/authorizations/{token['uuid']}"
    assert (await rest(http, owner, "GET", one)).json() == listed
    eve = await factory.token("eve")
    assert (await rest(http, eve, "GET", one)).status_code == 404
    assert (await rest(http, eve, "DELETE", one)).status_code == 404
    assert (await http.get(f"/api/v1{one}")).status_code == 401
    assert (await http.get("/api/v1/user/assignedauthorization")).status_code == 401
    assert (await rest(http, owner, "DELETE", one)).status_code == 204
    assert (await rest(http, owner, "GET", one)).status_code == 404
    assert (await rest(http, token["token"], "GET", f"/repository/{PATH}")).status_code == 401


async def test_an_offer_is_listed_and_declined_over_rest(http: httpx.AsyncClient, factory: Factory) -> None:
    owner, eve = await factory.token("ada"), await factory.token("eve")
    made = (await rest(http, owner, "POST", "/organization/acme/applications", name="Helm")).json()
    offer = f"""mutation {{ tokenAssignmentCreate(organization: "acme", clientId: "{made["client_id"]}",
      input: {{ username: "eve", scope: "repo:read" }}) {{
        tokenAssignment {{ uuid }} errors {{ code }} }} }}"""
    payload = (await graphql(http, owner, offer))["data"]["tokenAssignmentCreate"]
    uuid = payload["tokenAssignment"]["uuid"]

    (listed,) = (await rest(http, eve, "GET", "/user/assignedauthorization")).json()["authorizations"]

    assert (listed["uuid"], listed["application"]["clientId"], listed["responseType"]) == (
        uuid,
        made["client_id"],
        "token",
    )
    assert listed["redirectUri"].endswith("/oauth/localapp")
    assert (await rest(http, owner, "DELETE", f"/user/assignedauthorization/{uuid}")).status_code == 404
    assert (await rest(http, eve, "DELETE", f"/user/assignedauthorization/{uuid}")).status_code == 204
    assert (await rest(http, eve, "GET", "/user/assignedauthorization")).json() == {"authorizations": []}
