"""Load: many small requests with wrk, single large bodies over one connection."""

import http.client
import re
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urlsplit

from tests.bench.servers import Server

CONNECTIONS = 16
SECONDS = 8
CHUNK = 1 << 20

_UNITS = {"us": 1e-3, "ms": 1.0, "s": 1e3}


@dataclass(frozen=True, slots=True)
class Rate:
    """Requests per second, latency in ms, and the server's CPU time per request in µs."""

    per_second: float
    p50_ms: float
    p99_ms: float
    cpu_us: float


def hammer(server: Server, path: str, headers: dict[str, str], *, script: str | None = None) -> Rate:
    """Request one address on 16 connections for 8 seconds. Raises `RuntimeError` if a request failed."""
    command = ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{SECONDS}s", "--latency"]
    for name, value in headers.items():
        command += ["-H", f"{name}: {value}"]
    if script is not None:
        command += ["-s", script]
    cpu = server.cpu_seconds()
    output = subprocess.run(
        [*command, f"{server.url}{path}"], check=True, capture_output=True, text=True, timeout=SECONDS + 30
    ).stdout
    cpu = server.cpu_seconds() - cpu
    if "Non-2xx" in output:
        raise RuntimeError(f"{server.name} refused {path}:\n{output}")
    requests = int(re.search(r"(\d+) requests in", output)[1])  # type: ignore[index]
    return Rate(
        per_second=float(re.search(r"Requests/sec:\s+([\d.]+)", output)[1]),  # type: ignore[index]
        p50_ms=_percentile(output, "50%"),
        p99_ms=_percentile(output, "99%"),
        cpu_us=cpu / requests * 1e6,
    )


def _percentile(output: str, name: str) -> float:
    found = re.search(rf"{name}\s+([\d.]+)(us|ms|s)", output)
    assert found is not None
    return float(found[1]) * _UNITS[found[2]]


def download(server: Server, path: str, headers: dict[str, str]) -> float:
    """Read one body and discard it; MB/s."""
    connection = _connect(server)
    started = time.perf_counter()
    connection.request("GET", path, headers=headers)
    response = connection.getresponse()
    if response.status != 200:
        raise RuntimeError(f"{server.name} answered {response.status} for {path}")
    size, buffer = 0, memoryview(bytearray(CHUNK))
    while count := response.readinto(buffer):
        size += count
    connection.close()
    return size / (time.perf_counter() - started) / 1e6


def send(
    server: Server, method: str, url: str, headers: dict[str, str], body: bytes | Iterator[bytes] = b""
) -> tuple[float, http.client.HTTPResponse]:
    """Send one request; the seconds it took, and the answer. Raises `RuntimeError` for a failure."""
    parts = urlsplit(url)
    path = f"{parts.path}?{parts.query}" if parts.query else parts.path
    connection = _connect(server)
    started = time.perf_counter()
    connection.request(method, path, body=body, headers=headers)
    response = connection.getresponse()
    content = response.read()
    seconds = time.perf_counter() - started
    connection.close()
    if response.status >= 400:
        raise RuntimeError(f"{server.name} answered {response.status} for {method} {path}: {content[:300]!r}")
    return seconds, response


def _connect(server: Server) -> http.client.HTTPConnection:
    return http.client.HTTPConnection(urlsplit(server.url).netloc, timeout=600)
