"""Layers and files in them that are made to take time, memory or disk, or to bring down a parser."""

import asyncio
import errno
import gzip
import io
import os
import signal
import sqlite3
import struct
import tarfile
import tempfile
import time
import zipfile
from collections.abc import AsyncIterator, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import replace
from pathlib import Path

import pytest
import zstandard

from quayside.scan.answer import Answer
from quayside.scan.bill import ChildBillReader
from quayside.scan.driver import ChildScanner
from quayside.scan.limits import Limits
from quayside.scan.parsers import collected
from quayside.scan.parsers.base import Unreadable
from quayside.scan.walk import Found, Walk
from resolvers.scan.scanner import LayerState, NotScanned
from tests.quayside.scan.parsers.test_languages import jar, pom
from tests.quayside.scan.parsers.test_packages import parse
from tests.quayside.scan.test_layers import SMALL, member, refusal
from tests.scanning import archive, status

MIB = 1024 * 1024
DAMAGED = "The archive in the layer has a header that is damaged."


@contextmanager
def quick() -> Iterator[None]:
    """A block that takes seconds, and not minutes."""
    began = time.monotonic()
    yield
    assert time.monotonic() - began < 20


def walked(content: bytes, limits: Limits = SMALL) -> Found:
    """What is in a layer, as the child finds it."""
    with quick():
        return Walk(io.BytesIO(content), limits, collected()).run()


def failure(content: bytes) -> str:
    """Why a layer fails."""
    with pytest.raises(NotScanned) as caught:
        walked(content)
    assert caught.value.state is LayerState.FAILED
    return caught.value.reason


def extended(records: bytes, **more: object) -> bytes:
    """A file after a header of pax with these records."""
    header = member("pax", type=tarfile.XHDTYPE, size=len(records)).tobuf()
    filled = records + bytes(-len(records) % tarfile.BLOCKSIZE)
    return header + filled + member("file", **more).tobuf() + bytes(1024)


def record(key: str, value: str) -> bytes:
    """A record of pax, which begins with its own length."""
    text = f" {key}={value}\n"
    length = len(text) + len(str(len(text) + len(str(len(text)))))
    return f"{length}{text}".encode()


def test_headers_of_pax_and_gnu_cannot_take_time_or_memory() -> None:
    names = archive({"x" * 4_000: b"", "x" * 5_000: b""})
    negative = member("file").tobuf()
    # A number below zero, as GNU writes it
    negative = negative[:124] + b"\xff" * 12 + negative[136:]
    total = 256 + sum(negative[:148]) + sum(negative[156:512])
    negative = negative[:148] + f"{total:06o}\0 ".encode() + negative[156:]
    cases = {
        names: "The layer has a path of more than 4096 bytes.",
        extended(record("path", "y" * 5_000)): "The layer has a path of more than 4096 bytes.",
        extended(record("path", "../x")): "The layer has a path that leads out of it: ../x.",
        extended(b"1" * 1_000_000): DAMAGED,
        extended(b"5 a=\n" + b"1" * 5_000 + b" b=\n"): DAMAGED,
        extended(record("size", "-7")): "The layer has a file of -7 bytes: file.",
        extended(record("size", "1" * 30)): f"The layer has a file of {'1' * 30} bytes: file.",
        extended(record("GNU.sparse.major", "1") + record("GNU.sparse.minor", "0")): DAMAGED,
        extended(
            record("GNU.sparse.size", str(1 << 30)) + record("GNU.sparse.map", "0,1")
        ): f"The layer has a sparse file of {1 << 30} bytes: file.",
        extended(
            record("GNU.sparse.size", "100") + record("GNU.sparse.map", "90,20")
        ): "The archive in the layer has a sparse file that is damaged.",
        negative + bytes(1024): "The layer has a file of -1 bytes: file.",
        # One after the other, as deep as calls go
        member("p", type=tarfile.XHDTYPE).tobuf() * 5_000: DAMAGED,
    }
    for content, reason in cases.items():
        assert failure(content) == reason


def test_compression_cannot_take_time_or_memory() -> None:
    plain = archive({"data": bytes(100)})
    window = zstandard.ZstdCompressor(
        compression_params=zstandard.ZstdCompressionParameters(window_log=30, compression_level=1)
    )
    many = gzip.compress(b"", mtime=0) * 100_000
    assert list(walked(gzip.compress(plain) + many).lines) == ["data"]
    sizes = zstandard.ZstdCompressor().compressobj()
    assert list(walked(sizes.compress(plain) + sizes.flush()).lines) == ["data"]
    stream = window.compressobj()
    assert failure(stream.compress(plain) + stream.flush()) == (
        f"The layer takes more than {128 * MIB} bytes of memory to be decompressed."
    )
    zeros = zstandard.compress(archive({"zeros": bytes(20 * MIB)}))
    assert failure(zeros) == "The layer decompresses to more than 200 times its size."


