"""Authorization at `/v2`, and how long a token stays valid."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import httpx
import pytest
from jose import jwt
from starlette.applications import Starlette

from quayside.app import create_app
from quayside.settings.settings import Settings
from resolvers.access.roles import RepositoryRole
from resolvers.access.scopes import Scope
from resolvers.accounts import organization, robot, user
from resolvers.accounts.account import require_user
from resolvers.accounts.grantee import Grantee, GranteeKind
from resolvers.accounts.namespace import Owner
from resolvers.context import Context
from resolvers.oauth.token import create_access_token
from resolvers.repositories import permission, repository
from resolvers.repositories.repository import RepositoryState, Visibility, change_state, change_visibility
from resolvers.tags import immutability
from resolvers.tags.tag import TagChanges
from resolvers.tags.tag import update as update_tag
from storage.statements import execute
from tests.quayside.registry import kit, people
from tests.quayside.registry.people import OWNER, PASSWORD, STRANGER

APP = "owner/app"
SCOPE = f"repository:{APP}:pull,push"


async def fetch_token(client: httpx.AsyncClient, scope: str, login: tuple[str, str] | None) -> str:
    answer = await client.get("/v2/auth", params={"scope": scope}, auth=login)
    assert answer.status_code == 200, answer.text
    token: str = answer.json()["token"]
    return token


async def actions(client: httpx.AsyncClient, scope: str, login: tuple[str, str] | None) -> list[str]:
    (access,) = jwt.get_unverified_claims(await fetch_token(client, scope, login))["access"]
    return list(access["actions"])


async def pull(client: httpx.AsyncClient, token: str, path: str = APP) -> int:
    headers = {"Authorization": f"Bearer {token}"}
    return (await client.get(f"/v2/{path}/manifests/v1", headers=headers)).status_code


async def keep(context: Context) -> None:
    """Change nothing."""


async def revoke(context: Context) -> None:
    await permission.delete_permission(context, APP, Grantee(GranteeKind.USER, STRANGER))


async def disable_reader(context: Context) -> None:
    await execute("UPDATE account SET is_enabled = ? WHERE name = ?", False, STRANGER)


async def disable_namespace(context: Context) -> None:
    await execute("UPDATE account SET is_enabled = ? WHERE name = ?", False, OWNER)


async def change_password(context: Context) -> None:
    await execute("UPDATE account SET auth_epoch = auth_epoch + 1 WHERE name = ?", STRANGER)


async def recreate(context: Context) -> None:
    await repository.delete(context, APP)
    await repository.create(context, namespace=OWNER, name="app", visibility=Visibility.PUBLIC)


@pytest.mark.parametrize(
    ("change", "status"),
    [
        (keep, 200),
        (revoke, 401),
        (disable_reader, 401),
        (disable_namespace, 401),
        (change_password, 401),
        (recreate, 401),
    ],
)
async def test_a_token_ends_with_its_rights(
    repository: kit.Repository,
    unauthenticated: httpx.AsyncClient,
    settings: Settings,
    change: Callable[[Context], Any],
    status: int,
) -> None:
    await repository.push_image(b"layer", tag="v1")
    await people.grant(settings, STRANGER, APP, RepositoryRole.READ)
    token = await fetch_token(unauthenticated, SCOPE, (STRANGER, PASSWORD))
    assert await pull(unauthenticated, token) == 200

    async with people.acting(settings) as context:
        await change(context)

    assert await pull(unauthenticated, token) == status


async def test_an_anonymous_token_ends_when_a_repository_becomes_private(
    repository: kit.Repository, unauthenticated: httpx.AsyncClient, settings: Settings
) -> None:
    await repository.push_image(b"layer", tag="v1")
    await people.publish(settings, APP)
    token = await fetch_token(unauthenticated, SCOPE, None)
    assert await pull(unauthenticated, token) == 200
    base = await unauthenticated.get("/v2/", headers={"Authorization": f"Bearer {token}"})
    assert (base.status_code, base.content) == (200, b"true")

    async with people.acting(settings) as context:
        await change_visibility(context, APP, Visibility.PRIVATE)

    assert await pull(unauthenticated, token) == 401


async def test_a_robot_is_blocked_with_its_owner(
    registry: httpx.AsyncClient,
    stranger: httpx.AsyncClient,
    unauthenticated: httpx.AsyncClient,
    settings: Settings,
) -> None:
    await kit.Repository(stranger, "stranger/app").push_image(b"layer", tag="v1")
    async with people.acting(settings) as context:
        machine = await robot.create(context, owner=OWNER, short_name="ci")
    await people.publish(settings, "stranger/app")
    scope = "repository:stranger/app:pull"
    token = await fetch_token(unauthenticated, scope, (machine.name, machine.token))
    assert await pull(unauthenticated, token, "stranger/app") == 200

    async with people.acting(settings) as context:
        await disable_namespace(context)

    assert await pull(unauthenticated, token, "stranger/app") == 401
    refused = await unauthenticated.get(
        "/v2/auth", params={"scope": scope}, auth=(machine.name, machine.token)
    )
    assert refused.status_code == 401


async def test_an_access_token_caps_what_its_user_may(
    repository: kit.Repository, unauthenticated: httpx.AsyncClient, settings: Settings
) -> None:
    await repository.push_image(b"layer", tag="v1")
    async with people.acting(settings) as context:
        account = await require_user(OWNER)
        reading = await create_access_token(context, account, frozenset({Scope.REPO_READ}), title="cd")
        writing = await create_access_token(context, account, frozenset({Scope.REPO_WRITE}), title="ci")
    reader, writer = ("$oauthtoken", reading), ("$oauthtoken", writing)

    assert await actions(unauthenticated, f"repository:{APP}:pull,push,*", reader) == ["pull"]
    assert await actions(unauthenticated, f"repository:{APP}:pull,push", writer) == ["push", "pull"]
    token = await fetch_token(unauthenticated, SCOPE, reader)
    assert await pull(unauthenticated, token) == 200
    async with people.acting(settings):
        await execute("UPDATE access_token SET expires_at_ms = 1")
    assert await pull(unauthenticated, token) == 401


async def test_without_the_right_to_create_a_push_finds_no_repository(
    registry: httpx.AsyncClient, unauthenticated: httpx.AsyncClient, settings: Settings
) -> None:
    async with people.acting(settings) as context:
        account = await require_user(OWNER)
        secret = await create_access_token(context, account, frozenset({Scope.REPO_WRITE}), title="ci")
    token = await fetch_token(unauthenticated, SCOPE, ("$oauthtoken", secret))

    answer = await unauthenticated.post(
        f"/v2/{APP}/blobs/uploads/", headers={"Authorization": f"Bearer {token}"}
    )

    assert answer.status_code == 404
    assert kit.error_codes(answer) == ["NAME_UNKNOWN"]


@pytest.mark.parametrize(
    ("role", "asked", "had"),
    [
        (None, "pull,push", []),
        (RepositoryRole.READ, "pull,push,*", ["pull"]),
        (RepositoryRole.WRITE, "pull,push", ["push", "pull"]),
        (RepositoryRole.WRITE, "*", ["push", "pull"]),
        (RepositoryRole.ADMIN, "*", ["*"]),
        (RepositoryRole.ADMIN, "pull", ["pull"]),
    ],
)
async def test_actions_follow_the_role(
    repository: kit.Repository,
    unauthenticated: httpx.AsyncClient,
    settings: Settings,
    role: RepositoryRole | None,
    asked: str,
    had: list[str],
) -> None:
    await repository.push_image(b"layer", tag="v1")
    if role is not None:
        await people.grant(settings, STRANGER, APP, role)

    assert await actions(unauthenticated, f"repository:{APP}:{asked}", (STRANGER, PASSWORD)) == had


async def test_a_robot_creates_repositories_where_its_team_may(
    registry: httpx.AsyncClient, unauthenticated: httpx.AsyncClient, settings: Settings
) -> None:
    async with people.acting(settings) as context:
        acme = await organization.create(context, name="acme")
        machine = await robot.create(context, owner="acme", short_name="ci")
        personal = await robot.create(context, owner=OWNER, short_name="ci")
    login = (machine.name, machine.token)
    scope = "repository:acme/new:pull,push"
    assert await actions(unauthenticated, scope, login) == []

    async with people.acting(settings):
        await execute(
            "INSERT INTO team (organization_id, name, role, description, created_at_ms)"
            " VALUES (?, 'makers', 'creator', '', 0)",
            acme.id,
        )
        await execute(
            "INSERT INTO team_member (team_id, account_id) SELECT id, ? FROM team WHERE name = 'makers'",
            machine.id,
        )

    assert await actions(unauthenticated, scope, login) == ["push", "pull"]
    # The robot of a user does not have the rights of the user.
    robot_login = (personal.name, personal.token)
    assert await actions(unauthenticated, "repository:owner/new:pull,push", robot_login) == []


async def test_a_disabled_namespace_is_denied_to_everybody(
    repository: kit.Repository, unauthenticated: httpx.AsyncClient, settings: Settings
) -> None:
    await repository.push_image(b"layer", tag="v1")
    async with people.acting(settings) as context:
        await disable_namespace(context)

    answer = await unauthenticated.get("/v2/auth", params={"scope": SCOPE}, auth=(STRANGER, PASSWORD))

    assert answer.status_code == 405
    assert kit.error_codes(answer) == ["DENIED"]
    for other, had in ((f"repository:{STRANGER}/app:pull", ["pull"]), ("registry:catalog:*", ["*"])):
        token = await fetch_token(unauthenticated, f"{SCOPE} {other}", (STRANGER, PASSWORD))
        granted = {entry["name"]: entry["actions"] for entry in jwt.get_unverified_claims(token)["access"]}
        assert granted == {APP: [], other.split(":")[1]: had}


async def test_a_token_for_no_repository_ends_with_the_password(
    unauthenticated: httpx.AsyncClient, settings: Settings
) -> None:
    answer = await unauthenticated.get("/v2/auth", auth=(OWNER, PASSWORD))
    headers = {"Authorization": f"Bearer {answer.json()['token']}"}
    before = await unauthenticated.get("/v2/_catalog", headers=headers)
    async with people.acting(settings) as context:
        await user.update(context, user.UserChanges(password="another-password"))

    after = await unauthenticated.get("/v2/_catalog", headers=headers)

    assert (before.status_code, after.status_code) == (200, 401)
    assert 'error="invalid_token"' in after.headers["WWW-Authenticate"]


async def test_a_deleted_namespace_is_like_one_that_never_was(
    unauthenticated: httpx.AsyncClient, settings: Settings
) -> None:
    """A tombstone is disabled as well, but must not be told from an unknown name."""
    async with people.acting(settings) as context:
        await organization.create(context, name="acme")
        await repository.create(context, namespace="acme", name="app", visibility=Visibility.PUBLIC)
        await organization.delete(context, "acme")

    for name in ("acme", "nobody"):
        assert await actions(unauthenticated, f"repository:{name}/app:pull", (STRANGER, PASSWORD)) == []


@pytest.mark.parametrize("state", [RepositoryState.READ_ONLY, RepositoryState.MIRROR])
async def test_a_read_only_repository_can_be_pulled(
    repository: kit.Repository, settings: Settings, state: RepositoryState
) -> None:
    body = await repository.push_image(b"layer", tag="v1")
    location = await repository.start_upload()
    async with people.acting(settings) as context:
        await change_state(context, APP, state)

    refused = [
        await repository.client.post(repository.url("blobs/uploads/")),
        await repository.put_chunk(location, b"more", 0),
        await repository.put_manifest("v2", body),
        await repository.client.delete(repository.url("manifests/v1")),
        await repository.client.delete(repository.url(f"manifests/{kit.digest_of(body)}")),
        await repository.client.delete(repository.url(f"blobs/{kit.digest_of(b'layer')}")),
    ]

    assert [(answer.status_code, kit.error_codes(answer)) for answer in refused] == [(403, ["DENIED"])] * 6
    assert (await repository.get_manifest("v1")).content == body


async def test_an_immutable_tag_cannot_be_moved_or_deleted(
    repository: kit.Repository, settings: Settings
) -> None:
    body = await repository.push_image(b"layer", tag="v1")
    other = await repository.push_image(b"other")
    async with people.acting(settings) as context:
        await update_tag(context, APP, "v1", TagChanges(is_immutable=True))

    refused = [
        await repository.put_manifest("v1", other),
        await repository.client.delete(repository.url("manifests/v1")),
        await repository.client.delete(repository.url(f"manifests/{kit.digest_of(body)}")),
    ]

    assert [(answer.status_code, kit.error_codes(answer)) for answer in refused] == [(403, ["DENIED"])] * 3
    assert (await repository.get_manifest("v1")).content == body
    assert (await repository.put_manifest("v1", body)).status_code == 201


async def test_content_of_an_immutable_index_cannot_be_deleted(
    repository: kit.Repository, settings: Settings
) -> None:
    digest = await repository.push_blob(b"a text")
    listed = [kit.descriptor(b"a text", "text/plain")]
    await repository.push_manifest(kit.index_document(manifests=listed), "texts")
    async with people.acting(settings) as context:
        await update_tag(context, APP, "texts", TagChanges(is_immutable=True))

    refused = await repository.client.delete(repository.url(f"blobs/{digest}"))

    assert (refused.status_code, kit.error_codes(refused)) == (403, ["DENIED"])
    assert (await repository.get_blob(digest)).content == b"a text"


async def test_a_policy_locks_pushed_tags(repository: kit.Repository, settings: Settings) -> None:
    body = await repository.push_image(b"layer", tag="main")
    other = await repository.push_image(b"other")
    async with people.acting(settings) as context:
        await immutability.create(context, Owner(namespace=OWNER), tag_pattern="v.*")

    pushed = await repository.put_manifest("v1", body)
    refused = [
        await repository.put_manifest("v1", other),
        await repository.client.delete(repository.url("manifests/v1")),
        await repository.client.delete(repository.url(f"manifests/{kit.digest_of(body)}")),
    ]

    assert pushed.status_code == 201
    assert [(answer.status_code, kit.error_codes(answer)) for answer in refused] == [(403, ["DENIED"])] * 3
    assert (await repository.put_manifest("main", other)).status_code == 201


async def test_an_upload_belongs_to_its_account(
    repository: kit.Repository, stranger: httpx.AsyncClient, settings: Settings
) -> None:
    await repository.push_blob(b"content")
    await people.grant(settings, STRANGER, APP, RepositoryRole.WRITE)
    location = await repository.start_upload()
    foreign = kit.Repository(stranger, APP)

    answers = [
        await stranger.get(location),
        await foreign.put_chunk(location, b"theirs", 0),
        await foreign.finish_upload(location, kit.digest_of(b"theirs"), b"theirs"),
        await stranger.delete(location),
    ]

    assert [(answer.status_code, kit.error_codes(answer)) for answer in answers] == [
        (404, ["BLOB_UPLOAD_UNKNOWN"])
    ] * 4
    assert (await repository.client.get(location)).headers["Range"] == "0-0"


async def test_a_blob_is_mounted_from_a_public_repository(
    repository: kit.Repository, stranger: httpx.AsyncClient, settings: Settings
) -> None:
    await repository.push_blob(b"content")
    await people.publish(settings, APP)
    mine = kit.Repository(stranger, "stranger/copy")

    answer = await stranger.post(
        mine.url("blobs/uploads/"), params={"mount": kit.digest_of(b"content"), "from": APP}
    )

    assert answer.status_code == 201
    assert (await mine.get_blob(kit.digest_of(b"content"))).content == b"content"


async def test_an_absent_repository_is_404_for_viewers_with_access(
    registry: httpx.AsyncClient, stranger: httpx.AsyncClient, anonymous: httpx.AsyncClient
) -> None:
    mine = await registry.get("/v2/owner/absent/manifests/v1")
    tags = await registry.get("/v2/owner/absent/tags/list")
    theirs = await stranger.get("/v2/owner/absent/manifests/v1")
    nobodys = await anonymous.get("/v2/owner/absent/manifests/v1")

    assert [(answer.status_code, kit.error_codes(answer)) for answer in (mine, tags)] == [
        (404, ["NAME_UNKNOWN"])
    ] * 2
    assert (theirs.status_code, nobodys.status_code) == (401, 401)


async def test_a_name_without_a_namespace_is_in_the_library(
    registry: httpx.AsyncClient, settings: Settings
) -> None:
    await people.create_users(settings, "library")
    auth = kit.TokenFlow("library", PASSWORD)
    short = kit.Repository(registry, "ubuntu")
    short.client.auth = auth

    body = await short.push_image(b"layer", tag="v1")

    assert (await registry.get("/v2/library/ubuntu/manifests/v1")).content == body
    assert (await registry.get("/v2/ubuntu/manifests/v1")).content == body


async def test_the_password_grant_issues_a_token(
    repository: kit.Repository, unauthenticated: httpx.AsyncClient
) -> None:
    await repository.push_image(b"layer", tag="v1")
    form = {
        "grant_type": "password",
        "service": "x",
        "client_id": "x",
        "scope": f"{SCOPE} registry:catalog:* repository:no/no:pull plugin:x:pull repository:No:pull",
    }

    answer = await unauthenticated.post("/v2/auth", data={**form, "username": OWNER, "password": PASSWORD})
    wrong = await unauthenticated.post("/v2/auth", data={**form, "username": OWNER, "password": "wrong"})
    refresh = await unauthenticated.post("/v2/auth", data={"grant_type": "refresh_token"})

    assert answer.status_code == 200
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.json()["scope"] == f"repository:{APP}:push,pull registry:catalog:*"
    assert await pull(unauthenticated, answer.json()["access_token"]) == 200
    assert wrong.status_code == 401
    assert kit.error_codes(wrong) == ["UNAUTHORIZED"]
    assert (refresh.status_code, refresh.json()["error"]) == (400, "unsupported_grant_type")


@pytest.mark.parametrize(
    ("change", "listed"),
    [
        ({"PUBLIC_CATALOG"}, {"": [APP], STRANGER: [APP, "stranger/x"], OWNER: [APP]}),
        # Without the flag, the owner of one repository is a superuser as well.
        (set(), {"": None, STRANGER: ["stranger/x"], OWNER: [APP, "stranger/x"]}),
    ],
)
async def test_the_catalog_shows_public_repositories_only_where_it_should(
    settings: Settings, change: set[str], listed: dict[str, list[str] | None]
) -> None:
    superusers = frozenset() if change else frozenset({OWNER})
    settings = replace(settings, features=settings.features | change, superusers=superusers)
    await people.create_users(settings, OWNER, STRANGER)
    app = create_app(settings)
    async with app.router.lifespan_context(app):
        for name, path in ((OWNER, APP), (STRANGER, "stranger/x")):
            async with client_of(app, settings, kit.TokenFlow(name, PASSWORD)) as client:
                await kit.Repository(client, path).push_blob(b"content")
        await people.publish(settings, APP)

        for name, paths in listed.items():
            async with client_of(app, settings, None) as client:
                answers = [] if name else [await client.get("/v2/_catalog")]
                for scope in ("registry:catalog:*", "repository:a/b:pull", *([""] if name else ())):
                    token = await fetch_token(client, scope, (name, PASSWORD) if name else None)
                    headers = {"Authorization": f"Bearer {token}"}
                    answers.append(await client.get("/v2/_catalog", headers=headers))
            for answer in answers:
                if paths is None:
                    assert answer.status_code == 401
                    assert kit.challenge_of(answer)["scope"] == "registry:catalog:*"
                else:
                    assert answer.json() == {"repositories": paths}


async def test_a_read_only_superuser_pulls_everything_and_pushes_nothing(settings: Settings) -> None:
    await people.create_users(settings, OWNER, STRANGER)
    login = (OWNER, PASSWORD)
    app = create_app(settings)
    async with app.router.lifespan_context(app):
        for name, path in ((OWNER, APP), (STRANGER, "stranger/x")):
            async with client_of(app, settings, kit.TokenFlow(name, PASSWORD)) as client:
                await kit.Repository(client, path).push_blob(b"content")
        async with client_of(app, settings, None) as client:
            old = {"Authorization": f"Bearer {await fetch_token(client, SCOPE, login)}"}
    settings = replace(settings, global_readonly_super_users=frozenset({OWNER}))
    app = create_app(settings)
    async with app.router.lifespan_context(app), client_of(app, settings, None) as client:
        # A token from before the restart is no more than one from after it.
        answers = [
            await client.get(f"/v2/{APP}/tags/list", headers=old),
            await client.post(f"/v2/{APP}/blobs/uploads/", headers=old),
        ]
        allowed = {
            path: await actions(client, f"repository:{path}:pull,push,*", login)
            for path in (APP, "stranger/x", "owner/new")
        }
        token = await fetch_token(client, "registry:catalog:*", login)
        catalog = await client.get("/v2/_catalog", headers={"Authorization": f"Bearer {token}"})

    assert [answer.status_code for answer in answers] == [200, 401]
    assert allowed == {APP: ["pull"], "stranger/x": ["pull"], "owner/new": ["pull"]}
    # What may be pulled is not made by asking to push.
    assert catalog.json() == {"repositories": [APP, "stranger/x"]}


async def test_without_anonymous_access_everything_requires_a_token(settings: Settings) -> None:
    settings = replace(settings, features=settings.features - {"ANONYMOUS_ACCESS"})
    await people.create_users(settings, OWNER)
    app = create_app(settings)
    async with app.router.lifespan_context(app), client_of(app, settings, None) as client:
        answers = [
            await client.get("/v2/auth", params={"scope": f"repository:{APP}:pull"}),
            await client.get("/v2/_catalog"),
        ]

    assert [answer.status_code for answer in answers] == [401, 401]


def client_of(app: Starlette, settings: Settings, auth: httpx.Auth | None) -> httpx.AsyncClient:
    transport = httpx.ASGITransport(app=app)
    return httpx.AsyncClient(transport=transport, base_url=settings.public_url, auth=auth)
