"""Referrers: manifests about another manifest (OCI Distribution 1.1, "Listing Referrers").

The subject is named by the field `subject` of the referrer, or by its tag: `sha256-<hex>.sig`, `.att` or
`.sbom`, which cosign set before there were subjects.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import groupby

from resolvers.context import Context
from resolvers.manifests import rights
from resolvers.manifests.artifact import COSIGN_TAGS, ArtifactKind, is_readable, names_digest
from resolvers.manifests.cosign import ENDINGS, name_of
from resolvers.manifests.manifest import COLUMNS, ManifestRecord
from resolvers.pages import Page, Query, Slice, Term, paginate, paginate_each
from resolvers.repositories.repository import RepositoryRecord
from storage.blobs import BlobError
from storage.clock import now_ms
from storage.conditions import is_active
from storage.statements import Row, fetch, placeholders

LAYER_LIMIT = 1024 * 1024
"""Most bytes of one layer that are read to find the digest that it names."""
MAX_LAYERS = 16
"""Most layers of one referrer that are read."""
REQUEST_LIMIT = 64 * 1024 * 1024
"""Most bytes that are read in one request; for the rest `names_subject` answers None."""


class ReferrerSource(StrEnum):
    """How a referrer names its subject: by the field or by its tag."""

    SUBJECT = "subject"
    TAG = "tag"


@dataclass(frozen=True, slots=True)
class ReferrerFilter:
    """Conditions on referrers; None means any."""

    artifact_type: str | None = None
    kind: ArtifactKind | None = None


@dataclass(frozen=True, slots=True)
class ReferrerRecord:
    """A manifest about the digest `subject`; `tag` is the cosign tag that names it, if one does."""

    manifest: ManifestRecord
    subject: str
    kind: ArtifactKind
    tag: str | None

    @property
    def source(self) -> ReferrerSource:
        return ReferrerSource.SUBJECT if self.tag is None else ReferrerSource.TAG


async def referrers_by_subject(
    context: Context,
    repository: RepositoryRecord,
    digest: str,
    page: Page,
    *,
    artifact_type: str | None = None,
) -> Slice[ManifestRecord]:
    """The manifests of an authorized repository whose subject is a digest, oldest first.

    The digest need not exist. Cosign tags do not count.
    """
    conditions, values = ["m.repository_id = ?", "m.subject_digest = ?"], [repository.id, digest]
    if artifact_type is not None:
        conditions.append("m.artifact_type = ?")
        values.append(artifact_type)
    rows = await paginate(
        Query(COLUMNS.sql, "manifest m", (Term("m.id", "id"),), tuple(conditions), tuple(values)),
        page,
        maximum=context.max_first,
    )
    return rows.of(COLUMNS.record)


def _query(subjects: str, values: Sequence[object], chosen: ReferrerFilter) -> Query:
    """Referrers of both sources. `subjects` is SQL that yields rows of `id`, `repository_id` and `digest`."""
    kinds = " ".join(f"WHEN '{ending}' THEN '{kind}'" for ending, kind in COSIGN_TAGS.items())
    source = (
        "(SELECT s.id AS subject_id, s.digest AS subject, m.id AS manifest_id, m.artifact_kind AS kind,"
        f" '' AS tag FROM {subjects} s"
        " JOIN manifest m ON m.repository_id = s.repository_id AND m.subject_digest = s.digest"
        f" UNION ALL SELECT s.id, s.digest, m.id, CASE e.ending {kinds} END, t.name FROM {subjects} s"
        f" CROSS JOIN {ENDINGS} JOIN tag t ON t.repository_id = s.repository_id"
        f" AND t.name = {name_of('s.digest')} AND {is_active('t')}"
        " JOIN manifest m ON m.id = t.manifest_id"
        # A tagged referrer with a subject field is listed once.
        " AND (m.subject_digest IS NULL OR m.subject_digest <> s.digest)) r"
        " JOIN manifest m ON m.id = r.manifest_id"
    )
    conditions, arguments = [], [*values, *values, now_ms()]
    if chosen.artifact_type is not None:
        conditions.append("m.artifact_type = ?")
        arguments.append(chosen.artifact_type)
    if chosen.kind is ArtifactKind.OTHER:
        conditions.append("r.kind IS NULL")
    elif chosen.kind is not None:
        conditions.append("r.kind = ?")
        arguments.append(chosen.kind.value)
    order = (Term("m.id", "id"), Term("r.tag", "tag", kind=str))
    return Query(f"{COLUMNS}, r.subject, r.kind, r.tag", source, order, tuple(conditions), tuple(arguments))


def _referrer(row: Row) -> ReferrerRecord:
    subject, kind, tag = row["subject"], row["kind"] or ArtifactKind.OTHER, row["tag"] or None
    return ReferrerRecord(COLUMNS.record(row), subject, ArtifactKind(kind), tag)


async def referrers_of(
    context: Context, manifest_ids: Sequence[int], page: Page, chosen: ReferrerFilter
) -> dict[int, Slice[ReferrerRecord]]:
    """One page of the referrers of each of some authorized manifests, oldest first; one statement."""
    if not manifest_ids:
        return {}
    subjects = (
        "(SELECT x.id, x.repository_id, x.digest FROM manifest x"
        f" WHERE x.id IN ({placeholders(manifest_ids)}))"
    )
    found = await paginate_each(
        _query(subjects, manifest_ids, chosen), "r.subject_id", manifest_ids, page, maximum=context.max_first
    )
    return {identity: rows.of(_referrer) for identity, rows in found.items()}


async def referrers_of_digest(
    context: Context, repository: RepositoryRecord, digest: str, page: Page, chosen: ReferrerFilter
) -> Slice[ReferrerRecord]:
    """The referrers of a digest in an authorized repository, oldest first; the digest need not exist."""
    subjects = "(SELECT 0 AS id, CAST(? AS BIGINT) AS repository_id, CAST(? AS TEXT) AS digest)"
    rows = await paginate(_query(subjects, (repository.id, digest), chosen), page, maximum=context.max_first)
    return rows.of(_referrer)


class SubjectReader:
    """Reads the layers of referrers for the digest that they name, within the limits of one request."""

    def __init__(self, context: Context) -> None:
        self._blobs = context.blobs
        self._left = REQUEST_LIMIT

    async def names_subject(self, records: list[ReferrerRecord]) -> list[bool | None]:
        """Whether the content of each referrer names its subject; None if the content does not say.

        False if any of its layers names another digest; a layer that the repository does not hold says
        nothing. One statement, and one blob read for each layer.
        """
        ids = [item.manifest.id for item in records]
        rows = await fetch(
            f"SELECT l.manifest_id, l.digest, l.media_type, l.size_bytes, {rights.IS_HELD} AS is_held"
            " FROM manifest_blob l JOIN manifest m ON m.id = l.manifest_id"
            f" WHERE l.manifest_id IN ({placeholders(ids)}) AND l.role = 'layer' AND l.is_distributable"
            " ORDER BY l.manifest_id, l.position",
            *ids,
        )
        layers = {
            identity: [row for row in group if is_readable(row["media_type"])][:MAX_LAYERS]
            for identity, group in groupby(rows, lambda row: int(row["manifest_id"]))
        }
        return [await self._answer(layers.get(item.manifest.id, []), item.subject) for item in records]

    async def _answer(self, layers: list[Row], subject: str) -> bool | None:
        answers = {await self._named(layer, subject) for layer in layers}
        if False in answers:
            return False
        return True if answers == {True} else None

    async def _named(self, layer: Row, subject: str) -> bool | None:
        if not layer["is_held"] or layer["size_bytes"] > min(LAYER_LIMIT, self._left):
            return None
        self._left -= layer["size_bytes"]
        try:
            content = await self._blobs.read_all(layer["digest"], limit=LAYER_LIMIT)
        except BlobError:
            return None
        return names_digest(layer["media_type"], content, subject)
