"""Plans as they are kept: what somebody looked at, with a fingerprint of what it would do, for 15 minutes.

The kinds of plans differ in arguments and outcome; that a plan is its maker's alone, and is applied once and
only while it is true, is said here.
"""

import hashlib
import uuid
from dataclasses import dataclass
from typing import Any

import orjson

from resolvers.context import Context
from resolvers.errors import Conflict
from storage.clock import now_ms
from storage.models.plan import Plan
from storage.statements import decode_json, execute, fetch_one
from storage.transactions import transaction

LIFETIME_MS = 15 * 60_000
PRUNE_BATCH = 500
"""Most expired plans that are deleted when one is made."""
APPLIED = "applied"
"""The fingerprint of a plan that was applied; none of an outcome is so short."""


@dataclass(frozen=True, slots=True)
class KeptPlan:
    """A plan of the viewer, whatever its age."""

    id: int
    uuid: str
    kind: str
    arguments: dict[str, Any]
    fingerprint: str
    expires_at_ms: int

    @property
    def is_open(self) -> bool:
        """Whether it can still be applied, if it is true."""
        return self.fingerprint != APPLIED and self.expires_at_ms > now_ms()


def fingerprint(outcome: Any) -> str:
    """The fingerprint of an outcome, which may be anything that JSON can say, dataclasses included."""
    return hashlib.sha256(orjson.dumps(outcome)).hexdigest()


async def keep(context: Context, kind: str, arguments: dict[str, Any], outcome: Any) -> KeptPlan:
    """Keep a plan of the viewer. Old ones are deleted meanwhile."""
    account = context.viewer.require_account()
    expires_at_ms, mark = now_ms() + LIFETIME_MS, fingerprint(outcome)
    async with transaction("plan.prepare"):
        await execute(
            "DELETE FROM plan WHERE id IN (SELECT id FROM plan WHERE expires_at_ms < ? LIMIT ?)",
            now_ms(),
            PRUNE_BATCH,
        )
        made = await Plan.create(
            uuid=str(uuid.uuid4()),
            kind=kind,
            account_id=account.id,
            arguments=arguments,
            fingerprint=mark,
            expires_at_ms=expires_at_ms,
        )
    return KeptPlan(made.id, made.uuid, kind, arguments, mark, expires_at_ms)


async def find(context: Context, identity: str) -> KeptPlan | None:
    """The viewer's plan with this uuid; None if there is none."""
    account = context.viewer.require_account()
    row = await fetch_one(
        "SELECT id, uuid, kind, arguments, fingerprint, expires_at_ms FROM plan"
        " WHERE uuid = ? AND account_id = ?",
        identity,
        account.id,
    )
    return KeptPlan(**(row | {"arguments": decode_json(row["arguments"])})) if row else None


def require_open(plan: KeptPlan) -> None:
    """Raise `Conflict` for a plan that was applied or that expired."""
    if plan.fingerprint == APPLIED:
        raise applied()
    if plan.expires_at_ms <= now_ms():
        raise Conflict("The plan is more than 15 minutes old. Make a new one.", field="plan")


async def mark_applied(plan: KeptPlan) -> None:
    """Note that a plan is applied, in the open transaction if there is one. Raises `Conflict` if it was.

    The row stays until it is old, so that a second application is told of the first.
    """
    if not await execute(
        "UPDATE plan SET fingerprint = ? WHERE id = ? AND fingerprint = ?", APPLIED, plan.id, plan.fingerprint
    ):
        raise applied()


def applied() -> Conflict:
    """The error for a plan that was applied before."""
    return Conflict("The plan has been applied already. Make a new one.", field="plan")


def stale() -> Conflict:
    """The error for a plan that is not true any more."""
    return Conflict("The tags have changed since the plan was made. Make a new one.", field="plan")
