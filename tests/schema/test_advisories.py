"""`site { advisories }`: how many there are that hold, and when some were imported."""

from datetime import datetime

from storage.clock import now_ms
from tests.factories import Factory
from tests.resolvers.advisories.records import record, write
from tests.schema.client import GraphQL

SITE = "{ site { advisories { count importedAt } } }"


async def test_superusers_see_how_many_hold_and_when_they_came(graphql: GraphQL, factory: Factory) -> None:
    await factory.user("root", is_superuser=True)
    root = graphql.with_token(await factory.token("root"))
    before = await root.data(SITE)
    started = now_ms()
    given = [record("A"), record("B"), record("C", withdrawn="2026-01-02T00:00:00Z")]

    await write(*given)

    assert before == {"site": {"advisories": {"count": 0, "importedAt": None}}}
    told = (await root.data(SITE))["site"]["advisories"]
    assert told["count"] == 2
    assert started <= datetime.fromisoformat(told["importedAt"]).timestamp() * 1000 <= now_ms()
