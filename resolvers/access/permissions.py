"""Permissions: the role of an account on a repository or in a namespace, and the grants behind it.

A role is the highest of the grants, capped by the scopes of the credential. `accesses` returns the role on a
repository together with its grants, so that an explanation can never differ from the decision.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from resolvers.access.needs import ADMINISTER_OWN_NAMESPACE, Need
from resolvers.access.roles import AccountRole, RepositoryRole, TeamRole
from resolvers.access.scopes import account_cap, organization_cap, repository_cap
from resolvers.access.viewer import AccountKind, Viewer
from resolvers.context import Context
from storage.statements import fetch, placeholders


class GrantSource(StrEnum):
    """Where a role on a repository comes from."""

    OWNER = "owner"
    ORGANIZATION_ADMIN = "organization_admin"
    TEAM = "team"
    DIRECT = "direct"
    PUBLIC = "public"
    SUPERUSER = "superuser"


UNCAPPED = frozenset({GrantSource.PUBLIC, GrantSource.SUPERUSER})
"""Grants that scopes do not cap: everybody has the first; `Viewer` knows whether they allow the second."""


@dataclass(frozen=True, slots=True)
class Grant:
    """One reason for a role. `team_id` is the team that gives it, if any."""

    source: GrantSource
    role: RepositoryRole
    team_id: int | None = None


@dataclass(frozen=True, slots=True)
class Subject:
    """Whose access is decided: an account, None for an anonymous caller, with its cap.

    `cap` is the highest role that the scopes allow, None for no role at all. `superuser_role` is what a
    superuser has everywhere: to administer with full access, to read for a read-only one.
    """

    account_id: int | None
    cap: RepositoryRole | None
    superuser_role: RepositoryRole | None = None


@dataclass(frozen=True, slots=True)
class Access:
    """The role of a subject on a repository, and all grants before the cap, strongest first."""

    role: RepositoryRole | None
    grants: tuple[Grant, ...]


@dataclass(frozen=True, slots=True)
class RepositoryRef:
    """What a decision on a repository needs to know of it."""

    id: int
    namespace_id: int
    is_public: bool


_GRANTS = """
SELECT p.account_id AS account, p.repository_id AS place, 'direct' AS source, p.role AS role, NULL AS team
FROM repository_permission p WHERE p.repository_id IN ({repositories}) AND p.account_id IN ({accounts})
UNION ALL
SELECT m.account_id, p.repository_id, 'team', p.role, p.team_id FROM repository_permission p
JOIN team_member m ON m.team_id = p.team_id
WHERE p.repository_id IN ({repositories}) AND m.account_id IN ({accounts})
UNION ALL
SELECT m.account_id, -t.organization_id, 'organization_admin', 'admin', t.id FROM team t
JOIN team_member m ON m.team_id = t.id
WHERE t.organization_id IN ({namespaces}) AND t.role = 'admin' AND m.account_id IN ({accounts})
"""


async def _stored_grants(
    account_ids: Sequence[int], repositories: Sequence[RepositoryRef]
) -> dict[tuple[int, int], list[Grant]]:
    """The grants that have rows, by account and repository id, or negated namespace id for team admins."""
    if not account_ids or not repositories:
        return {}
    ids = [repository.id for repository in repositories]
    namespaces = sorted({repository.namespace_id for repository in repositories})
    rows = await fetch(
        _GRANTS.format(
            repositories=placeholders(ids),
            namespaces=placeholders(namespaces),
            accounts=placeholders(account_ids),
        ),
        *(*ids, *account_ids, *ids, *account_ids, *namespaces, *account_ids),
    )
    placed: dict[tuple[int, int], list[Grant]] = {}
    for row in rows:
        grant = Grant(GrantSource(row["source"]), RepositoryRole(row["role"]), row["team"])
        placed.setdefault((row["account"], row["place"]), []).append(grant)
    return placed


async def accesses(
    subjects: Sequence[Subject], repositories: Sequence[RepositoryRef]
) -> dict[tuple[int | None, int], Access]:
    """The access of each subject to each repository, by account id and repository id.

    At most one statement, whatever the numbers (no N+1).
    """
    accounts = sorted({subject.account_id for subject in subjects if subject.account_id is not None})
    stored = await _stored_grants(accounts, repositories)
    found: dict[tuple[int | None, int], Access] = {}
    for subject in subjects:
        for repository in repositories:
            grants = _all_grants(subject, repository, stored)
            found[subject.account_id, repository.id] = _decide(subject, grants)
    return found


def _all_grants(
    subject: Subject, repository: RepositoryRef, stored: dict[tuple[int, int], list[Grant]]
) -> list[Grant]:
    grants = _implied_grants(subject, repository)
    if subject.account_id is not None:
        grants += stored.get((subject.account_id, repository.id), [])
        grants += stored.get((subject.account_id, -repository.namespace_id), [])
    return grants


def _implied_grants(subject: Subject, repository: RepositoryRef) -> list[Grant]:
    """The grants without rows: ownership, what superusers have, a public repository."""
    is_own = repository.namespace_id == subject.account_id
    implied = (
        (GrantSource.OWNER, RepositoryRole.ADMIN if is_own else None),
        (GrantSource.SUPERUSER, subject.superuser_role),
        (GrantSource.PUBLIC, RepositoryRole.READ if repository.is_public else None),
    )
    return [Grant(source, role) for source, role in implied if role is not None]


def _decide(subject: Subject, grants: list[Grant]) -> Access:
    """The highest of the grants after the cap. The only place that decides this."""
    roles = [grant.role for grant in grants if grant.source in UNCAPPED]
    if subject.cap is not None:
        roles += [min(grant.role, subject.cap) for grant in grants if grant.source not in UNCAPPED]
    ordered = sorted(grants, key=lambda grant: grant.role, reverse=True)
    return Access(max(roles, default=None), tuple(ordered))


def subject_of(viewer: Viewer) -> Subject:
    """The subject for a viewer. A read-only superuser reads everything, and has no other role anywhere."""
    account_id = viewer.account.id if viewer.account else None
    cap = repository_cap(viewer.scopes)
    if viewer.has_full_access:
        return Subject(account_id, cap, RepositoryRole.ADMIN)
    if viewer.is_read_only_superuser:
        return Subject(account_id, cap and RepositoryRole.READ, RepositoryRole.READ)
    return Subject(account_id, cap)


async def repository_roles(
    viewer: Viewer, repositories: Sequence[RepositoryRef]
) -> dict[int, RepositoryRole | None]:
    """The role that the viewer has on each repository, None for no access; at most one statement."""
    (found,) = await repository_roles_of_each([viewer], repositories)
    return {repository.id: found.get(repository.id) for repository in repositories}


async def repository_roles_of_each(
    viewers: Sequence[Viewer], repositories: Sequence[RepositoryRef]
) -> list[dict[int, RepositoryRole]]:
    """For each viewer, the roles on the repositories to which they have access; at most one statement.

    Viewers may share an account and differ in their scopes.
    """
    subjects = [subject_of(viewer) for viewer in viewers]
    accounts = {one.account_id for one in subjects if one.account_id is not None and one.cap is not None}
    stored = await _stored_grants(sorted(accounts), repositories)
    found = []
    for subject in subjects:
        roles = {}
        for repository in repositories:
            grants = _all_grants(subject, repository, stored)
            role = _decide(subject, grants).role if grants else None
            if role is not None:
                roles[repository.id] = role
        found.append(roles)
    return found


async def repository_role(viewer: Viewer, repository: RepositoryRef) -> RepositoryRole | None:
    """The role that the viewer has on a repository, None for no access."""
    return (await repository_roles(viewer, [repository]))[repository.id]


def _superuser_role(viewer: Viewer) -> TeamRole | None:
    """The role that a superuser has in every namespace.

    A read-only one sees what members see, also where a team would give more: they change nothing.
    """
    if viewer.has_full_access:
        return TeamRole.ADMIN
    return TeamRole.MEMBER if viewer.is_read_only_superuser else None


async def namespace_roles_of_each(
    viewers: Sequence[Viewer], namespace_ids: Sequence[int]
) -> list[dict[int, TeamRole | None]]:
    """For each viewer the role in each namespace, as its owner or through teams; at most one statement."""
    found: list[dict[int, TeamRole | None]] = []
    members: dict[int, list[tuple[TeamRole, dict[int, TeamRole | None]]]] = {}
    for viewer in viewers:
        roles: dict[int, TeamRole | None] = dict.fromkeys(namespace_ids)
        found.append(roles)
        if viewer.account is None:
            continue
        everywhere = _superuser_role(viewer)
        if everywhere is not None:
            roles.update(dict.fromkeys(namespace_ids, everywhere))
            continue
        cap = organization_cap(viewer.scopes)
        if cap is None:
            continue
        if viewer.account.id in roles and viewer.account.kind is not AccountKind.ROBOT:
            roles[viewer.account.id] = cap
        if any(identity != viewer.account.id for identity in roles):
            members.setdefault(viewer.account.id, []).append((cap, roles))
    if not members:
        return found
    rows = await fetch(
        "SELECT t.organization_id AS id, t.role AS role, m.account_id AS member FROM team t"
        " JOIN team_member m ON m.team_id = t.id"
        f" WHERE t.organization_id IN ({placeholders(namespace_ids)})"
        f" AND m.account_id IN ({placeholders(sorted(members))})",
        *namespace_ids,
        *sorted(members),
    )
    for row in rows:
        for cap, roles in members[row["member"]]:
            given = min(TeamRole(row["role"]), cap)
            known = roles[row["id"]]
            roles[row["id"]] = max(known, given) if known else given
    return found


async def namespace_roles(viewer: Viewer, namespace_ids: Sequence[int]) -> dict[int, TeamRole | None]:
    """The viewer's role in each namespace, as its owner or through teams; at most one statement."""
    return (await namespace_roles_of_each([viewer], namespace_ids))[0]


