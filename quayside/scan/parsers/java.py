"""Java: archives, and the archives in them, by `pom.properties`, or by manifest and file name."""

import re
import struct
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from typing import IO, Final

from quayside.scan.parsers.base import MIB, Bomb, Entry, File, Parser, Unreadable
from resolvers.scan.package import Ecosystem, Package

_ARCHIVES: Final = (".jar", ".war", ".ear", ".hpi", ".jpi", ".par", ".sar", ".kar")
_POM: Final = re.compile(r"META-INF/maven/[^/]+/[^/]+/pom\.properties")
_MANIFEST: Final = "META-INF/MANIFEST.MF"
_FILE_NAME: Final = re.compile(
    r"(?P<artifact>[A-Za-z][\w.]*(?:-[A-Za-z][\w.]*)*)(?:-(?P<version>\d[\w.\-+]*))?", re.ASCII
)
_DEEPEST: Final = 5
_MOST_BYTES: Final = 512 * MIB
"""What is unpacked of one file, with all archives in it."""
_FREE_BYTES: Final = 64 * MIB
_RATIO: Final = 200
"""Beyond `_FREE_BYTES`, a file that unpacks to more than so many times its size is a bomb."""
_LONGEST_TEXT: Final = MIB
_LARGEST_DIRECTORY: Final = 16 * MIB
"""Of a zip file: some 200,000 entries, which are in memory at once."""
_IN_MEMORY: Final = 4 * MIB


def _wants(entry: Entry) -> bool:
    return entry.path.lower().endswith(_ARCHIVES) and entry.head.startswith(b"PK")


class _Budget:
    """How much may still be unpacked of a file of some size."""

    def __init__(self, size: int) -> None:
        self.left = _MOST_BYTES
        self._bomb = max(_FREE_BYTES, _RATIO * size)

    def read(self, archive: zipfile.ZipFile, member: zipfile.ZipInfo, target: IO[bytes], most: int) -> None:
        """Unpack a member. Raises `Unreadable` for more than `most` bytes or than is left, and `Bomb`."""
        if member.compress_type not in {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}:
            raise Unreadable("the archive is compressed in a way that Java does not know")
        done = 0
        with archive.open(member) as source:
            while chunk := source.read(MIB):
                done += len(chunk)
                self.left -= len(chunk)
                if _MOST_BYTES - self.left > self._bomb:
                    raise Bomb(f"unpacks to more than {_RATIO} times its size")
                if done > most or self.left < 0:
                    raise Unreadable("the archive unpacks to more than can be read")
                target.write(chunk)

    def text(self, archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> str:
        """A member as a text."""
        with tempfile.SpooledTemporaryFile(_LONGEST_TEXT) as target:
            self.read(archive, member, target, _LONGEST_TEXT)
            target.seek(0)
            return target.read().decode("utf-8", "replace")


def _packages(file: File) -> Iterator[Package]:
    seen: set[Package] = set()
    for package in _archive(file.path, file.content, _Budget(file.entry.size), 1):
        if package not in seen:
            seen.add(package)
            yield package


_BROKEN: Final = (
    *(zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, NotImplementedError, ValueError),
    *(struct.error, OverflowError),
)
"""What the library raises for encrypted members, unknown compressions and broken headers."""


def _archive(path: str, content: IO[bytes], budget: _Budget, depth: int) -> Iterator[Package]:
    """The packages of an archive and those in it. Raises `Unreadable` after them if one of it is broken."""
    try:
        yield from _opened(path, content, budget, depth)
    except _BROKEN as error:
        raise Unreadable(f"the archive is broken: {error}") from error


def _opened(path: str, content: IO[bytes], budget: _Budget, depth: int) -> Iterator[Package]:
    _check_directory(content)
    broken: Unreadable | None = None
    with zipfile.ZipFile(content) as archive:
        poms, manifest = [], None
        for member in archive.infolist():
            if _POM.fullmatch(member.filename):
                poms.append(budget.text(archive, member))
            elif member.filename == _MANIFEST:
                manifest = budget.text(archive, member)
            elif member.filename.lower().endswith(_ARCHIVES) and depth < _DEEPEST:
                with tempfile.SpooledTemporaryFile(_IN_MEMORY) as inner:
                    try:
                        budget.read(archive, member, inner, _MOST_BYTES)
                        inner.seek(0)
                        yield from _archive(member.filename, inner, budget, depth + 1)
                    except Unreadable as error:
                        broken = error
        found = [package for pom in poms if (package := _by_pom(pom))]
        yield from found
        if not found:
            package = _by_manifest(path, manifest or "")
            if package is not None:
                yield package
    if broken is not None:
        raise broken


def _check_directory(content: IO[bytes]) -> None:
    """Raise `Unreadable` if the list of members is larger than can be read at once."""
    size = content.seek(0, 2)
    start = max(0, size - 22 - 65_535)
    content.seek(start)
    tail = content.read()
    end = len(tail) - 22 if tail[-22:-18] == b"PK\x05\x06" else tail.rfind(b"PK\x05\x06")
    if end < 0 or end + 22 > len(tail):
        raise Unreadable("the archive is broken: it has no list of members")
    directory = struct.unpack_from("<I", tail, end + 12)[0]
    if end >= 20 and tail[end - 20 : end - 16] == b"PK\x06\x07":
        content.seek(min(struct.unpack_from("<Q", tail, end - 12)[0], size))
        record = content.read(56)
        directory = struct.unpack_from("<Q", record, 40)[0] if len(record) == 56 else directory
    content.seek(0)
    if directory > _LARGEST_DIRECTORY:
        raise Unreadable("the archive has too many members")


def _by_pom(text: str) -> Package | None:
    lines = (line.partition("=") for line in text.splitlines() if not line.startswith(("#", "!")))
    found = {name.strip(): value.strip() for name, _, value in lines}
    group, artifact, version = (found.get(name) for name in ("groupId", "artifactId", "version"))
    return (
        Package(Ecosystem.MAVEN, f"{group}:{artifact}", version) if group and artifact and version else None
    )


def _by_manifest(path: str, text: str) -> Package | None:
    """What the manifest and the name of the file tell; without a group, where neither has one."""
    unfolded = re.sub(r"\r?\n ", "", text)
    lines = (line.partition(": ") for line in unfolded.splitlines())
    found = {name.lower(): value.strip() for name, _, value in lines}
    name = _FILE_NAME.fullmatch(path.rpartition("/")[2].rpartition(".")[0])
    symbolic = found.get("bundle-symbolicname", "").partition(";")[0].strip()
    artifact = name["artifact"] if name else symbolic or found.get("implementation-title", "")
    version = (
        (name["version"] if name else None)
        or found.get("implementation-version")
        or found.get("bundle-version")
        or found.get("specification-version")
    )
    if not artifact or not version or " " in artifact or " " in version:
        return None
    group = found.get("implementation-vendor-id") or symbolic.removesuffix(f".{artifact}")
    return Package(Ecosystem.MAVEN, f"{group}:{artifact}" if "." in group else artifact, version)


PARSERS = (Parser("java", _wants, _packages, limit_bytes=512 * MIB),)
