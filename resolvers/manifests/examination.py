"""Examination of what was stored: images for what is in them, referrers for documents of VEX and bills.

Whoever stores manifests orders it here; jobs of `resolvers.scan`, `resolvers.vex` and `resolvers.sbom` do it.
"""

from collections.abc import Sequence
from typing import Any, Final

from resolvers.context import Context, Site
from resolvers.job_kinds import HOUR
from resolvers.manifests.content import IMAGE_CONFIG_MEDIA_TYPES
from storage.jobs import enqueue, enqueue_many
from storage.statements import execute, fetch_one

SCAN: Final = "scan.image"
VEX: Final = "vex.read"
BILL: Final = "sbom.read"
AGAIN_MS: Final = HOUR * 1000
"""When an image is looked at again that waits for layers."""
SOON_MS: Final = 15_000
"""When that is first done after its push; each time it takes twice as long."""


def is_on(site: Site) -> bool:
    """Whether images are scanned."""
    return site.has("SECURITY_SCANNER")


async def order_scans(site: Site, namespace_id: int, manifests: Sequence[tuple[int, str | None]]) -> None:
    """Have those of some manifests scanned that are images, in the open transaction that stores them.

    A manifest is given with the media type of its configuration.
    """
    if is_on(site):
        await enqueue_many(
            SCAN,
            [
                ({"manifest_id": manifest_id}, namespace_id)
                for manifest_id, media_type in manifests
                if media_type in IMAGE_CONFIG_MEDIA_TYPES
            ],
        )


async def try_again(kind: str, payload: dict[str, Any]) -> None:
    """Look soon for content that comes with the first pull from a cache; later the background does."""
    manifest_id, tries = payload["manifest_id"], payload.get("tries", 0)
    delay_ms = SOON_MS * 2**tries
    row = await fetch_one(
        "SELECT r.namespace_id FROM manifest m JOIN repository r ON r.id = m.repository_id WHERE m.id = ?",
        manifest_id,
    )
    if row is not None and delay_ms < AGAIN_MS:
        again = {"manifest_id": manifest_id, "tries": tries + 1}
        await enqueue(kind, again, delay_ms=delay_ms, namespace_id=row["namespace_id"])


async def order_vex(context: Context, namespace_id: int, manifest_ids: Sequence[int]) -> None:
    """Have documents of VEX read, in the open transaction that stores the referrers which have them."""
    if not is_on(context.site):
        return
    account = context.viewer.account
    for manifest_id in manifest_ids:
        await execute(
            "INSERT INTO vex_document (manifest_id, pushed_by, state) VALUES (?, ?, 'queued')"
            " ON CONFLICT (manifest_id) DO UPDATE SET pushed_by = excluded.pushed_by, state = excluded.state",
            *(manifest_id, account.name if account else None),
        )
    await enqueue_many(VEX, [({"manifest_id": manifest_id}, namespace_id) for manifest_id in manifest_ids])


async def order_bills(context: Context, namespace_id: int, manifest_ids: Sequence[int]) -> None:
    """Have bills of materials read, in the open transaction that stores the manifests which have them."""
    if not is_on(context.site):
        return
    account = context.viewer.account
    for manifest_id in manifest_ids:
        await execute(
            "INSERT INTO sbom_document"
            " (manifest_id, repository_id, subject_digest, pushed_by, state, package_count)"
            " SELECT m.id, m.repository_id, COALESCE(m.subject_digest, ''), CAST(? AS VARCHAR(255)),"
            " 'queued', 0 FROM manifest m WHERE m.id = ? ON CONFLICT (manifest_id)"
            " DO UPDATE SET pushed_by = excluded.pushed_by, state = excluded.state",
            *(account.name if account else None, manifest_id),
        )
    await enqueue_many(BILL, [({"manifest_id": manifest_id}, namespace_id) for manifest_id in manifest_ids])
