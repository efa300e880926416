"""Any changes of tags while the clock jumps: what was acknowledged holds, and history stays in order."""

import random
from itertools import groupby, pairwise

import pytest

from resolvers.context import Context
from resolvers.pages import Page
from resolvers.repositories.repository import RepositoryRecord
from resolvers.tags import plan, tag
from resolvers.tags.filter import TagFilter
from resolvers.tags.history import TagChange, TagChangeKind, history
from resolvers.tags.outcome import PlanArguments, PlanKind, TagSelection
from resolvers.tags.tag import TagChanges
from storage.clock import now_ms
from storage.statements import fetch
from tests.factories import Factory
from tests.plugins.clock import Clock
from tests.plugins.scale import SCALE

JUMPS = (-30 * 86_400, -86_400, -3_600, -5, -1, 0, 0, 1, 5, 3_600, 86_400, 30 * 86_400)
NAMES = ("v1", "v2", "other")
STEPS = 60


@pytest.mark.parametrize("seed", range(2 * SCALE))
async def test_changes_hold_whatever_the_clock_does(factory: Factory, clock: Clock, seed: int) -> None:
    chance = random.Random(seed)
    await factory.user("ada")
    record = await factory.repository("ada/app")
    context = await factory.as_account("ada")
    digests = [await factory.image("ada/app", f"layer {number}".encode()) for number in range(3)]
    ids = {row["id"]: row["digest"] for row in await fetch("SELECT id, digest FROM manifest")}
    for number, digest in enumerate(digests):
        # Keeps the image alive, so that any tag can be set to it.
        await tag.update(context, "ada/app", f"keep{number}", TagChanges(manifest_digest=digest))
    kept = {f"keep{number}": digest for number, digest in enumerate(digests)}
    pointed: dict[str, str] = {}
    expired = 0

    for _ in range(STEPS):
        clock.move(chance.choice(JUMPS))
        name, digest = chance.choice(NAMES), chance.choice(digests)
        what = chance.choice(["set", "set", "delete", "restore", "delete all", "move all", "expire"])
        if what == "set":
            await tag.update(context, "ada/app", name, TagChanges(manifest_digest=digest))
            pointed[name] = digest
        elif what == "restore":
            await tag.restore(context, "ada/app", name, digest)
            pointed[name] = digest
        elif what == "delete" and name in pointed:
            await tag.delete(context, "ada/app", name)
            del pointed[name]
        elif what == "expire" and name in pointed:
            # It comes, then the tag is made again, and nothing of the old span is left.
            until = now_ms() + 3_601_000
            found = await tag.update(context, "ada/app", name, TagChanges(expires_at_ms=until))
            assert found is not None
            assert found.ended_at_ms is not None
            clock.move((found.ended_at_ms - now_ms()) // 1_000 + 1)
            assert await tag.active_tag(record.id, name) is None
            await tag.update(context, "ada/app", name, TagChanges(manifest_digest=digest))
            pointed[name] = digest
            expired += 1
        elif what.endswith("all"):
            kind = PlanKind.DELETE if what == "delete all" else PlanKind.MOVE
            arguments = PlanArguments(
                selection=TagSelection(name_pattern="^(v|other)"),
                manifest_digest=digest if kind is PlanKind.MOVE else None,
            )
            made = await plan.prepare(context, "ada/app", kind, arguments)
            await plan.apply(context, "ada/app", kind, made.uuid)
            pointed = {} if kind is PlanKind.DELETE else dict.fromkeys(pointed, digest)
        listed = (await tag.tags(context, record, TagFilter(is_active=True), Page(100))).items
        assert sorted((one.name, ids[one.manifest_id]) for one in listed) == sorted((kept | pointed).items())

    changes = await _history(context, record, ids, kept | pointed)
    assert sum(change.kind is TagChangeKind.EXPIRED for change in changes) == expired


async def _history(
    context: Context, record: RepositoryRecord, digests: dict[int, str], pointed: dict[str, str]
) -> list[TagChange]:
    """All changes in the history. It must be a chain for each tag, which ends where the tag points."""
    found: list[TagChange] = []
    rows = await fetch("SELECT * FROM tag ORDER BY name, id")
    for name, spans in groupby(rows, lambda row: str(row["name"])):
        chain = list(spans)
        assert [row["has_ended"] for row in chain[:-1]] == [True] * (len(chain) - 1)
        assert all(row["started_at_ms"] <= (row["ended_at_ms"] or 2**62) for row in chain)
        assert all(before["ended_at_ms"] <= after["started_at_ms"] for before, after in pairwise(chain))
        told = (await history(context, record, name, Page(100))).items
        current = None
        for change in reversed(told):
            assert change.previous_manifest_id == current
            current = change.manifest_id
        assert (digests[current] if current else None) == pointed.get(name)
        found += told
    return found
