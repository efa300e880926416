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
STATEMENT: Final = f"(SELECT x.id{_LAST}"
"""SQL: the id of the last statement on the vulnerability `v` in the image of the blob `b`; null if none."""
IS_SUPPRESSED: Final = f"COALESCE((SELECT x.is_suppressing{_LAST}, FALSE)"
"""SQL: whether the vulnerability `v` does not count in the image of the blob `b`."""


@dataclass(frozen=True, slots=True)
class Suppression:
    """Why a vulnerability does not count: what the document `manifest_digest` states, and who pushed that."""

    status: str
    justification: str | None
    impact: str | None
    stated_at_ms: int
    pushed_by: str | None
    manifest_digest: str


async def suppressions(statement_ids: Sequence[int | None]) -> dict[int, Suppression]:
    """The statements of some ids that suppress; one statement per 500 of them."""
    found: dict[int, Suppression] = {}
    for some in batches(sorted({identity for identity in statement_ids if identity is not None})):
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

    At most two statements. Images without documents cost nothing but a look.
    """
    manifests, packages = ({key[place] for key in keys} for place in (0, 1))
    rows: list[Row] = []
    for some in batches(sorted(packages)):
        rows += await fetch(
            "SELECT * FROM (SELECT b.manifest_id, v.package_id, v.advisory_id,"
            f" {STATEMENT} AS statement_id FROM (SELECT i.id AS manifest_id FROM manifest i"
            f" WHERE i.id IN ({placeholders(sorted(manifests))}) AND EXISTS (SELECT 1 FROM manifest a"
            " JOIN vex_document d ON d.manifest_id = a.id WHERE a.repository_id = i.repository_id"
            " AND a.subject_digest = i.digest)) b CROSS JOIN vulnerability v"
            f" WHERE v.package_id IN ({placeholders(some)})) judged WHERE statement_id IS NOT NULL",
            *(*sorted(manifests), *some),
        )
    reasons = await suppressions([row["statement_id"] for row in rows])
    found: dict[tuple[int, int], dict[int, Suppression]] = {}
    for row in rows:
        if (reason := reasons.get(row["statement_id"])) is not None:
            found.setdefault((row["manifest_id"], row["package_id"]), {})[row["advisory_id"]] = reason
    return found
