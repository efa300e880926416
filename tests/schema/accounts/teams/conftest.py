"""An organization with a team, and users."""

import pytest

from resolvers.access.roles import TeamRole
from tests.factories import Factory
from tests.schema.client import GraphQL


@pytest.fixture
async def owner(ada: GraphQL, factory: Factory) -> GraphQL:
    """`ada`, who owns acme with its team `crew`; `bob` and `cyd` have accounts."""
    for name in ("bob", "cyd"):
        await factory.user(name)
    await factory.organization("acme", owner="ada")
    await factory.team("acme", "crew", TeamRole.MEMBER)
    return ada
