"""Notices of the bell: what users, members of teams, administrators of organizations and superusers are told.

A notice is one row for its target, however many read it. Whoever joins the team or comes to administer the
organization sees it, whoever leaves no longer does, and with its target it ends. Of what tells of a
repository the readers are those who may read it when they look. Each reader puts it away for themselves.
"""

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from resolvers.access.permissions import ADMINISTERED, VISIBLE, require_account_role
from resolvers.access.roles import AccountRole
from resolvers.columns import Columns
from resolvers.context import Context
from resolvers.errors import NotFound
from resolvers.job_kinds import HOUR, Run, job
from resolvers.pages import Page, Query, Slice, Term, paginate
from storage import log_text
from storage.clock import DAY_MS, now_ms
from storage.conditions import exists
from storage.statements import execute, fetch, fetch_one, nested_loop, placeholders
from storage.transactions import transaction

KEEP_MS = 90 * DAY_MS
MAXIMUM_NOTICES = 500
"""Of one target; the oldest of more are forgotten."""
BATCH = 500


class NoticeKind(StrEnum):
    """What a notice tells of."""

    REPO_PUSH = "repo_push"
    BUILD_QUEUED = "build_queued"
    BUILD_START = "build_start"
    BUILD_SUCCESS = "build_success"
    BUILD_FAILURE = "build_failure"
    BUILD_CANCELLED = "build_cancelled"
    BUILD_TRIGGER_DISABLED = "build_trigger_disabled"
    VULNERABILITY_FOUND = "vulnerability_found"
    REPO_MIRROR_SYNC_STARTED = "repo_mirror_sync_started"
    REPO_MIRROR_SYNC_SUCCESS = "repo_mirror_sync_success"
    REPO_MIRROR_SYNC_FAILED = "repo_mirror_sync_failed"
    REPO_IMAGE_EXPIRY = "repo_image_expiry"
    QUOTA_WARNING = "quota_warning"
    QUOTA_ERROR = "quota_error"
    ORG_TEAM_INVITE = "org_team_invite"
    SERVICE_KEY_SUBMITTED = "service_key_submitted"


@dataclass(frozen=True, slots=True)
class NoticeRecord:
    """A notice as one of its readers sees it. `organization_id` is None where a user is told.

    `stored` is the metadata as of when it was told, `namespace` what its namespace is called now, if known.
    """

    id: int
    kind: NoticeKind
    stored: dict[str, Any]
    created_at_ms: int
    organization_id: int | None
    namespace: str | None
    is_dismissed: bool

    @property
    def metadata(self) -> dict[str, Any]:
        """The metadata, whose names and links follow if the namespace was renamed since."""
        return followed(self.stored, self.namespace)


@dataclass(frozen=True, slots=True)
class Target:
    """Who is told: a user or the administrators of an organization, by the account's id, or a team.

    Neither stands for whoever sees the site: superusers, also read-only ones.
    """

    account_id: int | None = None
    team_id: int | None = None


def followed(metadata: dict[str, Any], namespace: str | None) -> dict[str, Any]:
    """Metadata that was written when the namespace perhaps had another name, with this one."""
    old = metadata.get("namespace", metadata.get("org"))
    if namespace is None or not isinstance(old, str) or old == namespace:
        return metadata
    found = metadata | {key: namespace for key in ("namespace", "org") if key in metadata}
    for key, before in _LINKS.items():
        text = metadata.get(key)
        if isinstance(text, str):
            found[key] = re.sub(f"({before}){re.escape(old)}(?=/|$|[?])", rf"\g<1>{namespace}", text, count=1)
    return found


_LINKS = {
    "repository": r"^",
    "docker_url": r"^[^/]+/",
    "homepage": r"/(?:repository|organization|user)/",
}
"""The keys of metadata that hold a path or a link, with what stands before the namespace there."""

_ORGANIZATION = (
    "COALESCE((SELECT o.id FROM account o WHERE o.id = n.account_id AND o.kind = 'organization'),"
    " (SELECT t.organization_id FROM team t WHERE t.id = n.team_id))"
)

SITE = Target()
"""Whoever sees the site."""

