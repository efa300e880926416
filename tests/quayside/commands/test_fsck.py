"""`quayside storage fsck`: what comes back from elsewhere, and what it cannot do."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from quayside.settings.settings import Settings
from storage import deletion_hold
from storage.blobs import BlobStore
from storage.statements import execute, fetch
from tests.factories import Factory
from tests.quayside.commands.conftest import Call
from tests.quayside.registry import kit

CUT, LOST, STRAY = b"cut off", b"lost", b"stray"
DIGEST = {content: kit.digest_of(content) for content in (CUT, LOST, STRAY)}

Fsck = Callable[..., Awaitable[tuple[int, str, str]]]
Put = Callable[[bytes, bytes | None], None]


@pytest.fixture
def fsck(call: Call, settings_with_files: Settings, tmp_path: Path) -> Fsck:
    """Runs the command in another thread; its exit code and outputs."""
    environ = {
        "QUAYSIDE_DATA_DIR": str(tmp_path),
        "QUAYSIDE_DATABASE_URL": settings_with_files.database_url,
        "QUAYSIDE_BLOB_URL": settings_with_files.blob_url,
        "QUAYSIDE_SECRET_KEY": "k" * 32,
    }

    async def fsck(*arguments: str, **more: str) -> tuple[int, str, str]:
        return await asyncio.to_thread(call, "storage", "fsck", *arguments, **environ | more)

    return fsck


@pytest.fixture
def put(tmp_path: Path) -> Put:
    """Writes bytes in the place of a blob, behind the back of the store; None removes it."""

    def put(blob: bytes, content: bytes | None) -> None:
        name = kit.digest_of(blob).removeprefix("sha256:")
        path = tmp_path / "blobs" / "blobs" / "sha256" / name[:2] / name
        path.parent.mkdir(exist_ok=True)
        path.unlink() if content is None else path.write_bytes(content)

    return put


async def found(fsck: Fsck, *arguments: str) -> set[tuple[str, str, int, str | None]]:
    """Kind, digest, number of images and repair of each finding."""
    _, output, _ = await fsck("--json", *arguments)
    *findings, _ = map(json.loads, output.splitlines())
    return {(each["kind"], each["digest"], each["images"], each["repair"]) for each in findings}


async def test_bytes_that_come_back_from_elsewhere_are_taken_if_they_are_right(
    factory: Factory, put: Put, fsck: Fsck
) -> None:
    await factory.user("ada")
    await factory.repository("ada/app")
    image = await factory.image("ada/app", LOST, CUT, tag="v1")
    put(LOST, None)
    put(CUT, None)
    kept = await found(fsck, "--repair")
    assert {kind for kind, *_ in kept} == {"missing"}

    put(LOST, LOST)
    put(CUT, b"other")

    expected = {("returned", DIGEST[LOST], 0, "available"), ("damaged", DIGEST[CUT], 1, "quarantined")}
    assert await found(fsck, "--repair") == expected
    assert await found(fsck) == {("absent", DIGEST[CUT], 1, None)}
    for scope in (("--repository", "ada/app"), ("--digest", DIGEST[CUT])):
        code, output, _ = await fsck(*scope)
        assert (code, output.splitlines()[:2]) == (
            1,
            [
                f"absent\t{DIGEST[CUT]}\tbytes={len(CUT)}\timages=1",
                f"image\tada/app:v1\tdigest={image}\tneeds={DIGEST[CUT]}",
            ],
        )
    assert await found(fsck, "--digest", DIGEST[LOST]) == set()


async def test_what_cannot_be_checked_or_repaired_is_said(
    factory: Factory, blobs: BlobStore, put: Put, fsck: Fsck, tmp_path: Path
) -> None:
    await factory.user("ada")
    await factory.repository("ada/app")
    await factory.image("ada/app", CUT, tag="v1")
    put(CUT, CUT[:3])
    put(STRAY, STRAY)

    # A backup holds what is there.
    await deletion_hold.hold("backup")
    code, output, errors = await fsck("--repair", "--stray-age", "0")
    await deletion_hold.release("backup")
    held = [line for line in output.splitlines() if line.endswith("repair=held")]
    assert (code, len(held)) == (1, 2)
    assert errors.startswith("A backup is running")
    assert {digest async for digest, _ in blobs.digests()} >= {DIGEST[CUT], DIGEST[STRAY]}
    assert [name async for name in blobs.quarantined()] == []

    # The store of another registry is neither emptied nor believed.
    other = f"file://{tmp_path}/elsewhere"
    code, output, errors = await fsck("--repair", "--stray-age", "0", QUAYSIDE_BLOB_URL=other)
    assert (code, output) == (2, "")
    assert errors.startswith("The blob store has none of 2 blobs that were looked up")
    assert await fetch("SELECT 1 FROM blob WHERE state <> 'stored'") == []

    for arguments, sentence in (
        (("--digest", "sha256:12"), "digest must be sha256:"),
        (("--repository", "ada/none"), "There is no repository ada/none."),
        (("--stray-age", "soon"), "--stray-age must be a whole number"),
        (("--digest", DIGEST[CUT], "--repository", "ada/app"), "Name either --digest or --repository."),
    ):
        code, output, errors = await fsck(*arguments)
        assert (code, output) == (2, "")
        assert sentence in errors
    assert (await fsck(QUAYSIDE_BLOB_URL="memory:"))[0] == 2

    await execute("INSERT INTO site_setting (name, value) VALUES ('read_only', '{\"since_ms\": 1}')")
    assert [(await fsck(*options))[0] for options in ((), ("--repair",))] == [1, 2]
