"""Streams, digests and child processes for the tests of blob stores."""

import asyncio
import hashlib
import os
import sys
import uuid
from collections.abc import AsyncIterator, Iterable
from pathlib import Path
from xml.etree import ElementTree as ET

import httpx

from storage.blobs import BlobStore
from storage.blobs.s3_url import parse_s3_url

CHILD = "tests.storage.blobs.child"
REPOSITORY = Path(__file__).parents[3]


def new_upload() -> str:
    return uuid.uuid4().hex


def sha256(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def sha512(content: bytes) -> str:
    return f"sha512:{hashlib.sha512(content).hexdigest()}"


async def stream(*pieces: bytes) -> AsyncIterator[bytes]:
    for piece in pieces:
        yield piece


async def breaking_stream(*pieces: bytes, error: Exception) -> AsyncIterator[bytes]:
    for piece in pieces:
        yield piece
    raise error


async def gated_stream(
    first: bytes, entered: asyncio.Event, gate: asyncio.Event, last: bytes
) -> AsyncIterator[bytes]:
    """Yield `first`, report that, and hold `last` back until the gate opens."""
    yield first
    entered.set()
    await gate.wait()
    yield last


async def push(store: BlobStore, pieces: Iterable[bytes], digest: str) -> int:
    """Upload the pieces in one append and commit them."""
    upload = new_upload()
    await store.create_upload(upload)
    await store.append(upload, 0, stream(*pieces))
    return await store.commit(upload, digest)


async def read(store: BlobStore, digest: str, *, start: int = 0, end: int | None = None) -> bytes:
    return b"".join([chunk async for chunk in store.read(digest, start=start, end=end)])


async def all_uploads(store: BlobStore) -> list[str]:
    return sorted([upload async for upload in store.uploads()])


async def all_digests(store: BlobStore) -> dict[str, int]:
    return {digest: size async for digest, size in store.digests()}


def objects_of(url: str) -> list[str]:
    """The names of all objects of a store in a bucket, without what they have in common."""
    place = parse_s3_url(url)
    keys = _keys(f"{place.endpoint}/{place.bucket}?list-type=2&prefix={place.prefix}/")
    return [key.removeprefix(f"{place.prefix}/") for key in keys]


def multipart_uploads_of(url: str) -> list[str]:
    """The names of the objects of which such a store has only parts."""
    place = parse_s3_url(url)
    keys = _keys(f"{place.endpoint}/{place.bucket}?uploads")
    return [key.removeprefix(f"{place.prefix}/") for key in keys if key.startswith(f"{place.prefix}/")]


def _keys(address: str) -> list[str]:
    listing = ET.fromstring(httpx.get(address).raise_for_status().content)
    return sorted(element.text or "" for element in listing.iter() if element.tag.endswith("}Key"))


def paths_below(root: Path) -> list[str]:
    return sorted(str(path.relative_to(root)) for path in root.rglob("*"))


def files_below(root: Path) -> list[str]:
    return [path for path in paths_below(root) if (root / path).is_file()]


def open_files_below(root: Path) -> list[str]:
    """The files below the root that this process holds open."""
    targets = []
    for descriptor in Path("/proc/self/fd").iterdir():
        try:
            targets.append(str(descriptor.readlink()))
        except FileNotFoundError:
            continue
    return sorted(target for target in targets if target.startswith(f"{root}/"))


async def start_child(root: Path | str, *arguments: str, fault: str = "") -> asyncio.subprocess.Process:
    """Start a process that uses the store at a directory or URL; see child.py for its arguments."""
    url = f"file://{root}" if isinstance(root, Path) else root
    environment = {**os.environ, "QUAYSIDE_FAULT": fault}
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", CHILD, url, *arguments,
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        cwd=REPOSITORY, env=environment,
    )  # fmt: skip


async def run_child(root: Path | str, *arguments: str, fault: str = "") -> tuple[int | None, list[str]]:
    """Run such a process to its end and return (exit status, lines that it wrote)."""
    child = await start_child(root, *arguments, fault=fault)
    output, errors = await child.communicate()
    assert errors == b"", errors.decode()
    return child.returncode, output.decode().splitlines()
