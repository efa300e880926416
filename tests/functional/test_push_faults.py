"""Pushes to servers that are killed, run twice or disconnected: acknowledged content is stored completely."""

import asyncio
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from quayside.settings.settings import load_settings
from tests.process import serving
from tests.quayside.registry import kit, people
from tests.quayside.registry.people import OWNER, PASSWORD

BODY = kit.encode(kit.image_document(b"layer"))
ORIGIN = "http://registry.example"


class Registry:
    """A client of the repository `owner/app`, with a token that all servers of one origin accept."""

    def __init__(self, client: httpx.Client) -> None:
        self.client = client
        answer = client.get(
            "/v2/auth", params={"scope": "repository:owner/app:pull,push"}, auth=(OWNER, PASSWORD)
        )
        client.headers["Authorization"] = f"Bearer {answer.raise_for_status().json()['token']}"

    def url(self, rest: str) -> str:
        return f"/v2/owner/app/{rest}"

    def push_blob(self, content: bytes) -> httpx.Response:
        return self.client.post(
            self.url("blobs/uploads/"), params={"digest": kit.digest_of(content)}, content=content
        )

    def put_manifest(self) -> httpx.Response:
        return self.client.put(
            self.url("manifests/v1"), content=BODY, headers={"Content-Type": kit.OCI_MANIFEST}
        )

    def status(self, rest: str) -> int:
        return self.client.get(self.url(rest)).status_code


@pytest.fixture
def environ(tmp_path: Path, database_url: str) -> dict[str, str]:
    """What all servers of a test share: data, database, key and public address; with one user."""
    values = {
        "DATA_DIR": str(tmp_path / "data"),
        "DATABASE_URL": database_url,
        "SECRET_KEY": "k" * 32,
        "PUBLIC_URL": ORIGIN,
    }
    asyncio.run(people.create_users(load_settings(values, {}), OWNER))
    return {f"QUAYSIDE_{key}": value for key, value in values.items()}


@contextmanager
def registry(directory: Path, environ: dict[str, str]) -> Iterator[Registry]:
    directory.mkdir(exist_ok=True)
    with serving(directory, "--no-jobs", environ=environ) as (client, _):
        yield Registry(client)


@pytest.mark.parametrize(("point", "status"), [("before_commit", 404), ("after_commit", 200)])
def test_a_kill_leaves_a_manifest_complete_or_absent(
    tmp_path: Path, environ: dict[str, str], point: str, status: int
) -> None:
    references = (f"manifests/{kit.digest_of(BODY)}", "manifests/v1")
    with registry(tmp_path / "a", environ) as after:
        assert [after.push_blob(blob).status_code for blob in (kit.CONFIG, b"layer")] == [201, 201]

        killed = registry(tmp_path / "b", environ | {"QUAYSIDE_FAULT": f"push.{point}:kill"})
        with killed as during, pytest.raises(httpx.RemoteProtocolError):
            during.put_manifest()

        assert [after.status(reference) for reference in references] == [status, status]
        tags = after.client.get(after.url("tags/list")).json()["tags"]
        assert tags == (["v1"] if status == 200 else [])
        assert after.client.get(after.url(f"blobs/{kit.digest_of(b'layer')}")).content == b"layer"
        assert after.put_manifest().status_code == 201
        assert after.client.get(after.url("manifests/v1")).content == BODY


@pytest.mark.parametrize(("point", "status"), [("before_commit", 404), ("after_commit", 200)])
def test_a_kill_leaves_a_blob_complete_or_absent_and_pushable(
    tmp_path: Path, environ: dict[str, str], point: str, status: int
) -> None:
    blob = f"blobs/{kit.digest_of(b'layer')}"
    killed = registry(tmp_path / "a", environ | {"QUAYSIDE_FAULT": f"push.{point}:kill"})
    with killed as during, pytest.raises(httpx.RemoteProtocolError):
        during.push_blob(b"layer")

    with registry(tmp_path / "b", environ) as after:
        assert after.status(blob) == status
        assert after.push_blob(b"layer").status_code == 201
        assert after.client.get(after.url(blob)).content == b"layer"


def test_any_server_takes_any_chunk(tmp_path: Path, environ: dict[str, str]) -> None:
    content = bytes(range(256)) * 4096
    digest, size = kit.digest_of(content), len(content) // 4
    with registry(tmp_path / "a", environ) as one, registry(tmp_path / "b", environ) as other:
        location = one.client.post(one.url("blobs/uploads/")).headers["Location"]
        for number, server in enumerate((other, one, other, one)):
            first = number * size
            answer = server.client.patch(
                location,
                content=content[first : first + size],
                headers={"Content-Range": f"{first}-{first + size - 1}"},
            )
            assert (answer.status_code, answer.headers["Range"]) == (202, f"0-{first + size - 1}")
        finished = other.client.put(location, params={"digest": digest})

        assert finished.status_code == 201
        for server in (one, other):
            assert server.client.get(finished.headers["Location"]).content == content


def test_an_upload_resumes_after_a_broken_connection(tmp_path: Path, environ: dict[str, str]) -> None:
    content = b"0123456789" * 100_000
    with registry(tmp_path / "a", environ) as server:
        location = server.client.post(server.url("blobs/uploads/")).headers["Location"]
        base = server.client.base_url
        head = (
            f"PATCH {location} HTTP/1.1\r\nHost: x\r\nContent-Length: {len(content)}\r\n"
            f"Authorization: {server.client.headers['Authorization']}\r\n\r\n"
        )
        with socket.create_connection((base.host, base.port)) as connection:
            connection.sendall(head.encode() + content[:300_000])
            connection.shutdown(socket.SHUT_WR)
            assert connection.recv(1) == b""

        status = server.client.get(location)
        reached = int(status.headers["Range"].removeprefix("0-")) + 1
        assert (status.status_code, reached) == (204, 300_000)
        answer = server.client.put(
            location, params={"digest": kit.digest_of(content)}, content=content[reached:]
        )

        assert answer.status_code == 201
        assert server.client.get(answer.headers["Location"]).content == content


def test_a_full_disk_is_reported_and_leaves_nothing(tmp_path: Path, environ: dict[str, str]) -> None:
    full = environ | {"QUAYSIDE_FAULT": "append.before_write:enospc"}
    with registry(tmp_path / "a", full) as server:
        location = server.client.post(server.url("blobs/uploads/")).headers["Location"]
        refused = [server.client.patch(location, content=b"layer"), server.push_blob(b"layer")]

        for answer in refused:
            assert (answer.status_code, kit.error_codes(answer)) == (507, ["UNAVAILABLE"])
            assert "/" not in answer.json()["errors"][0]["message"]
        assert server.client.get(location).headers["Range"] == "0-0"

    with registry(tmp_path / "b", environ) as server:
        assert server.status(f"blobs/{kit.digest_of(b'layer')}") == 404
        answer = server.client.put(location, params={"digest": kit.digest_of(b"layer")}, content=b"layer")
        assert answer.status_code == 201
        assert server.client.get(answer.headers["Location"]).content == b"layer"
