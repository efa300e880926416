"""A private PostgreSQL server for one test session, if TEST_DB=postgres asks for it.

The main process of the session starts it and passes its address to the xdist workers. If that process is
killed, the kernel stops the server. Its data is in a temporary directory, with durability off for speed.
"""

import ctypes
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.plugins import scratch

OWNER = "postgres"
"""PostgreSQL refuses to run as root; Debian's package brings this user."""

START_TIMEOUT_S = 60
_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None)

SERVER = pytest.StashKey["Server"]()
ADDRESS = pytest.StashKey[str]()


def installed() -> Path | None:
    """The program directory of the newest installed PostgreSQL server, or None."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[4]))
    if found:
        return found[-1].parent
    initdb = shutil.which("initdb")
    return Path(initdb).resolve().parent if initdb else None


@dataclass(frozen=True)
class Server:
    """A running server. Databases are at `postgresql://…@127.0.0.1:port/` + their name."""

    process: subprocess.Popen[bytes]
    directory: Path
    port: int

    @property
    def address(self) -> str:
        return f"postgresql://quayside@127.0.0.1:{self.port}/"

    def stop(self) -> None:
        self.process.send_signal(signal.SIGINT)  # Fast shutdown, which does not wait for clients.
        try:
            self.process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        shutil.rmtree(self.directory, ignore_errors=True)


def start(programs: Path) -> Server:
    """Make a database cluster and start a server on it."""
    directory = Path(tempfile.mkdtemp(prefix="quayside-postgres-", dir=scratch.root()))
    owner: dict[str, Any] = {"cwd": directory}
    if os.geteuid() == 0:
        shutil.chown(directory, OWNER, OWNER)
        owner |= {"user": OWNER, "group": OWNER, "extra_groups": []}
    data = directory / "data"
    subprocess.run(
        [
            programs / "initdb",
            "-D",
            data,
            "-U",
            "quayside",
            "-A",
            "trust",
            "-E",
            "UTF8",
            "--locale=C.UTF-8",
            "-N",
        ],
        check=True,
        capture_output=True,
        **owner,
    )
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    options = {
        "listen_addresses": "127.0.0.1",
        "max_connections": "200",
        "fsync": "off",
        "synchronous_commit": "off",
        "full_page_writes": "off",
        "wal_level": "minimal",
        "max_wal_senders": "0",
        "max_wal_size": "256MB",
    }
    arguments = [argument for name, value in options.items() for argument in ("-c", f"{name}={value}")]
    with (directory / "log").open("wb") as log:
        process = subprocess.Popen(
            [programs / "postgres", "-D", data, "-k", directory, "-p", str(port), *arguments],
            stdout=log,
            stderr=log,
            preexec_fn=_stop_with_parent,  # noqa: PLW1509 - No thread runs yet when a session starts.
            **owner,
        )
    server = Server(process, directory, port)
    try:
        _wait_until_ready(server, programs)
    except BaseException:
        server.stop()
        raise
    return server


def _stop_with_parent() -> None:
    _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGINT)


def _wait_until_ready(server: Server, programs: Path) -> None:
    deadline = time.monotonic() + START_TIMEOUT_S
    command: list[str | Path] = [
        programs / "pg_isready",
        "-q",
        "-h",
        "127.0.0.1",
        "-p",
        str(server.port),
        "-d",
        "postgres",
    ]
    while subprocess.run(command, check=False).returncode != 0:
        if server.process.poll() is not None or time.monotonic() > deadline:
            log = (server.directory / "log").read_text(errors="replace")
            raise RuntimeError(f"the PostgreSQL of this test session did not start:\n{log}")
        time.sleep(0.05)


def pytest_configure(config: pytest.Config) -> None:
    if os.environ.get("TEST_DB") != "postgres":
        return
    if hasattr(config, "workerinput"):
        address = config.workerinput.get("postgres")
        if address:
            config.stash[ADDRESS] = address
        return
    programs = installed()
    if programs is None or config.option.collectonly:
        return
    server = start(programs)
    config.stash[SERVER] = server
    config.stash[ADDRESS] = server.address


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Called by xdist in the main process before it starts a worker."""
    node.workerinput["postgres"] = node.config.stash.get(ADDRESS, None)


def pytest_unconfigure(config: pytest.Config) -> None:
    server = config.stash.get(SERVER, None)
    if server is not None:
        server.stop()


@pytest.fixture(scope="session")
def postgres_address(request: pytest.FixtureRequest) -> str | None:
    """`postgresql://…/`, without the name of a database; None without a server."""
    return request.config.stash.get(ADDRESS, None)
