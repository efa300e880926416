"""The builder of this installation: context, bases, sandbox and push, one build after its order."""

import asyncio
import os
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from quayside.builds.bases import Bases
from quayside.builds.buildah import Buildah
from quayside.builds.directories import LAYERS, OF_ROOT, holding, remove_left
from quayside.builds.executor import BuildOrder, Executor
from quayside.builds.git.clone import clone
from quayside.builds.id_ranges import alone, first_id
from quayside.builds.layout import Layout
from quayside.builds.own_registry import Token, open_own
from quayside.builds.sandboxed import TOO_LONG
from resolvers.attestations.referrer import Image, Referrer
from resolvers.builds.builder import BuildFailed, BuildLimits, Reporter, Task
from resolvers.builds.built import Built, Material
from resolvers.builds.git import GitCommit
from resolvers.builds.phases import Phase
from resolvers.builds.provenance.predicate import shown
from resolvers.errors import QuaysideError
from resolvers.outbound.client import Outbound
from resolvers.outbound.transport import Limits
from storage.blobs import BlobStore
from storage.blobs.digest import Hasher
from storage.uninterrupted import settled

MAXIMUM_CONTEXT_BYTES: Final = 1024**3
CONTEXT: Final = "context"


@dataclass(frozen=True, slots=True)
class SandboxBuilder:
    """Builds in `directory`, which belongs to this machine alone. `own_url` is where `/v2` is reached."""

    directory: Path
    executor: Executor
    bases: Bases
    blobs: BlobStore
    outbound: Outbound
    limits: BuildLimits
    own_url: str
    has_network: bool

    async def why_not(self) -> str | None:
        """A sentence on why this machine cannot build, None if it can."""
        return await self.executor.why_not()

    async def tidy(self) -> None:
        """Remove what processes of this machine have left that are gone."""
        await remove_left(self.directory)

    async def build(self, task: Task, reporter: Reporter) -> Built:
        """Build, and push the image. Raises `BuildFailed`, and what the reporter raises."""
        ids = first_id(self.directory, task.repository_id)
        async with holding(self.directory / task.uuid), alone(self.directory, ids):
            used = self.executor.ids(ids)
            order = BuildOrder(
                directory=self.directory / task.uuid,
                cache=self.directory / f"{LAYERS}{task.repository_id}{'' if used else OF_ROOT}",
                ids=used,
                limits=self.limits,
                dockerfile=task.dockerfile,
                context=task.context,
                arguments=task.arguments,
                labels=task.labels,
                has_network=self.has_network,
            )
            try:
                async with asyncio.timeout(self.limits.timeout_s) as limit:
                    return await self._build(task, order, reporter)
            except TimeoutError as error:
                if not limit.expired():
                    raise
                raise BuildFailed(TOO_LONG.format(self.limits.timeout_s)) from error
            finally:
                await settled(self.executor.remove(order))

    async def _build(self, task: Task, order: BuildOrder, reporter: Reporter) -> Built:
        await reporter.enter(Phase.UNPACKING)
        await self.executor.prepare(order)
        if task.git is not None:
            materials = [await self._clone(task, task.git, order, reporter)]
        else:
            materials = [await self._fetch_context(task, order.archive)]
            await self.executor.unpack(order, reporter.tell)
        await reporter.enter(Phase.PULLING)
        names = await self.executor.bases(order)
        cached, kept = await self.executor.kept(order) if names else (), dict[str, str]()
        for number, name in enumerate(names):
            await reporter.tell([f"Fetching {name}"])
            base = await self.bases.fetch(task, name, order.base(number), cached)
            materials.append(base.material)
            if base.kept is not None:
                kept[name] = base.kept
        await reporter.enter(Phase.BUILDING)
        await self.executor.build(order, names, reporter.tell, kept)
        layout = await asyncio.to_thread(Layout.open, order.layout)
        await reporter.enter(Phase.PUSHING)
        image = Image(layout.digest, layout.media_type, len(layout.body))
        built = Built(image, materials, await self._parameters(), is_by_root=not order.ids)
        referrers = await task.attest(built)
        async with open_own(self.own_url, task.path, task.push_token) as registry:
            await registry.push(layout, task.tags, referrers)
        return built

    async def attach(self, path: str, push_token: Token, referrer: Referrer) -> None:
        """Push to a repository what refers to an image there. Raises `BuildFailed`."""
        async with open_own(self.own_url, path, push_token) as registry:
            await registry.attach(referrer)

    async def _parameters(self) -> dict[str, Any]:
        """How this installation builds, as provenance tells it."""
        return {
            "buildah": await self.executor.version(),
            "network": "host" if self.has_network else "none",
            "timeoutSeconds": self.limits.timeout_s,
            "memoryBytes": self.limits.memory_bytes,
            "diskBytes": self.limits.disk_bytes,
        }

    async def _clone(self, task: Task, wanted: GitCommit, order: BuildOrder, reporter: Reporter) -> Material:
        """Fetch the context from its repository to where the executor unpacks others."""
        await reporter.tell([f"Fetching {wanted.commit} of {wanted.remote.url}"])
        cloned = await clone(self.outbound, wanted, order, reporter.tell)
        if task.note_hosts is not None:
            await task.note_hosts(cloned.known_hosts)
        return Material(CONTEXT, f"gitCommit:{cloned.commit}", cloned.uri)

    async def _fetch_context(self, task: Task, target: Path) -> Material:
        """Put the context where the executor wants it, from the store or from its address."""
        if task.archive_digest is not None:
            return Material(CONTEXT, await _write(self.blobs.read(task.archive_digest), target))
        assert task.archive_url is not None
        limits = Limits(time_s=1800, stall_s=30, response_bytes=MAXIMUM_CONTEXT_BYTES, redirects=5)
        try:
            async with (
                self.outbound.client(limits) as client,
                client.stream("GET", task.archive_url) as answer,
            ):
                if answer.status != 200:
                    raise BuildFailed(f"The address of the context answered {answer.status}.")
                return Material(CONTEXT, await _write(answer.pieces, target), shown(task.archive_url))
        except QuaysideError as error:
            raise BuildFailed(f"The context cannot be fetched: {error.message}") from error


async def _write(pieces: AsyncIterator[bytes], target: Path) -> str:
    """Write pieces to a file; their digest."""
    hasher = Hasher()
    with target.open("wb") as file:
        async for piece in pieces:
            await asyncio.to_thread(file.write, piece)
            hasher.update(piece)
    return hasher.digest


def builder_of(
    *,
    directory: Path,
    blobs: BlobStore,
    outbound: Outbound,
    limits: BuildLimits,
    own_hosts: frozenset[str],
    own_url: str,
    has_network: bool,
    may_be_root: bool,
) -> SandboxBuilder:
    """The builder for an installation."""
    return SandboxBuilder(
        directory=directory,
        executor=Buildah(
            directory, ids=first_id(directory, f"trial of {os.getpid()}"), may_be_root=may_be_root
        ),
        bases=Bases(outbound, own_hosts, own_url, limits.disk_bytes),
        blobs=blobs,
        outbound=outbound,
        limits=limits,
        own_url=own_url,
        has_network=has_network,
    )
