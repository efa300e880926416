"""Registry tokens of `/v2`: the grant that one carries, and the viewer behind it.

The token service calls `registry_grant`; a request that needs more than its token calls `viewer_of`.
"""

from collections.abc import Collection
from dataclasses import dataclass, replace

from resolvers.access.credentials import viewer_for
from resolvers.access.permissions import RepositoryRef, repository_role
from resolvers.access.registry_tokens import (
    ALL,
    ANONYMOUS_SUBJECT,
    PULL,
    PUSH,
    RegistryGrant,
    RepositoryGrant,
)
from resolvers.access.roles import RepositoryRole
from resolvers.access.scopes import DIRECT, parse_scopes, repository_cap
from resolvers.access.viewer import ANONYMOUS, AccountKind, Credential, Viewer
from resolvers.context import Context, Site
from resolvers.errors import AlreadyExists, Forbidden, InvalidCredentials, QuaysideError
from resolvers.names import split_path
from resolvers.readonly import ReadOnly, suspended_when_on
from resolvers.repositories.repository import Visibility, allows_name, create, is_restricted, may_create
from storage.clock import now_ms
from storage.conditions import can_act, exists
from storage.statements import Row, fetch_one

ACTIONS_BY_ROLE: dict[RepositoryRole, frozenset[str]] = {
    RepositoryRole.READ: frozenset({PULL}),
    RepositoryRole.WRITE: frozenset({PULL, PUSH}),
    RepositoryRole.ADMIN: frozenset({PULL, PUSH, ALL}),
}

NO_GRANT = RepositoryGrant(0, 0, 0, frozenset())


class NamespaceDisabled(Forbidden):
    """The namespace of a repository is disabled; nobody gets a grant there."""

    default = "The namespace is disabled."


@dataclass(frozen=True, slots=True)
class RequestedScope:
    """The actions that a client requests on the repository with the path `name`."""

    name: str
    actions: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RequestedScopes:
    """All that a client requests for one token; `has_catalog` for the list of repositories."""

    repositories: tuple[RequestedScope, ...] = ()
    has_catalog: bool = False


async def registry_grant(context: Context, scopes: RequestedScopes) -> RegistryGrant:
    """The grant of a viewer: the requested actions that their roles allow. Fewer than requested is no error.

    A request to push creates a missing repository, private, where the viewer may create repositories. The
    catalog is for accounts, and for everybody with PUBLIC_CATALOG. Raises `NamespaceDisabled`, or what keeps
    a repository from being created, if nothing else was requested.
    """
    account, credential = context.viewer.account, context.viewer.credential
    repositories: dict[str, RepositoryGrant] = {}
    errors: list[QuaysideError] = []
    for scope in scopes.repositories:
        try:
            repositories[scope.name] = await _repository_grant(context, scope)
        except QuaysideError as error:
            repositories[scope.name] = NO_GRANT
            errors.append(error)
    if errors and len(errors) == len(repositories) and not scopes.has_catalog:
        raise errors[0]
    may_list = account is not None or context.site.has("PUBLIC_CATALOG")
    return RegistryGrant(
        subject=account.name if account else ANONYMOUS_SUBJECT,
        account_id=account.id if account else 0,
        account_epoch=account.auth_epoch if account else 0,
        credential_kind=credential.kind,
        credential_id=credential.id,
        repositories=repositories,
        has_catalog=scopes.has_catalog and may_list,
    )


async def _repository_grant(context: Context, scope: RequestedScope) -> RepositoryGrant:
    place = await _place(scope.name)
    if place is None:
        return NO_GRANT
    if not place["is_enabled"]:
        raise NamespaceDisabled
    can_be_made = _can_be_made(context, place, scope.name)
    # A pull makes the repositories of a cache, whose pushes are refused.
    is_cache = place["cache_id"] is not None and context.site.has("PROXY_CACHE")
    if place["repository_id"] is None and PUSH in scope.actions and can_be_made and not is_cache:
        await _create_if_allowed(context, scope.name, place["namespace_id"])
        place = await _place(scope.name) or place
    # The epochs are read before the rights, so that after a change in between they are judged again.
    namespace_id, repository_id = place["namespace_id"], place["repository_id"]
    if repository_id is None:
        role = await _role_if_created(context.viewer, namespace_id)
        if role is not None and not can_be_made:
            # Who would see it may know that it is absent; a push is refused.
            role = RepositoryRole.READ
    else:
        is_public = place["visibility"] == Visibility.PUBLIC.value
        role = await repository_role(context.viewer, RepositoryRef(repository_id, namespace_id, is_public))
    return RepositoryGrant(
        repository_id or 0,
        place["repository_epoch"] or 0,
        place["namespace_epoch"],
        _actions(scope.actions, role),
    )


def _can_be_made(context: Context, place: Row, path: str) -> bool:
    """Whether flags, and a mirror of the organization, let the viewer create it, given the role."""
    kind = AccountKind(place["kind"])
    return (
        not place["is_mirror"]
        and not is_restricted(context, kind)
        and allows_name(context, split_path(path)[1])
    )


