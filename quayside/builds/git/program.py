"""The git of an installation: judges URLs, and asks repositories for their branches and tags."""

import asyncio
import os
import random
import re
import shutil
import uuid
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

from quayside.builds.directories import holding, remove
from quayside.builds.git.location import parse_location
from quayside.builds.git.run import Run
from quayside.builds.id_ranges import alone, first_id
from quayside.builds.sandboxed import SandboxRefused
from quayside.settings.settings import Settings
from resolvers.builds.builder import BuildFailed, BuildLimits, Tell
from resolvers.builds.git import GitFailed, GitRemote, Reached, References
from resolvers.context import Site
from resolvers.outbound.client import Outbound

ASK_S: Final = 20.0
AT_ONCE: Final = 4
"""Repositories that a process asks at a time; more wait."""
RANGES: Final = 64
MOST_BYTES: Final = 64 * 1024 * 1024
LIMITS: Final = BuildLimits(
    timeout_s=2 * ASK_S, memory_bytes=512 * 1024**2, disk_bytes=16 * 1024**2, processes=64
)
SLOW: Final = "{} has not answered within {:g} seconds."

_LINE: Final = re.compile(r"([0-9a-f]{40}|[0-9a-f]{64})\t(refs/(?:heads|tags)/\S+)")
_DEFAULT: Final = re.compile(r"ref: refs/heads/(\S+)\tHEAD")
_PEELED: Final = "^{}"


class GitProgram:
    """Asks repositories, in sandboxes with directories of their own in that of builds, `directory`."""

    def __init__(self, directory: Path, outbound: Outbound) -> None:
        self._directory = directory
        self._outbound = outbound
        self._asking = asyncio.Semaphore(AT_ONCE)

    async def check_url(self, url: str) -> None:
        """Judge the URL of a repository without asking it. Raises `Invalid`, `Upstream`."""
        await self._outbound.check(parse_location(url).checked_url)

    async def references(self, remote: GitRemote) -> tuple[References, Reached]:
        """The branches and tags of a repository. Raises `GitFailed`, `Invalid`."""
        location = parse_location(remote.url)
        run = Run(self._outbound, remote, location, MOST_BYTES)
        lines = list[str]()

        async def collect(printed: Sequence[str]) -> None:
            lines.extend(printed)

        command = ["git", "ls-remote", "--symref", "--", location.url]
        try:
            async with asyncio.timeout(ASK_S), self._asking:
                known_hosts = await self._ask(run, command, collect, lines)
        except TimeoutError as error:
            raise GitFailed(SLOW.format(location.host, ASK_S)) from error
        except BuildFailed as failure:
            raise GitFailed(f"{location.host} could not be asked: {failure}") from failure
        return _parsed(lines), Reached(known_hosts)

    async def _ask(self, run: Run, command: list[str], collect: Tell, lines: list[str]) -> str:
        if os.geteuid() == 0:
            ids = first_id(self._directory, f"asked repository {random.randrange(RANGES)}")  # noqa: S311
            directory = self._directory / str(uuid.uuid4())
            steps = [{"run": command, "in": "/"}]
            try:
                async with alone(self._directory, ids), holding(directory):
                    try:
                        return await run.in_sandbox(
                            steps, collect, directory=directory, ids=ids, limits=LIMITS
                        )
                    finally:
                        await remove(directory)
            except SandboxRefused:
                lines.clear()
        return await run.beside(command, collect)


def _parsed(lines: Sequence[str]) -> References:
    """References of what `git ls-remote --symref` prints, tags as the commits that they name."""
    commits, default = dict[str, str](), None
    for line in lines:
        if found := _DEFAULT.fullmatch(line):
            default = found[1]
        elif found := _LINE.fullmatch(line):
            # What a tag names comes after the tag, so that it takes its place.
            commits[found[2].removesuffix(_PEELED)] = found[1]
    if default is not None and f"refs/heads/{default}" not in commits:
        default = None
    return References(default, commits)


def with_git(site: Site, settings: Settings) -> Site:
    """The site with what asks repositories, if the program git is installed."""
    program = shutil.which("git") and GitProgram(settings.data_dir / "builds", site.outbound)
    return replace(site, git=program or None)
