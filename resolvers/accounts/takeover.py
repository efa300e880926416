"""Taking over a namespace: a superuser comes to administer it, such as when its owners are gone."""

from typing import Final

from resolvers import events
from resolvers.access.epochs import Cause, bump
from resolvers.access.roles import TeamRole
from resolvers.access.viewer import AccountKind
from resolvers.accounts import team, user
from resolvers.accounts.account import (
    AccountRecord,
    by_ids,
    by_name,
    is_read_only_superuser,
    is_superuser,
)
from resolvers.context import Context
from resolvers.errors import Forbidden, NotFound
from storage.clock import now_ms
from storage.models.team import Team
from storage.statements import execute, fetch_one
from storage.transactions import lock_and_read, transaction

PERSONAL: Final = {
    "access_token": ("account_id",),
    "app_token": ("account_id",),
    "authorization_code": ("account_id",),
    "context_file": ("account_id",),
    "email_code": ("account_id",),
    "inbox_dismissal": ("account_id",),
    "inbox_notice": ("account_id",),
    "permission_prototype": ("activating_account_id", "delegate_account_id"),
    "plan": ("account_id",),
    "repository_permission": ("account_id",),
    "session": ("account_id",),
    "star": ("account_id",),
    "team_invite": ("account_id",),
    "team_member": ("account_id",),
    "token_assignment": ("account_id",),
}
"""The tables of what a user has as a person, which ends with the user, with the columns that name them.

Uploads under way end as all do that nobody goes on with."""


async def take(context: Context, namespace: str) -> AccountRecord:
    """Make the viewer, a superuser with a fresh login, an administrator of a namespace; it is returned.

    In an organization the viewer joins its administrators. The namespace of a user becomes an organization
    of the viewer, with all that it has, and the user ends as a person. Raises `Unauthenticated`, `Forbidden`
    also for the namespace of a superuser, `NotFound`, and `Invalid` if an organization would lose its last
    administrator.
    """
    viewer = context.viewer
    viewer.require_superuser()
    viewer.require_fresh()
    own = viewer.require_account()
    record = await by_name(namespace, AccountKind.USER, AccountKind.ORGANIZATION)
    if record is None:
        raise NotFound(f"There is no namespace '{namespace[:255]}'.", field="namespace")
    _require_ordinary(context, record)
    was_user = record.kind is AccountKind.USER
    async with transaction("namespace.take_ownership"):
        administered = await user.lock_administered(record.id) if was_user else []
        row = await lock_and_read("account", record.id, "kind", "deleted_at_ms")
        if row is None or row["deleted_at_ms"] is not None or row["kind"] != record.kind:
            raise NotFound(f"There is no namespace '{namespace[:255]}'.", field="namespace")
        # The right may have been given since.
        record = (await by_ids([record.id]))[record.id]
        _require_ordinary(context, record)
        if was_user:
            await _convert(record)
            await user.require_administrators(context, administered, field="namespace")
        await team.insert_member(await _administrators(record.id), own.id)
        await events.record(
            context,
            "take_ownership",
            {
                "entity_id": record.uuid,
                "namespace": record.name,
                "was_user": was_user,
                "superuser": own.name,
            },
            namespace_id=record.id,
        )
    return (await by_ids([record.id]))[record.id]


def _require_ordinary(context: Context, record: AccountRecord) -> None:
    if is_superuser(context, record) or is_read_only_superuser(context, record):
        raise Forbidden("The namespace of a superuser cannot be taken by another.")


async def _convert(record: AccountRecord) -> None:
    """Make a user an organization, in the open transaction, which has locked the row."""
    for table, columns in PERSONAL.items():
        for column in columns:
            await execute(f"DELETE FROM {table} WHERE {column} = ?", record.id)
    await execute(
        "UPDATE account SET kind = 'organization', password_hash = NULL, email_key = NULL, is_enabled = ?,"
        " is_superuser = ?, given_name = NULL, family_name = NULL, company = NULL, location = NULL,"
        f" last_accessed_at_ms = NULL, {bump(Cause.BECAME_ORGANIZATION)} WHERE id = ?",
        True,
        False,
        record.id,
    )


async def _administrators(organization_id: int) -> int:
    """The team of an organization that its new administrator joins: the owners, if they administer it."""
    found = await fetch_one(
        "SELECT id FROM team WHERE organization_id = ? AND role = 'admin' ORDER BY name <> ?, id LIMIT 1",
        organization_id,
        team.OWNERS,
    )
    if found is None:
        made = await Team.create(
            organization_id=organization_id,
            name=team.OWNERS,
            role=TeamRole.ADMIN.value,
            created_at_ms=now_ms(),
        )
        return int(made.id)
    return int(found["id"])
