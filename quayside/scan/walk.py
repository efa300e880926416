"""A walk through the archive of a layer: its entries, and the packages that parsers find in its files."""

import errno
import hashlib
import re
import tarfile
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import BinaryIO, Final

from quayside.scan.limits import Limits
from quayside.scan.parsers.base import HEAD_BYTES, Bomb, Entry, File, Parser, Unreadable
from quayside.scan.soundness import is_sound
from quayside.scan.stream import PIECE, Archive, refused
from resolvers.scan.listing import EntryKind, ListedEntry, line_of
from resolvers.scan.package import Distribution, Package
from resolvers.scan.scanner import NotScanned, PackageFile

OF_THE_MACHINE: Final = {errno.ENOSPC, errno.EDQUOT, errno.EMFILE, errno.ENFILE, errno.EIO}
"""Errors of the system that are no fault of a layer."""
MEMORY_BYTES: Final = 8 * 1024 * 1024
"""Larger files that parsers want are on disk while they are looked into."""
WHITEOUT: Final = ".wh."
OPAQUE: Final = ".wh..wh..opq"
OS_RELEASE: Final = ("etc/os-release", "usr/lib/os-release")
"""Where distributions say what they are; what is first counts, if it is no link to the other."""
_ASSIGNMENT: Final = re.compile(r"""(ID|VERSION_ID)=(["']?)([^"'\n]*)\2""")
_KINDS: Final = {
    tarfile.DIRTYPE: EntryKind.DIRECTORY,
    tarfile.SYMTYPE: EntryKind.SYMLINK,
    tarfile.LNKTYPE: EntryKind.HARD_LINK,
    tarfile.CHRTYPE: EntryKind.DEVICE,
    tarfile.BLKTYPE: EntryKind.DEVICE,
    tarfile.FIFOTYPE: EntryKind.FIFO,
}


@dataclass(slots=True)
class Found:
    """What a walk has found so far. Of entries with the same path the last one counts."""

    package_files: dict[str, list[PackageFile]] = field(default_factory=dict)
    lines: dict[str, bytes] = field(default_factory=dict)
    removed: list[str] = field(default_factory=list)
    opaque: list[str] = field(default_factory=list)
    problems: list[tuple[str, str]] = field(default_factory=list)
    releases: dict[str, Distribution] = field(default_factory=dict)
    package_count: int = 0
    removed_bytes: int = 0

    @property
    def distribution(self) -> Distribution | None:
        """What the layer says that it is of."""
        return next((self.releases[path] for path in OS_RELEASE if path in self.releases), None)


