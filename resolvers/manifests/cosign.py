"""Cosign tags, `sha256-<hex>.sig`, `.att` and `.sbom`: tags about a subject, the manifest with that digest.

Any other tag is an ordinary one. Cosign tags end and expire together with the last ordinary tag of their
subject. Immutable ones stay, and so do those of a subject that never had an ordinary tag. No event is
recorded, because nobody asked for the change; expirations record none either.
"""

import re
from collections.abc import Iterable, Sequence
from itertools import groupby
from operator import itemgetter

from resolvers.manifests.artifact import COSIGN_TAGS
from resolvers.spans import ENDED, NOT_BEFORE_START, end
from storage.conditions import NO_END_MS, end_of, is_active
from storage.statements import Row, batches, execute, fetch, fetch_one, placeholders

_NAME = re.compile(rf"sha256-([0-9a-f]{{64}})(?:{'|'.join(re.escape(ending) for ending in COSIGN_TAGS)})")


_FALLBACK = re.compile(r"sha(?:256|512)-[0-9a-f]{64}")


def is_about_manifest(name: str) -> bool:
    """Whether a name is that of a cosign tag, or `sha256-<hex>`, where clients list what is about a manifest.

    They write the latter for registries without an API of referrers. It ends with no other tag.
    """
    return subject_of(name) is not None or _FALLBACK.fullmatch(name) is not None


def subject_of(name: str) -> str | None:
    """The digest of the subject of a cosign tag; None for an ordinary name."""
    found = _NAME.fullmatch(name)
    return f"sha256:{found[1]}" if found else None


ENDINGS = "(" + " UNION ALL ".join(f"SELECT '{ending}' AS ending" for ending in COSIGN_TAGS) + ") e"
"""SQL table of the endings, to be cross joined in front of `tag`.

With one exact name per row both databases use an index; for an IN of three names PostgreSQL reads all tags.
"""


def name_of(digest: str) -> str:
    """SQL of the name of the cosign tag of a digest, with an ending of `ENDINGS`."""
    return f"REPLACE({digest}, ':', '-') || e.ending"


_IS_COSIGN = (
    "(SUBSTR(o.name, 1, 7) = 'sha256-' AND LTRIM(SUBSTR(o.name, 8, 64), '0123456789abcdef') = ''"
    " AND SUBSTR(o.name, 72) IN ('" + "', '".join(COSIGN_TAGS) + "'))"
)
_ORDINARY = f"FROM tag o WHERE NOT {_IS_COSIGN}"
_SAVE_EXPIRATION = "would_expire_at_ms = CASE WHEN is_expiration THEN ended_at_ms END"
"""SQL assignment for a span whose expiration changes: keeps the one that it had."""


async def end_with_subjects(changed: Iterable[tuple[str, int | None]], now_ms: int) -> None:
    """End or expire the cosign tags of manifests whose ordinary tags changed, with the last of those.

    In the open transaction, with the repository's row locked, after the change. `changed` has the name and
    the manifest of each span that started, ended or got another end. One statement if there are no cosign
    tags, none if all names in `changed` are cosign tags.
    """
    subjects = {subject for name, subject in changed if subject is not None and not subject_of(name)}
    await _set_ends(sorted(subjects), now_ms, may_end=True)


async def expire_with_subject(repository_id: int, name: str, now_ms: int) -> None:
    """Let a cosign tag that was just set expire with its subject; see `end_with_subjects`.

    It stays if all tags of its subject have ended already. No statement for an ordinary name.
    """
    subjects = await ids_of_subjects(repository_id, [name])
    await _set_ends(list(subjects.values()), now_ms, may_end=False)


