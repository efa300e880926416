"""Base images of builds, fetched outside of the sandbox: from this registry or, by the guard, from others.

They are put down in the form of the `dir` transport of containers/image: `manifest.json`, and each blob under
the hexadecimal part of its digest.
"""

import asyncio
import platform
from collections.abc import AsyncIterator, Collection
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Protocol
from urllib.parse import quote

from quayside.builds.own_registry import open_own
from resolvers.builds.builder import BuildFailed, Task
from resolvers.builds.built import Material
from resolvers.errors import Invalid, QuaysideError
from resolvers.manifests.document import (
    INDEX_MEDIA_TYPES,
    Descriptor,
    ManifestDocument,
    parse_manifest,
)
from resolvers.names import TAG
from resolvers.outbound.client import Outbound
from resolvers.upstreams.location import Location, parse_location
from resolvers.upstreams.registry import UpstreamManifest, open_registry
from storage.blobs.base import DigestInvalid
from storage.blobs.digest import Hasher, parse_digest

VERSION: Final = "Directory Transport Version: 1.1\n"
ARCHITECTURES: Final = {"x86_64": "amd64", "aarch64": "arm64", "ppc64le": "ppc64le", "s390x": "s390x"}


class Source(Protocol):
    """A registry that has base images."""

    async def manifest(self, name: str, reference: str) -> UpstreamManifest: ...

    def blob(self, name: str, digest: str, *, size: int | None = None) -> Any: ...


@dataclass(frozen=True, slots=True)
class Fetched:
    """A base image: what it is, and the digest of its configuration if it is kept and was not fetched."""

    material: Material
    kept: str | None


@dataclass(frozen=True, slots=True)
class Bases:
    """Where base images come from. `own_hosts` are the names of this registry, `own_url` its address."""

    outbound: Outbound
    own_hosts: frozenset[str]
    own_url: str
    most_bytes: int

    async def fetch(self, task: Task, name: str, directory: Path, kept: Collection[str] = ()) -> Fetched:
        """Fetch an image, as a Dockerfile names it, into a directory. Raises `BuildFailed`.

        Of one whose configuration is among those `kept`, no more than the manifest is asked for.
        """
        try:
            location, reference = _parsed(name)
            # Other names stand for something else in a storage.
            usable = kept if name.startswith(f"{location.host}/") and "@" not in name else ()
            async with self._opened(task, location) as source:
                digest, found = await self._put(source, location.name(), reference, directory, usable)
                return Fetched(Material(name, digest, _package(location, reference, digest)), found)
        except QuaysideError as error:
            raise BuildFailed(f"The base image {name} cannot be fetched: {error.message}") from error

    @asynccontextmanager
    async def _opened(self, task: Task, location: Location) -> AsyncIterator[Source]:
        async with AsyncExitStack() as stack:
            if location.host in self.own_hosts:
                path = location.name()
                yield await stack.enter_async_context(
                    open_own(self.own_url, path, lambda: task.pull_token(path))
                )
            else:
                yield await stack.enter_async_context(open_registry(self.outbound, location))

    async def _put(
        self, source: Source, name: str, reference: str, directory: Path, kept: Collection[str]
    ) -> tuple[str, str | None]:
        """Put an image down, unless it is kept; the digest of what its name stands for, maybe an index.

        And that of the configuration, if it is kept.
        """
        found = await source.manifest(name, reference)
        named = found.digest
        document = parse_manifest(found.body, found.media_type)
        if found.media_type in INDEX_MEDIA_TYPES:
            found = await source.manifest(name, _for_this_machine(document, name))
            document = parse_manifest(found.body, found.media_type)
        if document.config is None or found.media_type in INDEX_MEDIA_TYPES:
            raise BuildFailed(f"The base image {name} is no image for this machine.")
        wanted = {each.digest: each for each in (document.config, *document.layers)}
        if sum(each.size_bytes for each in wanted.values()) > self.most_bytes:
            raise BuildFailed(f"The base image {name} has more than {self.most_bytes} bytes.")
        if document.config.digest in kept:
            return named, document.config.digest
        await asyncio.to_thread(_begin, directory, found.body)
        for each in wanted.values():
            await _put_blob(source, name, each, directory)
        return named, None


def _package(location: Location, reference: str, digest: str) -> str:
    """The package URL of an image (type `oci`)."""
    path = f"{location.host}/{location.name()}"
    tag = "" if ":" in reference else f"&tag={quote(reference)}"
    return f"pkg:oci/{path.rpartition('/')[2]}@{quote(digest, safe='')}?repository_url={quote(path)}{tag}"


def _begin(directory: Path, manifest: bytes) -> None:
    directory.mkdir()
    (directory / "version").write_text(VERSION)
    (directory / "manifest.json").write_bytes(manifest)


def _parsed(name: str) -> tuple[Location, str]:
    """The place and the tag or digest of an image's name; without either the tag is `latest`.

    Both become part of an address, so nothing else passes. Raises `Invalid`.
    """
    path, at, digest = name.partition("@")
    head, slash, last = path.rpartition("/")
    last, _, tag = last.partition(":")
    if tag and not TAG.fullmatch(tag):
        raise Invalid(f"{tag[:128]!r} is no tag.")
    if at:
        try:
            parse_digest(digest)
        except DigestInvalid as error:
            raise Invalid(f"{digest[:140]!r} is no digest.") from error
    return parse_location(f"{head}{slash}{last}", field="image"), digest if at else tag or "latest"


def _for_this_machine(document: ManifestDocument, name: str) -> str:
    architecture = ARCHITECTURES.get(platform.machine(), platform.machine())
    for child in document.children:
        found = child.platform
        if found is None or (found.operating_system, found.architecture) == ("linux", architecture):
            return child.digest
    raise BuildFailed(f"The base image {name} has no image for linux/{architecture}.")


async def _put_blob(source: Source, name: str, wanted: Descriptor, directory: Path) -> None:
    """Write a blob down, and check its size and digest."""
    algorithm, _, value = wanted.digest.partition(":")
    hasher, size = Hasher(algorithm), 0
    with (directory / value).open("wb") as file:
        async with aclosing(source.blob(name, wanted.digest, size=wanted.size_bytes)) as pieces:
            async for piece in pieces:
                size += len(piece)
                if size > wanted.size_bytes:
                    break
                hasher.update(piece)
                await asyncio.to_thread(file.write, piece)
    if size != wanted.size_bytes or hasher.digest != wanted.digest:
        raise BuildFailed(f"A layer of the base image {name} is not what its digest says.")
