"""Keys that services send, replace and withdraw themselves, proven by a JWT that one of their keys signed.

A service that is not known yet signs with the key that it sends, which then waits for a superuser. One that
is known signs with the key that it has, and the new key is approved by that, once for each key: who got hold
of the JWT cannot have a key of their own approved by it. The JWT is signed with RS256, names the service as
issuer and the registry as audience, and holds for an hour at most.
"""

import time
from dataclasses import dataclass
from typing import Any

from jose import jwt

from resolvers import events
from resolvers.access.foreign_tokens import MALFORMED, names_audience
from resolvers.access.limits import count_key
from resolvers.access.rsa_keys import ALGORITHM, constructed, jwk_of, kids_of, pem_of
from resolvers.context import Context
from resolvers.errors import Conflict, Forbidden, Invalid, NotFound, TooMany
from resolvers.inbox.notice import SITE, NoticeKind, put, retract
from resolvers.keys import own_key
from resolvers.keys.own_key import IS_KEPT, OWN
from resolvers.keys.service_key import (
    COLUMNS,
    IS_ALIVE,
    IS_LISTED,
    ServiceKeyApprovalType,
    ServiceKeyRecord,
    ServiceKeyState,
    by_kid,
    check_rotation,
    check_service,
    facts,
    is_service,
    listed_values,
    notice_source,
    remove,
    seconds,
)
from storage.clock import HOUR_MS, now_ms
from storage.models.site import ServiceKey
from storage.statements import execute, fetch, fetch_one
from storage.transactions import transaction

MAX_TOKEN_LENGTH = 16 * 1024
LEEWAY_S = 60
LONGEST_TOKEN_S = 3600
WAITING_PER_SERVICE, WAITING = 50, 1000
"""How many keys may wait for approval, of one service and of all."""
PUBLISHED = 1000


@dataclass(frozen=True, slots=True)
class SubmittedKey:
    """What a service sends of a new key."""

    service: str
    kid: str
    key: Any
    token: str
    expires_at_ms: int | None = None
    rotation_duration_s: int | None = None


async def published(service: str) -> list[ServiceKeyRecord]:
    """The keys of a service that are approved and have not expired, newest first. For anybody.

    Those that sign statements on built images do not end with their expiry, but when they are deleted.
    """
    if not is_service(service) and service not in OWN:
        return []
    rows = await fetch(
        f"SELECT {COLUMNS} FROM service_key k WHERE k.service = ? AND ({IS_ALIVE} OR {IS_KEPT})"
        f"{' AND k.private_key_encrypted IS NOT NULL' if service in OWN else ''} ORDER BY k.id DESC LIMIT ?",
        service,
        now_ms(),
        PUBLISHED,
    )
    return [COLUMNS.record(row) for row in rows]


async def published_key(service: str, kid: str) -> ServiceKeyRecord:
    """One of them. For anybody. Raises `NotFound`, `Conflict` while it waits, `Forbidden` after its end."""
    record = await by_kid(kid)
    if record is None or record.service != service or (service in OWN and not record.is_own):
        raise NotFound("There is no such key.")
    if record.approval_type is None:
        raise Conflict("The key waits for approval.")
    if record.state is ServiceKeyState.EXPIRED and not record.is_kept:
        raise Forbidden("The key has expired.")
    return record


async def submit(context: Context, sent: SubmittedKey) -> ServiceKeyRecord:
    """Take a key of a service: to wait for approval, or approved in the place of the one that signed for it.

    The same key once more changes nothing. Raises `Invalid`, `Forbidden` for a signature of a key that has no
    say, `Conflict` for a key that is known otherwise, `TooMany`.
    """
    check_service(sent.service)
    check_rotation(sent.rotation_duration_s)
    if sent.expires_at_ms is not None and sent.expires_at_ms <= now_ms():
        raise Invalid("expiration: must not be in the past.", field="expiration")
    pem = pem_of(sent.key)
    kids = kids_of(jwk_of(pem))
    if sent.kid not in kids:
        raise Invalid(f"kid: must be the thumbprint of the key, {kids[0]}.", field="kid")
    signer = _signer(sent.token)
    if signer in (None, sent.kid):
        _verify(context, sent.token, pem, sent.service)
        return await _add(context, sent, pem)
    return await _replace(context, sent, pem, str(signer))


async def withdraw(context: Context, service: str, kid: str, token: str) -> ServiceKeyRecord:
    """Delete a key of a service: by its own signature, or by that of an approved one.

    Raises `Invalid`, `NotFound`, and `Forbidden` for a signature of a key that has no say.
    """
    check_service(service)
    signer_kid = _signer(token)
    if signer_kid is None:
        raise Invalid("The header of the JWT must name its key: kid.")
    signer = await by_kid(signer_kid)
    if signer is None or signer.service != service or (kid != signer_kid and not _has_say(signer)):
        raise Forbidden("The key that signed has no say in this.")
    _verify(context, token, signer.public_key, service)
    context.site.uses.note("service_key", signer.id, signer.last_accessed_at_ms)
    async with transaction("service_key.withdraw"):
        await own_key.lock()
        record = await by_kid(kid)
        if record is None or record.service != service:
            raise NotFound("There is no such key.")
        await remove(context, record, signer_kid=signer_kid)
    return record


