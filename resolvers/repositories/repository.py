"""Repositories: finding, listing, creating, changing, deleting."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from resolvers import events
from resolvers.access.credentials import random_text
from resolvers.access.epochs import Cause, bump
from resolvers.access.index_ranges import ALL, SOURCE, count_grants, visible_ranges
from resolvers.access.permissions import (
    RepositoryRef,
    namespace_role,
    require_repository,
    visible_repositories,
)
from resolvers.access.roles import RepositoryRole, TeamRole
from resolvers.access.viewer import AccountKind, Viewer
from resolvers.accounts.account import AccountRecord
from resolvers.accounts.namespace import require_namespace
from resolvers.columns import Columns
from resolvers.context import Context
from resolvers.errors import AlreadyExists, Invalid, NotFound
from resolvers.names import check_repository, split_path
from resolvers.pages import Page, Query, Slice, Term, paginate, paginate_ranges
from resolvers.repositories import prototype
from resolvers.repositories.ranking import (
    Ranking,
    by_last_change,
    by_popularity,
    by_size,
    of_ranges,
    ranked_ids,
)
from resolvers.repositories.regimes import Regime, require_free
from storage.clock import now_ms
from storage.conditions import exists
from storage.database import IntegrityError
from storage.jobs import enqueue
from storage.models.permission import RepositoryPermission
from storage.models.repository import Repository
from storage.statements import execute, fetch, fetch_one, placeholders
from storage.transactions import lock_and_read, lock_row, transaction

DESCRIPTION_LENGTH = 100_000


class Visibility(StrEnum):
    """Who may pull: everybody, or accounts with a grant."""

    PUBLIC = "public"
    PRIVATE = "private"


class RepositoryState(StrEnum):
    """Who may write: accounts with a grant; nobody; the mirror robot only; nobody, while being deleted."""

    NORMAL = "NORMAL"
    READ_ONLY = "READ_ONLY"
    MIRROR = "MIRROR"
    ORG_MIRROR = "ORG_MIRROR"
    MARKED_FOR_DELETION = "MARKED_FOR_DELETION"


@dataclass(frozen=True, slots=True)
class RepositoryRecord:
    """A repository with the columns of its namespace that most callers need.

    `path` is namespace, slash and name, as clients write it. `is_cached`: the organization is a pull-through
    cache of another registry.
    """

    id: int
    uuid: str
    namespace_id: int
    namespace_name: str
    namespace_kind: AccountKind
    tag_expiration_s: int
    name: str
    path: str
    visibility: Visibility
    state: RepositoryState
    description: str | None
    badge_token: str
    auth_epoch: int
    created_at_ms: int
    is_cached: bool

    @property
    def ref(self) -> RepositoryRef:
        """The input of decisions on access to this repository."""
        return RepositoryRef(self.id, self.namespace_id, self.visibility is Visibility.PUBLIC)


_COLUMNS = Columns(
    RepositoryRecord,
    "r",
    namespace_name="n.name",
    namespace_kind="n.kind",
    tag_expiration_s="n.tag_expiration_s",
    is_cached="EXISTS (SELECT 1 FROM proxy_cache x WHERE x.organization_id = r.namespace_id)",
)
_SOURCE = "repository r JOIN account n ON n.id = r.namespace_id"
_ALIVE = f"{exists('r')} AND {exists('n')}"


async def find(path: str) -> RepositoryRecord | None:
    """The repository at a path, without authorization: the caller decides on access."""
    namespace, name = split_path(path)
    row = await fetch_one(
        f"SELECT {_COLUMNS} FROM {_SOURCE} WHERE n.name = ? AND r.name = ? AND {_ALIVE}", namespace, name
    )
    return _COLUMNS.record(row) if row else None


async def by_ids(ids: Sequence[int]) -> dict[int, RepositoryRecord]:
    """Repositories by id, in one statement; deleted ones are left out."""
    if not ids:
        return {}
    rows = await fetch(
        f"SELECT {_COLUMNS} FROM {_SOURCE} WHERE r.id IN ({placeholders(ids)}) AND {_ALIVE}", *ids
    )
    return {row["id"]: _COLUMNS.record(row) for row in rows}


async def repository(
    context: Context, path: str, role: RepositoryRole = RepositoryRole.READ
) -> RepositoryRecord | None:
    """The repository at a path; requires at least `role`. None if there is none.

    A missing repository is refused as a forbidden one is, so that names are not disclosed; None is only for
    viewers who could access it if it existed. Raises `Unauthenticated` or `Forbidden`.
    """
    record = await find(path)
    if record is not None:
        await require_repository(context, record.ref, role)
        return record
    owner = await fetch_one(
        f"SELECT id FROM account WHERE name = ? AND {exists()} AND kind <> 'robot'",
        split_path(path)[0],
    )
    # A missing repository counts as a private one of the same namespace.
    await require_repository(context, RepositoryRef(0, owner["id"], is_public=False) if owner else None, role)
    return None


async def require(context: Context, path: str, role: RepositoryRole) -> RepositoryRecord:
    """As `repository`, but raises `NotFound` instead of returning None."""
    record = await repository(context, path, role)
    if record is None:
        raise NotFound(field="repository")
    return record


async def lock(record: RepositoryRecord) -> RepositoryRecord:
    """Lock the row of a repository in the open transaction, and return it with its present state.

    Raises `NotFound` if it was deleted meanwhile.
    """
    row = await lock_and_read("repository", record.id, "state", "deleted_at_ms")
    if row is None or row["deleted_at_ms"] is not None:
        raise NotFound(field="repository")
    return replace(record, state=RepositoryState(row["state"]))


class RepositoryOrder(StrEnum):
    """The order of a list of repositories."""

    CREATED_AT = "created_at"
    NEWEST_FIRST = "newest_first"
    NAME = "name"
    NAME_REVERSED = "name_reversed"
    POPULARITY = "popularity"
    UNPOPULAR_FIRST = "unpopular_first"
    LAST_MODIFIED_AT = "last_modified_at"
    UNMODIFIED_FIRST = "unmodified_first"
    SIZE = "size"
    SMALLEST_FIRST = "smallest_first"


_ORDERS: dict[RepositoryOrder, tuple[Term, ...]] = {
    RepositoryOrder.CREATED_AT: (Term("r.id", "id"),),
    RepositoryOrder.NEWEST_FIRST: (Term("r.id", "id", descending=True),),
    RepositoryOrder.NAME: (Term("r.path", "path", kind=str),),
    RepositoryOrder.NAME_REVERSED: (Term("r.path", "path", descending=True, kind=str),),
}
_RANKINGS: dict[RepositoryOrder, Ranking] = {
    RepositoryOrder.POPULARITY: by_popularity(descending=True),
    RepositoryOrder.UNPOPULAR_FIRST: by_popularity(descending=False),
    RepositoryOrder.LAST_MODIFIED_AT: by_last_change(descending=True),
    RepositoryOrder.UNMODIFIED_FIRST: by_last_change(descending=False),
    RepositoryOrder.SIZE: by_size(descending=True),
    RepositoryOrder.SMALLEST_FIRST: by_size(descending=False),
}


_STARS = "(SELECT s.repository_id FROM star s WHERE s.account_id = ?)"
_STARRED, _NOT_STARRED = f"r.id IN {_STARS}", f"r.id NOT IN {_STARS}"


@dataclass(frozen=True, slots=True)
class RepositoryFilter:
    """Conditions on repositories, and their order. `include_public` adds public repositories to those with a
    grant for the viewer. With `is_starred`, starred public ones are always included."""

    namespace: str | None = None
    include_public: bool = True
    visibility: Visibility | None = None
    is_starred: bool | None = None
    order: RepositoryOrder = RepositoryOrder.CREATED_AT


async def repositories(context: Context, chosen: RepositoryFilter, page: Page) -> Slice[RepositoryRecord]:
    """The repositories that the viewer may see.

    Raises `Unauthenticated` for anonymous `is_starred`, and `Invalid` for more than 10,000 repositories in an
    order by popularity, last change or size.
    """
    condition, values = visible_repositories(
        context.viewer, include_public=chosen.include_public or chosen.is_starred is True
    )
    conditions, arguments = [condition, _ALIVE], [*values]
    if chosen.namespace is not None:
        conditions.append("n.name = ?")
        arguments.append(chosen.namespace)
    if chosen.visibility is not None:
        conditions.append("r.visibility = ?")
        arguments.append(chosen.visibility.value)
    if chosen.is_starred is not None:
        account_id = context.viewer.require_account().id
        conditions.append(_STARRED if chosen.is_starred else _NOT_STARRED)
        arguments.append(account_id)
    ranking = _RANKINGS.get(chosen.order)
    query = Query(_COLUMNS.sql, SOURCE, _ORDERS.get(chosen.order, ()), tuple(conditions), tuple(arguments))
    if chosen.is_starred:
        if ranking is not None:
            starred = f"SELECT r.id AS id FROM {SOURCE} WHERE {query.where}"
            return await _ranked(context, starred, query.values, ranking, page)
        rows = await paginate(query, page, maximum=context.max_first)
        return rows.of(_COLUMNS.record)
    ranges = visible_ranges(
        context.viewer,
        await count_grants(context.viewer),
        include_public=chosen.include_public,
        namespace=chosen.namespace,
        visibilities=ALL if chosen.visibility is None else (chosen.visibility.value,),
    )
    if chosen.is_starred is False:
        ranges = [range_.and_also(_NOT_STARRED, account_id) for range_ in ranges]
    if ranking is not None:
        return await _ranked(context, *of_ranges(ranges), ranking, page)
    rows = await paginate_ranges(
        query, ranges, page, table="repository", key="r.id", maximum=context.max_first
    )
    return rows.of(_COLUMNS.record)


async def _ranked(
    context: Context, ids: str, values: Sequence[Any], ranking: Ranking, page: Page
) -> Slice[RepositoryRecord]:
    """A page of the repositories with these ids; those deleted meanwhile are left out."""
    rows = await ranked_ids(ids, values, ranking, page, maximum=context.max_first)
    records = await by_ids([row["id"] for row in rows.items])
    return rows.of_found(lambda row: records.get(row["id"]))


def is_restricted(context: Context, namespace: AccountKind) -> bool:
    """Whether nobody but superusers may create repositories in namespaces of this kind: RESTRICTED_USERS."""
    is_own = namespace is AccountKind.USER
    return is_own and context.site.has("RESTRICTED_USERS") and not context.viewer.is_superuser


def allows_name(context: Context, name: str) -> bool:
    """Whether a new repository may have a slash in its name, if this one has: EXTENDED_REPOSITORY_NAMES."""
    return "/" not in name or context.site.has("EXTENDED_REPOSITORY_NAMES")


async def can_create_in(context: Context, owner: AccountRecord) -> bool:
    """Whether the viewer may create repositories in a namespace."""
    return await may_create(context.viewer, owner.id) and not is_restricted(context, owner.kind)


async def may_create(viewer: Viewer, namespace_id: int) -> bool:
    """Whether a viewer has the role creator in a namespace, whatever the flags say."""
    role = await namespace_role(viewer, namespace_id)
    return role is not None and role >= TeamRole.CREATOR


async def require_by_id(
    context: Context, repository_id: int, role: RepositoryRole
) -> RepositoryRecord | None:
    """The repository of a row id, after what `require_repository` does; None if it is gone."""
    found = (await by_ids([repository_id])).get(repository_id)
    await require_repository(context, found.ref if found else None, role)
    return found


async def create(
    context: Context,
    *,
    namespace: str | None,
    name: str,
    visibility: Visibility,
    description: str | None = None,
) -> RepositoryRecord:
    """Create a repository, which the viewer then administers.

    Requires the role creator in the namespace, by default the viewer's own. Raises `Invalid`,
    `AlreadyExists`, `Unauthenticated`, `Forbidden`.
    """
    if namespace is None:
        if context.viewer.account is None:
            raise Invalid("Must provide a namespace or must be logged in.", field="namespace")
        namespace = context.viewer.account.name
    owner = await require_namespace(context, namespace, TeamRole.CREATOR)
    if is_restricted(context, owner.kind):
        context.viewer.require_superuser()
    if await find(f"{namespace}/{name}") is not None:
        raise AlreadyExists("Repository already exists", field="name")
    check_repository(name)
    if not allows_name(context, name):
        raise Invalid("Invalid repository name: it may not have a slash here.", field="name")
    check_description(description)
    try:
        async with transaction("repository.create"):
            await require_free(owner.id, Regime.CREATION, field="namespace")
            identity = await insert(context, owner, name, visibility, description=description)
    except IntegrityError as error:
        # The unique index rejected a concurrent creation.
        raise AlreadyExists("Repository already exists", field="name") from error
    return (await by_ids([identity]))[identity]


async def insert(
    context: Context,
    owner: AccountRecord,
    name: str,
    visibility: Visibility,
    *,
    description: str | None = None,
    state: RepositoryState = RepositoryState.NORMAL,
    role: RepositoryRole = RepositoryRole.ADMIN,
) -> int:
    """Write a repository, on which the viewer gets a role, in the open transaction; the id of its row.

    The caller has authorized and checked it. Raises `IntegrityError` for a name that is taken.
    """
    row = await Repository.create(
        uuid=str(uuid.uuid4()),
        namespace_id=owner.id,
        name=name,
        visibility=visibility.value,
        state=state.value,
        description=description,
        badge_token=random_text(40),
        created_at_ms=now_ms(),
    )
    account = context.viewer.account
    if account is not None and account.id != owner.id:
        await RepositoryPermission.create(repository_id=row.id, account_id=account.id, role=role.value)
        await prototype.apply(owner.id, row.id, account.id)
    await events.record(
        context,
        "create_repo",
        {"repo": name, "namespace": owner.name},
        namespace_id=owner.id,
        repository_id=row.id,
    )
    return int(row.id)


def check_description(description: str | None) -> None:
    """Raise `Invalid` for a description of more than 100,000 characters."""
    if description is not None and len(description) > DESCRIPTION_LENGTH:
        raise Invalid(f"description: must have at most {DESCRIPTION_LENGTH} characters.", field="description")


async def _change(
    context: Context,
    record: RepositoryRecord,
    column: str,
    value: str | None,
    kind: str,
    metadata: dict[str, object],
    *,
    cause: Cause | None = None,
) -> RepositoryRecord:
    """Set one column, and bump the epoch if there is a cause to. The same value is no change, no event."""
    async with transaction(f"repository.{kind}"):
        await lock_row("repository", record.id)
        found = await by_ids([record.id])
        # The repository or its namespace may have been deleted since it was found.
        if not found:
            raise NotFound(field="repository")
        if getattr(found[record.id], column) == value:
            return found[record.id]
        bumped = f", {bump(cause)}" if cause else ""
        await execute(f"UPDATE repository SET {column} = ?{bumped} WHERE id = ?", value, record.id)
        await events.record(
            context,
            kind,
            {"repo": record.name, "namespace": record.namespace_name} | metadata,
            namespace_id=record.namespace_id,
            repository_id=record.id,
        )
        return (await by_ids([record.id]))[record.id]


async def update(context: Context, path: str, *, description: str | None) -> RepositoryRecord:
    """Change the description. Requires `repo:write`; allowed in every state."""
    record = await require(context, path, RepositoryRole.WRITE)
    check_description(description)
    return await _change(
        context,
        record,
        "description",
        description,
        "set_repo_description",
        {"description": description},
    )


async def change_visibility(context: Context, path: str, visibility: Visibility) -> RepositoryRecord:
    """Make a repository public or private. Requires `repo:admin`.

    What becomes private is pulled only by those with a role: the rights of issued tokens are judged again.
    """
    record = await require(context, path, RepositoryRole.ADMIN)
    return await _change(
        context,
        record,
        "visibility",
        visibility.value,
        "change_repo_visibility",
        {"visibility": visibility.value},
        cause=Cause.MADE_PRIVATE if visibility is Visibility.PRIVATE else None,
    )


async def change_state(context: Context, path: str, state: RepositoryState) -> RepositoryRecord:
    """Change the state. Requires `repo:admin`. Raises `Invalid` for states that only the registry sets."""
    record = await require(context, path, RepositoryRole.ADMIN)
    if state not in {RepositoryState.NORMAL, RepositoryState.READ_ONLY, RepositoryState.MIRROR}:
        raise Invalid(f"state: must be NORMAL, READ_ONLY or MIRROR, not {state.value}.", field="state")
    await require_free(record.namespace_id, Regime.STATE, field="state")
    return await put_state(context, record, state)


async def put_state(context: Context, record: RepositoryRecord, state: RepositoryState) -> RepositoryRecord:
    """Change the state, which the caller has authorized."""
    return await _change(
        context, record, "state", state.value, "change_repo_state", {"state_changed": state.value}
    )


async def delete(context: Context, path: str) -> RepositoryRecord | None:
    """Delete a repository at once; a job purges its content. Requires `repo:admin`.

    None if there is no such repository in a namespace that the viewer administers.
    """
    record = await repository(context, path, RepositoryRole.ADMIN)
    if record is None:
        return None
    async with transaction("repository.delete"):
        await lock_row("repository", record.id)
        deleted = await execute(
            # Soft delete: renamed to its uuid, so that the name is free for a new repository.
            "UPDATE repository SET name = uuid, state = ?, deleted_at_ms = ?,"
            f" {bump(Cause.REPOSITORY_DELETED)}"
            f" WHERE id = ? AND {exists()}",
            RepositoryState.MARKED_FOR_DELETION.value,
            now_ms(),
            record.id,
        )
        if not deleted:
            return None
        await enqueue("repository.purge", {"repository_id": record.id}, namespace_id=record.namespace_id)
        await events.record(
            context,
            "delete_repo",
            {"repo": record.name, "namespace": record.namespace_name},
            namespace_id=record.namespace_id,
            repository_id=record.id,
        )
    return record
