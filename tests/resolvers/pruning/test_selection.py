"""Which tags auto-prune policies select, by which policy."""

import asyncio
import random

import pytest

from resolvers.pruning import selection
from resolvers.pruning.policy import POLICIES, PruneMethod, PrunePolicyRecord
from resolvers.pruning.selection import Judge, TagState, Verdict
from resolvers.tags import tag
from resolvers.tags.immutability import Locks
from resolvers.tags.tag import TagChanges
from storage.activity import PullCount, TagKey, add_manifest_pulls, add_tag_pulls
from storage.clock import DAY_MS, now_ms
from storage.statements import count_statements, execute, fetch
from tests.factories import Factory, image_config
from tests.plugins.scale import SCALE
from tests.quayside.registry import kit
from tests.resolvers.pruning.given import PATH, aged, left, lock, names, numbered, older, pruned, series


@pytest.fixture
async def ada(factory: Factory) -> Factory:
    """The factory, with the repository `ada/app`."""
    await factory.user("ada")
    await factory.repository(PATH)
    return factory


async def test_policies_of_a_namespace_and_its_repository_apply_in_order(ada: Factory) -> None:
    await ada.repository("ada/other")
    for path in (PATH, "ada/other"):
        await aged(ada, path, series("v", 8) | series("dev", 4))
    by_number = await numbered(ada, PATH, 2, "^v")
    for_all = await numbered(ada, "ada", 5)
    by_age = await older(ada, PATH, "6d")

    found = await pruned(ada, is_dry_run=True)
    untouched = await left()
    assert await pruned(ada) == found

    # By age first: v5, v6 and v7 are 6 days old or more, and count for nobody. Then the namespace's, which
    # keeps v0, dev0, v1, dev1, v2; then the repository's, which keeps two of the versions that are left.
    assert found == {
        (PATH, "v5"): by_age.uuid,
        (PATH, "v6"): by_age.uuid,
        (PATH, "v7"): by_age.uuid,
        (PATH, "dev2"): for_all.uuid,
        (PATH, "v3"): for_all.uuid,
        (PATH, "dev3"): for_all.uuid,
        (PATH, "v4"): for_all.uuid,
        (PATH, "v2"): by_number.uuid,
        **{("ada/other", name): for_all.uuid for name in ("v3", "v4", "v5", "v6", "v7", "dev2", "dev3")},
    }
    assert len(untouched) == 12
    assert await left() == ["dev0", "dev1", "v0", "v1"]
    assert await left("ada/other") == ["dev0", "dev1", "v0", "v1", "v2"]
    assert await pruned(ada) == {}


@pytest.mark.parametrize(
    ("pattern", "matches", "expected"),
    [
        ("v", True, ["dev-1", "v1", "v2"]),
        ("^v", True, ["v1", "v2"]),
        ("nothing", True, []),
        ("nothing", False, ["dev-1", "latest", "v1", "v2"]),
        (".*", True, ["dev-1", "latest", "v1", "v2"]),
        (".*", False, []),
        ("[0-9]$", False, ["latest"]),
        (r"\d", True, ["dev-1", "v1", "v2"]),
        (None, True, ["dev-1", "latest", "v1", "v2"]),
    ],
)
async def test_a_pattern_is_searched_anywhere_in_a_name(
    ada: Factory, pattern: str | None, matches: bool, expected: list[str]
) -> None:
    await aged(ada, PATH, {"v1": 3, "v2": 3, "dev-1": 3, "latest": 3})
    await older(ada, PATH, "2d", pattern, tag_pattern_matches=matches)

    assert names(await pruned(ada)) == expected


async def test_locked_and_expiring_tags_are_counted_and_locked_ones_stay(ada: Factory) -> None:
    await aged(ada, PATH, series("v", 8))
    await lock("v1", "v5")
    await execute(
        "UPDATE tag SET ended_at_ms = ?, is_expiration = ? WHERE name = 'v2'", now_ms() + DAY_MS, True
    )
    await execute("UPDATE tag SET ended_at_ms = ?, is_expiration = ? WHERE name = 'v0'", now_ms() - 1, True)
    await numbered(ada, PATH, 3)

    # v0 has expired; v1, v2 and v3 are the newest.
    assert names(await pruned(ada)) == ["v4", "v6", "v7"]
    await older(ada, PATH, "1d")
    assert names(await pruned(ada)) == ["v2", "v3"]
    assert await left() == ["v1", "v5"]


