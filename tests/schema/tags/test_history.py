"""History of tags through GraphQL: changes of one tag, and differences between two times."""

import json
import re
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from storage.models.tag import Tag
from storage.statements import count_statements, execute, fetch, is_postgres
from storage.transactions import transaction
from tests.factories import Factory
from tests.schema.client import GraphQL
from tests.schema.tags.test_tags import DELETE, RESTORE, UPDATE, iso

HISTORY = """
query ($name: String! = "v1", $first: Int! = 50, $after: Cursor) { repository(path: "ada/app") {
  tagHistory(name: $name, first: $first, after: $after) {
    totalCount pageInfo { nextCursor }
    nodes { name kind changedAt manifest { digest } previousManifest { digest } } } } }
"""
DIFFERENCE = """
query ($from: DateTime!, $to: DateTime, $first: Int! = 50, $after: Cursor) { repository(path: "ada/app") {
  tagDifference(from: $from, to: $to, first: $first, after: $after) {
    totalCount pageInfo { nextCursor }
    nodes { name kind before { digest } after { digest } } } } }
"""
LAST_WEEK = """
query ($lastWeek: DateTime!) { repository(path: "ada/app") {
  lastWeek: tags(exact: "latest", asOf: $lastWeek) { nodes { manifest { digest } } }
  since: tagDifference(from: $lastWeek) { nodes { name kind before { digest } after { digest } } } } }
"""


@pytest.fixture
async def images(factory: Factory, ada: GraphQL) -> list[str]:
    """The digests of three images in `ada/app`, none of them tagged."""
    await factory.repository("ada/app")
    return [await factory.image("ada/app", f"layer {number}".encode()) for number in range(3)]


@pytest.fixture
async def moment(images: list[str]) -> Callable[[int, Awaitable[object]], Awaitable[None]]:
    """Backdate a change to a second of 1970."""

    async def at(second: int, change: Awaitable[object]) -> None:
        await change
        for column in ("started_at_ms", "ended_at_ms"):
            await execute(f"UPDATE tag SET {column} = ? WHERE {column} > 1000000000000", second * 1_000)

    return at


At = Callable[[int, Awaitable[object]], Awaitable[None]]


async def life(ada: GraphQL, images: list[str], moment: At) -> None:
    """`v1` made, moved, deleted, restored, expired and made again; `v10` and `v` beside it."""
    first, second, third = images
    await moment(1, ada.payload(UPDATE, tag="v1", input={"manifestDigest": first}))
    await moment(1, ada.payload(UPDATE, tag="v10", input={"manifestDigest": first}))
    await moment(2, ada.payload(UPDATE, tag="v1", input={"manifestDigest": second}))
    await moment(2, ada.payload(UPDATE, tag="v", input={"manifestDigest": third}))
    await moment(3, ada.payload(DELETE, tag="v1"))
    await execute("UPDATE account SET tag_expiration_s = ?", 2**31 - 1)
    await moment(4, ada.payload(RESTORE, tag="v1", digest=first))
    await ada.payload(UPDATE, tag="v1", input={"expiresAt": "2100-01-01T00:00:00Z"})
    await execute("UPDATE tag SET ended_at_ms = 5000 WHERE is_expiration")
    await moment(6, ada.payload(UPDATE, tag="v1", input={"manifestDigest": third}))


async def test_a_history_lists_changes_with_the_previous_manifest(
    ada: GraphQL, images: list[str], moment: At
) -> None:
    first, second, third = images
    await life(ada, images, moment)

    found = (await ada.data(HISTORY))["repository"]["tagHistory"]

    told = [
        (
            change["kind"],
            change["changedAt"][17:19],
            (change["manifest"] or {}).get("digest"),
            (change["previousManifest"] or {}).get("digest"),
        )
        for change in found["nodes"]
    ]
    assert told == [
        ("CREATED", "06", third, None),
        ("EXPIRED", "05", None, first),
        ("REVERTED", "04", first, None),
        ("DELETED", "03", None, second),
        ("MOVED", "02", second, first),
        ("CREATED", "01", first, None),
    ]
    assert found["totalCount"] == 6


