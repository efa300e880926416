"""Real servers scan what is pushed: in time, whatever it is, and what a server began that was killed."""

import gzip
import signal
import sqlite3
import tarfile
import time
import zipfile
from collections.abc import Iterator
from contextlib import closing
from io import BytesIO
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.functional.skopeo import skopeo
from tests.process import make_user, serving, token_of
from tests.quayside.registry import kit
from tests.quayside.scan.test_hostile import extended, record
from tests.quayside.scan.test_layers import member
from tests.scanning import archive, layer, python_package, status
from tests.waiting import wait_for

PASSWORD = "correct-horse"
MIB = 1024 * 1024
QUERY = """{ repository(path: "alice/app") { manifests(first: 20) { nodes { digest
  scan { state reason } packages(first: 10) { totalCount nodes { package { name version } } } } } } }"""
FLASK = {
    "scan": {"state": "SCANNED", "reason": None},
    "packages": {"totalCount": 1, "nodes": [{"package": {"name": "flask", "version": "3.0.0"}}]},
}


@pytest.fixture
def token(tmp_path: Path) -> str:
    """A token of alice, who owns the registry in the directory."""
    make_user(tmp_path, "alice", PASSWORD)
    return token_of(tmp_path, "alice", "repo:read")


class Registry:
    """A client of the repository `alice/app`."""

    def __init__(self, client: httpx.Client, token: str) -> None:
        self.client = client
        self.token = token
        asked = {"scope": "repository:alice/app:pull,push"}
        answer = client.get("/v2/auth", params=asked, auth=("alice", PASSWORD)).raise_for_status()
        self.headers = {"Authorization": f"Bearer {answer.json()['token']}"}

    def push(self, content: bytes) -> str:
        """Push an image of one layer; its digest."""
        body = kit.encode(kit.image_document(content))
        for blob in (kit.CONFIG, content):
            self.client.post(
                "/v2/alice/app/blobs/uploads/",
                params={"digest": kit.digest_of(blob)},
                content=blob,
                headers=self.headers,
            ).raise_for_status()
        digest = kit.digest_of(body)
        self.client.put(
            f"/v2/alice/app/manifests/{digest}",
            content=body,
            headers=self.headers | {"Content-Type": kit.OCI_MANIFEST},
        ).raise_for_status()
        return digest

    def pull(self, digest: str) -> float:
        """Pull a manifest; how long that took."""
        began = time.monotonic()
        self.client.get("/healthz").raise_for_status()
        answer = self.client.get(f"/v2/alice/app/manifests/{digest}", headers=self.headers)
        assert kit.digest_of(answer.raise_for_status().content) == digest
        return time.monotonic() - began

    def images(self) -> dict[str, Any]:
        """What is known of images, by digest."""
        headers = {"Authorization": f"Bearer {self.token}"}
        answer = self.client.post("/graphql", json={"query": QUERY}, headers=headers).json()
        nodes = answer["data"]["repository"]["manifests"]["nodes"]
        assert all((node["packages"] is None) == (node["scan"]["state"] != "SCANNED") for node in nodes)
        return {node.pop("digest"): node for node in nodes}


def is_done(images: dict[str, Any]) -> bool:
    return all(image["scan"]["state"] != "QUEUED" for image in images.values())


@pytest.mark.needs("skopeo")
def test_a_small_image_is_scanned_within_ten_seconds_of_its_push(tmp_path: Path, token: str) -> None:
    (tmp_path / "layer.tar").write_bytes(archive(python_package("flask", "3.0.0")))
    with serving(tmp_path) as (client, _):
        pushed = skopeo(
            tmp_path,
            *("copy", "--dest-tls-verify=false", f"--dest-creds=alice:{PASSWORD}"),
            f"tarball:{tmp_path / 'layer.tar'}",
            f"docker://127.0.0.1:{client.base_url.port}/alice/app:v1",
        )
        assert pushed.returncode == 0, pushed.stderr
        found = wait_for(Registry(client, token).images, is_done, patience_s=10)
    assert list(found.values()) == [FLASK]