async def test_pulls_by_tag_by_digest_and_of_a_child_protect_from_the_policy_that_says_so(
    ada: Factory,
) -> None:
    await aged(ada, PATH, {"tag": 9, "long-ago": 9, "other-life": 9})
    await aged(ada, PATH, {"digest": 9}, layer=b"by digest")
    bodies = []
    for architecture in ("amd64", "arm64"):
        config = image_config(architecture)
        await ada.image(PATH, b"layer", config=config)
        bodies.append(kit.encode(kit.image_document(b"layer", config=config)))
    inner = kit.index_document(*bodies)
    await ada.manifest(PATH, inner)
    await ada.manifest(PATH, kit.index_document(kit.encode(inner)), tag="index")
    await execute("UPDATE tag SET started_at_ms = ? WHERE name = 'index'", now_ms() - 9 * DAY_MS)
    record = (await fetch("SELECT id FROM repository"))[0]["id"]
    ids = {row["digest"]: row["id"] for row in await fetch("SELECT id, digest FROM manifest")}
    day_ago, long_ago = now_ms() - DAY_MS, now_ms() - 8 * DAY_MS
    await add_tag_pulls(
        {
            TagKey(record, "tag", 0): PullCount(1, day_ago),
            TagKey(record, "long-ago", 0): PullCount(1, long_ago),
            TagKey(record, "other-life", 3): PullCount(1, day_ago),
        }
    )
    by_digest = (await fetch("SELECT manifest_id FROM tag WHERE name = 'digest'"))[0]["manifest_id"]
    child = ids[kit.digest_of(bodies[1])]
    await add_manifest_pulls({by_digest: PullCount(1, day_ago), child: PullCount(1, day_ago)})

    await older(ada, PATH, "2d", kept_if_pulled_within_days=7)
    assert names(await pruned(ada)) == ["long-ago", "other-life"]
    await older(ada, PATH, "2d", "^index$")
    assert names(await pruned(ada)) == ["index"]
    assert await left() == ["digest", "tag"]


async def test_cosign_tags_are_neither_counted_nor_deleted_but_end_with_their_subject(ada: Factory) -> None:
    context = await ada.as_account("ada")
    digests = [await ada.image(PATH, f"layer {number}".encode(), tag=f"v{number}") for number in range(3)]
    signatures = [digest.replace(":", "-") + ".sig" for digest in digests]
    for name in signatures:
        await tag.update(context, PATH, name, TagChanges(manifest_digest=digests[0]))
    for place, name in enumerate(("v2", "v1", "v0")):
        await execute(
            "UPDATE tag SET started_at_ms = ? WHERE name = ?", now_ms() - (place + 9) * DAY_MS, name
        )
    await numbered(ada, PATH, 2)

    assert names(await pruned(ada)) == ["v0"]
    assert await left() == sorted(["v1", "v2", *signatures[1:]])


async def test_tags_that_list_what_is_about_a_manifest_are_neither_counted_nor_deleted(ada: Factory) -> None:
    listed = ["sha256-" + "a" * 64, "sha512-" + "b" * 64]
    await aged(ada, PATH, {"v0": 7, "v1": 9, listed[0]: 5, listed[1]: 12, "sha256-" + "a" * 63: 6})
    await numbered(ada, PATH, 2)
    assert names(await pruned(ada)) == ["v1"]
    await older(ada, PATH, "2d")
    assert names(await pruned(ada)) == ["sha256-" + "a" * 63, "v0"]
    assert await left() == listed


async def test_deleting_names_leaves_what_liveness_keeps(ada: Factory) -> None:
    config = image_config("amd64")
    child = await ada.image(PATH, b"layer", config=config, tag="child")
    body = kit.encode(kit.image_document(b"layer", config=config))
    await ada.manifest(PATH, kit.index_document(body), tag="index")
    await ada.blob(PATH, kit.EMPTY)
    about = kit.descriptor(body, kit.OCI_MANIFEST)
    await ada.manifest(PATH, kit.artifact_document("application/vnd.example", subject=about), tag="about")
    await execute("UPDATE tag SET started_at_ms = 1 WHERE name <> 'index'")
    await older(ada, PATH, "2d")

    assert names(await pruned(ada)) == ["about", "child"]
    held = {row["digest"] for row in await fetch("SELECT digest FROM manifest")}
    assert len(held) == 3
    # The child can be named again, since the index keeps it.
    moved = await tag.update(await ada.as_account("ada"), PATH, "again", TagChanges(manifest_digest=child))
    assert moved is not None


def record_of(number: int, chance: random.Random) -> PrunePolicyRecord:
    """Any policy."""
    by_number = chance.random() < 0.6
    return PrunePolicyRecord(
        id=number,
        uuid=f"{number}",
        namespace_id=1,
        repository_id=chance.choice([None, 7]),
        created_at_ms=0,
        method=PruneMethod.NUMBER_OF_TAGS if by_number else PruneMethod.CREATION_DATE,
        value=str(chance.randrange(1, 6)) if by_number else f"{chance.randrange(1, 9)}d",
        tag_pattern=chance.choice([None, "a", "b", "^a", "c"]),
        tag_pattern_matches=chance.random() < 0.8,
        kept_if_pulled_within_days=chance.choice([None, None, 3]),
    )


def one_after_another(
    policies: list[PrunePolicyRecord], tags: list[TagState], now: int
) -> dict[int, PrunePolicyRecord]:
    """What policies delete by definition: each looks at all tags that the ones before it leave."""
    rest, found = list(tags), {}
    for method in (PruneMethod.CREATION_DATE, PruneMethod.NUMBER_OF_TAGS):
        for of_repository in (False, True):
            for policy in policies:
                if policy.method is not method or (policy.repository_id is not None) is not of_repository:
                    continue
                fitting = [one for one in rest if policy.applies_to(one.name)]
                if method is PruneMethod.NUMBER_OF_TAGS:
                    lost = fitting[policy.keep_count :]
                else:
                    lost = [one for one in fitting if one.started_at_ms < now - (policy.max_age_ms or 0)]
                days = policy.kept_if_pulled_within_days
                for one in lost:
                    pulled = one.pulled_at_ms or 0
                    if one.is_locked or (days is not None and pulled >= now - days * DAY_MS):
                        continue
                    found[one.id] = policy
                    rest.remove(one)
    return found


