"""Stateful test: whatever comes and goes, the stored bytes that triggers keep are those of a recount."""

import contextlib
import itertools
import time
from collections.abc import Coroutine
from typing import Any, ClassVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from quayside.settings.settings import Settings
from resolvers.content import push
from resolvers.content.garbage_collection import collect
from resolvers.errors import UserError
from resolvers.repositories import purge, repository
from resolvers.sizes.recount import recount
from resolvers.tags import copy as tag_copy
from resolvers.tags import plan as tag_plan
from resolvers.tags import tag
from resolvers.tags.copy import CopySource, CopyTarget
from resolvers.tags.outcome import PlanArguments, PlanKind
from storage.statements import fetch
from tests.machines import Bench
from tests.plugins.scale import SCALE
from tests.quayside.registry import kit

DAY_MS = 86_400_000
LAYERS = [bytes([number]) * (100 + number) for number in range(4)]
REPOSITORIES = st.sampled_from(["a", "b", "c"])
"""The first two are in one namespace, the last in another."""
NAMES = st.sampled_from(["v1", "v2", None])
TAGS = st.sampled_from(["v1", "v2"])
_numbers = itertools.count()


class Contents(RuleBasedStateMachine):
    """Pushes, copies, deletions and collections in three repositories of two namespaces."""

    bench: ClassVar[Bench]

    @initialize()
    def begin(self) -> None:
        number = next(_numbers)
        self.paths = {"a": f"u{number}/a", "b": f"u{number}/b", "c": f"o{number}/c"}
        self.documents: dict[str, list[kit.Json]] = {name: [] for name in self.paths}
        self.bench.run(self._begin(number))

    async def _begin(self, number: int) -> None:
        self.user = f"u{number}"
        await self.bench.factory.user(self.user)
        await self.bench.factory.organization(f"o{number}", owner=self.user)
        for path in self.paths.values():
            await self.bench.factory.repository(path, by=self.user)

    async def _pick(self, name: str, table: str, column: str, place: int) -> str | None:
        """A digest from a table about a repository."""
        rows = await fetch(
            f"SELECT DISTINCT x.{column} AS digest FROM {table} JOIN repository r ON r.id = x.repository_id"
            " WHERE r.path = ? ORDER BY 1",
            self.paths[name],
        )
        return rows[place % len(rows)]["digest"] if rows else None

    def _try(self, work: Coroutine[Any, Any, Any]) -> None:
        # What is refused changes nothing, as the invariant sees.
        with contextlib.suppress(UserError):
            self.bench.run(work)

    @rule(name=REPOSITORIES, layers=st.sets(st.sampled_from(LAYERS), min_size=1, max_size=3), to=NAMES)
    def push_image(self, name: str, layers: set[bytes], to: str | None) -> None:
        ordered = sorted(layers)
        self.bench.run(self.bench.factory.image(self.paths[name], *ordered, tag=to))
        self.documents[name].append(kit.image_document(*ordered))

    @rule(name=REPOSITORIES, number=st.integers(1, 3), to=NAMES)
    def push_index(self, name: str, number: int, to: str | None) -> None:
        chosen = self.documents[name][-number:]
        document = kit.index_document(*map(kit.encode, chosen))
        self._try(self.bench.factory.manifest(self.paths[name], document, tag=to))
        # An index below an index.
        self.documents[name].append(document)

    @rule(name=REPOSITORIES, layer=st.sampled_from(LAYERS))
    def push_blob(self, name: str, layer: bytes) -> None:
        self.bench.run(self.bench.factory.blob(self.paths[name], layer))

    @rule(name=REPOSITORIES, layer=st.sampled_from(LAYERS))
    def mount(self, name: str, layer: bytes) -> None:
        async def work() -> None:
            record = await repository.find(self.paths[name])
            if record is not None:
                owner = await self.bench.factory.owner_of(record)
                await push.mount_blob(
                    owner, record.id, record.namespace_id, kit.digest_of(layer), source=None
                )

        self.bench.run(work())

    @rule(name=REPOSITORIES, place=st.integers(0, 9), is_blob=st.booleans())
    def delete(self, name: str, place: int, is_blob: bool) -> None:
        async def work() -> None:
            record = await repository.find(self.paths[name])
            assert record is not None
            owner = await self.bench.factory.owner_of(record)
            if is_blob:
                blobs = "(SELECT * FROM repository_blob l JOIN blob b ON b.id = l.blob_id) x"
                digest = await self._pick(name, blobs, "digest", place)
                if digest:
                    await push.delete_blob(owner, record, digest)
            else:
                digest = await self._pick(name, "manifest x", "digest", place)
                if digest:
                    await push.delete_manifest(owner, record, digest)

        self._try(work())

    @rule(name=REPOSITORIES, of=TAGS)
    def delete_tag(self, name: str, of: str) -> None:
        async def work() -> None:
            record = await repository.find(self.paths[name])
            assert record is not None
            await tag.delete(await self.bench.factory.owner_of(record), record.path, of)

        self._try(work())

    @rule(source=REPOSITORIES, into=REPOSITORIES, of=TAGS, to=TAGS)
    def copy_tag(self, source: str, into: str, of: str, to: str) -> None:
        async def work() -> None:
            await tag_copy.copy(
                await self.bench.factory.as_account(self.user),
                CopySource(self.paths[source], tag=of),
                [CopyTarget(self.paths[into], to)],
            )

        self._try(work())

    @rule(name=REPOSITORIES, hours=st.integers(1, 48))
    def roll_back(self, name: str, hours: int) -> None:
        async def work() -> None:
            record = await repository.find(self.paths[name])
            assert record is not None
            owner = await self.bench.factory.owner_of(record)
            arguments = PlanArguments(to_ms=self.bench.now - hours * 3_600_000)
            plan = await tag_plan.prepare(owner, record.path, PlanKind.ROLLBACK, arguments)
            await tag_plan.apply(owner, record.path, PlanKind.ROLLBACK, plan.uuid)

        self._try(work())

    @rule(days=st.sampled_from([1, 3, 20]))
    def collect_garbage(self, days: int) -> None:
        self.bench.now += days * DAY_MS

        async def work() -> None:
            async for _ in collect(self.bench.factory.blobs):
                pass

        self.bench.run(work())

    @rule(name=REPOSITORIES)
    def delete_repository(self, name: str) -> None:
        async def work() -> None:
            record = await repository.find(self.paths[name])
            assert record is not None
            await repository.delete(await self.bench.factory.owner_of(record), record.path)
            await purge.purge_repository(record.id)
            await self.bench.factory.repository(self.paths[name], by=self.user)

        self.bench.run(work())
        self.documents[name] = []

    @invariant()
    def kept_figures_are_those_of_a_recount(self) -> None:
        async def differences() -> list[object]:
            return [found async for found in recount()]

        assert self.bench.run(differences()) == []


@pytest.mark.long
def test_kept_sizes_equal_a_recount_after_any_sequence(
    settings_with_files: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = Bench(settings_with_files)
    monkeypatch.setattr(time, "time_ns", lambda: bench.now * 1_000_000)
    machine = type("ContentsOnBench", (Contents,), {"bench": bench})
    try:
        run_state_machine_as_test(
            machine,
            settings=settings(
                max_examples=8 * SCALE,
                stateful_step_count=30,
                deadline=None,
                derandomize=True,
                report_multiple_bugs=False,
                suppress_health_check=list(HealthCheck),
            ),
        )
    finally:
        bench.close()
