"""The audit log of the whole registry: who sees it, what it holds and counts."""

from typing import Any

import pytest

from resolvers.access.viewer import Viewer
from resolvers.record import audit as resolver
from resolvers.record.audit import AuditFilter
from storage import audit
from storage.clock import now_ms
from storage.statements import execute, fetch
from tests.factories import Factory
from tests.schema.client import GraphQL

LOG = """
query Log($filter: AuditLogFilter, $first: Int = 50, $after: Cursor) {
  site { auditLog(filter: $filter, first: $first, after: $after) {
    nodes { kind owner { __typename ... on User { name } ... on Organization { name } } performer { name } }
    pageInfo { nextCursor }
  } }
}
"""
SUMMARY = "query ($filter: AuditLogFilter) { site { auditSummary(filter: $filter) { kind count } } }"
DAY_MS = resolver.DAY_MS


def _row(kind: str, namespace_id: int | None, performer_id: int | None, at_ms: int) -> audit.AuditRow:
    return audit.AuditRow(kind, {}, namespace_id, None, performer_id, None, at_ms)


@pytest.fixture
async def root(graphql: GraphQL, factory: Factory) -> GraphQL:
    """A superuser, beside ada and the organization acme of hers; nothing is in the log."""
    await factory.user("ada")
    await factory.organization("acme", owner="ada")
    await factory.user("root", is_superuser=True)
    client = graphql.with_token(await factory.token("root"))
    await execute("DELETE FROM audit_log")
    return client


async def ids() -> dict[str, int]:
    return {row["name"]: row["id"] for row in await fetch("SELECT id, name FROM account")}


async def test_it_holds_what_belongs_to_any_namespace_and_to_none(root: GraphQL) -> None:
    # Given entries of a user, an organization, no namespace, and one that is gone
    account, now = await ids(), now_ms()
    owners = (account["ada"], account["acme"], None, 999_999)
    await audit.append_many(
        [_row("pull_repo", owner, account["ada"], now - place) for place, owner in enumerate(owners)]
        + [_row("push_repo", account["ada"], None, now - 2 * DAY_MS)]
    )

    # When it is read in pages of two, without an interval
    pages: list[dict[str, Any]] = []
    after = None
    while not pages or after:
        page = (await root.data(LOG, first=2, after=after))["site"]["auditLog"]
        pages, after = [*pages, *page["nodes"]], page["pageInfo"]["nextCursor"]

    # Then all of the last day are there, newest first
    assert [node["owner"] for node in pages] == [
        {"__typename": "User", "name": "ada"},
        {"__typename": "Organization", "name": "acme"},
        None,
        None,
    ]
    counted = {"site": {"auditSummary": [{"kind": "pull_repo", "count": 4}]}}
    assert await root.data(SUMMARY) == counted
    assert await root.data(SUMMARY, filter={"performer": "ada", "kinds": ["pull_repo"]}) == counted
    assert await root.data(SUMMARY, filter={"performer": "root"}) == {"site": {"auditSummary": []}}


@pytest.mark.parametrize("query", [LOG, SUMMARY])
async def test_only_those_who_see_the_site_see_it(
    graphql: GraphQL, root: GraphQL, factory: Factory, query: str
) -> None:
    ada = graphql.with_token(await factory.token("ada"))

    assert await ada.refusal(query) == "FORBIDDEN"
    assert await graphql.refusal(query) == "UNAUTHENTICATED"
    log = await resolver.whole_log(
        factory.context(Viewer(is_read_only_superuser=True)), AuditFilter(since_ms=1, until_ms=2)
    )
    assert (log.place, log.since_ms, log.until_ms) == (None, 1, 2)


async def test_each_entry_is_found_again_by_its_id(root: GraphQL, graphql: GraphQL, factory: Factory) -> None:
    # Given entries of an organization in which the superuser has no role, and of no namespace
    account, now = await ids(), now_ms()
    await audit.append_many([_row("pull_repo", owner, None, now) for owner in (account["acme"], None)])
    listed = await root.data("{ site { auditLog { nodes { id } } } }")
    entries = [node["id"] for node in listed["site"]["auditLog"]["nodes"]]
    document = "query ($id: ID!) { node(id: $id) { ... on AuditEntry { id kind } } }"

    # When those look for them by their ids who may list them, and the owner of the organization
    ada = graphql.with_token(await factory.token("ada"))
    found = [[(await client.data(document, id=one))["node"] for one in entries] for client in (root, ada)]

    # Then each finds what they may list
    both = [{"id": one, "kind": "pull_repo"} for one in entries]
    assert len(both) == 2
    assert found == [both, [None, both[1]]]
