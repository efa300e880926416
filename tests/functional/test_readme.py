"""The README's walk-through, line by line as printed, against a server started as it says."""

import json
import os
import re
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.functional.processes import serving

ROOT = Path(__file__).parents[2]
ADDRESS = "127.0.0.1:8080"


def _blocks(heading: str) -> list[str]:
    text = (ROOT / "README.md").read_text("utf-8")
    section = text.split(f"## {heading}\n")[1].split("\n## ")[0]
    return re.findall(r"```sh\n(.*?)```", section, re.DOTALL)


@pytest.mark.needs("skopeo", "curl")
def test_walk_through(tmp_path: Path) -> None:
    # given a server on a free port in place of 8080, and the command where the README has it
    data = tmp_path / "data"
    binaries = tmp_path / ".venv" / "bin"
    binaries.mkdir(parents=True)
    command = binaries / "quayside"
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m quayside "$@"\n')
    command.chmod(0o755)
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
    environment = os.environ | {"PYTHONPATH": str(ROOT), "QUAYSIDE_DATA_DIR": str(data)}

    def run(script: str) -> str:
        done = subprocess.run(
            ["sh", "-e", "-c", script.replace(ADDRESS, f"127.0.0.1:{port}")],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    with serving(port, cwd=tmp_path, environment=environment):
        # when its blocks run in their order
        for block in _blocks("A first push"):
            run(block)
        query = json.loads(run(_blocks("A first query")[0]))
        rest = run(_blocks("A first REST call")[0]).splitlines()

    # then what was pulled is what was pushed, and both interfaces show it
    pulled = json.loads((tmp_path / "hello-again" / "manifest.json").read_text())
    layer = pulled["layers"][0]
    (tag,) = query["data"]["repository"]["tags"]["nodes"]
    assert query["data"]["repository"]["visibility"] == "PRIVATE"
    assert tag["name"] == "latest"
    assert tag["manifest"]["layers"] == [{"sizeBytes": layer["size"]}]
    assert tag["manifest"]["totalSizeBytes"] == layer["size"] + pulled["config"]["size"]
    repository, tags = (json.loads(line) for line in rest)
    assert (repository["namespace"], repository["name"], repository["is_public"]) == ("alice", "hello", False)
    assert repository["tags"]["latest"]["manifest_digest"] == tag["manifest"]["digest"]
    assert [item["name"] for item in tags["tags"]] == ["latest"]
