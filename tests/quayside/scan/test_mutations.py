"""Artefacts that are damaged at random: parsers and the walk through a layer say so, and never break."""

import gzip
import io
import random
import sqlite3
import tarfile
import zlib
from collections.abc import Callable
from contextlib import closing, suppress
from dataclasses import replace
from pathlib import Path

import pytest
import zstandard

from quayside.scan.limits import Limits
from quayside.scan.parsers import collected
from quayside.scan.parsers.base import Bomb, Unreadable
from quayside.scan.walk import Walk
from resolvers.scan.scanner import NotScanned
from tests.plugins.scale import SCALE
from tests.quayside.scan.parsers.test_languages import LISTED, jar, pom
from tests.quayside.scan.parsers.test_packages import APK, ndb, parse
from tests.quayside.scan.test_hostile import quick
from tests.quayside.scan.test_layers import FILES
from tests.scanning import archive, python_package, status

EXAMPLES = 40 * SCALE
EDGES = (0, 1, 0x7F, 0x80, 0xFF, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)
LIMITS = replace(Limits(), free_bytes=4 * 1024 * 1024, entries=5_000)


def damaged(content: bytes, chance: random.Random) -> bytes:
    """The content after some of what damages files, or is done to them on purpose."""
    made = bytearray(content)
    for _ in range(chance.choice((1, 2, 8, 32))):
        if not made:
            break
        # Most that a reader goes by is at the beginning.
        place = chance.randrange(min(len(made), chance.choice((512, len(made)))))
        other, length = chance.randrange(len(made)), chance.choice((1, 4, 16, 512))
        number = chance.choice(EDGES).to_bytes(4, chance.choice(("little", "big")))
        start, end, instead = chance.choice(
            (
                (place, place + 1, chance.randbytes(1)),
                (place, place + 4, number),
                (place, place + length, bytes(made[other : other + length])),
                (place, place + length, b""),
                (place, len(made), b""),
                (place, place, chance.randbytes(length)),
            )
        )
        made[start:end] = instead
    return bytes(made)


def sqlite_database(directory: Path) -> bytes:
    path = directory / "rpmdb.sqlite"
    with closing(sqlite3.connect(path)) as database:
        database.execute("CREATE TABLE Packages (hnum INTEGER PRIMARY KEY AUTOINCREMENT, blob BLOB NOT NULL)")
        database.executemany("INSERT INTO Packages (blob) VALUES (?)", [(bytes(600),)] * 40)
        database.commit()
    return path.read_bytes()


FILES_OF_PARSERS = {
    "usr/lib/sysimage/rpm/Packages.db": ndb([bytes(100), bytes(200)]),
    "lib/apk/db/installed": APK,
    "var/lib/dpkg/status": status(bash="5.2-1", curl="8.0-1"),
    "node_modules/a/package.json": b'{"name": "@a/b", "version": "1.0", "x": [1, {"y": "\\u00e9"}]}',
    "specifications/a.gemspec": b"Gem::Specification.new do |s|\n  s.name = 'a'\n  s.version = '1'\nend\n",
    "app.war": jar(**{"a.jar": jar(**pom("com.example", "a", "1"))}, **pom("com.example", "app", "2")),
    **python_package("a", "1"),
}


@pytest.mark.long
@pytest.mark.parametrize("path", [*FILES_OF_PARSERS, "var/lib/rpm/rpmdb.sqlite"])
def test_damaged_files_are_unreadable_or_have_packages(path: str, tmp_path: Path) -> None:
    content = FILES_OF_PARSERS.get(path) or sqlite_database(tmp_path)
    chance = random.Random(path)
    for _ in range(EXAMPLES):
        with quick(), suppress(Unreadable, Bomb):
            parse(path, damaged(content, chance))


@pytest.mark.long
@pytest.mark.needs("objcopy")
@pytest.mark.parametrize("section", [".dep-v0", ".go.buildinfo"])
def test_damaged_programs_are_unreadable_or_have_packages(
    section: str, program: Callable[[str, bytes], bytes]
) -> None:
    content = program(
        section, zlib.compress(LISTED) if section == ".dep-v0" else b"\xff Go buildinf:\x08\x00"
    )
    chance = random.Random(section)
    for _ in range(EXAMPLES):
        with quick(), suppress(Unreadable):
            parse("app", damaged(content, chance), 0o755)


def mended(content: bytes) -> bytes:
    """An archive whose headers have the checksums that they should have, so that they are believed."""
    made = bytearray(content)
    for start in range(0, len(made) - 511, tarfile.BLOCKSIZE):
        header = made[start : start + tarfile.BLOCKSIZE]
        if header[257:262] == b"ustar":
            header[148:156] = b" " * 8
            made[start + 148 : start + 156] = b"%06o\0 " % sum(header)
    return bytes(made)


@pytest.mark.long
@pytest.mark.parametrize("form", ["gnu", "pax", "gzip", "zstandard"])
def test_damaged_layers_fail_or_are_scanned(form: str) -> None:
    names = {**FILES, "long/" * 60: b"", "ü": b""}
    plain = archive(names) if form != "gnu" else archive(names, tarfile.GNU_FORMAT)
    content = {"gzip": gzip.compress, "zstandard": zstandard.compress}.get(form, bytes)(plain)
    chance, parsers = random.Random(form), collected()
    for number in range(EXAMPLES):
        made = damaged(content, chance)
        with quick(), suppress(NotScanned):
            made = mended(made) if number % 2 else made
            found = Walk(io.BytesIO(made), LIMITS, parsers).run()
            assert [one for one in found.problems if one[1].startswith("The file cannot be read")] == []
