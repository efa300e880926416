"""Runs the measurements and prints a line for each, with the ratio to the peer if it has one."""

import json
import math
import os
import shutil
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from tests.bench import audit, content, gate, live, pulls
from tests.bench.load import CHUNK, Rate, download, hammer
from tests.bench.servers import PEER, Server, start_peer, start_quayside
from tests.quayside.registry import kit

GRAPHQL_QUERY = f"""{{ repository(path: "{content.PATH}") {{ path visibility viewerRole
  tags(first: 50) {{ nodes {{ name startedAt manifest {{ digest layersSizeBytes }} }} }} }} }}"""
ROUNDS = 5
UPLOAD_ROUNDS = 3
"""Fewer, since all that is uploaded stays on the disk."""


def main() -> int:
    """Measure and print; exit code 1 if a measurement failed."""
    if shutil.which("wrk") is None:
        print("make bench needs wrk: install the package of that name.", file=sys.stderr)
        return 1
    with tempfile.TemporaryDirectory(prefix="quayside-bench-") as directory:
        ours = start_quayside(Path(directory), owner=content.OWNER)
        peer_directory = Path(directory) / "peer"
        peer_directory.mkdir()
        peer = start_peer(peer_directory)
        if peer is None:
            print(f"{PEER} is not installed; nothing to compare with.", file=sys.stderr)
        try:
            measure(ours, peer, Path(directory))
        finally:
            for server in (ours, peer):
                if server is not None:
                    server.stop()
    return 0


def measure(ours: Server, peer: Server | None, directory: Path) -> None:
    """All measurements, each on our server and then on the peer, in one run."""
    servers = [server for server in (ours, peer) if server is not None]
    digests = {server.name: content.push_tags(server) for server in servers}
    accept = {"Accept": kit.OCI_MANIFEST}

    def manifest(reference: Callable[[Server], str]) -> list[Rate]:
        return [
            hammer(
                server,
                f"/v2/{content.PATH}/manifests/{reference(server)}",
                accept | content.registry_headers(server, "pull"),
            )
            for server in servers
        ]

    print_rates("manifest GET by tag", manifest(lambda _: "v7"))
    print_rates("manifest GET by digest", manifest(lambda server: digests[server.name]))
    measure_gate(ours, digests[ours.name])
    measure_counting()
    measure_blobs(servers)
    script = directory / "graphql.lua"
    body = json.dumps({"query": GRAPHQL_QUERY})
    script.write_text(
        f'wrk.method = "POST"\nwrk.headers["Content-Type"] = "application/json"\nwrk.body = [==[{body}]==]\n'
    )
    print_rates("GraphQL repository, 50 tags", [hammer(ours, "/graphql", ours.headers(), script=str(script))])
    listing = f"/api/v1/repository/{content.PATH}/tag/?limit=50"
    print_rates("REST tag list, 50 tags", [hammer(ours, listing, ours.headers())])
    measure_memory(servers)
    delivery = live.measure(ours, directory, content.OWNER)
    print(
        f"{f'live events to {live.LISTENERS} listeners':40} {delivery.per_second:7.0f} events/s"
        f"   {delivery.cpu_us:6.0f} µs CPU",
        flush=True,
    )
    for name, rate, statements in audit.measure():
        print(
            f"{name:40} {rate.per_second:7.0f} req/s   p50 {rate.p50_ms:7.2f} ms   p99 {rate.p99_ms:7.2f} ms"
            f"   {rate.cpu_us:6.0f} µs CPU   {statements:3.0f} statements",
            flush=True,
        )


def measure_gate(ours: Server, digest: str) -> None:
    """The cost of a pull policy, per manifest GET."""
    gated, free = gate.measure(ours, digest)
    print(
        f"{'a policy at a manifest GET':28} {gated.cpu_us - free.cpu_us:9.0f} µs CPU more"
        f"   ratio {gated.per_second / free.per_second:5.2f} of the requests a second"
        f"   p99 {gated.p99_ms:.2f} ms, without {free.p99_ms:.2f} ms",
        flush=True,
    )


