"""The token flow: challenges, tokens and what they grant ("Distribution Registry v2 authentication")."""

from datetime import datetime

import httpx
import pytest
from jose import jwt

from quayside.settings.settings import Settings
from storage.statements import execute
from tests.quayside.registry import kit
from tests.quayside.registry.people import OWNER, PASSWORD, acting

APP = "repository:owner/app"


async def token_answer(
    client: httpx.AsyncClient, *scopes: str, login: tuple[str, str] | None = (OWNER, PASSWORD)
) -> httpx.Response:
    return await client.get(
        "/v2/auth",
        params=[("service", client.base_url.netloc.decode()), *(("scope", scope) for scope in scopes)],
        auth=login,
    )


async def granted(
    client: httpx.AsyncClient, *scopes: str, login: tuple[str, str] | None = (OWNER, PASSWORD)
) -> list[kit.Json]:
    answer = await token_answer(client, *scopes, login=login)
    assert answer.status_code == 200, answer.text
    claims = jwt.get_unverified_claims(answer.json()["token"])
    assert claims["sub"] == (login[0] if login else "(anonymous)")
    assert claims["aud"] == client.base_url.netloc.decode()
    return list(claims["access"])


def access(name: str, *actions: str) -> kit.Json:
    return {"type": "repository", "name": name, "actions": list(actions)}


async def test_a_request_without_a_token_is_challenged(
    unauthenticated: httpx.AsyncClient, settings: Settings
) -> None:
    base = await unauthenticated.get("/v2/")
    pull = await unauthenticated.get("/v2/owner/app/manifests/latest")
    push = await unauthenticated.post("/v2/owner/app/blobs/uploads/")

    service = httpx.URL(settings.public_url).netloc.decode()
    realm = {"realm": f"{settings.public_url}/v2/auth", "service": service}
    for answer in (base, pull, push):
        assert answer.status_code == 401
        assert kit.error_codes(answer) == ["UNAUTHORIZED"]
        assert answer.headers["Docker-Distribution-API-Version"] == "registry/2.0"
    assert kit.challenge_of(base) == realm
    assert kit.challenge_of(pull) == {**realm, "scope": f"{APP}:pull"}
    assert kit.challenge_of(push) == {**realm, "scope": f"{APP}:pull,push"}


async def test_a_token_that_is_not_ours_is_refused(unauthenticated: httpx.AsyncClient) -> None:
    for token in ("nonsense", "a.b.c", ""):
        answer = await unauthenticated.get("/v2/", headers={"Authorization": f"Bearer {token}"})
        assert answer.status_code == 401


async def test_pushing_creates_a_private_repository(
    repository: kit.Repository, stranger: httpx.AsyncClient, anonymous: httpx.AsyncClient
) -> None:
    await repository.push_image(b"layer", tag="latest")

    for client in (stranger, anonymous):
        answer = await client.get(repository.url("manifests/latest"))
        assert answer.status_code == 401
        assert kit.challenge_of(answer)["scope"] == f"{APP}:pull"


async def test_a_token_grants_requested_actions_that_the_role_allows(
    unauthenticated: httpx.AsyncClient,
) -> None:
    assert await granted(unauthenticated, f"{APP}:push,pull") == [access("owner/app", "push", "pull")]
    assert await granted(unauthenticated, f"{APP}:pull") == [access("owner/app", "pull")]
    assert await granted(unauthenticated, f"{APP}:*,pull,push") == [access("owner/app", "push", "pull", "*")]
    assert await granted(unauthenticated, f"{APP}:pull", "repository:owner/other:push") == [
        access("owner/app", "pull"),
        access("owner/other", "push"),
    ]


async def test_missing_rights_are_no_error_of_the_token_service(unauthenticated: httpx.AsyncClient) -> None:
    for scope in ("repository:stranger/app:pull,push", "repository:nobody/app:pull,push"):
        name = scope.split(":")[1]
        assert await granted(unauthenticated, scope) == [access(name)]
    assert await granted(unauthenticated, f"{APP}:pull,push", login=None) == [access("owner/app")]


