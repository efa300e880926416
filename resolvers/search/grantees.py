"""Autocompletion of grantees: teams, users, robots and organizations by the beginning of their name."""

import unicodedata
from typing import Any

from resolvers.access.permissions import namespace_role
from resolvers.access.viewer import AccountKind
from resolvers.accounts import account, team
from resolvers.accounts.account import AccountRecord
from resolvers.accounts.team import TeamRecord
from resolvers.context import Context
from storage.conditions import exists
from storage.search import begins, in_order, normalised
from storage.statements import fetch

MAX_CHOICES = 10
"""Most results: of teams, and of users and robots together."""


def _prefix(text: str) -> str:
    """Normalize a text to the spelling of names: `Zoë ` becomes `zoe`."""
    plain = unicodedata.normalize("NFKD", normalised(text)).encode("ascii", "ignore").decode()
    return plain.replace(" ", "").lower()


async def grantees(
    context: Context,
    prefix: str,
    *,
    namespace: str | None = None,
    include_teams: bool = False,
    include_organization: bool = False,
) -> list[AccountRecord | TeamRecord]:
    """Grantees whose name begins with a text: teams, then users and robots, then the organization.

    At most `MAX_CHOICES` teams, and as many users and robots, an exact match first. Teams and robots are
    those of `namespace`, for its members only. Robots match by short name or, if the text has a plus, by full
    name.
    """
    prefix = _prefix(prefix)
    owner = (
        await account.by_name(namespace, AccountKind.USER, AccountKind.ORGANIZATION) if namespace else None
    )
    if owner is not None and await namespace_role(context.viewer, owner.id) is None:
        owner = None
    teams = await _teams_of(owner, prefix) if owner and include_teams else []
    found: list[AccountRecord | TeamRecord] = [*teams, *await _users_and_robots(context, owner, prefix)]
    if (
        include_organization
        and owner
        and owner.kind is AccountKind.ORGANIZATION
        and owner.name.startswith(prefix)
    ):
        found.append(owner)
    return found


async def _teams_of(owner: AccountRecord, prefix: str) -> list[TeamRecord]:
    condition, bounds = begins("t.name", prefix)
    rows = await fetch(
        f"SELECT t.id FROM team t WHERE t.organization_id = ? AND {condition}"
        f" ORDER BY {in_order('t.name')} LIMIT {MAX_CHOICES}",
        owner.id,
        *bounds,
    )
    ids = [row["id"] for row in rows]
    found = await team.by_ids(ids)
    return [found[identity] for identity in ids if identity in found]


async def _users_and_robots(
    context: Context, owner: AccountRecord | None, prefix: str
) -> list[AccountRecord]:
    alive = exists("a")
    users = "SELECT a.id, a.name FROM account a WHERE a.kind = 'user'"
    prefixed, bounds = begins("a.name", prefix)
    parts: list[str] = []
    values: list[Any] = []
    if not context.site.has("PARTIAL_USER_AUTOCOMPLETE"):
        parts.append(f"{users} AND {alive} AND a.name = ?")
        values.append(prefix)
    elif prefix:
        # An empty prefix must not list all users.
        parts.append(f"{users} AND {alive} AND {prefixed}")
        values += bounds
    if owner is not None:
        own, own_bounds = begins("a.name", prefix if "+" in prefix else f"{owner.name}+{prefix}")
        parts.append(
            "SELECT a.id, a.name FROM robot x JOIN account a ON a.id = x.account_id"
            f" WHERE x.owner_id = ? AND {alive} AND {own}"
        )
        values += [owner.id, *own_bounds]
    if not parts:
        return []
    union = " UNION ALL ".join(
        f"SELECT * FROM ({part} ORDER BY {in_order('a.name')} LIMIT {MAX_CHOICES}) one_kind" for part in parts
    )
    rows = await fetch(
        f"SELECT id FROM ({union}) found ORDER BY CASE WHEN name = ? THEN 0 ELSE 1 END, name"
        f" LIMIT {MAX_CHOICES}",
        *values,
        prefix,
    )
    ids = [row["id"] for row in rows]
    found = await account.by_ids(ids)
    return [found[identity] for identity in ids if identity in found]
