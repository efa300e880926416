"""Control labels: what an image asks for the tags that point to it, whichever way they come to do so.

`quay.expires-after` lets a tag expire, `quay.immutable` locks it. They are labels of the configuration, or
annotations of the manifest or index, which come first. An index without such an annotation asks for what all
of its images ask for, of different lifetimes the longest. Entries without a platform (`unknown/unknown`) are
attestations of the builder, and no images.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from resolvers.expiration import EXPIRES_AFTER_LABEL, expiration_of_label
from storage.statements import Row, batches, fetch, is_postgres, placeholders

IMMUTABLE_LABEL = "quay.immutable"
_LENGTH = 32
"""Most characters of a value that count; none that means something is longer."""
MAX_LEVELS = 8
MAX_IMAGES = 10_000
"""Most images below an index, at all levels; one that has more asks for nothing by them."""


@dataclass(frozen=True, slots=True)
class Control:
    """What an image asks for its tags: a lifetime, as the label says it or empty, and a lock."""

    expires_after: str = ""
    is_immutable: bool = False


NO_CONTROL = Control()


async def of_manifest(manifest_id: int) -> Control:
    """What one manifest or index asks for; two statements for each level of an index."""
    return (await of_manifests([manifest_id]))[manifest_id]


async def of_manifests(ids: Iterable[int]) -> dict[int, Control]:
    """What each of some manifests asks for; at most two statements for each level and 500 manifests."""
    wanted = sorted(set(ids))
    rows: dict[int, Row] = {}
    images: dict[int, list[int | None]] = {}
    level = wanted
    for _ in range(MAX_LEVELS):
        rows |= {row["id"]: row for row in await _read(level)}
        below = await _images([one for one in level if one in rows and _asks_images(rows[one])])
        images |= below
        level = sorted({image for held in below.values() for image in held if image} - rows.keys())
        if not level or len(rows) + len(level) > MAX_IMAGES + len(wanted):
            break
    found: dict[int, Control] = {}

    def asked_by(one: int | None) -> Control:
        # None is an entry that the repository does not hold; what lies deeper than is read asks for nothing.
        if one is None or one not in rows:
            return NO_CONTROL
        if one not in found:
            found[one] = _asked(rows[one], [asked_by(image) for image in images.get(one, ())])
        return found[one]

    return {one: asked_by(one) for one in wanted}


def _annotation(key: str) -> str:
    """SQL of an annotation of a manifest; null if it has none of this key."""
    if is_postgres():
        return f"SUBSTR(m.annotations ->> '{key}', 1, {_LENGTH})"
    return f"SUBSTR(json_extract(m.annotations, '$.\"{key}\"'), 1, {_LENGTH})"


def _label(key: str) -> str:
    return (
        f"(SELECT SUBSTR(l.value, 1, {_LENGTH}) FROM label l WHERE l.manifest_id = m.id AND l.key = '{key}'"
        " AND l.source = 'manifest' ORDER BY l.id LIMIT 1)"
    )


def _value(key: str) -> str:
    return f"COALESCE({_annotation(key)}, {_label(key)})"


async def _read(ids: Sequence[int]) -> list[Row]:
    """The values of manifests, each null if absent."""
    found: list[Row] = []
    for batch in batches(ids):
        found += await fetch(
            f"SELECT m.id, m.is_index, {_value(EXPIRES_AFTER_LABEL)} AS expires_after,"
            f" {_value(IMMUTABLE_LABEL)} AS immutable FROM manifest m WHERE m.id IN ({placeholders(batch)})",
            *batch,
        )
    return found


def _asks_images(row: Row) -> bool:
    return bool(row["is_index"]) and (row["expires_after"] is None or row["immutable"] is None)


async def _images(indexes: Sequence[int]) -> dict[int, list[int | None]]:
    """The images of each index; None for one that the repository does not hold."""
    found: defaultdict[int, list[int | None]] = defaultdict(list)
    for batch in batches(indexes):
        for row in await fetch(
            "SELECT c.manifest_id, k.id FROM manifest_child c JOIN manifest m ON m.id = c.manifest_id"
            " LEFT JOIN manifest k ON k.repository_id = m.repository_id AND k.digest = c.digest"
            f" WHERE c.manifest_id IN ({placeholders(batch)})"
            " AND NOT (COALESCE(c.os, '') = 'unknown' AND COALESCE(c.architecture, '') = 'unknown')",
            *batch,
        ):
            found[row["manifest_id"]].append(row["id"])
    return found


def _asked(row: Row, images: Sequence[Control]) -> Control:
    """What a manifest asks for, given what its images ask for."""
    expires_after, immutable = row["expires_after"], row["immutable"]
    if expires_after is None:
        lifetimes = {expiration_of_label(image.expires_after, 0): image.expires_after for image in images}
        longest = None if None in lifetimes else max((one for one in lifetimes if one), default=None)
        expires_after = lifetimes.get(longest, "") if longest else ""
    if immutable is None:
        is_immutable = bool(images) and all(image.is_immutable for image in images)
    else:
        is_immutable = immutable.strip().lower() == "true"
    return Control(expires_after, is_immutable)
