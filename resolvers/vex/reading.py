"""Reading: what is done with a referrer that may have a document of VEX."""

import asyncio
from typing import Final

from resolvers.attestations.attached import VEX_TYPES, DocumentKind, NotThere, content_of
from resolvers.attestations.statement import Unreadable
from resolvers.job_kinds import Lane, Run, job
from resolvers.manifests.content import bodies
from resolvers.manifests.document import ManifestDocument, parse_manifest
from resolvers.manifests.examination import VEX, is_on, try_again
from resolvers.vex.openvex import CONTEXT, SUPPRESSING, About, Statement, statements
from storage.statements import execute, fetch_one, insert_many, is_postgres
from storage.transactions import transaction

MOST_BYTES: Final = 4 * 1024 * 1024
KIND: Final = DocumentKind(VEX_TYPES, (CONTEXT,))


def has_vex(document: ManifestDocument) -> bool:
    """Whether a manifest is a referrer with a document of VEX."""
    return document.subject is not None and KIND.layer_in(document) is not None


@job(
    VEX,
    "Reads a document of VEX that was attached to an image.",
    lane=Lane.SHORT,
    goes_on_when_read_only=False,
    needs=is_on,
)
async def read(run: Run) -> str | None:
    """Read the document that the job is for, unless it is gone."""
    context, manifest_id = run.tools.context, run.payload["manifest_id"]
    row = await fetch_one(
        "SELECT m.repository_id, m.media_type, m.subject_digest, n.name AS namespace, r.name AS repository"
        " FROM manifest m JOIN repository r ON r.id = m.repository_id JOIN account n ON n.id = r.namespace_id"
        " WHERE m.id = ? AND m.subject_digest IS NOT NULL",
        manifest_id,
    )
    body = (await bodies([manifest_id])).get(manifest_id)
    layer = None if row is None or body is None else KIND.layer_in(parse_manifest(body, row["media_type"]))
    if row is None or layer is None:
        return None
    path = f"{row['namespace']}/{row['repository']}"
    about = About(context.site.registry_host, path, row["subject_digest"])
    try:
        content = await content_of(context, row["repository_id"], layer, MOST_BYTES)
        found = await asyncio.to_thread(statements, content, about)
    except NotThere as absence:
        await _write(manifest_id, "queued", str(absence), [])
        await try_again(VEX, run.payload)
        return str(absence)
    except Unreadable as refusal:
        await _write(manifest_id, "failed", str(refusal), [])
        return str(refusal)
    await _write(manifest_id, "read", None, found)
    return f"It states {len(found)} things of the image."


async def _write(manifest_id: int, state: str, reason: str | None, found: list[Statement]) -> None:
    lock = " FOR UPDATE" if is_postgres() else ""
    async with transaction("vex.read"):
        row = await fetch_one(f"SELECT id FROM vex_document WHERE manifest_id = ?{lock}", manifest_id)
        if row is None:
            return
        await execute("UPDATE vex_document SET state = ?, reason = ? WHERE id = ?", state, reason, row["id"])
        await execute("DELETE FROM vex_statement WHERE document_id = ?", row["id"])
        await insert_many(
            "vex_statement",
            ("document_id", "name", "ecosystem", "package_name", "package_version", "status",
             "is_suppressing", "justification", "impact", "stated_at_ms"),
            [
                (row["id"], one.name, one.ecosystem, one.package_name, one.package_version, one.status,
                 one.status in SUPPRESSING, one.justification, one.impact, one.stated_at_ms)
                for one in found
            ],
        )  # fmt: skip
