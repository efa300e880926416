"""Images that can be pulled by a tag now, be it a tag of an index that holds them."""

from collections.abc import Mapping, Sequence
from typing import Final

from storage.clock import now_ms
from storage.conditions import is_active
from storage.statements import batches, fetch, placeholders

_TAGS: Final = f"tag t WHERE t.manifest_id = m.id AND {is_active('t')}"
_TAGS_OF_INDEXES: Final = (
    "manifest_child c JOIN manifest i ON i.id = c.manifest_id JOIN tag t ON t.manifest_id = i.id"
    f" WHERE c.digest = m.digest AND i.repository_id = m.repository_id AND {is_active('t')}"
)


def is_tagged(moment_ms: int) -> tuple[str, list[int]]:
    """SQL condition on manifests `m` and its values: they have a tag, or an index that holds them has one."""
    return (
        f"(EXISTS (SELECT 1 FROM {_TAGS}) OR EXISTS (SELECT 1 FROM {_TAGS_OF_INDEXES}))",
        [moment_ms, moment_ms],
    )


def is_among_tagged(moment_ms: int) -> tuple[str, list[int]]:
    """The same for many manifests, whose tags are rather read at once than looked up one by one."""
    is_own = f"m.id IN (SELECT t.manifest_id FROM tag t WHERE {is_active('t')})"
    return f"({is_own} OR EXISTS (SELECT 1 FROM {_TAGS_OF_INDEXES}))", [moment_ms, moment_ms]


async def tags_of(manifest_ids: Sequence[int]) -> Mapping[int, set[str]]:
    """The names of these tags by image; images without one are not there."""
    found: dict[int, set[str]] = {}
    for some in batches(manifest_ids):
        moment = now_ms()
        for tags in (_TAGS, _TAGS_OF_INDEXES):
            for row in await fetch(
                f"SELECT m.id, t.name FROM manifest m CROSS JOIN {tags} AND m.id IN ({placeholders(some)})",
                *(moment, *some),
            ):
                found.setdefault(row["id"], set()).add(row["name"])
    return found
