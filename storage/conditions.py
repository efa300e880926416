"""SQL conditions that many statements share, for the alias of a table.

A deleted account or repository keeps its row as a tombstone until a job has purged its content, so each
statement must say whether it includes tombstones.

Whether a span of a tag goes on is said here too. An end that has happened is a fact, whatever the clock says
later; only an expiration is compared with the time.
"""

NO_END_MS = 2**62
"""Sentinel for the end of a span without one, greater than any real end."""


def is_active(alias: str, moment: str = "?") -> str:
    """The span of a tag goes on at a time in milliseconds: it was not ended, and has not expired.

    COALESCE keeps indexes over ends out of it, so that lists use the index of their order and need no sort.
    """
    return f"(NOT {alias}.has_ended AND {end_of(alias)} > {moment})"


def is_over(alias: str) -> str:
    """The span of a tag has ended, or its expiration has come: the opposite of `is_active`."""
    return f"({alias}.has_ended OR {alias}.ended_at_ms <= ?)"


def was_active(alias: str) -> str:
    """The span of a tag went on at a time of its history; takes that time twice."""
    return f"{alias}.started_at_ms <= ? AND {end_of(alias)} > ?"


def end_of(alias: str) -> str:
    """The end of the span of a tag, which has happened or is to come, or `NO_END_MS`."""
    return f"COALESCE({alias}.ended_at_ms, {NO_END_MS})"


def exists(alias: str = "") -> str:
    """The account or repository is not deleted (no tombstone)."""
    return f"{alias}.deleted_at_ms IS NULL" if alias else "deleted_at_ms IS NULL"


def is_usable(alias: str) -> str:
    """The account is neither deleted nor disabled."""
    return f"{alias}.is_enabled AND {exists(alias)}"


def is_disabled(alias: str) -> str:
    """The account was disabled."""
    return f"NOT {alias}.is_enabled"


def can_act(alias: str) -> str:
    """Credentials of the account are accepted: it is usable, and so is the owner of a robot.

    Organizations have no credentials and never act.
    """
    return (
        f"{alias}.kind <> 'organization' AND {is_usable(alias)} AND NOT EXISTS (SELECT 1 FROM robot own_robot"
        " JOIN account own_owner ON own_owner.id = own_robot.owner_id"
        f" WHERE own_robot.account_id = {alias}.id AND NOT ({is_usable('own_owner')}))"
    )
