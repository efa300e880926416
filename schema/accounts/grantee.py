"""Grantees: the users, robots and teams that permissions are given to."""

from typing import Annotated

import strawberry

from resolvers.accounts.grantee import Grantee as GranteeName
from resolvers.accounts.grantee import GranteeKind, GranteeRow
from schema.accounts.account import User
from schema.accounts.robot import Robot, account_node
from schema.accounts.team import Team, to_team
from schema.context import Info

strawberry.enum(
    GranteeKind, name="GranteeKind", description="What a grantee is: a user or a robot, or a team."
)

Grantee = Annotated[
    User | Robot | Team,
    strawberry.union("Grantee", description="Whom a permission is given to: a user, a robot or a team."),
]


@strawberry.input(description="Whom a permission is for.")
class GranteeInput:
    kind: GranteeKind = strawberry.field(description="A user or robot, or a team.")
    name: str = strawberry.field(description="The account's name, or the team's in its organization.")


@strawberry.input(description="A user or a robot.")
class AccountInput:
    name: str = strawberry.field(description="The name; a robot's is `owner+name`.")


def to_name(value: GranteeInput) -> GranteeName:
    """A grantee as resolvers take it."""
    return GranteeName(value.kind, value.name)


async def load_grantee(info: Info, row: GranteeRow) -> User | Robot | Team:
    """The account or team of a permission, through the loaders of the request."""
    if row.team_id is not None:
        team = await info.context.loaders.teams.load(row.team_id)
        assert team is not None
        return to_team(team)
    account = await info.context.loaders.accounts.load(row.account_id or 0)
    assert account is not None
    node = account_node(account)
    assert isinstance(node, User | Robot)
    return node
