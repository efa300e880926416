"""A running registry in which builds are ordered and waited for."""

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from tests.process import environment
from tests.quayside.workers.times import LEASE_MS
from tests.waiting import wait_for

ENDED = {"complete", "error", "internalerror", "cancelled"}
PATIENCE_S = 60

WORKER = f"""
import sys
from quayside.cli import main
from quayside.workers import runner
from storage import jobs
jobs.LEASE_MS, runner.HEARTBEAT_S = {LEASE_MS}, 0.7
sys.exit(main(["worker", "--only", "builds"]))
"""
"""A worker that is missed sooner than others, since a test waits for that."""


@dataclass
class Registry:
    """A running registry as `ada` asks it."""

    client: httpx.Client
    directory: Path
    _worker: subprocess.Popen[bytes] | None = None

    @property
    def host(self) -> str:
        return self.client.base_url.netloc.decode()

    @property
    def worker(self) -> subprocess.Popen[bytes]:
        """The process that runs builds, beside the server."""
        assert self._worker is not None
        return self._worker

    def start_worker(self) -> None:
        public = {"QUAYSIDE_PUBLIC_URL": str(self.client.base_url).rstrip("/")}
        command = [sys.executable, "-c", WORKER]
        self._worker = subprocess.Popen(command, cwd=self.directory, env=environment(**public))

    def repository(self, name: str) -> None:
        made = self.client.post(
            "/api/v1/repository",
            json={"namespace": "ada", "repository": name, "visibility": "private", "description": ""},
        )
        assert made.status_code == 201, made.text

    def upload(self, context: bytes) -> str:
        """Put a context where a build takes it; its id."""
        place = self.client.post("/api/v1/filedrop/", json={"mimeType": "application/gzip"}).json()
        assert httpx.put(place["url"], content=context).status_code == 200
        return str(place["file_id"])

    def order(self, name: str, context: bytes, **more: Any) -> str:
        """Order a build; its id."""
        body = {"file_id": self.upload(context), **more}
        ordered = self.client.post(f"/api/v1/repository/ada/{name}/build/", json=body)
        assert ordered.status_code == 201, ordered.text
        return str(ordered.json()["id"])

    def status(self, name: str, build: str) -> dict[str, Any]:
        found = self.client.get(f"/api/v1/repository/ada/{name}/build/{build}/status")
        return dict(found.json())

    def builds(self, name: str) -> list[dict[str, Any]]:
        return list(self.client.get(f"/api/v1/repository/ada/{name}/build/").json()["builds"])

    def wait(self, name: str, build: str, *phases: str) -> dict[str, Any]:
        """Wait until a build is in one of the phases, or has ended."""

        def look() -> dict[str, Any]:
            found = self.status(name, build)
            assert found["phase"] in (phases or ENDED) or found["phase"] not in ENDED, found
            return found

        return wait_for(look, lambda found: found["phase"] in (phases or ENDED), patience_s=PATIENCE_S)

    @property
    def url(self) -> str:
        return str(self.client.base_url).rstrip("/")

    @property
    def keys(self) -> str:
        return f"{self.url}/keys/services/builds/keys"

    def referrers(self, name: str) -> tuple[str, list[dict[str, Any]]]:
        """The digest of the image with some tag, and the artifacts about it, each with its bundle."""
        base = f"/v2/ada/{name}"
        asked = {"scope": f"repository:ada/{name}:pull"}
        token = httpx.get(f"{self.url}/v2/auth", params=asked, auth=("ada", "correct-horse")).json()["token"]
        with httpx.Client(base_url=self.url, headers={"Authorization": f"Bearer {token}"}) as client:
            tag = client.get(f"{base}/tags/list").json()["tags"][0]
            digest = client.head(f"{base}/manifests/{tag}").headers["Docker-Content-Digest"]
            found = client.get(f"{base}/referrers/{digest}").json()["manifests"]
            for each in found:
                (layer,) = client.get(f"{base}/manifests/{each['digest']}").json()["layers"]
                each["bundle"] = client.get(f"{base}/blobs/{layer['digest']}").json()
        return digest, found

    def log(self, name: str, build: str) -> list[tuple[str | None, str]]:
        found = self.client.get(f"/api/v1/repository/ada/{name}/build/{build}/logs").json()
        assert found["total"] == len(found["logs"])
        return [(line.get("type"), line["message"]) for line in found["logs"]]
