"""Memory of the server while a large blob is pushed and pulled: bounded."""

import hashlib
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.plugins.scale import SCALE
from tests.process import make_user, serving

PASSWORD = "correct-horse-battery"
PIECE = bytes(range(256)) * 4096
PIECES = min(256 * SCALE, 2048)
"""256 MiB, more than the server may use; 2 GiB in long runs."""

MAXIMUM = 200 * 1024 * 1024


def pieces() -> Iterator[bytes]:
    """A body, generated so that the test need not hold it in memory either."""
    for _ in range(PIECES):
        yield PIECE


def digest_of(body: Iterator[bytes]) -> str:
    digest = hashlib.sha256()
    for piece in body:
        digest.update(piece)
    return f"sha256:{digest.hexdigest()}"


def peak_bytes(pid: int) -> int:
    """The largest resident memory that a process has had."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    (kilobytes,) = [line.split()[1] for line in lines if line.startswith("VmHWM:")]
    return int(kilobytes) * 1024


def authorize(client: httpx.Client, password: str) -> None:
    answer = client.get(
        "/v2/auth", params={"scope": "repository:ada/app:pull,push"}, auth=("ada", password)
    ).raise_for_status()
    client.headers["Authorization"] = f"Bearer {answer.json()['token']}"


@pytest.mark.long
def test_pushing_and_pulling_a_large_blob_takes_little_memory(tmp_path: Path) -> None:
    # Given a server with a user
    make_user(tmp_path, "ada", PASSWORD)
    digest, size = digest_of(pieces()), len(PIECE) * PIECES
    with serving(tmp_path, "--no-jobs") as (client, process):
        client.timeout = httpx.Timeout(600)
        authorize(client, PASSWORD)

        # When a large blob is pushed in chunks of unknown length, and pulled
        location = client.post("/v2/ada/app/blobs/uploads/").headers["Location"]
        appended = client.patch(location, content=pieces())
        finished = client.put(location, params={"digest": digest})
        with client.stream("GET", f"/v2/ada/app/blobs/{digest}") as pulled:
            received = digest_of(pulled.iter_bytes())

        # Then it is identical, and was never in memory as a whole
        assert (appended.status_code, appended.headers["Range"]) == (202, f"0-{size - 1}")
        assert finished.status_code == 201
        assert received == digest
        assert peak_bytes(process.pid) < MAXIMUM
    # pytest keeps temporary directories of past runs, which would fill the disk.
    next((tmp_path / "data" / "blobs").rglob(digest.partition(":")[2])).unlink()
