"""The measured servers: quayside, and docker-registry with filesystem storage and without login.

Both log a line for each request to a file.
"""

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import httpx

CLOCK_TICKS = os.sysconf("SC_CLK_TCK")
START_TIMEOUT_S = 30

PEER = "docker-registry"
PEER_CONFIG = """\
version: 0.1
log: {{level: error}}
storage:
  filesystem: {{rootdirectory: "{root}"}}
  cache: {{blobdescriptor: inmemory}}
http: {{addr: "127.0.0.1:{port}"}}
"""


@dataclass(slots=True)
class Server:
    """A running server: address, processes, credentials (empty for no login), and how long its start took."""

    name: str
    url: str
    process: subprocess.Popen[bytes]
    token: str = ""
    start_s: float = 0.0

    def headers(self) -> dict[str, str]:
        """The headers of requests to REST and GraphQL."""
        return {"Authorization": f"Bearer {self.token}"} if self.token else {}

    def cpu_seconds(self) -> float:
        """User and system time of all its processes so far, those that have ended included."""
        total = 0.0
        for pid in family(self.process.pid):
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            total += sum(map(int, fields[11:15])) / CLOCK_TICKS
        return total

    def peak_bytes(self) -> int:
        """The peak resident memory of its largest process."""
        return max(peak_bytes(pid) for pid in family(self.process.pid))

    def forget_peak(self) -> None:
        """Reset the peak."""
        for pid in family(self.process.pid):
            forget_peak(pid)

    def stop(self) -> None:
        """Stop it, and wait."""
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(30)


def family(pid: int) -> list[int]:
    """The ids of a process and all that it started, without those that have just ended."""
    found = [pid]
    for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
        with suppress(FileNotFoundError, ProcessLookupError):
            found += family(int(child))
    return found


def forget_peak(pid: int) -> None:
    """Let the peak of a process be what it has now."""
    Path(f"/proc/{pid}/clear_refs").write_text("5")


def peak_bytes(pid: int) -> int:
    """The peak resident memory of a process."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    return 0


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def _wait_for(url: str, process: subprocess.Popen[bytes]) -> float:
    """The seconds until a server answers. One that does not is ended, since nobody else would."""
    try:
        return _answers(url, process)
    except BaseException:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        raise


def _answers(url: str, process: subprocess.Popen[bytes]) -> float:
    """The seconds until its first answer of status 200. Raises `RuntimeError` if that takes too long."""
    began = time.monotonic()
    # What a client costs to make would slow the server down.
    with httpx.Client(timeout=1) as client:
        while time.monotonic() - began < START_TIMEOUT_S:
            if process.poll() is not None:
                raise RuntimeError(f"the server at {url} ended with {process.returncode}")
            with suppress(httpx.TransportError):
                if client.get(url).status_code == 200:
                    return time.monotonic() - began
            time.sleep(0.02)
    raise RuntimeError(f"the server at {url} does not answer")


def start_quayside(
    data: Path,
    *,
    owner: str,
    module: str = "quayside",
    runs_jobs: bool = False,
    workers: int = 1,
    **settings: str,
) -> Server:
    """Quayside on a new data directory, with one user and a token for all of their repositories."""
    command = [sys.executable, "-m", module]
    environment = {key: value for key, value in os.environ.items() if not key.startswith("QUAYSIDE_")}
    environment |= {f"QUAYSIDE_{name}": value for name, value in settings.items()}

    def admin(*arguments: str, text: str | None = None) -> str:
        done = subprocess.run(
            [*command, "admin", *arguments, "--data", str(data)],
            input=text,
            env=environment,
            check=True,
            capture_output=True,
            text=True,
        )
        return done.stdout.strip()

    admin(
        "create-user", owner, "--email", f"{owner}@example.com", "--password-stdin", text="bench-password\n"
    )
    token = admin("create-token", owner, "--scopes", "repo:admin repo:create org:admin user:admin")
    port = _free_port()
    options = ["--data", str(data), "--port", str(port), "--workers", str(workers)]
    with (data / "server.log").open("wb") as log:
        process = subprocess.Popen(
            [*command, "serve", *([] if runs_jobs else ["--no-jobs"]), *options],
            env=environment,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    url = f"http://127.0.0.1:{port}"
    start_s = _wait_for(f"{url}/readyz", process)
    return Server("quayside", url, process, token, start_s)


def start_peer(data: Path) -> Server | None:
    """docker-registry on a new directory; None where it is not installed."""
    program = shutil.which(PEER)
    if program is None:
        return None
    port = _free_port()
    config = data / "config.yml"
    config.write_text(PEER_CONFIG.format(root=data / "registry", port=port))
    with (data / "access.log").open("wb") as log:
        process = subprocess.Popen([program, "serve", str(config)], stdout=log, stderr=subprocess.STDOUT)
    url = f"http://127.0.0.1:{port}"
    _wait_for(f"{url}/v2/", process)
    return Server(PEER, url, process)


@contextmanager
def beside_peer(
    *, owner: str, runs_jobs: bool = False, **settings: str
) -> Iterator[tuple[Server, Server, Path]]:
    """Quayside that may ask a docker-registry beside it, that registry, and a directory for files."""
    with tempfile.TemporaryDirectory(prefix="quayside-bench-") as directory:
        place = Path(directory)
        for name in ("peer", "data"):
            (place / name).mkdir()
        with ExitStack() as stack:
            peer = start_peer(place / "peer")
            assert peer is not None, f"{PEER} is not installed"
            stack.callback(peer.stop)
            settings = {"SSRF_ALLOWED_HOSTS": "127.0.0.1", "BLOB_REDIRECTS": "false"} | settings
            ours = start_quayside(place / "data", owner=owner, runs_jobs=runs_jobs, **settings)
            stack.callback(ours.stop)
            yield ours, peer, place
