"""SQL conditions that many statements share, for the alias of a table.

A deleted account or repository keeps its row as a tombstone until a job has purged its content, so each
statement must say whether it includes tombstones.
"""


def exists(alias: str = "") -> str:
    """The account or repository is not deleted (no tombstone)."""
    return f"{alias}.deleted_at_ms IS NULL" if alias else "deleted_at_ms IS NULL"


def is_usable(alias: str) -> str:
    """The account is neither deleted nor disabled."""
    return f"{alias}.is_enabled AND {exists(alias)}"


def can_act(alias: str) -> str:
    """Credentials of the account are accepted: it is usable, and so is the owner of a robot.

    Organizations have no credentials and never act.
    """
    return (
        f"{alias}.kind <> 'organization' AND {is_usable(alias)} AND NOT EXISTS (SELECT 1 FROM robot own_robot"
        " JOIN account own_owner ON own_owner.id = own_robot.owner_id"
        f" WHERE own_robot.account_id = {alias}.id AND NOT ({is_usable('own_owner')}))"
    )