async def test_a_pull_token_cannot_push(unauthenticated: httpx.AsyncClient) -> None:
    await token_answer(unauthenticated, f"{APP}:push")
    token = (await token_answer(unauthenticated, f"{APP}:pull")).json()["token"]

    answer = await unauthenticated.post(
        "/v2/owner/app/blobs/uploads/", headers={"Authorization": f"Bearer {token}"}
    )

    assert answer.status_code == 401
    assert kit.error_codes(answer) == ["UNAUTHORIZED"]
    assert kit.challenge_of(answer)["scope"] == f"{APP}:pull,push"
    assert kit.challenge_of(answer)["error"] == "insufficient_scope"


async def test_wrong_credentials_are_refused(unauthenticated: httpx.AsyncClient) -> None:
    for login in ((OWNER, "wrong"), ("nobody", PASSWORD), ("$oauthtoken", "wrong"), ("owner+robot", "wrong")):
        answer = await token_answer(unauthenticated, f"{APP}:pull", login=login)
        assert answer.status_code == 401
        assert kit.error_codes(answer) == ["UNAUTHORIZED"]


async def test_password_guessing_is_throttled(unauthenticated: httpx.AsyncClient, settings: Settings) -> None:
    assert (await token_answer(unauthenticated, login=(OWNER, "wrong"))).status_code == 401
    async with acting(settings):
        await execute("UPDATE sign_in_failure SET failures = 20")

    answer = await token_answer(unauthenticated, f"{APP}:pull")

    assert answer.status_code == 429
    assert kit.error_codes(answer) == ["TOOMANYREQUESTS"]
    assert 1 <= int(answer.headers["Retry-After"]) <= 3600


async def test_a_login_without_scope_requires_credentials(
    unauthenticated: httpx.AsyncClient,
) -> None:
    assert await granted(unauthenticated) == []
    assert (await token_answer(unauthenticated, login=None)).status_code == 401


@pytest.mark.parametrize(
    ("scope", "code"),
    [("garbage", "INVALID_REQUEST"), ("repository:Owner/app:pull", "NAME_INVALID")],
)
async def test_a_malformed_scope_is_refused(
    unauthenticated: httpx.AsyncClient, scope: str, code: str
) -> None:
    answer = await token_answer(unauthenticated, scope)

    assert answer.status_code == 400
    assert kit.error_codes(answer) == [code]


async def test_what_cannot_be_granted_does_not_keep_the_rest_from_it(
    unauthenticated: httpx.AsyncClient,
) -> None:
    for other in ("garbage", "repository:Owner/app:pull", "plugin:owner/app:pull", "registry:other:*"):
        assert await granted(unauthenticated, other, f"{APP}:pull") == [access("owner/app", "pull")]
        assert await granted(unauthenticated, f"{APP}:pull {other}", login=None) == [access("owner/app")]
    assert await granted(unauthenticated, "plugin:owner/app:pull") == []


async def test_the_catalog_is_granted_to_accounts(unauthenticated: httpx.AsyncClient) -> None:
    catalog = {"type": "registry", "name": "catalog", "actions": ["*"]}

    assert await granted(unauthenticated, "registry:catalog:*") == [catalog]
    assert await granted(unauthenticated, "registry:catalog:*", f"{APP}:pull") == [
        access("owner/app", "pull"),
        catalog,
    ]
    assert await granted(unauthenticated, "registry:catalog:*", login=None) == []


