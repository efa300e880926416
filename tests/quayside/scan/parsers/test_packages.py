"""Parsers: what they read from files as real installers leave them, and from documented formats."""

import io
import sqlite3
import struct
import subprocess
from contextlib import closing
from importlib import metadata
from pathlib import Path

import pytest

from quayside.scan.parsers import collected
from quayside.scan.parsers.base import Entry, File, Unreadable
from resolvers.scan.package import Ecosystem, Package

APK = b"""\
C:Q1abcdefghijklmnopqrstuvwxyz0=
P:musl
V:1.2.5-r0
A:x86_64
o:musl
F:lib
R:ld-musl-x86_64.so.1

C:Q1bbcdefghijklmnopqrstuvwxyz0=
P:ssl_client
V:1.36.1-r29
A:x86_64
o:busybox
"""


def parse(path: str, content: bytes, mode: int = 0o644) -> list[Package]:
    """What the parsers that want a file read from it."""
    entry = Entry(path, len(content), mode, content[:64])
    wanting = [parser for parser in collected() if parser.wants(entry)]
    return [package for parser in wanting for package in parser.parse(File(entry, io.BytesIO(content)))]


@pytest.mark.needs("dpkg-query")
def test_the_status_of_dpkg_has_what_dpkg_says() -> None:
    shown = (
        "${db:Status-Status}\t${Package}\t${Version}\t${source:Package}\t${source:Version}\t${Architecture}\n"
    )
    lines = subprocess.run(
        ["dpkg-query", "-W", "-f", shown], check=True, capture_output=True, text=True
    ).stdout.splitlines()
    expected = {tuple(line.split("\t")[1:]) for line in lines if line.startswith("installed\t")}

    found = parse("var/lib/dpkg/status", Path("/var/lib/dpkg/status").read_bytes())

    assert {
        (
            package.name,
            package.version,
            package.source_name or package.name,
            package.source_version or package.version,
            package.architecture,
        )
        for package in found
    } == expected


def test_dpkg_leaves_out_what_was_removed_and_reads_the_files_of_images_without_a_shell() -> None:
    removed = b"Package: gone\nStatus: deinstall ok config-files\nVersion: 1\n\nPackage: odd\n"
    assert parse("var/lib/dpkg/status", removed) == []
    tzdata = b"Package: tzdata\nVersion: 2024a-0+deb12u1\nArchitecture: all\n"
    assert parse("var/lib/dpkg/status.d/tzdata", tzdata) == [
        Package(Ecosystem.DEB, "tzdata", "2024a-0+deb12u1", architecture="all")
    ]
    assert parse("var/lib/dpkg/status.d/tzdata.md5sums", tzdata) == []


def test_apk_reads_the_documented_format_of_its_database() -> None:
    assert parse("lib/apk/db/installed", APK) == [
        Package(Ecosystem.APK, "musl", "1.2.5-r0", architecture="x86_64"),
        Package(
            Ecosystem.APK,
            "ssl_client",
            "1.36.1-r29",
            source_name="busybox",
            source_version="1.36.1-r29",
            architecture="x86_64",
        ),
    ]


def test_python_reads_what_the_installer_of_this_environment_wrote() -> None:
    distributions = [found for found in metadata.distributions() if found.files and found.metadata["Name"]]
    assert distributions
    read = 0
    for distribution in distributions:
        files = [path for path in distribution.files or () if str(path).endswith("dist-info/METADATA")]
        for path in files:
            read += 1
            content = Path(str(distribution.locate_file(path))).read_bytes()
            (package,) = parse(f"usr/lib/python3/site-packages/{path}", content)
            assert package.version == distribution.version
            assert package.name == distribution.metadata["Name"].lower().replace("_", "-").replace(".", "-")
    assert read > 0
    assert parse(
        "x.egg-info/PKG-INFO", b"Metadata-Version: 1.0\nName: Foo__Bar\nVersion: 1.0\n\nName: no\n"
    ) == [Package(Ecosystem.PYPI, "foo-bar", "1.0")]


