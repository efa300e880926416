"""What a source has beside what a mirror has: which tags are new, moved, the same, gone or locked."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from resolvers.manifests.cosign import is_about_manifest
from resolvers.mirrors.rule import tag_test
from resolvers.repositories.repository import RepositoryRecord
from storage.clock import now_ms
from storage.conditions import is_active
from storage.statements import fetch


class TagChange(StrEnum):
    """What a run does with a tag."""

    ADDS = "ADDS"
    MOVES = "MOVES"
    KEEPS = "KEEPS"
    REMOVES = "REMOVES"
    LOCKED = "LOCKED"


@dataclass(frozen=True, slots=True)
class LocalTag:
    """What a tag of the mirror points to now."""

    name: str
    manifest_id: int
    digest: str
    is_immutable: bool


PAGE: Final = 5_000


async def local_tags(place: RepositoryRecord) -> dict[str, LocalTag]:
    """All active tags of a repository by name, read in pages."""
    found: dict[str, LocalTag] = {}
    after, now = 0, now_ms()
    while True:
        rows = await fetch(
            "SELECT t.id, t.name, t.manifest_id, m.digest, t.is_immutable FROM tag t"
            f" JOIN manifest m ON m.id = t.manifest_id WHERE t.repository_id = ? AND t.id > ?"
            f" AND {is_active('t')} ORDER BY t.id LIMIT {PAGE}",
            *(place.id, after, now),
        )
        found |= {
            row["name"]: LocalTag(row["name"], row["manifest_id"], row["digest"], bool(row["is_immutable"]))
            for row in rows
        }
        if len(rows) < PAGE:
            return found
        after = rows[-1]["id"]


def change_of(held: LocalTag | None, digest: str) -> TagChange:
    """What becomes of a tag that names a digest at the source."""
    if held is None:
        return TagChange.ADDS
    if held.digest == digest:
        return TagChange.KEEPS
    return TagChange.LOCKED if held.is_immutable else TagChange.MOVES


def gone(
    held: Mapping[str, LocalTag], patterns: Sequence[str], listed: Sequence[str]
) -> list[tuple[LocalTag, TagChange]]:
    """The tags that fit the rule, and which the source lists no more; signatures go with what they are about.

    None where the source lists nothing at all, which is rather a fault of the source than what is wanted.
    """
    if not listed:
        return []
    fits: Callable[[str], bool] = tag_test(patterns)
    there = frozenset(listed)
    return [
        (tag, TagChange.LOCKED if tag.is_immutable else TagChange.REMOVES)
        for name, tag in held.items()
        if name not in there and fits(name) and not is_about_manifest(name)
    ]
