"""Suppressions: vulnerabilities that do not count in an image, since somebody who may push there said so."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from storage.statements import Row, batches, fetch, placeholders

_LAST: Final = (
    " FROM manifest xi JOIN manifest xm ON xm.repository_id = xi.repository_id"
    " AND xm.subject_digest = xi.digest JOIN vex_document xd ON xd.manifest_id = xm.id"
    " JOIN vex_statement x ON x.document_id = xd.id JOIN package xp ON xp.id = v.package_id"
    " JOIN advisory xa ON xa.id = v.advisory_id WHERE xi.id = b.manifest_id"
    " AND (x.ecosystem = '' OR x.ecosystem = xp.ecosystem AND x.package_name = xp.name"
    " AND x.package_version IN ('', xp.version))"
    " AND (x.name = xa.osv_id OR x.name IN (SELECT xn.name FROM advisory_name xn"
    " WHERE xn.advisory_id = xa.id AND (xn.is_alias = TRUE OR NOT EXISTS (SELECT 1 FROM advisory_name xo"
    # An advisory on several vulnerabilities holds as long as one of them does.
    " WHERE xo.advisory_id = xa.id AND xo.is_alias = FALSE AND xo.name <> xn.name))))"
    " ORDER BY x.stated_at_ms DESC, x.id DESC LIMIT 1)"
)
_STATEMENT: Final = f"(SELECT x.id{_LAST}"
"""SQL: the id of the last statement on the vulnerability `v` in the image of the blob `b`; null if none."""
IS_SUPPRESSED: Final = f"COALESCE((SELECT x.is_suppressing{_LAST}, FALSE)"
"""SQL: whether the vulnerability `v` does not count in the image of the blob `b`."""


def has_documents(manifest: str) -> str:
    """SQL condition on manifests of an alias: a document of VEX is attached to it."""
    return (
        "EXISTS (SELECT 1 FROM manifest da JOIN vex_document dd ON dd.manifest_id = da.id"
        f" WHERE da.repository_id = {manifest}.repository_id AND da.subject_digest = {manifest}.digest)"
    )


@dataclass(frozen=True, slots=True)
class Suppression:
    """Why a vulnerability does not count: what the document `manifest_digest` states, and who pushed that."""

    status: str
    justification: str | None
    impact: str | None
    stated_at_ms: int
    pushed_by: str | None
    manifest_digest: str


async def _suppressions(statement_ids: Sequence[int]) -> dict[int, Suppression]:
    """The statements of some ids that suppress; one statement per 500 of them."""
    found: dict[int, Suppression] = {}
    for some in batches(sorted(set(statement_ids))):
        rows = await fetch(
            "SELECT x.id, x.status, x.justification, x.impact, x.stated_at_ms, d.pushed_by, m.digest"
            " FROM vex_statement x JOIN vex_document d ON d.id = x.document_id"
            " JOIN manifest m ON m.id = d.manifest_id"
            f" WHERE x.id IN ({placeholders(some)}) AND x.is_suppressing = TRUE",
            *some,
        )
        found |= {
            row["id"]: Suppression(
                row["status"],
                row["justification"],
                row["impact"],
                row["stated_at_ms"],
                row["pushed_by"],
                row["digest"],
            )
            for row in rows
        }
    return found


async def suppressions_of(keys: Sequence[tuple[int, int]]) -> dict[tuple[int, int], dict[int, Suppression]]:
    """Why advisories on packages do not count in images, by manifest and package, and then by advisory.

    One statement, and two more for each 500 keys of images that documents are attached to.
    """
    manifests = sorted({manifest_id for manifest_id, _ in keys})
    documented = {
        row["id"]
        for some in batches(manifests)
        for row in await fetch(
            f"SELECT i.id FROM manifest i WHERE i.id IN ({placeholders(some)}) AND {has_documents('i')}",
            *some,
        )
    }
    rows: list[Row] = []
    for batch in batches(sorted({key for key in keys if key[0] in documented})):
        pairs = ", ".join(["(CAST(? AS BIGINT), CAST(? AS BIGINT))"] * len(batch))
        rows += await fetch(
            f"WITH b (manifest_id, package_id) AS (VALUES {pairs}) SELECT * FROM (SELECT b.manifest_id,"
            f" v.package_id, v.advisory_id, {_STATEMENT} AS statement_id FROM b CROSS JOIN vulnerability v"
            " WHERE v.package_id = b.package_id) judged WHERE statement_id IS NOT NULL",
            *(value for key in batch for value in key),
        )
    reasons = await _suppressions([row["statement_id"] for row in rows])
    found: dict[tuple[int, int], dict[int, Suppression]] = {}
    for row in rows:
        if (reason := reasons.get(row["statement_id"])) is not None:
            found.setdefault((row["manifest_id"], row["package_id"]), {})[row["advisory_id"]] = reason
    return found
