"""Namespaces: users and organizations as owners of repositories, robots and policies."""

from dataclasses import dataclass

from resolvers.access.needs import ADMINISTER_OWN_NAMESPACE, BE_MEMBER_OR_OWNER, Need
from resolvers.access.permissions import account_role, namespace_role, require_administrator
from resolvers.access.roles import TeamRole
from resolvers.access.viewer import AccountKind
from resolvers.accounts.account import AccountRecord, by_name
from resolvers.context import Context
from resolvers.errors import NotFound


@dataclass(frozen=True, slots=True)
class Owner:
    """The owner of a thing: either a namespace, or one repository by its path."""

    namespace: str | None = None
    repository: str | None = None


async def namespace(context: Context, name: str | None) -> AccountRecord | None:
    """A user or organization for its owner, members and administrators; without a name the viewer's own.

    Raises `Unauthenticated` or `Forbidden` for other viewers, whether it exists or not; returns None only to
    a viewer who sees all namespaces.
    """
    if name is None:
        name = context.viewer.require_account(BE_MEMBER_OR_OWNER).name
    record = await by_name(name, AccountKind.USER, AccountKind.ORGANIZATION)
    if record is None:
        if not context.viewer.sees_all:
            raise context.viewer.refusal(BE_MEMBER_OR_OWNER)
        return None
    # The scopes of the kind account suffice for the viewer's own namespace.
    is_own = account_role(context.viewer, record.id) is not None
    if not is_own and await namespace_role(context.viewer, record.id) is None:
        raise context.viewer.refusal(BE_MEMBER_OR_OWNER)
    return record


async def require_namespace(context: Context, name: str, role: TeamRole) -> AccountRecord:
    """A namespace where the viewer has at least `role`. Raises `Unauthenticated`, `Forbidden`, `NotFound`."""
    record = await by_name(name, AccountKind.USER, AccountKind.ORGANIZATION)
    if record is None:
        if context.viewer.has_full_access:
            raise NotFound
        raise context.viewer.refusal(Need(role))
    actual = await namespace_role(context.viewer, record.id)
    if actual is None or actual < role:
        raise context.viewer.refusal(Need(role))
    return record


async def require_administered(
    context: Context, name: str | None, *, field: str, need: Need = ADMINISTER_OWN_NAMESPACE
) -> AccountRecord:
    """A namespace that the viewer administers, or without a name the viewer's own.

    For the viewer's own, the scopes that the need names for it suffice. Raises `Unauthenticated`,
    `Forbidden`; to a viewer with full access `NotFound`, naming `field`.
    """
    if name is None:
        name = context.viewer.require_account(need).name
    record = await by_name(name, AccountKind.USER, AccountKind.ORGANIZATION)
    if record is None:
        if context.viewer.has_full_access:
            raise NotFound(f"Invalid namespace requested: {name[:255]}", field=field)
        raise context.viewer.refusal(need)
    await require_administrator(context, record.id, need)
    return record


async def require_organization(context: Context, name: str) -> AccountRecord:
    """An organization that the viewer administers. Raises as `require_namespace`.

    Raises `NotFound` for the viewer's own user namespace.
    """
    try:
        record = await require_namespace(context, name, TeamRole.ADMIN)
    except NotFound:
        record = None
    if record is None or record.kind is not AccountKind.ORGANIZATION:
        raise NotFound(f"There is no organization '{name[:255]}'.", field="organization")
    return record
