"""A disk that fills: uploads end before the reserve, everything else goes on, and room can be made.

The disk is a small file system in memory, where one may be mounted; the fault points of
`test_push_faults.py` stand for it elsewhere.
"""

import asyncio
import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from quayside.settings.settings import load_settings
from storage.database import migrate
from storage.outage import FULL
from tests.process import log_of, run, serving, token_of
from tests.quayside.registry import kit, people
from tests.quayside.registry.people import OWNER, PASSWORD

MIB = 1024 * 1024
DISK, RESERVE = 24 * MIB, 8 * MIB
ORIGIN = "http://registry.example"


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 24 MiB."""
    directory = tmp_path / "disk"
    directory.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={DISK}", "tmpfs", str(directory)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("no file system may be mounted here")
    try:
        yield directory
    finally:
        subprocess.run(["umount", "--lazy", str(directory)], check=True)


@pytest.fixture
def environ(disk: Path) -> dict[str, str]:
    """The settings of a registry on the small disk, with one user."""
    values = {
        "DATA_DIR": str(disk),
        "SECRET_KEY": "k" * 32,
        "PUBLIC_URL": ORIGIN,
        "DISK_RESERVE": "8MiB",
        "TIME_MACHINE_DEFAULT": "0",
    }
    settings = load_settings(values, {})
    asyncio.run(migrate(settings.database_url))
    asyncio.run(people.create_users(settings, OWNER))
    return {f"QUAYSIDE_{key}": value for key, value in values.items()}


class Registry:
    """A client of the repository `owner/app`."""

    def __init__(self, client: httpx.Client) -> None:
        self.client = client
        client.timeout = httpx.Timeout(60)
        self.sign_in()

    def sign_in(self) -> None:
        asked = {"scope": "repository:owner/app:pull,push"}
        answer = self.client.get("/v2/auth", params=asked, auth=(OWNER, PASSWORD))
        self.client.headers["Authorization"] = f"Bearer {answer.raise_for_status().json()['token']}"

    def url(self, rest: str) -> str:
        return f"/v2/owner/app/{rest}"

    def begin(self) -> httpx.Response:
        return self.client.post(self.url("blobs/uploads/"))

    def push_image(self, layer: bytes, tag: str) -> list[int]:
        """Push an image; the statuses of its blobs and its manifest."""
        statuses = []
        for blob in (kit.CONFIG, layer):
            url = self.url(f"blobs/uploads/?digest={kit.digest_of(blob)}")
            statuses.append(self.client.post(url, content=blob).status_code)
        return [*statuses, self.put_manifest(layer, tag).status_code]

    def put_manifest(self, layer: bytes, tag: str) -> httpx.Response:
        body = kit.encode(kit.image_document(layer))
        return self.client.put(
            self.url(f"manifests/{tag}"), content=body, headers={"Content-Type": kit.OCI_MANIFEST}
        )

    def ready(self) -> dict[str, Any]:
        answer = self.client.get("/readyz")
        assert answer.status_code == 200
        found: dict[str, Any] = answer.json()
        return found


def test_a_user_who_fills_the_disk_stops_only_uploads(
    disk: Path, environ: dict[str, str], tmp_path: Path
) -> None:
    layer = bytes(MIB)
    with serving(tmp_path, "--no-jobs", environ=environ) as (client, _):
        registry = Registry(client)
        assert registry.push_image(layer, "v1") == [201, 201, 201]
        assert registry.ready()["space"]["blobs"]["status"] == "ok"

        # When more is uploaded than there is space
        location = registry.begin().headers["Location"]
        full = client.patch(location, content=(bytes(MIB) for _ in range(DISK // MIB)))

        # Then the upload ends at the reserve, with what it has
        assert (full.status_code, kit.error_codes(full)) == (507, ["UNAVAILABLE"])
        assert full.json()["errors"][0]["message"] == (
            "there is no space left for this; an upload can be resumed when there is"
        )
        has = client.get(location).headers["Range"]
        assert has == full.headers["Range"]
        space = registry.ready()["space"]["blobs"]
        assert RESERVE <= space["free_bytes"] < RESERVE + 2 * MIB

        # When little is left of the space, though nothing of the reserve
        (disk / "other").write_bytes(bytes(space["free_bytes"] - RESERVE + 4096))

        # Then new uploads are refused, and the operator is told
        assert registry.begin().status_code == 507
        assert client.patch(location, content=b"a").status_code == 507
        ready = registry.ready()
        assert (ready["status"], ready["space"]["blobs"]["status"]) == ("ready", "low")
        assert ready["space"]["blobs"]["reserve_bytes"] == RESERVE
        told = re.search(
            r'^quayside_reserve_bytes\{kept="blobs"\} (.+)$', client.get("/metrics").text, re.MULTILINE
        )
        assert told is not None
        assert float(told[1]) == RESERVE
        doctor = run(tmp_path, "doctor", **environ)
        (line,) = [one for one in doctor.stdout.splitlines() if " space: " in one]
        assert line.startswith("failed  space: ")
        assert "uploads are refused below 8.4 MB (DISK_RESERVE)" in line
        assert doctor.returncode == 1

        # And everything else works: signing in, reading, pushing what is uploaded, and deleting
        registry.sign_in()
        assert client.get(registry.url(f"blobs/{kit.digest_of(layer)}")).content == layer
        assert registry.put_manifest(layer, "v2").status_code == 201
        for tag in ("v1", "v2"):
            assert client.delete(registry.url(f"manifests/{tag}")).status_code == 202
        assert client.delete(location).status_code == 204
        collected = run(tmp_path, "gc", **environ)
        assert (collected.returncode, collected.stderr) == (0, "")

        # And there is room again
        (disk / "other").unlink()
        assert registry.push_image(layer, "v3") == [201, 201, 201]
        assert registry.ready()["space"]["blobs"]["status"] == "ok"


def test_a_disk_without_a_byte_is_read_and_says_so(
    disk: Path, environ: dict[str, str], tmp_path: Path
) -> None:
    layer = b"layer"
    with serving(tmp_path, "--no-jobs", environ=environ) as (client, _):
        registry = Registry(client)
        assert registry.push_image(layer, "v1") == [201, 201, 201]

        # When another program takes the last byte
        fill(disk)

        # Then pulls are answered, and pages, and what has to write says why it cannot
        assert client.get(registry.url("manifests/v1")).status_code == 200
        assert client.get(registry.url(f"blobs/{kit.digest_of(layer)}")).content == layer
        assert client.get("/signin").status_code == 200
        assert registry.begin().status_code in {503, 507}
        answers = {
            "other": client.post("/signin", data={"username": OWNER, "password": PASSWORD}),
            "manifest": registry.put_manifest(layer, "v2"),
        }
        assert answers["manifest"].status_code == 507
        ready = registry.ready()["space"]
        assert {name: one["status"] for name, one in ready.items()} == {"database": "low", "blobs": "low"}

        # And when there is room, all goes on
        (disk / "filling").unlink()
        assert registry.push_image(layer, "v2") == [201, 201, 201]
    assert "Traceback" not in json.dumps(log_of(tmp_path))


def fill(disk: Path) -> None:
    """Take every byte of a disk."""
    with (disk / "filling").open("wb", buffering=0) as file:
        for size in (MIB, 4096, 1):
            try:
                while True:
                    file.write(bytes(size))
            except OSError:
                continue


CHANGE = """mutation { repositoryUpdate(repository: "owner/app", input: { description: "x" }) {
  errors { message } } }"""


def test_a_database_without_space_says_so_at_every_door(
    disk: Path, environ: dict[str, str], tmp_path: Path
) -> None:
    token = token_of(tmp_path, OWNER, "repo:admin user:admin", **environ)
    bearer = {"Authorization": f"Bearer {token}"}
    with serving(tmp_path, "--no-jobs", environ=environ | {"QUAYSIDE_DISK_RESERVE": "0"}) as (client, _):
        registry = Registry(client)
        assert registry.push_image(b"layer", "v1") == [201, 201, 201]
        form = {"username": OWNER, "password": PASSWORD}
        form["_csrf_token"] = client.get("/csrf_token").json()["csrf_token"]

        # Given a disk without a byte, and a database that has used up its own space, too
        fill(disk)
        for number in range(3000):
            refused = registry.put_manifest(b"layer", f"t{number}")
            if refused.status_code != 201:
                break

        # When something is to be written at each door
        changed = client.post("/graphql", json={"query": CHANGE}, headers=bearer)
        rest = client.put("/api/v1/repository/owner/app", json={"description": "x"}, headers=bearer)
        page = client.post("/signin", data=form, headers={"Accept": "text/html"})

        # Then each says why it is not, and reading goes on, by tokens whose use cannot be noted
        assert [one.status_code for one in (refused, changed, rest, page)] == [503, 503, 503, 503]
        assert refused.json()["errors"][0]["message"] == FULL
        assert kit.error_codes(refused) == ["UNAVAILABLE"]
        (error,) = changed.json()["errors"]
        assert (error["message"], error["extensions"]["code"]) == (FULL, "UNAVAILABLE")
        assert FULL in rest.text
        assert FULL in page.text
        assert all(one.headers["Retry-After"] == "5" for one in (refused, changed, rest, page))
        assert client.get(registry.url("manifests/v1")).status_code == 200
        assert client.get("/api/v1/repository/owner/app", headers=bearer).status_code == 200
        read = client.post("/graphql", json={"query": "{ viewer { name } }"}, headers=bearer).json()
        assert read["data"] == {"viewer": {"name": OWNER}}

        # And when there is room, all goes on
        (disk / "filling").unlink()
        assert client.put(
            "/api/v1/repository/owner/app", json={"description": "x"}, headers=bearer
        ).is_success
    assert "Traceback" not in json.dumps(log_of(tmp_path))
