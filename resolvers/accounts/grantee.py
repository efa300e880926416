"""Grantees: the account or team that a permission is given to."""

from dataclasses import dataclass
from enum import StrEnum

from resolvers.errors import Invalid, UnknownReference
from resolvers.names import is_robot_elsewhere
from storage.conditions import exists
from storage.statements import fetch_one


class GranteeKind(StrEnum):
    """The kind of a grantee: an account (user or robot) or a team."""

    USER = "user"
    TEAM = "team"


@dataclass(frozen=True, slots=True)
class Grantee:
    """A user or robot by name, or a team of the organization in question by name."""

    kind: GranteeKind
    name: str


@dataclass(frozen=True, slots=True)
class GranteeRow:
    """The row of a grantee; exactly one of the two ids is set."""

    account_id: int | None
    team_id: int | None

    @property
    def column(self) -> str:
        """The column of a permission that refers to the row."""
        return "team_id" if self.account_id is None else "account_id"

    @property
    def id(self) -> int:
        """The id of the account or team."""
        return self.team_id or self.account_id or 0


async def find(grantee: Grantee, namespace_id: int) -> GranteeRow | None:
    """The row of a grantee in a namespace; None for an unknown account or team."""
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
    """The row of a grantee who may be given a permission in a namespace.

    Raises `UnknownReference` for an unknown account or team, `Invalid` for a robot of another namespace,
    whether it exists or not: nobody in this one can know who holds its token.
    """
    if grantee.kind is GranteeKind.USER and "+" in grantee.name:
        namespace = await fetch_one("SELECT name FROM account WHERE id = ?", namespace_id)
        if namespace is None or is_robot_elsewhere(grantee.name, namespace["name"]):
            raise Invalid(
                f"{field}: the robot '{grantee.name[:255]}' belongs to another namespace; name one of this"
                " namespace.",
                field=field,
            )
    row = await find(grantee, namespace_id)
    if row is None:
        kind = "team" if grantee.kind is GranteeKind.TEAM else "user or robot"
        raise UnknownReference(f"There is no {kind} '{grantee.name[:255]}'.", field=field)
    return row
