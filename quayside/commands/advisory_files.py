"""Advisories in files: directories, zip files, and streams of JSON objects, one record after the other."""

import gzip
import os
import re
import sys
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Final, cast

import orjson

from quayside.commands import CommandError
from resolvers.advisories.osv import MAXIMUM_BYTES, BadRecord, Outline, outline

Tell = Callable[[str, int, int], None]
"""Told of what is read, how many bytes are done, and of how many; 0 if that is not known."""

STANDARD_INPUT: Final = "-"
_CHUNK: Final = 1024 * 1024
_GZIP: Final = b"\x1f\x8b"
_ZIP: Final = b"PK\x03\x04"
_EMPTY_ZIP: Final = b"PK\x05\x06"
_MARKS: Final = re.compile(rb'[{}]|"(?:[^"\\]|\\.)*+"', re.DOTALL)
"""Braces, and texts as wholes, since braces in them mean nothing."""
_BLANK: Final = b" \t\r\n,[]"
"""What may be between the objects of a stream, which may be a list as well."""


@dataclass(frozen=True, slots=True)
class Found:
    """A record as it was found: where, and its bytes; `error` says why there are none."""

    place: str
    content: bytes = b""
    error: str | None = None

    def outline(self) -> Outline:
        """The outline of the record. Raises `BadRecord`."""
        if self.error is not None:
            raise BadRecord(self.error)
        return outline(self.content)


def check(paths: list[str]) -> None:
    """Raise `CommandError` if one of the paths is not there."""
    for path in paths:
        if path != STANDARD_INPUT and not Path(path).exists():
            raise CommandError(f"{path} does not exist.")
    if paths.count(STANDARD_INPUT) > 1:
        raise CommandError("The standard input (-) can be read once only.")


def records(path: str, tell: Tell) -> Iterator[Found]:
    """The records of a directory, a file, or the standard input. Raises `CommandError`."""
    try:
        if path == STANDARD_INPUT:
            yield from _stream("-", sys.stdin.buffer, tell, 0)
        elif Path(path).is_dir():
            yield from _directory(Path(path), tell)
        else:
            yield from _file(path, tell)
    except OSError as error:
        raise CommandError(f"{path} cannot be read: {error.strerror or error}.") from error


def _directory(top: Path, tell: Tell) -> Iterator[Found]:
    """The JSON files of a directory and of those in it."""
    total = sum((folder / name).stat().st_size for folder, name in _json_files(top))
    done = 0
    for folder, name in _json_files(top):
        path = folder / name
        tell(str(path), done, total)
        with path.open("rb") as file:
            content = file.read(MAXIMUM_BYTES + 1)
        done += len(content)
        yield Found(str(path), content)


def _json_files(top: Path) -> Iterator[tuple[Path, str]]:
    for folder, folders, names in os.walk(top):
        folders.sort()
        yield from ((Path(folder), name) for name in sorted(names) if name.endswith(".json"))


def _file(path: str, tell: Tell) -> Iterator[Found]:
    size = Path(path).stat().st_size
    with Path(path).open("rb") as file:
        start = file.read(4)
        file.seek(0)
        if start in {_ZIP, _EMPTY_ZIP}:
            yield from _zip(path, file, tell)
        else:
            yield from _stream(path, file, tell, size)


def _zip(path: str, file: IO[bytes], tell: Tell) -> Iterator[Found]:
    try:
        archive = zipfile.ZipFile(file)
    except zipfile.BadZipFile as error:
        raise CommandError(f"{path} is no whole zip file: {error}.") from error
    members = [member for member in archive.infolist() if member.filename.endswith(".json")]
    total, done = sum(member.compress_size for member in members), 0
    for member in members:
        place = f"{path}:{member.filename}"
        tell(place, done, total)
        done += member.compress_size
        try:
            with archive.open(member) as opened:
                yield Found(place, opened.read(MAXIMUM_BYTES + 1))
        except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, NotImplementedError) as error:
            # The library raises the last two for passwords and for compressions that it does not know.
            yield Found(place, error=f"It cannot be unpacked: {error}.")


