"""Another name for an organization: what is called after it follows, and its old name leads nowhere."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from resolvers.access.credentials import basic_viewer
from resolvers.access.roles import RepositoryRole
from resolvers.accounts import account, organization, robot
from resolvers.accounts.organization import OrganizationChanges
from resolvers.errors import AlreadyExists, Forbidden, InvalidCredentials, NotFound, QuaysideError
from resolvers.inbox import notice
from resolvers.inbox.notice import NoticeKind, Target
from resolvers.repositories import repository
from resolvers.repositories.repository import Visibility
from storage.statements import execute, fetch, fetch_one
from tests.factories import Factory
from tests.schema.client import GraphQL, endpoint

RENAME = """mutation ($o: String!, $n: String!, $email: String) {
  organizationUpdate(organization: $o, isBySuperuser: true, input: { name: $n, email: $email }) {
    organization { name webPath settings { email } }
    errors { code field message } } }"""


@pytest.fixture
async def root(factory: Factory, ada: GraphQL) -> GraphQL:
    """A superuser in no organization; `ada` owns `acme` with two repositories and two robots."""
    await factory.user("root", is_superuser=True)
    await factory.user("bob")
    await factory.organization("acme", owner="ada")
    for path in ("acme/app", "acme/deep/er"):
        await factory.repository(path, by="ada")
    for name in ("acme+bot", "acme+acme"):
        await factory.robot(name, by="ada")
    return ada.with_token(await factory.token("root"))


async def test_repositories_robots_and_rights_have_the_new_name_at_once(
    factory: Factory, ada: GraphQL, root: GraphQL
) -> None:
    await factory.grant("acme/app", "bob", RepositoryRole.READ, by="ada")
    digest = await factory.image("acme/app", b"layer", tag="v1")
    bob = ada.with_token(await factory.token("bob"))

    renamed = await root.payload(RENAME, o="acme", n="a.c_m-e", email="a@example.com")
    seen = await bob.data(
        """{ old: organization(name: "acme") { name }
        repository(path: "a.c_m-e/app") { path tags { nodes { name manifest { digest } } } }
        namespace: organization(name: "a.c_m-e") { repositories { nodes { path } } }
        search(text: "a.c_m", kinds: [ORGANIZATION]) { nodes { item { ... on Organization { name } } } } }"""
    )

    assert renamed["organization"]["name"] == "a.c_m-e"
    assert renamed["organization"]["webPath"] == "/organization/a.c_m-e"
    assert renamed["organization"]["settings"] == {"email": "a@example.com"}
    assert seen == {
        "old": None,
        "repository": {
            "path": "a.c_m-e/app",
            "tags": {"nodes": [{"name": "v1", "manifest": {"digest": digest}}]},
        },
        "namespace": {"repositories": {"nodes": [{"path": "a.c_m-e/app"}]}},
        "search": {"nodes": [{"item": {"name": "a.c_m-e"}}]},
    }
    assert [row["path"] for row in await fetch("SELECT path FROM repository ORDER BY path")] == [
        "a.c_m-e/app",
        "a.c_m-e/deep/er",
    ]
    assert await bob.refusal('{ repository(path: "acme/app") { path } }') == "FORBIDDEN"


async def test_a_robot_keeps_its_password_under_the_new_name_alone(factory: Factory, root: GraphQL) -> None:
    owner = await factory.as_account("ada")
    acme = await account.by_name("acme")
    assert acme is not None
    made = await robot.require_robot(owner, acme, "acme")

    await root.payload(RENAME, o="acme", n="new")

    viewer = await basic_viewer("new+acme", made.token, site=factory.site, secrets=factory.secrets)
    assert viewer.account is not None
    assert (viewer.account.name, viewer.account.id) == ("new+acme", made.id)
    with pytest.raises(InvalidCredentials):
        await basic_viewer("acme+acme", made.token, site=factory.site, secrets=factory.secrets)


async def test_a_new_owner_of_the_old_name_gets_nothing_of_it(
    factory: Factory, ada: GraphQL, root: GraphQL
) -> None:
    await factory.grant("acme/app", "bob", RepositoryRole.WRITE, by="ada")
    await ada.payload(
        """mutation { notificationCreate(owner: { repository: "acme/app" }, input: { event: REPO_PUSH,
        method: QUAY_NOTIFICATION, config: { target: { kind: "org", name: "acme" } } }) {
        errors { code } } }"""
    )
    await root.payload(RENAME, o="acme", n="new")

    await factory.user("carol")
    carol = ada.with_token(await factory.token("carol"))
    await carol.payload('mutation { organizationCreate(input: { name: "acme" }) { errors { code } } }')
    for mutation in (
        'repositoryCreate(input: { namespace: "acme", name: "app", visibility: PRIVATE })',
        'robotCreate(input: { owner: "acme", shortName: "bot" })',
    ):
        await carol.payload(f"mutation {{ {mutation} {{ errors {{ code }} }} }}")

    bob = ada.with_token(await factory.token("bob"))
    assert await bob.refusal('{ repository(path: "acme/app") { path } }') == "FORBIDDEN"
    assert await ada.refusal('{ repository(path: "acme/app") { path } }') == "FORBIDDEN"
    assert await carol.refusal('{ repository(path: "new/app") { path } }') == "FORBIDDEN"
    shown = await carol.data(
        """{ organization(name: "acme") { robots { nodes { name } } } repository(path: "acme/app") {
        notifications { totalCount } permissions { nodes { role grantee { ... on User { name } } } } } }"""
    )
    assert shown == {
        "organization": {"robots": {"nodes": [{"name": "acme+bot"}]}},
        "repository": {
            "notifications": {"totalCount": 0},
            "permissions": {"nodes": [{"role": "ADMIN", "grantee": {"name": "carol"}}]},
        },
    }
    kept = await ada.data('{ repository(path: "new/app") { notifications { nodes { config } } } }')
    (one,) = kept["repository"]["notifications"]["nodes"]
    assert one["config"] == {"target": {"kind": "org", "name": "new"}}


@pytest.mark.parametrize(
    ("table", "column", "before", "after", "login"),
    [
        ("repository_mirror", "source", "{host}/acme/app", "{host}/new/app", "new+bot"),
        ("repository_mirror", "source", "{host}/acme-two/app", "{host}/acme-two/app", "acme+bot"),
        ("repository_mirror", "source", "quay.io/acme/app", "quay.io/acme/app", "acme+bot"),
        ("proxy_cache", "upstream_registry", "{host}/acme", "{host}/new", "new+bot"),
    ],
)
async def test_what_fetches_from_it_through_this_registry_follows(
    table: str, column: str, before: str, after: str, login: str, factory: Factory, root: GraphQL
) -> None:
    host = factory.site.registry_host
    await factory.organization("other", owner="bob")
    await factory.repository("other/copy", by="bob")
    place, named = await fetch_one("SELECT id, namespace_id FROM repository WHERE name = 'copy'"), ""
    assert place is not None
    more = (
        "repository_id, sync_interval_s, tag_timeout_s, status, retries_remaining, tag_patterns,"
        " architectures, verifies_tls, accepts_unsigned, is_enabled, follows_deletions"
        if table == "repository_mirror"
        else "organization_id, expiration_s, is_insecure"
    )
    values: tuple[Any, ...] = (
        (place["id"], 60, 60, "never_run", 3, "[]", "[]", True, False, True, False)
        if table == "repository_mirror"
        else (place["namespace_id"], 60, False)
    )
    await execute(
        f"INSERT INTO {table} ({column}, username_encrypted, created_at_ms, {more})"
        f" VALUES (?, ?, ?, {', '.join('?' * len(values))})",
        before.format(host=host),
        factory.secrets.encrypt("acme+bot"),
        0,
        *values,
    )

    await root.payload(RENAME, o="acme", n="new")

    row = await fetch_one(f"SELECT {column} AS place, username_encrypted FROM {table}")
    assert row is not None
    named = factory.secrets.decrypt(row["username_encrypted"])
    assert (row["place"], named) == (after.format(host=host), login)


async def test_what_fetches_from_it_by_another_name_of_this_registry_follows(
    factory: Factory, root: GraphQL
) -> None:
    # given mirrors by all names, of which the request that renames comes by one
    site = replace(
        factory.site,
        registry_host="10.0.0.1:8080",
        configured_host="registry.test",
        allowed_hosts=frozenset({"10.0.0.1", "alias.test:5000"}),
    )
    own = ("10.0.0.1:8080", "10.0.0.1:8443", "10.0.0.1", "registry.test", "alias.test:5000")
    foreign = ("registry.test:5000", "alias.test", "alias.test:6000", "10.0.0.10")
    for number, host in enumerate((*own, *foreign)):
        await factory.repository(f"bob/copy-{number}")
        await execute(
            "INSERT INTO repository_mirror (repository_id, source, created_at_ms, sync_interval_s,"
            " tag_timeout_s, status, retries_remaining, tag_patterns, architectures, verifies_tls,"
            " accepts_unsigned, is_enabled, follows_deletions) SELECT id, ?, 0, 60, 60, 'never_run', 3, '[]',"
            " '[]', ?, ?, ?, ? FROM repository WHERE path = ?",
            *(f"{host}/acme/app", True, False, True, False, f"bob/copy-{number}"),
        )
    async with endpoint(replace(factory, site=site)) as client:
        await client.with_token(await factory.token("root")).payload(RENAME, o="acme", n="new")

    found = [row["source"] for row in await fetch("SELECT source FROM repository_mirror ORDER BY id")]
    assert found == [*(f"{host}/new/app" for host in own), *(f"{host}/acme/app" for host in foreign)]


async def test_links_of_the_bell_lead_to_the_new_name(factory: Factory, ada: GraphQL, root: GraphQL) -> None:
    app = await fetch_one("SELECT id, namespace_id FROM repository WHERE name = 'app'")
    assert app is not None
    told = {
        "repository": "acme/app",
        "namespace": "acme",
        "docker_url": "registry.test/acme/app",
        "homepage": "http://registry.test/repository/acme/app?tab=tags",
        "name": "app",
        "tags": ["acme/app"],
    }
    target = Target(account_id=app["namespace_id"])
    await notice.put(NoticeKind.REPO_PUSH, told, target, repository_id=app["id"])
    await notice.put(NoticeKind.QUOTA_WARNING, {"namespace": "acme", "usage_percent": 90}, target)
    await ada.payload(
        'mutation { teamMemberAdd(organization: "acme", team: "owners", account: "bob") { errors { code } } }'
    )

    await root.payload(RENAME, o="acme", n="new")

    bell = "{ viewer { inbox { nodes { kind metadata organization { name } } } } }"
    notices = (await ada.data(bell))["viewer"]["inbox"]["nodes"]
    (invited,) = (await ada.with_token(await factory.token("bob")).data(bell))["viewer"]["inbox"]["nodes"]
    assert (invited["metadata"]["org"], invited["metadata"]["inviter"]) == ("new", "ada")
    assert [one["metadata"] for one in notices] == [
        {"namespace": "new", "usage_percent": 90},
        told
        | {
            "repository": "new/app",
            "namespace": "new",
            "docker_url": "registry.test/new/app",
            "homepage": "http://registry.test/repository/new/app?tab=tags",
        },
    ]


@pytest.mark.parametrize(
    ("name", "code", "text"),
    [
        ("bob", "ALREADY_EXISTS", "A user or organization with this name already exists"),
        ("gone", "ALREADY_EXISTS", "Username is not available"),
        ("A", "INVALID", "Invalid username A: use 2 to 255 lower-case"),
        ("a" * 256, "INVALID", "Invalid username " + "a" * 255),
        ("n" * 252, "INVALID", "name: the names of its robots would have more than 255 characters"),
    ],
)
async def test_a_name_that_cannot_be_had_changes_nothing(
    name: str, code: str, text: str, factory: Factory, ada: GraphQL, root: GraphQL
) -> None:
    await factory.organization("gone", owner="ada")
    await ada.payload('mutation { organizationDelete(organization: "gone") { errors { code } } }')
    before = await fetch("SELECT * FROM account ORDER BY id")
    logged = await fetch("SELECT COUNT(*) AS n FROM event")

    answer = await root.data(RENAME, o="acme", n=name, email="new@example.com")

    (error,) = answer["organizationUpdate"]["errors"]
    assert (error["code"], error["field"]) == (code, "input.name")
    assert error["message"].startswith(text)
    assert await fetch("SELECT * FROM account ORDER BY id") == before
    assert await fetch("SELECT COUNT(*) AS n FROM event") == logged


async def test_the_same_name_again_is_no_change(root: GraphQL) -> None:
    before = await fetch("SELECT * FROM account ORDER BY id")

    await root.payload(RENAME, o="acme", n="acme")

    assert await fetch("SELECT * FROM account ORDER BY id") == before


async def test_of_two_who_rename_one_wins_and_the_other_is_told(factory: Factory, root: GraphQL) -> None:
    context = replace(
        await factory.as_account("root"), viewer=replace(await factory.viewer("root"), is_superuser=True)
    )

    async def rename(name: str) -> object:
        try:
            return await organization.update(
                context, "acme", OrganizationChanges(name=name), as_superuser=True
            )
        except QuaysideError as error:
            return error

    found = await asyncio.gather(rename("one-x"), rename("two-x"))

    (lost,) = [one for one in found if isinstance(one, QuaysideError)]
    assert isinstance(lost, NotFound)
    assert lost.message == "Organization does not exist: acme"
    row = await fetch_one("SELECT name FROM account WHERE kind = 'organization'")
    assert row is not None
    assert row["name"] in ("one-x", "two-x")
    robots = await fetch("SELECT name FROM account WHERE kind = 'robot' ORDER BY name")
    assert [one["name"] for one in robots] == [f"{row['name']}+acme", f"{row['name']}+bot"]


async def test_a_name_is_taken_by_one_of_a_rename_and_a_creation(factory: Factory, root: GraphQL) -> None:
    superuser = replace(await factory.viewer("root"), is_superuser=True)
    context = replace(await factory.as_account("root"), viewer=superuser)

    async def tried(doing: Any) -> object:
        try:
            return await doing
        except AlreadyExists as error:
            return error

    found = await asyncio.gather(
        tried(organization.update(context, "acme", OrganizationChanges(name="fresh"), as_superuser=True)),
        tried(organization.create(await factory.as_account("bob"), name="fresh")),
    )

    assert [isinstance(one, AlreadyExists) for one in found].count(True) == 1
    names = [row["name"] for row in await fetch("SELECT name FROM account WHERE kind = 'organization'")]
    assert names.count("fresh") == 1


async def test_a_robot_made_while_its_owner_is_renamed_is_called_after_it_or_refused(
    factory: Factory, root: GraphQL
) -> None:
    superuser = replace(await factory.viewer("root"), is_superuser=True)
    context = replace(await factory.as_account("root"), viewer=superuser)
    ada = await factory.as_account("ada")

    await asyncio.gather(
        organization.update(context, "acme", OrganizationChanges(name="fresh"), as_superuser=True),
        *(robot.create(ada, owner="acme", short_name=f"r{number}x") for number in range(5)),
        return_exceptions=True,
    )

    robots = [row["name"] for row in await fetch("SELECT name FROM account WHERE kind = 'robot'")]
    assert {name.partition("+")[0] for name in robots} == {"fresh"}


async def test_changes_of_its_repositories_meanwhile_wait_and_none_is_lost(
    factory: Factory, root: GraphQL
) -> None:
    superuser = replace(await factory.viewer("root"), is_superuser=True)
    context = replace(await factory.as_account("root"), viewer=superuser)
    ada = await factory.as_account("ada")
    for number in range(6):
        await factory.repository(f"acme/r{number}", by="ada")

    async def rename() -> None:
        for name in ("one-x", "two-x", "fresh"):
            (row,) = await fetch("SELECT name FROM account WHERE kind = 'organization'")
            await organization.update(context, row["name"], OrganizationChanges(name=name), as_superuser=True)

    found = await asyncio.gather(
        rename(),
        *(repository.delete(ada, f"acme/r{number}") for number in range(3)),
        *(repository.change_visibility(ada, f"acme/r{number}", Visibility.PUBLIC) for number in range(3, 6)),
        *(
            repository.create(ada, namespace="acme", name=f"n{number}", visibility=Visibility.PUBLIC)
            for number in range(3)
        ),
        return_exceptions=True,
    )

    # Whoever looked for the old name after it was gone is refused, as for any name that is none.
    assert {type(one) for one in found if isinstance(one, BaseException)} <= {Forbidden, NotFound}
    rows = await fetch("SELECT path, name FROM repository WHERE deleted_at_ms IS NULL ORDER BY name")
    assert [row["path"] for row in rows] == [f"fresh/{row['name']}" for row in rows]