def measure_counting() -> None:
    """The cost of counting and logging pulls, per manifest GET."""
    counted, uncounted = pulls.measure()
    print(
        f"{'counting a manifest GET':28} {counted.cpu_us - uncounted.cpu_us:9.0f} µs CPU more"
        f"   ratio {counted.per_second / uncounted.per_second:5.2f} of the requests a second"
        f"   p99 {counted.p99_ms:.2f} ms, without {uncounted.p99_ms:.2f} ms",
        flush=True,
    )


def measure_blobs(servers: list[Server]) -> None:
    """Upload and download of 100 MiB blobs, the best of several rounds."""
    for count in (1, 4):
        for in_patch in (False, True):
            measure_uploads(servers, count, in_patch=in_patch)
    downloads: list[float] = [0.0] * len(servers)
    for _ in range(ROUNDS):
        blob = os.urandom(content.BLOB_BYTES)
        digest = kit.digest_of(blob)
        for index, server in enumerate(servers):
            content.push_blob(server, blob, digest, len(blob))
            path = f"/v2/{content.PATH}/blobs/{digest}"
            speed = download(server, path, content.registry_headers(server, "pull"))
            downloads[index] = max(downloads[index], speed)
    print_figures("blob GET, 100 MiB", downloads, "MB/s")


def measure_uploads(servers: list[Server], count: int, *, in_patch: bool) -> None:
    """Uploads of 100 MiB blobs, some at once, in one PUT each or in a PATCH before it."""
    speeds: list[float] = [0.0] * len(servers)
    costs: list[float] = [math.inf] * len(servers)
    for _ in range(UPLOAD_ROUNDS):
        blobs = [os.urandom(content.BLOB_BYTES) for _ in range(count)]
        for index, server in enumerate(servers):
            speed, cost = content.push_at_once(server, blobs, in_patch=in_patch)
            speeds[index], costs[index] = max(speeds[index], speed), min(costs[index], cost)
    name = f"upload {count} × 100 MiB by {'PATCH' if in_patch else 'PUT'}"
    print_figures(name, speeds, "MB/s")
    print_figures(f"{name}, CPU", costs, "ms/MB", digits=2)


def measure_memory(servers: list[Server]) -> None:
    """The peak of resident memory during upload and download of a 2 GiB blob."""
    piece = os.urandom(CHUNK)
    count = content.HUGE_BYTES // CHUNK
    digest = content.digest_of_repeated(piece, count)
    peaks = []
    for server in servers:
        server.forget_peak()
        content.push_blob(server, content.repeated(piece, count), digest, content.HUGE_BYTES)
        path = f"/v2/{content.PATH}/blobs/{digest}"
        download(server, path, content.registry_headers(server, "pull"))
        peaks.append(server.peak_bytes() / CHUNK)
    print_figures("peak memory, 2 GiB blob", peaks, "MiB")


def print_rates(name: str, rates: list[Rate]) -> None:
    """One line: our figures, then the peer's requests a second and the ratio."""
    ours = rates[0]
    line = (
        f"{name:28} {ours.per_second:9.0f} req/s   p50 {ours.p50_ms:6.2f} ms   p99 {ours.p99_ms:6.2f} ms"
        f"   {ours.cpu_us:6.0f} µs CPU"
    )
    if len(rates) > 1:
        peer = rates[1]
        line += (
            f"   peer {peer.per_second:7.0f} req/s {peer.cpu_us:6.0f} µs"
            f"   ratio {ours.per_second / peer.per_second:5.2f}"
        )
    print(line, flush=True)


def print_figures(name: str, figures: list[float], unit: str, *, digits: int = 0) -> None:
    """One line: our figure, then the peer's and the ratio."""
    line = f"{name:28} {figures[0]:9.{digits}f} {unit}"
    if len(figures) > 1:
        line += f"   peer {figures[1]:7.{digits}f} {unit}   ratio {figures[0] / figures[1]:5.2f}"
    print(line, flush=True)


if __name__ == "__main__":
    raise SystemExit(main())
