"""Builds that this machine cannot run: they wait, and say why."""

import asyncio
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from quayside.settings.settings import Settings
from quayside.workers.runner import Runner
from resolvers.builds import build
from resolvers.builds.phases import Phase
from storage.blobs import BlobStore
from storage.database import Database
from tests.factories import Factory
from tests.process import environment
from tests.resolvers.builds.building import order


@pytest.mark.parametrize(
    ("has_buildah", "reason"),
    [
        (False, "The program buildah is not installed on this machine."),
        pytest.param(
            *(True, "The server does not run as root, who alone can make namespaces with a range of ids."),
            marks=pytest.mark.needs("buildah"),
        ),
    ],
)
async def test_where_nothing_can_build_the_build_waits_and_says_why(
    has_buildah: bool,
    reason: str,
    factory: Factory,
    database: Database,
    settings_with_files: Settings,
    blobs: BlobStore,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    await factory.user("ada")
    await factory.repository("ada/app")
    ordered = await order(factory, "ada/app")
    if not has_buildah:
        monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.setattr(os, "geteuid", lambda: 65_534)
    runner = Runner(database, settings_with_files, blobs, only="builds")

    started = await runner.start_due()

    found = await build.by_id(ordered.id)
    assert (started, found and found.phase) == (False, Phase.WAITING)
    assert found is not None
    assert found.waits_because == reason


@pytest.mark.needs("buildah", "busybox")
async def test_without_user_namespaces_builds_wait_or_run_as_root(tmp_path: Path) -> None:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.quayside.builds.without_user_namespaces", str(tmp_path)),
        stdout=subprocess.PIPE,
        env=environment(),
    )
    printed, _ = await process.communicate()
    found = json.loads(printed)

    # Not allowed to be root it says why; otherwise it builds, apart from the rest of the machine
    assert found["refusal"] == (
        "This machine does not allow a sandbox: making namespaces: No space left on device."
    )
    failure, lines, is_left = found["build"]
    assert (failure, is_left) == (None, False)
    assert [line for line in lines if line in {"ran", "reached"} or line.startswith("/proc")] == ["ran"]
