"""Attaching: the referrer by which a built image gets its provenance."""

from resolvers.attestations.referrer import Referrer
from resolvers.attestations.signing import attest
from resolvers.builds import build
from resolvers.builds.builder import BuildFailed
from resolvers.builds.built import Built
from resolvers.builds.provenance.predicate import PREDICATE_TYPE, predicate
from resolvers.context import Context
from resolvers.repositories.repository import RepositoryRecord
from storage.clock import now_ms
from storage.statements import execute, fetch_one


async def to_attach(context: Context, place: RepositoryRecord, build_id: int, built: Built) -> list[Referrer]:
    """What is to be pushed beside the image that a build made: nothing if it has its provenance.

    A build that was given back by a process that died makes the same image again, mostly; the provenance that
    it pushed then is as true now. It is noted before it is pushed, so that it is found again. Raises
    `BuildFailed` for a build that was deleted meanwhile, and `SecretUnreadable`.
    """
    found = await build.by_id(build_id)
    if found is None:
        raise BuildFailed("The build is gone.")
    if found.provenance_digest is not None and await _is_attached(
        place, found.provenance_digest, built.digest
    ):
        return []
    said = predicate(context, place, found, built, now_ms())
    made = await attest(context, built.image, [place.path], PREDICATE_TYPE, said)
    await execute("UPDATE build SET provenance_digest = ? WHERE id = ?", made.digest, build_id)
    return [made]


async def _is_attached(place: RepositoryRecord, digest: str, subject: str) -> bool:
    return (
        await fetch_one(
            "SELECT 1 AS one FROM manifest WHERE repository_id = ? AND digest = ? AND subject_digest = ?",
            *(place.id, digest, subject),
        )
        is not None
    )
