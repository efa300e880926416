"""Policies: rules of a namespace for all its repositories, or of one repository. What their kinds share.

So do other things that a namespace has for all its repositories, or one repository for itself.
"""

from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

from resolvers.access.needs import Need
from resolvers.access.permissions import require_administrator, require_repository
from resolvers.access.roles import RepositoryRole
from resolvers.accounts.account import AccountRecord
from resolvers.accounts.namespace import Owner, require_administered
from resolvers.columns import Columns
from resolvers.context import Context
from resolvers.errors import NotFound
from resolvers.pages import Page, Query, Slice, Term, paginate
from resolvers.repositories.repository import RepositoryRecord, repository, require_by_id
from storage.statements import execute, fetch, fetch_one
from storage.transactions import lock_and_read


class Policy(Protocol):
    """What the record of a policy has, of whichever kind."""

    @property
    def id(self) -> int:
        """The id of its row."""

    @property
    def namespace_id(self) -> int:
        """The namespace where it holds."""

    @property
    def repository_id(self) -> int | None:
        """The repository where it holds; None for all of the namespace."""


P = TypeVar("P", bound=Policy)


@dataclass(frozen=True, slots=True)
class Place:
    """Where policies hold: a namespace, or one repository in it."""

    namespace_id: int
    repository_id: int | None
    namespace: str
    repository: str | None

    @property
    def condition(self) -> tuple[str, list[Any]]:
        """The SQL condition for the policies `p` of this place, with its values."""
        if self.repository_id is None:
            return "p.namespace_id = ? AND p.repository_id IS NULL", [self.namespace_id]
        return "p.repository_id = ?", [self.repository_id]

    @property
    def metadata(self) -> dict[str, Any]:
        """The place in metadata of events."""
        return {"namespace": self.namespace} | ({"repo": self.repository} if self.repository else {})

    async def lock(self) -> None:
        """Lock the place in the open transaction, so that changes to its policies come one after another.

        Raises `NotFound` if it was deleted meanwhile.
        """
        key = ("account", self.namespace_id)
        if self.repository_id is not None:
            key = ("repository", self.repository_id)
        row = await lock_and_read(*key, "deleted_at_ms")
        if row is None or row["deleted_at_ms"] is not None:
            raise NotFound(field="owner")


