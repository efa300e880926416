"""Layers read by a child process: what it finds in them, and how those end that are hostile or damaged."""

import asyncio
import gzip
import hashlib
import io
import os
import tarfile
import time
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
import zstandard

from quayside.scan.driver import ChildScanner
from quayside.scan.limits import Limits
from resolvers.scan.listing import EntryKind, ListedEntry, entries
from resolvers.scan.package import Distribution, Ecosystem, Package
from resolvers.scan.scanner import LayerContents, LayerState, NotScanned, Removals
from storage.blobs import BlobUnknown
from tests.scanning import archive, layer, python_package, status

SMALL = replace(Limits(), free_bytes=1024 * 1024, entries=1_000, packages=50)
FILES = {
    "./etc/os-release": b'NAME="Debian"\nID=debian\nVERSION_ID="12"\n',
    "/var/lib/dpkg/status": status(bash="5.2-1", zlib1g="1:1.3-1"),
    **python_package("Flask_Login", "0.6.3"),
    "srv/node_modules/left/package.json": b"{",
    "bin/sh": "dash",
    "usr/share/.wh.doc": b"",
    "tmp/.wh..wh..opq": b"",
    ".wh..wh.plnk": b"",
}


async def pieces(content: bytes) -> AsyncIterator[bytes]:
    for start in range(0, len(content), 100_000):
        yield content[start : start + 100_000]


async def scan(content: bytes, limits: Limits = SMALL) -> LayerContents:
    return await ChildScanner(limits).scan(pieces(content), len(content))


async def refusal(content: bytes, limits: Limits = SMALL) -> tuple[LayerState, str]:
    with pytest.raises(NotScanned) as caught:
        await scan(content, limits)
    return caught.value.state, caught.value.reason


def member(name: str, **more: object) -> tarfile.TarInfo:
    made = tarfile.TarInfo(name)
    for key, value in more.items():
        setattr(made, key, value)
    return made


@pytest.mark.parametrize("form", ["tar", "gzip", "gzip in parts", "zstandard"])
async def test_packages_files_and_removals_of_a_layer_are_found(form: str) -> None:
    plain = archive(FILES)
    content = {
        "tar": lambda: plain,
        "gzip": lambda: gzip.compress(plain),
        # As layers for lazy pulling are, and filled up with zeros.
        "gzip in parts": lambda: gzip.compress(plain[:3000]) + gzip.compress(plain[3000:]) + bytes(100),
        "zstandard": lambda: b"\x50\x2a\x4d\x18\x04\0\0\0skip" + zstandard.compress(plain),
    }[form]()

    found = await scan(content)

    assert {(file.path, file.parser): list(file.packages) for file in found.package_files} == {
        ("var/lib/dpkg/status", "dpkg"): [
            Package(Ecosystem.DEB, "bash", "5.2-1", architecture="amd64"),
            Package(Ecosystem.DEB, "zlib1g", "1:1.3-1", architecture="amd64"),
        ],
        ("usr/lib/python3/site-packages/Flask_Login-0.6.3.dist-info/METADATA", "python"): [
            Package(Ecosystem.PYPI, "flask-login", "0.6.3")
        ],
    }
    assert found.distribution == Distribution("debian", "12")
    assert found.removals == Removals(["usr/share/doc"], ["tmp"])
    assert found.problems == [("srv/node_modules/left/package.json", "package.json is not JSON.")]
    listed = [entry for part in found.listing for entry in entries(part.content)]
    assert [entry.path for entry in listed] == sorted(
        [*(path.lstrip("./") for path in FILES if ".wh." not in path), "tmp", "usr/share/doc"]
    )
    by_path = {entry.path: entry for entry in listed}
    assert by_path["bin/sh"] == ListedEntry("bin/sh", EntryKind.SYMLINK, 0o644, target="dash")
    content_digest = hashlib.sha256(FILES["/var/lib/dpkg/status"]).hexdigest()  # type: ignore[arg-type]
    assert by_path["var/lib/dpkg/status"].digest == content_digest
    assert by_path["usr/share/doc"].kind is EntryKind.REMOVED
    assert by_path["tmp"].kind is EntryKind.OPAQUE


