"""Robots: accounts for machines, owned by a user or an organization."""

import uuid
from dataclasses import dataclass
from typing import Any

from resolvers import events
from resolvers.access.credentials import ROBOT_TOKEN_LENGTH, random_text
from resolvers.access.permissions import account_role
from resolvers.access.roles import AccountRole, TeamRole
from resolvers.access.viewer import AccountKind
from resolvers.account import AccountRecord, by_name
from resolvers.context import Context
from resolvers.errors import AlreadyExists, Invalid
from resolvers.names import check_namespace
from resolvers.namespace import require_namespace
from storage.clock import now_ms
from storage.database import IntegrityError
from storage.models import Account, Robot
from storage.transactions import transaction


@dataclass(frozen=True, slots=True)
class RobotRecord:
    """A robot with its token, as its owner sees it."""

    id: int
    name: str
    short_name: str
    owner_id: int
    description: str
    unstructured_metadata: dict[str, Any]
    token: str
    created_at_ms: int
    last_accessed_at_ms: int | None


async def _require_owner(context: Context, owner: str) -> AccountRecord:
    account = context.viewer.account
    if account is not None and account.name == owner and account.kind is AccountKind.USER:
        # One's own robots belong to the account, so that user:admin is what they take.
        if account_role(context.viewer, account.id) is not AccountRole.ADMIN:
            raise context.viewer.refusal()
        record = await by_name(owner, AccountKind.USER)
        assert record is not None
        return record
    return await require_namespace(context, owner, TeamRole.ADMIN)


async def create(
    context: Context,
    *,
    owner: str,
    short_name: str,
    description: str = "",
    unstructured_metadata: dict[str, Any] | None = None,
) -> RobotRecord:
    """Create a robot `owner+short_name`. Requires `user:admin` for one's own, else `org:admin`.

    Raises `Invalid` for a name against the rules, `AlreadyExists`.
    """
    record = await _require_owner(context, owner)
    check_namespace(short_name, field="shortName")
    if len(description) > 255:
        raise Invalid("A description has at most 255 characters.", field="description")
    name = f"{record.name}+{short_name}"
    token = random_text(ROBOT_TOKEN_LENGTH)
    try:
        async with transaction("robot.create"):
            account = await Account.create(
                uuid=str(uuid.uuid4()),
                kind=AccountKind.ROBOT.value,
                name=name,
                is_verified=True,
                tag_expiration_s=record.tag_expiration_s,
                created_at_ms=now_ms(),
            )
            await Robot.create(
                account_id=account.id,
                owner_id=record.id,
                token_encrypted=context.secrets.encrypt(token),
                description=description,
                unstructured_metadata=unstructured_metadata or {},
            )
            await events.record(
                context,
                "create_robot",
                {
                    "robot": short_name,
                    "description": description,
                    "unstructured_metadata": unstructured_metadata or {},
                },
                namespace_id=record.id,
            )
    except IntegrityError as error:
        raise AlreadyExists(f"Existing robot with name: {name}", field="shortName") from error
    return RobotRecord(
        account.id,
        name,
        short_name,
        record.id,
        description,
        unstructured_metadata or {},
        token,
        account.created_at_ms,
        None,
    )