class Policies(Generic[P]):
    """The policies of one kind: the rows of `table`, called by `name` in errors.

    `need` is what those of a namespace require; those of a repository require its role admin. Reading and
    changing them require the same. `key` is the column by which callers name one of a place, in an argument
    called `field`.
    """

    def __init__(
        self,
        record: type[P],
        table: str,
        *,
        name: str,
        need: Need,
        key: str = "uuid",
        field: str = "policy",
    ) -> None:
        self._columns = Columns(record, "p")
        self._table = table
        self._name = name
        self._need = need
        self._key = key
        self._field = field

    async def place(self, context: Context, owner: Owner) -> Place:
        """The place that an argument names. Raises `Unauthenticated`, `Forbidden`, `NotFound`."""
        if owner.repository is not None:
            record = await repository(context, owner.repository, RepositoryRole.ADMIN)
            if record is None:
                raise NotFound(field="owner")
            return _in_repository(record)
        account = await require_administered(context, owner.namespace, field="owner", need=self._need)
        return Place(account.id, None, account.name, None)

    async def _visible(self, context: Context, owner: AccountRecord | RepositoryRecord) -> Place:
        if isinstance(owner, RepositoryRecord):
            await require_repository(context.looking, owner.ref, RepositoryRole.ADMIN)
            return _in_repository(owner)
        await require_administrator(context.looking, owner.id, self._need)
        return Place(owner.id, None, owner.name, None)

    async def of(self, context: Context, owner: AccountRecord | RepositoryRecord, page: Page) -> Slice[P]:
        """The policies of a namespace or of a repository, oldest first."""
        condition, values = (await self._visible(context, owner)).condition
        rows = await paginate(
            Query(self._columns.sql, f"{self._table} p", (Term("p.id", "id"),), (condition,), tuple(values)),
            page,
            maximum=context.max_first,
        )
        return rows.of(self._columns.record)

    async def one(self, context: Context, owner: AccountRecord | RepositoryRecord, identity: str) -> P | None:
        """A policy of a namespace or of a repository by its key; None if it has none such."""
        return await self.find(await self._visible(context, owner), identity)

    async def by_id(self, context: Context, policy_id: int) -> P | None:
        """A policy by its row id; None if there is none such."""
        record = await self.stored(policy_id)
        if record is not None:
            await self.require_administered(context.looking, record)
        return record

    async def require_administered(self, context: Context, record: P) -> None:
        """Raise `Unauthenticated` or `Forbidden` for viewers who may not see a policy."""
        if record.repository_id is None:
            await require_administrator(context, record.namespace_id, self._need)
        else:
            await require_by_id(context, record.repository_id, RepositoryRole.ADMIN)

    async def stored(self, policy_id: int) -> P | None:
        """`by_id` without authorization, for jobs."""
        row = await fetch_one(f"SELECT {self._columns} FROM {self._table} p WHERE p.id = ?", policy_id)
        return self._columns.record(row) if row else None

    async def where(self, condition: str, *values: Any) -> list[P]:
        """The policies `p` that fulfil an SQL condition, oldest first; without authorization, for jobs."""
        rows = await fetch(
            f"SELECT {self._columns} FROM {self._table} p WHERE {condition} ORDER BY p.id", *values
        )
        return [self._columns.record(row) for row in rows]

    async def holding_in(self, *, namespace_id: int, repository_id: int) -> list[P]:
        """The policies that hold in a repository, oldest first: its own and its namespace's."""
        return await self.where(
            "(p.namespace_id = ? AND p.repository_id IS NULL) OR p.repository_id = ?",
            *(namespace_id, repository_id),
        )

    async def find(self, place: Place, identity: str) -> P | None:
        """A policy of a place by its key; None if it has none such."""
        condition, values = place.condition
        row = await fetch_one(
            f"SELECT {self._columns} FROM {self._table} p WHERE {condition} AND p.{self._key} = ?",
            *values,
            identity,
        )
        return self._columns.record(row) if row else None

    async def require(self, place: Place, identity: str) -> P:
        """A policy of a place by its key. Raises `NotFound`."""
        record = await self.find(place, identity)
        if record is None:
            raise NotFound(f"There is no {self._name} '{identity[:64]}'.", field=self._field)
        return record

    async def has_equal(self, place: Place, values: dict[str, Any], *, but: int = 0) -> bool:
        """Whether a place has a policy with these values of columns, apart from the row `but`."""
        condition, given = place.condition
        for column, value in values.items():
            condition += f" AND p.{column} IS NULL" if value is None else f" AND p.{column} = ?"
            given += [] if value is None else [value]
        row = await fetch_one(f"SELECT id FROM {self._table} p WHERE {condition} AND p.id <> ?", *given, but)
        return row is not None

    async def count(self, place: Place) -> int:
        """How many policies a place has."""
        condition, values = place.condition
        row = await fetch_one(f"SELECT COUNT(*) AS n FROM {self._table} p WHERE {condition}", *values)
        return row["n"] if row else 0

    async def change(self, record: P, values: dict[str, Any]) -> None:
        """Write values of columns into the row of a policy."""
        assignments = ", ".join(f"{column} = ?" for column in values)
        await execute(f"UPDATE {self._table} SET {assignments} WHERE id = ?", *values.values(), record.id)

    async def remove(self, record: P) -> None:
        """Delete the row of a policy."""
        await execute(f"DELETE FROM {self._table} WHERE id = ?", record.id)


def _in_repository(record: RepositoryRecord) -> Place:
    return Place(record.namespace_id, record.id, record.namespace_name, record.name)
