"""What superusers see and do of users by GraphQL."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest

from resolvers.access.credentials import basic_viewer
from resolvers.access.scopes import Scope
from resolvers.accounts import account, administration
from resolvers.accounts.administration import UserFilter, UserOrder
from resolvers.accounts.user import UserChanges
from resolvers.errors import Invalid
from resolvers.mail import HIDDEN, without_codes
from resolvers.oauth import token
from resolvers.pages import Page
from storage.statements import execute, fetch, is_postgres
from tests.counting import least_statements
from tests.factories import EVERY_SCOPE, READ_ONLY_SUPERUSER, Factory
from tests.schema.client import GraphQL, endpoint
from tests.state import dump_without_counters

USERS = """query ($filter: UserFilter, $order: UserOrder! = NAME, $first: Int! = 50, $after: Cursor) {
  users(filter: $filter, orderBy: $order, first: $first, after: $after) {
    totalCount nodes { name } pageInfo { hasNextPage endCursor } } }"""
WHOLE = """{ users { nodes { name storage { storedBytes quota { limitBytes } } settings { email isVerified
  isEnabled isSuperuser isReadOnlySuperuser lastAccessedAt accessTokenCount appTokenCount } } } }"""
CREATE = """mutation ($input: UserCreateInput!) { userCreate(input: $input) {
  user { name settings { isVerified } }
  temporaryPassword encryptedPassword errors { code field message } } }"""
UPDATE = """mutation ($name: String, $input: UserUpdateInput!) { userUpdate(username: $name, input: $input) {
  user { name settings { email isVerified isEnabled isSuperuser givenName } }
  pendingEmail errors { code field message } } }"""
DELETE = """mutation ($name: String) { userDelete(username: $name) { name errors { code field message } } }"""
SEND = """mutation ($name: String!) { userRecoverySend(username: $name) {
  email errors { code field message retryAfterS } } }"""


@pytest.fixture
async def chief(graphql: GraphQL, factory: Factory) -> GraphQL:
    """A client with a token of the superuser `chief`."""
    await factory.user("chief", is_superuser=True)
    return graphql.with_token(await factory.token("chief"))


@asynccontextmanager
async def elsewhere(factory: Factory, client: GraphQL) -> AsyncIterator[GraphQL]:
    """The same client of an installation with other settings."""
    async with endpoint(factory) as other:
        yield other.with_token(client.token)


async def names(client: GraphQL, order: str = "NAME", **filter: Any) -> list[str]:
    found = await client.data(USERS, filter=filter, order=order)
    assert found["users"]["totalCount"] == len(found["users"]["nodes"])
    return [node["name"] for node in found["users"]["nodes"]]


async def message(client: GraphQL, document: str, **variables: Any) -> tuple[str, str | None, str]:
    """The only payload error of a mutation."""
    (payload,) = (await client.data(document, **variables)).values()
    (error,) = payload["errors"]
    return error["code"], error["field"], error["message"]


async def test_users_are_listed_by_page_filter_and_order(chief: GraphQL, factory: Factory) -> None:
    for name, used in (("ada", 3), ("bob", 1), ("b_ob", None), ("carl", 2)):
        await factory.user(name.replace("_", "-"))
        await execute(
            "UPDATE account SET last_accessed_at_ms = ?, is_enabled = ? WHERE name = ?",
            used,
            name != "carl",
            name.replace("_", "-"),
        )
    await execute("UPDATE account SET email = 'Robert@Example.org', email_key = NULL WHERE name = 'b-ob'")
    await execute("UPDATE account SET last_accessed_at_ms = 9 WHERE name = 'chief'")
    await factory.robot("ada+bot")
    await factory.organization("acme", owner="ada")

    first = (await chief.data(USERS, first=2))["users"]
    rest = (await chief.data(USERS, first=9, after=first["pageInfo"]["endCursor"]))["users"]

    assert [node["name"] for page in (first, rest) for node in page["nodes"]] == [
        "ada",
        "b-ob",
        "bob",
        "carl",
        "chief",
    ]
    assert (first["totalCount"], first["pageInfo"]["hasNextPage"]) == (5, True)
    assert rest["pageInfo"]["hasNextPage"] is False
    assert await names(chief, namePrefix="b") == ["b-ob", "bob"]
    assert await names(chief, contains="ARL") == ["carl"]
    assert await names(chief, contains="b") == ["b-ob", "bob"]
    assert await names(chief, contains="Robert@") == ["b-ob"]
    assert await names(chief, contains="@example.com") == ["ada", "bob", "carl", "chief"]
    assert await names(chief, contains="b_b@") == []
    assert await names(chief, isEnabled=False) == ["carl"]
    assert await names(chief, isEnabled=True) == await names(chief, includeDisabled=False)
    assert await names(chief, includeDisabled=False) == ["ada", "b-ob", "bob", "chief"]
    assert await names(chief, isSuperuser=True) == ["chief"]
    assert await names(chief, isSuperuser=False, namePrefix="a") == ["ada"]
    assert await names(chief, "CREATED_AT") == ["chief", "ada", "bob", "b-ob", "carl"]
    assert await names(chief, "NEWEST_FIRST") == ["carl", "b-ob", "bob", "ada", "chief"]
    assert await names(chief, "LAST_ACCESSED_AT") == ["chief", "ada", "carl", "bob", "b-ob"]
    assert await names(chief, "UNUSED_FIRST") == ["b-ob", "bob", "carl", "ada", "chief"]


async def test_superusers_by_the_settings_are_listed_as_they_are_judged(
    chief: GraphQL, factory: Factory
) -> None:
    await factory.user("boss")
    await factory.user(READ_ONLY_SUPERUSER, is_superuser=True)
    context = factory.superuser()
    named = frozenset({"boss", "nobody", READ_ONLY_SUPERUSER})

    for features, superusers in (
        (factory.site.features, ["boss", "chief"]),
        (factory.site.features - {"SUPER_USERS"}, []),
    ):
        context = replace(context, site=replace(context.site, superusers=named, features=features))
        chosen = UserFilter(is_superuser=True)
        found = (await administration.users(context, chosen, Page())).items
        others = (await administration.users(context, UserFilter(is_superuser=False), Page())).items

        assert [one.name for one in found] == superusers
        assert sorted(one.name for one in (*found, *others)) == ["boss", "chief", READ_ONLY_SUPERUSER]
        assert all(account.is_superuser(context, one) for one in found)
        assert not any(account.is_superuser(context, one) for one in others)


async def test_who_sees_the_site_sees_everybody_and_nobody_else_does(
    chief: GraphQL, factory: Factory
) -> None:
    await factory.user("ada")
    await factory.token("ada")
    await factory.read_only_superuser()
    reader = chief.with_token(await factory.token(READ_ONLY_SUPERUSER, frozenset({Scope.REPO_READ})))
    plain = chief.with_token(await factory.token("chief", EVERY_SCOPE - {Scope.SUPER_USER}))

    seen = (await chief.data(WHOLE))["users"]["nodes"]
    settings = {node["name"]: node["settings"] for node in seen}
    read = (await reader.answer(WHOLE))["data"]["users"]["nodes"]

    assert list(settings) == ["ada", "chief", READ_ONLY_SUPERUSER]
    assert settings["ada"] == {
        "email": "ada@example.com",
        "isVerified": True,
        "isEnabled": True,
        "isSuperuser": False,
        "isReadOnlySuperuser": False,
        "lastAccessedAt": None,
        "accessTokenCount": 1,
        "appTokenCount": 0,
    }
    assert [settings[name]["isSuperuser"] for name in settings] == [False, True, False]
    assert [node["settings"]["email"] for node in read] == [one["email"] for one in settings.values()]
    for caller, code in (
        (chief.with_token(None), "UNAUTHENTICATED"),
        (chief.with_token(await factory.token("ada")), "FORBIDDEN"),
        (plain, "FORBIDDEN"),
    ):
        assert await caller.refusal(USERS) == code
        assert await caller.refusal("{ appTokens { nodes { title } } }") == code


async def test_a_page_of_users_costs_the_same_however_many(chief: GraphQL, factory: Factory) -> None:
    async def cost() -> int:
        return await least_statements(lambda: chief.data(WHOLE))

    await factory.user("ada")
    few = await cost()
    for number in range(12):
        await factory.user(f"user-{number}")
        await factory.token(f"user-{number}")

    assert await cost() == few


@pytest.mark.parametrize(
    ("order", "filter", "index"),
    [
        (UserOrder.NAME, UserFilter(), "idx_account_listing_name"),
        (UserOrder.NEWEST_FIRST, UserFilter(), "idx_account_listing_id"),
        (UserOrder.UNUSED_FIRST, UserFilter(), "idx_account_listing_used"),
        (UserOrder.LAST_ACCESSED_AT, UserFilter(), "idx_account_listing_used"),
        (UserOrder.NAME, UserFilter(is_enabled=False), "idx_account_disabled"),
        (UserOrder.NAME, UserFilter(is_superuser=True), "idx_account_superuser"),
    ],
)
async def test_a_page_is_read_from_an_index(
    factory: Factory, order: UserOrder, filter: UserFilter, index: str
) -> None:
    if is_postgres():
        pytest.skip("PostgreSQL reads a table of few rows as it is")
    found = await administration.users(factory.superuser(), replace(filter, order=order), Page(2))
    query = found.query
    assert query is not None
    terms = ", ".join(f"{term.column} {'DESC' if term.descending else 'ASC'}" for term in query.order)
    plan = await fetch(
        f"EXPLAIN QUERY PLAN SELECT {query.columns} FROM {query.source}"
        f" WHERE {query.where} ORDER BY {terms} LIMIT 3",
        *query.values,
    )

    text = "\n".join(str(value) for row in plan for value in row.values())
    assert index in text
    if filter == UserFilter():
        assert "TEMP B-TREE" not in text


async def test_a_user_is_made_with_a_password_that_is_shown_where_no_mail_goes_out(
    chief: GraphQL, factory: Factory
) -> None:
    made = await chief.payload(CREATE, input={"username": "eve", "email": "eve@example.com"})

    password = made["temporaryPassword"]
    assert (len(password), password.isalnum(), password.isupper()) == (32, True, True)
    assert made["user"] == {"name": "eve", "settings": {"isVerified": True}}
    for secret in (password, made["encryptedPassword"]):
        viewer = await basic_viewer("eve", secret, site=factory.site, secrets=factory.secrets)
        assert viewer.account is not None
        assert viewer.account.name == "eve"
    assert await fetch("SELECT id FROM mail") == []


async def test_a_password_is_mailed_where_mail_goes_out_and_no_superuser_reads_it_there(
    chief: GraphQL, factory: Factory
) -> None:
    mailing = replace(factory, site=replace(factory.site, has_mail_server=True))
    async with elsewhere(mailing, chief) as client:
        mailed = await client.payload(CREATE, input={"username": "eve", "email": "eve@example.com"})
        both = await client.payload(
            CREATE, input={"username": "pat", "email": "pat@example.com", "includePassword": True}
        )

    bodies = {row["recipient"]: row["body"] for row in await fetch("SELECT recipient, body FROM mail")}
    assert (mailed["temporaryPassword"], mailed["encryptedPassword"]) == (None, None)
    assert mailed["user"]["settings"] == {"isVerified": False}
    assert bodies.keys() == {"eve@example.com", "pat@example.com"}
    assert f"Temporary password: {both['temporaryPassword']}\n" in bodies["pat@example.com"]
    assert f"{factory.site.public_url}/confirm?code=" in bodies["eve@example.com"]
    hidden = without_codes(bodies["pat@example.com"])
    assert both["temporaryPassword"] not in hidden
    assert hidden.count(HIDDEN) == 2


async def test_a_user_needs_an_address_only_where_mail_is_a_feature(chief: GraphQL, factory: Factory) -> None:
    before = await dump_without_counters()
    assert await chief.payload_error(CREATE, input={"username": "eve"}) == ("INVALID", "input.email")
    assert await dump_without_counters() == before

    async with elsewhere(factory.without_features("MAILING"), chief) as client:
        await client.payload(CREATE, input={"username": "eve"})

    assert await chief.data('{ user(username: "eve") { settings { email } } }') == {
        "user": {"settings": {"email": None}}
    }


async def test_a_user_is_changed_all_or_nothing(chief: GraphQL, factory: Factory) -> None:
    await factory.user("ada", password="correct-horse")
    await factory.user("bob")
    await execute("UPDATE account SET is_verified = ? WHERE name = 'ada'", False)
    before = await dump_without_counters()
    wrong = {"isEnabled": False, "email": "bob@example.com"}
    assert await chief.payload_error(UPDATE, name="ada", input=wrong) == ("ALREADY_EXISTS", "input.email")
    assert await dump_without_counters() == before

    changed = await chief.payload(
        UPDATE, name="ada", input={"email": "ada@example.com", "password": "battery-staple", "givenName": "A"}
    )

    assert changed["pendingEmail"] is None
    assert changed["user"]["settings"] == {
        "email": "ada@example.com",
        "isVerified": True,
        "isEnabled": True,
        "isSuperuser": False,
        "givenName": "A",
    }
    await basic_viewer("ada", "battery-staple", site=factory.site, secrets=factory.secrets)


async def test_no_superuser_is_changed_or_deleted_by_another(chief: GraphQL, factory: Factory) -> None:
    await factory.user("boss", is_superuser=True)
    await factory.read_only_superuser()
    before = await dump_without_counters()

    for name in ("boss", "chief", READ_ONLY_SUPERUSER):
        assert await message(chief, UPDATE, name=name, input={"isEnabled": False}) == (
            "INVALID",
            "username",
            "Cannot update a superuser",
        )
        assert await message(chief, DELETE, name=name) == ("INVALID", "username", "Cannot delete a superuser")
        assert await message(chief, SEND, name=name) == (
            "INVALID",
            "username",
            "Cannot send a recovery email for a superuser",
        )
    assert await dump_without_counters() == before


async def test_the_right_of_a_superuser_is_given_and_not_taken_back(chief: GraphQL, factory: Factory) -> None:
    await factory.user("ada")
    given = await chief.payload(UPDATE, name="ada", input={"isSuperuser": True})
    ada = chief.with_token(await factory.token("ada"))
    before = await dump_without_counters()

    taken = await message(chief, UPDATE, name="ada", input={"isSuperuser": False})
    own = await message(ada, UPDATE, input={"isSuperuser": False})

    assert given["user"]["settings"]["isSuperuser"] is True
    assert len(await names(ada)) == 2
    assert taken == (
        "INVALID",
        "input.isSuperuser",
        "superuser: the right is taken back by quayside admin revoke-superuser ada alone.",
    )
    assert own[:2] == ("INVALID", "input.isSuperuser")
    assert await dump_without_counters() == before


async def test_who_became_a_superuser_meanwhile_is_not_changed(
    factory: Factory, monkeypatch: pytest.MonkeyPatch
) -> None:
    await factory.user("ada")
    hash_password = administration.checked_hash

    async def promote(password: str) -> str:
        await administration.grant_superuser_by_operator(factory.context(), "ada")
        return await hash_password(password)

    monkeypatch.setattr(administration, "checked_hash", promote)
    await factory.user("chief", is_superuser=True)
    context = factory.context(replace(await factory.viewer("chief"), is_superuser=True))

    with pytest.raises(Invalid, match="Cannot update a superuser"):
        await administration.update(context, "ada", UserChanges(password="battery-staple"))

    assert not (await account.require_user("ada")).has_password


async def test_a_deleted_user_leaves_even_as_the_last_administrator(chief: GraphQL, factory: Factory) -> None:
    await factory.user("ada")
    own = await factory.token("ada")
    await factory.organization("acme", owner="ada")
    await factory.repository("ada/app")
    await factory.robot("ada+bot")
    robot = await factory.token("ada+bot")

    assert (await chief.payload(DELETE, name="ada"))["name"] == "ada"

    for ended in (own, robot):
        assert await chief.with_token(ended).refusal("{ viewer { name } }") == "UNAUTHENTICATED"
    assert await chief.data('{ user(username: "ada") { name } organization(name: "acme") { name } }') == {
        "user": None,
        "organization": {"name": "acme"},
    }
    assert await message(chief, DELETE, name="ada") == ("NOT_FOUND", "username", "There is no user 'ada'.")


async def test_a_way_back_is_mailed_once_a_minute(chief: GraphQL, factory: Factory) -> None:
    await factory.user("ada")
    await factory.user("bob")
    await execute("UPDATE account SET email = NULL, email_key = NULL WHERE name = 'bob'")

    assert (await chief.payload(SEND, name="ada"))["email"] == "ada@example.com"

    again = (await chief.data(SEND, name="ada"))["userRecoverySend"]["errors"]
    assert [(error["code"], error["retryAfterS"]) for error in again] == [("TOO_MANY", 60)]
    assert await chief.payload_error(SEND, name="bob") == ("INVALID", "username")
    assert await chief.payload_error(SEND, name="nobody") == ("NOT_FOUND", "username")
    await chief.payload(UPDATE, name="bob", input={"isEnabled": False, "email": "bob@example.com"})
    assert await chief.payload_error(SEND, name="bob") == ("INVALID", "username")
    (mail,) = await fetch("SELECT recipient, body FROM mail")
    assert mail["recipient"] == "ada@example.com"
    assert f"{factory.site.public_url}/recovery?code=" in mail["body"]


async def test_of_two_superusers_who_are_revoked_at_once_one_stays(factory: Factory) -> None:
    for name in ("ada", "bob"):
        await factory.user(name, is_superuser=True)

    outcomes = await asyncio.gather(
        *(administration.revoke_superuser_by_operator(factory.context(), name) for name in ("ada", "bob")),
        return_exceptions=True,
    )

    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["AccountRecord", "Invalid"]
    rows = await fetch("SELECT name FROM account WHERE is_superuser")
    assert len(rows) == 1


async def test_only_superusers_who_can_sign_in_count(factory: Factory) -> None:
    await factory.user("ada", is_superuser=True)
    for name in ("disabled", "deleted", "unverified", READ_ONLY_SUPERUSER):
        await factory.user(name, is_superuser=True)
    await execute("UPDATE account SET is_enabled = ? WHERE name = 'disabled'", False)
    await execute("UPDATE account SET deleted_at_ms = 1 WHERE name = 'deleted'")
    await execute("UPDATE account SET is_verified = ? WHERE name = 'unverified'", False)
    named = replace(factory, site=replace(factory.site, superusers=frozenset({"boss", "nobody"})))

    with pytest.raises(Invalid, match="'ada' is the last superuser who can sign in"):
        await administration.revoke_superuser_by_operator(named.context(), "ada")
    await factory.user("boss")
    left = await administration.revoke_superuser_by_operator(named.context(), "ada")

    assert left.is_superuser is False


async def test_the_tokens_of_all_users_are_listed_without_secrets(chief: GraphQL, factory: Factory) -> None:
    for name in ("ada", "bob"):
        await factory.user(name)
        await token.create_app_token(await factory.as_account(name), title=f"of {name}")

    found = await chief.data("{ appTokens { nodes { title secret user { name } } } }")
    soon = await chief.data("{ appTokens(isExpiring: true) { totalCount } }")

    assert found["appTokens"]["nodes"] == [
        {"title": f"of {name}", "secret": None, "user": {"name": name}} for name in ("ada", "bob")
    ]
    assert soon == {"appTokens": {"totalCount": 0}}
