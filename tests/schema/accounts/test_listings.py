"""What an organization lists of its own: repositories and robots."""

from resolvers.access.roles import TeamRole
from resolvers.repositories.repository import Visibility
from storage.statements import execute
from tests.factories import Factory
from tests.schema.client import GraphQL

ORGANIZATION = """query ($order: RobotOrder! = NAME) { organization(name: "acme") {
  repositories { totalCount nodes { path } }
  robots(orderBy: $order) { totalCount nodes { name } } } }"""


async def test_an_organization_lists_its_repositories_and_robots(factory: Factory, ada: GraphQL) -> None:
    await factory.user("bob")
    await factory.user("carol")
    await factory.organization("acme", owner="ada")
    await factory.team("acme", "crew", TeamRole.MEMBER, ["bob"])
    await factory.repository("ada/elsewhere")
    for name in ("b", "a"):
        await factory.repository(f"acme/{name}", by="ada")
    await factory.repository("acme/open", by="ada", visibility=Visibility.PUBLIC)
    for name in ("bot", "winch"):
        await factory.robot(f"acme+{name}", by="ada")

    seen = await ada.data(ORGANIZATION)
    member = await ada.with_token(await factory.token("bob")).data(ORGANIZATION)
    stranger = await ada.with_token(await factory.token("carol")).answer(ORGANIZATION)

    robots = {"totalCount": 2, "nodes": [{"name": "acme+bot"}, {"name": "acme+winch"}]}
    public = {"totalCount": 1, "nodes": [{"path": "acme/open"}]}
    assert seen["organization"] == {
        "repositories": {
            "totalCount": 3,
            "nodes": [{"path": "acme/a"}, {"path": "acme/b"}, {"path": "acme/open"}],
        },
        "robots": robots,
    }
    assert member["organization"] == {"repositories": public, "robots": robots}
    assert stranger["data"]["organization"] == {"repositories": public, "robots": None}
    assert [error["extensions"]["requiredRole"] for error in stranger["errors"]] == ["MEMBER"]


async def test_unused_robots_come_first_on_demand(factory: Factory, ada: GraphQL) -> None:
    await factory.organization("acme", owner="ada")
    for name, used in (("a", 2_000), ("b", None), ("c", 1_000), ("d", None)):
        await factory.robot(f"acme+{name}a", by="ada")
        await execute("UPDATE account SET last_accessed_at_ms = ? WHERE name = ?", used, f"acme+{name}a")

    async def order(name: str) -> list[str]:
        found = await ada.data(ORGANIZATION, order=name)
        return [node["name"][-2] for node in found["organization"]["robots"]["nodes"]]

    assert await order("UNUSED_FIRST") == ["b", "d", "c", "a"]
    assert await order("LAST_ACCESSED_AT") == ["a", "c", "b", "d"]
