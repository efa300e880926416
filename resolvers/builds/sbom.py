"""The bill of materials of a built image: attached as a signed referrer once it is known what is in it."""

import asyncio
from typing import Final

import orjson

from resolvers.attestations.referrer import Image, Referrer
from resolvers.attestations.signing import attest
from resolvers.builds import build
from resolvers.builds.build import SBOM_JOB, BuildRecord
from resolvers.builds.builder import Builder, BuildFailed
from resolvers.builds.tokens import push_token
from resolvers.context import Context, Site
from resolvers.job_kinds import HOUR, MINUTE, Lane, Run, job
from resolvers.manifests import examination
from resolvers.repositories import repository
from resolvers.repositories.repository import RepositoryRecord
from resolvers.sbom.contents import found_in
from resolvers.sbom.sbom import REQUEST_PACKAGES, SbomFormat, written
from resolvers.sbom.spdx import PREDICATE_TYPE
from resolvers.scan.state import ScanState, scans_of
from storage.clock import now_ms
from storage.jobs import enqueue
from storage.statements import Row, execute, fetch_one

MOST_BYTES: Final = 16 * 1024 * 1024
"""Of a bill that is attached; readers refuse larger ones."""
PATIENCE_MS: Final = 24 * HOUR * 1000
"""How long after the end of the build its scan is waited for."""


def _is_on(site: Site) -> bool:
    return site.has("BUILD_SUPPORT") and examination.is_on(site)


@job(
    SBOM_JOB,
    "Attaches its bill of materials to an image that a build has made, once it is scanned.",
    lane=Lane.NETWORK,
    goes_on_when_read_only=False,
    needs=_is_on,
)
async def attach_sbom(run: Run) -> str | None:
    """Attach the bill of a build's image, unless it has one; later, if it is not scanned yet.

    It is pushed as the image was: by the account that the build is of, whose rights and quota count.
    """
    found = await build.by_id(run.payload["build_id"])
    builder: Builder | None = run.tools.builder
    if found is None or found.digest is None or builder is None:
        return None
    place = (await repository.by_ids([found.repository_id])).get(found.repository_id)
    image = await _image(found)
    if place is None or image is None:
        return None
    state = (await scans_of([image["id"]]))[image["id"]].state
    if state is ScanState.QUEUED:
        await _try_later(found, place)
        return None
    if state is not ScanState.SCANNED or await _is_attached(found):
        return None
    try:
        return await _attach(run, builder, found, place, image)
    except BuildFailed as failure:
        if not failure.is_final:
            raise
        return f"The bill was not attached: {failure}"


async def _attach(
    run: Run, builder: Builder, found: BuildRecord, place: RepositoryRecord, image: Row
) -> str | None:
    said = await _written(run.tools.context.site, image["id"])
    if said is None:
        return "The image has too many packages for a bill that is attached."

    async def token() -> str:
        try:
            return await push_token(run.tools.context, found, place.path)
        except BuildFailed as failure:
            failure.is_final = True
            raise

    # Before the work: who lost the right leaves nothing signed.
    await token()
    made = await _signed(run.tools.context, place, image, said)
    # It is noted before it is pushed, so that a build knows of whatever was pushed for it.
    await _note(found, made.digest)
    try:
        await builder.attach(place.path, token, made)
    except BuildFailed as failure:
        if failure.is_final:
            await _note(found, None)
        raise
    return f"Attached {made.digest}."


async def _note(found: BuildRecord, digest: str | None) -> None:
    await execute("UPDATE build SET sbom_digest = ? WHERE id = ?", digest, found.id)


async def _image(found: BuildRecord) -> Row | None:
    """The manifest that a build made, if its repository still has it."""
    return await fetch_one(
        "SELECT id, digest, media_type, size_bytes FROM manifest WHERE repository_id = ? AND digest = ?",
        *(found.repository_id, found.digest),
    )


async def _is_attached(found: BuildRecord) -> bool:
    """Whether the bill that a build of this image has made is there: a second build may make the same."""
    row = await fetch_one(
        "SELECT 1 AS one FROM build b JOIN manifest m ON m.repository_id = b.repository_id"
        " AND m.digest = b.sbom_digest AND m.subject_digest = b.digest"
        " WHERE b.repository_id = ? AND b.digest = ? LIMIT 1",
        *(found.repository_id, found.digest),
    )
    return row is not None


async def _try_later(found: BuildRecord, place: RepositoryRecord) -> None:
    """The longer the build is over, the longer until the next time."""
    ended_ms = now_ms() - (found.ended_at_ms or found.created_at_ms)
    if ended_ms < PATIENCE_MS:
        delay_ms = min(max(ended_ms, 5_000), 10 * MINUTE * 1000)
        await enqueue(SBOM_JOB, {"build_id": found.id}, delay_ms=delay_ms, namespace_id=place.namespace_id)


async def _written(site: Site, manifest_id: int) -> bytes | None:
    """The bill, None if it is too large to be attached."""
    found = await found_in(manifest_id, REQUEST_PACKAGES + 1)
    if found is None or len(found.packages) > REQUEST_PACKAGES:
        return None
    said = await asyncio.to_thread(written, site, found, SbomFormat.SPDX)
    return said if len(said) <= MOST_BYTES else None


async def _signed(context: Context, place: RepositoryRecord, image: Row, said: bytes) -> Referrer:
    about = Image(image["digest"], image["media_type"], image["size_bytes"])
    predicate = await asyncio.to_thread(orjson.loads, said)
    return await attest(context, about, [place.path], PREDICATE_TYPE, predicate)
