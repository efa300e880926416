"""Runs commands and servers as processes."""

import asyncio
import atexit
import json
import os
import shutil
import socket
import sqlite3
import ssl
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager, redirect_stderr, redirect_stdout
from functools import cache
from io import StringIO
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, TypeVar
from unittest.mock import patch

import httpx

from tests.fork_server import Forked

if TYPE_CHECKING:
    from resolvers.context import Context

T = TypeVar("T")
Process = subprocess.Popen[str] | Forked

ROOT = Path(__file__).parents[1]
START_TIMEOUT_S = 180


def environment(**environ: str) -> dict[str, str]:
    """A clean environment, in which commands find our packages from any directory."""
    return {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), **environ}


def run(directory: Path, *arguments: str, text: str = "", **environ: str) -> subprocess.CompletedProcess[str]:
    """Run a command in a directory, with `text` as its input, and wait for it."""
    if text:
        completed = subprocess.run(
            [sys.executable, "-m", "quayside", *arguments],
            cwd=directory,
            env=environment(**environ),
            input=text,
            capture_output=True,
            text=True,
            check=False,
        )
    else:
        with tempfile.TemporaryFile("w+") as errors:
            with started(arguments, directory, environ, errors) as process:
                assert process.stdout is not None
                output = process.stdout.read()
            errors.seek(0)
            completed = subprocess.CompletedProcess(arguments, process.wait(), output, errors.read())
    completed.stderr = without_load(completed.stderr)
    return completed


def started(arguments: Sequence[str], directory: Path, environ: Mapping[str, str], log: IO[str]) -> Process:
    """A command that runs, as a fork where it does not read its environment before it begins."""
    if "QUAYSIDE_FAULT" not in environ:
        return Forked(arguments, directory, environment(**environ), log)
    return subprocess.Popen(
        [sys.executable, "-m", "quayside", *arguments],
        cwd=directory,
        env=environment(**environ),
        stdout=subprocess.PIPE,
        stderr=log,
        text=True,
    )


def run_here(environ: Mapping[str, str], *arguments: str) -> tuple[int, str, str]:
    """Run a command in this process, since one of its own takes most of its time to start; as `outcome`.

    A test with an event loop calls it in another thread.
    """
    from quayside.cli import main

    kept = {name: value for name, value in os.environ.items() if not name.startswith("QUAYSIDE_")}
    with (
        patch.dict(os.environ, kept | dict(environ), clear=True),
        redirect_stdout(StringIO()) as output,
        redirect_stderr(StringIO()) as errors,
    ):
        code = main(arguments)
    return code, output.getvalue(), without_load(errors.getvalue())


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
    """A data directory with a key and an empty, migrated database; made once, since that takes seconds.

    Its garbage has been collected, so that no server starts a child for that.
    """
    directory = Path(tempfile.mkdtemp(prefix="quayside-migrated-"))
    atexit.register(shutil.rmtree, directory, ignore_errors=True)
    completed = run(directory, "migrate")
    assert completed.returncode == 0, completed.stderr
    with closing(sqlite3.connect(directory / "data" / "quayside.db")) as database, database:
        database.execute(
            "INSERT INTO job (kind, payload, state, run_at_ms, attempts, created_at_ms, finished_at_ms)"
            " VALUES ('content.collect', '{}', 'done', ?1, 1, ?1, ?1)",
            (time.time_ns() // 1_000_000,),
        )
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
) -> Iterator[tuple[httpx.Client, Process]]:
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
        process = started(["serve", "--port", str(port), *arguments], directory, environ or {}, log)
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
