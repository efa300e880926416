"""Runs commands and servers as processes."""

import atexit
import json
import os
import shutil
import socket
import ssl
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import httpx

ROOT = Path(__file__).parents[1]
START_TIMEOUT_S = 60


def environment(**environ: str) -> dict[str, str]:
    """A clean environment, in which commands find our packages from any directory."""
    return {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), **environ}


def run(directory: Path, *arguments: str, text: str = "", **environ: str) -> subprocess.CompletedProcess[str]:
    """Run a command in a directory, with `text` as its input, and wait for it."""
    return subprocess.run(
        [sys.executable, "-m", "quayside", *arguments],
        cwd=directory,
        env=environment(**environ),
        input=text,
        capture_output=True,
        text=True,
        check=False,
    )


def make_user(directory: Path, name: str, password: str, **environ: str) -> None:
    """Create a user, and the registry in `data` if there is none."""
    arguments = ("--email", f"{name}@example.com", "--data", "data", "--password-stdin")
    completed = run(directory, "admin", "create-user", name, *arguments, text=password, **environ)
    assert completed.returncode == 0, completed.stderr


def token_of(directory: Path, name: str, scopes: str, **environ: str) -> str:
    """A new access token of a user."""
    completed = run(directory, "admin", "create-token", name, "--scopes", scopes, **environ)
    assert completed.returncode == 0, completed.stderr
    return completed.stdout.strip()


def outcome(completed: subprocess.CompletedProcess[str]) -> tuple[int, str, str]:
    """Exit code, standard output, standard error."""
    return completed.returncode, completed.stdout, completed.stderr


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port


@cache
def _migrated() -> Path:
    """A data directory with a key and an empty, migrated database; made once, since that takes seconds."""
    directory = Path(tempfile.mkdtemp(prefix="quayside-migrated-"))
    atexit.register(shutil.rmtree, directory, ignore_errors=True)
    completed = run(directory, "migrate")
    assert completed.returncode == 0, completed.stderr
    return directory / "data"


def provide_registry(directory: Path) -> None:
    """Give a directory what `quayside migrate` makes there, by a copy."""
    shutil.copytree(_migrated(), directory / "data")


@contextmanager
def serving(
    directory: Path,
    *arguments: str,
    certificate: Path | None = None,
    environ: dict[str, str] | None = None,
    makes_registry: bool = False,
) -> Iterator[tuple[httpx.Client, subprocess.Popen[str]]]:
    """A running server, ready for requests, with a client of it.

    Without data in the directory it gets a copy of an empty registry, unless the test is about making one.
    """
    elsewhere = {"QUAYSIDE_DATABASE_URL", "QUAYSIDE_DATA_DIR", "QUAYSIDE_SECRET_KEY"} & (environ or {}).keys()
    if not (makes_registry or elsewhere or "--data" in arguments or (directory / "data").exists()):
        provide_registry(directory)
    port = free_port()
    scheme = "https" if certificate else "http"
    verify = ssl.create_default_context(cafile=certificate) if certificate else True
    with (directory / "log").open("w") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "quayside", "serve", "--port", str(port), *arguments],
            cwd=directory,
            env=environment(**(environ or {})),
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        )
    with process, httpx.Client(base_url=f"{scheme}://127.0.0.1:{port}", verify=verify) as client:
        try:
            wait_until_ready(client, process, directory)
            yield client, process
        finally:
            # An idle TLS connection would delay the shutdown of the server.
            client.close()
            process.terminate()
            process.wait(timeout=START_TIMEOUT_S)


@contextmanager
def helping(module: str, *arguments: str) -> Iterator[int]:
    """Run a helper of the tests, `python -m module`, which prints its port; the port."""
    process = subprocess.Popen(
        [sys.executable, "-m", module, *arguments],
        cwd=ROOT,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    with process:
        assert process.stdout is not None
        try:
            yield int(process.stdout.readline())
        finally:
            process.terminate()


def wait_until_ready(client: httpx.Client, process: subprocess.Popen[Any], directory: Path) -> None:
    deadline = time.monotonic() + START_TIMEOUT_S
    while True:
        try:
            client.get("/healthz").raise_for_status()
        except httpx.TransportError as error:
            if process.poll() is not None or time.monotonic() > deadline:
                raise AssertionError((directory / "log").read_text()) from error
            time.sleep(0.05)
        else:
            return


def log_of(directory: Path) -> list[dict[str, object]]:
    """The log of a server. Fails if standard error has anything else."""
    return [json.loads(line) for line in (directory / "log").read_text().splitlines()]
