"""What a parser is: a choice of files, and a function from one such file to packages.

    def _packages(file: File) -> Iterator[Package]:
        for block in paragraphs(file.text()):
            yield Package(Ecosystem.DEB, block["Package"], block["Version"])

    PARSERS = (Parser("dpkg", named(r"var/lib/dpkg/status"), _packages),)

A file is hostile: whatever it holds, a parser yields packages or raises `Unreadable`. One that cannot be read
is noted as a problem of the layer, beside the packages that were yielded before, and scanning goes on. With a
`Bomb` it ends.
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import BinaryIO, Final

from resolvers.scan.package import Package

MIB: Final = 1024 * 1024
HEAD_BYTES: Final = 64


class Unreadable(Exception):
    """The file is not what its name promises; the message is a sentence that says in which way."""


class Bomb(Exception):
    """The file is made to take more than there is: the layer that has it is not read. The message continues
    "The layer has a file that …"."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A regular file of a layer, before it is read. `path` has no `/` in front and no `..` in it.

    `head` is its beginning, at most 64 bytes, by which binaries are told.
    """

    path: str
    size: int
    mode: int
    head: bytes

    @property
    def is_executable(self) -> bool:
        """Whether somebody may run it."""
        return bool(self.mode & 0o111)


@dataclass(frozen=True, slots=True)
class File:
    """A file that a parser wanted. `content` is seekable, at its beginning, and closed by who opened it."""

    entry: Entry
    content: BinaryIO

    @property
    def path(self) -> str:
        """Its path in the layer, without a `/` in front."""
        return self.entry.path

    def bytes(self) -> bytes:
        """All of it."""
        self.content.seek(0)
        return self.content.read()

    def text(self) -> str:
        """All of it as UTF-8; bytes that are none become replacement characters."""
        return self.bytes().decode("utf-8", "replace")


@dataclass(frozen=True, slots=True)
class Parser:
    """Reads packages from the files that `wants` picks, of at most `limit_bytes` each.

    Larger ones are not read, and noted as a problem. `parse` raises `Unreadable`.
    """

    name: str
    wants: Callable[[Entry], bool]
    parse: Callable[[File], Iterable[Package]]
    limit_bytes: int = 64 * MIB


def named(*patterns: str) -> Callable[[Entry], bool]:
    """A choice of files by regular expressions of the whole path, without a `/` in front."""
    pattern = re.compile("|".join(f"(?:{pattern})" for pattern in patterns))

    def wants(entry: Entry) -> bool:
        return pattern.fullmatch(entry.path) is not None

    return wants
