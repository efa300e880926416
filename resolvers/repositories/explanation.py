"""Explanations of access to a repository: role and grants of an account, and the accounts with access.

Both use `accesses`, the function that decides on access, so that they cannot disagree with it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from resolvers.access.acting import account_can_act
from resolvers.access.permissions import (
    Access,
    Grant,
    GrantSource,
    Subject,
    accesses,
    namespace_role,
    require_repository,
    subject_of,
)
from resolvers.access.roles import RepositoryRole
from resolvers.access.viewer import AccountKind
from resolvers.accounts.account import AccountRecord, by_ids, by_name, is_read_only_superuser, is_superuser
from resolvers.context import Context
from resolvers.names import is_robot_elsewhere
from resolvers.pages import Page, Query, Slice, Term, paginate
from resolvers.repositories.repository import RepositoryRecord, repository
from storage.conditions import can_act
from storage.statements import fetch_one, placeholders


@dataclass(frozen=True, slots=True)
class AccessRecord:
    """The role of an account on a repository, None for none, and all grants, strongest first.

    `account` is None for anonymous callers. `cap` is the highest role that the scopes of the viewer's
    credential allow, None if they allow none; other accounts are not capped. `is_blocked` is true for a
    disabled account and a robot of a disabled owner, which have no role.
    """

    account: AccountRecord | None
    repository: RepositoryRecord
    role: RepositoryRole | None
    cap: RepositoryRole | None
    is_blocked: bool
    grants: tuple[Grant, ...]


async def explain(context: Context, path: str, account: str | None = None) -> AccessRecord | None:
    """Explain the access of an account to a repository, by default of the viewer's current credential.

    Requires `repo:read`, for other accounts than the viewer's `repo:admin`. None if there is no such
    repository, user or robot.
    """
    viewer = context.viewer
    name = viewer.account.name if viewer.account else None
    if account is None or account == name:
        record = await repository(context, path)
        if record is None:
            return None
        own = (await by_ids([viewer.account.id]))[viewer.account.id] if viewer.account else None
        return await _explain_one(record, own, subject_of(viewer), is_blocked=False)
    record = await repository(context.looking, path, RepositoryRole.ADMIN)
    found = await _known(context, record, account) if record else None
    if record is None or found is None:
        return None
    return await _explain_one(
        record, found, _signed_in(context, found), is_blocked=not await account_can_act(found.id)
    )


async def _known(context: Context, record: RepositoryRecord, name: str) -> AccountRecord | None:
    """The user or robot of a name; None also for a robot of another namespace that is nobody's here.

    It is somebody here if it has a role that not everybody has, or belongs to a namespace of the viewer.
    """
    found = await by_name(name, AccountKind.USER, AccountKind.ROBOT)
    if found is None or not is_robot_elsewhere(name, record.namespace_name):
        return found
    robot = await fetch_one("SELECT owner_id FROM robot WHERE account_id = ?", found.id)
    if robot and await namespace_role(context.viewer, robot["owner_id"]) is not None:
        return found
    access = (await accesses([_signed_in(context, found)], [record.ref]))[found.id, record.id]
    return found if any(grant.source is not GrantSource.PUBLIC for grant in access.grants) else None


async def _explain_one(
    record: RepositoryRecord, account: AccountRecord | None, subject: Subject, *, is_blocked: bool
) -> AccessRecord:
    access = (await accesses([subject], [record.ref]))[subject.account_id, record.id]
    return _record(record, account, subject, access, is_blocked=is_blocked)


def _record(
    record: RepositoryRecord,
    account: AccountRecord | None,
    subject: Subject,
    access: Access,
    *,
    is_blocked: bool,
) -> AccessRecord:
    role = None if is_blocked else access.role
    return AccessRecord(account, record, role, subject.cap, is_blocked, access.grants)


def _signed_in(context: Context, account: AccountRecord) -> Subject:
    """The account with all its rights, as if it signed in with its password (no scopes)."""
    if is_read_only_superuser(context, account):
        return Subject(account.id, RepositoryRole.READ, RepositoryRole.READ)
    has_full_access = context.site.has("SUPERUSERS_FULL_ACCESS") and is_superuser(context, account)
    return Subject(account.id, RepositoryRole.ADMIN, RepositoryRole.ADMIN if has_full_access else None)


async def grants(
    context: Context, record: RepositoryRecord, account: str, sources: Sequence[GrantSource] | None = None
) -> list[Grant] | None:
    """The grants of an account on a repository, strongest first, optionally of some sources only.

    Requires `repo:admin`. None if there is no such account or grant.
    """
    await require_repository(context.looking, record.ref, RepositoryRole.ADMIN)
    found = await _known(context, record, account)
    if found is None:
        return None
    subject = _signed_in(context, found)
    access = (await accesses([subject], [record.ref]))[found.id, record.id]
    return [grant for grant in access.grants if sources is None or grant.source in sources] or None


async def accounts_with_access(
    context: Context, record: RepositoryRecord, page: Page, *, minimum: RepositoryRole = RepositoryRole.READ
) -> Slice[AccessRecord]:
    """The users and robots with at least the role `minimum` on a repository, by name, with their grants.

    Requires `repo:admin`. Blocked accounts are left out, and so are accounts whose only grant is that the
    repository is public. Three statements, however many accounts there are (no N+1).
    """
    await require_repository(context.looking, record.ref, RepositoryRole.ADMIN)
    conditions, values = _with_role(context, record, minimum)
    rows = await paginate(
        Query("a.id, a.name", "account a", (Term("a.name", "name", kind=str),), conditions, values),
        page,
        maximum=context.max_first,
    )
    ids = [row["id"] for row in rows.items]
    accounts = await by_ids(ids)
    subjects = {identity: _signed_in(context, accounts[identity]) for identity in ids}
    found = await accesses(list(subjects.values()), [record.ref])
    items = [
        _record(record, accounts[identity], subjects[identity], found[identity, record.id], is_blocked=False)
        for identity in ids
    ]
    return Slice(items, rows.cursors, rows.has_next, rows.has_previous, rows.query)


def _with_role(
    context: Context, record: RepositoryRecord, minimum: RepositoryRole
) -> tuple[tuple[str, ...], tuple[Any, ...]]:
    """SQL conditions on `account a` and their values: can act, and has a grant of at least the role."""
    roles = [role.value for role in RepositoryRole if role >= minimum]
    given = f"p.repository_id = ? AND p.role IN ({placeholders(roles)})"
    direct = f"SELECT p.account_id FROM repository_permission p WHERE p.account_id IS NOT NULL AND {given}"
    teams = (
        "SELECT m.account_id FROM repository_permission p JOIN team_member m ON m.team_id = p.team_id"
        f" WHERE {given}"
    )
    administrators = (
        "SELECT m.account_id FROM team t JOIN team_member m ON m.team_id = t.id"
        " WHERE t.organization_id = ? AND t.role = 'admin'"
    )
    sources = [direct, teams, administrators]
    values: list[Any] = [record.namespace_id, record.id, *roles, record.id, *roles, record.namespace_id]
    superusers = "SELECT s.id FROM account s WHERE s.kind = 'user' AND"
    if context.site.has("SUPERUSERS_FULL_ACCESS") and context.site.has("SUPER_USERS"):
        named = sorted(context.site.superusers) or [""]
        sources.append(f"{superusers} (s.is_superuser OR s.name IN ({placeholders(named)}))")
        values += named
    # Read-only superusers read everything, and have no other role whatever they were granted.
    reading = sorted(context.site.read_only_superusers) if context.site.has("SUPER_USERS") else []
    if reading and minimum is RepositoryRole.READ:
        sources.append(f"{superusers} s.name IN ({placeholders(reading)})")
        values += reading
    conditions = [can_act("a"), f"a.id = ? OR a.id IN ({' UNION ALL '.join(sources)})"]
    if reading and minimum is not RepositoryRole.READ:
        conditions.append(f"a.kind <> 'user' OR a.name NOT IN ({placeholders(reading)})")
        values += reading
    return tuple(conditions), tuple(values)