async def test_an_empty_layer_has_nothing_in_it() -> None:
    for content in (b"", bytes(1024), gzip.compress(bytes(10240))):
        assert (await scan(content)).entry_count == 0


async def test_of_entries_with_one_path_the_last_counts() -> None:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for content in (status(old="1"), status(new="2")):
            tar.addfile(member("var/lib/dpkg/status", size=len(content)), io.BytesIO(content))
    (file,) = (await scan(buffer.getvalue())).package_files
    assert [package.name for package in file.packages] == ["new"]


async def test_hostile_and_damaged_layers_fail_with_a_reason_in_a_short_time() -> None:
    plain = archive({"data": os.urandom(200_000), "more": b"x"})
    packed = gzip.compress(plain)
    hole = member("hole", size=1 << 40, type=tarfile.GNUTYPE_SPARSE).tobuf(tarfile.GNU_FORMAT)
    pax = member("p", size=1 << 30, type=tarfile.XHDTYPE).tobuf()
    cases = {
        "The layer decompresses to more than 200 times its size.": layer({"zeros": bytes(8_000_000)}),
        "The compressed content of the layer ends too early.": packed[:150_000],
        "The compressed content of the layer is damaged.": packed[:1000] + bytes(1000) + packed[2000:],
        "The archive in the layer ends in the middle of a file.": plain[:100_000],
        "The archive in the layer ends in the middle of an entry.": plain[:200_600],
        "The archive in the layer is damaged, or ends too early.": plain[:200_704] + os.urandom(1024),
        "The layer is no tar archive, or one that is damaged.": b"#!/bin/sh\n" * 100,
        "The layer has a path that leads out of it: a/../../etc/cron.d/x.": archive(
            {"a/../../etc/cron.d/x": b""}
        ),
        "The layer has a hard link to a path that leads out of it: ../../etc/shadow.": archive(
            {"link": member("link", type=tarfile.LNKTYPE, linkname="../../etc/shadow")}
        ),
        f"The layer has a file of {1 << 60} bytes: huge.": member("huge", size=1 << 60).tobuf(),
        "The layer has more than 1000 entries.": archive({f"many/{n}": b"" for n in range(1_001)}),
        "The layer has more than 50 packages.": archive(
            {"var/lib/dpkg/status": status(**{f"p{n}": "1" for n in range(51)})}
        ),
    }
    for reason, content in cases.items():
        began = time.monotonic()
        assert await refusal(content) == (LayerState.FAILED, reason)
        assert time.monotonic() - began < 20
    assert (await refusal(hole + bytes(1024)))[0] is LayerState.FAILED
    assert (await refusal(pax + bytes(2048)))[
        1
    ] == f"The archive in the layer has a header of {1 << 30} bytes."
    assert await refusal(b"\xfd7zXZ\0\0\0\0\0") == (
        LayerState.UNSUPPORTED,
        "The layer is compressed by xz.",
    )
    assert (await refusal(packed, replace(SMALL, stored_bytes=1000)))[0] is LayerState.TOO_LARGE


async def test_a_child_that_takes_too_much_is_ended() -> None:
    # A status that fits on disk and not into the memory of the child.
    big = layer(
        {"var/lib/dpkg/status": b"Package: a\nVersion: 1\n" + os.urandom(1024).hex().encode() * 20_000}
    )
    bounds = replace(Limits(), memory_bytes=100 * 1024 * 1024)
    state, reason = await refusal(big, bounds)
    assert state is LayerState.FAILED
    assert "memory" in reason

    async def slow() -> AsyncIterator[bytes]:
        yield b"\x1f\x8b"
        await asyncio.sleep(60)

    with pytest.raises(NotScanned, match=r"^Reading the layer took longer than 1 seconds\.$"):
        await ChildScanner(replace(SMALL, time_s=1)).scan(slow(), 100)


async def test_what_the_store_raises_is_no_fault_of_the_layer() -> None:
    async def broken() -> AsyncIterator[bytes]:
        yield gzip.compress(archive(FILES))[:200]
        raise BlobUnknown("sha256:" + "0" * 64)

    with pytest.raises(BlobUnknown):
        await ChildScanner(SMALL).scan(broken(), 1000)
