"""Invitations into teams: of a user, or of an e-mail address.

Only the invited user can accept an invitation of a user, by its id or by the code in the mail. An invitation
of an address is accepted by the code, which proves that its holder reads mail there; the account may have
another address. A code is random, valid once, and stored as a hash.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from resolvers import events, mail
from resolvers.access import limits
from resolvers.access.attempts import refuse_code
from resolvers.access.credentials import hash_secret, random_text
from resolvers.access.needs import ADMINISTER_ACCOUNT
from resolvers.access.permissions import require_account_role
from resolvers.access.roles import AccountRole
from resolvers.access.viewer import AccountKind, ViewerAccount
from resolvers.accounts import team
from resolvers.accounts.account import AccountRecord
from resolvers.accounts.namespace import require_organization
from resolvers.accounts.team import TeamRecord
from resolvers.columns import Columns
from resolvers.context import Context
from resolvers.errors import Invalid, NotFound
from resolvers.inbox import notice
from resolvers.inbox.notice import NoticeKind, Target
from resolvers.names import check_email
from resolvers.pages import Page, Query, Slice, Term, paginate
from storage.clock import is_recent, now_ms
from storage.conditions import exists
from storage.models.team import TeamInvite
from storage.statements import execute, fetch_one
from storage.transactions import transaction

CODE_LENGTH = 48
RESEND_AFTER_MS = 60_000
"""Rate limit: an invitation repeated sooner than this sends no mail."""


@dataclass(frozen=True, slots=True)
class InviteRecord:
    """An open invitation of either `account_id` or `email`."""

    id: int
    team_id: int
    team_name: str
    organization_id: int
    organization_name: str
    account_id: int | None
    email: str | None
    inviter_id: int | None
    inviter_name: str | None
    created_at_ms: int


_COLUMNS = Columns(
    InviteRecord,
    "i",
    team_name="t.name",
    organization_id="t.organization_id",
    organization_name="o.name",
    inviter_name="n.name",
)
_SOURCE = (
    "team_invite i JOIN team t ON t.id = i.team_id JOIN account o ON o.id = t.organization_id"
    " LEFT JOIN account n ON n.id = i.inviter_id"
)
_ALIVE = exists("o")


async def of_viewer(context: Context, page: Page) -> Slice[InviteRecord]:
    """The invitations of the viewer's account, oldest first. Requires `user:read`."""
    account_id = require_account_role(context, AccountRole.READ)
    query = Query(_COLUMNS.sql, _SOURCE, (Term("i.id", "id"),), ("i.account_id = ?", _ALIVE), (account_id,))
    return (await paginate(query, page, maximum=context.max_first)).of(_COLUMNS.record)


async def by_id(context: Context, invite_id: int) -> InviteRecord | None:
    """An invitation of the viewer's account by its row id; None for any other. Requires `user:read`."""
    account_id = require_account_role(context, AccountRole.READ)
    row = await fetch_one(
        f"SELECT {_COLUMNS} FROM {_SOURCE} WHERE i.id = ? AND i.account_id = ? AND {_ALIVE}",
        invite_id,
        account_id,
    )
    return _COLUMNS.record(row) if row else None


async def create(context: Context, organization: str, team_name: str, email: str) -> InviteRecord:
    """Invite an e-mail address into a team. Requires `org:admin`. Raises `NotFound`, `Invalid`."""
    owner = await require_organization(context, organization)
    if not context.site.has("MAILING"):
        raise Invalid(
            "email: invitations by mail need the feature MAILING, which is off here; invite a user.",
            field="email",
        )
    async with team.locked("team_invite.create", owner):
        record = team.require_found(await team.find(owner.id, team_name), owner, team_name)
        return await invite(context, owner, record, email=check_email(email))


async def invite(
    context: Context,
    owner: AccountRecord,
    record: TeamRecord,
    *,
    account: AccountRecord | None = None,
    email: str | None = None,
) -> InviteRecord:
    """Invite an account or an address, in the open transaction. Repeating it replaces the code.

    Raises `TooMany` mails.
    """
    column, invited = ("account_id", account.id) if account else ("email", email)
    existing = await fetch_one(
        f"SELECT {_COLUMNS} FROM {_SOURCE} WHERE i.team_id = ? AND i.{column} = ?", record.id, invited
    )
    now = now_ms()
    if existing is not None:
        if is_recent(existing["created_at_ms"], now, RESEND_AFTER_MS):
            return _COLUMNS.record(existing)
        await execute("DELETE FROM team_invite WHERE id = ?", existing["id"])
    code = random_text(CODE_LENGTH, mixed_case=True)
    made = await TeamInvite.create(
        team_id=record.id,
        inviter_id=context.account_id,
        code_hash=hash_secret(code),
        created_at_ms=now,
        account_id=account.id if account else None,
        email=email,
    )
    member = account.name if account else email
    await events.record(
        context,
        "org_invite_team_member",
        {"user" if account else "email": member, "member": member, "team": record.name},
        namespace_id=owner.id,
    )
    found = await fetch_one(f"SELECT {_COLUMNS} FROM {_SOURCE} WHERE i.id = ?", made.id)
    assert found is not None
    if account:
        # The code is of use to the invited account alone, so it may stand in what it is told.
        told = {"org": owner.name, "team": record.name, "inviter": found["inviter_name"], "code": code}
        await notice.put(NoticeKind.ORG_TEAM_INVITE, told, Target(account_id=account.id), invite_id=made.id)
    await _send(context, owner, _COLUMNS.record(found), code, account.email if account else email)
    return _COLUMNS.record(found)