_COLUMNS = Columns(
    NoticeRecord,
    "n",
    stored="n.metadata",
    organization_id=_ORGANIZATION,
    # That of the repository, of the organization that is told, or of the one that invites.
    namespace="(SELECT a.name FROM account a WHERE a.id = COALESCE("
    "(SELECT r.namespace_id FROM repository r WHERE r.id = n.repository_id),"
    f" {_ORGANIZATION}, (SELECT t.organization_id FROM team_invite i JOIN team t ON t.id = i.team_id"
    " WHERE i.id = n.invite_id)))",
    is_dismissed="d.id IS NOT NULL",
)
_TEAMS = (
    "SELECT m.team_id AS id FROM team_member m JOIN team t ON t.id = m.team_id"
    f" JOIN account o ON o.id = t.organization_id AND {exists('o')} WHERE m.account_id = ?"
)
_ORGANIZATIONS = f"SELECT o.id FROM ({ADMINISTERED}) led JOIN account o ON o.id = led.id AND {exists('o')}"
"""Queries for the ids of the teams that a user is in, and of organizations that they administer."""

_MAY_KNOW = (
    "(n.repository_id IS NULL OR (SELECT r.id FROM repository r WHERE r.id = n.repository_id"
    f" AND {exists('r')} AND {VISIBLE}) IS NOT NULL)"
)
"""Condition on notices: a reader may read what they tell of; takes the reader's id four times.

A scalar subquery is looked up row by row, by an index; EXISTS could be planned as a scan of all repositories.
"""
_READER_IDS = 8
"""How often the source takes the reader's id."""


_TO_SITE = "account_id IS NULL AND team_id IS NULL"


def _source(*, sees_site: bool) -> str:
    """The notices `n` that a user may read with their dismissal `d`; takes the user's id `_READER_IDS` times.

    Looked up by indexes from the user on, whatever the database guesses of the tables.
    """
    of_teams = nested_loop(_TEAMS, "told.id", "inbox_notice told", "told.team_id = found.id")
    of_led = nested_loop(_ORGANIZATIONS, "told.id", "inbox_notice told", "told.account_id = found.id")
    readable = f"SELECT id FROM inbox_notice WHERE account_id = ? UNION {of_teams} UNION {of_led}"
    if sees_site:
        readable += f" UNION SELECT id FROM inbox_notice WHERE {_TO_SITE}"
    rows = nested_loop(readable, "n.*", "inbox_notice n", f"n.id = found.id AND {_MAY_KNOW}")
    return f"({rows}) n LEFT JOIN inbox_dismissal d ON d.notice_id = n.id AND d.account_id = ?"


_IS_UNREAD = "d.id IS NULL"


async def put(
    kind: NoticeKind,
    metadata: dict[str, Any],
    target: Target,
    *,
    repository_id: int | None = None,
    invite_id: int | None = None,
    source: str | None = None,
) -> bool:
    """Tell a target something, in the open transaction if there is one; returns whether there is the target.

    What tells of a repository is shown to those who may read it. What has the same `source` is told once.
    Texts of the metadata are kept at a bounded length.
    """
    if not await _exists(target):
        return False
    await execute(
        "INSERT INTO inbox_notice (kind, account_id, team_id, repository_id, invite_id, metadata, source,"
        " created_at_ms) VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (source) DO NOTHING",
        kind.value,
        target.account_id,
        target.team_id,
        repository_id,
        invite_id,
        log_text.encode(metadata),
        source,
        now_ms(),
    )
    return True


async def retract(source: str) -> None:
    """Take back what a source told, in the open transaction if there is one."""
    row = await fetch_one("SELECT id FROM inbox_notice WHERE source = ?", source)
    if row is not None:
        await _delete([row["id"]])


async def _exists(target: Target) -> bool:
    if target == SITE:
        return True
    if target.team_id is None:
        found = await fetch_one(f"SELECT id FROM account WHERE id = ? AND {exists()}", target.account_id)
    else:
        found = await fetch_one(
            "SELECT t.id FROM team t JOIN account o ON o.id = t.organization_id"
            f" WHERE t.id = ? AND {exists('o')}",
            target.team_id,
        )
    return found is not None


def _query(context: Context, *conditions: str) -> Query:
    """The notices of the viewer. Requires `user:admin`."""
    account_id = require_account_role(context, AccountRole.ADMIN)
    return Query(
        _COLUMNS.sql,
        _source(sees_site=context.viewer.sees_site),
        (Term("n.id", "id", descending=True),),
        conditions,
        (account_id,) * _READER_IDS,
    )


async def of_viewer(context: Context, page: Page, *, is_dismissed: bool | None = None) -> Slice[NoticeRecord]:
    """The notices of the viewer, newest first; all, or those put away or not. Requires `user:admin`.

    More than `user:read`, since they tell of private repositories.
    """
    chosen = {None: (), True: ("d.id IS NOT NULL",), False: (_IS_UNREAD,)}[is_dismissed]
    return (await paginate(_query(context, *chosen), page, maximum=context.max_first)).of(_COLUMNS.record)


