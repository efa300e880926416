"""Stateful test: any sequence of tag changes, compared with a model without history and SQL."""

import itertools
import math
import time
from collections.abc import Collection, Coroutine
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from quayside.settings.settings import Settings
from resolvers.context import Context
from resolvers.errors import Immutable, Invalid, NotFound, UserError
from resolvers.manifests import manifest
from resolvers.pages import Page
from resolvers.repositories.repository import RepositoryRecord
from resolvers.tags import history as tag_history
from resolvers.tags import plan as tag_plan
from resolvers.tags import tag
from resolvers.tags.filter import TagFilter
from resolvers.tags.history import TagChangeKind
from resolvers.tags.outcome import PlanArguments, PlanKind, TagSelection
from resolvers.tags.tag import TagChanges
from storage.statements import fetch
from tests.machines import Bench
from tests.plugins.scale import IS_AGAIN, SCALE

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
WINDOW_MS = 14 * DAY_MS
NAMES = st.sampled_from(["v", "v1", ".sig", ".att"])
"""Ordinary tags, and endings of the cosign tags of the first and second image."""
PARTS = st.sampled_from(["V", "1", ""])
IMAGES = st.integers(0, 2)
LIFETIMES = st.sampled_from([None, 1, 3 * HOUR_MS, 800 * DAY_MS])
STEPS = st.sampled_from([1, 7, HOUR_MS, 2 * HOUR_MS, DAY_MS, 4 * DAY_MS])
_numbers = itertools.count()
Begun = tuple[list[str], list[int], Context, RepositoryRecord]


@dataclass(frozen=True)
class Entry:
    """The active span of a tag in the model: image, start, end in milliseconds, and lock."""

    image: int
    since: int
    until: int | None = None
    is_locked: bool = False


