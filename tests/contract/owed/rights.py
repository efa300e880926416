"""Who is refused: for each right, every kind of caller that does not have it, with the code of the error."""

from __future__ import annotations

from collections.abc import Mapping

U, F, FRESH = "UNAUTHENTICATED", "FORBIDDEN", "FRESH_LOGIN_REQUIRED"
ABSENT, INVALID = "NOT_FOUND", "INVALID"

CALLERS = {
    "anonymous": "nobody signed in",
    "blocked": "a user of the team owners, disabled since the token was made",
    "outsider": "a user without any grant",
    "reader": "a user with the role read on acme/app",
    "writer": "a user with the role write on acme/app",
    "keeper": "a user with the role admin on acme/app",
    "member": "in a team of acme with the role member, which may write to acme/app",
    "maker": "in a team of acme with the role creator",
    "robot": "the robot acme+bot, with the role read on acme/app",
    "read": "owner with a token of repo:read",
    "write": "owner with a token of repo:write",
    "admin": "owner with a token of repo:admin",
    "create": "owner with a token of repo:create",
    "user": "owner with a token of user:admin",
    "org": "owner with a token of org:admin",
    "owner": "in the team owners of acme, with a token of every scope",
    "super": "a superuser, where superusers see no more than others",
    "plain super": "the same with a token of every scope but super:user",
    "session": "owner at a browser, whose password was given just now",
    "stale": "owner at a browser, whose password was given long ago",
    "stale super": "the superuser at such a browser",
    "inspector": "a read-only superuser in the team owners of acme, with a token of every scope",
    "forged": "the browser of owner, when a page of somebody else sends the request",
}
"""Those who make requests."""

PEOPLE = (
    *("outsider", "reader", "writer", "keeper", "member", "maker", "inspector"),
    *("super", "plain super", "stale super"),
)
"""Users other than owner."""

MAKERS = tuple(name for name in PEOPLE if name != "inspector")
"""Those who may have things of their own: a read-only superuser changes nothing but their account."""

OWNER = ("owner", "session", "stale")
"""Who may all that owner may."""

_ALWAYS = {"anonymous": U, "blocked": U, "forged": F}


def _refused(*allowed: str, codes: Mapping[str, str] | None = None) -> Mapping[str, str]:
    """Everybody but those allowed, each with the code of `codes` or the usual one."""
    codes = _ALWAYS | dict(codes or {})
    return {caller: codes.get(caller, F) for caller in CALLERS if caller not in allowed}


_CREATE = _refused(*OWNER, "maker", "create", "org")

RIGHTS: Mapping[str, Mapping[str, str]] = {
    "write": _refused(*OWNER, "writer", "keeper", "member", "write", "admin"),
    "write, like robots": _refused(*OWNER, "writer", "keeper", "member", "robot", "write", "admin"),
    "administer": _refused(*OWNER, "keeper", "admin"),
    "administer, by its creator": _refused(*OWNER, "admin"),
    "create": _CREATE,
    "create, by a form": {caller: code for caller, code in _CREATE.items() if caller != "anonymous"},
    "organization": _refused(*OWNER, "org"),
    "organization, fresh": _refused("owner", "session", "org", codes={"stale": FRESH}),
    "account": _refused(*OWNER, *PEOPLE, "user"),
    "account, to make things": _refused(*OWNER, *MAKERS, "user"),
    "account, fresh": _refused(
        *("owner", "session", "user", *PEOPLE[:-1]), codes={"stale": FRESH, "stale super": FRESH}
    ),
    "own thing": _refused(*OWNER, "user", codes=dict.fromkeys(PEOPLE, ABSENT)),
    "own thing, fresh": _refused(
        *("owner", "session", "user"),
        codes=dict.fromkeys(PEOPLE, ABSENT) | {"stale": FRESH, "stale super": FRESH},
    ),
    "in person": _refused("session", codes={"stale": FRESH, "stale super": FRESH}),
    "superuser": _refused("super", codes={"stale super": FRESH}),
    "anybody": {"blocked": U, "forged": F},
    "everybody": {},
    "log in": {"anonymous": U, "blocked": U},
    "a page of ours": {"anonymous": F, "forged": F},
    "own robot, at REST": _refused(*OWNER, "user", codes=dict.fromkeys(MAKERS, INVALID)),
    "own policy, at REST": _refused(*OWNER, "user", codes=dict.fromkeys(MAKERS, ABSENT)),
    "own namespace": _refused(*OWNER, *MAKERS, "create", "org", codes={"anonymous": INVALID}),
    "own account": _refused(*OWNER, *MAKERS, "user", "org"),
    "own log": _refused(*OWNER, *PEOPLE, "user", "org"),
    "log of an organization": _refused(*OWNER, "org", "inspector"),
    "own robot": _refused(*OWNER, "user", "org", codes=dict.fromkeys(MAKERS, ABSENT)),
    "star": _refused(*OWNER, "reader", "writer", "keeper", "member", "inspector"),
    "write to both": _refused(*OWNER, "write", "admin"),
    "write and create": _refused(*OWNER),
    "plan of owner": _refused(
        *OWNER, "write", "admin", codes=dict.fromkeys(("writer", "keeper", "member"), ABSENT)
    ),
    "plan of writer": _refused(
        "writer", codes=dict.fromkeys((*OWNER, "write", "admin", "keeper", "member"), ABSENT)
    ),
    "plan of keeper": _refused("keeper", codes=dict.fromkeys((*OWNER, "admin"), ABSENT)),
    "upload of writer": _refused(
        "writer", codes=dict.fromkeys((*OWNER, "write", "admin", "keeper", "member"), ABSENT)
    ),
    "invited": _refused(codes=dict.fromkeys((*OWNER, *MAKERS, "user"), INVALID)),
    "invited, to decline": _refused(codes=dict.fromkeys((*OWNER, *PEOPLE, "user"), INVALID)),
}
"""By name. Whoever is not refused may do it, or do it to what is theirs."""
