"""Taking over: a superuser comes to administer an organization, or makes one of a user's namespace."""

import importlib
import pkgutil

import pytest
from tortoise.models import Model

import storage.models
from resolvers.access.credentials import basic_viewer
from resolvers.access.roles import RepositoryRole, TeamRole
from resolvers.access.viewer import AccountKind
from resolvers.accounts import account, administration, robot, takeover, user
from resolvers.accounts.account import by_name
from resolvers.errors import NotFound
from resolvers.inbox import notice
from resolvers.inbox.notice import NoticeKind, Target
from storage.statements import execute, fetch, fetch_one
from tests.factories import Factory
from tests.schema.client import GraphQL

TAKE = """mutation ($n: String!) { namespaceTakeOver(namespace: $n) {
  organization { name viewerCanAdminister } errors { code field message } } }"""

STAY = {
    "build.account",
    "build.robot",
    "build_trigger.account",
    "build_trigger.robot",
    "application.organization",
    "authorized_email.namespace",
    "immutability_policy.namespace",
    "namespace_severity.namespace",
    "namespace_severity_sample.namespace",
    "notification.namespace",
    "organization_mirror.organization",
    "organization_mirror.robot",
    "permission_prototype.organization",
    "proxy_cache.organization",
    "prune_policy.namespace",
    "pull_policy.namespace",
    "quota.namespace",
    "quota_notice.namespace",
    "repository.namespace",
    "repository_mirror.robot",
    "robot.account",
    "robot.owner",
    "robot_federation.account",
    "team.organization",
    "team_invite.inviter",
    "upload.account",
}
"""What of a namespace, or of its robots, stays when its user becomes an organization."""


@pytest.fixture
async def root(factory: Factory, ada: GraphQL) -> GraphQL:
    """A superuser without full access, in no organization; `ada` owns `acme`."""
    await factory.user("root", is_superuser=True)
    await factory.organization("acme", owner="ada")
    return ada.with_token(await factory.token("root"))


def test_each_table_that_names_an_account_says_if_it_stays() -> None:
    for module in pkgutil.iter_modules(storage.models.__path__):
        importlib.import_module(f"storage.models.{module.name}")
    named = {
        f"{model.Meta.table}.{name}"  # type: ignore[attr-defined]
        for model in Model.__subclasses__()
        if model.__module__.startswith("storage.models")
        for name, column in model._meta.fields_map.items()
        if getattr(column, "model_name", None) == "models.Account" and hasattr(column, "on_delete")
    }
    ends = {
        f"{table}.{column.removesuffix('_id')}"
        for table, columns in takeover.PERSONAL.items()
        for column in columns
    }

    assert named == ends | STAY
    assert ends & STAY == set()


async def test_a_superuser_joins_the_administrators_of_an_organization(
    factory: Factory, ada: GraphQL, root: GraphQL
) -> None:
    await factory.repository("acme/app", by="ada")

    for _ in range(2):
        taken = await root.payload(TAKE, n="acme")
        assert taken["organization"] == {"name": "acme", "viewerCanAdminister": True}

    members = await ada.data(
        '{ organization(name: "acme") { members { nodes { account { ... on User { name } } } } } }'
    )
    assert [node["account"]["name"] for node in members["organization"]["members"]["nodes"]] == [
        "ada",
        "root",
    ]
    assert (await root.data('{ repository(path: "acme/app") { path } }'))["repository"] is not None


async def test_it_is_the_team_that_administers_whatever_its_name(factory: Factory, root: GraphQL) -> None:
    await factory.team("acme", "crew", TeamRole.ADMIN)
    await execute("UPDATE team SET role = 'member' WHERE name = 'owners'")

    await root.payload(TAKE, n="acme")

    found = await fetch(
        "SELECT t.name FROM team t JOIN team_member m ON m.team_id = t.id"
        " JOIN account a ON a.id = m.account_id WHERE a.name = 'root'"
    )
    assert [row["name"] for row in found] == ["crew"]


