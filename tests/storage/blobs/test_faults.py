"""A child process fails at each fault point; a fresh store must then hold all that was acknowledged."""

import ast
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from storage.blobs import FilesystemBlobStore
from storage.faults import FAULT_POINTS, KINDS, fault, parse_fault
from tests.storage.blobs.helpers import (
    REPOSITORY,
    all_digests,
    all_uploads,
    files_below,
    new_upload,
    push,
    read,
    run_child,
    sha256,
    stream,
)

ACKNOWLEDGED = b"acknowledged before the fault"
KILLED = -signal.SIGKILL


@pytest.fixture
async def upload(root: Path) -> AsyncIterator[str]:
    """An upload of four acknowledged bytes, beside a committed blob that no fault may touch."""
    upload = new_upload()
    store = FilesystemBlobStore(root)
    await push(store, [ACKNOWLEDGED], sha256(ACKNOWLEDGED))
    await store.create_upload(upload)
    assert await store.append(upload, 0, stream(b"quay")) == 4
    await store.close()
    yield upload
    fresh = FilesystemBlobStore(root)
    assert await read(fresh, sha256(ACKNOWLEDGED)) == ACKNOWLEDGED
    for digest in await all_digests(fresh):
        assert sha256(await read(fresh, digest)) == digest
    await fresh.close()


@pytest.fixture
async def fresh(root: Path, upload: str) -> AsyncIterator[FilesystemBlobStore]:
    """A store of this process, which saw none of the bytes of the upload."""
    store = FilesystemBlobStore(root)
    yield store
    await store.close()


OUTCOMES = [("kill", KILLED, []), ("error", 0, ["StorageFailed"]), ("enospc", 0, ["StorageFull"])]


@pytest.mark.parametrize(("kind", "status", "answer"), OUTCOMES)
@pytest.mark.parametrize(("point", "size"), [("append.before_write", 4), ("append.after_write", 8)])
async def test_a_failed_append_is_resumed_where_it_stopped(
    root: Path,
    upload: str,
    fresh: FilesystemBlobStore,
    point: str,
    size: int,
    kind: str,
    status: int,
    answer: list[str],
) -> None:
    assert await run_child(root, "append", upload, "4", "side", fault=f"{point}:{kind}") == (status, answer)
    assert await fresh.upload_size(upload) == size
    assert await fresh.append(upload, size, stream(b"quayside"[size:])) == 8
    assert await fresh.commit(upload, sha256(b"quayside")) == 8
    assert await read(fresh, sha256(b"quayside")) == b"quayside"
    assert await all_uploads(fresh) == []


@pytest.mark.parametrize(("kind", "status", "answer"), OUTCOMES)
@pytest.mark.parametrize("point", ["commit.before_verify", "commit.before_rename"])
async def test_a_commit_that_fails_before_the_rename_can_be_repeated(
    root: Path, upload: str, fresh: FilesystemBlobStore, point: str, kind: str, status: int, answer: list[str]
) -> None:
    digest = sha256(b"quay")
    assert await run_child(root, "commit", upload, digest, fault=f"{point}:{kind}") == (status, answer)
    assert await fresh.stat(digest) is None
    assert await all_uploads(fresh) == [upload]
    assert await fresh.upload_size(upload) == 4
    assert await fresh.commit(upload, digest) == 4
    assert await read(fresh, digest) == b"quay"


@pytest.mark.parametrize(("kind", "status", "answer"), OUTCOMES)
async def test_a_commit_that_fails_after_the_rename_left_a_whole_blob(
    root: Path, upload: str, fresh: FilesystemBlobStore, kind: str, status: int, answer: list[str]
) -> None:
    digest = sha256(b"quay")
    fault_text = f"commit.after_rename:{kind}"
    assert await run_child(root, "commit", upload, digest, fault=fault_text) == (status, answer)
    assert await read(fresh, digest) == b"quay"
    assert await all_uploads(fresh) == []
    assert await push(fresh, [b"quay"], digest) == 4