def test_devices_and_links_are_listed_and_never_made() -> None:
    found = walked(
        archive(
            {
                "dev/null": member("dev/null", type=tarfile.CHRTYPE, devmajor=1, devminor=3),
                "dev/sda": member("dev/sda", type=tarfile.BLKTYPE),
                "pipe": member("pipe", type=tarfile.FIFOTYPE),
                "passwd": "/etc/passwd",
                "out": "../../../etc/shadow",
            }
        )
    )
    assert (len(found.lines), found.problems, found.package_files) == (5, [], {})
    odd = member("odd", type=b"Q").tobuf() + bytes(1024)
    assert failure(odd) == "The archive in the layer has an entry of an unknown kind: odd."


def test_a_file_that_is_too_large_is_a_problem_and_an_archive_that_explodes_ends_the_scan() -> None:
    large = b'{"name": "a", "version": "1", "x": "' + b"x" * (4 * MIB) + b'"}'
    found = walked(archive({"node_modules/a/package.json": large, "var/lib/dpkg/status": status(a="1")}))
    assert found.problems == [("node_modules/a/package.json", f"The file is larger than {4 * MIB} bytes.")]
    assert list(found.package_files) == ["var/lib/dpkg/status"]
    inner = io.BytesIO()
    with zipfile.ZipFile(inner, "w", zipfile.ZIP_DEFLATED) as made, made.open("x.jar", "w") as bomb:
        for _ in range(80):
            bomb.write(bytes(MIB))
    # A bomb in an archive in the layer
    content = archive({"srv/app.war": jar(**{"lib__a.jar": inner.getvalue()})})
    assert failure(content) == (
        "The layer has a file that unpacks to more than 200 times its size: srv/app.war."
    )


def children() -> set[int]:
    """The processes that the main thread of this one has begun."""
    return {int(one) for one in Path(f"/proc/{os.getpid()}/task/{os.getpid()}/children").read_text().split()}


def kill_child(before: set[int]) -> None:
    """Kill the one process that there was not before. Raises `ValueError` if there is none."""
    (child,) = children() - before
    os.kill(child, signal.SIGKILL)


async def test_the_time_of_the_processor_is_the_fault_of_the_layer_and_a_kill_is_not() -> None:
    forever = gzip.compress(b"", mtime=0) * 400_000
    assert await refusal(forever, replace(Limits(), cpu_s=1)) == (
        LayerState.FAILED,
        "Reading the layer takes more than 1 seconds of the processor.",
    )

    before = children()

    # As the system does where memory is short
    async def killing() -> AsyncIterator[bytes]:
        yield forever[:30]
        kill_child(before)
        await asyncio.sleep(60)

    with pytest.raises(OSError, match="ended by SIGKILL"):
        await ChildScanner(SMALL).scan(killing(), 100)


async def test_a_kill_is_not_the_fault_of_a_bill() -> None:
    before = children()
    reading = asyncio.create_task(ChildBillReader().read(b" " * MIB, ""))
    while True:
        await asyncio.sleep(0.01)
        # Until there is a process
        with suppress(ValueError):
            kill_child(before)
            break
    with pytest.raises(OSError, match="ended by SIGKILL"):
        await reading


def test_a_broken_archive_in_another_hides_nothing_else() -> None:
    good = jar(**pom("com.example", "good", "1"))
    with zipfile.ZipFile(odd := io.BytesIO(), "w", zipfile.ZIP_LZMA) as made:
        made.writestr("META-INF/MANIFEST.MF", "Implementation-Version: 1")
    members = {"a.jar": good[:-30], "b.jar": odd.getvalue(), "c.jar": good, **pom("com.example", "app", "2")}
    found = walked(archive({"app.war": jar(**members)}))
    (file,) = found.package_files["app.war"]
    assert [package.name for package in file.packages] == ["com.example:good", "com.example:app"]
    assert found.problems == [("app.war", "the archive is compressed in a way that Java does not know.")]


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("specifications/a.gemspec", "\n" * 200_000),
        ("specifications/a.gemspec", "s.name = Gem::Version.new" + " " * 200_000),
        ("specifications/a.gemspec", " " * 200_000 + "s.name" + " " * 200_000),
        ("a-1.dist-info/METADATA", "Name" * 200_000),
    ],
)
def test_texts_take_no_time_by_the_square_of_their_length(path: str, text: str) -> None:
    with quick(), pytest.raises(Unreadable):
        parse(path, text.encode())


def test_a_release_of_a_distribution_takes_no_time_either() -> None:
    found = walked(archive({"etc/os-release": b"ID=" + b" " * 400_000 + b"'x"}))
    assert found.distribution is None


def elf(sections: int, size: int, count: int) -> bytes:
    """A program whose headers say that it has so many headers of sections of some size at some place."""
    head = b"\x7fELF\x02\x01\x01" + bytes(9) + struct.pack("<HHI", 2, 62, 1)
    return head + struct.pack("<QQQIHHHHHH", 0, 64, sections, 0, 64, 56, 1, size, count, 0) + bytes(64)


