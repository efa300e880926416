"""The audit log through GraphQL: authorization, entries, summary and cost."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from resolvers.access.scopes import Scope
from resolvers.record import audit as resolver
from storage import audit
from storage.clock import now_ms
from storage.statements import count_statements, execute, fetch
from storage.transactions import transaction
from tests.factories import Factory
from tests.plugins.clock import Clock
from tests.schema.client import GraphQL, endpoint

LOG = """
query Log($owner: OwnerInput, $filter: AuditLogFilter, $first: Int = 50, $after: Cursor) {
  auditLog(owner: $owner, filter: $filter, first: $first, after: $after) {
    nodes { kind metadata ip occurredAt performer { __typename name } repository { path } }
    pageInfo { hasNextPage nextCursor }
  }
}
"""
SUMMARY = """
query Summary($owner: OwnerInput, $filter: AuditLogFilter) {
  auditSummary(owner: $owner, filter: $filter) { kind startsAt count }
}
"""
DAY_MS = resolver.DAY_MS


async def _entries(client: GraphQL, **variables: Any) -> list[dict[str, Any]]:
    nodes: list[dict[str, Any]] = (await client.data(LOG, **variables))["auditLog"]["nodes"]
    return nodes


async def _fill(namespace_id: int, count: int, *, kind: str = "pull_repo", at_ms: int | None = None) -> None:
    """Entries of a kind, a minute apart, the newest at the given time."""
    newest = at_ms if at_ms is not None else now_ms()
    await audit.append_many(
        [
            audit.AuditRow(kind, {"n": number}, namespace_id, None, None, None, newest - number * 60_000)
            for number in range(count)
        ]
    )


async def test_an_audit_entry_has_action_and_token(ada: GraphQL) -> None:
    # when somebody creates a repository with an access token
    await ada.payload(
        'mutation { repositoryCreate(input: {name: "app"}) { repository { path } errors { code } } }'
    )

    # then the newest entry has action and token
    entry = (await _entries(ada))[0]
    (token,) = await fetch("SELECT id FROM access_token")
    assert entry | {"occurredAt": None} == {
        "kind": "create_repo",
        "metadata": {
            "repo": "app",
            "namespace": "ada",
            "oauth_token_id": token["id"],
            "oauth_token_application_id": None,
            "oauth_token_application": None,
        },
        "ip": "127.0.0.1",
        "occurredAt": None,
        "performer": {"__typename": "User", "name": "ada"},
        "repository": {"path": "ada/app"},
    }


async def test_the_log_of_a_repository_holds_its_entries_alone(ada: GraphQL, factory: Factory) -> None:
    for path in ("ada/one", "ada/two"):
        await factory.repository(path)

    assert [entry["metadata"]["repo"] for entry in await _entries(ada, owner={"repository": "ada/one"})] == [
        "one"
    ]
    assert len(await _entries(ada, owner={"namespace": "ada"})) == len(await _entries(ada)) >= 4


@pytest.mark.parametrize(
    ("place", "scopes", "code"),
    [
        ({"namespace": "harbour"}, {Scope.ORG_ADMIN}, None),
        ({"namespace": "harbour"}, {Scope.USER_ADMIN}, "FORBIDDEN"),
        (None, {Scope.USER_ADMIN}, None),
        ({"namespace": "ada"}, {Scope.USER_ADMIN}, None),
        ({"namespace": "ada"}, {Scope.REPO_ADMIN}, "FORBIDDEN"),
        ({"namespace": "bob"}, {Scope.USER_ADMIN, Scope.ORG_ADMIN}, "FORBIDDEN"),
        ({"namespace": "nobody"}, {Scope.USER_ADMIN, Scope.ORG_ADMIN}, "FORBIDDEN"),
        ({"repository": "harbour/app"}, {Scope.REPO_ADMIN}, None),
        ({"repository": "harbour/app"}, {Scope.REPO_WRITE}, "FORBIDDEN"),
        ({"repository": "bob/app"}, {Scope.REPO_ADMIN}, "FORBIDDEN"),
    ],
)
async def test_who_may_read(
    ada: GraphQL, factory: Factory, place: dict[str, str] | None, scopes: set[Scope], code: str | None
) -> None:
    # given ada, who administers an organization, and bob, whose repository is public
    await factory.user("bob")
    await factory.organization("harbour", owner="ada")
    await factory.repository("harbour/app", by="ada")
    await factory.repository("bob/app")
    client = ada.with_token(await factory.token("ada", frozenset(scopes)))

    # then her token's scopes decide with her role
    for query in (LOG, SUMMARY):
        answer = await client.answer(query, owner=place)
        assert [error["extensions"]["code"] for error in answer.get("errors", [])] == ([code] if code else [])


async def test_anonymous_callers_are_unauthenticated(graphql: GraphQL, factory: Factory) -> None:
    await factory.user("bob")
    for place in (None, {"namespace": "bob"}, {"repository": "bob/app"}):
        for query in (LOG, SUMMARY):
            assert await graphql.refusal(query, owner=place) == "UNAUTHENTICATED"


async def test_a_repository_that_is_absent_has_no_log(ada: GraphQL) -> None:
    for query in (LOG, SUMMARY):
        (found,) = (await ada.data(query, owner={"repository": "ada/none"})).values()
        assert found is None


async def test_the_log_is_a_connection_with_its_interval(ada: GraphQL) -> None:
    chosen = {"startsAt": "2026-01-01T00:00:00Z", "endsAt": "2126-01-01T00:00:00Z"}
    query = """query ($filter: AuditLogFilter) { auditLog(filter: $filter, first: 1) {
      edges { cursor node { id kind } } totalCount startsAt endsAt } }"""

    log = (await ada.data(query, filter=chosen))["auditLog"]

    (edge,) = log["edges"]
    assert edge["cursor"]
    assert edge["node"]["kind"] == "create_oauth_api_token"
    assert log["totalCount"] == 2
    assert {"startsAt": log["startsAt"], "endsAt": log["endsAt"]} == chosen


async def test_a_log_has_one_owner(ada: GraphQL) -> None:
    for place in ({}, {"namespace": "ada", "repository": "ada/app"}, {"namespace": None}):
        assert "errors" in await ada.answer(LOG, owner=place)


async def test_the_summary_can_be_disabled(ada: GraphQL, factory: Factory) -> None:
    closed = factory.without_features("AGGREGATED_LOG_COUNT_RETRIEVAL")
    async with endpoint(closed) as graphql:
        client = graphql.with_token(await factory.token("ada"))

        assert await client.refusal(SUMMARY) == "FORBIDDEN"
        assert await _entries(client)


async def test_pages_are_stable_while_entries_arrive(ada: GraphQL, factory: Factory) -> None:
    # given entries, some of the same millisecond
    (owner,) = await fetch("SELECT id FROM account WHERE name = 'ada'")
    now = now_ms()
    await execute("DELETE FROM audit_log")
    await audit.append_many(
        [
            audit.AuditRow("pull_repo", {"n": n}, owner["id"], None, None, None, now - n // 3)
            for n in range(25)
        ]
    )

    # when they are read page by page while new ones arrive
    seen, after = [], None
    while True:
        page = (await ada.data(LOG, first=10, after=after))["auditLog"]
        seen += [node["metadata"]["n"] for node in page["nodes"] if node["kind"] == "pull_repo"]
        await audit.append_many([audit.AuditRow("new", {}, owner["id"], None, None, None, now_ms() + 1000)])
        after = page["pageInfo"]["nextCursor"]
        if after is None:
            break

    # then each was read once
    assert sorted(seen) == list(range(25))


async def test_who_is_nobody_has_done_nothing(ada: GraphQL) -> None:
    (owner,) = await fetch("SELECT id FROM account WHERE name = 'ada'")
    await _fill(owner["id"], 3, at_ms=now_ms() - 2 * DAY_MS)
    await resolver.roll_up()
    week = {"startsAt": (datetime.now(UTC) - timedelta(days=7)).isoformat()}

    # Entries without a performer are rolled up under a number that is nobody's.
    every = (await ada.data(SUMMARY, filter=week))["auditSummary"]
    nobody = (await ada.data(SUMMARY, filter=week | {"performer": "nobody"}))["auditSummary"]

    assert sum(one["count"] for one in every if one["kind"] == "pull_repo") == 3
    assert nobody == []


async def test_filters(ada: GraphQL, factory: Factory) -> None:
    # given entries of today and of five days ago, by ada and without a performer
    (owner,) = await fetch("SELECT id FROM account WHERE name = 'ada'")
    await factory.repository("ada/app")
    await _fill(owner["id"], 3, at_ms=now_ms() - 5 * DAY_MS)
    week = {"startsAt": (datetime.now(UTC) - timedelta(days=7)).isoformat()}

    # then the default is the last day, and both conditions narrow it
    assert {entry["kind"] for entry in await _entries(ada)} == {
        "user_create",
        "create_oauth_api_token",
        "create_repo",
    }
    assert len([e for e in await _entries(ada, filter=week) if e["kind"] == "pull_repo"]) == 3
    by_ada = await _entries(ada, filter=week | {"performer": "ada"})
    assert {entry["kind"] for entry in by_ada} == {"create_repo"}
    assert await _entries(ada, filter=week | {"performer": "nobody"}) == []
    until = (datetime.now(UTC) - timedelta(days=4)).isoformat()
    assert {e["kind"] for e in await _entries(ada, filter=week | {"endsAt": until})} == {"pull_repo"}
    pulls = week | {"kinds": ["pull_repo"]}
    assert [e["kind"] for e in await _entries(ada, filter=pulls)] == ["pull_repo"] * 3
    both = week | {"kinds": ["create_repo", "user_create"]}
    assert {e["kind"] for e in await _entries(ada, filter=both)} == {"create_repo", "user_create"}
    assert {e["kind"] for e in await _entries(ada, filter=both | {"performer": "ada"})} == {"create_repo"}
    assert await _entries(ada, filter=week | {"kinds": []}) == []


async def test_counts_are_of_the_kinds_and_the_performer_that_are_asked_for(
    ada: GraphQL, factory: Factory
) -> None:
    (owner,) = await fetch("SELECT id FROM account WHERE name = 'ada'")
    await factory.repository("ada/app")
    await _fill(owner["id"], 3, at_ms=now_ms() - 5 * DAY_MS)
    await resolver.roll_up()
    await _fill(owner["id"], 2)
    week = {"startsAt": (datetime.now(UTC) - timedelta(days=7)).isoformat()}

    async def counts(**chosen: Any) -> dict[str, int]:
        found: dict[str, int] = {}
        for row in (await ada.data(SUMMARY, filter=week | chosen))["auditSummary"]:
            found[row["kind"]] = found.get(row["kind"], 0) + row["count"]
        return found

    assert await counts(kinds=["pull_repo"]) == {"pull_repo": 5}
    assert await counts(kinds=["pull_repo", "create_repo"], performer="ada") == {"create_repo": 1}
    assert await counts(kinds=[]) == {}


async def test_an_interval_that_ends_before_it_starts_is_refused(ada: GraphQL) -> None:
    wrong = {"startsAt": "2026-01-02T00:00:00Z", "endsAt": "2026-01-01T00:00:00Z"}

    assert await ada.refusal(LOG, filter=wrong) == "BAD_REQUEST"


async def _summary(client: GraphQL, **variables: Any) -> dict[tuple[str, str], int]:
    rows = (await client.data(SUMMARY, **variables))["auditSummary"]
    return {(row["startsAt"], row["kind"]): row["count"] for row in rows}


async def test_the_roll_up_does_not_change_counts(ada: GraphQL) -> None:
    # given ten days of entries, four an hour
    (owner,) = await fetch("SELECT id FROM account WHERE name = 'ada'")
    midnight = now_ms() // DAY_MS * DAY_MS
    await audit.append_many(
        [
            audit.AuditRow(kind, {}, owner["id"], None, None, None, midnight - quarter * 15 * 60_000)
            for quarter in range(1, 10 * 96)
            for kind in ("pull_repo", "push_repo")
        ]
    )
    since = datetime.fromtimestamp(midnight / 1000 - 7.5 * 86_400, UTC).isoformat()
    until = datetime.fromtimestamp(midnight / 1000, UTC).isoformat()
    chosen = {"filter": {"startsAt": since, "endsAt": until}}
    before = await _summary(ada, **chosen)

    # when they are rolled up, twice
    for _ in range(2):
        await resolver.roll_up()

    # then a half day counts half, whole days whole, and nothing changed
    assert await _summary(ada, **chosen) == before
    assert sorted(before.values()) == [48] * 2 + [96] * 14
    (rolled,) = await fetch("SELECT SUM(entries) AS n FROM audit_daily WHERE kind = 'pull_repo'")
    assert rolled["n"] == 10 * 96 - 1


async def test_counts_of_more_than_a_month_are_refused(ada: GraphQL) -> None:
    since = (datetime.now(UTC) - timedelta(days=40)).isoformat()

    assert await ada.refusal(SUMMARY, filter={"startsAt": since}) == "BAD_REQUEST"
    assert await _entries(ada, filter={"startsAt": since})


async def test_pruning_keeps_recent_entries(ada: GraphQL) -> None:
    (owner,) = await fetch("SELECT id FROM account WHERE name = 'ada'")
    await execute("DELETE FROM audit_log")
    await _fill(owner["id"], 700, at_ms=now_ms() - 10 * DAY_MS)
    await _fill(owner["id"], 3)
    await resolver.roll_up()

    await resolver.prune(now_ms() - 5 * DAY_MS)

    assert (await fetch("SELECT COUNT(*) AS n FROM audit_log"))[0]["n"] == 3
    assert (await fetch("SELECT COUNT(*) AS n FROM audit_daily WHERE day < ?", now_ms() // DAY_MS - 5))[0][
        "n"
    ] == 0


async def test_no_secret_is_recorded(ada: GraphQL, factory: Factory) -> None:
    # given all mutations that return a secret
    await factory.organization("harbour", owner="ada")
    answers = [
        await ada.payload(mutation)
        for mutation in (
            """mutation { robotCreate(input: {owner: "harbour", shortName: "ci"}) {
              robot { token } errors { code } } }""",
            """mutation { robotTokenRegenerate(owner: "harbour", shortName: "ci") {
              robot { token } errors { code } } }""",
            """mutation { applicationCreate(organization: "harbour", input: {name: "app"}) {
              application { clientId clientSecret } errors { code } } }""",
        )
    ]
    identity = answers[-1]["application"].pop("clientId")
    answers += [
        await ada.payload(mutation, id=identity)
        for mutation in (
            """mutation ($id: String!) { applicationSecretReset(organization: "harbour", clientId: $id) {
              application { clientSecret } errors { code } } }""",
            """mutation ($id: String!) { applicationTokenCreate(organization: "harbour", clientId: $id,
              input: {title: "t", scope: "repo:read"}) { secret errors { code } } }""",
        )
    ]
    secrets = [
        text
        for answer in answers
        for value in answer.values()
        for text in (value.values() if isinstance(value, dict) else [value])
        if isinstance(text, str)
    ]
    assert len(secrets) == 5
    assert all(len(secret) >= 40 for secret in secrets)

    # then neither the log nor the events contain a secret or a usable part of one
    told = str(await fetch("SELECT metadata FROM audit_log")) + str(await fetch("SELECT metadata FROM event"))
    assert identity in told
    assert [secret for secret in secrets if secret[:20] in told or secret[20:] in told] == []


@pytest.mark.parametrize("count", [100, 2000])
async def test_the_cost_of_a_page_does_not_grow_with_the_log(
    factory: Factory, ada: GraphQL, count: int
) -> None:
    (owner,) = await fetch("SELECT id FROM account WHERE name = 'ada'")
    await _fill(owner["id"], count)
    since = (datetime.now(UTC) - timedelta(days=7)).isoformat()

    with count_statements() as counted:
        page = await _entries(ada, filter={"startsAt": since}, first=100)

    assert len(page) == 100
    # The token and its use; the namespace; the page; performers; repositories.
    assert len(counted.statements) <= 6

    with count_statements() as counted:
        await ada.data(SUMMARY, filter={"startsAt": since})

    # The token and its use; the namespace; two for the counts.
    assert len(counted.statements) <= 5


@pytest.mark.parametrize("place", [("namespace_id", 1), ("repository_id", 1), None])
@pytest.mark.parametrize("performer_id", [None, 1])
@pytest.mark.parametrize("kinds", [None, ["push_repo", "pull_repo"]])
async def test_a_page_is_read_through_an_index(
    factory: Factory, kinds: list[str] | None, performer_id: int | None, place: tuple[str, int] | None
) -> None:
    log = resolver.log_of(place, 1, now_ms(), performer_id, kinds)
    where = " AND ".join(log.conditions)
    query = f"SELECT l.id FROM audit_log l WHERE {where} ORDER BY l.created_at_ms DESC, l.id DESC LIMIT 20"
    if factory.database.dialect == "postgres":
        async with transaction("explain"):
            # Tables as small as those of a test are scanned unless that is forbidden.
            await execute("SET LOCAL enable_seqscan = off")
            plan = await fetch(f"EXPLAIN {query}", *log.values)
        assert any("Index" in row["QUERY PLAN"] for row in plan)
        assert not any("Sort" in row["QUERY PLAN"] for row in plan)
    else:
        plan = await fetch(f"EXPLAIN QUERY PLAN {query}", *log.values)
        assert [row["detail"].split(" USING ")[0] for row in plan] == ["SEARCH l"]


@pytest.mark.parametrize("hours", [1, 30, 24 * 7])
async def test_entries_are_counted_when_the_clock_goes_back(ada: GraphQL, clock: Clock, hours: int) -> None:
    # given entries, some of them rolled up, at a time
    (owner,) = await fetch("SELECT id FROM account WHERE name = 'ada'")
    await execute("DELETE FROM audit_log")
    clock.move(3_600 * hours)
    await _fill(owner["id"], 5)
    clock.move(3_600)
    await resolver.roll_up()
    # when the clock goes back, and others are written
    clock.move(-3_600 * (hours + 1))
    await _fill(owner["id"], 3)
    for _ in range(2):
        clock.move(600)
        await resolver.roll_up()
    await _fill(owner["id"], 2)
    # then all are counted, also when the clock comes there again
    for _ in range(2):
        chosen = {
            "startsAt": datetime.fromtimestamp(now_ms() / 1000 - 10 * 86_400, UTC).isoformat(),
            "endsAt": datetime.fromtimestamp(now_ms() / 1000 + 9 * 86_400, UTC).isoformat(),
        }
        assert sum((await _summary(ada, filter=chosen)).values()) == 10
        clock.move(3_600 * (hours + 2))
        await resolver.roll_up()
