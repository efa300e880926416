"""Token assignments: an organization's administrator offers a token to a user, who accepts or declines."""

import uuid
from dataclasses import dataclass

from resolvers import events
from resolvers.access.needs import ADMINISTER_ACCOUNT
from resolvers.access.permissions import require_account_role
from resolvers.access.roles import AccountRole
from resolvers.access.scopes import Scope, format_scopes, parse_scopes
from resolvers.access.viewer import AccountKind
from resolvers.accounts import account
from resolvers.accounts.account import AccountRecord
from resolvers.columns import Columns
from resolvers.context import Context
from resolvers.errors import Invalid, NotFound, UnknownReference
from resolvers.oauth.application import ApplicationRecord, requested_scopes, require_application
from resolvers.oauth.redirect_uri import matches, normalise
from resolvers.pages import Page, Query, Slice, Term, paginate
from storage.clock import now_ms
from storage.models.application import TokenAssignment
from storage.statements import execute, fetch_one
from storage.transactions import transaction

RESPONSE_TYPES = ("token", "code")
LOCAL_PATH = "/oauth/localapp"


@dataclass(frozen=True, slots=True)
class TokenAssignmentRecord:
    """An assignment: the user may authorize the application for these scopes, once."""

    id: int
    uuid: str
    application_id: int
    account_id: int
    response_type: str
    redirect_uri: str
    scopes: frozenset[Scope]
    created_at_ms: int


_COLUMNS = Columns(TokenAssignmentRecord, convert={"scopes": parse_scopes})


def local_uri(context: Context) -> str:
    """The redirect URI of our own page, which shows the token to its user."""
    return normalise(context.site.public_url.rstrip("/") + LOCAL_PATH)


def accepted_redirect_uri(context: Context, record: ApplicationRecord, uri: str) -> str | None:
    """The normalised redirect URI, if it is that of the application or of our own page; else None."""
    for known in (record.redirect_uri, local_uri(context)):
        if matches(uri, known):
            return normalise(uri)
    return None


async def assign(
    context: Context,
    organization: str,
    client_id: str,
    *,
    username: str,
    scope: str,
    redirect_uri: str | None = None,
    response_type: str = "token",
) -> TokenAssignmentRecord:
    """Offer a token to a user, who has to accept it. Requires `org:admin` and the feature ASSIGN_OAUTH_TOKEN.

    Without `redirect_uri`, a page of ours shows the token. Raises `Invalid`, `NotFound`, and
    `UnknownReference` for the user.
    """
    record = await require_application(context, organization, client_id)
    if not context.site.has("ASSIGN_OAUTH_TOKEN"):
        raise Invalid("Tokens cannot be assigned here.")
    scopes = requested_scopes(context, scope)
    if response_type not in RESPONSE_TYPES:
        raise Invalid("response type: must be token or code.", field="responseType")
    uri = accepted_redirect_uri(context, record, redirect_uri or local_uri(context))
    if uri is None:
        raise Invalid("redirect URI: must be the one of the application.", field="redirectUri")
    user = await account.by_name(username, AccountKind.USER)
    if user is None:
        raise UnknownReference(f"There is no user '{username}'.", field="username")
    async with transaction("token_assignment.create"):
        row = await TokenAssignment.create(
            uuid=str(uuid.uuid4()),
            application_id=record.id,
            account_id=user.id,
            response_type=response_type,
            redirect_uri=uri,
            scopes=format_scopes(scopes),
            created_at_ms=now_ms(),
        )
        await events.record(
            context,
            "oauth_token_assigned",
            {
                "assigning_user": context.viewer.require_account().name,
                "assigned_user": user.name,
                "application": record.name,
                "client_id": record.client_id,
            },
            namespace_id=record.organization_id,
        )
    return TokenAssignmentRecord(
        row.id, row.uuid, record.id, user.id, response_type, uri, scopes, row.created_at_ms
    )


async def assignments(context: Context, user: AccountRecord, page: Page) -> Slice[TokenAssignmentRecord]:
    """The token assignments of the viewer, oldest first. Requires `user:admin`."""
    if require_account_role(context, AccountRole.ADMIN) != user.id:
        raise context.viewer.refusal(ADMINISTER_ACCOUNT)
    rows = await paginate(
        Query(_COLUMNS.sql, "token_assignment", (Term("id", "id"),), ("account_id = ?",), (user.id,)),
        page,
        maximum=context.max_first,
    )
    return rows.of(_COLUMNS.record)


async def decline(context: Context, identity: str) -> TokenAssignmentRecord:
    """Decline a token assignment of the viewer. Requires `user:admin`. Raises `NotFound`."""
    account_id = require_account_role(context, AccountRole.ADMIN)
    async with transaction("token_assignment.delete"):
        row = await fetch_one(
            f"SELECT {_COLUMNS} FROM token_assignment WHERE uuid = ? AND account_id = ?", identity, account_id
        )
        if row is None or not await execute("DELETE FROM token_assignment WHERE id = ?", row["id"]):
            raise NotFound(field="uuid")
    return _COLUMNS.record(row)


async def find(application_id: int, account_id: int, identity: str | None) -> TokenAssignmentRecord | None:
    """The token assignment of an application to an account, by uuid, or the oldest one."""
    condition, values = ("uuid = ?", [identity]) if identity else ("1 = 1", [])
    row = await fetch_one(
        f"SELECT {_COLUMNS} FROM token_assignment WHERE application_id = ? AND account_id = ?"
        f" AND {condition} ORDER BY id LIMIT 1",
        application_id,
        account_id,
        *values,
    )
    return _COLUMNS.record(row) if row else None
