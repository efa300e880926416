"""Reading layers beside `tar -tz` and `sha256sum` of the same ones, and the memory that it takes.

    python -m tests.bench.layers

One layer has programs and libraries of this machine, the other the small files of Python packages. The
programs list the layer, and hash the archive in it, which has the bytes that are hashed file by file here.
Then a server scans the layers after their push.
"""

import asyncio
import hashlib
import json
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass
from pathlib import Path

import httpx

from quayside.scan.driver import ChildScanner
from resolvers.scan.scanner import LayerContents
from tests.bench import content
from tests.bench.load import CHUNK, send
from tests.bench.servers import Server, family, peak_bytes, start_quayside
from tests.quayside.registry import kit

MIB = 1024 * 1024
BYTES = 192 * MIB
ROUNDS = 3
DEADLINE_S = 300
CHILD = b"quayside.scan.child"
KINDS = {
    "programs and libraries": ("/usr/bin", "/usr/sbin", sysconfig.get_config_var("LIBDIR") or "/usr/lib"),
    "Python packages": (sysconfig.get_path("purelib"), sysconfig.get_path("stdlib")),
}
SCAN = f"""query ($digest: Digest!) {{ repository(path: "{content.PATH}") {{ manifest(digest: $digest) {{
  scan {{ state reason }} }} }} }}"""


@dataclass(frozen=True, slots=True)
class Layer:
    """A layer as a file, and the archive in it; how many files these have."""

    stored: Path
    archive: Path
    files: int

    @property
    def size(self) -> int:
        """The bytes of the archive."""
        return self.archive.stat().st_size


def chosen(roots: Iterable[str]) -> list[Path]:
    """Files of directories, up to `BYTES`."""
    found, left = [], BYTES
    for root in roots:
        for path in sorted(Path(root).rglob("*")):
            if left > 0 and path.is_file() and not path.is_symlink():
                found.append(path)
                left -= path.stat().st_size
    return found


def packed(place: Path, name: str, roots: Iterable[str]) -> Layer:
    """Pack files into a layer."""
    files = chosen(roots)
    archive, stored = place / f"{name}.tar", place / f"{name}.tar.gz"
    listed = "\0".join(map(str, files)).encode()
    tar = ("tar", "-cf", archive, "--null", "--no-recursion", "-P", "--transform=s,^/,,", "-T", "-")
    subprocess.run(tar, input=listed, check=True)
    with archive.open("rb") as source, stored.open("wb") as target:
        subprocess.run(("gzip", "-n"), stdin=source, stdout=target, check=True)
    return Layer(stored, archive, len(files))


def by_programs(layer: Layer) -> float:
    """The seconds that listing the layer and hashing the archive take."""
    began = time.perf_counter()
    subprocess.run(("tar", "-tzf", layer.stored), stdout=subprocess.DEVNULL, check=True)
    subprocess.run(("sha256sum", layer.archive), stdout=subprocess.DEVNULL, check=True)
    return time.perf_counter() - began


def by_scanner(layer: Layer) -> float:
    """The seconds that the scanner takes, with the start of its process."""
    began = time.perf_counter()
    found = asyncio.run(scanned(layer))
    assert found.entry_count == layer.files
    return time.perf_counter() - began


async def scanned(layer: Layer) -> LayerContents:
    """What the scanner finds."""

    async def pieces() -> AsyncIterator[bytes]:
        with layer.stored.open("rb") as source:
            while piece := source.read(CHUNK):
                yield piece

    return await ChildScanner().scan(pieces(), layer.stored.stat().st_size)


def pushed(server: Server, layer: Layer) -> str:
    """Push an image of the layer; its digest."""
    blob = layer.stored.read_bytes()
    for one in (kit.CONFIG, blob):
        content.push_blob(server, one, kit.digest_of(one), len(one))
    body = kit.encode(kit.image_document(blob, annotations={"number": layer.stored.name}))
    headers = content.registry_headers(server, "push,pull") | {"Content-Type": kit.OCI_MANIFEST}
    tag = hashlib.sha256(body).hexdigest()[:8]
    send(server, "PUT", f"/v2/{content.PATH}/manifests/{tag}", headers, body)
    return kit.digest_of(body)


def watched(server: Server, digest: str) -> tuple[float, int, int]:
    """The seconds until an image is scanned; the peaks of the child that reads, and of the largest other."""
    began = time.perf_counter()
    child = other = 0
    question = {"query": SCAN, "variables": {"digest": digest}}
    while True:
        for _ in range(10):
            for pid in family(server.process.pid):
                try:
                    is_child = CHILD in Path(f"/proc/{pid}/cmdline").read_bytes()
                    peak = peak_bytes(pid)
                except (FileNotFoundError, ProcessLookupError):
                    continue
                child, other = (max(child, peak), other) if is_child else (child, max(other, peak))
            time.sleep(0.01)
        answer = httpx.post(f"{server.url}/graphql", json=question, headers=server.headers())
        scan = answer.raise_for_status().json()["data"]["repository"]["manifest"]["scan"]
        seconds = time.perf_counter() - began
        assert seconds < DEADLINE_S, json.dumps(scan)
        if scan["state"] != "QUEUED":
            assert scan["state"] == "SCANNED", json.dumps(scan)
            return seconds, child, other


def main() -> int:
    """Measure and print; 1 where what is needed is missing."""
    missing = [program for program in ("tar", "gzip", "sha256sum") if shutil.which(program) is None]
    if missing:
        print(f"the measurement of layers needs {', '.join(missing)}", file=sys.stderr)
        return 1
    with tempfile.TemporaryDirectory(prefix="quayside-bench-") as directory:
        place = Path(directory)
        layers = {name: packed(place, name.split()[0], roots) for name, roots in KINDS.items()}
        for name, layer in layers.items():
            mine, theirs = (
                min(measure(layer) for _ in range(ROUNDS)) for measure in (by_scanner, by_programs)
            )
            print(
                f"layer of {name:24} {layer.files:6,} files, {layer.size / MIB:4.0f} MiB"
                f" {mine:6.2f} s {layer.size / mine / 1e6:6.0f} MB/s"
                f"   tar -tz and sha256sum {theirs:5.2f} s   ratio {theirs / mine:5.2f}",
                flush=True,
            )
        (place / "data").mkdir()
        server = start_quayside(place / "data", owner=content.OWNER, runs_jobs=True)
        try:
            for name, layer in layers.items():
                digest = pushed(server, layer)
                server.forget_peak()
                idle = server.peak_bytes()
                seconds, child, other = watched(server, digest)
                print(
                    f"image of {name:24} scanned {seconds:5.2f} s after its push, peak of the child"
                    f" {child / MIB:.0f} MiB, of the server {(other - idle) / MIB:+.0f} MiB",
                    flush=True,
                )
        finally:
            server.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main())
