"""Robots: accounts for machines, owned by a user or an organization.

The user, or the administrators of the organization, administer the robots. Other members of an organization
can list its robots, but see neither tokens nor permissions.
"""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from resolvers import events
from resolvers.access.credentials import ROBOT_TOKEN_LENGTH, random_text
from resolvers.access.epochs import Cause, bump_account
from resolvers.access.needs import ADMINISTER_ROBOTS, SEE_ROBOTS
from resolvers.access.permissions import administers_own, namespace_roles
from resolvers.access.roles import TeamRole
from resolvers.access.viewer import AccountKind, Viewer
from resolvers.accounts.account import AccountRecord, by_ids
from resolvers.accounts.namespace import require_administered
from resolvers.accounts.renaming import require_same_name
from resolvers.context import Context
from resolvers.errors import AlreadyExists, Invalid, NotFound
from resolvers.names import check_namespace
from resolvers.nesting import check_json
from resolvers.pages import Page, Query, Slice, Term, paginate
from storage.clock import now_ms
from storage.database import IntegrityError
from storage.models.account import Account, Robot
from storage.secrets import Secrets
from storage.statements import Row, decode_json, execute, fetch, fetch_one, placeholders
from storage.transactions import lock_and_read, transaction

DESCRIPTION_LENGTH = 255
METADATA_BYTES = 65_536
NAME_LENGTH = 255


@dataclass(frozen=True, slots=True)
class RobotRecord:
    """A robot with its token; the caller decides who may see the token."""

    account: AccountRecord
    owner_id: int
    description: str
    unstructured_metadata: dict[str, Any]
    token_encrypted: str = field(repr=False)
    secrets: Secrets = field(repr=False, compare=False)

    @property
    def id(self) -> int:
        """The id of the robot's account."""
        return self.account.id

    @property
    def name(self) -> str:
        """The full name, `owner+short_name`, which is its user name."""
        return self.account.name

    @property
    def short_name(self) -> str:
        """The name within its namespace."""
        return self.account.name.partition("+")[2]

    @property
    def token(self) -> str:
        """The token, which is its password. Decrypted lazily, since lists seldom show it."""
        return self.secrets.decrypt(self.token_encrypted)


class RobotOrder(StrEnum):
    """The order of a list of robots."""

    NAME = "name"
    LAST_ACCESSED_AT = "last_accessed_at"
    UNUSED_FIRST = "unused_first"


_ORDERS: dict[RobotOrder, tuple[Term, ...]] = {
    RobotOrder.NAME: (Term("a.name", "name", kind=str),),
    # Robots that were never used come last.
    RobotOrder.LAST_ACCESSED_AT: (
        Term("COALESCE(a.last_accessed_at_ms, 0)", "used_at_ms", descending=True),
        Term("a.id", "id"),
    ),
    RobotOrder.UNUSED_FIRST: (Term("COALESCE(a.last_accessed_at_ms, 0)", "used_at_ms"), Term("a.id", "id")),
}


async def owner_roles(viewer: Viewer, owner_ids: Sequence[int]) -> dict[int, TeamRole | None]:
    """The viewer's role over the robots of each namespace, None for outsiders; at most one statement.

    For the viewer's own robots, `user:admin` suffices.
    """
    roles = await namespace_roles(viewer, owner_ids)
    own = viewer.account.id if viewer.account else None
    if own in roles and administers_own(viewer, own):
        roles[own] = TeamRole.ADMIN
    return roles


async def owner_role(viewer: Viewer, owner_id: int) -> TeamRole | None:
    """The viewer's role over the robots of a namespace."""
    return (await owner_roles(viewer, [owner_id]))[owner_id]


async def require_owner_to_write(context: Context, owner: str | None) -> AccountRecord:
    """The namespace whose robots the viewer administers: the one of this name, or the viewer's own.

    Restricted users have no robots of their own. Raises as `require_administered`.
    """
    record = await require_administered(context, owner, field="owner")
    if record.id == context.account_id and context.site.has("RESTRICTED_USERS"):
        context.viewer.require_superuser()
    return record


_COLUMNS = "r.account_id AS id, r.owner_id, r.description, r.unstructured_metadata, r.token_encrypted"


async def _records(context: Context, rows: Sequence[Row]) -> dict[int, RobotRecord]:
    """Robots from their rows; a second statement reads their accounts."""
    accounts = await by_ids([row["id"] for row in rows])
    return {
        row["id"]: RobotRecord(
            accounts[row["id"]],
            row["owner_id"],
            row["description"],
            decode_json(row["unstructured_metadata"]),
            row["token_encrypted"],
            context.secrets,
        )
        for row in rows
        if row["id"] in accounts
    }


async def by_account_ids(context: Context, ids: Sequence[int]) -> dict[int, RobotRecord]:
    """Robots by the ids of their accounts, in two statements; the caller has checked permissions."""
    if not ids:
        return {}
    rows = await fetch(f"SELECT {_COLUMNS} FROM robot r WHERE r.account_id IN ({placeholders(ids)})", *ids)
    return await _records(context, rows)


async def robots(
    context: Context, owner: AccountRecord, page: Page, *, order: RobotOrder = RobotOrder.NAME
) -> Slice[RobotRecord]:
    """The robots of a namespace, for its owner and its members. Raises `Unauthenticated`, `Forbidden`."""
    if await owner_role(context.viewer, owner.id) is None:
        raise context.viewer.refusal(SEE_ROBOTS)
    rows = await paginate(
        Query(
            f"{_COLUMNS}, a.name AS name, COALESCE(a.last_accessed_at_ms, 0) AS used_at_ms",
            "robot r JOIN account a ON a.id = r.account_id",
            _ORDERS[order],
            ("r.owner_id = ?",),
            (owner.id,),
        ),
        page,
        maximum=context.max_first,
    )
    records = await _records(context, rows.items)
    return rows.of(lambda row: records[row["id"]])


