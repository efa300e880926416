"""Skopeo in a process of its own."""

import subprocess
from pathlib import Path


def skopeo(directory: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run skopeo with its files in a directory and no credentials except those in the arguments."""
    return subprocess.run(
        ["skopeo", "--insecure-policy", *arguments],
        env={"PATH": "/usr/bin:/bin", "HOME": str(directory), "TMPDIR": str(directory)},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
