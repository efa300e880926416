"""What only the filesystem driver promises: its layout, its durability, and sharing between processes."""

import asyncio
import errno
import fcntl
import os
import stat
import sys
import threading
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from storage import space
from storage.blobs import (
    CHUNK_SIZE,
    DigestMismatch,
    FilesystemBlobStore,
    StorageFailed,
    StorageFull,
    UploadBusy,
    UploadUnknown,
    filesystem,
)
from storage.blobs.paths import Layout
from tests.storage.blobs.helpers import (
    all_digests,
    all_uploads,
    breaking_stream,
    files_below,
    new_upload,
    open_files_below,
    paths_below,
    push,
    read,
    run_child,
    sha256,
    sha512,
    start_child,
    stream,
)


def modes_from(root: Path) -> set[tuple[bool, int]]:
    """(is a directory, permission bits) of everything from the root down."""
    return {(path.is_dir(), stat.S_IMODE(path.stat().st_mode)) for path in [root, *root.rglob("*")]}


def unmount(root: Path, away: Path) -> None:
    root.rename(away)
    root.mkdir()


def mount(away: Path, root: Path) -> None:
    root.rmdir()
    away.rename(root)


async def test_layout_and_modes(disk: FilesystemBlobStore, root: Path) -> None:
    upload = new_upload()
    await disk.create_upload(upload)
    await push(disk, [b"abc"], sha256(b"abc"))
    await push(disk, [b"abc"], sha512(b"abc"))
    short, long = sha256(b"abc").removeprefix("sha256:"), sha512(b"abc").removeprefix("sha512:")
    assert files_below(root) == [
        f"blobs/sha256/{short[:2]}/{short}",
        f"blobs/sha512/{long[:2]}/{long}",
        f"uploads/{upload}",
    ]
    assert modes_from(root) == {(True, 0o700), (False, 0o600)}


async def test_missing_parents_are_created(tmp_path: Path) -> None:
    store = FilesystemBlobStore(tmp_path / "a" / "b")
    await push(store, [b"abc"], sha256(b"abc"))
    await store.close()
    assert modes_from(tmp_path / "a") == {(True, 0o700), (False, 0o600)}
    digest = sha256(b"abc").removeprefix("sha256:")
    assert files_below(tmp_path) == [f"a/b/blobs/sha256/{digest[:2]}/{digest}"]


async def test_a_directory_never_used_is_an_empty_store(disk: FilesystemBlobStore, root: Path) -> None:
    assert await all_digests(disk) == {}
    assert await all_uploads(disk) == []
    assert await disk.stat(sha256(b"abc")) is None
    with pytest.raises(UploadUnknown):
        await disk.upload_size(new_upload())
    await disk.cancel(new_upload())
    assert paths_below(root.parent) == []


async def test_files_that_do_not_fit_the_layout_are_passed_over(
    disk: FilesystemBlobStore, root: Path
) -> None:
    digest = sha256(b"abc")
    hexadecimal = digest.removeprefix("sha256:")
    await push(disk, [b"abc"], digest)
    (root / "uploads" / "lost+found").mkdir()
    (root / "uploads" / "notes.txt").write_text("x")
    (root / "blobs" / "sha256" / "notes.txt").write_text("x")
    (root / "blobs" / "sha256" / hexadecimal[:2] / "notes.txt").write_text("x")
    (root / "blobs" / "sha256" / "zz").mkdir()
    (root / "blobs" / "sha256" / "zz" / hexadecimal).write_text("x")
    assert await all_digests(disk) == {digest: 3}
    assert await all_uploads(disk) == []


async def test_blobs_and_uploads_outlive_the_store(disk: FilesystemBlobStore, root: Path) -> None:
    upload = new_upload()
    await push(disk, [b"abc"], sha256(b"abc"))
    await disk.create_upload(upload)
    await disk.append(upload, 0, stream(b"quay"))
    await disk.close()

    fresh = FilesystemBlobStore(root)
    assert await read(fresh, sha256(b"abc")) == b"abc"
    assert await fresh.append(upload, 4, stream(b"side")) == 8
    assert await fresh.commit(upload, sha256(b"quayside")) == 8
    await fresh.close()


async def test_two_stores_append_alternately(disk: FilesystemBlobStore, root: Path) -> None:
    other = FilesystemBlobStore(root)
    upload = new_upload()
    await disk.create_upload(upload)
    assert await disk.append(upload, 0, stream(b"a" * 10)) == 10
    assert await other.append(upload, 10, stream(b"b" * 10)) == 20
    assert await disk.append(upload, 20, stream(b"c" * 10)) == 30
    assert await disk.commit(upload, sha256(b"a" * 10 + b"b" * 10 + b"c" * 10)) == 30
    await other.close()