async def test_a_history_is_read_in_pages_without_loss(ada: GraphQL, images: list[str], moment: At) -> None:
    await life(ada, images, moment)
    whole = (await ada.data(HISTORY))["repository"]["tagHistory"]["nodes"]

    pages, cursor = [], None
    for _ in range(3):
        page = (await ada.data(HISTORY, first=2, after=cursor))["repository"]["tagHistory"]
        pages.append(page["nodes"])
        cursor = page["pageInfo"]["nextCursor"]

    assert [change for page in pages for change in page] == whole
    assert cursor is None
    assert (await ada.data(HISTORY, name="v2"))["repository"]["tagHistory"]["nodes"] == []


async def test_changes_within_one_millisecond_keep_their_order(
    ada: GraphQL, images: list[str], moment: At
) -> None:
    for digest in images:
        await moment(1, ada.payload(UPDATE, tag="v1", input={"manifestDigest": digest}))
    await moment(1, ada.payload(DELETE, tag="v1"))

    found = (await ada.data(HISTORY))["repository"]["tagHistory"]["nodes"]

    assert [change["kind"] for change in found] == ["DELETED", "MOVED", "MOVED", "CREATED"]


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [
        (0, 1, [("v1", "ADDED", None, 0), ("v10", "ADDED", None, 0)]),
        (1, 2, [("v", "ADDED", None, 2), ("v1", "MOVED", 0, 1)]),
        (1, 3, [("v", "ADDED", None, 2), ("v1", "REMOVED", 0, None)]),
        (1, 4, [("v", "ADDED", None, 2)]),
        (4, 6, [("v1", "MOVED", 0, 2)]),
        (5, 5, []),
        (6, None, []),
        (5, None, [("v1", "ADDED", None, 2)]),
    ],
)
async def test_a_difference_lists_tags_whose_manifest_changed(
    ada: GraphQL,
    images: list[str],
    moment: At,
    start: int,
    end: int | None,
    expected: list[tuple[str, str, int | None, int | None]],
) -> None:
    await life(ada, images, moment)

    answer = await ada.data(
        DIFFERENCE, **{"from": iso(start * 1_000), "to": iso(end * 1_000) if end else None}
    )

    number = {digest: index for index, digest in enumerate(images)}
    found = answer["repository"]["tagDifference"]
    assert [
        (
            one["name"],
            one["kind"],
            number[one["before"]["digest"]] if one["before"] else None,
            number[one["after"]["digest"]] if one["after"] else None,
        )
        for one in found["nodes"]
    ] == expected
    assert found["totalCount"] == len(expected)


async def test_a_difference_of_the_future_to_the_past_is_refused(ada: GraphQL, images: list[str]) -> None:
    assert await ada.refusal(DIFFERENCE, **{"from": iso(2_000), "to": iso(1_000)}) == "BAD_REQUEST"


async def test_one_query_shows_what_latest_was_last_week_and_what_changed_since(
    ada: GraphQL, images: list[str], moment: At
) -> None:
    first, second, _ = images
    await moment(1, ada.payload(UPDATE, tag="latest", input={"manifestDigest": first}))
    await moment(9, ada.payload(UPDATE, tag="latest", input={"manifestDigest": second}))
    await moment(9, ada.payload(UPDATE, tag="v2", input={"manifestDigest": second}))

    answer = await ada.data(LAST_WEEK, lastWeek=iso(5_000))

    assert answer["repository"] == {
        "lastWeek": {"nodes": [{"manifest": {"digest": first}}]},
        "since": {
            "nodes": [
                {
                    "name": "latest",
                    "kind": "MOVED",
                    "before": {"digest": first},
                    "after": {"digest": second},
                },
                {"name": "v2", "kind": "ADDED", "before": None, "after": {"digest": second}},
            ]
        },
    }


async def test_strangers_see_no_history(graphql: GraphQL, factory: Factory, images: list[str]) -> None:
    await factory.user("bob")
    bob = graphql.with_token(await factory.token("bob"))

    assert await bob.refusal(HISTORY) == "FORBIDDEN"
    assert await bob.refusal(DIFFERENCE, **{"from": iso(0)}) == "FORBIDDEN"


