"""Many repositories: lists and searches use indexes and read a bounded number of rows."""

import re
from typing import Any

import pytest

import resolvers.pages
from resolvers.access import index_ranges
from resolvers.access.roles import RepositoryRole
from resolvers.pages import Page
from resolvers.repositories.repository import RepositoryFilter, RepositoryOrder, Visibility, repositories
from resolvers.search import search
from storage.statements import count_statements, execute, fetch, is_postgres
from tests.bench.many import fill, fill_users
from tests.factories import Factory
from tests.schema.client import GraphQL

MANY = 20_000


@pytest.fixture
async def many(factory: Factory) -> None:
    """Twenty thousand users and repositories; `bob` may see every third, and one more."""
    for name in ("ada", "bob"):
        await factory.user(name)
    owner = await factory.organization("bulk", owner="ada")
    await fill(owner.id, 0, MANY)
    await fill_users(MANY)
    await factory.repository("ada/shared-image")
    await factory.grant("ada/shared-image", "bob", RepositoryRole.READ, by="ada")
    # Autovacuum would do it soon; without statistics PostgreSQL does not choose the indexes.
    await execute("VACUUM")
    await execute("ANALYZE")


@pytest.fixture
def plans(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Query plans of the pages that are read, one line per step."""
    steps: list[str] = []

    async def explained(sql: str, *values: Any) -> Any:
        keyword = "EXPLAIN (ANALYZE, TIMING OFF)" if is_postgres() else "EXPLAIN QUERY PLAN"
        rows = await fetch(f"{keyword} {sql}", *values)
        steps.extend(str(row["QUERY PLAN"] if is_postgres() else row["detail"]) for row in rows)
        return await fetch(sql, *values)

    monkeypatch.setattr(resolvers.pages, "fetch", explained)
    return steps


def whole_tables(steps: list[str]) -> list[str]:
    """The steps of a plan that scan a whole table."""
    tables = {"repository", "account", "r", "n", "a"}
    if is_postgres():
        return [step for step in steps if any(f"Seq Scan on {table} " in step for table in tables)]
    queries = [step.split()[1] for step in steps if step.split()[0] in {"CO-ROUTINE", "MATERIALIZE"}]
    for query in queries:
        # A scan of a CTE or subquery is listed under its name.
        if f"SCAN {query}" in steps:
            steps.remove(f"SCAN {query}")
    return [
        step
        for step in steps
        if step.split()[0] == "SCAN"
        and step.split()[1] in tables
        and "USING INDEX" not in step
        and "VIRTUAL TABLE" not in step
    ]


SEARCHES = {
    "image-000501": 1,
    "0501-x": 2,
    "nowhere": 0,
    "harbour 501": 20,
    "mage": 100,
    "im": 100,
    "bulk/mage": 100,
    "a harb": 100,
    "": 100,
}
"""Texts, and the most repositories that each finds."""


@pytest.mark.parametrize("name", ["ada", "bob"])
async def test_a_search_reads_a_bounded_number_of_rows(
    factory: Factory, many: None, plans: list[str], name: str
) -> None:
    context = await factory.as_account(name)
    kinds = [search.SearchKind.REPOSITORY]

    for text, number in SEARCHES.items():
        plans.clear()
        found = await search.search(context, text, Page(100), kinds=kinds, per_kind=100)

        assert plans
        if is_postgres():
            # A search in a namespace first counts whether its repositories can be scanned.
            assert max(map(read_rows, plans)) <= (index_ranges.MAX_BY_ROW + 1 if "/" in text else 1_000), text
        assert whole_tables(plans) == [], text
        assert len(found.items) <= number, text
        assert (len(found.items) > 0) == (number > 0), text


@pytest.mark.parametrize("name", ["cy", "dee", None])
async def test_a_search_does_not_read_invisible_matches(
    factory: Factory, many: None, plans: list[str], name: str | None
) -> None:
    # given somebody with 1,500 permissions, and an administrator of as many private repositories
    for viewer in ("cy", "dee"):
        await factory.user(viewer)
    large = await factory.organization("large", owner="dee")
    await execute(
        "INSERT INTO repository (uuid, namespace_id, name, visibility, state, badge_token, auth_epoch,"
        " created_at_ms) SELECT 'large-' || r.id, CAST(? AS BIGINT), 'dock-' || r.id, 'private', 'NORMAL',"
        " 'none', 0, 0 FROM repository r WHERE r.visibility = 'private' ORDER BY r.id LIMIT 1500",
        large.id,
    )
    await execute(
        "INSERT INTO repository_permission (repository_id, account_id, role)"
        " SELECT r.id, a.id, 'read' FROM repository r, account a WHERE r.namespace_id = ? AND a.name = 'cy'",
        large.id,
    )
    await execute("ANALYZE")
    context = factory.context() if name is None else await factory.as_account(name)
    kinds = [search.SearchKind.REPOSITORY]

    # when they search for words that all private or public repositories of others contain
    for text, number in (("hidden in", 0), ("large/mage", 0), ("dock-", 0 if name is None else 100)):
        plans.clear()
        found = await search.search(context, text, Page(100), kinds=kinds, per_kind=100)

        # then the rows read are bounded by the repositories that they may see
        assert len(found.items) == number, text
        if is_postgres():
            assert max(map(read_rows, plans)) < 5_000, text
        elif "/" not in text:
            assert [step for step in plans if "repository_search_private" in step] == [], text


LISTS = {
    "everything": RepositoryFilter(),
    "by name": RepositoryFilter(order=RepositoryOrder.NAME),
    "by name, backwards": RepositoryFilter(order=RepositoryOrder.NAME_REVERSED),
    "newest first": RepositoryFilter(order=RepositoryOrder.NEWEST_FIRST),
    "no public ones": RepositoryFilter(include_public=False),
    "no public ones, newest first": RepositoryFilter(
        include_public=False, order=RepositoryOrder.NEWEST_FIRST
    ),
    "no public ones, by name": RepositoryFilter(include_public=False, order=RepositoryOrder.NAME),
    "of a namespace": RepositoryFilter(namespace="bulk", order=RepositoryOrder.NAME),
    "of a namespace, backwards": RepositoryFilter(namespace="bulk", order=RepositoryOrder.NAME_REVERSED),
    "private ones of a namespace": RepositoryFilter(namespace="bulk", visibility=Visibility.PRIVATE),
}


@pytest.mark.parametrize("name", ["ada", "bob"])
async def test_a_page_of_a_list_reads_a_bounded_number_of_rows(
    factory: Factory, many: None, plans: list[str], name: str
) -> None:
    context = await factory.as_account(name)

    for case, chosen in LISTS.items():
        first = await repositories(context, chosen, Page(100))
        plans.clear()
        await repositories(context, chosen, Page(100, first.cursors[-1] if first.has_next else None))

        assert plans
        assert whole_tables(plans) == [], case
        if is_postgres():
            assert max(map(read_rows, plans)) < 1_000, case
        else:
            # Only the results are sorted, at the end.
            assert plans.count("USE TEMP B-TREE FOR ORDER BY") == 1, case
            assert plans[-1] == "USE TEMP B-TREE FOR ORDER BY", case
            assert [step for step in plans if "BLOOM FILTER" in step] == [], case


def read_rows(step: str) -> float:
    """How many rows a step of an analysed plan of PostgreSQL gave or threw away, over all of its loops."""
    given = re.search(r"actual rows=([\d.]+) loops=(\d+)", step)
    removed = re.search(r"Rows Removed by [A-Za-z ]+: (\d+)", step)
    return float(given[1]) * int(given[2]) if given else float(removed[1]) if removed else 0


async def test_lists_and_searches_cost_no_n_plus_1(factory: Factory, graphql: GraphQL) -> None:
    await factory.user("ada")
    owner = await factory.organization("bulk", owner="ada")
    ada = graphql.with_token(await factory.token("ada"))
    documents = (
        "{ repositories(first: 100) { nodes { path isStarred starCount popularity lastModifiedAt } } }",
        '{ search(text: "image", first: 100) { nodes { item { ... on Repository { path starCount } } } } }',
    )

    async def costs() -> list[int]:
        taken = []
        for document in documents:
            await ada.data(document)
            with count_statements() as count:
                await ada.data(document)
            taken.append(len(count.statements))
        return taken

    await fill(owner.id, 0, 10)
    few = await costs()
    await fill(owner.id, 10, 5_000)

    assert (few, await costs()) == ([7, 5], [7, 5])
