"""Pull policies of namespaces and repositories, and the advisories that they overlook for some time.

Both that of a repository and that of its namespace hold there, so that neither can loosen the other.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from resolvers import events
from resolvers.access.needs import ADMINISTER_NAMESPACE
from resolvers.accounts.account import AccountRecord
from resolvers.accounts.namespace import Owner
from resolvers.advisories import revision
from resolvers.advisories.severity import SEVERITIES, Severity
from resolvers.columns import Columns
from resolvers.context import Context
from resolvers.errors import Invalid, NotFound
from resolvers.pages import Page, Query, Slice, Term, paginate
from resolvers.repositories.policies import Place, Policies
from resolvers.repositories.repository import RepositoryRecord
from storage.clock import now_ms
from storage.models.gate import PullException, PullPolicy
from storage.statements import execute, fetch_one
from storage.transactions import transaction

MOST_EXCEPTIONS: Final = 1_000
"""Exceptions of a policy, those that are over among them."""
ADVISORY_LENGTH: Final = 128
REASON_LENGTH: Final = 1_000


class PullMode(StrEnum):
    """What a policy does about a pull, the mildest first."""

    AUDIT = "audit"
    WARN = "warn"
    ENFORCE = "enforce"


@dataclass(frozen=True, slots=True)
class PullTerms:
    """What a policy says. `allows_unfixed`: what no version fixes is overlooked."""

    mode: PullMode
    minimum: Severity
    allows_unfixed: bool = False
    requires_scan: bool = False


@dataclass(frozen=True, slots=True)
class PolicyRecord:
    """A pull policy; `severity` is the number of the least severity that it is about."""

    id: int
    namespace_id: int
    repository_id: int | None
    mode: PullMode
    severity: int
    allows_unfixed: bool
    requires_scan: bool
    created_at_ms: int
    changed_at_ms: int

    @property
    def minimum(self) -> Severity:
        """The least severity that it is about."""
        return SEVERITIES[self.severity]


@dataclass(frozen=True, slots=True)
class ExceptionRecord:
    """An advisory that a policy overlooks, by one of its names, before `ends_at_ms`."""

    id: int
    policy_id: int
    advisory: str
    reason: str
    ends_at_ms: int
    created_at_ms: int


POLICIES: Final = Policies(PolicyRecord, "pull_policy", name="pull policy", need=ADMINISTER_NAMESPACE)
EXCEPTION_COLUMNS: Final = Columns(ExceptionRecord, "e")


async def policy_of(context: Context, owner: AccountRecord | RepositoryRecord) -> PolicyRecord | None:
    """The policy of a namespace or a repository; None without one. Requires what changing it does."""
    found = await POLICIES.of(context, owner, Page(first=1))
    return found.items[0] if found.items else None


async def exceptions_of(context: Context, policy: PolicyRecord, page: Page) -> Slice[ExceptionRecord]:
    """The exceptions of an authorized policy, those that are over among them, oldest first."""
    rows = await paginate(
        Query(
            EXCEPTION_COLUMNS.sql,
            "pull_exception e",
            (Term("e.id", "id"),),
            ("e.policy_id = ?",),
            (policy.id,),
        ),
        page,
        maximum=context.max_first,
    )
    return rows.of(EXCEPTION_COLUMNS.record)


async def set_policy(context: Context, owner: Owner, terms: PullTerms) -> PolicyRecord:
    """Give a place a policy, or change the one that it has, whose exceptions stay.

    Requires `org:admin` or `repo:admin`. Raises `NotFound`.
    """
    place = await POLICIES.place(context, owner)
    values: dict[str, Any] = {
        "mode": terms.mode.value,
        "severity": terms.minimum.number,
        "allows_unfixed": terms.allows_unfixed,
        "requires_scan": terms.requires_scan,
        "changed_at_ms": now_ms(),
    }
    async with transaction("gate.set_policy"):
        await place.lock()
        before = await _at(place)
        if before is None:
            await PullPolicy.create(
                namespace_id=place.namespace_id,
                repository_id=place.repository_id,
                created_at_ms=values["changed_at_ms"],
                **values,
            )
        else:
            await POLICIES.change(before, values)
        record = await _require(place)
        await revision.bump(only_policies=True)
        await _record(context, "set_pull_policy", place, _metadata(record))
    return record


async def delete_policy(context: Context, owner: Owner) -> PolicyRecord:
    """Take the policy of a place away, with its exceptions. Requires as `set_policy`. Raises `NotFound`."""
    place = await POLICIES.place(context, owner)
    async with transaction("gate.delete_policy"):
        await place.lock()
        record = await _require(place)
        await POLICIES.remove(record)
        await revision.bump(only_policies=True)
        await _record(context, "delete_pull_policy", place, _metadata(record))
    return record


async def set_exception(
    context: Context, owner: Owner, *, advisory: str, reason: str, ends_at_ms: int
) -> ExceptionRecord:
    """Let the policy of a place overlook an advisory, or change why and until when it does.

    The advisory need not be known yet. Requires as `set_policy`. Raises `Invalid`, and `NotFound` without a
    policy.
    """
    place = await POLICIES.place(context, owner)
    advisory = _checked("advisory", advisory, ADVISORY_LENGTH)
    reason = _checked("reason", reason, REASON_LENGTH, allows_lines=True)
    now = now_ms()
    if ends_at_ms <= now:
        raise Invalid("endsAt: must be in the future.", field="endsAt")
    async with transaction("gate.set_exception"):
        await place.lock()
        policy = await _require(place)
        known = await _exception(policy, advisory)
        if known is None:
            await _require_room(policy)
            await PullException.create(
                policy_id=policy.id,
                advisory=advisory,
                reason=reason,
                ends_at_ms=ends_at_ms,
                created_at_ms=now,
            )
        else:
            await execute(
                "UPDATE pull_exception SET reason = ?, ends_at_ms = ? WHERE id = ?",
                *(reason, ends_at_ms, known.id),
            )
        record = await _exception(policy, advisory)
        assert record is not None
        await revision.bump(only_policies=True)
        await _record(context, "set_pull_exception", place, _exception_metadata(record))
    return record


async def delete_exception(context: Context, owner: Owner, advisory: str) -> None:
    """End an exception. Requires as `set_policy`. Raises `NotFound`."""
    place = await POLICIES.place(context, owner)
    async with transaction("gate.delete_exception"):
        await place.lock()
        policy = await _require(place)
        record = await _exception(policy, advisory)
        if record is None:
            raise NotFound(f"The policy has no exception for '{advisory[:64]}'.", field="advisory")
        await execute("DELETE FROM pull_exception WHERE id = ?", record.id)
        await revision.bump(only_policies=True)
        await _record(context, "delete_pull_exception", place, _exception_metadata(record))


async def _at(place: Place) -> PolicyRecord | None:
    condition, values = place.condition
    return next(iter(await POLICIES.where(condition, *values)), None)


async def _require(place: Place) -> PolicyRecord:
    record = await _at(place)
    if record is None:
        raise NotFound("The owner has no pull policy.", field="owner")
    return record


async def _exception(policy: PolicyRecord, advisory: str) -> ExceptionRecord | None:
    row = await fetch_one(
        f"SELECT {EXCEPTION_COLUMNS} FROM pull_exception e WHERE e.policy_id = ? AND e.advisory = ?",
        *(policy.id, advisory.replace("\0", "")),
    )
    return EXCEPTION_COLUMNS.record(row) if row else None


async def _require_room(policy: PolicyRecord) -> None:
    row = await fetch_one("SELECT COUNT(*) AS n FROM pull_exception WHERE policy_id = ?", policy.id)
    if row and row["n"] >= MOST_EXCEPTIONS:
        raise Invalid(
            f"A policy has at most {MOST_EXCEPTIONS} exceptions; delete those that are over.",
            field="advisory",
        )


def _checked(field: str, text: str, length: int, *, allows_lines: bool = False) -> str:
    text = text.strip()
    shown = text.replace("\n", " ") if allows_lines else text
    if not 1 <= len(text) <= length or not shown.isprintable():
        raise Invalid(f"{field}: must be 1 to {length} printable characters.", field=field)
    return text


def _metadata(record: PolicyRecord) -> dict[str, Any]:
    return {
        "mode": record.mode.value,
        "min_severity": record.minimum.value,
        "allows_unfixed": record.allows_unfixed,
        "requires_scan": record.requires_scan,
    }


def _exception_metadata(record: ExceptionRecord) -> dict[str, Any]:
    return {"advisory": record.advisory, "reason": record.reason, "ends_at_ms": record.ends_at_ms}


async def _record(context: Context, kind: str, place: Place, metadata: dict[str, Any]) -> None:
    await events.record(
        context,
        kind,
        metadata | place.metadata,
        namespace_id=place.namespace_id,
        repository_id=place.repository_id,
    )
