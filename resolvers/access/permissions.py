"""May they? The role that a viewer has on a repository or in a namespace, and why.

A role is the highest of the grants, capped by the scopes of the credential. Everything that a grant can come
from stands in one statement, so that deciding and explaining are one function.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from resolvers.access.roles import AccountRole, RepositoryRole, TeamRole
from resolvers.access.scopes import account_cap, organization_cap, repository_cap
from resolvers.access.viewer import AccountKind, Viewer
from resolvers.context import Context
from storage.statements import fetch, placeholders


@dataclass(frozen=True, slots=True)
class Grant:
    """One reason for a role. `source` is owner, organization_admin, team or direct; `team` its name."""

    source: str
    role: RepositoryRole
    team: str | None = None


@dataclass(frozen=True, slots=True)
class RepositoryRef:
    """The least that a decision on a repository needs."""

    id: int
    namespace_id: int
    is_public: bool


_GRANTS = """
SELECT p.repository_id AS place, 'direct' AS source, p.role AS role, NULL AS team FROM repository_permission p
WHERE p.repository_id IN ({repositories}) AND p.account_id = ?
UNION ALL
SELECT p.repository_id, 'team', p.role, t.name FROM repository_permission p
JOIN team t ON t.id = p.team_id JOIN team_member m ON m.team_id = t.id
WHERE p.repository_id IN ({repositories}) AND m.account_id = ?
UNION ALL
SELECT -t.organization_id, 'organization_admin', 'admin', t.name FROM team t
JOIN team_member m ON m.team_id = t.id
WHERE t.organization_id IN ({namespaces}) AND t.role = 'admin' AND m.account_id = ?
"""


async def repository_grants(account_id: int, repositories: Sequence[RepositoryRef]) -> dict[int, list[Grant]]:
    """Every grant of an account on repositories, public visibility aside; by repository id, strongest first.

    One statement, however many repositories are asked about.
    """
    if not repositories:
        return {}
    ids = [repository.id for repository in repositories]
    namespaces = sorted({repository.namespace_id for repository in repositories})
    rows = await fetch(
        _GRANTS.format(repositories=placeholders(ids), namespaces=placeholders(namespaces)),
        *(*ids, account_id, *ids, account_id, *namespaces, account_id),
    )
    # Grants in an organization stand under its negated id, those on a repository under the repository's.
    placed: dict[int, list[Grant]] = {}
    for row in rows:
        grant = Grant(row["source"], RepositoryRole(row["role"]), row["team"])
        placed.setdefault(row["place"], []).append(grant)
    owner = Grant("owner", RepositoryRole.ADMIN)
    return {
        repository.id: sorted(
            [
                *([owner] if repository.namespace_id == account_id else []),
                *placed.get(repository.id, []),
                *placed.get(-repository.namespace_id, []),
            ],
            key=lambda grant: grant.role,
            reverse=True,
        )
        for repository in repositories
    }


async def repository_roles(
    viewer: Viewer, repositories: Sequence[RepositoryRef]
) -> dict[int, RepositoryRole | None]:
    """The role that the viewer has on each repository, None for no access; at most one statement."""
    public = {
        repository.id: RepositoryRole.READ if repository.is_public else None for repository in repositories
    }
    if viewer.account is None:
        return public
    if viewer.has_full_access:
        return dict.fromkeys(public, RepositoryRole.ADMIN)
    cap = repository_cap(viewer.scopes)
    if cap is None:
        return public
    grants = await repository_grants(viewer.account.id, repositories)
    return {
        identity: max(
            (role for role in (*(min(grant.role, cap) for grant in grants[identity]), visible) if role),
            default=None,
        )
        for identity, visible in public.items()
    }


async def repository_role(viewer: Viewer, repository: RepositoryRef) -> RepositoryRole | None:
    """The role that the viewer has on a repository, None for no access."""
    return (await repository_roles(viewer, [repository]))[repository.id]


async def namespace_roles(viewer: Viewer, namespace_ids: Sequence[int]) -> dict[int, TeamRole | None]:
    """The role that the viewer has in each namespace, their own or through teams; at most one statement."""
    roles: dict[int, TeamRole | None] = dict.fromkeys(namespace_ids)
    if viewer.account is None:
        return roles
    if viewer.has_full_access:
        return dict.fromkeys(namespace_ids, TeamRole.ADMIN)
    cap = organization_cap(viewer.scopes)
    if cap is None:
        return roles
    if viewer.account.id in roles and viewer.account.kind is not AccountKind.ROBOT:
        roles[viewer.account.id] = cap
    others = [identity for identity in roles if identity != viewer.account.id]
    if not others:
        return roles
    rows = await fetch(
        "SELECT t.organization_id AS id, t.role AS role FROM team t JOIN team_member m ON m.team_id = t.id"
        f" WHERE t.organization_id IN ({placeholders(others)}) AND m.account_id = ?",
        *others,
        viewer.account.id,
    )
    for row in rows:
        found = min(TeamRole(row["role"]), cap)
        known = roles[row["id"]]
        roles[row["id"]] = max(known, found) if known else found
    return roles


async def namespace_role(viewer: Viewer, namespace_id: int) -> TeamRole | None:
    """The role that the viewer has in a namespace: their own, or through teams of an organization."""
    return (await namespace_roles(viewer, [namespace_id]))[namespace_id]


def account_role(viewer: Viewer, account_id: int) -> AccountRole | None:
    """The role that the viewer has on an account: on their own, as far as the scopes allow."""
    if viewer.account is None or viewer.account.id != account_id:
        return None
    return account_cap(viewer.scopes)


async def require_repository(
    context: Context, repository: RepositoryRef | None, role: RepositoryRole
) -> None:
    """Raise `Unauthenticated` or `Forbidden` unless the viewer has at least `role`.

    A repository that does not exist is refused like one that may not be seen, but not to callers who would
    see everything anyway.
    """
    if repository is None:
        if not context.viewer.has_full_access:
            raise context.viewer.refusal()
        return
    actual = await repository_role(context.viewer, repository)
    if actual is None or actual < role:
        raise context.viewer.refusal()


async def require_namespace(context: Context, namespace_id: int, role: TeamRole) -> None:
    """Raise `Unauthenticated` or `Forbidden` unless the viewer has at least `role` in the namespace."""
    actual = await namespace_role(context.viewer, namespace_id)
    if actual is None or actual < role:
        raise context.viewer.refusal()


def require_account_role(context: Context, role: AccountRole) -> int:
    """The viewer's account id. Raises unless the credential allows at least `role` on their own account."""
    account = context.viewer.require_account()
    actual = account_role(context.viewer, account.id)
    if actual is None or actual < role:
        raise context.viewer.refusal()
    return account.id


