"""Attestations that repositories hold, and whether the registry has made them."""

import asyncio
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Final

import orjson

from resolvers.attestations.envelope import Opened, opened
from resolvers.attestations.referrer import BUNDLE_TYPE
from resolvers.context import Context
from resolvers.keys.own_key import STATEMENTS, public_halves
from resolvers.manifests import rights
from storage.blobs import BlobError
from storage.statements import Row, batches, fetch, placeholders

BUNDLE_LIMIT: Final = 1024 * 1024
"""Most bytes of one attestation that is read."""
READS: Final = 8
"""How many are read at a time."""

Place = tuple[int, str]
"""The id of a repository, and the digest of a referrer in it."""


@dataclass(frozen=True, slots=True)
class AttestationRecord:
    """A statement about the digest `subject`, in its envelope.

    `public_key` is the PEM of the registry's key that it says it is signed with, None if there is none such
    any more. `is_verified`: it is signed with that, and is about its subject.
    """

    manifest_digest: str
    subject: str
    envelope: dict[str, Any]
    statement: dict[str, Any]
    kid: str
    public_key: str | None
    is_verified: bool


async def read(context: Context, places: Collection[Place]) -> dict[Place, AttestationRecord]:
    """The attestations in some referrers of repositories that the viewer may read.

    Left out is what the repository does not hold, and what is no attestation of this form. Two statements,
    and one blob read for each.
    """
    rows = await _rows(places)
    slots = asyncio.Semaphore(READS)

    async def one(row: Row) -> tuple[str, Opened] | None:
        async with slots:
            return await _opened(context, row["blob"])

    found = dict(zip(rows, await asyncio.gather(*map(one, rows.values())), strict=True))
    keys = await public_halves(STATEMENTS, {each[0] for each in found.values() if each is not None})
    return {
        place: _record(place[1], rows[place]["subject_digest"], *each, keys)
        for place, each in found.items()
        if each is not None
    }


async def _rows(places: Collection[Place]) -> dict[Place, Row]:
    found: dict[Place, Row] = {}
    for batch in batches(sorted(set(places))):
        repositories, digests = sorted({place[0] for place in batch}), [place[1] for place in batch]
        rows = await fetch(
            "SELECT m.repository_id, m.digest, m.subject_digest, l.digest AS blob FROM manifest m"
            " JOIN manifest_blob l ON l.manifest_id = m.id AND l.role = 'layer'"
            f" WHERE m.repository_id IN ({placeholders(repositories)})"
            f" AND m.digest IN ({placeholders(digests)}) AND m.subject_digest IS NOT NULL"
            f" AND l.media_type = ? AND l.size_bytes <= ? AND {rights.IS_HELD}",
            *(*repositories, *digests, BUNDLE_TYPE, BUNDLE_LIMIT),
        )
        found |= {(row["repository_id"], row["digest"]): row for row in rows}
    return {place: found[place] for place in places if place in found}


async def _opened(context: Context, digest: str) -> tuple[str, Opened] | None:
    """The key that a bundle names, and what its envelope has."""
    try:
        bundle = orjson.loads(await context.blobs.read_all(digest, limit=BUNDLE_LIMIT))
        kid, found = bundle["verificationMaterial"]["publicKey"]["hint"], opened(bundle["dsseEnvelope"])
    except (BlobError, ValueError, KeyError, TypeError):
        return None
    return (kid, found) if isinstance(kid, str) and found is not None else None


def _record(digest: str, subject: str, kid: str, found: Opened, keys: Mapping[str, str]) -> AttestationRecord:
    key = keys.get(kid)
    return AttestationRecord(
        digest,
        subject,
        found.envelope,
        found.statement,
        kid,
        key,
        key is not None and found.names(subject) and found.is_signed_by(key),
    )
