"""Conditions on rows that many statements share, as SQL for the alias of a table.

Accounts and repositories that are deleted keep their row as a tombstone until a job has purged what hangs on
them, so each statement says whether it means them too.
"""


def exists(alias: str = "") -> str:
    """An account or repository is not deleted."""
    return f"{alias}.deleted_at_ms IS NULL" if alias else "deleted_at_ms IS NULL"


def is_usable(alias: str) -> str:
    """An account, as a namespace or by itself, is neither deleted nor disabled."""
    return f"{alias}.is_enabled AND {exists(alias)}"


def can_act(alias: str) -> str:
    """Credentials of an account are good: it is usable, and for a robot its owner is, too.

    Organizations have no credentials and never act.
    """
    return (
        f"{alias}.kind <> 'organization' AND {is_usable(alias)} AND NOT EXISTS (SELECT 1 FROM robot own_robot"
        " JOIN account own_owner ON own_owner.id = own_robot.owner_id"
        f" WHERE own_robot.account_id = {alias}.id AND NOT ({is_usable('own_owner')}))"
    )