async def fill(names: int, spans: int) -> None:
    """Give `ada/app` many tags, each with a history."""
    (manifest,) = await fetch("SELECT id, repository_id FROM manifest ORDER BY id LIMIT 1")
    await Tag.bulk_create(
        [
            Tag(
                repository_id=manifest["repository_id"],
                manifest_id=manifest["id"],
                name=f"t{name}",
                started_at_ms=1_000_000 * span + name,
                ended_at_ms=None if span == spans - 1 else 1_000_000 * (span + 1) + name,
            )
            for span in range(spans)
            for name in range(names)
        ],
        batch_size=500,
    )


LISTS = {
    "tags": '{ repository(path: "ada/app") { tags(first: 100) { nodes { name } } } }',
    "all spans": '{ repository(path: "ada/app") { tags(first: 100, isActive: false) { nodes { name } } } }',
    "as of": """{ repository(path: "ada/app") {
      tags(first: 100, asOf: "1970-01-01T00:20:00Z") { nodes { name } } } }""",
    "one tag": '{ repository(path: "ada/app") { tag(name: "t7") { name } } }',
    "history": """{ repository(path: "ada/app") {
      tagHistory(name: "t7", first: 100) { nodes { kind manifest { digest } } } } }""",
    "difference": """{ repository(path: "ada/app") {
      tagDifference(from: "1970-01-01T00:16:40Z", to: "1970-01-01T00:16:50Z") {
        nodes { name before { digest } after { digest } } } } }""",
}


@pytest.mark.parametrize("names", [10, 400])
async def test_history_costs_no_n_plus_1(ada: GraphQL, images: list[str], names: int) -> None:
    await fill(names, 3)
    costs = {}

    for name, document in LISTS.items():
        await ada.data(document)
        with count_statements() as count:
            await ada.data(document)
        costs[name] = len(count.statements) - 1

    # The repository, the viewer's grants, the list; then the spans before, and the manifests.
    assert costs == {"tags": 3, "all spans": 3, "as of": 3, "one tag": 3, "history": 5, "difference": 3}


async def test_history_queries_use_indexes(ada: GraphQL, images: list[str]) -> None:
    await fill(400, 3)
    await execute("ANALYZE")
    offences = of_postgres if is_postgres() else of_sqlite
    found, seen = [], set()

    for name, document in LISTS.items():
        with count_statements() as count:
            await ada.data(document)
        for statement in count.statements:
            if statement.lstrip().upper().startswith("SELECT") and " tag " in statement:
                found += [(name, offence) for offence in await offences(statement)]
                seen.add(name)

    assert seen == set(LISTS)
    assert found == []


async def of_sqlite(statement: str) -> list[str]:
    """Steps of a plan of SQLite that scan all tags or sort."""
    plan = await fetch(f"EXPLAIN QUERY PLAN {statement}", *[0] * statement.count("?"))
    details = [str(row["detail"]) for row in plan]
    return [
        detail
        for detail in details
        if detail.startswith(("SCAN t", "SCAN tag")) or "MULTI-INDEX OR" in detail
    ]


async def of_postgres(statement: str) -> list[str]:
    """Steps of a plan of PostgreSQL that scan tags without an index condition, or sort beyond one name."""
    highest = max(int(number) for number in re.findall(r"\$(\d+)", statement))
    async with transaction("explain"):
        # PostgreSQL scans tables as small as a test's unless that is disabled.
        await execute("SET LOCAL enable_seqscan = off")
        await execute("SET LOCAL plan_cache_mode = force_generic_plan")
        await execute(f"PREPARE explained AS {statement}")
        (row,) = await fetch(f"EXPLAIN (FORMAT JSON) EXECUTE explained({', '.join(['NULL'] * highest)})")
        await execute("DEALLOCATE explained")
    found: list[str] = []

    def walk(node: dict[str, Any], *, is_sorted: bool) -> None:
        condition = node.get("Index Cond", "")
        if node.get("Relation Name") == "tag":
            is_narrow = any(column in condition for column in ("name", "started_at_ms >", "ended_at_ms >"))
            if not condition or (is_sorted and not is_narrow):
                found.append(f"{node['Node Type']} {condition}")
        for child in node.get("Plans", ()):
            walk(child, is_sorted=is_sorted or node["Node Type"] == "Sort")

    walk(json.loads(row["QUERY PLAN"])[0]["Plan"], is_sorted=False)
    return found
