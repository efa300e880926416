"""A warm pull-through cache beside an ordinary repository of the same server, and the memory of a cold pull.

    python -m tests.bench.cache

Manifests are pulled by tag, which the cache has confirmed, and by digest; blobs are read from what is stored.
"""

import os
import shutil
import sys

import httpx

from tests.bench import content
from tests.bench.load import download, hammer
from tests.bench.mirror import fill
from tests.bench.servers import PEER, Server, beside_peer
from tests.quayside.registry import kit

HUB = "hub"
CACHED = f"{HUB}/{content.PATH}"
ROUNDS = 3
IMAGE_BYTES = 256 * 1024 * 1024


def follow(ours: Server, peer: Server) -> None:
    """Make the organization a cache of the peer. A tag that was confirmed stays so while it is measured."""
    with httpx.Client(base_url=f"{ours.url}/api/v1", headers=ours.headers(), timeout=60) as client:
        client.post("/organization/", json={"name": HUB}).raise_for_status()
        settings = {"upstream_registry": peer.url.removeprefix("http://"), "insecure": True}
        client.post(f"/organization/{HUB}/proxycache", json=settings).raise_for_status()


def measure_rates(ours: Server, peer: Server) -> None:
    """Print the requests a second for manifests: from the cache, and from an ordinary repository."""
    digests = {CACHED: content.push_tags(peer), content.PATH: content.push_tags(ours)}
    for what in ("tag", "digest"):
        rates = []
        for path, digest in digests.items():
            headers = {"Accept": kit.OCI_MANIFEST} | content.registry_headers(ours, "pull", path)
            address = f"/v2/{path}/manifests/{'v7' if what == 'tag' else digest}"
            # The first pull by tag makes the repository, for which the next token is.
            httpx.get(f"{ours.url}{address}", headers=headers).raise_for_status()
            headers |= content.registry_headers(ours, "pull", path)
            rates.append(hammer(ours, address, headers))
        cached, ordinary = rates
        print(
            f"warm cache, manifest by {what:6} {cached.per_second:7.0f} req/s, ordinary"
            f" {ordinary.per_second:7.0f} req/s,   ratio {cached.per_second / ordinary.per_second:5.2f}",
            flush=True,
        )


def measure_blobs(ours: Server, peer: Server) -> None:
    """Print the speed of a stored blob, and the peak of a cold pull of it above idle."""
    fill(peer, "team/large", 1, IMAGE_BYTES)
    path = f"{HUB}/team/large"
    headers = content.registry_headers(ours, "pull", path) | {"Accept": kit.OCI_MANIFEST}
    found = httpx.get(f"{ours.url}/v2/{path}/manifests/v0", headers=headers, timeout=60).raise_for_status()
    layer = found.json()["layers"][0]
    headers = content.registry_headers(ours, "pull", path)
    ours.forget_peak()
    idle = ours.peak_bytes()
    address = f"/v2/{path}/blobs/{layer['digest']}"
    cold = download(ours, address, headers)
    peak = ours.peak_bytes() - idle
    body = os.urandom(content.BLOB_BYTES)
    digest = kit.digest_of(body)
    content.push_blob(ours, body, digest, len(body))
    own = content.registry_headers(ours, "pull")
    warm = max(download(ours, address, headers) for _ in range(ROUNDS))
    ordinary = max(download(ours, f"/v2/{content.PATH}/blobs/{digest}", own) for _ in range(ROUNDS))
    print(
        f"warm cache, blob {warm:7.0f} MB/s, ordinary {ordinary:7.0f} MB/s,   ratio {warm / ordinary:5.2f};"
        f"   cold {cold:7.0f} MB/s, peak {peak / 2**20:+.0f} MiB",
        flush=True,
    )


def main() -> int:
    """Measure and print; 1 where what is needed is missing."""
    if shutil.which("wrk") is None or shutil.which(PEER) is None:
        print(f"the measurement of caches needs wrk and {PEER}", file=sys.stderr)
        return 1
    with beside_peer(owner=content.OWNER, PROXY_CACHE_CHECK="1h") as (ours, peer, _):
        follow(ours, peer)
        measure_rates(ours, peer)
        measure_blobs(ours, peer)
    return 0


if __name__ == "__main__":
    sys.exit(main())