async def test_a_users_namespace_becomes_an_organization_and_the_user_ends(
    factory: Factory, ada: GraphQL, root: GraphQL
) -> None:
    await factory.user("bob")
    await factory.repository("bob/app")
    await factory.repository("acme/shared", by="ada")
    digest = await factory.image("bob/app", b"layer", tag="v1")
    await factory.robot("bob+ci")
    bot = await robot.require_robot(await factory.as_account("bob"), await named("bob"), "ci")
    await factory.grant("bob/app", "ada", RepositoryRole.READ, by="bob")
    await factory.grant("acme/shared", "bob", RepositoryRole.WRITE, by="ada")
    await factory.team("acme", "crew", TeamRole.MEMBER, ["bob"])
    bob = ada.with_token(await factory.token("bob"))
    await bob.payload('mutation { repositoryStar(repository: "bob/app") { errors { code } } }')
    told = Target(account_id=(await named("bob")).id)
    await notice.put(NoticeKind.QUOTA_WARNING, {"namespace": "bob"}, told)
    await execute("UPDATE account SET is_enabled = ? WHERE name = 'bob'", False)
    before = await named("bob")

    taken = await root.payload(TAKE, n="bob")

    assert taken["organization"] == {"name": "bob", "viewerCanAdminister": True}
    shown = await root.data(
        """{ organization(name: "bob") { members { nodes { account { ... on User { name } } } }
        robots { nodes { name } } teams { nodes { name role } } }
        user(username: "bob") { name }
        repository(path: "bob/app") { webPath tags { nodes { name manifest { digest } } } }
        viewer { inbox { totalCount } } }"""
    )
    assert shown == {
        "organization": {
            "members": {"nodes": [{"account": {"name": "root"}}]},
            "robots": {"nodes": [{"name": "bob+ci"}]},
            "teams": {"nodes": [{"name": "owners", "role": "ADMIN"}]},
        },
        "user": None,
        "repository": {
            "webPath": "/repository/bob/app",
            "tags": {"nodes": [{"name": "v1", "manifest": {"digest": digest}}]},
        },
        "viewer": {"inbox": {"totalCount": 0}},
    }
    assert (await ada.data('{ repository(path: "bob/app") { path } }'))["repository"] is not None
    assert await bob.refusal("{ viewer { inbox { totalCount } } }") == "UNAUTHENTICATED"
    viewer = await basic_viewer("bob+ci", bot.token, site=factory.site, secrets=factory.secrets)
    assert viewer.account is not None
    for table, columns in takeover.PERSONAL.items():
        for column in columns:
            left = await fetch(f"SELECT {column} FROM {table} WHERE {column} = ?", before.id)
            assert left == [], table
    row = await fetch_one("SELECT * FROM account WHERE name = 'bob'")
    assert row is not None
    kept = (row["id"], row["password_hash"], row["email"], row["email_key"], bool(row["is_enabled"]))
    assert kept == (before.id, None, "bob@example.com", None, True)
    # The address is free for a user again.
    await account.create_user(
        factory.context(), name="bobby", email="bob@example.com", password="correct-horse"
    )


async def named(name: str) -> account.AccountRecord:
    found = await by_name(name)
    assert found is not None
    return found


async def test_who_alone_administers_an_organization_is_not_taken_over(
    factory: Factory, ada: GraphQL, root: GraphQL
) -> None:
    tables = ("account", "access_token", "team", "team_member", "event")
    before = [await fetch(f"SELECT * FROM {table} ORDER BY id") for table in tables]

    error = (await root.data(TAKE, n="ada"))["namespaceTakeOver"]["errors"]

    assert error == [
        {"code": "INVALID", "field": "namespace", "message": "Nobody would be left to administer 'acme'."}
    ]
    assert [await fetch(f"SELECT * FROM {table} ORDER BY id") for table in tables] == before


async def test_superusers_are_not_taken_over(factory: Factory, root: GraphQL) -> None:
    await factory.user("chief", is_superuser=True)

    assert [await root.refusal(TAKE, n=name) for name in ("chief", "root")] == ["FORBIDDEN"] * 2


async def test_who_becomes_a_superuser_meanwhile_is_not_taken_over(
    factory: Factory, root: GraphQL, monkeypatch: pytest.MonkeyPatch
) -> None:
    await factory.user("bob")

    async def before_the_grant(name: str, *kinds: AccountKind) -> account.AccountRecord | None:
        found = await by_name(name, *kinds)
        await execute("UPDATE account SET is_superuser = ? WHERE name = 'bob'", True)
        return found

    monkeypatch.setattr(takeover, "by_name", before_the_grant)

    assert await root.refusal(TAKE, n="bob") == "FORBIDDEN"
    assert (await named("bob")).kind is AccountKind.USER


async def test_who_was_taken_over_meanwhile_is_no_user_to_change_or_delete(
    factory: Factory, root: GraphQL, monkeypatch: pytest.MonkeyPatch
) -> None:
    await factory.user("bob")
    record = await named("bob")
    await root.payload(TAKE, n="bob")

    async def before_it(_: str) -> account.AccountRecord:
        return record

    monkeypatch.setattr(administration, "require_user", before_it)
    codes = [
        (await root.data(f"mutation {{ done: {call} {{ errors {{ code }} }} }}"))["done"]["errors"]
        for call in (
            'userDelete(username: "bob")',
            'userUpdate(username: "bob", input: { isSuperuser: true })',
        )
    ]

    assert codes == [[{"code": "NOT_FOUND"}]] * 2
    kept = await named("bob")
    assert (kept.kind, kept.is_superuser) == (AccountKind.ORGANIZATION, False)


async def test_who_was_taken_over_meanwhile_does_not_delete_the_organization(
    factory: Factory, root: GraphQL, monkeypatch: pytest.MonkeyPatch
) -> None:
    await factory.user("bob")
    record, context = await named("bob"), await factory.as_account("bob")

    async def before_it(*_: object, in_person: bool = False) -> account.AccountRecord:
        return record

    await root.payload(TAKE, n="bob")
    monkeypatch.setattr(user, "require_self", before_it)

    with pytest.raises(NotFound):
        await user.delete(context)

    assert (await named("bob")).kind is AccountKind.ORGANIZATION