class Walk:
    """One walk. Raises `NotScanned` where the layer is not what it must be, or is too much."""

    def __init__(self, source: BinaryIO, limits: Limits, parsers: Sequence[Parser]) -> None:
        self._archive = Archive(source, limits)
        self._limits = limits
        self._parsers = parsers
        self.found = Found()

    @property
    def size_bytes(self) -> int:
        """How large the archive is, as far as it was read."""
        return self._archive.position

    def run(self) -> Found:
        """Read the layer to the end of its archive."""
        for number, member in enumerate(self._members(), start=1):
            if number > self._limits.entries:
                raise refused(f"The layer has more than {self._limits.entries} entries.")
            self._take(member)
        return self.found

    def _members(self) -> Iterator[tarfile.TarInfo]:
        archive = self._archive
        try:
            tar = tarfile.TarFile(fileobj=archive, mode="r")  # type: ignore[arg-type]  # All that it uses.
            while (member := tar.next()) is not None:
                # Nobody goes back to them, and there may be many.
                tar.members = []  # type: ignore[attr-defined]
                yield member
        except tarfile.TarError as error:
            if archive.position == 0:
                return
            raise refused("The layer is no tar archive, or one that is damaged.") from error
        except (ValueError, OverflowError, RecursionError) as error:
            # Numbers in headers that are none.
            raise refused("The archive in the layer has a header that is damaged.") from error
        # The end is two blocks of zeros, or that of the layer.
        if archive.last.strip(b"\0") or len(archive.last) not in {0, tarfile.BLOCKSIZE}:
            raise refused("The archive in the layer is damaged, or ends too early.")

    def _take(self, member: tarfile.TarInfo) -> None:
        path = self._checked(member.name, "a path")
        directory, _, name = path.rpartition("/")
        if not path:
            return
        if name == OPAQUE:
            self._note_removal(self.found.opaque, directory, EntryKind.OPAQUE)
        elif name.startswith(WHITEOUT + WHITEOUT):
            # What a union file system keeps for itself.
            return
        elif name.startswith(WHITEOUT):
            removed = path[: -len(name)] + name.removeprefix(WHITEOUT)
            self._note_removal(self.found.removed, removed, EntryKind.REMOVED)
        elif member.isreg():
            self._take_file(path, member)
        else:
            self._take_other(path, member)

    def _take_other(self, path: str, member: tarfile.TarInfo) -> None:
        kind = _KINDS.get(member.type)
        if kind is None:
            raise refused(f"The archive in the layer has an entry of an unknown kind: {path[:200]}.")
        target = None
        if kind is EntryKind.HARD_LINK:
            target = self._checked(member.linkname, "a hard link to a path")
        elif kind is EntryKind.SYMLINK:
            target = _text(member.linkname)[: self._limits.path_bytes]
        self._forget(path)
        self._list(ListedEntry(path, kind, member.mode, target=target))

    def _note_removal(self, noted: list[str], path: str, kind: EntryKind) -> None:
        noted.append(path)
        self.found.removed_bytes += len(path.encode())
        limits = self._limits
        if len(noted) > limits.removals or self.found.removed_bytes > limits.removal_bytes:
            most = f"{limits.removals} paths, or {limits.removal_bytes} bytes of them"
            raise refused(f"The layer takes away more than {most}.")
        # A directory may be replaced and have entries; a name of its own keeps both.
        self.found.lines[f"{path}\0{kind}"] = line_of(ListedEntry(path, kind))

    def _list(self, entry: ListedEntry) -> None:
        self.found.lines[entry.path] = line_of(entry)

    def _forget(self, path: str) -> None:
        """Forget what an earlier entry with this path had."""
        self.found.package_files.pop(path, None)
        self.found.releases.pop(path, None)

    def _take_file(self, path: str, member: tarfile.TarInfo) -> None:
        content = self._content(member)
        first = next(content, memoryview(b""))
        entry = Entry(path, member.size, member.mode, bytes(first[:HEAD_BYTES]))
        self._forget(path)
        wanting = [parser for parser in self._parsers if parser.wants(entry)]
        limit = min(self._limits.spool_bytes, max((parser.limit_bytes for parser in wanting), default=0))
        if path in OS_RELEASE:
            limit = max(limit, MEMORY_BYTES)
        hasher = hashlib.sha256(first)
        # Whoever reads it afterwards closes it.
        with tempfile.SpooledTemporaryFile(max_size=MEMORY_BYTES) as spool:
            is_spooled = bool(limit) and member.size <= limit
            if is_spooled:
                spool.write(first)
            for piece in content:
                hasher.update(piece)
                if is_spooled:
                    spool.write(piece)
            self._list(ListedEntry(path, EntryKind.FILE, member.mode, member.size, digest=hasher.hexdigest()))
            for parser in wanting:
                self._parse(parser, entry, spool)  # type: ignore[arg-type]  # It is a binary file.
            if path in OS_RELEASE and is_spooled:
                spool.seek(0)
                self._note_release(path, spool.read().decode("utf-8", "replace"))

    def _parse(self, parser: Parser, entry: Entry, content: BinaryIO) -> None:
        found: dict[Package, None] = {}
        limit = min(parser.limit_bytes, self._limits.spool_bytes)
        if entry.size > limit:
            self._note_problem(entry.path, f"The file is larger than {limit} bytes.")
        else:
            content.seek(0)
            try:
                for package in parser.parse(File(entry, content)):
                    self._count_package()
                    if is_sound(package):
                        found[package] = None
                    else:
                        self._note_problem(entry.path, "A name or a version is too long, or no text.")
            except Unreadable as error:
                self._note_problem(entry.path, f"{str(error)[:300]}.")
            except Bomb as error:
                raise refused(f"The layer has a file that {error}: {entry.path[:200]}.") from error
            except (NotScanned, MemoryError):
                raise
            except Exception as error:
                # A file may be worse than its parser knows of.
                if isinstance(error, OSError) and error.errno in OF_THE_MACHINE:
                    raise
                self._note_problem(entry.path, f"The file cannot be read: {type(error).__name__}.")
        # Most programs have none; that a path has none any more, the listing tells.
        if found:
            noted = PackageFile(entry.path, parser.name, tuple(found))
            self.found.package_files.setdefault(entry.path, []).append(noted)

    def _count_package(self) -> None:
        self.found.package_count += 1
        if self.found.package_count > self._limits.packages:
            raise refused(f"The layer has more than {self._limits.packages} packages.")

    def _note_problem(self, path: str, sentence: str) -> None:
        if len(self.found.problems) < self._limits.problems and (path, sentence) not in self.found.problems:
            self.found.problems.append((path, sentence))

    def _note_release(self, path: str, text: str) -> None:
        values = {
            match[1]: match[3] for line in text.splitlines() if (match := _ASSIGNMENT.fullmatch(line.strip()))
        }
        name, version = values.get("ID", ""), values.get("VERSION_ID", "")
        if name and len(name) <= 64 and len(version) <= 64 and "\0" not in name + version:
            self.found.releases[path] = Distribution(name, version)

    def _content(self, member: tarfile.TarInfo) -> Iterator[memoryview]:
        """The pieces of a file."""
        if member.size < 0:
            raise refused(f"The layer has a file of {member.size} bytes: {_text(member.name)[:200]}.")
        if member.size > self._limits.bytes:
            raise refused(f"The layer has a file of {member.size} bytes: {_text(member.name)[:200]}.")
        if member.sparse is not None:
            yield from self._sparse_content(member)
            return
        left = member.size
        while left:
            piece = self._archive.piece(min(left, PIECE))
            if not piece:
                raise refused("The archive in the layer ends in the middle of a file.")
            left -= len(piece)
            yield piece

    def _sparse_content(self, member: tarfile.TarInfo) -> Iterator[memoryview]:
        """The pieces of a file with holes, which take time to be filled, and nothing in the layer."""
        if member.size > self._limits.free_bytes:
            raise refused(f"The layer has a sparse file of {member.size} bytes: {_text(member.name)[:200]}.")
        position = 0
        for offset, size in [*(member.sparse or ()), (member.size, 0)]:
            if not position <= offset <= member.size - size or size < 0:
                raise refused("The archive in the layer has a sparse file that is damaged.")
            while position < offset:
                hole = memoryview(bytes(min(PIECE, offset - position)))
                position += len(hole)
                yield hole
            while position < offset + size:
                piece = self._archive.piece(min(PIECE, offset + size - position))
                if not piece:
                    raise refused("The archive in the layer ends in the middle of a file.")
                position += len(piece)
                yield piece

    def _checked(self, name: str, what: str) -> str:
        """A path without `/` in front. Raises `NotScanned` for one that leads out of the layer."""
        path = _text(name)
        steps = [step for step in path.split("/") if step not in {"", "."}]
        if ".." in steps:
            raise refused(f"The layer has {what} that leads out of it: {path[:200]}.")
        if len(path.encode()) > self._limits.path_bytes:
            raise refused(f"The layer has {what} of more than {self._limits.path_bytes} bytes.")
        return "/".join(steps)


def _text(name: str) -> str:
    """A name of the archive as text that databases take."""
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "replace").replace("\0", "\ufffd")
