"""rpm: the database of installed packages of Fedora, Red Hat (sqlite) and SUSE (ndb).

Both keep the header of each package as one piece: entries that say where in a store the values of tags are.
"""

import sqlite3
import struct
from collections.abc import Iterator
from typing import Final

from quayside.scan.parsers.base import MIB, File, Parser, Unreadable, named
from resolvers.scan.package import Ecosystem, Package

_NAME, _VERSION, _RELEASE, _EPOCH, _ARCHITECTURE, _SOURCE = 1000, 1001, 1002, 1003, 1022, 1044
_WANTED: Final = {_NAME, _VERSION, _RELEASE, _EPOCH, _ARCHITECTURE, _SOURCE}
_INT32, _STRING = 4, 6
_MOST_ENTRIES: Final = 65_536
_LONGEST_TEXT: Final = 4_096
_KEY: Final = "gpg-pubkey"
"""Keys that rpm trusts are noted like packages."""
_PAGE: Final = 4096
_SLOT: Final = struct.Struct("<4sIII")
"""A magic, the number of the package, and where its header is: the first block and how many there are."""
_BLOB: Final = struct.Struct("<4sIII")
"""A magic, the number of the package, a generation, and the length."""
_BLOCK: Final = 16


def _values(header: bytes) -> dict[int, str | int]:
    """The texts and numbers of the tags of a header that are wanted."""
    try:
        count, size = struct.unpack_from(">II", header)
        start = 8 + 16 * count
        if count > _MOST_ENTRIES or start + size > len(header):
            raise Unreadable("a header of the rpm database is longer than it is")
        found: dict[int, str | int] = {}
        for number in range(count):
            tag, kind, offset, _ = struct.unpack_from(">IIII", header, 8 + 16 * number)
            if tag not in _WANTED or tag in found:
                continue
            if kind == _STRING:
                place = start + offset
                end = header.index(b"\0", place, place + _LONGEST_TEXT)
                found[tag] = header[place:end].decode("utf-8", "replace")
            elif kind == _INT32:
                (found[tag],) = struct.unpack_from(">I", header, start + offset)
    except (struct.error, ValueError) as error:
        raise Unreadable("a header of the rpm database is damaged") from error
    return found


def _package(header: bytes) -> Package | None:
    values = _values(header)
    name, version, release = (str(values.get(tag, "")) for tag in (_NAME, _VERSION, _RELEASE))
    if not (name and version and release) or name == _KEY:
        return None
    epoch = values.get(_EPOCH)
    prefix = f"{epoch}:" if epoch else ""
    # `bash-5.2.15-3.fc38.src.rpm`; a name may have dashes, version and release have none.
    parts = str(values.get(_SOURCE, "")).removesuffix(".rpm").rpartition(".")[0].rsplit("-", 2)
    has_source = len(parts) == 3 and parts[0] != name
    return Package(
        Ecosystem.RPM,
        name,
        f"{prefix}{version}-{release}",
        source_name=parts[0] if has_source else None,
        source_version=f"{prefix}{parts[1]}-{parts[2]}" if has_source else None,
        architecture=str(values[_ARCHITECTURE]) if values.get(_ARCHITECTURE) else None,
    )


class _Whole:
    """How much there may be in headers: no more than in the file. A crafted one might name itself often."""

    def __init__(self, content: bytes | bytearray) -> None:
        self._left = len(content)

    def package(self, header: bytes) -> Package | None:
        """The package of one more header."""
        self._left -= len(header)
        if self._left < 0:
            raise Unreadable("the rpm database has more in it than bytes")
        return _package(header)


def _authorize(action: int, table: str | None, *_: object) -> int:
    """Let a statement read the packages alone, so that the schema of the file cannot make it do more."""
    may = action == sqlite3.SQLITE_SELECT or (action == sqlite3.SQLITE_READ and table == "Packages")
    return sqlite3.SQLITE_OK if may else sqlite3.SQLITE_DENY


_IS_TABLE: Final = "SELECT 1 FROM sqlite_master WHERE name = 'Packages' AND type = 'table' AND rootpage > 0"
"""It is no view and no virtual table, which may be anything."""


def _of_sqlite(file: File) -> Iterator[Package]:
    content = bytearray(file.bytes())
    if not content.startswith(b"SQLite format 3\0") or len(content) < 100:
        raise Unreadable("the rpm database is none of SQLite")
    # It is read without its journal, as what rpm leaves when it ends: the bytes say that it has one.
    content[18:20] = b"\1\1"
    whole, database = _Whole(content), sqlite3.connect(":memory:")
    try:
        database.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, len(content))
        database.deserialize(content)
        del content
        for pragma in ("trusted_schema = OFF", "cell_size_check = ON", "temp_store = MEMORY"):
            database.execute(f"PRAGMA {pragma}")
        if database.execute(_IS_TABLE).fetchone() is None:
            raise Unreadable("the rpm database has no table of packages")
        database.set_authorizer(_authorize)
        for (header,) in database.execute("SELECT blob FROM Packages"):
            if isinstance(header, bytes) and (package := whole.package(header)) is not None:
                yield package
    except (sqlite3.Error, UnicodeDecodeError) as error:
        raise Unreadable("the rpm database is damaged") from error
    finally:
        database.close()


def _of_ndb(file: File) -> Iterator[Package]:
    content = file.bytes()
    if not content.startswith(b"RpmP") or len(content) < _PAGE:
        raise Unreadable("the rpm database is none of ndb")
    (pages,) = struct.unpack_from("<I", content, 12)
    whole = _Whole(content)
    # The first two places are those of the header of the file.
    for offset in range(2 * _SLOT.size, min(pages * _PAGE, len(content) - _SLOT.size + 1), _SLOT.size):
        magic, number, block, _ = _SLOT.unpack_from(content, offset)
        if magic != b"Slot":
            raise Unreadable("the rpm database is damaged")
        if not number:
            continue
        place = block * _BLOCK
        if place + _BLOB.size > len(content):
            raise Unreadable("the rpm database ends too early")
        magic, its, _, length = _BLOB.unpack_from(content, place)
        header = content[place + _BLOB.size : place + _BLOB.size + length]
        if magic != b"BlbS" or its != number or len(header) != length:
            raise Unreadable("the rpm database is damaged")
        if (package := whole.package(header)) is not None:
            yield package


def _of_berkeley(file: File) -> Iterator[Package]:
    """Nothing: a problem, so that nobody takes an image for one without packages."""
    raise Unreadable(f"{file.path.rpartition('/')[2]} is an rpm database of Berkeley DB, which is not read")


_PLACES: Final = r"(?:var/lib/rpm|usr/lib/sysimage/rpm|usr/share/rpm)"

PARSERS = (
    Parser("rpm-sqlite", named(rf"{_PLACES}/rpmdb\.sqlite"), _of_sqlite, limit_bytes=200 * MIB),
    Parser("rpm-berkeley", named(rf"{_PLACES}/Packages"), _of_berkeley),
    Parser("rpm-ndb", named(rf"{_PLACES}/Packages\.db"), _of_ndb, limit_bytes=200 * MIB),
)
