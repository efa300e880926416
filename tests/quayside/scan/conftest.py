"""Programs with sections of compilers."""

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest


@pytest.fixture
def program(tmp_path: Path) -> Callable[[str, bytes], bytes]:
    """A small program with a section: the machine's own `true` with one more."""
    small = shutil.which("true")
    assert small

    def build(name: str, content: bytes) -> bytes:
        section, made = tmp_path / "section", tmp_path / "made"
        section.write_bytes(content)
        subprocess.run(["objcopy", "--add-section", f"{name}={section}", small, str(made)], check=True)
        return made.read_bytes()

    return build
