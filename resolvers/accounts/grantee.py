"""Grantees: whom a permission is given to, an account or a team."""

from dataclasses import dataclass
from enum import StrEnum

from resolvers.errors import Invalid, UnknownReference
from storage.conditions import exists
from storage.statements import fetch_one


class GranteeKind(StrEnum):
    """What a grantee is: a user or a robot, or a team."""

    USER = "user"
    TEAM = "team"


@dataclass(frozen=True, slots=True)
class Grantee:
    """A user or robot by name, or by its name a team of the organization that it is about."""

    kind: GranteeKind
    name: str


@dataclass(frozen=True, slots=True)
class GranteeRow:
    """The row that a grantee stands for; exactly one of the two is set."""

    account_id: int | None
    team_id: int | None

    @property
    def column(self) -> str:
        """The column of a permission that refers to the row."""
        return "team_id" if self.account_id is None else "account_id"

    @property
    def id(self) -> int:
        """The id of the row, whatever it is."""
        return self.team_id or self.account_id or 0


async def find(grantee: Grantee, namespace_id: int) -> GranteeRow | None:
    """The row of a grantee, as seen from a namespace; None if there is no such account or team there."""
    if grantee.kind is GranteeKind.TEAM:
        team = await fetch_one(
            "SELECT id FROM team WHERE organization_id = ? AND name = ?", namespace_id, grantee.name
        )
        return GranteeRow(None, team["id"]) if team else None
    account = await fetch_one(
        f"SELECT id FROM account WHERE name = ? AND kind IN ('user', 'robot') AND {exists()}",
        grantee.name,
    )
    return GranteeRow(account["id"], None) if account else None


async def require(grantee: Grantee, namespace_id: int, *, field: str = "grantee") -> GranteeRow:
    """The row of somebody who may be given a permission in a namespace.

    Raises `UnknownReference` for an account or team that is not there, `Invalid` for a robot that belongs to
    somebody else: nobody here could tell who holds its token.
    """
    row = await find(grantee, namespace_id)
    if row is None:
        kind = "team" if grantee.kind is GranteeKind.TEAM else "user or robot"
        raise UnknownReference(f"There is no {kind} '{grantee.name[:255]}'.", field=field)
    robot = await fetch_one("SELECT owner_id FROM robot WHERE account_id = ?", row.account_id or 0)
    if robot is not None and robot["owner_id"] != namespace_id:
        raise Invalid(f"The robot '{grantee.name}' belongs to another namespace.", field=field)
    return row
