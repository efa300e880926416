"""Builder: what makes an image of a build's order. The interface that jobs know; `quayside` brings one.

A build is hostile code: whoever may push may write a Dockerfile. A builder runs it apart from all else.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from resolvers.attestations.referrer import Referrer
from resolvers.builds.built import Built
from resolvers.builds.git import GitCommit
from resolvers.builds.phases import Phase


class BuildFailed(Exception):
    """The build did not work; the text is a sentence for who asked for it.

    `is_final`: it would not the next time either.
    """

    is_final = False


@dataclass(frozen=True, slots=True)
class BuildLimits:
    """What a build may use: seconds, and bytes of memory and disk of all its processes together.

    `processes` is their number, `open_files` that of each. No process has more memory, no file more bytes.
    """

    timeout_s: float
    memory_bytes: int
    disk_bytes: int
    processes: int = 1024
    open_files: int = 4096


@dataclass(frozen=True, slots=True)
class Task:
    """One build. Its parts are checked; paths are those of the context, without a `/` in front or `..`.

    The context is one of `archive_url`, `archive_digest` and `git`. `note_hosts` takes the `known_hosts` for
    the next time, when git has reached the repository.

    `push_token` and `pull_token` are asked for registry tokens when they are needed, since these expire soon:
    the first for the repository to which the image is pushed, the other for one that it is built on. `attest`
    has what is to be pushed beside an image, before it has tags.
    """

    uuid: str
    repository_id: int
    path: str
    tags: Sequence[str]
    dockerfile: str
    context: str
    archive_url: str | None
    archive_digest: str | None
    push_token: Callable[[], Awaitable[str]]
    pull_token: Callable[[str], Awaitable[str]]
    attest: Callable[[Built], Awaitable[Sequence[Referrer]]]
    arguments: Mapping[str, str] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    git: GitCommit | None = None
    note_hosts: Callable[[str], Awaitable[None]] | None = None


Tell = Callable[[Sequence[str]], Awaitable[None]]
"""What is done with lines that a build prints."""


class Reporter(Protocol):
    """Takes note of how a build goes. Both raise when it is to end."""

    async def enter(self, phase: Phase) -> None:
        """The build enters a phase."""

    async def tell(self, lines: Sequence[str]) -> None:
        """The build printed lines."""


class Builder(Protocol):
    """Makes images. One may run several builds at a time, but one of a repository."""

    async def why_not(self) -> str | None:
        """A sentence on why this machine cannot build, None if it can."""

    async def tidy(self) -> None:
        """Remove what processes of this machine have left that are gone; asked for at times."""

    async def build(self, task: Task, reporter: Reporter) -> Built:
        """Build, and push the image. Nothing of the build is left, whatever happens.

        Raises `BuildFailed`, and what the reporter raises.
        """

    async def attach(self, path: str, push_token: Callable[[], Awaitable[str]], referrer: Referrer) -> None:
        """Push to a repository what refers to an image there. Raises `BuildFailed`."""
