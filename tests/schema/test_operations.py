"""`site { operations }`: how the registry does, for those who see the site; and jobs that are tried again."""

from datetime import UTC, datetime

import pytest

from quayside.version import __version__
from resolvers.job_kinds import HOUR, MINUTE, collected
from storage.clock import now_ms
from storage.database import latest_revision
from storage.jobs import claim, enqueue, fail, finish
from storage.statements import execute, is_postgres
from tests.factories import EVERY_SCOPE, Factory
from tests.schema.client import GraphQL, Json

ALL = """{ site { operations {
  version schemaRevision
  database { kind isHealthy latencyMs freeBytes }
  blobStore { kind isHealthy latencyMs freeBytes }
  jobCounts { kind waitingCount runningCount failedCount oldestDueAt }
  recurringJobs { kind description intervalS isGoingOnWhenReadOnly lastDurationMs nextAt
    lastJob { state error } }
  eventLag { lastEventAt unreadCount oldestUnreadAt summedUntilAt }
  signIns { sessionCount accessTokenCount usedAccessTokenCount appTokenCount usedAppTokenCount }
  signInFailures { address failureCount lastFailedAt }
  namespaceStorage(first: 1) { totalCount nodes { namespace storedBytes } pageInfo { nextCursor } }
} } }"""
RETRY = "mutation ($job: ID!) { jobRetry(job: $job) { job { state attempts error } errors { code } } }"
JOBS = "{ jobs(filter: { states: [FAILED] }) { nodes { id } } }"


@pytest.fixture
async def root(graphql: GraphQL, factory: Factory) -> GraphQL:
    await factory.user("root", is_superuser=True)
    return graphql.with_token(await factory.token("root"))


async def operations(caller: GraphQL) -> Json:
    return (await caller.data(ALL))["site"]["operations"]


async def failed(kind: str) -> None:
    """A job of a kind that was given up."""
    await enqueue(kind, {})
    job = await claim("host:1:2", [kind])
    assert job is not None
    await fail(job, "ValueError: no", attempts=1)


async def test_stores_and_versions_are_told(root: GraphQL) -> None:
    told = await operations(root)
    await execute(
        "INSERT INTO tortoise_migrations (app, name, applied_at) VALUES ('models', '9999_later', ?)",
        "2126-01-01" if not is_postgres() else datetime(2126, 1, 1, tzinfo=UTC),
    )
    later = await operations(root)
    await execute("DELETE FROM tortoise_migrations WHERE name = '9999_later'")

    # As of the database, which a newer server has migrated
    assert [one["schemaRevision"] for one in (told, later)] == [latest_revision(), "9999_later"]
    assert told["version"] == __version__
    assert told["database"].pop("latencyMs") < 5000
    on_disk = told["database"].pop("freeBytes")
    assert (on_disk is None) == is_postgres()
    assert told["database"] == {"kind": "postgres" if is_postgres() else "sqlite", "isHealthy": True}
    assert told["blobStore"].pop("latencyMs") < 5000
    assert int(told["blobStore"].pop("freeBytes")) > 0
    assert told["blobStore"] == {"kind": "file", "isHealthy": True}


async def test_jobs_are_counted_by_kind_and_recurring_ones_told(root: GraphQL) -> None:
    await enqueue("a", {})
    await enqueue("a", {}, delay_ms=3_600_000)
    await failed("b")
    await enqueue("audit.roll_up", {})
    job = await claim("host:1:2", ["audit.roll_up"])
    assert job is not None
    await execute("UPDATE job SET started_at_ms = ?, created_at_ms = 60000 WHERE id = ?", now_ms(), job.id)
    await finish(job)
    await failed("content.collect")

    told = await operations(root)

    counts = {one["kind"]: one for one in told["jobCounts"]}
    assert {kind: tuple(one.values())[1:4] for kind, one in counts.items()} == {
        "a": (2, 0, 0),
        "b": (0, 0, 1),
        "content.collect": (0, 0, 1),
    }
    assert [one["oldestDueAt"] is None for one in told["jobCounts"]] == [False, True, True]
    recurring = {one["kind"]: one for one in told["recurringJobs"]}
    assert list(recurring) == [kind.name for kind in collected().values() if kind.every_s]
    summed = recurring["audit.roll_up"]
    assert summed.pop("lastDurationMs") < 5000
    assert summed == {
        "kind": "audit.roll_up",
        "description": "Counts the entries of the audit log by day and kind.",
        "intervalS": MINUTE,
        "isGoingOnWhenReadOnly": True,
        "nextAt": "1970-01-01T00:02:00Z",
        "lastJob": {"state": "DONE", "error": None},
    }
    assert recurring["content.collect"]["lastJob"] == {"state": "FAILED", "error": "ValueError: no"}
    never = recurring["sign_in.forget"]
    assert (never["intervalS"], never["lastJob"], never["nextAt"]) == (HOUR, None, None)
    assert never["lastDurationMs"] is None