def test_what_a_killed_server_has_begun_another_one_ends(tmp_path: Path, token: str) -> None:
    with serving(tmp_path, environ={"QUAYSIDE_FAULT": "scan.before_layer:kill"}) as (client, process):
        digest = Registry(client, token).push(layer(python_package("flask", "3.0.0")))
        assert process.wait(60) == -signal.SIGKILL
    with closing(sqlite3.connect(tmp_path / "data" / "quayside.db")) as database, database:
        assert database.execute("SELECT COUNT(*) FROM scanned_layer").fetchall() == [(0,)]
        # As if the time had passed after which others notice.
        database.execute("DELETE FROM lease")
        database.execute("UPDATE job SET lease_until_ms = 1 WHERE state = 'running'")
    with serving(tmp_path) as (client, _):
        assert wait_for(Registry(client, token).images, is_done) == {digest: FLASK}


def zip_bomb() -> bytes:
    """An archive of Java with an archive in it that unpacks to 100 MiB."""
    inner, outer = BytesIO(), BytesIO()
    with zipfile.ZipFile(inner, "w", zipfile.ZIP_DEFLATED) as made, made.open("x.jar", "w") as bomb:
        for _ in range(100):
            bomb.write(bytes(MIB))
    with zipfile.ZipFile(outer, "w", zipfile.ZIP_DEFLATED) as made:
        made.writestr("lib/inner.jar", inner.getvalue())
    return outer.getvalue()


HOLE = 1 << 40
HOSTILE = {
    # 200 MiB of zeros, as members of gzip that are alike
    gzip.compress(member("zeros", size=200 * MIB).tobuf()) + gzip.compress(bytes(MIB)) * 200: (
        "The layer decompresses to more than 200 times its size."
    ),
    layer({"srv/app.war": zip_bomb()}): (
        "The layer has a file that unpacks to more than 200 times its size: srv/app.war."
    ),
    layer({"a/../../etc/cron.d/x": b""}): "The layer has a path that leads out of it: a/../../etc/cron.d/x.",
    gzip.compress(member("link", type=tarfile.LNKTYPE, linkname="../../etc/shadow").tobuf() + bytes(1024)): (
        "The layer has a hard link to a path that leads out of it: ../../etc/shadow."
    ),
    layer({"var/lib/dpkg/status": status(**{f"p{n}": str(n) for n in range(5_000)})})[:-2_000]: (
        "The compressed content of the layer ends too early."
    ),
    gzip.compress(member("hole", size=HOLE).tobuf(tarfile.GNU_FORMAT) + bytes(1024)): (
        f"The layer has a file of {HOLE} bytes: hole."
    ),
    gzip.compress(extended(record("GNU.sparse.size", str(HOLE // 64)) + record("GNU.sparse.map", "0,0"))): (
        f"The layer has a sparse file of {HOLE // 64} bytes: file."
    ),
}
"""Layers, each with the reason for which its scan fails."""


def children(pid: int) -> Iterator[int]:
    """The largest resident memory that each process has had which reads a layer now, in bytes."""
    for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
        try:
            lines = Path(f"/proc/{child}/status").read_text().splitlines()
        except OSError:
            # It has ended.
            continue
        yield from (int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM:"))


def test_hostile_layers_fail_with_a_reason_while_the_server_goes_on(tmp_path: Path, token: str) -> None:
    with serving(tmp_path) as (client, process):
        registry = Registry(client, token)
        good = registry.push(layer(python_package("flask", "3.0.0")))
        reasons = {registry.push(content): reason for content, reason in HOSTILE.items()}
        pulls, peaks = [], [0]

        def look() -> dict[str, Any]:
            pulls.append(registry.pull(good))
            peaks.extend(children(process.pid))
            return registry.images()

        found = wait_for(look, is_done)

    assert found.pop(good) == FLASK
    assert {digest: image["scan"] for digest, image in found.items()} == {
        digest: {"state": "FAILED", "reason": reason} for digest, reason in reasons.items()
    }
    assert max(peaks) < 300 * MIB
    assert max(pulls) < 5
