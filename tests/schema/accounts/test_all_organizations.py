"""The list of all organizations, for superusers."""

from typing import Any

import pytest

from resolvers.access.roles import TeamRole
from storage.statements import count_statements, execute, fetch
from tests.factories import READ_ONLY_SUPERUSER, Factory
from tests.schema.client import GraphQL

LIST = """query ($first: Int! = 50, $after: Cursor, $name: String, $order: OrganizationOrder! = NAME) {
  organizations(first: $first, after: $after, nameContains: $name, orderBy: $order) {
    totalCount pageInfo { nextCursor }
    nodes { name repositoryCount memberCount settings { email } storage { storedBytes quota { limitBytes } } }
  } }"""


@pytest.fixture
async def site(factory: Factory, ada: GraphQL) -> GraphQL:
    """A superuser without full access, who is in no organization; `ada` has three, and a deleted one."""
    for name in ("harbour", "acme", "crane-works", "gone"):
        await factory.organization(name, owner="ada")
    await ada.payload('mutation { organizationDelete(organization: "gone") { errors { code } } }')
    await factory.user("root", is_superuser=True)
    return ada.with_token(await factory.token("root"))


def names(found: dict[str, Any]) -> list[str]:
    return [node["name"] for node in found["organizations"]["nodes"]]


async def test_it_goes_page_by_page_in_each_order(site: GraphQL) -> None:
    orders = {
        "NAME": ["acme", "crane-works", "harbour"],
        "CREATED_AT": ["harbour", "acme", "crane-works"],
        "NEWEST_FIRST": ["crane-works", "acme", "harbour"],
    }

    for order, expected in orders.items():
        seen, after = [], None
        for _ in expected:
            page = await site.data(LIST, first=1, after=after, order=order)
            seen += names(page)
            after = page["organizations"]["pageInfo"]["nextCursor"]
        assert (seen, after) == (expected, None)


@pytest.mark.parametrize(
    ("part", "expected"),
    [
        ("ANE-W", ["crane-works"]),
        ("or", []),
        ("ha", ["harbour"]),
        ("c_", []),
        ("%", []),
        ("", ["acme", "crane-works", "harbour"]),
        ("ada", []),
        ("gone", []),
    ],
)
async def test_it_is_searched_by_a_part_of_the_name(
    part: str, expected: list[str], factory: Factory, site: GraphQL
) -> None:
    found = await site.data(LIST, name=part)

    assert names(found) == expected
    assert found["organizations"]["totalCount"] == len(expected)


async def test_it_shows_what_each_has_in_as_many_statements_as_of_one(
    factory: Factory, site: GraphQL
) -> None:
    await factory.user("bob")
    await factory.team("acme", "crew", TeamRole.MEMBER, ["ada", "bob"])
    await factory.robot("acme+bot", by="ada")
    await factory.team("acme", "bots", TeamRole.MEMBER, ["acme+bot"])
    for name in ("app", "gone"):
        await factory.repository(f"acme/{name}", by="ada")
    await execute("UPDATE repository SET deleted_at_ms = 1 WHERE name = 'gone'")
    await factory.image("acme/app", b"layer", tag="v1")
    await factory.quota("acme", 5000)
    await execute("UPDATE account SET email = 'a@example.com' WHERE name = 'acme'")

    with count_statements() as one:
        await site.data(LIST, first=1)
    with count_statements() as all_:
        found = await site.data(LIST)

    acme, crane = found["organizations"]["nodes"][:2]
    assert acme["storage"].pop("storedBytes") > len(b"layer")
    assert acme == {
        "name": "acme",
        "repositoryCount": 1,
        "memberCount": 2,
        "settings": {"email": "a@example.com"},
        "storage": {"quota": {"limitBytes": 5000}},
    }
    assert crane == {
        "name": "crane-works",
        "repositoryCount": 0,
        "memberCount": 1,
        "settings": {"email": None},
        "storage": {"storedBytes": 0, "quota": None},
    }
    assert len(all_.statements) <= len(one.statements)


async def test_a_read_only_superuser_sees_the_same_and_changes_nothing(
    factory: Factory, site: GraphQL
) -> None:
    await factory.read_only_superuser()
    reader = site.with_token(await factory.token(READ_ONLY_SUPERUSER))
    before = await fetch("SELECT * FROM account ORDER BY id")

    assert await reader.data(LIST) == await site.data(LIST)
    for mutation in (
        'organizationUpdate(organization: "acme", isBySuperuser: true, input: { name: "new" })',
        'organizationDelete(organization: "acme", isBySuperuser: true)',
        'namespaceTakeOver(namespace: "acme")',
    ):
        assert await reader.refusal(f"mutation {{ {mutation} {{ errors {{ code }} }} }}") == "FORBIDDEN"
    assert [dict(row) for row in await fetch("SELECT * FROM account ORDER BY id")] == [
        dict(row) | {"last_accessed_at_ms": now["last_accessed_at_ms"]}
        for row, now in zip(before, await fetch("SELECT * FROM account ORDER BY id"), strict=True)
    ]