async def test_sign_ins_and_failures_are_counted(root: GraphQL, factory: Factory) -> None:
    ada = await factory.user("ada")
    await factory.token("ada")
    await execute("UPDATE access_token SET last_accessed_at_ms = NULL")
    now = now_ms()
    for number, expires in enumerate((now + 60_000, now + 60_000, now - 1)):
        await execute(
            "INSERT INTO session (cookie_hash, account_id, created_at_ms, expires_at_ms) VALUES (?, ?, ?, ?)",
            *(str(number), ada.id, now, expires),
        )
    for ip, kind, age_ms in (
        ("192.0.2.7", "login_failure", 5_000),
        ("192.0.2.7", "login_failure", 6_000),
        ("192.0.2.8", "login_failure", 7_000),
        ("192.0.2.9", "login_success", 8_000),
        ("192.0.2.8", "login_failure", 90_000_000),
    ):
        await execute(
            "INSERT INTO audit_log (kind, metadata, ip, created_at_ms) VALUES (?, '{}', ?, ?)",
            *(kind, ip, now - age_ms),
        )

    told = await operations(root)

    # The token of this request was used just now; whether that is written yet is left open.
    assert told["signIns"].pop("usedAccessTokenCount") in {0, 1}
    assert told["signIns"] == {
        "sessionCount": 2,
        "accessTokenCount": 2,
        "appTokenCount": 0,
        "usedAppTokenCount": 0,
    }
    assert [(one["address"], one["failureCount"]) for one in told["signInFailures"]] == [
        ("192.0.2.7", 2),
        ("192.0.2.8", 1),
    ]


async def test_events_not_read_and_namespaces_by_what_they_store(root: GraphQL, factory: Factory) -> None:
    for name, content in (("ada", b"one"), ("bob", b"a longer layer")):
        await factory.user(name)
        await factory.repository(f"{name}/app")
        await factory.image(f"{name}/app", content, tag="v1")
    before = (await operations(root))["eventLag"]
    assert (before["unreadCount"], before["oldestUnreadAt"]) == (0, None)
    await execute("INSERT INTO site_setting (name, value) VALUES ('notifications_read_up_to', '0:1')")

    told = await operations(root)

    assert told["eventLag"]["unreadCount"] > 3
    assert told["eventLag"]["lastEventAt"] >= told["eventLag"]["oldestUnreadAt"]
    first = told["namespaceStorage"]
    assert (first["totalCount"], first["nodes"][0]["namespace"]) == (2, "bob")
    second = await root.data(
        """query ($after: Cursor) { site { operations { namespaceStorage(first: 1, after: $after) {
        nodes { namespace storedBytes } pageInfo { nextCursor } } } } }""",
        after=first["pageInfo"]["nextCursor"],
    )
    rest = second["site"]["operations"]["namespaceStorage"]
    assert (rest["nodes"][0]["namespace"], rest["pageInfo"]["nextCursor"]) == ("ada", None)
    assert int(rest["nodes"][0]["storedBytes"]) < int(first["nodes"][0]["storedBytes"])


async def test_a_read_only_superuser_sees_all_of_it_and_retries_nothing(
    root: GraphQL, graphql: GraphQL, factory: Factory
) -> None:
    await factory.read_only_superuser()
    inspector = graphql.with_token(await factory.token("inspector", EVERY_SCOPE))
    await failed("a")
    (job,) = (await root.data(JOBS))["jobs"]["nodes"]

    assert (await operations(inspector)).keys() == (await operations(root)).keys()
    assert await inspector.refusal(RETRY, job=job["id"]) == "FORBIDDEN"

    made = (await root.data(RETRY, job=job["id"]))["jobRetry"]
    assert made == {"job": {"state": "WAITING", "attempts": 0, "error": "ValueError: no"}, "errors": []}
    again = await claim("host:1:2", ["a"])
    assert again is not None
    assert again.attempts == 1
