"""Servers as processes of their own, started as a user would and ended by their process id."""

import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import httpx

START_SECONDS = 60


@contextmanager
def serving(
    port: int, *, cwd: Path, environment: Mapping[str, str], arguments: tuple[str, ...] = ()
) -> Iterator[subprocess.Popen[bytes]]:
    """`quayside serve` on a port, ready to answer; ended by SIGTERM if it still runs."""
    log = (cwd / f"server-{port}.log").open("wb")
    process = subprocess.Popen(
        [sys.executable, "-m", "quayside", "serve", "--port", str(port), *arguments],
        cwd=cwd,
        env=dict(environment),
        stdout=log,
        stderr=log,
    )
    try:
        _wait(f"http://127.0.0.1:{port}/readyz", process, Path(log.name))
        yield process
    finally:
        if process.poll() is None:
            process.terminate()
            process.wait(30)
        log.close()


def _wait(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            break
        try:
            if httpx.get(url, timeout=2).status_code == 200:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.1)
    raise AssertionError(f"the server did not start:\n{log.read_text('utf-8', 'replace')[-2000:]}")