async def namespace_role(viewer: Viewer, namespace_id: int) -> TeamRole | None:
    """The viewer's role in a namespace: as its owner, or through teams of an organization."""
    return (await namespace_roles(viewer, [namespace_id]))[namespace_id]


def account_role(viewer: Viewer, account_id: int) -> AccountRole | None:
    """The viewer's role on an account: on their own, capped by the scopes; None on any other.

    A robot has none on its own account, which its owner manages.
    """
    if viewer.account is None or viewer.account.id != account_id or viewer.account.kind is AccountKind.ROBOT:
        return None
    return account_cap(viewer.scopes)


def administers_own(viewer: Viewer, namespace_id: int) -> bool:
    """Whether the namespace is the viewer's own, and `user:admin` lets them administer it."""
    if viewer.is_read_only_superuser and not viewer.has_full_access:
        return False
    return account_role(viewer, namespace_id) is AccountRole.ADMIN


async def require_repository(
    context: Context, repository: RepositoryRef | None, role: RepositoryRole
) -> None:
    """Raise `Unauthenticated` or `Forbidden` unless the viewer has at least `role`.

    A repository that does not exist is refused like one that is hidden, so that the error reveals nothing;
    a viewer who would have the role on any is not refused, and the caller answers `NotFound`.
    """
    if repository is None:
        everywhere = subject_of(context.viewer).superuser_role
        if everywhere is None or everywhere < role:
            raise context.viewer.refusal(Need(role))
        return
    actual = await repository_role(context.viewer, repository)
    if actual is None or actual < role:
        raise context.viewer.refusal(Need(role))


