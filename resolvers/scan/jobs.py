"""The jobs that scan images: one for each image that is pushed, and one for those that were there before."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from resolvers.attestations import leftovers
from resolvers.job_kinds import HOUR, MINUTE, Lane, Run, job
from resolvers.manifests import rights
from resolvers.manifests.content import IMAGE_CONFIG_MEDIA_TYPES
from resolvers.manifests.examination import AGAIN_MS, SCAN, is_on, try_again
from resolvers.scan import image, interning, layer
from resolvers.scan.image import Outcome
from resolvers.scan.layer import LayerRecord
from resolvers.scan.package import Distribution
from resolvers.scan.queue import OTHERS
from resolvers.scan.scanner import LayerState, NotScanned, Scanner
from resolvers.scan.state import NO_IMAGE, ScanState
from storage.blobs import BlobStore
from storage.clock import now_ms
from storage.statements import fetch, fetch_one

logger = logging.getLogger("quayside.scan")

BATCH: Final = 100
_OWN_MS: Final = 10 * MINUTE * 1000
"""For how long an image has only the job of its push."""
IS_IMAGE: Final = (
    f"m.is_index = FALSE AND m.config_media_type IN"
    f" ({', '.join(repr(kind) for kind in sorted(IMAGE_CONFIG_MEDIA_TYPES))})"
)
"""SQL condition on manifests `m`: an image, of which something can be found out."""
WAITS: Final = "Layers of the image are not in the registry yet."
ELSEWHERE: Final = "A layer of the image is kept elsewhere, and is not in the registry."


@job(
    SCAN,
    "Finds out what is in an image that was pushed.",
    lane=Lane.SCAN,
    goes_on_when_read_only=False,
    needs=is_on,
)
async def scan_image(run: Run) -> str | None:
    """Scan the image that the job is for, unless it is gone."""
    scanner = run.tools.scanner
    if scanner is None:
        return None
    outcome = await scan(run, scanner, run.payload["manifest_id"])
    if outcome is not None and outcome.state is ScanState.QUEUED:
        await try_again(SCAN, run.payload)
    return None if outcome is None else f"The image is {outcome.state}. {outcome.reason or ''}".strip()


_DUE: Final = (
    "FROM manifest m LEFT JOIN manifest_scan s ON s.manifest_id = m.id"
    f" WHERE {IS_IMAGE} AND m.deleted_digest IS NULL AND m.id < ? AND m.created_at_ms < ?"
    " AND (s.manifest_id IS NULL OR s.version < ? OR s.state = 'queued' AND s.due_at_ms < ?)"
)
"""SQL of images that no job of their own is for: those of the last minutes have one."""


@job(
    OTHERS,
    "Finds out what is in images that were pushed before there was a scanner, or while it knew less.",
    lane=Lane.SCAN,
    every_s=10 * MINUTE,
    timeout_s=24 * HOUR,
    goes_on_when_read_only=False,
    needs=is_on,
)
async def scan_others(run: Run) -> str | None:
    """Scan images that no job is for, the newest first, and forget packages that no layer has any more.

    Documents that are attached to images, and that no job is for, are ordered to be read.
    """
    scanner = run.tools.scanner
    if scanner is None:
        return None
    ordered = await leftovers.order(run, before_ms=now_ms() - _OWN_MS)
    number, broken, last = 0, 0, 2**62
    total = await _count_due(scanner.version)
    await run.progress(number, total)
    while True:
        now = now_ms()
        due = (last, now - _OWN_MS, scanner.version, now)
        rows = await fetch(f"SELECT m.id {_DUE} ORDER BY m.id DESC LIMIT ?", *due, BATCH)
        for row in rows:
            last = row["id"]
            try:
                await scan(run, scanner, last)
                number += 1
            except Exception:
                # One that cannot be read now must not hold up the others.
                logger.exception("an image could not be scanned", extra={"manifest": last})
                broken += 1
            await run.progress(number, max(total, number + broken))
        if len(rows) < BATCH:
            break
    last = 0
    while last := await interning.forget_unused(last):
        run.check()
    await run.progress(number, number + broken)
    sentences = [f"{number} images were scanned."]
    sentences += [f"{broken} could not be read."] if broken else []
    sentences += [f"{ordered} attached documents are read."] if ordered else []
    return " ".join(sentences)


async def _count_due(version: int) -> int:
    now = now_ms()
    row = await fetch_one(f"SELECT COUNT(*) AS number {_DUE}", 2**62, now - _OWN_MS, version, now)
    return int(row["number"]) if row else 0


@dataclass(frozen=True, slots=True)
class _Layer:
    digest: str
    media_type: str
    size_bytes: int
    is_distributable: bool


async def scan(run: Run, scanner: Scanner, manifest_id: int) -> Outcome | None:
    """Scan an image: its layers, as far as no other image had them, and what they become together.

    None if it is gone. What the store raises is passed on, and nothing is noted.
    """
    row = await fetch_one(
        "SELECT m.id, m.repository_id, m.is_index, m.config_media_type FROM manifest m"
        " WHERE m.id = ? AND m.collected_at_ms IS NULL",
        manifest_id,
    )
    if row is None:
        return None
    rows = await fetch(
        "SELECT digest, media_type, size_bytes, is_distributable FROM manifest_blob"
        " WHERE manifest_id = ? AND role = 'layer' ORDER BY position",
        manifest_id,
    )
    layers = [
        _Layer(one["digest"], one["media_type"], one["size_bytes"], bool(one["is_distributable"]))
        for one in rows
    ]
    outcome = await _hindrance(row["repository_id"], row["config_media_type"], layers)
    if outcome is None:
        outcome = await _scan_layers(run, scanner, manifest_id, layers)
    if outcome.state is not ScanState.SCANNED:
        await image.note(manifest_id, outcome, scanner.version)
    return outcome


async def _hindrance(
    repository_id: int, config_media_type: str | None, layers: Sequence[_Layer]
) -> Outcome | None:
    """Why an image cannot be scanned, or not now; None if it can."""
    if config_media_type not in IMAGE_CONFIG_MEDIA_TYPES:
        return Outcome(ScanState.UNSUPPORTED, NO_IMAGE)
    for one in layers:
        if ".tar" not in one.media_type:
            return Outcome(
                ScanState.UNSUPPORTED, f"A layer has the media type {one.media_type}, which is no tar."
            )
    # The store may have it for others; what is in it would tell of that.
    held = {digest for _, digest in await rights.held([(repository_id, one.digest) for one in layers])}
    missing = [one for one in layers if one.digest not in held]
    if any(not one.is_distributable for one in missing):
        return Outcome(ScanState.UNSUPPORTED, ELSEWHERE)
    return Outcome(ScanState.QUEUED, WAITS, due_at_ms=now_ms() + AGAIN_MS) if missing else None


async def _scan_layers(run: Run, scanner: Scanner, manifest_id: int, layers: Sequence[_Layer]) -> Outcome:
    digests = [one.digest for one in layers]
    known = await layer.by_digests(digests)
    beneath = None
    for one in layers:
        found = known.get(one.digest)
        if found is None or found.version < scanner.version:
            found = await _scan_layer(run, scanner, one, beneath)
            if found is None:
                return Outcome(ScanState.QUEUED, WAITS, due_at_ms=now_ms() + AGAIN_MS)
            known[one.digest] = found
        beneath = found.distribution or beneath
    worst = next((known[one] for state in _WORST for one in digests if known[one].state is state), None)
    if worst is not None:
        return Outcome(ScanState(worst.state), worst.reason)
    try:
        await image.combine(manifest_id, [known[digest] for digest in digests], scanner.version)
    except NotScanned as error:
        return Outcome(ScanState(error.state), error.reason)
    return Outcome(ScanState.SCANNED)


_WORST: Final = (LayerState.FAILED, LayerState.TOO_LARGE, LayerState.UNSUPPORTED)


async def _scan_layer(
    run: Run, scanner: Scanner, one: _Layer, beneath: Distribution | None
) -> LayerRecord | None:
    """Read a layer and write what is in it; None if its bytes are gone."""
    run.check()
    blobs: BlobStore = run.tools.context.blobs
    size_bytes = await blobs.stat(one.digest)
    if size_bytes is None:
        return None
    try:
        found = await scanner.scan(blobs.read(one.digest), size_bytes)
    except NotScanned as refusal:
        await layer.store(one.digest, scanner.version, refusal, beneath)
    else:
        await layer.store(one.digest, scanner.version, found, beneath)
    return (await layer.by_digests([one.digest])).get(one.digest)
