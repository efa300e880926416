"""Application tokens and access tokens of the viewer: create, show, list, revoke; never those of others."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from resolvers.access.credentials import basic_viewer, bearer_viewer
from resolvers.access.scopes import Scope
from resolvers.errors import InvalidCredentials
from storage.clock import now_ms
from storage.statements import count_statements, execute, fetch
from tests.factories import EVERY_SCOPE, Factory
from tests.schema.client import GraphQL
from tests.state import dump

CREATE = """mutation ($title: String!, $expiresAt: DateTime) {
  appTokenCreate(input: { title: $title, expiresAt: $expiresAt }) {
    appToken { uuid title secret createdAt expiresAt lastAccessedAt } errors { code field message }
  }
}"""
REVOKE = "mutation ($uuid: String!) { appTokenRevoke(uuid: $uuid) { uuid errors { code field message } } }"
ONE = "query ($uuid: String!) { viewer { user { appToken(uuid: $uuid) { title secret } } } }"
LIST = """query ($expiring: Boolean! = false, $first: Int! = 50, $after: Cursor) { viewer { user {
  appTokens(isExpiring: $expiring, first: $first, after: $after) {
    nodes { uuid title secret lastAccessedAt } totalCount pageInfo { nextCursor } } } } }"""
ACCESS = """query ($has: Boolean) { viewer { user { accessTokens(hasApplication: $has) {
  nodes { uuid title scope scopes { name title isDangerous } user { name } application { name } } } } } }"""
ACCESS_REVOKE = """mutation ($uuid: String!) {
  accessTokenRevoke(uuid: $uuid) { uuid errors { code field message } } }"""


async def titles(client: GraphQL, **variables: object) -> list[str]:
    found = (await client.data(LIST, **variables))["viewer"]["user"]["appTokens"]["nodes"]
    return [node["title"] for node in found]


async def made(client: GraphQL, title: str) -> dict[str, str]:
    token: dict[str, str] = (await client.payload(CREATE, title=title))["appToken"]
    return token


async def test_a_token_is_shown_when_created_and_by_itself_but_not_in_lists(ada: GraphQL) -> None:
    token = await made(ada, "laptop")

    assert len(token["secret"]) == 120
    assert (await ada.data(ONE, uuid=token["uuid"]))["viewer"]["user"]["appToken"] == {
        "title": "laptop",
        "secret": token["secret"],
    }
    assert (await ada.data(LIST))["viewer"]["user"]["appTokens"]["nodes"] == [
        {"uuid": token["uuid"], "title": "laptop", "secret": None, "lastAccessedAt": None}
    ]


async def test_a_token_is_stored_encrypted(ada: GraphQL) -> None:
    token = await made(ada, "laptop")

    stored = str(await fetch("SELECT * FROM app_token"))

    assert token["secret"][60:] not in stored


async def test_a_token_signs_in_by_its_own_name_and_by_the_user_and_its_use_is_written(
    ada: GraphQL, factory: Factory
) -> None:
    token = await made(ada, "laptop")

    for username in ("$app", "ada"):
        viewer = await basic_viewer(username, token["secret"], site=factory.site, secrets=factory.secrets)
        assert viewer.account is not None
        assert (viewer.account.name, viewer.credential.kind) == ("ada", "app_token")

    await factory.site.uses.write()
    (listed,) = (await ada.data(LIST))["viewer"]["user"]["appTokens"]["nodes"]
    assert listed["lastAccessedAt"] is not None


async def test_a_revoked_token_is_invalid_and_not_listed(ada: GraphQL, factory: Factory) -> None:
    token = await made(ada, "laptop")

    payload = await ada.payload(REVOKE, uuid=token["uuid"])

    assert payload["uuid"] == token["uuid"]
    assert await titles(ada) == []
    assert (await ada.data(ONE, uuid=token["uuid"]))["viewer"]["user"]["appToken"] is None
    with pytest.raises(InvalidCredentials):
        await basic_viewer("$app", token["secret"], site=factory.site, secrets=factory.secrets)
    assert await ada.payload_error(REVOKE, uuid=token["uuid"]) == ("NOT_FOUND", "uuid")


async def test_of_concurrent_revocations_one_succeeds(ada: GraphQL) -> None:
    token = await made(ada, "laptop")

    answers = await asyncio.gather(*(ada.data(REVOKE, uuid=token["uuid"]) for _ in range(8)))

    revoked = [answer["appTokenRevoke"]["uuid"] for answer in answers]
    assert sorted(revoked, key=str) == [token["uuid"]] + [None] * 7 or revoked.count(token["uuid"]) == 1
    events = await fetch("SELECT kind FROM event WHERE kind = 'revoke_app_specific_token'")
    assert len(events) == 1


async def test_expired_tokens_neither_sign_in_nor_show_their_secret(ada: GraphQL, factory: Factory) -> None:
    soon = (datetime.now(UTC) + timedelta(days=3)).isoformat()
    token = (await ada.payload(CREATE, title="laptop", expiresAt=soon))["appToken"]
    assert await titles(ada, expiring=True) == ["laptop"]

    await execute("UPDATE app_token SET expires_at_ms = ?", now_ms() - 1)

    assert (await ada.data(ONE, uuid=token["uuid"]))["viewer"]["user"]["appToken"] is None
    assert (await titles(ada), await titles(ada, expiring=True)) == (["laptop"], [])
    with pytest.raises(InvalidCredentials):
        await basic_viewer("$app", token["secret"], site=factory.site, secrets=factory.secrets)


async def test_only_tokens_that_expire_within_four_weeks_are_expiring(ada: GraphQL) -> None:
    for days in (27, 29):
        moment = (datetime.now(UTC) + timedelta(days=days)).isoformat()
        await ada.payload(CREATE, title=f"{days} days", expiresAt=moment)
    await made(ada, "for ever")

    assert await titles(ada, expiring=True) == ["27 days"]
    assert await titles(ada) == ["27 days", "29 days", "for ever"]


async def test_the_title_is_bounded_and_the_expiration_in_the_future(ada: GraphQL) -> None:
    before = await dump()

    assert await ada.payload_error(CREATE, title="t" * 256) == ("INVALID", "input.title")
    past = "2020-01-01T00:00:00Z"
    assert await ada.payload_error(CREATE, title="x", expiresAt=past) == ("INVALID", "input.expiresAt")
    assert await dump() == before
    assert len((await made(ada, "t" * 255))["title"]) == 255


async def test_nobody_sees_or_revokes_the_tokens_of_others(
    graphql: GraphQL, ada: GraphQL, factory: Factory
) -> None:
    token = await made(ada, "laptop")
    await factory.user("eve")
    await factory.user("root", is_superuser=True)
    access = (await ada.data(ACCESS))["viewer"]["user"]["accessTokens"]["nodes"][0]["uuid"]
    before = await dump()

    for name in ("eve", "root"):
        other = graphql.with_token(await factory.token(name))
        before = await dump()
        for field in (
            "appTokens { totalCount }",
            "accessTokens { totalCount }",
            "tokenAssignments { totalCount }",
        ):
            assert await other.refusal(f'{{ user(username: "ada") {{ {field} }} }}') == "FORBIDDEN"
        for field in ("appToken", "accessToken"):
            query = f'{{ user(username: "ada") {{ {field}(uuid: "{token["uuid"]}") {{ uuid }} }} }}'
            assert await other.refusal(query) == "FORBIDDEN"
        assert await other.payload_error(REVOKE, uuid=token["uuid"]) == ("NOT_FOUND", "uuid")
        assert await other.payload_error(ACCESS_REVOKE, uuid=access) == ("NOT_FOUND", "uuid")
        assert await dump() == before
    assert await graphql.refusal(REVOKE, uuid=token["uuid"]) == "UNAUTHENTICATED"
    assert await graphql.refusal(CREATE, title="x") == "UNAUTHENTICATED"


async def test_tokens_require_user_admin(graphql: GraphQL, ada: GraphQL, factory: Factory) -> None:
    token = await made(ada, "laptop")
    weak = graphql.with_token(await factory.token("ada", EVERY_SCOPE - {Scope.USER_ADMIN}))
    before = await dump()

    assert await weak.refusal(CREATE, title="x") == "FORBIDDEN"
    assert await weak.refusal(REVOKE, uuid=token["uuid"]) == "FORBIDDEN"
    assert await weak.refusal(ONE, uuid=token["uuid"]) == "FORBIDDEN"
    assert await weak.refusal(LIST) == "FORBIDDEN"
    assert await weak.refusal(ACCESS_REVOKE, uuid="any") == "FORBIDDEN"
    assert await dump() == before


async def test_access_tokens_are_listed_with_scopes_in_words_and_revoked(
    ada: GraphQL, factory: Factory
) -> None:
    text = await factory.token("ada", frozenset({Scope.REPO_READ, Scope.USER_ADMIN}))

    listed = (await ada.data(ACCESS, has=False))["viewer"]["user"]["accessTokens"]["nodes"]

    assert (await ada.data(ACCESS, has=True))["viewer"]["user"]["accessTokens"]["nodes"] == []
    assert len(listed) == 2
    assert {key: listed[1][key] for key in ("title", "scope", "scopes", "user", "application")} == {
        "title": "test",
        "scope": "repo:read user:admin",
        "scopes": [
            {"name": "repo:read", "title": "Read repositories", "isDangerous": False},
            {"name": "user:admin", "title": "Administer your account", "isDangerous": True},
        ],
        "user": {"name": "ada"},
        "application": None,
    }

    payload = await ada.payload(ACCESS_REVOKE, uuid=listed[1]["uuid"])

    assert payload["uuid"] == listed[1]["uuid"]
    with pytest.raises(InvalidCredentials):
        await bearer_viewer(text, site=factory.site)


async def test_pages_of_tokens_cost_a_constant_number_of_statements(ada: GraphQL) -> None:
    for number in range(7):
        await made(ada, f"token {number}")

    seen: list[str] = []
    after, costs = None, set()
    while True:
        with count_statements() as count:
            page = (await ada.data(LIST, first=3, after=after))["viewer"]["user"]["appTokens"]
        costs.add(len(count.statements))
        seen += [node["title"] for node in page["nodes"]]
        after = page["pageInfo"]["nextCursor"]
        if after is None:
            break

    assert seen == [f"token {number}" for number in range(7)]
    assert len(costs) == 1
