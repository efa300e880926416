"""The sources of a build: one commit of a repository, with its submodules, as the context in the sandbox."""

import asyncio
import re
import secrets
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources
from typing import Final

from quayside.builds.executor import BuildOrder
from quayside.builds.git.location import parse_location
from quayside.builds.git.run import INSIDE, Run
from quayside.builds.sandboxed import Place
from resolvers.builds.builder import BuildFailed, Tell
from resolvers.builds.git import GitCommit, GitFailed
from resolvers.errors import QuaysideError
from resolvers.outbound.client import Outbound

CLONE_S: Final = 1800.0
MAXIMUM_SUBMODULES: Final = 100
MAXIMUM_DEPTH: Final = 5

_COMMIT: Final = re.compile("[0-9a-f]{7,64}")
_REF: Final = re.compile(r"refs/[A-Za-z0-9][^\x00-\x20\x7f~^:?*\[\\]*")


@dataclass(frozen=True, slots=True)
class Cloned:
    """What was fetched: the whole name of the commit, of which repository, and its known hosts."""

    commit: str
    uri: str
    known_hosts: str


async def clone(outbound: Outbound, wanted: GitCommit, order: BuildOrder, tell: Tell) -> Cloned:
    """Put the tree of a commit, without what belongs to git, into the context of a prepared order.

    Raises `BuildFailed`.
    """
    try:
        async with asyncio.timeout(CLONE_S) as limit:
            return await _clone(outbound, wanted, order, tell)
    except TimeoutError as error:
        if not limit.expired():
            raise
        raise BuildFailed(f"The repository was not fetched within {CLONE_S:g} seconds.") from error
    except QuaysideError as error:
        raise BuildFailed(f"The repository cannot be fetched: {error.message}") from error


async def _clone(outbound: Outbound, wanted: GitCommit, order: BuildOrder, tell: Tell) -> Cloned:
    if shutil.which("git") is None:
        raise GitFailed("The program git is not installed on the machine that builds.")
    location = parse_location(wanted.remote.url)
    commit = wanted.commit.lower()
    if not _COMMIT.fullmatch(commit):
        raise GitFailed("A commit is named by 7 to 64 hexadecimal digits.")
    ref = wanted.ref if wanted.ref and _REF.fullmatch(wanted.ref) and ".." not in wanted.ref else ""
    found, mark = list[str](), f"commit-{secrets.token_hex(16)} "

    async def listen(lines: Sequence[str]) -> None:
        found.extend(line.removeprefix(mark) for line in lines if line.startswith(mark))
        if others := [line for line in lines if not line.startswith(mark)]:
            await tell(others)

    run = Run(outbound, wanted.remote, location, order.limits.disk_bytes)
    scripts = {name: _script(name) for name in ("clone.sh", "submodules.sh")}
    arguments = [location.url, commit, ref, mark, str(MAXIMUM_DEPTH), str(MAXIMUM_SUBMODULES)]
    known_hosts = await run.in_sandbox(
        [{"run": ["sh", f"{INSIDE}/clone.sh", *arguments], "in": "/build/context"}],
        listen,
        directory=order.directory,
        ids=order.ids,
        limits=order.limits,
        places=[Place(order.layout.parent, "/build")],
        files=scripts,
    )
    if len(found) != 1 or not found[0].startswith(commit):
        raise GitFailed("The repository has no such commit.")
    return Cloned(found[0], location.uri, known_hosts)


def _script(name: str) -> str:
    return resources.files(__package__).joinpath(name).read_text()
