"""What a check of the storage finds."""

from collections import Counter
from dataclasses import dataclass, field
from enum import StrEnum

from resolvers.content.affected import Images
from storage.blob_repair import Outcome


class Kind(StrEnum):
    """What is wrong."""

    MISSING = "missing"
    """Repositories have a blob, and the store does not."""
    ABSENT = "absent"
    """It is known that the store does not have the blob, and nobody has pushed it again."""
    DAMAGED = "damaged"
    """The bytes of a blob do not have its digest."""
    RETURNED = "returned"
    """The bytes of an absent blob are there, and right."""
    SIZE = "size"
    """The bytes are right, and the database has another size."""
    STRAY = "stray"
    """The store has bytes that the database does not know."""
    MANIFEST = "manifest"
    """The body of a manifest is lost, or does not have its digest."""
    UNLINKED = "unlinked"
    """A manifest names a blob to which its repository has no right."""
    FIGURE = "figure"
    """The kept figure of stored bytes is not what is counted."""


BREAKING = frozenset({Kind.MISSING, Kind.ABSENT, Kind.DAMAGED})
"""Kinds of blobs without which images cannot be pulled."""


NONE = Images()


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is wrong, which images need it, and what came of its repair; None without one.

    `digest` is that of a blob or manifest, and `repository` where it matters; a figure has only that.
    """

    kind: Kind
    digest: str | None = None
    size_bytes: int | None = None
    repository: str | None = None
    images: Images = NONE
    repair: Outcome | None = None


@dataclass(slots=True)
class Tally:
    """How far a check is, and how much it found. `young`: strays that are too young to be judged."""

    stage: str = "blobs"
    done: int = 0
    total: int = 0
    blobs: int = 0
    manifests: int = 0
    read_bytes: int = 0
    young: int = 0
    found: Counter[Kind] = field(default_factory=Counter)

    def note_read(self, size_bytes: int) -> None:
        """Count bytes that were read."""
        self.read_bytes += size_bytes
