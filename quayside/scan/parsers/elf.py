"""Sections of ELF files, which compilers note in what a program is made of."""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO, Final

from quayside.scan.parsers.base import Entry, Unreadable

MAGIC: Final = b"\x7fELF"
_MOST_HEADERS: Final = 10_000
_LARGEST_HEADER: Final = 256
"""Of a section or a segment; they have 64 bytes at most."""
_MOST_NAMES: Final = 1024 * 1024
_EXECUTABLE, _SHARED = 2, 3
_LOADED: Final = 1


def is_program(entry: Entry) -> bool:
    """Whether a file is an ELF program that somebody may run; libraries of other languages are not."""
    if not entry.is_executable or not entry.head.startswith(MAGIC) or len(entry.head) < 20:
        return False
    kind = int.from_bytes(entry.head[16:18], "little" if entry.head[5] == 1 else "big")
    return kind in {_EXECUTABLE, _SHARED} and ".so" not in entry.path.rpartition("/")[2]


@dataclass(frozen=True, slots=True)
class Section:
    """Where a section is in the file."""

    offset: int
    size: int


@dataclass(frozen=True, slots=True)
class _Segment:
    address: int
    offset: int
    size: int


class Elf:
    """An ELF file. Raises `Unreadable` if its headers are broken."""

    def __init__(self, content: BinaryIO) -> None:
        self._content = content
        self._size = content.seek(0, 2)
        head = self.at(0, 64)
        if not head.startswith(MAGIC) or len(head) < 52 or head[4] not in (1, 2) or head[5] not in (1, 2):
            raise Unreadable("the headers of the program are broken")
        self.is_64, self.order = head[4] == 2, "<" if head[5] == 1 else ">"
        if self.is_64 and len(head) < 64:
            raise Unreadable("the headers of the program are broken")
        fields = struct.unpack_from(self.order + ("QQQIHHHHHH" if self.is_64 else "IIIIHHHHHH"), head, 24)
        _, self._segments_at, self._sections_at, _, _, self._segment_size, segments, size, sections, names = (
            fields
        )
        self._segment_count, self._section_size, self._section_count, self._names = (
            segments,
            size,
            sections,
            names,
        )
        self._loaded: list[_Segment] | None = None

    def at(self, offset: int, size: int) -> bytes:
        """Bytes of the file; fewer where it ends."""
        # Headers may say what is more than a file can have.
        if offset >= self._size:
            return b""
        self._content.seek(offset)
        return self._content.read(size)

    def section(self, name: bytes) -> Section | None:
        """The section of a name. Raises `Unreadable`."""
        headers = list(self._headers(self._sections_at, self._section_size, self._section_count))
        form = self.order + ("IIQQQQ" if self.is_64 else "IIIIII")
        try:
            rows = [struct.unpack_from(form, header) for header in headers]
        except struct.error as error:
            raise Unreadable("the headers of the program are broken") from error
        if self._names >= len(rows):
            return None
        names = self.at(rows[self._names][4], min(rows[self._names][5], _MOST_NAMES))
        for start, _, _, _, offset, size in rows:
            if names[start : start + len(name) + 1] == name + b"\0":
                return Section(offset, size)
        return None

    def loaded_at(self, address: int, size: int) -> bytes:
        """Bytes at an address of the running program; none where it has none."""
        if self._loaded is None:
            self._loaded = list(self._segments())
        for segment in self._loaded:
            if segment.address <= address < segment.address + segment.size:
                start = address - segment.address
                return self.at(segment.offset + start, min(size, segment.size - start))
        return b""

    def _segments(self) -> Iterator[_Segment]:
        form = self.order + ("IIQQQQ" if self.is_64 else "IIIIII")
        for header in self._headers(self._segments_at, self._segment_size, self._segment_count):
            try:
                fields = struct.unpack_from(form, header)
            except struct.error as error:
                raise Unreadable("the headers of the program are broken") from error
            offset, address, size = (
                (fields[2], fields[3], fields[5]) if self.is_64 else (fields[1], fields[2], fields[4])
            )
            if fields[0] == _LOADED:
                yield _Segment(address, offset, size)

    def _headers(self, offset: int, size: int, count: int) -> Iterator[bytes]:
        if not offset or count > _MOST_HEADERS:
            return
        if size > _LARGEST_HEADER:
            raise Unreadable("the headers of the program are broken")
        table = self.at(offset, size * count)
        yield from (table[start : start + size] for start in range(0, len(table), size or 1))