def visible_repositories(viewer: Viewer, *, include_public: bool, alias: str = "r") -> tuple[str, list[Any]]:
    """A condition on `repository` rows, with its values: those that the viewer may see.

    With `include_public` false, only those where the viewer has a grant.
    """
    public = f"{alias}.visibility = 'public'" if include_public else "1 = 0"
    if viewer.has_full_access:
        return "1 = 1", []
    if viewer.account is None or repository_cap(viewer.scopes) is None:
        return f"({public})", []
    account_id = viewer.account.id
    condition = f"""({public} OR {alias}.namespace_id = ? OR {alias}.id IN (
        SELECT p.repository_id FROM repository_permission p WHERE p.account_id = ?
        UNION ALL SELECT p.repository_id FROM repository_permission p
          JOIN team_member m ON m.team_id = p.team_id
          WHERE m.account_id = ?
      ) OR {alias}.namespace_id IN (
        SELECT t.organization_id FROM team t JOIN team_member m ON m.team_id = t.id
        WHERE t.role = 'admin' AND m.account_id = ?))"""
    return condition, [account_id, account_id, account_id, account_id]


__all__ = [
    "Grant",
    "RepositoryRef",
    "account_role",
    "namespace_role",
    "namespace_roles",
    "repository_grants",
    "repository_role",
    "repository_roles",
    "require_account_role",
    "require_namespace",
    "require_repository",
    "visible_repositories",
]