@pytest.mark.parametrize(("kind", "status", "answer"), OUTCOMES)
async def test_an_upload_that_could_not_be_cancelled_can_be_cancelled_again(
    root: Path, upload: str, fresh: FilesystemBlobStore, kind: str, status: int, answer: list[str]
) -> None:
    assert await run_child(root, "cancel", upload, fault=f"upload.before_removal:{kind}") == (status, answer)
    assert await fresh.upload_size(upload) == 4
    await fresh.cancel(upload)
    assert await all_uploads(fresh) == []


@pytest.mark.parametrize(("kind", "status", "answer"), OUTCOMES)
async def test_a_refused_commit_that_could_not_remove_the_upload_shows_nothing(
    root: Path, upload: str, fresh: FilesystemBlobStore, kind: str, status: int, answer: list[str]
) -> None:
    wrong = sha256(b"other")
    fault_text = f"upload.before_removal:{kind}"
    assert await run_child(root, "commit", upload, wrong, fault=fault_text) == (status, answer)
    assert await all_digests(fresh) == {sha256(ACKNOWLEDGED): len(ACKNOWLEDGED)}
    assert await all_uploads(fresh) == [upload]
    await fresh.cancel(upload)


@pytest.mark.parametrize(("kind", "status", "answer"), OUTCOMES)
async def test_a_duplicate_whose_upload_could_not_be_removed_is_committed_again(
    root: Path, upload: str, fresh: FilesystemBlobStore, kind: str, status: int, answer: list[str]
) -> None:
    digest = sha256(b"quay")
    await push(fresh, [b"quay"], digest)
    fault_text = f"upload.before_removal:{kind}"
    assert await run_child(root, "commit", upload, digest, fault=fault_text) == (status, answer)
    assert await all_uploads(fresh) == [upload]
    assert await fresh.commit(upload, digest) == 4
    assert await all_uploads(fresh) == []
    assert len(files_below(root)) == 2


def test_every_point_in_the_code_of_state_is_in_the_table() -> None:
    named = {
        node.args[0].value
        for path in (REPOSITORY / "storage").rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id == "fault"
        and isinstance(node.args[0], ast.Constant)
    }
    declared = [point.name for point in FAULT_POINTS]
    assert len(set(declared)) == len(declared)
    assert named - set(declared) == set()
    # The points of these are in code above this layer.
    assert {name.partition(".")[0] for name in set(declared) - named} <= {
        "advisories",
        "push",
        "collection",
        "prune",
        "notification",
        "rename",
        "scan",
    }
    assert [point.name for point in FAULT_POINTS if not point.meaning.endswith(".")] == []


def test_nothing_fails_unless_armed() -> None:
    assert os.environ.get("QUAYSIDE_FAULT", "") == ""
    for point in FAULT_POINTS:
        fault(point.name)


@pytest.mark.parametrize("kind", KINDS)
def test_a_fault_is_a_point_and_a_kind(kind: str) -> None:
    assert parse_fault(f"commit.after_rename:{kind}") == ("commit.after_rename", kind)
    assert parse_fault("") == ("", "")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("commit.after_renames:kill", "QUAYSIDE_FAULT names an unknown fault point: 'commit.after_renames'"),
        ("commit.after_rename", "QUAYSIDE_FAULT names an unknown fault point: ''"),
        (
            "commit.after_rename:explode",
            "QUAYSIDE_FAULT must end in one of kill, stop, error, enospc, not 'explode'",
        ),
    ],
)
def test_a_misspelt_fault_stops_the_process(text: str, message: str) -> None:
    child = subprocess.run(
        [sys.executable, "-c", "import storage.faults"],
        cwd=REPOSITORY, env={**os.environ, "QUAYSIDE_FAULT": text},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert child.returncode == 1
    assert child.stderr.splitlines()[-1] == f"ValueError: {message}"
