"""Reading: what is done with a manifest that may have a bill of materials of an image.

Packages that a bill names are rows like those that scans find, and are compared with advisories alike.
"""

from collections.abc import Collection
from typing import Final

from resolvers.advisories.match import compare_packages, is_uncompared
from resolvers.attestations.attached import BILL_TYPES, DocumentKind, NotThere, content_of
from resolvers.attestations.statement import Unreadable
from resolvers.job_kinds import Lane, Run, job
from resolvers.manifests.content import bodies
from resolvers.manifests.document import ManifestDocument, parse_manifest
from resolvers.manifests.examination import BILL, is_on, try_again
from resolvers.sbom import cyclonedx, spdx
from resolvers.sbom.bill import Bill, BillReader
from resolvers.scan import bills
from resolvers.scan.bills import BillState
from resolvers.scan.interning import intern
from resolvers.scan.package import OF_DISTRIBUTIONS, Distribution, Package
from storage.statements import Row, batches, execute, fetch, fetch_one, insert_many, placeholders
from storage.transactions import transaction

MOST_BYTES: Final = 32 * 1024 * 1024
MOST_READ: Final = 20
"""Bills of an image that are read; who pushes more of them would only fill the database."""
KIND: Final = DocumentKind(BILL_TYPES, (spdx.PREDICATE_TYPE, cyclonedx.PREDICATE_TYPE))
_STATEMENT: Final = "application/vnd.in-toto"


def has_bill(document: ManifestDocument) -> bool:
    """Whether a manifest has a bill of an image.

    It is a referrer; or an attestation without a subject, as BuildKit puts them beside an image into its
    index, which is about the image that its statement names.
    """
    layer = KIND.layer_in(document)
    return layer is not None and (document.subject is not None or layer.media_type.startswith(_STATEMENT))


@job(
    BILL,
    "Reads a bill of materials that was attached to an image, in a child process.",
    lane=Lane.SHORT,
    at_once=2,
    goes_on_when_read_only=False,
    needs=is_on,
)
async def read(run: Run) -> str | None:
    """Read the bill that the job is for, unless it is gone."""
    reader: BillReader | None = run.tools.bill_reader
    row = await fetch_one(
        "SELECT d.id, d.manifest_id, d.repository_id, d.subject_digest, m.digest, m.media_type"
        " FROM sbom_document d JOIN manifest m ON m.id = d.manifest_id"
        " WHERE d.manifest_id = ? AND m.collected_at_ms IS NULL",
        run.payload["manifest_id"],
    )
    body = (await bodies([row["manifest_id"]])).get(row["manifest_id"]) if row else None
    layer = KIND.layer_in(parse_manifest(body, row["media_type"])) if row and body else None
    if row is None or layer is None or reader is None:
        return None
    if await _is_own(row):
        await _write(row, BillState.OWN, "The registry has made it, of what it found.", row["subject_digest"])
        return "It is a bill of the registry itself."
    try:
        content = await content_of(run.tools.context, row["repository_id"], layer, MOST_BYTES)
        found = await reader.read(content, row["subject_digest"])
        await _require_room(row, found.subject)
    except NotThere as absence:
        await _write(row, BillState.QUEUED, str(absence), row["subject_digest"])
        await try_again(BILL, run.payload)
        return str(absence)
    except Unreadable as refusal:
        await _write(row, BillState.FAILED, str(refusal), row["subject_digest"])
        return str(refusal)
    reason = None
    if found.unknown_count:
        reason = f"{found.unknown_count} of its components are of no known ecosystem, or have no version."
    ids = await _interned(row["repository_id"], found)
    await _write(row, BillState.READ, reason, found.subject, found, ids)
    return f"It names {len(ids)} packages."


async def _is_own(row: Row) -> bool:
    """Whether the registry has made a bill for a build: it notes the digest before it pushes that.

    What has the digest is the same, whoever has pushed it where.
    """
    made = await fetch_one(
        "SELECT 1 AS one FROM build WHERE sbom_digest = ? AND digest = ? LIMIT 1",
        *(row["digest"], row["subject_digest"]),
    )
    return made is not None


async def _require_room(row: Row, subject: str) -> None:
    others = await fetch_one(
        "SELECT COUNT(*) AS number FROM sbom_document d JOIN manifest m ON m.id = d.manifest_id"
        " WHERE d.repository_id = ? AND d.subject_digest = ? AND d.state = 'read' AND d.id <> ?"
        " AND m.deleted_digest IS NULL",
        *(row["repository_id"], subject, row["id"]),
    )
    if others and others["number"] >= MOST_READ:
        raise Unreadable(f"The image has {MOST_READ} other bills of materials, and no more are read.")


async def _interned(repository_id: int, found: Bill) -> set[int]:
    """The rows of the packages of a bill, compared with advisories."""
    image = await fetch_one(
        "SELECT s.distribution_name, s.distribution_version FROM manifest m"
        " JOIN manifest_scan s ON s.manifest_id = m.id"
        " WHERE m.repository_id = ? AND m.digest = ? AND s.distribution_name IS NOT NULL",
        *(repository_id, found.subject),
    )
    whole = found.distribution
    if whole is None and image is not None:
        whole = Distribution(image["distribution_name"], image["distribution_version"])
    of_each: dict[Distribution | None, list[Package]] = {}
    for package, own in found.packages:
        where = (own or whole) if package.ecosystem in OF_DISTRIBUTIONS else None
        of_each.setdefault(where, []).append(package)
    ids: set[int] = set()
    for where, packages in of_each.items():
        ids.update((await intern(packages, where)).values())
    await _compare(ids)
    return ids


async def _compare(ids: Collection[int]) -> None:
    for some in batches(sorted(ids)):
        rows = await fetch(
            f"SELECT p.id FROM package p WHERE p.id IN ({placeholders(some)}) AND {is_uncompared('p.id')}",
            *some,
        )
        await compare_packages([row["id"] for row in rows])


async def _write(
    row: Row,
    state: BillState,
    reason: str | None,
    subject: str,
    found: Bill | None = None,
    ids: Collection[int] = (),
) -> None:
    # Before the transaction, in which the bills of the image are locked.
    await execute("UPDATE sbom_document SET subject_digest = ? WHERE id = ?", subject, row["id"])
    async with transaction("sbom.read"):
        if not any(one["id"] == row["id"] for one in await bills.hold(row["repository_id"], subject)):
            return
        await execute("DELETE FROM sbom_package WHERE document_id = ?", row["id"])
        await execute(
            "UPDATE sbom_document SET state = ?, reason = ?, format = ?, version = ?, package_count = ?"
            " WHERE id = ?",
            state.value,
            reason,
            found.format if found else None,
            found.version if found else None,
            len(ids),
            row["id"],
        )
        await insert_many(
            "sbom_package",
            ("document_id", "package_id"),
            [(row["id"], package_id) for package_id in sorted(ids)],
            fixed={"is_found": "FALSE"},
        )
        await bills.settle(row["repository_id"], subject)