async def _add(context: Context, sent: SubmittedKey, pem: str) -> ServiceKeyRecord:
    if (known := await by_kid(sent.kid)) is not None:
        return _same(known, sent.service)
    await count_key(context)
    async with transaction("service_key.submit"):
        await own_key.lock()
        if (known := await by_kid(sent.kid)) is not None:
            return _same(known, sent.service)
        await _require_room(sent.service)
        record = await _insert(sent, pem, metadata={"ip": context.ip})
        told = {**facts(record), "preshared": False}
        await events.record(context, "service_key_create", told)
        await put(
            NoticeKind.SERVICE_KEY_SUBMITTED,
            {**facts(record), "created_date": seconds(record.created_at_ms)},
            SITE,
            source=notice_source(record.kid),
        )
    return record


def _same(known: ServiceKeyRecord, service: str) -> ServiceKeyRecord:
    if known.service != service:
        raise Conflict("The key is that of another service.")
    if known.state is ServiceKeyState.EXPIRED:
        raise Conflict("The key has expired; make a new one.")
    return known


async def _replace(context: Context, sent: SubmittedKey, pem: str, signer_kid: str) -> ServiceKeyRecord:
    signer = await by_kid(signer_kid)
    if signer is None or signer.service != sent.service or signer.state is not ServiceKeyState.APPROVED:
        raise Forbidden("The key that signed is none of this service that is approved.")
    _verify(context, sent.token, signer.public_key, sent.service)
    context.site.uses.note("service_key", signer.id, signer.last_accessed_at_ms)
    async with transaction("service_key.replace"):
        await own_key.lock()
        signer = await by_kid(signer_kid)
        known = await by_kid(sent.kid)
        if signer is not None and known is not None and signer.successor_kid == sent.kid:
            return _same(known, sent.service)
        if signer is None or not _has_say(signer):
            raise Forbidden("The key that signed has been replaced already.")
        if known is not None and (known.approval_type is not None or known.service != sent.service):
            raise Conflict("The key is approved already, or that of another service.")
        record = await _insert(
            sent,
            pem,
            metadata={**signer.metadata, "ip": context.ip, "created_by": "key rotation"},
            before=signer,
        )
        await own_key.end(signer.id, sent.kid)
        await events.record(context, "service_key_rotate", {**facts(record), "signer_kid": signer_kid})
    return record


def _has_say(signer: ServiceKeyRecord) -> bool:
    return signer.state is ServiceKeyState.APPROVED and signer.successor_kid is None


async def _insert(
    sent: SubmittedKey, pem: str, *, metadata: dict[str, Any], before: ServiceKeyRecord | None = None
) -> ServiceKeyRecord:
    # A key that waited too long, or waits, has a row that counts for nothing.
    await execute("DELETE FROM service_key WHERE kid = ?", sent.kid)
    await retract(notice_source(sent.kid))
    now = now_ms()
    await ServiceKey.create(
        kid=sent.kid,
        service=sent.service,
        public_key=pem,
        created_at_ms=now,
        expires_at_ms=sent.expires_at_ms,
        name=before.name if before else "",
        metadata=metadata,
        approval_type=ServiceKeyApprovalType.KEY_ROTATION.value if before else None,
        approved_at_ms=now if before else None,
        rotation_duration_s=before.rotation_duration_s if before else sent.rotation_duration_s,
    )
    record = await by_kid(sent.kid)
    assert record is not None
    return record


async def _require_room(service: str) -> None:
    row = await fetch_one(
        "SELECT COUNT(*) AS waiting, COUNT(CASE WHEN k.service = ? THEN 1 END) AS own FROM service_key k"
        f" WHERE k.approved_at_ms IS NULL AND {IS_LISTED}",
        service,
        *listed_values(),
    )
    if row and (row["own"] >= WAITING_PER_SERVICE or row["waiting"] >= WAITING):
        raise TooMany(
            "Too many keys wait for approval; have some approved or deleted.", retry_after_s=HOUR_MS // 1000
        )


def _signer(token: str) -> str | None:
    """The key id in the header of a JWT, unverified, None without one. Raises `Invalid`."""
    try:
        if len(token) > MAX_TOKEN_LENGTH:
            raise ValueError("too long")
        header = jwt.get_unverified_header(token)
        kid, algorithm = header.get("kid"), header.get("alg")
    except MALFORMED as error:
        raise Invalid("The Authorization header must hold a JWT: Bearer, a space, and the JWT.") from error
    if algorithm != ALGORITHM:
        raise Invalid(f"The JWT must be signed with {ALGORITHM}.")
    if "crit" in header or not (kid is None or isinstance(kid, str)):
        raise Invalid("The header of the JWT has a member that is not understood.")
    return kid or None


def _verify(context: Context, token: str, pem: str, service: str) -> None:
    """Raise `Invalid` unless a JWT is signed by this key, for this registry, by this service, and holds."""
    try:
        claims = jwt.decode(
            token,
            constructed(pem),
            algorithms=[ALGORITHM],
            issuer=service,
            options={
                # See `names_audience`.
                "verify_aud": False,
                "require_exp": True,
                "require_iss": True,
                "leeway": LEEWAY_S,
            },
        )
        expires_at_s = float(claims["exp"])
    except MALFORMED as error:
        raise Invalid(
            "The signature of the JWT does not fit the key, it is over, or its iss is not the service."
        ) from error
    if not names_audience(claims, {context.site.public_url, context.site.registry_host}):
        raise Invalid(f"The aud of the JWT must be {context.site.public_url}.")
    if expires_at_s > time.time() + LONGEST_TOKEN_S + LEEWAY_S:
        raise Invalid("The exp of the JWT must be at most an hour ahead.")
