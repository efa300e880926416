"""Read-only superusers: who is one."""

from dataclasses import replace

from resolvers.access.credentials import bearer_viewer
from resolvers.access.scopes import Scope
from tests.factories import READ_ONLY_SUPERUSER, Factory
from tests.schema.client import GraphQL

VIEWER = "{ viewer { isSuperuser isReadOnlySuperuser } }"
READING = frozenset({Scope.REPO_READ})


async def test_who_is_made_a_superuser_in_every_way_is_a_read_only_one_by_the_setting(
    graphql: GraphQL, factory: Factory
) -> None:
    await factory.user(READ_ONLY_SUPERUSER, is_superuser=True)
    token = await factory.token(READ_ONLY_SUPERUSER)
    in_both = replace(factory.site, superusers=frozenset({READ_ONLY_SUPERUSER}))
    without = replace(in_both, features=in_both.features - {"SUPER_USERS"})

    shown = await graphql.with_token(token).data(VIEWER)
    found = [await bearer_viewer(token, site=site) for site in (in_both, without)]

    assert shown == {"viewer": {"isSuperuser": False, "isReadOnlySuperuser": True}}
    assert [(one.is_superuser, one.is_read_only_superuser, one.sees_site) for one in found] == [
        (False, True, True),
        (False, False, False),
    ]


async def test_scopes_do_not_limit_who_is_a_read_only_superuser(graphql: GraphQL, factory: Factory) -> None:
    await factory.read_only_superuser()

    shown = await graphql.with_token(await factory.token(READ_ONLY_SUPERUSER, READING)).data(VIEWER)

    assert shown == {"viewer": {"isSuperuser": False, "isReadOnlySuperuser": True}}


async def test_a_robot_of_a_read_only_superuser_is_none(graphql: GraphQL, factory: Factory) -> None:
    await factory.read_only_superuser()
    # From the time before the user stood in the setting
    before = replace(factory, site=replace(factory.site, read_only_superusers=frozenset()))
    await before.robot(f"{READ_ONLY_SUPERUSER}+bot")

    shown = await graphql.with_token(await factory.token(f"{READ_ONLY_SUPERUSER}+bot")).data(VIEWER)

    assert shown == {"viewer": {"isSuperuser": False, "isReadOnlySuperuser": False}}
