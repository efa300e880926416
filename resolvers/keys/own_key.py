"""The registry's own keys, and how they rotate without a refused pull or a signature that ends.

There are two services of its own: one signs registry tokens, the other what is said of built images.
A successor signs from its commit on, since whoever signs asks the database for the newest key. The key before
it stays valid for longer than what it has signed, so that nobody notices: some time for tokens, and for what
has no end until somebody deletes it. Making and replacing keys takes one lock, so that however many processes
want a successor, there is one.
"""

import asyncio
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from resolvers import events
from resolvers.access.registry_tokens import LIFETIME_S
from resolvers.access.rsa_keys import KeyPair, new_pair
from resolvers.context import Context
from storage.clock import SKEW_MS, now_ms
from storage.models.site import ServiceKey
from storage.statements import Row, batches, execute, fetch, fetch_one, placeholders
from storage.transactions import transaction

ROTATION_S = 90 * 86_400
"""How often a key rotates if nobody chose otherwise."""

OVERLAP_MS = LIFETIME_S * 1000 + 2 * SKEW_MS
"""How long a key stays valid after its last token: the life of a token, and what clocks differ by."""

NEEDED_MS = LIFETIME_S * 1000 + SKEW_MS
"""How long a key must still be valid to sign a token."""

_LOCK = "service_key_lock"


@dataclass(frozen=True, slots=True)
class OwnService:
    """A service of the registry itself. `name` is what its keys are called at first, `signs` what they sign.

    A key must be valid for `needed_ms` more to sign, and is for `overlap_ms` once it was replaced. With None
    it is kept: its public half stays published until it is deleted, since what it signed has no end.
    """

    service: str
    name: str
    signs: str
    needed_ms: int
    overlap_ms: int | None


TOKENS = OwnService("quayside-registry", "Registry tokens", "registry tokens", NEEDED_MS, OVERLAP_MS)
"""No other service can have this name, since names have no hyphen."""

STATEMENTS = OwnService("builds", "Built images", "statements on built images", 0, None)
"""No other service may take this name."""

SERVICE = TOKENS.service
OWN = {own.service: own for own in (TOKENS, STATEMENTS)}

IS_SIGNING = (
    "service = ? AND private_key_encrypted IS NOT NULL AND approved_at_ms IS NOT NULL"
    " AND successor_kid IS NULL AND (expires_at_ms IS NULL OR expires_at_ms > ?)"
)
"""SQL condition: a key may sign; takes a service and `now + needed_ms`."""

IS_KEPT = (
    "(k.private_key_encrypted IS NOT NULL AND k.service IN ("
    + ", ".join(f"'{own.service}'" for own in OWN.values() if own.overlap_ms is None)
    + "))"
)
"""SQL condition: a key stays published until it is deleted, also when it signs no more."""


@dataclass(frozen=True, slots=True)
class OwnKey:
    """The key that signs now."""

    id: int
    kid: str
    last_accessed_at_ms: int | None


async def current(own: OwnService = TOKENS) -> OwnKey | None:
    """The key that signs now; None if there is none that is valid for long enough."""
    row = await fetch_one(
        f"SELECT id, kid, last_accessed_at_ms FROM service_key WHERE {IS_SIGNING} ORDER BY id DESC LIMIT 1",
        own.service,
        now_ms() + own.needed_ms,
    )
    return OwnKey(row["id"], row["kid"], row["last_accessed_at_ms"]) if row else None


async def public_halves(own: OwnService, kids: Collection[str]) -> dict[str, str]:
    """The PEM of the public halves of keys of a service that have not been deleted, by their ids."""
    found: dict[str, str] = {}
    for batch in batches(sorted(kids)):
        rows = await fetch(
            "SELECT kid, public_key FROM service_key WHERE service = ? AND private_key_encrypted IS NOT NULL"
            f" AND kid IN ({placeholders(batch)})",
            own.service,
            *batch,
        )
        found |= {row["kid"]: row["public_key"] for row in rows}
    return found


async def lock() -> None:
    """Let no other transaction change which key signs, until the open one ends."""
    await execute(
        "INSERT INTO site_setting (name, value) VALUES (?, '')"
        " ON CONFLICT (name) DO UPDATE SET value = excluded.value",
        _LOCK,
    )


async def prepared() -> KeyPair:
    """A new key, made beside the event loop; it is of no use before `succeed`."""
    return await asyncio.to_thread(new_pair)


async def ensure(context: Context, own: OwnService = TOKENS) -> OwnKey:
    """The key that signs now, made in nobody's name if there is none."""
    found = await current(own)
    return found or await succeed(context, None, await prepared(), own)


async def succeed(context: Context, kid: str | None, pair: KeyPair, own: OwnService = TOKENS) -> OwnKey:
    """Let a new key sign in the place of `kid`, or of none. Another's successor of that key is left alone."""
    async with transaction("service_key.succeed"):
        await lock()
        found = await current(own)
        if found is not None and found.kid != kid:
            return found
        before = await fetch_one(
            "SELECT id, kid, name, rotation_duration_s FROM service_key"
            " WHERE service = ? AND private_key_encrypted IS NOT NULL ORDER BY id DESC LIMIT 1",
            own.service,
        )
        made = await _insert(context, pair, own, before)
        if before is not None:
            await end(before["id"], pair.kid, own.overlap_ms)
            await events.record(context, "service_key_rotate", _told(made, before["kid"]))
    return OwnKey(made.id, made.kid, None)


async def _insert(context: Context, pair: KeyPair, own: OwnService, before: Row | None) -> ServiceKey:
    now = now_ms()
    made: ServiceKey = await ServiceKey.create(
        kid=pair.kid,
        service=own.service,
        private_key_encrypted=context.secrets.encrypt(pair.private_pem),
        public_key=pair.public_pem,
        created_at_ms=now,
        name=before["name"] if before else own.name,
        metadata={"created_by": "rotation" if before else "first start"},
        approval_type="key_rotation" if before else "automatic",
        approver_id=context.account_id,
        approved_at_ms=now,
        rotation_duration_s=before["rotation_duration_s"] if before else ROTATION_S,
    )
    return made


async def end(row_id: int, successor: str, overlap_ms: int | None = OVERLAP_MS) -> None:
    """Let a replaced key end when nothing that it signed is valid any more, unless it ends sooner."""
    if overlap_ms is None:
        await execute("UPDATE service_key SET successor_kid = ? WHERE id = ?", successor, row_id)
        return
    ends = now_ms() + overlap_ms
    await execute(
        "UPDATE service_key SET successor_kid = ?,"
        " expires_at_ms = CASE WHEN expires_at_ms < ? THEN expires_at_ms ELSE ? END WHERE id = ?",
        successor,
        ends,
        ends,
        row_id,
    )


def _told(made: ServiceKey, signer_kid: str) -> dict[str, Any]:
    return {
        "kid": made.kid,
        "signer_kid": signer_kid,
        "service": made.service,
        "name": made.name,
        "expiration_date": None,
    }
