"""Namespaces: what users and organizations have in common as owners."""

from dataclasses import dataclass

from resolvers.access.permissions import account_role, namespace_role
from resolvers.access.roles import AccountRole, TeamRole
from resolvers.access.viewer import AccountKind
from resolvers.accounts.account import AccountRecord, by_name
from resolvers.context import Context
from resolvers.errors import NotFound


@dataclass(frozen=True, slots=True)
class Owner:
    """Whose something is: a namespace's as a whole, or one repository's, given by its path. One of both."""

    namespace: str | None = None
    repository: str | None = None


async def namespace(context: Context, name: str | None) -> AccountRecord | None:
    """The owner's view of a user or organization, or without a name the viewer's own.

    For the owner, and for members and administrators. Outsiders are refused whether it exists or not; None
    only to those who would see every one.
    """
    if name is None:
        name = context.viewer.require_account().name
    record = await by_name(name, AccountKind.USER, AccountKind.ORGANIZATION)
    if record is None:
        if not context.viewer.has_full_access:
            raise context.viewer.refusal()
        return None
    # Of the own namespace, what belongs to the account is seen by the scopes for the account.
    is_own = account_role(context.viewer, record.id) is not None
    if not is_own and await namespace_role(context.viewer, record.id) is None:
        raise context.viewer.refusal()
    return record


async def require_namespace(context: Context, name: str, role: TeamRole) -> AccountRecord:
    """A namespace where the viewer has at least `role`. Raises `Unauthenticated`, `Forbidden`, `NotFound`."""
    record = await by_name(name, AccountKind.USER, AccountKind.ORGANIZATION)
    if record is None:
        if context.viewer.has_full_access:
            raise NotFound
        raise context.viewer.refusal()
    actual = await namespace_role(context.viewer, record.id)
    if actual is None or actual < role:
        raise context.viewer.refusal()
    return record


async def require_administered(context: Context, name: str | None, *, field: str) -> AccountRecord:
    """A namespace that the viewer administers, or without a name the viewer's own.

    One's own belongs to the account as well, so that `user:admin` alone is enough for it. Raises
    `Unauthenticated`, `Forbidden`, and `NotFound` with the field to those who would see every namespace.
    """
    if name is None:
        name = context.viewer.require_account().name
    record = await by_name(name, AccountKind.USER, AccountKind.ORGANIZATION)
    if record is None:
        if context.viewer.has_full_access:
            raise NotFound(f"Invalid namespace requested: {name[:255]}", field=field)
        raise context.viewer.refusal()
    is_own = account_role(context.viewer, record.id) is AccountRole.ADMIN
    if not is_own and await namespace_role(context.viewer, record.id) is not TeamRole.ADMIN:
        raise context.viewer.refusal()
    return record


async def require_organization(context: Context, name: str) -> AccountRecord:
    """An organization that the viewer administers. Raises as `require_namespace`.

    A user's own namespace lets its owner pass, and is then no organization: `NotFound`.
    """
    try:
        record = await require_namespace(context, name, TeamRole.ADMIN)
    except NotFound:
        record = None
    if record is None or record.kind is not AccountKind.ORGANIZATION:
        raise NotFound(f"There is no organization '{name[:255]}'.", field="organization")
    return record
