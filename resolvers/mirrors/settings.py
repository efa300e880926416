"""What mirrors of repositories and of organizations have in common: checks of settings, and what is told."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from resolvers.context import Context
from resolvers.errors import Invalid, UnknownReference
from resolvers.mirrors.connection import Connection, check_texts, proxies_of
from resolvers.mirrors.source import require_allowed_proxies
from resolvers.names import is_robot_elsewhere
from resolvers.upstreams.location import Location
from storage.conditions import exists
from storage.statements import fetch_one

SHORTEST_TIMEOUT_S: Final = 300
LONGEST_TIME_S: Final = 2**31 - 1
HIDDEN: Final = "********"
NO_ROBOT: Final = "Could not find robot with specified username"
"""Clients compare this text."""

CONNECTION: Final = (
    *("username", "password", "verifies_tls", "accepts_unsigned", "extra_cas"),
    *("http_proxy", "https_proxy", "no_proxy"),
)
"""The settings that are those of a connection."""


def check_credentials(wanted: Mapping[str, Any], before: Connection) -> None:
    """Refuse a password without a user name. Raises `Invalid`."""
    password = wanted.get("password")
    if password is None:
        return
    if "username" in wanted and wanted["username"] is None:
        raise Invalid("Unable to delete username while setting a password.", field="password")
    if "username" not in wanted and before.username is None:
        raise Invalid("Unable to set a new password without also specifying a username.", field="password")


def without_login_elsewhere(
    wanted: Mapping[str, Any], before: Connection, was: Location, location: Location
) -> dict[str, Any]:
    """The same settings, with which a stored login is not shown to another host than the one it is for.

    Whoever administers the mirror could otherwise read the password that somebody else entered.
    """
    if location.host == was.host or wanted.get("password") is not None:
        return dict(wanted)
    stored = {name: value for name, value in before.as_settings().items() if name in ("username", "password")}
    return {name: None for name, value in stored.items() if value is not None} | dict(wanted)


def of_connection(wanted: Mapping[str, Any]) -> dict[str, Any]:
    """Those of some settings that are of the connection. Without a user there is no password to keep."""
    found = {name: wanted[name] for name in CONNECTION if name in wanted}
    return found | ({"password": None} if found.get("username", "") is None else {})


async def checked_connection(context: Context, wanted: Mapping[str, Any], before: Connection) -> Connection:
    """The connection once it is changed as is wanted. Raises `Invalid`."""
    check_texts(of_connection(wanted))
    changed = before.changed(of_connection(wanted))
    await require_allowed_proxies(context.site.outbound, proxies_of(changed.proxy), field="connection")
    return changed


def checked_seconds(wanted: Mapping[str, Any]) -> dict[str, int]:
    """The times among some settings. Raises `Invalid` for one that is too short or too long."""
    values = {}
    for name, least in (("sync_interval_s", 0), ("tag_timeout_s", SHORTEST_TIMEOUT_S)):
        if name in wanted:
            if not least <= wanted[name] <= LONGEST_TIME_S:
                raise Invalid(f"{name}: must be from {least} to {LONGEST_TIME_S} seconds.", field=name)
            values[name] = wanted[name]
    return values


async def robot_of(namespace: str, name: str) -> int:
    """The account of a robot of a namespace. Raises `Invalid`, `UnknownReference`."""
    if is_robot_elsewhere(name, namespace):
        raise Invalid("Invalid robot", field="robot")
    row = await fetch_one(f"SELECT id FROM account WHERE name = ? AND kind = 'robot' AND {exists()}", name)
    if row is None:
        raise UnknownReference(NO_ROBOT, field="robot")
    return int(row["id"])


def shown(name: str, value: Any) -> Any:
    """What an event says of a new value."""
    if name == "sync_starts_at_ms":
        return f"{datetime.fromtimestamp(value / 1000, UTC):%Y-%m-%dT%H:%M:%SZ}"
    if name == "password":
        return None if value is None else HIDDEN
    if name == "extra_cas" and value is not None:
        return f"certificates: {value.count('-----BEGIN ')}"
    if name in ("http_proxy", "https_proxy") and value is not None:
        # The address of a proxy may hold a password.
        return re.sub(r"(?<=//)[^/]*@|^[^/]*@", f"{HIDDEN}@", value)
    return value
