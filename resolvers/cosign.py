"""Tags by which cosign names a digest, `sha256-<hex>.sig`, `.att` and `.sbom`: they live as long as its tags.

Any other tag of a manifest is an ordinary one. When the last of those ends, what cosign tagged for the
manifest ends at the same moment, and expires when the last of them expires. What is locked stays, and so does
what is about a manifest that never had an ordinary tag. Nobody asked for it, so nothing is recorded, as of
any tag that expires.
"""

import re
from collections.abc import Iterable, Sequence

from resolvers.artifact import COSIGN_TAGS
from storage.statements import Row, execute, fetch, placeholders

BATCH = 500
ENDLESS = 2**62
"""Later than the end of any tag that has one."""
_NAME = re.compile(rf"sha256-([0-9a-f]{{64}})(?:{'|'.join(re.escape(ending) for ending in COSIGN_TAGS)})")


def subject_of(name: str) -> str | None:
    """The digest that a tag of cosign is about; None for an ordinary name."""
    found = _NAME.fullmatch(name)
    return f"sha256:{found[1]}" if found else None


def cosign_names(digest: str) -> str:
    """The tags by which cosign named a digest, as a list in SQL; the digest is a column."""
    return ", ".join(f"REPLACE({digest}, ':', '-') || '{ending}'" for ending in COSIGN_TAGS)


_IS_COSIGN = (
    "(SUBSTR(o.name, 1, 7) = 'sha256-' AND LTRIM(SUBSTR(o.name, 8, 64), '0123456789abcdef') = ''"
    " AND SUBSTR(o.name, 72) IN ('" + "', '".join(COSIGN_TAGS) + "'))"
)
_ORDINARY = f"FROM tag o WHERE NOT {_IS_COSIGN}"
_ABOUT = (
    "FROM manifest m JOIN tag c ON c.repository_id = m.repository_id"
    f" AND c.name IN ({cosign_names('COALESCE(m.deleted_digest, m.digest)')})"
    " AND (c.ended_at_ms IS NULL OR c.ended_at_ms > ?) AND c.is_immutable = ? WHERE {subjects}"
)
_FOLLOW = (
    f"UPDATE tag SET ended_at_ms = CASE WHEN f.last = {ENDLESS} THEN NULL"
    " WHEN f.last < tag.started_at_ms THEN tag.started_at_ms ELSE f.last END,"
    f" is_expiration = (f.last > ? AND f.last < {ENDLESS})"
    # The names are looked up first, so that the tags of a manifest are read only if there is one of cosign.
    f" FROM (SELECT c.id AS id, (SELECT MAX(COALESCE(o.ended_at_ms, {ENDLESS})) {_ORDINARY}"
    f" AND o.manifest_id = m.id) AS last {_ABOUT}) f"
    f" WHERE tag.id = f.id AND f.last > ? AND f.last <> COALESCE(tag.ended_at_ms, {ENDLESS})"
)


async def follow(changed: Iterable[tuple[str, int | None]], now_ms: int, *, may_end: bool = True) -> None:
    """Let what cosign tagged for some manifests end when their last ordinary tag does.

    In the open transaction, with the repository's row locked, after the change. `changed` has the name and
    the manifest of each span that began, ended or got another end. Where it may not end at once, only its
    expiration follows. One statement for 500 manifests, none if all of the names are cosign's.
    """
    subjects = sorted({subject for name, subject in changed if subject is not None and not subject_of(name)})
    for start in range(0, len(subjects), BATCH):
        batch = subjects[start : start + BATCH]
        await _follow(f"m.id IN ({placeholders(batch)})", batch, now_ms, may_end=may_end)


async def join(repository_id: int, names: Iterable[str], now_ms: int) -> None:
    """Let tags of cosign that were just set expire with what they are about; see `follow`.

    Those about a manifest whose tags have all ended already stay. No statement for ordinary names.
    """
    subjects = sorted({subject for name in names if (subject := subject_of(name))})
    for start in range(0, len(subjects), BATCH):
        batch = subjects[start : start + BATCH]
        condition = f"m.repository_id = ? AND m.digest IN ({placeholders(batch)})"
        await _follow(condition, [repository_id, *batch], now_ms, may_end=False)


async def _follow(condition: str, values: Sequence[object], now_ms: int, *, may_end: bool) -> None:
    await execute(
        _FOLLOW.format(subjects=condition), now_ms, now_ms, False, *values, -1 if may_end else now_ms
    )


async def signed(manifest_ids: Sequence[int], now_ms: int) -> list[Row]:
    """What cosign tagged for manifests, and is active and not locked: spans, each with its `subject_id`."""
    found: list[Row] = []
    for start in range(0, len(manifest_ids), BATCH):
        batch = manifest_ids[start : start + BATCH]
        subjects = f"m.id IN ({placeholders(batch)}) ORDER BY c.name, c.id"
        found += await fetch(
            "SELECT c.id, c.name, c.manifest_id, c.started_at_ms, c.ended_at_ms, m.id AS subject_id "
            + _ABOUT.format(subjects=subjects),
            now_ms,
            False,
            *batch,
        )
    return found


async def ids_of_subjects(repository_id: int, names: Iterable[str]) -> dict[str, int]:
    """The manifests that tags are about, by name; ordinary names have none."""
    named = {name: digest for name in names if (digest := subject_of(name))}
    digests = sorted(set(named.values()))
    found: dict[str, int] = {}
    for start in range(0, len(digests), BATCH):
        batch = digests[start : start + BATCH]
        rows = await fetch(
            f"SELECT id, digest FROM manifest WHERE repository_id = ? AND digest IN ({placeholders(batch)})",
            repository_id,
            *batch,
        )
        found |= {row["digest"]: row["id"] for row in rows}
    return {name: found[digest] for name, digest in named.items() if digest in found}


async def lives(manifest_ids: Sequence[int], now_ms: int) -> dict[tuple[int, int], int]:
    """How many ordinary tags of manifests end when: counts by manifest and moment, which may be `ENDLESS`."""
    found: dict[tuple[int, int], int] = {}
    for start in range(0, len(manifest_ids), BATCH):
        batch = manifest_ids[start : start + BATCH]
        rows = await fetch(
            f"SELECT o.manifest_id, COALESCE(o.ended_at_ms, {ENDLESS}) AS moment, COUNT(*) AS spans"
            f" {_ORDINARY} AND o.manifest_id IN ({placeholders(batch)})"
            f" AND COALESCE(o.ended_at_ms, {ENDLESS}) > ? GROUP BY 1, 2",
            *batch,
            now_ms,
        )
        found |= {(row["manifest_id"], row["moment"]): row["spans"] for row in rows}
    return found