def test_npm_reads_installed_packages_and_no_others() -> None:
    content = b'{"name": "@babel/core", "version": "7.24.0"}'
    assert parse("srv/node_modules/a/node_modules/@babel/core/package.json", content) == [
        Package(Ecosystem.NPM, "@babel/core", "7.24.0")
    ]
    assert parse("srv/package.json", content) == []
    assert parse("srv/node_modules/a/lib/package.json", content) == []
    assert parse("node_modules/a/package.json", b'{"type": "module"}') == []
    for odd in (b"{", b"[]"):
        with pytest.raises(Unreadable):
            parse("node_modules/a/package.json", odd)


SPEC = """\
Name: {name}
Version: 1.2
Release: 3
Epoch: {epoch}
Summary: A package
License: MIT
BuildArch: noarch
%description
A package.
%package devel
Summary: Files to build with it
%description devel
Files to build with it.
%files
%files devel
"""


def ndb(headers: list[bytes]) -> bytes:
    """A database of the documented format ndb, which Debian's rpm does not write: slots, then headers."""
    slots, blobs = b"RpmP" + struct.pack("<III16x", 0, 1, 1), b""
    for number, header in enumerate(headers, start=1):
        blob = struct.pack("<4sIII", b"BlbS", number, 1, len(header)) + header
        blob += bytes(-len(blob) % 16)
        slots += struct.pack("<4sIII", b"Slot", number, (4096 + len(blobs)) // 16, len(blob) // 16)
        blobs += blob
    return slots + b"Slot".ljust(16, b"\0") * ((4096 - len(slots)) // 16) + blobs


@pytest.mark.needs("rpmbuild")
def test_rpm_reads_the_database_that_rpm_made(tmp_path: Path) -> None:
    def run(program: str, *arguments: str) -> None:
        made = subprocess.run(
            [program, *arguments], check=False, capture_output=True, text=True, cwd=tmp_path
        )
        assert made.returncode == 0, made.stderr

    for name, epoch in (("plain", 0), ("with-dashes", 2)):
        (tmp_path / "spec").write_text(SPEC.format(name=name, epoch=epoch))
        run("rpmbuild", "-bb", "--define", f"_topdir {tmp_path}/top", "spec")
    built = [str(path) for path in (tmp_path / "top" / "RPMS").rglob("*.rpm")]
    options = ["--dbpath", str(tmp_path / "db"), "--define", "_db_backend sqlite"]
    run("rpm", *options, "--nodeps", "--noscripts", "--justdb", "--force-debian", "-i", *built)
    database = tmp_path / "db" / "rpmdb.sqlite"
    content = database.read_bytes()
    with closing(sqlite3.connect(database)) as connection:
        headers = [header for (header,) in connection.execute("SELECT blob FROM Packages")]

    for path, whole in (("rpmdb.sqlite", content), ("Packages.db", ndb(headers))):
        found = parse(f"usr/lib/sysimage/rpm/{path}", whole)
        assert sorted((one.name, one.version, one.source_name, one.source_version) for one in found) == [
            ("plain", "1.2-3", None, None),
            ("plain-devel", "1.2-3", "plain", "1.2-3"),
            ("with-dashes", "2:1.2-3", None, None),
            ("with-dashes-devel", "2:1.2-3", "with-dashes", "2:1.2-3"),
        ]
        assert {(one.ecosystem, one.architecture) for one in found} == {(Ecosystem.RPM, "noarch")}
        for broken in (b"", whole[:200], whole[:4096] + bytes(len(whole) - 4096), whole[: len(whole) // 2]):
            with pytest.raises(Unreadable):
                parse(f"var/lib/rpm/{path}", broken)


def test_an_rpm_database_that_cannot_be_read_is_no_image_without_packages() -> None:
    with pytest.raises(Unreadable, match="Berkeley DB, which is not read"):
        parse("var/lib/rpm/Packages", bytes(4096))