async def _send(
    context: Context, owner: AccountRecord, record: InviteRecord, code: str, recipient: str | None
) -> None:
    if recipient is None or not context.site.has("MAILING"):
        return
    await limits.count_mail(context, recipient)
    inviter = record.inviter_name or "An administrator"
    await mail.send(
        recipient,
        f"{inviter} invites you to {owner.name}",
        f"{inviter} invites you to join the team {record.team_name} of the organization {owner.name}\n"
        f"on {context.site.registry_host}.\n\n"
        "To accept, open this page and sign in:\n\n"
        f"{context.site.public_url}/confirminvite?code={code}\n\n"
        f"The code of the invitation is {code}. It works once.\n"
        "If you do nothing, nothing happens.\n",
    )


async def delete(context: Context, organization: str, team_name: str, email: str) -> InviteRecord:
    """Withdraw the invitation of an address; returns it. Requires `org:admin`. Raises `NotFound`."""
    owner = await require_organization(context, organization)
    async with team.locked("team_invite.delete", owner):
        record = team.require_found(await team.find(owner.id, team_name), owner, team_name)
        found = await fetch_one(
            f"SELECT {_COLUMNS} FROM {_SOURCE} WHERE i.team_id = ? AND i.email = ?", record.id, email
        )
        if found is None or not await execute("DELETE FROM team_invite WHERE id = ?", found["id"]):
            raise NotFound(f"There is no invitation of '{email[:255]}'.", field="email")
        await events.record(
            context,
            "org_delete_team_member_invite",
            {"email": email, "team": team_name, "member": email},
            namespace_id=owner.id,
        )
    return _COLUMNS.record(found)


@dataclass(frozen=True, slots=True)
class InviteReference:
    """Selects an invitation: by its id, if it is for the viewer's account, or by the code in the mail."""

    id: int | None = None
    code: str | None = None


async def by_code(context: Context, code: str) -> InviteRecord:
    """The invitation with this code, which stays open. Requires and raises as `accept`."""
    async with _counting(context, code):
        return await _find(_require_user(context).id, InviteReference(code=code))


@asynccontextmanager
async def _counting(context: Context, code: str | None) -> AsyncIterator[None]:
    """Count a code that is none, like a wrong password, once nothing is open that could undo it."""
    try:
        yield
    except NotFound:
        if code is not None:
            await refuse_code(code, ip=context.ip, secrets=context.secrets)
        raise


async def accept(context: Context, reference: InviteReference) -> TeamRecord:
    """Join the team that the viewer was invited to. Requires `user:admin`.

    Raises `NotFound` for an unknown or used invitation, `TooMany` after several wrong codes, `Invalid` for
    one of another user.
    """
    context.viewer.require_change()
    record = await _redeem(context, reference, "org_team_member_invite_accepted")
    return (await team.by_ids([record.team_id]))[record.team_id]


async def decline(context: Context, reference: InviteReference) -> InviteRecord:
    """Decline an invitation: delete it. Requires and raises as `accept`."""
    return await _redeem(context, reference, "org_team_member_invite_declined")


async def _redeem(context: Context, reference: InviteReference, kind: str) -> InviteRecord:
    viewer = _require_user(context)
    async with _counting(context, reference.code), transaction("team_invite.redeem"):
        record = await _find(viewer.id, reference)
        # Of two concurrent uses of a code, only one finds a row to delete.
        if not await execute("DELETE FROM team_invite WHERE id = ?", record.id):
            raise NotFound("The invitation has been used.", field="invite")
        if kind == "org_team_member_invite_accepted":
            await team.insert_member(record.team_id, viewer.id)
        await events.record(
            context,
            kind,
            {"member": viewer.name, "team": record.team_name, "inviter": record.inviter_name},
            namespace_id=record.organization_id,
        )
    return record


def _require_user(context: Context) -> ViewerAccount:
    require_account_role(context, AccountRole.ADMIN)
    viewer = context.viewer.require_account()
    if viewer.kind is not AccountKind.USER:
        raise context.viewer.refusal(ADMINISTER_ACCOUNT)
    return viewer


async def _find(account_id: int, reference: InviteReference) -> InviteRecord:
    condition, value = (
        ("i.code_hash = ?", hash_secret(reference.code))
        if reference.code is not None
        else ("i.id = ?", reference.id or 0)
    )
    row = await fetch_one(f"SELECT {_COLUMNS} FROM {_SOURCE} WHERE {condition} AND {_ALIVE}", value)
    # An id is not secret, so an id of another account is not found; a holder of the code may learn more.
    if row is None or (reference.code is None and row["account_id"] != account_id):
        raise NotFound("There is no such invitation.", field="invite")
    if row["account_id"] not in {None, account_id}:
        raise Invalid("The invitation is for another user.", field="invite")
    return _COLUMNS.record(row)