async def test_a_commit_knows_that_another_store_appended_since(
    disk: FilesystemBlobStore, root: Path
) -> None:
    other = FilesystemBlobStore(root)
    upload = new_upload()
    await disk.create_upload(upload)
    await disk.append(upload, 0, stream(b"seen"))
    await other.append(upload, 4, stream(b" unseen"))
    with pytest.raises(DigestMismatch) as raised:
        await disk.commit(upload, sha256(b"seen"))
    assert raised.value.actual == sha256(b"seen unseen")
    assert files_below(root) == []
    await other.close()


async def test_bytes_seen_by_this_process_are_not_read_back(
    disk: FilesystemBlobStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    read_back: list[str] = []
    original = filesystem.digest_of

    def counting(descriptor: int, algorithm: str) -> str:
        read_back.append(algorithm)
        return original(descriptor, algorithm)

    monkeypatch.setattr(filesystem, "digest_of", counting)
    upload = new_upload()
    await disk.create_upload(upload)
    await disk.append(upload, 0, stream(b"ab"))
    with pytest.raises(ConnectionResetError):
        await disk.append(upload, 2, breaking_stream(b"cd", error=ConnectionResetError()))
    await disk.append(upload, 4, stream(b"ef"))
    await disk.commit(upload, sha256(b"abcdef"))
    assert read_back == []
    await push(disk, [b"abc"], sha512(b"abc"))
    assert read_back == ["sha512"]


async def test_hashers_are_kept_for_a_bounded_number_of_uploads(
    disk: FilesystemBlobStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(filesystem, "HASHERS_KEPT", 2)
    uploads = [new_upload() for _ in range(5)]
    for upload in uploads:
        await disk.create_upload(upload)
        await disk.append(upload, 0, stream(upload.encode()))
    assert list(disk._hashers) == uploads[-2:]
    for upload in uploads:
        assert await disk.commit(upload, sha256(upload.encode())) == 32
    assert list(disk._hashers) == []


async def test_an_append_that_opened_before_a_commit_cannot_change_the_blob(
    disk: FilesystemBlobStore, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The append opens the file, then the commit renames it, then the append gets the lock."""
    upload = new_upload()
    digest = sha256(b"abc")
    await disk.create_upload(upload)
    await disk.append(upload, 0, stream(b"abc"))
    loop = asyncio.get_running_loop()
    other = FilesystemBlobStore(root)
    flock = fcntl.flock
    committed: list[int] = []

    def commit_first(descriptor: int, operation: int) -> None:
        if not committed:
            committed.append(0)
            committed[0] = asyncio.run_coroutine_threadsafe(other.commit(upload, digest), loop).result()
        flock(descriptor, operation)

    monkeypatch.setattr(fcntl, "flock", commit_first)
    with pytest.raises(UploadUnknown):
        await disk.append(upload, 3, stream(b"defaced"))
    assert committed == [3]
    assert await read(disk, digest) == b"abc"
    await other.close()


async def test_a_commit_is_synced_before_and_after_the_rename(
    disk: FilesystemBlobStore, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    digest = sha256(b"abc")
    shard = root / "blobs" / "sha256" / digest.removeprefix("sha256:")[:2]
    upload = new_upload()
    await disk.create_upload(upload)
    await disk.append(upload, 0, stream(b"abc"))
    steps: list[str] = []
    fsync, rename = os.fsync, os.rename

    def recording_fsync(descriptor: int) -> None:
        steps.append(f"sync {Path(f'/proc/self/fd/{descriptor}').readlink().relative_to(root)}")
        fsync(descriptor)

    def recording_rename(source: Path, target: Path) -> None:
        steps.append("rename")
        rename(source, target)

    monkeypatch.setattr(os, "fsync", recording_fsync)
    monkeypatch.setattr(os, "rename", recording_rename)
    await disk.commit(upload, digest)
    assert steps == [
        "sync blobs/sha256",
        f"sync uploads/{upload}",
        "rename",
        f"sync {shard.relative_to(root)}",
    ]
    steps.clear()
    await push(disk, [b"abc"], digest)
    assert steps == [f"sync {shard.relative_to(root)}"]


async def test_a_truncated_blob_is_an_error_and_not_a_short_answer(
    disk: FilesystemBlobStore, root: Path
) -> None:
    content = os.urandom(3 * CHUNK_SIZE)
    digest = sha256(content)
    await push(disk, [content], digest)
    chunks = disk.read(digest)
    await anext(chunks)
    os.truncate(Layout(root).blob(digest), CHUNK_SIZE)
    with pytest.raises(StorageFailed) as raised:
        await anext(chunks)
    assert str(raised.value) == f"blob {digest} ends before its size"


async def test_a_refusing_medium_is_a_storage_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a directory")
    store = FilesystemBlobStore(tmp_path / "file")
    with pytest.raises(StorageFailed) as raised:
        await store.create_upload(new_upload())
    assert str(raised.value) == "the blob store failed: Not a directory"
    await store.close()


async def test_a_store_whose_disk_is_gone_does_not_work(
    disk: FilesystemBlobStore, root: Path, tmp_path: Path
) -> None:
    # Given a store that worked
    await push(disk, [b"quay"], sha256(b"quay"))
    await disk.check()

    # When its disk is taken away, so that the place is empty, and brought back
    unmount(root, tmp_path / "away")
    with pytest.raises(StorageFailed) as gone:
        await disk.check()
    with pytest.raises(StorageFailed):
        await disk.check()
    mount(tmp_path / "away", root)

    # Then it works again
    assert gone.value.errno == errno.ENOENT
    await disk.check()
    assert await read(disk, sha256(b"quay")) == b"quay"


async def test_a_place_that_takes_no_files_does_not_work(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    store = FilesystemBlobStore(tmp_path / "file" / "blobs")

    with pytest.raises(StorageFailed):
        await store.check()

    await store.close()


async def test_another_process_continues_an_upload(disk: FilesystemBlobStore, root: Path) -> None:
    upload = new_upload()
    await disk.create_upload(upload)
    assert await disk.append(upload, 0, stream(b"one ")) == 4
    assert await run_child(root, "append", upload, "4", "two ") == (0, ["appended 8"])
    assert await disk.append(upload, 8, stream(b"three ")) == 14
    assert await run_child(root, "append", upload, "14", "four") == (0, ["appended 18"])
    assert await run_child(root, "commit", upload, sha256(b"one two three four")) == (0, ["committed 18"])
    assert await read(disk, sha256(b"one two three four")) == b"one two three four"


async def test_an_append_in_another_process_holds_off_this_one(disk: FilesystemBlobStore, root: Path) -> None:
    upload = new_upload()
    await disk.create_upload(upload)
    child = await start_child(root, "append-slowly", upload, "0", "theirs")
    assert child.stdout is not None
    assert await child.stdout.readline() == b"streaming\n"
    with pytest.raises(UploadBusy):
        await disk.append(upload, 0, stream(b"ours"))
    output, _ = await child.communicate(b"go on\n")
    assert output == b"appended 6\n"
    assert await disk.commit(upload, sha256(b"theirs")) == 6


async def test_a_process_that_dies_while_appending_leaves_no_lock(
    disk: FilesystemBlobStore, root: Path
) -> None:
    upload = new_upload()
    await disk.create_upload(upload)
    child = await start_child(root, "append-slowly", upload, "0", "theirs")
    assert child.stdout is not None
    assert await child.stdout.readline() == b"streaming\n"
    child.kill()
    await child.wait()
    size = await disk.upload_size(upload)
    assert await disk.append(upload, size, stream(b"ours")) == size + 4
    await disk.cancel(upload)


async def test_a_disk_that_fills_up_mid_batch_leaves_an_upload_to_resume(
    disk: FilesystemBlobStore, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The system writes in short pieces, then has no more space, then has space again."""
    upload = new_upload()
    content = os.urandom(2 * CHUNK_SIZE)
    free = [100, 50]
    write = os.write

    def short_write(descriptor: int, batch: memoryview) -> int:
        if not free:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return write(descriptor, batch[: free.pop(0)])

    await disk.create_upload(upload)
    await disk.append(upload, 0, stream(b"before"))
    monkeypatch.setattr(os, "write", short_write)
    with pytest.raises(StorageFull) as raised:
        await disk.append(upload, 6, stream(content[:CHUNK_SIZE], content[CHUNK_SIZE:]))
    assert str(raised.value) == "the blob store is full: No space left on device"
    assert open_files_below(root) == []
    monkeypatch.undo()

    assert await disk.upload_size(upload) == 6
    assert await disk.append(upload, 6, stream(content)) == 2 * CHUNK_SIZE + 6
    assert await disk.commit(upload, sha256(b"before" + content)) == 2 * CHUNK_SIZE + 6


async def test_uploads_leave_a_reserve(
    disk: FilesystemBlobStore, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    free = 10 * CHUNK_SIZE
    monkeypatch.setattr(space, "_free", lambda _: free)
    careful = FilesystemBlobStore(root, reserve_bytes=9 * CHUNK_SIZE)
    upload, content = new_upload(), b"x" * CHUNK_SIZE
    await careful.create_upload(upload)

    # Given space for one piece, an append of two has the first
    async def pieces() -> AsyncIterator[bytes]:
        nonlocal free
        yield content
        free -= CHUNK_SIZE
        yield content

    with pytest.raises(StorageFull):
        await careful.append(upload, 0, pieces())
    assert await careful.upload_size(upload) == CHUNK_SIZE
    assert await careful.free_bytes() == 9 * CHUNK_SIZE

    # When less than the reserve is left, no upload begins, and what is there can become a blob
    free -= 1
    with pytest.raises(StorageFull):
        await careful.create_upload(new_upload())
    assert await all_uploads(careful) == [upload]
    assert await careful.commit(upload, sha256(content)) == CHUNK_SIZE
    await push(disk, [b"without a reserve"], sha256(b"without a reserve"))
    await careful.close()


async def test_a_cancelled_append_closes_its_file_only_after_the_write(
    disk: FilesystemBlobStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A descriptor closed under a running write could by then name another file."""
    upload = new_upload()
    await disk.create_upload(upload)
    loop = asyncio.get_running_loop()
    closed = threading.Event()
    closed_during_write: list[bool] = []
    write, close = os.write, filesystem.UploadFile.close

    def slow_write(descriptor: int, batch: memoryview) -> int:
        loop.call_soon_threadsafe(append.cancel)
        closed_during_write.append(closed.wait(0.3))
        return write(descriptor, batch)

    def recording_close(file: filesystem.UploadFile) -> None:
        closed.set()
        close(file)

    monkeypatch.setattr(os, "write", slow_write)
    monkeypatch.setattr(filesystem.UploadFile, "close", recording_close)
    append = asyncio.create_task(disk.append(upload, 0, stream(b"x" * CHUNK_SIZE)))
    with pytest.raises(asyncio.CancelledError):
        await append
    assert closed_during_write == [False]
    assert closed.is_set()
    assert await disk.upload_size(upload) == CHUNK_SIZE
    await disk.cancel(upload)


WATCHED: dict[str, list[tuple[str, str]]] = {}
DISK_EVENTS = {"open", "os.rename", "os.remove", "os.mkdir", "os.scandir", "os.listdir"}


def _watch(event: str, arguments: tuple[object, ...]) -> None:
    if WATCHED and event in DISK_EVENTS:
        for root, seen in WATCHED.items():
            if str(arguments[0]).startswith(root):
                seen.append((event, threading.current_thread().name))


async def test_the_event_loop_never_touches_the_disk(disk: FilesystemBlobStore, root: Path) -> None:
    # An audit hook cannot be removed, so it is added once and looks only while the table is filled.
    sys.addaudithook(_watch)
    seen: list[tuple[str, str]] = []
    WATCHED[str(root)] = seen
    try:
        content = os.urandom(CHUNK_SIZE + 1)
        await push(disk, [content], sha256(content))
        await push(disk, [content], sha256(content))
        await read(disk, sha256(content))
        await disk.read_all(sha256(content), limit=len(content))
        await all_digests(disk)
        await all_uploads(disk)
        await disk.delete(sha256(content))
    finally:
        WATCHED.clear()
    assert {event for event, _ in seen} == DISK_EVENTS - {"os.listdir"}
    assert [(event, thread) for event, thread in seen if not thread.startswith("blobs_")] == []


async def test_a_batch_reaches_the_disk_in_one_call(
    disk: FilesystemBlobStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    batches: list[int] = []
    write = filesystem.UploadFile.write

    def recording(file: filesystem.UploadFile, pieces: list[bytes]) -> None:
        batches.append(sum(len(piece) for piece in pieces))
        write(file, pieces)

    async def small_pieces() -> AsyncIterator[bytes]:
        for _ in range(5 * 1024):
            yield b"x" * 512

    monkeypatch.setattr(filesystem.UploadFile, "write", recording)
    upload = new_upload()
    await disk.create_upload(upload)
    assert await disk.append(upload, 0, small_pieces()) == 5 * CHUNK_SIZE // 2
    assert batches == [CHUNK_SIZE, CHUNK_SIZE, CHUNK_SIZE // 2]
    await disk.cancel(upload)