async def _set_ends(subjects: Sequence[int], now_ms: int, *, may_end: bool) -> None:
    """Set the ends of the cosign tags of subjects; `may_end` allows an end now, not only an expiration."""
    # Cosign tags are read first: a subject may have many tags, which matter only if it has cosign tags.
    rows = await active_tags(subjects, now_ms)
    for subject, group in groupby(sorted(rows, key=itemgetter("subject_id")), itemgetter("subject_id")):
        found = await fetch_one(
            f"SELECT MAX(CASE WHEN {is_active('o')} THEN {end_of('o')} END) AS coming,"
            f" MAX(o.ended_at_ms) AS last {_ORDINARY} AND o.manifest_id = ?",
            now_ms,
            subject,
        )
        coming, last = (found["coming"], found["last"]) if found else (None, None)
        if coming is None:
            if last is not None and may_end:
                ids = [row["id"] for row in group]
                await end(f"id IN ({placeholders(ids)})", *ids, moment_ms=last)
            continue
        until = coming if coming < NO_END_MS else None
        ids = [row["id"] for row in group if row["ended_at_ms"] != until]
        if not ids:
            continue
        await execute(
            # The clamped expiration of an old subject tag may lie before the start of one of these.
            f"UPDATE tag SET {_SAVE_EXPIRATION}, is_expiration = ?, ended_at_ms = {NOT_BEFORE_START}"
            f" WHERE id IN ({placeholders(ids)})",
            until is not None,
            until,
            until,
            *ids,
        )


async def active_tags(manifest_ids: Sequence[int], now_ms: int) -> list[Row]:
    """The active cosign tags of manifests that are not immutable: spans, each with its `subject_id`."""
    found: list[Row] = []
    for batch in batches(manifest_ids):
        found += await fetch(
            "SELECT c.id, c.name, c.manifest_id, c.started_at_ms, c.ended_at_ms, m.id AS subject_id"
            # SQLite does not reorder cross joins, so that it cannot scan `tag` first.
            f" FROM manifest m CROSS JOIN {ENDINGS} CROSS JOIN tag c"
            f" WHERE m.id IN ({placeholders(batch)}) AND c.repository_id = m.repository_id"
            f" AND c.name = {name_of('COALESCE(m.deleted_digest, m.digest)')}"
            f" AND {is_active('c')} AND c.is_immutable = ?"
            " ORDER BY c.name, c.id",
            *batch,
            now_ms,
            False,
        )
    return found


async def ids_of_subjects(repository_id: int, names: Iterable[str]) -> dict[str, int]:
    """The ids of the subjects of cosign tags, by name; ordinary names are left out."""
    named = {name: digest for name in names if (digest := subject_of(name))}
    digests = sorted(set(named.values()))
    found: dict[str, int] = {}
    for batch in batches(digests):
        rows = await fetch(
            f"SELECT id, digest FROM manifest WHERE repository_id = ? AND digest IN ({placeholders(batch)})",
            repository_id,
            *batch,
        )
        found |= {row["digest"]: row["id"] for row in rows}
    return {name: found[digest] for name, digest in named.items() if digest in found}


async def count_ends(manifest_ids: Sequence[int], now_ms: int) -> dict[tuple[int, int], int]:
    """Counts of ordinary tags by manifest and time of their end in milliseconds, maybe `NO_END_MS`."""
    found: dict[tuple[int, int], int] = {}
    for batch in batches(manifest_ids):
        rows = await fetch(
            f"SELECT o.manifest_id, {end_of('o')} AS moment, COUNT(*) AS spans"
            f" {_ORDINARY} AND o.manifest_id IN ({placeholders(batch)}) AND {is_active('o')} GROUP BY 1, 2",
            *batch,
            now_ms,
        )
        found |= {(row["manifest_id"], row["moment"]): row["spans"] for row in rows}
    return found


async def last_ends(manifest_ids: Sequence[int], now_ms: int) -> dict[int, int]:
    """The last end of the ordinary tags of manifests if all of them are ended now.

    Those that never had an ordinary tag are left out.
    """
    found: dict[int, int] = {}
    for batch in batches(manifest_ids):
        rows = await fetch(
            f"SELECT o.manifest_id, MAX({ENDED}) AS last {_ORDINARY}"
            f" AND o.manifest_id IN ({placeholders(batch)}) GROUP BY o.manifest_id",
            *[now_ms] * 3,
            *batch,
        )
        found |= {row["manifest_id"]: row["last"] for row in rows}
    return found
