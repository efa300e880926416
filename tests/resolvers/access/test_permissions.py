"""Permissions: the role of each grant, the highest of several, and the cap by scopes."""

import itertools

import pytest

from resolvers.access.permissions import (
    account_role,
    namespace_role,
    repository_role,
    repository_roles,
    visible_repositories,
)
from resolvers.access.roles import AccountRole, RepositoryRole, TeamRole
from resolvers.access.scopes import DIRECT, SCOPES, Scope, format_scopes, parse_scopes
from resolvers.access.viewer import ANONYMOUS
from resolvers.accounts.grantee import GranteeKind
from resolvers.errors import Invalid
from resolvers.repositories import repository
from resolvers.repositories.repository import RepositoryRecord, Visibility
from storage.statements import count_statements, fetch
from tests.factories import Factory

READ, WRITE, ADMIN = RepositoryRole.READ, RepositoryRole.WRITE, RepositoryRole.ADMIN


@pytest.fixture
async def app(factory: Factory) -> RepositoryRecord:
    """The private repository acme/app in the organization of `owner`; `ada` has no grant there yet."""
    for name in ("owner", "ada"):
        await factory.user(name)
    await factory.organization("acme", owner="owner")
    return await factory.repository("acme/app", by="owner")


async def role(factory: Factory, record: RepositoryRecord, name: str = "ada") -> RepositoryRole | None:
    return await repository_role(await factory.viewer(name), record.ref)


async def test_without_a_grant_there_is_no_role(factory: Factory, app: RepositoryRecord) -> None:
    assert await role(factory, app) is None
    assert await repository_role(ANONYMOUS, app.ref) is None


async def test_a_public_repository_gives_everybody_read(factory: Factory, app: RepositoryRecord) -> None:
    public = await factory.repository("acme/public", by="owner", visibility=Visibility.PUBLIC)

    assert await role(factory, public) is READ
    assert await repository_role(ANONYMOUS, public.ref) is READ
    assert (
        await repository_role(await factory.viewer("ada", frozenset({Scope.USER_READ})), public.ref) is READ
    )


@pytest.mark.parametrize("given", RepositoryRole)
async def test_a_direct_permission_gives_its_role(
    factory: Factory, app: RepositoryRecord, given: RepositoryRole
) -> None:
    await factory.grant("acme/app", "ada", given, by="owner")

    assert await role(factory, app) is given


@pytest.mark.parametrize("given", RepositoryRole)
async def test_a_team_gives_its_members_its_role(
    factory: Factory, app: RepositoryRecord, given: RepositoryRole
) -> None:
    await factory.team("acme", "people", TeamRole.MEMBER, ["ada"])
    await factory.grant("acme/app", "people", given, kind=GranteeKind.TEAM, by="owner")

    assert await role(factory, app) is given
    assert await role(factory, await factory.repository("acme/other", by="owner")) is None


async def test_the_highest_grant_counts(factory: Factory, app: RepositoryRecord) -> None:
    await factory.team("acme", "people", TeamRole.MEMBER, ["ada"])
    await factory.grant("acme/app", "ada", READ, by="owner")
    await factory.grant("acme/app", "people", WRITE, kind=GranteeKind.TEAM, by="owner")

    assert await role(factory, app) is WRITE


@pytest.mark.parametrize(
    ("team", "expected"), [(TeamRole.MEMBER, None), (TeamRole.CREATOR, None), (TeamRole.ADMIN, ADMIN)]
)
async def test_administrators_of_an_organization_administer_its_repositories(
    factory: Factory, app: RepositoryRecord, team: TeamRole, expected: RepositoryRole | None
) -> None:
    await factory.team("acme", "people", team, ["ada"])

    assert await role(factory, app) is expected
    assert await namespace_role(await factory.viewer("ada"), app.namespace_id) is team


async def test_a_user_administers_the_own_namespace(factory: Factory, app: RepositoryRecord) -> None:
    own = await factory.repository("ada/app")

    assert await role(factory, own) is ADMIN
    assert await role(factory, own, "owner") is None
    assert await namespace_role(await factory.viewer("ada"), own.namespace_id) is TeamRole.ADMIN


async def test_a_robot_has_its_own_grants_and_none_of_its_owner(
    factory: Factory, app: RepositoryRecord
) -> None:
    own = await factory.repository("ada/app")
    await factory.robot("ada+bot")
    viewer = await factory.viewer("ada+bot")
    assert viewer.account is not None

    assert await role(factory, own, "ada+bot") is None
    assert await namespace_role(viewer, own.namespace_id) is None
    assert account_role(viewer, viewer.account.id) is None
    await factory.grant("ada/app", "ada+bot", WRITE, by="ada")
    assert await role(factory, own, "ada+bot") is WRITE


