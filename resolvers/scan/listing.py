"""The listing of a layer: its entries as lines of JSON, sorted by path, compressed in parts by zlib.

A part is small enough to be read for one directory, and large enough to compress well.
"""

import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import orjson

from resolvers.scan.scanner import ListingPart

ENTRIES_OF_PART: Final = 4_000
PART_BYTES: Final = 64 * 1024 * 1024
"""Most that a part may become when it is decompressed; paths are 4,096 bytes at most."""
LEVEL: Final = 6


class TooLarge(Exception):
    """A part becomes more than `PART_BYTES`, or several take too much memory together."""


class EntryKind(StrEnum):
    """What an entry is; `REMOVED` and `OPAQUE` take away what is beneath."""

    FILE = "f"
    DIRECTORY = "d"
    SYMLINK = "l"
    HARD_LINK = "h"
    DEVICE = "c"
    FIFO = "p"
    REMOVED = "w"
    OPAQUE = "o"


@dataclass(frozen=True, slots=True)
class ListedEntry:
    """An entry. `digest` is that of a file's content, sha256 in hex; `target` is where a link leads."""

    path: str
    kind: EntryKind
    mode: int = 0
    size: int = 0
    digest: str | None = None
    target: str | None = None


def line_of(entry: ListedEntry) -> bytes:
    """An entry as a line of a listing."""
    made = orjson.dumps([entry.path, entry.kind, entry.mode, entry.size, entry.digest or entry.target])
    # A copy: what the library returns takes 1 KiB, and there are many lines.
    return made + b"\n"


def parts(lines: Sequence[tuple[str, bytes]]) -> Iterator[ListingPart]:
    """The listing of lines, which are given with their paths in the order of these."""
    for start in range(0, len(lines), ENTRIES_OF_PART):
        some = lines[start : start + ENTRIES_OF_PART]
        yield ListingPart(some[0][0], zlib.compress(b"".join(line for _, line in some), LEVEL))


def lines_of(content: bytes) -> list[bytes]:
    """The lines of a part, in the order of their paths."""
    unpacker = zlib.decompressobj()
    lines = unpacker.decompress(content, PART_BYTES).split(b"\n")
    if unpacker.unconsumed_tail:
        raise TooLarge
    return lines[:-1]


def path_of(line: bytes) -> str:
    """The path of a line."""
    path: str = orjson.loads(line)[0]
    return path


def entry_of(line: bytes) -> ListedEntry:
    """The entry of a line."""
    path, kind, mode, size, more = orjson.loads(line)
    is_file = kind == EntryKind.FILE
    return ListedEntry(
        path, EntryKind(kind), mode, size, more if is_file else None, None if is_file else more
    )


def entries(content: bytes) -> Iterator[ListedEntry]:
    """The entries of a part."""
    return map(entry_of, lines_of(content))
