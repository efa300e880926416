"""A mirror beside `skopeo sync`: 200 small images, and large ones, from docker-registry into quayside.

    python -m tests.bench.mirror

Both bring the same tags from the same registry into the same quayside, each into a repository of its own. The
peak is that of the process that mirrors, above what it has when idle.
"""

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from urllib.parse import urljoin

import httpx

from tests.bench.servers import PEER, Server, beside_peer
from tests.quayside.registry import kit

OWNER = "bench"
SMALL = 200
SMALL_BYTES = 64 * 1024
LARGE = 4
LARGE_BYTES = 128 * 1024 * 1024
PIECE = 1024 * 1024


def fill(peer: Server, name: str, images: int, size: int) -> None:
    """Push images of one layer with random bytes; all have another configuration."""
    with httpx.Client(base_url=peer.url, timeout=600) as client:
        for number in range(images):
            layer = os.urandom(min(size, PIECE)) * max(1, size // PIECE)
            config = kit.encode({"architecture": "amd64", "os": "linux", "number": number})
            for blob in (config, layer):
                begun = client.post(f"/v2/{name}/blobs/uploads/")
                location = urljoin(peer.url, begun.headers["Location"])
                mark = "&" if "?" in location else "?"
                client.put(f"{location}{mark}digest={kit.digest_of(blob)}", content=blob).raise_for_status()
            document = kit.image_document(layer, config=config)
            put = client.put(
                f"/v2/{name}/manifests/v{number}",
                content=kit.encode(document),
                headers={"Content-Type": kit.OCI_MANIFEST},
            )
            put.raise_for_status()


def mirror(ours: Server, peer: Server, name: str) -> float:
    """The seconds from the order until the mirror is through."""
    source = f"{peer.url.removeprefix('http://')}/{name}"
    with httpx.Client(base_url=f"{ours.url}/api/v1", headers=ours.headers(), timeout=60) as client:
        made = {
            "repository": f"mirrored-{name}",
            "namespace": OWNER,
            "visibility": "private",
            "description": "",
        }
        client.post("/repository", json=made).raise_for_status()
        path = f"/repository/{OWNER}/mirrored-{name}/mirror"
        settings = {
            "external_reference": source,
            "robot_username": f"{OWNER}+mirror",
            "sync_interval": 86_400,
            "sync_start_date": "2126-01-01T00:00:00Z",
            "root_rule": {"rule_kind": "tag_glob_csv", "rule_value": ["*"]},
            "external_registry_config": {"verify_tls": False},
            "skopeo_timeout_interval": 3600,
        }
        client.post(path, json=settings).raise_for_status()
        began = time.perf_counter()
        client.post(f"{path}/sync-now", json={}).raise_for_status()
        while (status := client.get(path).json()["sync_status"]) in ("SYNC_NOW", "SYNCING"):
            time.sleep(0.05)
        assert status == "SUCCESS", status
        return time.perf_counter() - began


def skopeo(ours: Server, peer: Server, name: str, directory: Path) -> float:
    """The seconds that `skopeo sync` takes."""
    source, target = (server.url.removeprefix("http://") for server in (peer, ours))
    began = time.perf_counter()
    subprocess.run(
        [
            *("skopeo", "--insecure-policy", "sync", "--src", "docker", "--dest", "docker"),
            *("--src-tls-verify=false", "--dest-tls-verify=false"),
            *("--dest-creds", f"$oauthtoken:{ours.token}", f"{source}/{name}", f"{target}/{OWNER}"),
        ],
        env={"PATH": os.environ["PATH"], "HOME": str(directory), "TMPDIR": str(directory)},
        check=True,
        capture_output=True,
    )
    return time.perf_counter() - began


def main() -> int:
    """Measure and print; 1 where what is needed is missing."""
    if shutil.which("skopeo") is None or shutil.which(PEER) is None:
        print(f"the measurement of mirrors needs skopeo and {PEER}", file=sys.stderr)
        return 1
    with beside_peer(owner=OWNER, runs_jobs=True) as (ours, peer, place):
        httpx.put(f"{ours.url}/api/v1/user/robots/mirror", json={}, headers=ours.headers()).raise_for_status()
        for name, images, size in (("small", SMALL, SMALL_BYTES), ("large", LARGE, LARGE_BYTES)):
            fill(peer, name, images, size)
            ours.forget_peak()
            idle = ours.peak_bytes()
            mine = mirror(ours, peer, name)
            peak = ours.peak_bytes()
            theirs = skopeo(ours, peer, name, place)
            print(
                f"mirror of {images} {name} images: {mine:6.2f} s, skopeo sync {theirs:6.2f} s,"
                f"   ratio {theirs / mine:5.2f}, peak {(peak - idle) / 2**20:+.0f} MiB",
                flush=True,
            )
    return 0


if __name__ == "__main__":
    sys.exit(main())
