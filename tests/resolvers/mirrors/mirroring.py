"""A repository that follows another one, as tests drive it."""

from dataclasses import dataclass, replace
from typing import Any

from resolvers.context import Context
from resolvers.job_kinds import Run, Tools
from resolvers.mirrors import history, jobs, mirror
from resolvers.mirrors.history import MirrorRunRecord
from resolvers.mirrors.mirror import MirrorChanges
from resolvers.outbound.client import Outbound
from resolvers.repositories import repository
from storage.clock import now_ms
from storage.statements import decode_json, fetch
from tests.factories import Factory
from tests.upstreams.upstream import FakeUpstream

LAYERS = (b"first" * 1000, b"second" * 1000)
ACME = "acme/app"


@dataclass
class Mirroring:
    """A repository that follows another one."""

    factory: Factory
    owner: Context
    source: str
    scripted: FakeUpstream | None = None

    @property
    def upstream(self) -> FakeUpstream:
        """The scripted registry that it follows."""
        assert self.scripted is not None
        return self.scripted

    async def begin(self, *patterns: str, **more: Any) -> None:
        """Make the mirror, which is due at once."""
        changes = MirrorChanges(
            source=self.source,
            robot="acme+bot",
            patterns=list(patterns),
            sync_starts_at_ms=now_ms() - 1000,
            sync_interval_s=3600,
            tag_timeout_s=300,
            verifies_tls=False,
        )
        await mirror.create(self.owner, ACME, replace(changes, **more))

    async def run(self) -> MirrorRunRecord:
        """Let it run as its job does. What came of it."""
        found = await self.record()
        await jobs.run_mirror(Run({"mirror_id": found.id}, Tools(self.factory.context())))
        last = await history.last(found.id)
        assert last is not None
        return last

    async def again(self) -> MirrorRunRecord:
        """Tell it to run, and let it."""
        await mirror.sync_now(self.owner, ACME)
        return await self.run()

    async def record(self) -> mirror.MirrorRecord:
        place = await repository.find(ACME)
        assert place is not None
        return (await mirror.of_repositories(self.factory.context(), [place.id]))[place.id]

    async def tags(self) -> dict[str, str]:
        rows = await fetch(
            "SELECT t.name, m.digest FROM tag t JOIN manifest m ON m.id = t.manifest_id"
            " JOIN repository r ON r.id = t.repository_id"
            " WHERE NOT t.has_ended AND r.path = ? ORDER BY t.name",
            ACME,
        )
        return {row["name"]: row["digest"] for row in rows}

    async def manifests(self) -> set[str]:
        return {row["digest"] for row in await fetch("SELECT digest FROM manifest")}

    async def events(self, prefix: str = "repo_mirror_sync") -> list[tuple[str, str | None]]:
        rows = await fetch(
            "SELECT kind, metadata FROM event WHERE kind LIKE ? AND kind <> ? ORDER BY id",
            *(f"{prefix}%", "repo_mirror_sync_progress"),
        )
        return [(row["kind"], decode_json(row["metadata"]).get("tag")) for row in rows]


async def mirrored(factory: Factory, source: str, upstream: FakeUpstream | None = None) -> Mirroring:
    """An empty repository with a robot, which is to follow a source."""
    site = replace(factory.site, outbound=Outbound(["127.0.0.1"]))
    factory = replace(factory, site=site)
    await factory.user("ada")
    await factory.organization("acme", owner="ada")
    await factory.repository(ACME, by="ada")
    await factory.robot("acme+bot", by="ada")
    return Mirroring(factory, await factory.as_account("ada"), source, upstream)