async def unread_count(context: Context) -> int:
    """How many notices the viewer has not put away. Requires `user:admin`."""
    query = _query(context, _IS_UNREAD)
    row = await fetch_one(f"SELECT COUNT(*) AS unread FROM {query.source} WHERE {query.where}", *query.values)
    return row["unread"] if row else 0


async def by_id(context: Context, notice_id: int) -> NoticeRecord | None:
    """A notice of the viewer by its row id; None for any other. Requires `user:admin`."""
    query = _query(context, "n.id = ?")
    row = await fetch_one(
        f"SELECT {query.columns} FROM {query.source} WHERE {query.where}", *query.values, notice_id
    )
    return _COLUMNS.record(row) if row else None


async def set_dismissed(context: Context, notice_id: int, *, is_dismissed: bool | None) -> NoticeRecord:
    """Put a notice away for the viewer, or take it out again. Requires `user:admin`. Raises `NotFound`."""
    account_id = require_account_role(context, AccountRole.ADMIN)
    async with transaction("inbox.dismiss"):
        if is_dismissed:
            await _dismiss(_query(context, _IS_UNREAD, f"n.id = {notice_id}"))
        elif is_dismissed is not None:
            await execute(
                "DELETE FROM inbox_dismissal WHERE notice_id = ? AND account_id = ?", notice_id, account_id
            )
        record = await by_id(context, notice_id)
    if record is None:
        raise NotFound("There is no such notice.", field="notice")
    return record


async def dismiss_all(context: Context) -> int:
    """Put every notice of the viewer away; returns how many. Requires `user:admin`."""
    query = _query(context, _IS_UNREAD)
    dismissed, batch = 0, BATCH
    while batch == BATCH:
        async with transaction("inbox.dismiss_all"):
            batch = await _dismiss(query)
        dismissed += batch
    return dismissed


async def _dismiss(query: Query) -> int:
    """Put the notices of a query away, a batch of them, in the open transaction; returns how many."""
    return await execute(
        "INSERT INTO inbox_dismissal (notice_id, account_id)"
        f" SELECT n.id, CAST(? AS BIGINT) FROM {query.source} WHERE {query.where} LIMIT ?"
        " ON CONFLICT (notice_id, account_id) DO NOTHING",
        query.values[0],
        *query.values,
        BATCH,
    )


@job(
    "inbox.forget",
    "Removes notices that are old, and the oldest of those of whom too much is told.",
    every_s=HOUR,
    goes_on_when_read_only=False,
)
async def forget_notices(run: Run) -> None:
    """Forget in batches."""
    for ids in (_old_ids, _surplus_ids):
        while found := await ids():
            run.check()
            await _delete(found)


async def _old_ids() -> list[int]:
    rows = await fetch(
        "SELECT id FROM inbox_notice WHERE created_at_ms < ? ORDER BY created_at_ms LIMIT ?",
        now_ms() - KEEP_MS,
        BATCH,
    )
    return [row["id"] for row in rows]


async def _surplus_ids() -> list[int]:
    """The oldest notices of one target that has too many."""
    for column in ("account_id", "team_id"):
        crowded = await fetch_one(
            f"SELECT {column} AS target, COUNT(*) AS n FROM inbox_notice WHERE {column} IS NOT NULL"
            f" GROUP BY {column} HAVING COUNT(*) > ? LIMIT 1",
            MAXIMUM_NOTICES,
        )
        if crowded is not None:
            rows = await fetch(
                f"SELECT id FROM inbox_notice WHERE {column} = ? ORDER BY id LIMIT ?",
                crowded["target"],
                min(BATCH, crowded["n"] - MAXIMUM_NOTICES),
            )
            return [row["id"] for row in rows]
    rows = await fetch(
        f"SELECT id FROM inbox_notice WHERE {_TO_SITE} ORDER BY id DESC LIMIT ? OFFSET ?",
        BATCH,
        MAXIMUM_NOTICES,
    )
    return [row["id"] for row in rows]


async def _delete(ids: list[int]) -> None:
    """Delete notices, before them what their readers did with them, in short transactions."""
    among = f"notice_id IN ({placeholders(ids)})"
    removed = BATCH
    while removed == BATCH:
        removed = await execute(
            f"DELETE FROM inbox_dismissal WHERE id IN (SELECT id FROM inbox_dismissal WHERE {among} LIMIT ?)",
            *ids,
            BATCH,
        )
    await execute(f"DELETE FROM inbox_notice WHERE id IN ({placeholders(ids)})", *ids)
