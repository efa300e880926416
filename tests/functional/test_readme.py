"""The README's walk-through, line by line as printed, against a server started as it says."""

import json
import re
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from tests.process import ROOT, environment, serving

ADDRESS = "127.0.0.1:8080"


def _blocks(heading: str) -> list[str]:
    section = (ROOT / "README.md").read_text("utf-8").split(f"## {heading}\n")[1].split("\n## ")[0]
    return re.findall(r"```sh\n(.*?)```", section, re.DOTALL)


def _run(script: str, directory: Path, client: httpx.Client) -> str:
    # The server of a test listens on a free port in place of 8080; nothing else differs from the page.
    completed = subprocess.run(
        ["sh", "-e", "-c", script.replace(ADDRESS, client.base_url.netloc.decode())],
        cwd=directory,
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert completed.returncode == 0, completed.stderr
    return completed.stdout


@pytest.mark.needs("skopeo", "curl")
def test_walk_through(tmp_path: Path) -> None:
    # given the command where the README has it, and a running server
    command = tmp_path / ".venv" / "bin" / "quayside"
    command.parent.mkdir(parents=True)
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m quayside "$@"\n')
    command.chmod(0o755)
    with serving(tmp_path, makes_registry=True) as (client, _):
        # when its blocks run in their order
        for block in _blocks("A first push"):
            _run(block, tmp_path, client)
        query = json.loads(_run(_blocks("A first query")[0], tmp_path, client))
        calls = _blocks("A first REST call")[0].strip().splitlines()
        repository, tags = (json.loads(_run(call, tmp_path, client)) for call in calls)

    # then what was pulled is what was pushed, and both interfaces show it
    pulled = json.loads((tmp_path / "hello-again" / "manifest.json").read_text())
    (tag,) = query["data"]["repository"]["tags"]["nodes"]
    sizes = [layer["size"] for layer in pulled["layers"]]
    assert query["data"]["repository"]["visibility"] == "PRIVATE"
    assert tag["name"] == "latest"
    assert tag["manifest"]["layers"] == [{"sizeBytes": size} for size in sizes]
    assert tag["manifest"]["totalSizeBytes"] == sum(sizes) + pulled["config"]["size"]
    assert (repository["namespace"], repository["name"], repository["is_public"]) == ("alice", "hello", False)
    assert repository["tags"]["latest"]["manifest_digest"] == tag["manifest"]["digest"]
    assert [item["name"] for item in tags["tags"]] == ["latest"]