async def require_namespace(context: Context, namespace_id: int, role: TeamRole) -> None:
    """Raise `Unauthenticated` or `Forbidden` unless the viewer has at least `role` in the namespace."""
    actual = await namespace_role(context.viewer, namespace_id)
    if actual is None or actual < role:
        raise context.viewer.refusal(Need(role))


async def require_administrator(
    context: Context, namespace_id: int, need: Need = ADMINISTER_OWN_NAMESPACE
) -> None:
    """Raise `Unauthenticated` or `Forbidden` unless the viewer administers the namespace.

    Scopes that the need names for the viewer's own suffice there.
    """
    is_own = bool(need.own) and administers_own(context.viewer, namespace_id)
    if not is_own and await namespace_role(context.viewer, namespace_id) is not TeamRole.ADMIN:
        raise context.viewer.refusal(need)


def require_account_role(context: Context, role: AccountRole) -> int:
    """The viewer's account id. Raises `Unauthenticated` or `Forbidden` without `role` on that account."""
    need = Need(role)
    account = context.viewer.require_account(need)
    actual = account_role(context.viewer, account.id)
    if actual is None or actual < role:
        raise context.viewer.refusal(need)
    return account.id


GRANTED = """SELECT p.repository_id AS id FROM repository_permission p WHERE p.account_id = ?
  UNION ALL SELECT p.repository_id FROM repository_permission p
  JOIN team_member m ON m.team_id = p.team_id WHERE m.account_id = ?"""
"""Query for the ids of repositories on which an account has a permission; takes its id twice."""

ADMINISTERED = """SELECT t.organization_id AS id FROM team t JOIN team_member m ON m.team_id = t.id
  WHERE t.role = 'admin' AND m.account_id = ?"""
"""Query for the ids of organizations that an account administers; takes its id."""


_PUBLIC = "r.visibility = 'public'"
_GRANTED_TO = f"r.namespace_id = ? OR r.id IN ({GRANTED}) OR r.namespace_id IN ({ADMINISTERED})"
VISIBLE = f"({_PUBLIC} OR {_GRANTED_TO})"
"""Condition on repositories `r`: those that an account may see, scopes aside; takes its id four times."""


def visible_repositories(viewer: Viewer, *, include_public: bool) -> tuple[str, list[Any]]:
    """An SQL condition on repositories `r`, with its values: those that the viewer may see.

    With `include_public` false, only those where the viewer has a grant.
    """
    if viewer.sees_all:
        return "1 = 1", []
    if not has_grants(viewer):
        return f"({_PUBLIC})" if include_public else "(1 = 0)", []
    return VISIBLE if include_public else f"({_GRANTED_TO})", [viewer.require_account().id] * 4


def has_grants(viewer: Viewer) -> bool:
    """Whether the viewer can have grants at all: an account, and scopes that allow a role."""
    return viewer.account is not None and repository_cap(viewer.scopes) is not None


__all__ = [
    "ADMINISTERED",
    "GRANTED",
    "VISIBLE",
    "Access",
    "Grant",
    "GrantSource",
    "RepositoryRef",
    "Subject",
    "accesses",
    "account_role",
    "administers_own",
    "has_grants",
    "namespace_role",
    "namespace_roles",
    "namespace_roles_of_each",
    "repository_role",
    "repository_roles",
    "repository_roles_of_each",
    "require_account_role",
    "require_administrator",
    "require_namespace",
    "require_repository",
    "subject_of",
    "visible_repositories",
]
