"""What tests of auto-prune policies begin with: tags of some age, policies, and what is left after runs."""

from collections.abc import Mapping

from resolvers.accounts.namespace import Owner
from resolvers.pruning import policy
from resolvers.pruning.policy import PruneMethod, PrunePolicyRecord
from resolvers.pruning.run import prune
from resolvers.repositories import repository
from storage.clock import DAY_MS, now_ms
from storage.conditions import is_active
from storage.models.tag import Tag
from storage.statements import decode_json, execute, fetch
from tests.factories import Factory

PATH = "ada/app"


async def aged(factory: Factory, path: str, days: Mapping[str, int], *, layer: bytes | None = None) -> str:
    """Write tags that began so many days ago, all of one image, which is of this repository alone."""
    digest = await factory.image(path, layer or path.encode())
    record = await repository.find(path)
    assert record is not None
    (row,) = await fetch("SELECT id FROM manifest WHERE repository_id = ? AND digest = ?", record.id, digest)
    now = now_ms()
    tags = [
        # Within a day, tags given first are newer.
        Tag(
            name=name,
            started_at_ms=now - age * DAY_MS - place,
            repository_id=record.id,
            manifest_id=row["id"],
        )
        for place, (name, age) in enumerate(days.items())
    ]
    await Tag.bulk_create(sorted(tags, key=lambda one: one.started_at_ms), batch_size=500)
    return digest


async def numbered(
    factory: Factory, owner: str, keep: int, pattern: str | None = None, **more: object
) -> PrunePolicyRecord:
    """A policy that keeps the newest tags; `owner` is a namespace or a path."""
    return await _policy(factory, owner, PruneMethod.NUMBER_OF_TAGS, keep, pattern, **more)


async def older(
    factory: Factory, owner: str, age: str, pattern: str | None = None, **more: object
) -> PrunePolicyRecord:
    """A policy that deletes tags of some age; `owner` is a namespace or a path."""
    return await _policy(factory, owner, PruneMethod.CREATION_DATE, age, pattern, **more)


async def _policy(
    factory: Factory, owner: str, method: PruneMethod, value: int | str, pattern: str | None, **more: object
) -> PrunePolicyRecord:
    namespace, _, name = owner.partition("/")
    rule = policy.rule_of(method, value, tag_pattern=pattern, **more)  # type: ignore[arg-type]
    place = Owner(repository=owner) if name else Owner(namespace=namespace)
    return await policy.create(await factory.as_account("ada"), place, rule)


async def pruned(
    factory: Factory, *, path: str | None = None, is_dry_run: bool = False
) -> dict[tuple[str, str], str]:
    """Run the policies of `ada`: of each tag that it deleted, by repository and name, the policy."""
    (row,) = await fetch("SELECT id FROM account WHERE name = 'ada'")
    record = await repository.find(path) if path else None
    return {
        (done.repository.path, one.tag.name): one.policy.uuid
        async for done in prune(
            factory.context(), row["id"], repository_id=record.id if record else None, is_dry_run=is_dry_run
        )
        for one in done.tags
    }


async def left(path: str = PATH) -> list[str]:
    """The names of the active tags of a repository."""
    rows = await fetch(
        "SELECT t.name FROM tag t JOIN repository r ON r.id = t.repository_id WHERE r.path = ?"
        f" AND {is_active('t')} ORDER BY t.name",
        path,
        now_ms(),
    )
    return [row["name"] for row in rows]


async def entries() -> list[str]:
    """The tags of the entries of the audit log about deletions by policies, as repository and name."""
    rows = await fetch("SELECT metadata FROM audit_log WHERE kind = 'autoprune_tag_delete' ORDER BY id")
    found = [decode_json(row["metadata"]) for row in rows]
    assert {one["performer"] for one in found} <= {"autoprune worker"}
    return [f"{one['namespace']}/{one['repo']}:{one['tag']}" for one in found]


async def lock(*names: str) -> None:
    """Lock tags."""
    for name in names:
        await execute("UPDATE tag SET is_immutable = ? WHERE name = ?", True, name)


def names(found: Mapping[tuple[str, str], str]) -> list[str]:
    """The names of the tags that a run deleted."""
    return sorted(name for _, name in found)


def series(prefix: str, number: int, *, first_day: int = 1) -> dict[str, int]:
    """Tags by age in days: one for each day, the newest first."""
    return {f"{prefix}{one}": first_day + one for one in range(number)}
