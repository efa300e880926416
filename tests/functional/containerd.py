"""Debian's containerd in a process of its own, and its client `ctr`."""

import os
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.process import START_TIMEOUT_S

CONFIGURATION = """\
version = 2
root = "{directory}/root"
state = "{directory}/state"
disabled_plugins = ["io.containerd.grpc.v1.cri"]
[grpc]
address = "{sockets}/grpc.sock"
[ttrpc]
address = "{sockets}/ttrpc.sock"
"""
HOSTS = """\
server = "https://{upstream}"
[host."{mirror}"]
capabilities = ["pull", "resolve"]
override_path = true
"""
"""The file `hosts.toml` of an upstream: its images are asked of a mirror with a path of its own first."""


class Containerd:
    """A running containerd, which asks one upstream through a mirror."""

    def __init__(self, directory: Path, socket: Path) -> None:
        self._directory = directory
        self._socket = socket

    def ctr(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run its client."""
        return subprocess.run(
            ["ctr", "--address", str(self._socket), *arguments],
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )

    def pull(self, image: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Pull an image into plain directories, which works in any container."""
        hosts = str(self._directory / "hosts")
        return self.ctr("images", "pull", "--snapshotter", "native", "--hosts-dir", hosts, *arguments, image)


@contextmanager
def containerd(directory: Path, *, upstream: str, mirror: str) -> Iterator[Containerd]:
    """Run containerd with its files in a directory; `mirror` is a URL with the path that images begin at."""
    hosts = directory / "hosts" / upstream
    hosts.mkdir(parents=True)
    (hosts / "hosts.toml").write_text(HOSTS.format(upstream=upstream, mirror=mirror))
    # The path of a socket may have 107 characters, fewer than directories of tests have.
    with tempfile.TemporaryDirectory(prefix="containerd-") as sockets:
        (directory / "config.toml").write_text(CONFIGURATION.format(directory=directory, sockets=sockets))
        with (directory / "log").open("w") as log:
            process = subprocess.Popen(
                ["containerd", "--config", str(directory / "config.toml")],
                env={"PATH": os.environ["PATH"], "HOME": str(directory)},
                stderr=log,
            )
        with process:
            try:
                running = Containerd(directory, Path(sockets) / "grpc.sock")
                deadline = time.monotonic() + START_TIMEOUT_S
                while running.ctr("version").returncode:
                    assert time.monotonic() < deadline, (directory / "log").read_text()
                    time.sleep(0.05)
                yield running
            finally:
                process.terminate()