class _Counted:
    """A stream that is unpacked if it is compressed by gzip, and tells how much of it was read."""

    def __init__(self, place: str, source: IO[bytes], tell: Tell, total: int) -> None:
        self._source, self._place, self._tell, self._total = source, place, tell, total
        self._done = 0
        self._unpacked: Any = None
        self._start = source.read(2)
        if self._start == _GZIP:
            self._unpacked = gzip.GzipFile(mode="rb", fileobj=cast(Any, self))

    def read(self, size: int = _CHUNK) -> bytes:
        """Bytes of the source itself, as the unpacker wants them."""
        start, self._start = self._start[:size], self._start[size:]
        got = start + self._source.read(size - len(start))
        self._done += len(got)
        self._tell(self._place, self._done, self._total)
        return got

    def chunk(self) -> bytes:
        """The next bytes of what it holds; none at the end."""
        got: bytes = self.read() if self._unpacked is None else self._unpacked.read(_CHUNK)
        return got


def _stream(place: str, source: IO[bytes], tell: Tell, total: int) -> Iterator[Found]:
    """The objects of a stream, whatever blanks, commas and brackets are between them."""
    counted = _Counted(place, source, tell, total)
    number, rest = 0, b""
    try:
        while chunk := counted.chunk():
            pieces, rest = _objects(rest + chunk)
            for piece in pieces:
                number += 1
                yield Found(f"{place}:{number}", piece)
            if len(rest) > MAXIMUM_BYTES + _CHUNK:
                error = (
                    f"It has more than {MAXIMUM_BYTES // 1024 // 1024} MiB, so that what follows is not read."
                )
                yield Found(f"{place}:{number + 1}", error=error)
                return
    except (EOFError, zlib.error, gzip.BadGzipFile) as broken:
        yield Found(f"{place}:{number + 1}", error=f"The stream cannot be unpacked: {broken}.")
        return
    if rest.strip(_BLANK):
        yield Found(f"{place}:{number + 1}", error="The stream ends inside of it, or it is no JSON object.")


def _objects(buffer: bytes) -> tuple[list[bytes], bytes]:
    """The whole objects at the start of a buffer, with what is between them and none; and the rest of it."""
    pieces, start = _lines(buffer)
    depth, opened = 0, start
    for mark in _MARKS.finditer(buffer, start):
        if mark[0] == b"{":
            if depth == 0:
                opened = mark.start()
                pieces += filter(None, [buffer[start:opened].strip(_BLANK)])
            depth += 1
        elif mark[0] == b"}" and depth:
            depth -= 1
            if depth == 0:
                start = mark.end()
                pieces.append(buffer[opened:start])
    return pieces, buffer[opened if depth else start :]


def _lines(buffer: bytes) -> tuple[list[bytes], int]:
    """Objects that have a line each, as in most streams, which are found fast; and where these lines end.

    A broken line before another record is one as well, so that it takes nothing else with it.
    """
    pieces: list[bytes] = []
    start, broken = 0, b""
    for line_start, line_end in _line_ends(buffer):
        line = buffer[line_start:line_end].strip(_BLANK)
        if not line:
            continue
        if not _is_record(line):
            if broken:
                break
            broken = line
            continue
        pieces += filter(None, [broken, line])
        start, broken = line_end, b""
    return pieces, start


def _line_ends(buffer: bytes) -> Iterator[tuple[int, int]]:
    start = 0
    while (end := buffer.find(b"\n", start) + 1) > 0:
        yield start, end
        start = end


def _is_record(line: bytes) -> bool:
    try:
        found = orjson.loads(line) if line[:1] == b"{" else None
    except orjson.JSONDecodeError:
        return False
    return isinstance(found, dict) and "id" in found