async def test_a_token_answer_is_json_that_is_not_stored(unauthenticated: httpx.AsyncClient) -> None:
    answer = await token_answer(unauthenticated, f"{APP}:pull")

    assert answer.headers["Content-Type"] == "application/json"
    assert answer.headers["Cache-Control"] == "no-store"
    body = answer.json()
    assert body.keys() == {"token", "access_token", "expires_in", "issued_at"}
    assert body["access_token"] == body["token"]
    claims = jwt.get_unverified_claims(body["token"])
    assert claims["exp"] - claims["iat"] == body["expires_in"] == 3600
    assert abs(datetime.fromisoformat(body["issued_at"]).timestamp() - claims["iat"]) <= 1


async def test_credentials_in_a_post_without_a_body_get_a_token(unauthenticated: httpx.AsyncClient) -> None:
    login = httpx.BasicAuth(OWNER, PASSWORD)
    query = {"service": "registry", "scope": f"{APP}:pull,push"}

    for content in (b"", None):
        answer = await unauthenticated.post("/v2/auth", params=query, auth=login, content=content)
        assert answer.status_code == 200, answer.text
        claims = jwt.get_unverified_claims(answer.json()["token"])
        assert (claims["sub"], claims["access"]) == (OWNER, [access("owner/app", "push", "pull")])
    wrong = await unauthenticated.post("/v2/auth", params=query, auth=(OWNER, "wrong"))
    assert (wrong.status_code, kit.error_codes(wrong)) == (401, ["UNAUTHORIZED"])
    # With neither, it is still a form that is missing; with a form, what stands there counts.
    assert (await unauthenticated.post("/v2/auth", params=query)).status_code == 415
    form = {"grant_type": "password", "username": OWNER, "password": "wrong"}
    assert (await unauthenticated.post("/v2/auth", data=form, auth=login)).status_code == 401


@pytest.mark.parametrize(
    ("method", "address", "status", "detail"),
    [
        ("GET", "/v2/", 401, {"path": "/v2/"}),
        ("GET", "/v2/nowhere", 404, {"path": "/v2/nowhere"}),
        ("PATCH", "/v2/owner/app/manifests/v1", 405, {"path": "/v2/owner/app/manifests/v1"}),
        (
            "GET",
            "/v2/owner/app/manifests/v1",
            401,
            [{"Type": "repository", "Class": "", "Name": "owner/app", "Action": "pull"}],
        ),
        (
            "PUT",
            "/v2/owner/app/manifests/v1",
            401,
            [
                {"Type": "repository", "Class": "", "Name": "owner/app", "Action": "pull"},
                {"Type": "repository", "Class": "", "Name": "owner/app", "Action": "push"},
            ],
        ),
        ("GET", "/v2/auth", 401, {"path": "/v2/auth"}),
        ("GET", "/v2/auth?scope=" + "&scope=".join("a" * 200), 414, {"path": "/v2/auth"}),
        ("GET", "/v2/owner/" + "a" * 1000 + "/tags/list", 400, {"name": "owner/" + "a" * 249}),
    ],
)
async def test_each_error_says_what_it_is_about(
    method: str, address: str, status: int, detail: object, unauthenticated: httpx.AsyncClient
) -> None:
    answer = await unauthenticated.request(method, address)

    assert answer.status_code == status
    assert kit.error_codes(answer)
    assert answer.json()["errors"][0]["detail"] == detail


async def test_an_error_below_names_the_repository_and_what_was_asked_for(
    repository: kit.Repository,
) -> None:
    digest = kit.digest_of(b"absent")
    await repository.push_image(b"layer", tag="v1")
    answers = [
        await repository.client.delete(repository.url("blobs/uploads/00000000-0000-0000-0000-000000000000")),
        await repository.get_blob(digest),
        await repository.get_manifest("v2"),
        await repository.client.get(repository.url("tags/list"), params={"n": "many"}),
    ]

    assert [one.json()["errors"][0]["detail"] for one in answers] == [
        {"name": "owner/app", "upload": "00000000-0000-0000-0000-000000000000"},
        {"digest": digest},
        {"reference": "v2"},
        {"field": "n"},
    ]