async def may_know_absent(viewer: Viewer, path: str) -> bool:
    """Whether a viewer may learn that there is no repository at a path: whoever would see it if it were made.

    That is by somebody else, or by the viewer, where the viewer may create repositories.
    """
    place = await _place(path)
    if place is None or not place["is_enabled"]:
        return False
    return await _role_if_created(viewer, place["namespace_id"]) is not None


async def _role_if_created(viewer: Viewer, namespace_id: int) -> RepositoryRole | None:
    """The role of a viewer on a private repository that is not there yet, as its creator if they may be."""
    role = await repository_role(viewer, RepositoryRef(0, namespace_id, is_public=False))
    if role is None and await may_create(viewer, namespace_id):
        return repository_cap(viewer.scopes)
    return role


def _actions(asked: Collection[str], role: RepositoryRole | None) -> frozenset[str]:
    """The requested actions that the role allows; `*` below the role admin means all that the role allows."""
    had = ACTIONS_BY_ROLE[role] if role else frozenset()
    return had if ALL in asked and ALL not in had else had.intersection(asked)


def narrowed(own: RepositoryGrant, role: RepositoryRole | None) -> RepositoryGrant:
    """What is left of a grant for a viewer who has the role now."""
    return replace(own, actions=_actions(own.actions, role))


async def _place(path: str) -> Row | None:
    """The namespace of a path and its repository, if any, with the auth epochs of both."""
    namespace, name = split_path(path)
    return await fetch_one(
        "SELECT n.id AS namespace_id, n.auth_epoch AS namespace_epoch, n.kind, n.is_enabled,"
        " (SELECT c.id FROM proxy_cache c WHERE c.organization_id = n.id) AS cache_id,"
        " EXISTS (SELECT 1 FROM organization_mirror o WHERE o.organization_id = n.id) AS is_mirror,"
        " r.id AS repository_id,"
        " r.auth_epoch AS repository_epoch, r.visibility FROM account n LEFT JOIN repository r"
        f" ON r.namespace_id = n.id AND r.name = ? AND {exists('r')}"
        f" WHERE n.name = ? AND n.kind <> 'robot' AND {exists('n')}",
        name,
        namespace,
    )


async def may_create_at(context: Context, path: str) -> bool:
    """Whether the viewer may create a repository at a path, as far as the flags let them."""
    place = await _place(path)
    if place is None or not place["is_enabled"] or not _can_be_made(context, place, path):
        return False
    return await may_create(context.viewer, place["namespace_id"])


async def is_there(path: str) -> bool:
    """Whether there is a repository at a path."""
    place = await _place(path)
    return place is not None and place["repository_id"] is not None


async def is_cached(site: Site, path: str) -> bool:
    """Whether the namespace of a path is a pull-through cache."""
    place = await _place(path)
    return place is not None and place["cache_id"] is not None and site.has("PROXY_CACHE")


async def create_if_allowed(context: Context, path: str) -> None:
    """Create a private repository at a path if the viewer may, unless somebody has done so."""
    place = await _place(path)
    if place is not None and place["repository_id"] is None:
        await _create_if_allowed(context, path, place["namespace_id"])


async def _create_if_allowed(context: Context, path: str, namespace_id: int) -> None:
    if not await may_create(context.viewer, namespace_id):
        return
    namespace, name = split_path(path)
    try:
        with suspended_when_on():
            await create(context, namespace=namespace, name=name, visibility=Visibility.PRIVATE)
    except AlreadyExists:
        # A concurrent push created it; the caller reads it and decides on its rights.
        return
    except ReadOnly:
        # A token is issued all the same; the push says why it is refused.
        return


async def viewer_of(grant: RegistryGrant, site: Site) -> Viewer:
    """The current viewer of a token.

    Raises `InvalidCredentials` if its account or credential was disabled, removed or changed (auth epoch).
    """
    if not grant.account_id:
        return ANONYMOUS
    row = await fetch_one(
        "SELECT a.id, a.name, a.kind, a.auth_epoch, a.is_superuser FROM account a"
        f" WHERE a.id = ? AND a.auth_epoch = ? AND {can_act('a')}",
        grant.account_id,
        grant.account_epoch,
    )
    if row is None:
        raise InvalidCredentials
    if grant.credential_kind is None:
        return viewer_for(row, DIRECT, site)
    scopes = "t.scopes" if grant.credential_kind == "access_token" else "NULL AS scopes"
    token = await fetch_one(
        f"SELECT {scopes} FROM {grant.credential_kind} t WHERE t.id = ? AND t.account_id = ?"
        " AND (t.expires_at_ms IS NULL OR t.expires_at_ms > ?)",
        grant.credential_id,
        grant.account_id,
        now_ms(),
    )
    if token is None:
        raise InvalidCredentials
    return viewer_for(
        row,
        parse_scopes(token["scopes"]) if token["scopes"] else DIRECT,
        site,
        Credential(grant.credential_kind, grant.credential_id),
    )
