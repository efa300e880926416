"""Live events: filters of subscriptions, and authorization of each event.

    content of a repository      accounts that may read the repository
    the rest of a repository     its administrators (permissions, policies)
    the rest of a namespace      its owner or administrators (teams, robots, tokens, sign-ins)

Only administrators see the performer and the metadata, as in the audit log.
"""

import asyncio
import base64
import binascii
import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from resolvers.access.permissions import RepositoryRef, account_role, namespace_roles, repository_roles
from resolvers.access.roles import AccountRole, RepositoryRole, TeamRole
from resolvers.access.scopes import Scope
from resolvers.access.viewer import AccountKind, Viewer
from resolvers.accounts.account import by_name
from resolvers.context import Context
from resolvers.errors import Invalid, NotFound, Unauthenticated
from resolvers.event_kinds import FOR_READERS, KINDS
from resolvers.repositories.repository import repository
from storage.conditions import exists
from storage.events import Cursor
from storage.statements import Row, fetch, placeholders


@dataclass(frozen=True, slots=True)
class EventRecord:
    """An event with names of its namespace and repository. `cursor` is the position after it in the log."""

    cursor: Cursor
    kind: str
    metadata: dict[str, Any]
    namespace_id: int | None
    repository_id: int | None
    performer_id: int | None
    created_at_ms: int
    namespace_name: str | None
    repository_path: str | None


@dataclass(frozen=True, slots=True)
class VisibleEvent:
    """An event that a viewer may see; with `is_detailed` also its performer and metadata."""

    record: EventRecord
    is_detailed: bool


@dataclass(frozen=True, slots=True)
class Watch:
    """The filter of a subscription; None means all. `after` is the cursor to resume from."""

    namespace_id: int | None = None
    repository_id: int | None = None
    kinds: frozenset[str] | None = None
    after: Cursor | None = None

    def matches(self, record: EventRecord) -> bool:
        """Whether an event passes the filter."""
        return (
            (self.repository_id is None or self.repository_id == record.repository_id)
            and (self.namespace_id is None or self.namespace_id == record.namespace_id)
            and (self.kinds is None or record.kind in self.kinds)
        )

    @property
    def place(self) -> tuple[str, int] | None:
        """The column of the log, with its value, that selects the events by an index."""
        if self.repository_id is not None:
            return "repository_id", self.repository_id
        return None if self.namespace_id is None else ("namespace_id", self.namespace_id)


async def watch(
    context: Context,
    *,
    namespace: str | None,
    path: str | None,
    kinds: Iterable[str] | None,
    after: str | None,
) -> Watch:
    """Resolve names to the filter of a subscription.

    Everybody may subscribe; rights are checked for each event. Raises `Unauthenticated` for anonymous callers
    without ANONYMOUS_ACCESS, what `repository` raises, `NotFound` for an unknown repository or namespace,
    `Invalid` for an unknown kind or a malformed cursor.
    """
    if context.viewer.is_anonymous and not context.site.has("ANONYMOUS_ACCESS"):
        raise Unauthenticated
    namespace_id = repository_id = None
    if path is not None:
        record = await repository(context, path)
        if record is None:
            raise NotFound(f"There is no repository {path}.", field="repository")
        repository_id = record.id
    if namespace is not None:
        owner = await by_name(namespace, AccountKind.USER, AccountKind.ORGANIZATION)
        if owner is None:
            raise NotFound(f"There is no namespace {namespace}.", field="namespace")
        namespace_id = owner.id
    return Watch(
        namespace_id,
        repository_id,
        None if kinds is None else frozenset(map(_known_kind, kinds)),
        None if after is None else parse_cursor(after),
    )


def _known_kind(kind: str) -> str:
    if kind not in KINDS:
        nearest = difflib.get_close_matches(kind, KINDS, n=1, cutoff=0)
        raise Invalid(f"There is no kind {kind!r}; the nearest is {nearest[0]!r}.", field="kinds")
    return kind


def format_cursor(cursor: Cursor) -> str:
    """Encode a position in the log for clients, who treat it as opaque."""
    return base64.urlsafe_b64encode("event:{}:{}".format(*cursor).encode()).decode().rstrip("=")


def parse_cursor(text: str) -> Cursor:
    """Decode a cursor of a client. Raises `Invalid`."""
    try:
        decoded = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode("ascii")
        kind, transaction_id, row_id = decoded.split(":")
        cursor = (int(transaction_id), int(row_id))
    except (binascii.Error, ValueError) as error:
        raise Invalid("after: must be the cursor of an event.", field="after") from error
    if kind != "event" or not all(0 <= number < 2**63 for number in cursor):
        raise Invalid("after: must be the cursor of an event, not of a list.", field="after")
    return cursor