@pytest.mark.parametrize(
    ("sections", "size", "count"),
    [(2**64 - 1, 64, 9_999), (64, 65_535, 9_999), (64, 0, 9_999), (1, 1, 1), (64, 64, 65_535), (0, 64, 1)],
)
def test_headers_of_programs_may_say_anything(sections: int, size: int, count: int) -> None:
    with quick(), suppress(Unreadable):
        assert parse("app", elf(sections, size, count), 0o755) == []


CRAFTED = {
    "a view": "CREATE VIEW Packages AS WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c)"
    " SELECT n AS hnum, zeroblob(100) AS blob FROM c",
    "generated": "CREATE TABLE Packages (hnum INTEGER PRIMARY KEY, blob BLOB AS (zeroblob(100000000)));"
    "INSERT INTO Packages (hnum) VALUES (1), (2), (3)",
    "virtual": "CREATE VIRTUAL TABLE Packages USING fts5(hnum, blob); INSERT INTO Packages VALUES (1, 'x')",
    "no table": "CREATE TABLE Others (hnum INTEGER PRIMARY KEY, blob BLOB)",
    "no column": "CREATE TABLE Packages (hnum INTEGER PRIMARY KEY)",
}


@pytest.mark.parametrize("schema", CRAFTED.values(), ids=CRAFTED.keys())
def test_a_database_of_rpm_cannot_have_its_reader_do_more_than_read(schema: str, tmp_path: Path) -> None:
    database = tmp_path / "rpmdb.sqlite"
    with closing(sqlite3.connect(database)) as made:
        made.executescript(schema)
    with quick(), pytest.raises(Unreadable):
        parse("var/lib/rpm/rpmdb.sqlite", database.read_bytes())


def test_triggers_and_odd_values_in_a_database_of_rpm_do_nothing(tmp_path: Path) -> None:
    database = tmp_path / "rpmdb.sqlite"
    with closing(sqlite3.connect(database)) as made:
        made.executescript(
            "CREATE TABLE Packages (hnum INTEGER PRIMARY KEY, blob BLOB);"
            "CREATE TRIGGER t AFTER INSERT ON Packages BEGIN DELETE FROM Packages; END;"
            "CREATE TABLE Other (a); INSERT INTO Packages VALUES (1, NULL), (2, 'text'), (3, 7);"
        )
    assert parse("var/lib/rpm/rpmdb.sqlite", database.read_bytes()) == []


def test_a_database_of_rpm_cannot_name_one_header_a_million_times() -> None:
    # A header of 60,000 tags, each of which points to the same long text
    tags = b"".join(struct.pack(">IIII", 1000, 6, 0, 1) for _ in range(60_000))
    header = struct.pack(">II", 60_000, 1_000_000) + tags + b"x" * 1_000_000
    blob = struct.pack("<4sIII", b"BlbS", 1, 1, len(header)) + header
    slots = b"RpmP" + struct.pack("<III16x", 0, 250, 1)
    slots += struct.pack("<4sIII", b"Slot", 1, 250 * 4096 // 16, len(blob) // 16) * (250 * 256 - 2)
    with quick(), pytest.raises(Unreadable):
        parse("var/lib/rpm/Packages.db", slots + blob)
    few = header.replace(tags, b"", 1)[8:]
    empty = struct.pack(">II", 0, len(few)) + few
    whole = slots + struct.pack("<4sIII", b"BlbS", 1, 1, len(empty)) + empty
    with quick(), pytest.raises(Unreadable, match="has more in it than bytes"):
        parse("var/lib/rpm/Packages.db", whole)


@pytest.mark.parametrize(
    ("kind", "content"),
    [
        (b"X", b"[]"),
        (b"P", b"["),
        (b"P", b'["path", "dpkg", [["deb", "a\\u0000", "1", null, null, null]]]'),
        (b"P", b'["path", "dpkg", [["deb", "a", "1", null, null, "' + b"x" * 65 + b'"]]]'),
        (b"P", b'["path", "dpkg", [["unheard", "a", "1", null, null, null]]]'),
        (b"P", b'["path\\u0000", "dpkg", []]'),
        (b"L", b"\0\0\0\1\xff"),
        (b"E", b"[]"),
        (b"E", b'{"state": "queued", "reason": ""}'),
        (b"E", b'{"state": "failed", "reason": null}'),
        (b"E", b'{"state": "scanned", "size_bytes": 1e3, "entry_count": 1}'),
    ],
)
def test_a_child_in_the_hands_of_a_layer_cannot_have_anything_written(kind: bytes, content: bytes) -> None:
    answer = Answer()
    with pytest.raises((ValueError, TypeError, KeyError)):
        answer.take(kind, content)
    assert not answer.is_whole


def test_a_disk_without_room_is_no_fault_of_a_layer(monkeypatch: pytest.MonkeyPatch) -> None:
    class Full(tempfile.SpooledTemporaryFile):  # type: ignore[type-arg]
        def write(self, _: object) -> int:
            raise OSError(errno.ENOSPC, "no space")

    monkeypatch.setattr(tempfile, "SpooledTemporaryFile", Full)
    content = archive({"var/lib/dpkg/status": status(a="1")})
    with pytest.raises(OSError, match="no space"):
        walked(content)
