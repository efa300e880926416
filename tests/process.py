"""Runs commands and servers as processes."""

import asyncio
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
from collections.abc import Callable, Coroutine, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import httpx

if TYPE_CHECKING:
    from resolvers.context import Context

T = TypeVar("T")

ROOT = Path(__file__).parents[1]
START_TIMEOUT_S = 60


def environment(**environ: str) -> dict[str, str]:
    """A clean environment, in which commands find our packages from any directory."""
    return {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), **environ}


def run(directory: Path, *arguments: str, text: str = "", **environ: str) -> subprocess.CompletedProcess[str]:
    """Run a command in a directory, with `text` as its input, and wait for it."""
    completed = subprocess.run(
        [sys.executable, "-m", "quayside", *arguments],
        cwd=directory,
        env=environment(**environ),
        input=text,
        capture_output=True,
        text=True,
        check=False,
    )
    completed.stderr = without_load(completed.stderr)
    return completed


def without_load(errors: str) -> str:
    """What a command writes to standard error, but for what it says because the machine is busy."""
    return errors.replace("slow statement\n", "")


def make_user(
    directory: Path, name: str, password: str, *, is_superuser: bool = False, **environ: str
) -> None:
    """Create a user, and the registry in `data` if there is none."""
    from resolvers.accounts.account import create_user

    async def create(context: "Context") -> None:
        await create_user(
            context,
            name=name,
            email=f"{name}@example.com",
            password=password.strip(),
            is_superuser=is_superuser,
        )

    if not (directory / "data").exists() and "QUAYSIDE_DATABASE_URL" not in environ:
        provide_registry(directory)
    _administer(directory, environ, create)


def token_of(directory: Path, name: str, scopes: str, **environ: str) -> str:
    """A new access token of a user."""
    from resolvers.access.scopes import parse_scopes
    from resolvers.accounts import account
    from resolvers.oauth import token

    async def create(context: "Context") -> str:
        owner = await account.require_user(name)
        return await token.create_access_token(context, owner, parse_scopes(scopes), title="test")

    return _administer(directory, environ, create)


def _administer(
    directory: Path, environ: Mapping[str, str], act: Callable[["Context"], Coroutine[Any, Any, T]]
) -> T:
    """Act as a command does in this directory, in this process: a command takes most of its time to start."""
    from quayside.commands.database import open_context
    from quayside.settings.settings import load_settings

    async def acting() -> T:
        async with open_context(load_settings({}, place | dict(environ))) as context:
            return await act(context)

    place = {"QUAYSIDE_DATA_DIR": str(directory / "data")}
    # In a thread of its own there is neither a running loop nor an open database.
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(lambda: asyncio.run(acting())).result()


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
