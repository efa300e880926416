"""Executor: what runs builds. The interface that the service knows; drivers implement it.

A build is hostile code: whoever may push may write a Dockerfile. A driver runs it apart from everything else,
and whatever it leaves behind (files, an image) is read as what a stranger sent.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Final, Protocol

from resolvers.builds.builder import BuildLimits, Tell

NONE_KEPT: Final[Mapping[str, str]] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class BuildOrder:
    """One build.

    `directory` is its own, and holds the archive of the context as `archive`. `cache` holds the layers that
    builds of the same repository have made; nobody else uses it at the same time. `ids` is the first of the
    65,536 ids that stand for those of the build; 0 if its root is root of the machine. Paths of the context
    are relative to it, without `..`.
    """

    directory: Path
    cache: Path
    ids: int
    limits: BuildLimits
    dockerfile: str = "Dockerfile"
    context: str = ""
    arguments: Mapping[str, str] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    has_network: bool = False

    @property
    def archive(self) -> Path:
        """Where the context is before it is unpacked: a tar or zip archive, or a Dockerfile."""
        return self.directory / "build" / "archive"

    @property
    def layout(self) -> Path:
        """Where the image is afterwards, an OCI image layout."""
        return self.directory / "build" / "image"

    def base(self, number: int) -> Path:
        """Where a base image is put, in the form of the transport `dir`, for the sandbox to read.

        Who fetches it follows whatever is there, so it is where no step can write.
        """
        return self.directory / "bases" / str(number)


class Executor(Protocol):
    """Runs builds. All methods raise `BuildFailed`."""

    async def why_not(self) -> str | None:
        """A sentence on why this machine cannot build, None if it can."""

    async def version(self) -> str:
        """The version of the program that builds."""

    def ids(self, own: int) -> int:
        """The first id that stands for those of a build: `own`, or 0 where builds run as root."""

    async def prepare(self, order: BuildOrder) -> None:
        """Make the directories, for the archive to be put there."""

    async def unpack(self, order: BuildOrder, tell: Tell) -> None:
        """Unpack the context."""

    async def bases(self, order: BuildOrder) -> Sequence[str]:
        """The images that the Dockerfile builds on or copies from, as it names them."""

    async def kept(self, order: BuildOrder) -> Collection[str]:
        """The digests of the configurations of images that are in the cache, and need not be put there."""

    async def build(
        self, order: BuildOrder, bases: Sequence[str], tell: Tell, kept: Mapping[str, str] = NONE_KEPT
    ) -> None:
        """Build; `order.base(N)` holds base N, and afterwards `order.layout` the image.

        Instead a base can be one of the cache: `kept` has the digest of its configuration by its name.
        """

    async def remove(self, order: BuildOrder) -> None:
        """Remove the directory, and from the cache what is too much."""