async def test_other_requests_go_on_while_many_policies_are_tried_on_many_tags(
    ada: Factory, monkeypatch: pytest.MonkeyPatch
) -> None:
    await aged(ada, PATH, series("v", 60, first_day=2))
    for number in range(10):
        await numbered(ada, PATH, 1, f"none{number}")
    record = (await fetch("SELECT id FROM repository"))[0]["id"]
    monkeypatch.setattr(selection, "RULINGS_AT_ONCE", 50)
    judge = Judge(await POLICIES.where("p.repository_id = ?", record), now_ms(), Locks())
    turns, judged = 0, []

    async def other() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    async for page in selection.tags_newest_first(record, judge, now_ms()):
        task = asyncio.create_task(other())
        async for one in judge.paced(page):
            judge.rulings(one)
            judged.append((one.name, turns))
        task.cancel()

    # After each 5 tags, 50 rulings, another request has its turn.
    assert judged == [(f"v{number}", number // 5) for number in range(60)]


@pytest.mark.long
def test_one_pass_deletes_what_policies_delete_one_after_another() -> None:
    chance, now = random.Random(7), 1_000 * DAY_MS
    for _ in range(300 * SCALE):
        policies = [record_of(number, chance) for number in range(chance.randrange(1, 5))]
        starts = sorted((now - chance.randrange(10 * DAY_MS) for _ in range(12)), reverse=True)
        tags = [
            TagState(
                id=number,
                name="".join(chance.choices("abc", k=2)) + str(number),
                manifest_id=1,
                started_at_ms=start,
                is_locked=chance.random() < 0.15,
                pulled_at_ms=chance.choice([None, now - DAY_MS, now - 5 * DAY_MS]),
            )
            for number, start in enumerate(starts)
        ]
        judge = Judge(policies, now, Locks())
        found = {one.id: made.policy for one in tags if (made := judge.choice(one)) is not None}
        assert found == one_after_another(policies, tags, now)


def test_rulings_say_what_each_policy_says() -> None:
    now = 100 * DAY_MS
    policies = [
        PrunePolicyRecord(
            id=number,
            uuid="",
            namespace_id=1,
            repository_id=1,
            created_at_ms=0,
            method=method,
            value=value,
            tag_pattern=pattern,
            kept_if_pulled_within_days=days,
        )
        for number, (method, value, pattern, days) in enumerate(
            [
                (PruneMethod.NUMBER_OF_TAGS, "1", None, None),
                (PruneMethod.CREATION_DATE, "5d", "^x", None),
                (PruneMethod.CREATION_DATE, "9d", None, None),
                (PruneMethod.CREATION_DATE, "2d", None, 4),
            ]
        )
    ]
    judge = Judge(policies, now, Locks())

    def said(days: int, **more: bool) -> list[tuple[int, Verdict, int | None]]:
        state = TagState(1, "v", 1, now - days * DAY_MS, more.get("locked", False), now - 3 * DAY_MS)
        return [(one.policy.id, one.verdict, one.rank) for one in judge.rulings(state)]

    first = (1, Verdict.OTHER_NAME, None)
    assert said(1) == [
        first,
        (2, Verdict.TOO_YOUNG, None),
        (3, Verdict.TOO_YOUNG, None),
        (0, Verdict.AMONG_NEWEST, 1),
    ]
    assert said(8) == [
        first,
        (2, Verdict.TOO_YOUNG, None),
        (3, Verdict.PULLED, None),
        (0, Verdict.DELETES, 2),
    ]
    assert said(10, locked=True) == [
        first,
        (2, Verdict.LOCKED, None),
        (3, Verdict.LOCKED, None),
        (0, Verdict.LOCKED, 3),
    ]
    assert said(10) == [first, (2, Verdict.DELETES, None)]


async def test_a_repository_is_read_in_pages_and_only_as_far_as_ages_need(
    ada: Factory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(selection, "PAGE", 10)
    await aged(ada, PATH, series("v", 35))
    record = (await fetch("SELECT id FROM repository"))[0]["id"]

    async def read(*policies: PrunePolicyRecord) -> tuple[int, int]:
        with count_statements() as count:
            found = [
                one
                async for page in selection.chosen(
                    record, policies, Locks(), judged_at_ms=now_ms(), now_ms=now_ms()
                )
                for one in page
            ]
        return len(found), len(count.statements)

    by_number = await numbered(ada, PATH, 3, kept_if_pulled_within_days=1)
    by_age = await older(ada, PATH, "30d")
    assert await read(by_number) == (32, 4)
    assert await read(by_age) == (6, 1)
    assert await read() == (0, 0)
