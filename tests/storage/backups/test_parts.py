"""Parts of backups that no command shows: the hold of a long one, and what PostgreSQL's programs are told."""

import asyncio
import errno
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from storage import deletion_hold
from storage.backups import backup
from storage.backups import transfer as transfer_module
from storage.backups.manifest import BackupError
from storage.backups.postgres import environment
from storage.backups.transfer import Transfer
from storage.blob_bytes import has_its_digest
from storage.blobs import BlobStore, FilesystemBlobStore, StorageFailed, StorageFull
from storage.clock import now_ms
from storage.database import Database
from storage.statements import execute, fetch
from tests.storage.blobs.helpers import all_digests, push, sha256


async def test_a_hold_is_kept_while_the_backup_lives_and_taken_again_when_it_ran_out(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backup, "EXTEND_S", 0.05)
    async with backup._held() as hold:
        for back_ms, lasted in ((59_000, True), (60_500, False)):
            await execute("UPDATE lease SET expires_at_ms = expires_at_ms - ?", back_ms)
            await asyncio.sleep(0.5)
            (row,) = await fetch("SELECT expires_at_ms FROM lease")
            assert row["expires_at_ms"] > now_ms() + deletion_hold.HOLD_MS - 5_000
            assert await hold.lasted() is lasted

    assert not await deletion_hold.is_held()
    assert await fetch("SELECT * FROM lease") == []


class Failing:
    """A blob store whose disk fails: reads of one blob halfway, and with `errno` also uploads."""

    def __init__(self, blobs: BlobStore, unreadable: str = "", code: int | None = None) -> None:
        self._blobs, self._unreadable, self._code = blobs, unreadable, code
        self.reading = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._blobs, name)

    async def read(self, digest: str) -> AsyncIterator[bytes]:
        self.reading += 1
        try:
            async for piece in self._blobs.read(digest):
                yield piece[:1]
                if digest == self._unreadable:
                    raise StorageFailed("the blob store failed", errno=errno.EIO)
                yield piece[1:]
        finally:
            self.reading -= 1

    async def append(self, upload: str, offset: int, stream: AsyncIterator[bytes]) -> int:
        if self._code is None:
            return await self._blobs.append(upload, offset, stream)
        await anext(stream)
        raise StorageFull("the blob store is full", errno=self._code)


async def test_what_the_disk_cannot_read_is_lost_and_a_full_one_leaves_no_file_open(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    contents = {sha256(content): content for content in (b"one", b"other", b"third")}
    source, target = FilesystemBlobStore(tmp_path / "a"), FilesystemBlobStore(tmp_path / "b")
    for digest, content in contents.items():
        await push(source, [content], digest)
    unreadable = sha256(b"other")
    unknown = [(sha256(content), 1) for content in (b"4", b"5", b"6")]
    rows = [(digest, len(content)) for digest, content in contents.items()]

    failing: Any = Failing(source, unreadable)
    transfer = Transfer(failing, target, lambda size: None)
    await transfer.run(iter(rows))

    assert transfer.lost == [unreadable]
    assert await all_digests(target) == {sha256(b"one"): 3, sha256(b"third"): 5}
    assert not await has_its_digest(failing, unreadable)
    full: Any = Failing(target, code=errno.ENOSPC)
    await target.delete(sha256(b"one"))
    with pytest.raises(StorageFull):
        await Transfer(failing, full, lambda size: None).run(iter(rows))
    assert failing.reading == 0
    assert [upload async for upload in target.uploads()] == []
    # The store of another registry is not that of one that has lost many.
    monkeypatch.setattr(transfer_module, "MOST_LOST", 1)
    await Transfer(source, target, lambda size: None).run(iter([*rows, *unknown]))
    with pytest.raises(BackupError, match="has none of more than 1 blobs"):
        await Transfer(source, target, lambda size: None).run(iter(unknown))
    for blobs in (source, target):
        await blobs.close()


def test_programs_of_postgresql_get_the_whole_url_by_their_environment() -> None:
    url = (
        "postgresql://ada:p%40ss%20word@db.example.com:6432/quay%2Dside?sslmode=verify-full"
        "&sslrootcert=/etc/ca.pem&search_path=a%20b&application_name=quayside"
    )

    assert environment(url, {"PATH": "/bin", "PGPASSWORD": "another"}) == {
        "PATH": "/bin",
        "PGHOST": "db.example.com",
        "PGPORT": "6432",
        "PGUSER": "ada",
        "PGPASSWORD": "p@ss word",
        "PGDATABASE": "quay-side",
        "PGSSLMODE": "verify-full",
        "PGSSLROOTCERT": "/etc/ca.pem",
        "PGOPTIONS": "-c search_path=a\\ b -c application_name=quayside",
    }
    assert environment("postgresql:///quayside?host=/run/postgresql&user=ada", {}) == {
        "PGHOST": "/run/postgresql",
        "PGDATABASE": "quayside",
        "PGUSER": "ada",
    }
    with pytest.raises(BackupError, match="takes no password of a TLS key"):
        environment("postgresql://db/quayside?sslpassword=x", {})