CAPS: dict[Scope, tuple[RepositoryRole | None, TeamRole | None, AccountRole | None]] = {
    Scope.REPO_READ: (READ, None, None),
    Scope.REPO_WRITE: (WRITE, None, None),
    Scope.REPO_ADMIN: (ADMIN, None, None),
    Scope.REPO_CREATE: (None, TeamRole.CREATOR, None),
    Scope.USER_READ: (None, None, AccountRole.READ),
    Scope.USER_ADMIN: (None, None, AccountRole.ADMIN),
    Scope.ORG_ADMIN: (None, TeamRole.ADMIN, None),
    Scope.SUPER_USER: (None, None, None),
    Scope.DIRECT_USER_LOGIN: (ADMIN, TeamRole.ADMIN, AccountRole.ADMIN),
}


async def test_each_scope_caps_the_role_of_an_administrator(factory: Factory, app: RepositoryRecord) -> None:
    found = {}
    for scope in Scope:
        viewer = await factory.viewer("owner", frozenset({scope}))
        assert viewer.account is not None
        found[scope] = (
            await repository_role(viewer, app.ref),
            await namespace_role(viewer, app.namespace_id),
            account_role(viewer, viewer.account.id),
        )

    assert found == CAPS


async def test_a_scope_adds_nothing_to_the_role_of_a_user(factory: Factory, app: RepositoryRecord) -> None:
    await factory.grant("acme/app", "ada", READ, by="owner")
    every = frozenset(Scope)
    viewer = await factory.viewer("ada", every)

    assert await repository_role(viewer, app.ref) is READ
    assert await namespace_role(viewer, app.namespace_id) is None
    assert account_role(viewer, app.namespace_id) is None


async def test_roles_on_many_repositories_take_one_statement(factory: Factory, app: RepositoryRecord) -> None:
    records = [app, *[await factory.repository(f"ada/r{number}") for number in range(20)]]
    viewer = await factory.viewer("ada")

    with count_statements() as count:
        roles = await repository_roles(viewer, [record.ref for record in records])

    assert len(count.statements) == 1
    assert roles == {record.id: None if record is app else ADMIN for record in records}


async def test_lists_show_exactly_the_visible_repositories(factory: Factory, app: RepositoryRecord) -> None:
    """The condition of lists equals the decision on one repository, for all viewers and scopes."""
    await factory.user("bob")
    await factory.robot("acme+bot", by="owner")
    await factory.team("acme", "admins", TeamRole.ADMIN, ["bob"])
    await factory.team("acme", "people", TeamRole.CREATOR, ["ada"])
    await factory.repository("acme/public", by="owner", visibility=Visibility.PUBLIC)
    await factory.repository("acme/team", by="owner")
    await factory.repository("ada/own")
    await factory.grant("acme/team", "people", READ, kind=GranteeKind.TEAM, by="owner")
    await factory.grant("acme/app", "acme+bot", READ, by="owner")
    records = await repository.by_ids([row["id"] for row in await fetch("SELECT id FROM repository")])
    scopes = [DIRECT, frozenset({Scope.REPO_READ}), frozenset({Scope.USER_ADMIN})]
    viewers = [
        ANONYMOUS,
        *[
            await factory.viewer(name, chosen)
            for name, chosen in itertools.product(("owner", "ada", "bob", "acme+bot"), scopes)
        ],
    ]

    for viewer in viewers:
        condition, values = visible_repositories(viewer, include_public=True)
        listed = await fetch(f"SELECT r.id FROM repository r WHERE {condition}", *values)
        roles = await repository_roles(viewer, [record.ref for record in records.values()])
        assert {row["id"] for row in listed} == {id_ for id_, found in roles.items() if found}, viewer


def test_scopes_are_parsed_leniently_and_formatted_in_order() -> None:
    scopes = parse_scopes("repo:write, repo:read  user:read,repo:read")

    assert scopes == {Scope.REPO_READ, Scope.REPO_WRITE, Scope.USER_READ}
    assert format_scopes(scopes) == "repo:read repo:write user:read"


@pytest.mark.parametrize(
    "text", ["", " , ", "repo:everything", "direct_user_login", "REPO:READ", "repo:read;"]
)
def test_unknown_and_ungrantable_scopes_are_refused(text: str) -> None:
    with pytest.raises(Invalid) as caught:
        parse_scopes(text)

    assert caught.value.field == "scopes"


def test_every_scope_has_a_row() -> None:
    assert set(SCOPES) == set(Scope)
    assert [row.scope for row in SCOPES.values() if not row.is_grantable] == [Scope.DIRECT_USER_LOGIN]


def test_roles_are_ordered() -> None:
    assert READ < WRITE < ADMIN
    assert TeamRole.MEMBER < TeamRole.CREATOR < TeamRole.ADMIN
    assert AccountRole.READ < AccountRole.ADMIN
    assert max(WRITE, READ) is WRITE
    assert not WRITE < READ
