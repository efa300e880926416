"""A write that waits for the lock of a repository is refused if the repository was closed or deleted."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

import pytest

from resolvers.accounts.namespace import Owner
from resolvers.content import push
from resolvers.context import Context
from resolvers.errors import Conflict, NotFound, NotWritable, UnknownReference
from resolvers.manifests import label
from resolvers.repositories import repository
from resolvers.repositories.repository import RepositoryRecord, RepositoryState
from resolvers.tags import copy as tag_copy
from resolvers.tags import immutability, tag
from resolvers.tags import plan as tag_plan
from resolvers.tags.copy import CopySource, CopyTarget
from resolvers.tags.outcome import PlanArguments, PlanKind
from resolvers.tags.tag import TagChanges
from storage.clock import now_ms
from storage.statements import fetch
from storage.transactions import lock_row, transaction
from tests import state
from tests.factories import Factory
from tests.quayside.registry import kit

PATH = "ada/app"
DOCUMENT = kit.encode(kit.image_document(b"layer"))


@dataclass(frozen=True)
class Scene:
    """A repository with an image tagged `v1`, a label and a plan, and a second such repository."""

    context: Context
    record: RepositoryRecord
    digest: str
    label: str
    plan: str
    layer: str


@pytest.fixture
async def scene(factory: Factory) -> Scene:
    await factory.user("ada")
    context = await factory.as_account("ada")
    for path in (PATH, "ada/other"):
        await factory.repository(path)
        digest = await factory.image(path, b"layer", tag="v1")
    made = await label.create(context, PATH, digest, key="a", value="b")
    plan = await tag_plan.prepare(context, PATH, PlanKind.DELETE, PlanArguments())
    found = await repository.find(PATH)
    assert found is not None
    return Scene(context, found, digest, made.uuid, plan.uuid, await factory.blob(PATH, b"layer"))


WRITES: dict[str, Callable[[Scene], Awaitable[object]]] = {
    "move a tag": lambda s: tag.update(s.context, PATH, "v2", TagChanges(manifest_digest=s.digest)),
    "delete a tag": lambda s: tag.delete(s.context, PATH, "v1"),
    "restore a tag": lambda s: tag.restore(s.context, PATH, "v1", s.digest),
    "apply a plan": lambda s: tag_plan.apply(s.context, PATH, PlanKind.DELETE, s.plan),
    "copy a tag": lambda s: tag_copy.copy(
        s.context, CopySource("ada/other", tag="v1"), [CopyTarget(PATH, "v3")]
    ),
    "add a label": lambda s: label.create(s.context, PATH, s.digest, key="c", value="d"),
    "remove a label": lambda s: label.delete(s.context, PATH, s.digest, s.label),
    "push": lambda s: push.put_manifest(
        s.context, s.record, DOCUMENT, content_type=kit.OCI_MANIFEST, tags=["v4"]
    ),
    "delete a manifest": lambda s: push.delete_manifest(s.context, s.record, s.digest),
    "delete a blob": lambda s: push.delete_blob(s.context, s.record, s.layer),
}
POLICY: dict[str, Callable[[Scene], Awaitable[object]]] = {
    "lock tags by a policy": lambda s: immutability.create(
        s.context, Owner(namespace="ada"), tag_pattern="v.*"
    ),
}


CHANGES: Mapping[str, Callable[[Scene], Awaitable[object]]] = {
    "close": lambda s: repository.change_state(s.context, PATH, RepositoryState.READ_ONLY),
    "delete": lambda s: repository.delete(s.context, PATH),
    "end its tag": lambda s: tag.delete(s.context, PATH, "v1"),
    "let its tag expire": lambda s: tag.update(
        s.context, PATH, "v1", TagChanges(expires_at_ms=now_ms() + 86_400_000)
    ),
}


async def begun_before(scene: Scene, change: str, write: str) -> Awaitable[object]:
    """A write that started while another transaction held the repository, changed it and committed."""
    held, may_go_on = asyncio.Event(), asyncio.Event()

    async def hold_and_change() -> None:
        async with transaction("test.change"):
            await lock_row("repository", scene.record.id)
            held.set()
            await may_go_on.wait()
            await CHANGES[change](scene)

    changing = asyncio.create_task(hold_and_change())
    await held.wait()
    writing = asyncio.ensure_future((WRITES | POLICY)[write](scene))
    # Long enough to reach the lock; a slower write is refused too.
    await asyncio.sleep(0.03)
    assert not writing.done()
    may_go_on.set()
    await changing
    return writing


@pytest.mark.parametrize("name", WRITES)
@pytest.mark.parametrize("change", ["close", "delete"])
async def test_a_waiting_write_to_a_closed_or_deleted_repository_is_refused(
    scene: Scene, name: str, change: str
) -> None:
    writing = await begun_before(scene, change, name)
    before = await state.dump()

    with pytest.raises(NotWritable if change == "close" else (NotFound, UnknownReference)):
        await writing

    assert await state.dump() == before


async def test_a_plan_that_waits_while_its_tags_change_is_refused(scene: Scene) -> None:
    writing = await begun_before(scene, "end its tag", "apply a plan")
    before = await state.dump()

    with pytest.raises(Conflict):
        await writing

    assert await state.dump() == before


async def test_a_policy_waits_for_a_held_repository_and_skips_tags_that_expire_by_then(
    scene: Scene,
) -> None:
    await (await begun_before(scene, "let its tag expire", "lock tags by a policy"))

    rows = await fetch(
        "SELECT t.is_immutable, t.is_expiration FROM tag t JOIN repository r ON r.id = t.repository_id"
        " WHERE t.name = 'v1' ORDER BY r.id"
    )
    assert [(bool(row["is_immutable"]), bool(row["is_expiration"])) for row in rows] == [
        (False, True),
        (True, False),
    ]