class Tags(RuleBasedStateMachine):
    """Operations on the registry and the model, which must agree on results and refusals."""

    bench: ClassVar[Bench]

    @classmethod
    def on(cls, bench: Bench) -> type["Tags"]:
        """The machine for one database."""
        return type("TagsOnBench", (cls,), {"bench": bench})

    def __init__(self) -> None:
        super().__init__()
        self.active: dict[str, Entry] = {}
        self.ended: dict[int, int] = {}
        """Time at which the last tag of an image ended; images without a tag so far are absent."""
        self.over: list[tuple[str, int, Entry]] = []
        """Ended spans: name, end, and the entry before the end."""
        self.past: list[tuple[int, dict[str, int]]] = []
        self.subjects: dict[str, int] = {}
        """Subject of each cosign tag."""

    @initialize()
    def begin(self) -> None:
        self.path = f"ada/app{next(_numbers)}"
        begun: Begun = self.bench.run(self._begin())
        self.digests, self.manifests, self.context, self.record = begun
        for image, ending in enumerate((".sig", ".att")):
            self.subjects[self.digests[image].replace(":", "-") + ending] = image
        self._remember()

    async def _begin(self) -> Begun:
        factory = self.bench.factory
        record = await factory.repository(self.path)
        digests = [await factory.image(self.path, f"layer {number}".encode()) for number in range(3)]
        stored = [await manifest.by_digest(record, digest) for digest in digests]
        return digests, [one.id for one in stored if one], await factory.as_account("ada"), record

    # The model

    @property
    def now(self) -> int:
        return self.bench.now

    def _end(self, name: str, moment: int) -> None:
        entry = self.active.pop(name)
        self.over.append((name, moment, entry))
        self.ended[entry.image] = max(self.ended.get(entry.image, 0), moment)

    def _named(self, name: str) -> str:
        """The full name of a tag of a rule."""
        return next((tag for tag in self.subjects if name[0] == "." and tag.endswith(name)), name)

    def _last(self, image: int) -> float:
        """The end of the last ordinary tag of an image, infinity for never; 0 if there is none."""
        ends = [
            entry.until or math.inf
            for name, entry in self.active.items()
            if entry.image == image and name not in self.subjects
        ]
        return max(ends, default=0)

    def _change(
        self,
        changes: dict[str, Entry | None],
        *,
        alone: Collection[str] = (),
        may_end: bool = True,
    ) -> None:
        """Change ordinary tags, then the cosign tags of their images that are not selected, then the rest.

        An entry that starts now is a new span; one that started before only changes its end.
        """
        touched = set()
        for name in changes.keys() - self.subjects.keys():
            touched |= {entry.image for entry in (self.active.get(name), changes[name]) if entry}
            self._replace(name, changes[name])
        for name, image in self.subjects.items():
            if image in touched and name in self.active and not self._is_locked(name) and name not in alone:
                if last := self._last(image):
                    self._live_until(name, last)
                elif may_end:
                    self._end(name, self.now)
        for name in changes.keys() & self.subjects.keys():
            self._replace(name, entry := changes[name])
            if entry and entry.since == self.now and (last := self._last(self.subjects[name])):
                self._live_until(name, last)

    def _replace(self, name: str, entry: Entry | None) -> None:
        if name in self.active and (entry is None or entry.since == self.now):
            self._end(name, self.now)
        if entry is not None:
            self.active[name] = entry

    def _live_until(self, name: str, last: float) -> None:
        entry = self.active[name]
        until = None if last == math.inf else max(int(last), entry.since)
        self.active[name] = replace(entry, until=until)

    def _pass(self, step: int) -> None:
        self.bench.now += step
        for name, entry in list(self.active.items()):
            if entry.until is not None and entry.until <= self.now:
                self._end(name, entry.until)

    def _is_alive(self, image: int) -> bool:
        return image in {entry.image for entry in self.active.values()} or image not in self.ended

    def _is_locked(self, name: str) -> bool:
        return name in self.active and self.active[name].is_locked

    def _remember(self) -> None:
        self.past.append((self.now, {name: entry.image for name, entry in self.active.items()}))

    def _agree(self, work: Coroutine[Any, Any, Any], refusal: type[UserError] | None) -> bool:
        """Run an operation, which must be refused exactly if the model refuses it. Returns its success."""
        found: UserError | None = None
        try:
            self.bench.run(work)
        except UserError as error:
            found = error
        assert (type(found) if found else None) is refusal, found
        return found is None

    # The operations

    @rule(step=STEPS, name=NAMES, image=IMAGES)
    def create_or_move(self, step: int, name: str, image: int) -> None:
        self._pass(step)
        name = self._named(name)
        there = name in self.active and self.active[name].image == image
        refusal: type[UserError] | None = None if self._is_alive(image) else NotFound
        if refusal is None and not there and self._is_locked(name):
            refusal = Immutable
        changes = TagChanges(manifest_digest=self.digests[image])
        if self._agree(tag.update(self.context, self.path, name, changes), refusal) and not there:
            self._change({name: Entry(image, self.now)})
        self._remember()

    @rule(step=STEPS, name=NAMES)
    def delete(self, step: int, name: str) -> None:
        self._pass(step)
        name = self._named(name)
        refusal: type[UserError] | None = None if name in self.active else NotFound
        if self._is_locked(name):
            refusal = Immutable
        if self._agree(tag.delete(self.context, self.path, name), refusal):
            self._change({name: None})
        self._remember()

    @rule(step=STEPS, name=NAMES, image=IMAGES)
    def restore(self, step: int, name: str, image: int) -> None:
        self._pass(step)
        name = self._named(name)
        is_kept = self._is_alive(image) or self.ended[image] > self.now - WINDOW_MS
        refusal: type[UserError] | None = None if is_kept else NotFound
        if refusal is None and self._is_locked(name):
            refusal = Immutable
        if self._agree(tag.restore(self.context, self.path, name, self.digests[image]), refusal):
            self._change({name: Entry(image, self.now)})
        self._remember()

    @rule(step=STEPS, name=NAMES, after=LIFETIMES)
    def expire(self, step: int, name: str, after: int | None) -> None:
        self._pass(step)
        name = self._named(name)
        refusal: type[UserError] | None = None if name in self.active else NotFound
        if after is not None and self._is_locked(name):
            refusal = Immutable
        until = None if after is None else self.now + after
        if self._agree(tag.update(self.context, self.path, name, TagChanges(expires_at_ms=until)), refusal):
            self._change({name: self._until(self.active[name], until)})
            # The clamped expiration of an old tag may lie in the past.
            self._pass(0)
        self._remember()

    def _until(self, entry: Entry, until: int | None) -> Entry:
        if until is not None:
            until = sorted((entry.since + HOUR_MS, until, entry.since + 728 * DAY_MS))[1]
        return replace(entry, until=until)

    @rule(step=STEPS, name=NAMES, is_locked=st.sampled_from([True, True, True, False]))
    def lock(self, step: int, name: str, is_locked: bool) -> None:
        self._pass(step)
        name = self._named(name)
        refusal: type[UserError] | None = None if name in self.active else NotFound
        if refusal is None and is_locked and self.active[name].until is not None:
            refusal = Invalid
        changes = TagChanges(is_immutable=is_locked)
        if self._agree(tag.update(self.context, self.path, name, changes), refusal):
            self.active[name] = replace(self.active[name], is_locked=is_locked)
        self._remember()

    async def _planned(self, kind: PlanKind, arguments: PlanArguments) -> None:
        plan = await tag_plan.prepare(self.context, self.path, kind, arguments)
        done = await tag_plan.apply(self.context, self.path, kind, plan.uuid)
        assert done.items == plan.items

    def _chosen(self, part: str) -> list[str]:
        return [name for name in self.active if part.lower() in name]

    def _free(self, part: str) -> dict[str, Entry]:
        return {name: self.active[name] for name in self._chosen(part) if not self._is_locked(name)}

    @rule(step=STEPS, part=PARTS)
    def delete_many(self, step: int, part: str) -> None:
        self._pass(step)
        arguments = PlanArguments(selection=TagSelection(name_contains=part))
        self._agree(self._planned(PlanKind.DELETE, arguments), None)
        self._change(dict.fromkeys(self._free(part)), alone=self._chosen(part))
        self._remember()

    @rule(step=STEPS, part=PARTS, after=LIFETIMES)
    def expire_many(self, step: int, part: str, after: int | None) -> None:
        self._pass(step)
        until = None if after is None else self.now + after
        arguments = PlanArguments(selection=TagSelection(name_contains=part), expires_at_ms=until)
        self._agree(self._planned(PlanKind.EXPIRE, arguments), None)
        changes: dict[str, Entry | None] = {
            name: self._until(entry, until)
            for name, entry in self._free(part).items()
            if entry != self._until(entry, until)
        }
        self._change(changes, alone=self._chosen(part))
        self._pass(0)
        self._remember()

    @rule(step=STEPS, part=PARTS, image=IMAGES)
    def move_many(self, step: int, part: str, image: int) -> None:
        self._pass(step)
        arguments = PlanArguments(
            selection=TagSelection(name_contains=part), manifest_digest=self.digests[image]
        )
        refusal: type[UserError] | None = None if self._is_alive(image) else NotFound
        if self._agree(self._planned(PlanKind.MOVE, arguments), refusal):
            changes: dict[str, Entry | None] = {
                name: Entry(image, self.now)
                for name, entry in self._free(part).items()
                if entry.image != image
            }
            self._change(changes, alone=self._chosen(part))
        self._remember()

    @precondition(lambda self: self.past)
    @rule(step=STEPS, data=st.data())
    def roll_back(self, step: int, data: st.DataObject) -> None:
        self._pass(step)
        moment, then = data.draw(st.sampled_from(self.past))
        refusal: type[UserError] | None = Invalid if moment < self.now - WINDOW_MS else None
        if self._agree(self._planned(PlanKind.ROLLBACK, PlanArguments(to_ms=moment)), refusal):
            changes: dict[str, Entry | None] = {}
            for name in {*then, *self.active}:
                current = self.active[name].image if name in self.active else None
                if not self._is_locked(name) and current != then.get(name):
                    changes[name] = self._back(name, moment) if name in then else None
            self._change(changes, alone=changes, may_end=False)
        self._remember()

    def _back(self, name: str, moment: int) -> Entry:
        """A tag as it was at a time, with its expiration if still to come."""
        entry = next(e for n, end, e in self.over if n == name and e.since <= moment < end)
        until = entry.until if entry.until and entry.until > self.now else None
        return Entry(entry.image, self.now, until)

    # Invariants

    @invariant()
    def the_table_says_what_the_model_says(self) -> None:
        if not self.past:
            return
        found = self._spans(TagFilter(is_active=True))
        assert {span.name: (span.started_at_ms, span.ended_at_ms, span.is_immutable) for span in found} == {
            name: (entry.since, entry.until, entry.is_locked) for name, entry in self.active.items()
        }
        assert len(found) == len(self.active)

    def _spans(self, chosen: TagFilter) -> list[tag.TagRecord]:
        found: list[tag.TagRecord] = self.bench.run(
            tag.tags(self.context, self.record, chosen, Page(100))
        ).items
        return found

    def teardown(self) -> None:
        if self.past:
            self._check_the_past()
            self.bench.run(self._check_histories())

    def _check_the_past(self) -> None:
        """Lists as of past times match the model, and so do the differences between neighbours."""
        for moment, then in self.past:
            found = self._spans(TagFilter(as_of_ms=moment))
            assert {span.name: self._image(span.manifest_id) for span in found} == then
        for (start, before), (end, after) in itertools.pairwise(self.past):
            found = self.bench.run(
                tag_history.difference(self.context, self.record, start, end, Page(100))
            ).items
            assert {one.name: (one.before_id, one.after_id) for one in found} == {
                name: (self._manifest(before.get(name)), self._manifest(after.get(name)))
                for name in {*before, *after}
                if before.get(name) != after.get(name)
            }

    async def _check_histories(self) -> None:
        """The changes of each tag form a chain that ends at its current manifest."""
        for name in ("v", "v1", *self.subjects):
            found = (await tag_history.history(self.context, self.record, name, Page(100))).items
            current = None
            for change in reversed(found):
                if change.kind is TagChangeKind.CREATED:
                    assert current is None
                elif change.kind is not TagChangeKind.REVERTED:
                    assert current is not None
                assert change.previous_manifest_id == current
                current = change.manifest_id
            entry = self.active.get(name)
            assert current == self._manifest(entry.image if entry else None)
        rows = await fetch(
            "SELECT name FROM tag WHERE repository_id = ? AND ended_at_ms IS NULL GROUP BY name"
            " HAVING COUNT(*) > 1",
            self.record.id,
        )
        assert rows == []

    def _manifest(self, image: int | None) -> int | None:
        return None if image is None else self.manifests[image]

    def _image(self, manifest_id: int) -> int:
        return self.manifests.index(manifest_id)


@pytest.mark.long
def test_any_sequence_of_tag_changes_matches_the_model(
    settings_with_files: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = Bench(settings_with_files)
    monkeypatch.setattr(time, "time_ns", lambda: bench.now * 1_000_000)
    try:
        run_state_machine_as_test(
            Tags.on(bench),
            settings=settings(
                max_examples=(12 if IS_AGAIN else 40) * SCALE,
                stateful_step_count=50,
                deadline=None,
                derandomize=True,
                report_multiple_bugs=False,
                suppress_health_check=list(HealthCheck),
            ),
        )
    finally:
        bench.close()
