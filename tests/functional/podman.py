"""Podman in a process of its own, with its images in a directory."""

import os
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

REGISTRIES = """\
unqualified-search-registries = []
[[registry]]
prefix = "{upstream}"
location = "{upstream}"
[[registry.mirror]]
location = "{mirror}"
insecure = true
"""
"""The file `registries.conf`: images of an upstream are asked of a mirror first."""


class Podman:
    """Podman with images and settings of its own, and one registry that it asks through a mirror."""

    def __init__(self, directory: Path, state: str) -> None:
        self._directory = directory
        self._state = state

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a command. Images are kept as plain files (`vfs`), which works in any container."""
        directory = self._directory
        return subprocess.run(
            [
                *("podman", "--root", str(directory / "images"), "--runroot", self._state),
                *("--storage-driver", "vfs", "--cgroup-manager", "cgroupfs", *arguments),
            ],
            env={
                "PATH": os.environ["PATH"],
                "HOME": str(directory),
                "TMPDIR": str(directory),
                "CONTAINERS_REGISTRIES_CONF": str(directory / "registries.conf"),
                "REGISTRY_AUTH_FILE": str(directory / "auth.json"),
            },
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )


@contextmanager
def podman(directory: Path, *, upstream: str, mirror: str) -> Iterator[Podman]:
    """Podman with its files in a directory; `mirror` is host, port and path that images begin at."""
    directory.mkdir()
    (directory / "registries.conf").write_text(REGISTRIES.format(upstream=upstream, mirror=mirror))
    # It wants a path of at most 50 characters here; directories of tests have more.
    with tempfile.TemporaryDirectory(prefix="podman-") as state:
        yield Podman(directory, state)