async def robot(context: Context, owner: AccountRecord, short_name: str) -> RobotRecord | None:
    """A robot of a namespace, or None. For its administrators. Raises `Unauthenticated`, `Forbidden`."""
    if await owner_role(context.viewer.looking, owner.id) is not TeamRole.ADMIN:
        raise context.viewer.refusal(ADMINISTER_ROBOTS)
    return await _find(context, owner, short_name)


async def _find(context: Context, owner: AccountRecord, short_name: str) -> RobotRecord | None:
    row = await fetch_one(
        f"SELECT {_COLUMNS} FROM robot r JOIN account a ON a.id = r.account_id"
        " WHERE a.name = ? AND r.owner_id = ?",
        f"{owner.name}+{short_name}",
        owner.id,
    )
    return (await _records(context, [row]))[row["id"]] if row else None


async def require_robot(context: Context, owner: AccountRecord, short_name: str) -> RobotRecord:
    """A robot of a namespace; the caller has checked permissions. Raises `NotFound`."""
    record = await _find(context, owner, short_name)
    if record is None:
        # Clients compare this text.
        raise NotFound("Could not find robot with specified username", field="shortName")
    return record


async def create(
    context: Context,
    *,
    owner: str | None,
    short_name: str,
    description: str = "",
    unstructured_metadata: dict[str, Any] | None = None,
) -> RobotRecord:
    """Create a robot `owner+short_name`; without an owner it is the viewer's own.

    Requires `user:admin` for the viewer's own, else `org:admin`. Raises `Invalid`, `AlreadyExists`.
    """
    record = await require_owner_to_write(context, owner)
    name = f"{record.name}+{check_namespace(short_name, field='shortName')}"
    if len(name) > NAME_LENGTH:
        raise Invalid(
            f"short name: must have at most {NAME_LENGTH} characters together with the owner's name.",
            field="shortName",
        )
    if len(description) > DESCRIPTION_LENGTH:
        raise Invalid(f"description: must have at most {DESCRIPTION_LENGTH} characters.", field="description")
    metadata = unstructured_metadata or {}
    check_json(metadata, "unstructured_metadata", most_bytes=METADATA_BYTES)
    try:
        async with transaction("robot.create"):
            await require_same_name(record)
            row = await Account.create(
                uuid=str(uuid.uuid4()),
                kind=AccountKind.ROBOT.value,
                name=name,
                is_verified=True,
                tag_expiration_s=record.tag_expiration_s,
                created_at_ms=now_ms(),
            )
            await Robot.create(
                account_id=row.id,
                owner_id=record.id,
                token_encrypted=context.secrets.encrypt(random_text(ROBOT_TOKEN_LENGTH)),
                description=description,
                unstructured_metadata=metadata,
            )
            await events.record(
                context,
                "create_robot",
                {"robot": short_name, "description": description, "unstructured_metadata": metadata},
                namespace_id=record.id,
            )
    except IntegrityError as error:
        raise AlreadyExists(f"Existing robot with name: {name}", field="shortName") from error
    return await require_robot(context, record, short_name)


async def regenerate_token(context: Context, *, owner: str | None, short_name: str) -> RobotRecord:
    """Replace the token of a robot. The old token and its registry tokens become invalid at once.

    Requires what creating it requires. Raises `NotFound`.
    """
    namespace = await require_owner_to_write(context, owner)
    record = await require_robot(context, namespace, short_name)
    encrypted = context.secrets.encrypt(random_text(ROBOT_TOKEN_LENGTH))
    async with transaction("robot.regenerate_token"):
        await end_tokens(record)
        await execute("UPDATE robot SET token_encrypted = ? WHERE account_id = ?", encrypted, record.id)
        await events.record(
            context, "regenerate_robot_token", {"robot": short_name}, namespace_id=namespace.id
        )
        return await require_robot(context, namespace, short_name)


async def lock(record: RobotRecord) -> None:
    """Lock the account of a robot until the transaction ends.

    Raises `NotFound` if the robot was deleted concurrently.
    """
    if await lock_and_read("account", record.id, "id") is None:
        raise _not_found()


async def end_tokens(record: RobotRecord) -> None:
    """Invalidate the registry tokens of a robot, and lock its account until the transaction ends.

    Raises `NotFound` if the robot was deleted concurrently.
    """
    if not await bump_account(record.id, Cause.ROBOT_TOKEN_REPLACED):
        raise _not_found()


def _not_found() -> NotFound:
    return NotFound("Could not find robot with specified username", field="shortName")


async def delete(context: Context, *, owner: str | None, short_name: str) -> RobotRecord:
    """Delete a robot with its permissions, team memberships and federation; its events remain.

    Requires what creating it requires. Raises `NotFound`.
    """
    namespace = await require_owner_to_write(context, owner)
    record = await require_robot(context, namespace, short_name)
    async with transaction("robot.delete"):
        # ON DELETE CASCADE removes the rows that refer to the account.
        if not await execute("DELETE FROM account WHERE id = ?", record.id):
            raise _not_found()
        await events.record(context, "delete_robot", {"robot": short_name}, namespace_id=namespace.id)
    return record
