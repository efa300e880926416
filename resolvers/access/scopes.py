"""OAuth scopes: they cap the roles of a token's user, and never grant more than the user has.

There are three kinds of role: on repositories, in organizations, on the user's own account. The table has
each scope's cap for each kind.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeVar

from resolvers.access.roles import AccountRole, RepositoryRole, Role, TeamRole
from resolvers.errors import Invalid

R = TypeVar("R", bound=Role)


class Scope(StrEnum):
    """A scope by its name in tokens."""

    REPO_READ = "repo:read"
    REPO_WRITE = "repo:write"
    REPO_ADMIN = "repo:admin"
    REPO_CREATE = "repo:create"
    USER_READ = "user:read"
    USER_ADMIN = "user:admin"
    ORG_ADMIN = "org:admin"
    SUPER_USER = "super:user"
    DIRECT_USER_LOGIN = "direct_user_login"


@dataclass(frozen=True, slots=True)
class ScopeRow:
    """A scope: its texts for the consent page, and its cap for each kind of role (None: no role)."""

    scope: Scope
    title: str
    description: str
    is_dangerous: bool = False
    is_grantable: bool = True
    repository: RepositoryRole | None = None
    organization: TeamRole | None = None
    account: AccountRole | None = None


SCOPES: dict[Scope, ScopeRow] = {
    row.scope: row
    for row in (
        ScopeRow(
            Scope.REPO_READ,
            "Read repositories",
            "See and pull every repository that you can see.",
            repository=RepositoryRole.READ,
        ),
        ScopeRow(
            Scope.REPO_WRITE,
            "Write to repositories",
            "See, pull and push to every repository that you can write to.",
            repository=RepositoryRole.WRITE,
        ),
        ScopeRow(
            Scope.REPO_ADMIN,
            "Administer repositories",
            "Full control of every repository that you administer.",
            repository=RepositoryRole.ADMIN,
        ),
        ScopeRow(
            Scope.REPO_CREATE,
            "Create repositories",
            "Create repositories wherever you may create them.",
            organization=TeamRole.CREATOR,
        ),
        ScopeRow(
            Scope.USER_READ,
            "Read your account",
            "See your user name, your e-mail address and your organizations.",
            account=AccountRole.READ,
        ),
        ScopeRow(
            Scope.USER_ADMIN,
            "Administer your account",
            "Full control of your account: robots, tokens, permissions and settings.",
            is_dangerous=True,
            account=AccountRole.ADMIN,
        ),
        ScopeRow(
            Scope.ORG_ADMIN,
            "Administer organizations",
            "Full control of the organizations that you administer.",
            is_dangerous=True,
            organization=TeamRole.ADMIN,
        ),
        ScopeRow(
            Scope.SUPER_USER,
            "Administer the registry",
            "Manage users, organizations and the installation, if you are a superuser.",
            is_dangerous=True,
        ),
        ScopeRow(
            Scope.DIRECT_USER_LOGIN,
            "Signed in directly",
            "Everything that you may do; what a password, a session or a robot token gives.",
            is_dangerous=True,
            is_grantable=False,
            repository=RepositoryRole.ADMIN,
            organization=TeamRole.ADMIN,
            account=AccountRole.ADMIN,
        ),
    )
}

DIRECT = frozenset({Scope.DIRECT_USER_LOGIN})


def parse_scopes(text: str, *, field: str = "scopes") -> frozenset[Scope]:
    """Parse scopes separated by spaces or commas. Raises `Invalid` for none, or one not grantable."""
    names = text.replace(",", " ").split()
    grantable = {row.scope.value for row in SCOPES.values() if row.is_grantable}
    unknown = [name for name in names if name not in grantable]
    if unknown:
        known = ", ".join(sorted(grantable))
        raise Invalid(f"{field}: unknown scope '{unknown[0]}'; use some of {known}.", field=field)
    if not names:
        raise Invalid(f"{field}: name at least one scope.", field=field)
    return frozenset(Scope(name) for name in names)


def format_scopes(scopes: Iterable[Scope]) -> str:
    """Scopes as one text, in alphabetical order."""
    return " ".join(sorted(scope.value for scope in scopes))


def repository_cap(scopes: Iterable[Scope]) -> RepositoryRole | None:
    """The highest role on repositories that the scopes allow."""
    return max((row for row in (SCOPES[scope].repository for scope in scopes) if row), default=None)


def organization_cap(scopes: Iterable[Scope]) -> TeamRole | None:
    """The highest role in organizations and in one's own namespace that the scopes allow."""
    return max((row for row in (SCOPES[scope].organization for scope in scopes) if row), default=None)


def account_cap(scopes: Iterable[Scope]) -> AccountRole | None:
    """The highest role on one's own account that the scopes allow."""
    return max((row for row in (SCOPES[scope].account for scope in scopes) if row), default=None)


def covers(held: frozenset[Scope], wanted: frozenset[Scope]) -> bool:
    """Whether `held` allows all that `wanted` would, so that no token can obtain a stronger one."""
    if Scope.DIRECT_USER_LOGIN in held:
        return True
    if Scope.SUPER_USER in wanted - held:
        return False
    return (
        _at_least(repository_cap(held), repository_cap(wanted))
        and _at_least(organization_cap(held), organization_cap(wanted))
        and _at_least(account_cap(held), account_cap(wanted))
    )


def _at_least(held: R | None, wanted: R | None) -> bool:
    return wanted is None or (held is not None and held >= wanted)
