"""Builds without buildah, for tests of what the service does around them."""

import asyncio
from dataclasses import dataclass, field

from resolvers.attestations.referrer import Image
from resolvers.builds import build
from resolvers.builds.build import JOB, BuildRecord, BuildRequest
from resolvers.builds.builder import Reporter, Task
from resolvers.builds.built import Built
from resolvers.builds.jobs import run_build
from resolvers.builds.phases import Phase
from resolvers.job_kinds import Run, Tools
from resolvers.manifests.document import OCI_MANIFEST
from storage.jobs import claim
from tests.factories import Factory

CONTEXT = "https://9.9.9.9/context.tgz"
DIGEST = f"sha256:{'a' * 64}"
PHASES = (Phase.UNPACKING, Phase.PULLING, Phase.BUILDING, Phase.PUSHING)


@dataclass
class StandIn:
    """A builder that goes through the phases up to `stops_in`, where it waits for `goes_on`, and may fail.

    It fetches the repository `base`.
    """

    stops_in: Phase | None = None
    fails: Exception | None = None
    base: str | None = None
    reached: asyncio.Event = field(default_factory=asyncio.Event)
    goes_on: asyncio.Event = field(default_factory=asyncio.Event)
    was_cleared: bool = False

    async def why_not(self) -> str | None:
        return None

    async def tidy(self) -> None:
        return None

    async def build(self, task: Task, reporter: Reporter) -> Built:
        try:
            for phase in (Phase.BUILD_SCHEDULED, *PHASES):
                if phase is not Phase.BUILD_SCHEDULED:
                    await reporter.enter(phase)
                await reporter.tell([f"in {phase.value}"])
                if phase is self.stops_in:
                    self.reached.set()
                    await self.goes_on.wait()
            if self.base is not None:
                assert await task.pull_token(self.base)
            if self.fails is not None:
                raise self.fails
        finally:
            self.was_cleared = True
        return Built(Image(DIGEST, OCI_MANIFEST, 7), (), {})


async def order(factory: Factory, path: str, *, by: str = "ada") -> BuildRecord:
    """Order a build."""
    found, _ = await build.request(await factory.as_account(by), path, BuildRequest(archive_url=CONTEXT))
    return found


async def run_next(factory: Factory, builder: StandIn) -> str | None:
    """Run the build whose turn it is."""
    job = await claim("a worker", [JOB])
    assert job is not None
    return await run_build(Run(job.payload, Tools(factory.context(), builder=builder), job))