async def with_names(rows: Sequence[tuple[Cursor, Row]]) -> list[EventRecord]:
    """Rows of the log with the names of their namespaces and repositories; two statements (no N+1)."""
    namespaces = await _names(
        f"SELECT id, name FROM account WHERE {exists()} AND id IN ({{}})",
        {row["namespace_id"] for _, row in rows},
    )
    paths = await _names(
        "SELECT r.id, n.name || '/' || r.name AS name FROM repository r"
        " JOIN account n ON n.id = r.namespace_id"
        f" WHERE {exists('r')} AND r.id IN ({{}})",
        {row["repository_id"] for _, row in rows},
    )
    return [
        EventRecord(
            cursor,
            row["kind"],
            row["metadata"],
            row["namespace_id"],
            row["repository_id"],
            row["performer_id"],
            row["created_at_ms"],
            # Deleted ones keep the name that the event recorded.
            namespaces.get(row["namespace_id"], row["metadata"].get("namespace")),
            paths.get(row["repository_id"], _recorded_path(row)),
        )
        for cursor, row in rows
    ]


async def _names(statement: str, ids: set[int | None]) -> dict[int | None, str]:
    known = sorted(one for one in ids if one is not None)
    if not known:
        return {}
    return {row["id"]: row["name"] for row in await fetch(statement.format(placeholders(known)), *known)}


def _recorded_path(row: Row) -> str | None:
    namespace, name = row["metadata"].get("namespace"), row["metadata"].get("repo")
    return f"{namespace}/{name}" if row["repository_id"] and namespace and name else None


@dataclass(slots=True)
class _Roles:
    """The roles of one viewer that were looked up so far, by id."""

    repositories: dict[int, RepositoryRole | None] = field(default_factory=dict)
    namespaces: dict[int, TeamRole | None] = field(default_factory=dict)


class EventAuthorizer:
    """Decides which events viewers may see. Caches roles, shared by viewers with equal rights.

    The cache is never invalidated: make a new authorizer when rights may have changed.
    """

    def __init__(self) -> None:
        self._roles: dict[tuple[int | None, frozenset[Scope], bool], _Roles] = {}
        self._places: dict[int, RepositoryRef | None] = {}
        self._lock = asyncio.Lock()

    async def visible(self, viewer: Viewer, records: Sequence[EventRecord]) -> list[VisibleEvent]:
        """The events that a viewer may see; at most three statements (no N+1)."""
        account_id = viewer.account.id if viewer.account else None
        async with self._lock:
            roles = self._roles.setdefault((account_id, viewer.scopes, viewer.has_full_access), _Roles())
            await self._load_roles(viewer, roles, records)
        visible = []
        for record in records:
            role = roles.repositories.get(record.repository_id) if record.repository_id else None
            is_detailed = role is RepositoryRole.ADMIN or _administers(viewer, roles, record.namespace_id)
            if is_detailed or (role is not None and record.kind in FOR_READERS):
                visible.append(VisibleEvent(record, is_detailed))
        return visible

    async def _load_roles(self, viewer: Viewer, roles: _Roles, records: Sequence[EventRecord]) -> None:
        await self._load_places(records)
        refs = {
            place.id: place
            for record in records
            if record.repository_id is not None and (place := self._places[record.repository_id])
        }
        new = [place for identity, place in refs.items() if identity not in roles.repositories]
        if new:
            roles.repositories |= await repository_roles(viewer, new)
        namespaces = {record.namespace_id for record in records if record.namespace_id is not None}
        unknown = sorted(namespaces - roles.namespaces.keys())
        if unknown:
            roles.namespaces |= await namespace_roles(viewer, unknown)

    async def _load_places(self, records: Sequence[EventRecord]) -> None:
        wanted = {record.repository_id for record in records if record.repository_id is not None}
        missing = sorted(wanted - self._places.keys())
        if not missing:
            return
        # Deleted repositories are included, so that those who could read one see its deletion.
        rows = await fetch(
            f"SELECT id, namespace_id, visibility FROM repository WHERE id IN ({placeholders(missing)})",
            *missing,
        )
        found = {
            row["id"]: RepositoryRef(row["id"], row["namespace_id"], row["visibility"] == "public")
            for row in rows
        }
        self._places |= {identity: found.get(identity) for identity in missing}


def _administers(viewer: Viewer, roles: _Roles, namespace_id: int | None) -> bool:
    if namespace_id is None:
        return False
    is_own = account_role(viewer, namespace_id) is AccountRole.ADMIN
    return is_own or roles.namespaces[namespace_id] is TeamRole.ADMIN
