"""Referrers: manifests that name another one as their subject. OCI Distribution 1.1, "Listing Referrers"."""

from resolvers.context import Context
from resolvers.manifest import COLUMNS, ManifestRecord, record
from resolvers.pages import Page, Query, Slice, Term, paginate
from resolvers.repository import RepositoryRecord


async def referrers(
    context: Context,
    repository: RepositoryRecord,
    digest: str,
    page: Page,
    *,
    artifact_type: str | None = None,
) -> Slice[ManifestRecord]:
    """The referrers of a digest in an authorized repository, oldest first; the digest need not exist."""
    conditions, values = ["m.repository_id = ?", "m.subject_digest = ?"], [repository.id, digest]
    if artifact_type is not None:
        conditions.append("m.artifact_type = ?")
        values.append(artifact_type)
    rows = await paginate(
        Query(COLUMNS, "manifest m", (Term("m.id", "id"),), tuple(conditions), tuple(values)),
        page,
        maximum=context.max_first,
    )
    return Slice(
        [record(row) for row in rows.items], rows.cursors, rows.has_next, rows.has_previous, rows.query
    )
