"""Background jobs as superusers see them: what they tell, which are listed, cancelling in each state."""

import pytest

from resolvers.access.scopes import Scope
from storage.jobs import (
    MAXIMUM_ATTEMPTS,
    ClaimedJob,
    cancelled,
    claim,
    enqueue,
    extend,
    fail,
    finish,
    give_back,
    report,
)
from storage.statements import execute
from tests.factories import EVERY_SCOPE, Factory
from tests.schema.client import GraphQL, Json
from tests.state import dump

LIST = """query ($filter: JobFilter) { jobs(filter: $filter) { totalCount nodes {
  id kind state namespace attempts holder progress { done total } result error isCancelRequested
  createdAt runsAt startedAt finishedAt } } }"""
CANCEL = """mutation ($job: ID!) { jobCancel(job: $job) {
  job { id state isCancelRequested } errors { code field message } } }"""
NODE = "query ($id: ID!) { node(id: $id) { ... on Job { kind state } } }"


@pytest.fixture
async def root(graphql: GraphQL, factory: Factory) -> GraphQL:
    await factory.user("root", is_superuser=True)
    return graphql.with_token(await factory.token("root"))


async def claimed(kind: str = "a") -> ClaimedJob:
    job = await claim("host:1:2", [kind])
    assert job is not None
    return job


async def listed(root: GraphQL, **filter: object) -> list[Json]:
    found = (await root.data(LIST, filter=filter))["jobs"]
    nodes: list[Json] = found["nodes"]
    assert found["totalCount"] == len(nodes)
    return nodes


async def job_in(state: str) -> None:
    """Let the one job of kind `a` be in a state."""
    await enqueue("a", {})
    if state == "WAITING":
        return
    job = await claimed()
    if state == "DONE":
        await finish(job)
    elif state == "FAILED":
        await fail(job, "ValueError: no", attempts=1)
    elif state == "CANCELLED":
        await cancelled(job)


async def test_a_job_tells_how_it_goes(root: GraphQL, factory: Factory) -> None:
    ada = await factory.user("ada")
    await enqueue("a", {"secret": "hunter2"}, namespace_id=ada.id)

    (waiting,) = await listed(root)
    assert {key: value for key, value in waiting.items() if key not in {"id", "createdAt", "runsAt"}} == {
        "kind": "a",
        "state": "WAITING",
        "namespace": "ada",
        "attempts": 0,
        "holder": None,
        "progress": None,
        "result": None,
        "error": None,
        "isCancelRequested": False,
        "startedAt": None,
        "finishedAt": None,
    }

    job = await claimed()
    await report(job, 3, 7)
    (running,) = await listed(root)
    assert (running["state"], running["attempts"], running["holder"]) == ("RUNNING", 1, "host:1:2")
    assert running["progress"] == {"done": 3, "total": 7}
    assert running["startedAt"] is not None

    await fail(job, "ValueError: no")
    (again,) = await listed(root)
    assert (again["state"], again["error"], again["holder"]) == ("WAITING", "ValueError: no", None)
    assert again["runsAt"] > running["runsAt"]

    await execute("UPDATE job SET run_at_ms = 0")
    await finish(await claimed(), "Removed 3 things.")
    (done,) = await listed(root)
    assert (done["state"], done["attempts"], done["result"]) == ("DONE", 2, "Removed 3 things.")
    assert (done["error"], done["progress"], done["holder"]) == (None, None, None)
    assert done["finishedAt"] >= done["startedAt"] >= running["startedAt"]
    assert await root.data(NODE, id=done["id"]) == {"node": {"kind": "a", "state": "DONE"}}


async def test_jobs_are_listed_by_kind_state_and_namespace(root: GraphQL, factory: Factory) -> None:
    ada, bob = await factory.user("ada"), await factory.user("bob")
    for kind, account in (("a", ada), ("b", ada), ("a", bob)):
        await enqueue(kind, {}, namespace_id=account.id)
    await enqueue("c", {})
    await finish(await claimed("b"))

    def names(jobs: list[Json]) -> list[tuple[str, str | None]]:
        return [(job["kind"], job["namespace"]) for job in jobs]

    assert names(await listed(root)) == [("c", None), ("a", "bob"), ("b", "ada"), ("a", "ada")]
    assert names(await listed(root, kinds=["a"])) == [("a", "bob"), ("a", "ada")]
    assert names(await listed(root, kinds=["a", "c"], states=["WAITING"])) == [
        ("c", None),
        ("a", "bob"),
        ("a", "ada"),
    ]
    assert names(await listed(root, states=["DONE", "FAILED"])) == [("b", "ada")]
    assert names(await listed(root, namespace="ada", states=["WAITING"])) == [("a", "ada")]
    for nothing in ({"kinds": []}, {"states": []}, {"namespace": "nobody"}, {"kinds": ["none"]}):
        assert await listed(root, **nothing) == []


@pytest.mark.parametrize(
    ("state", "after", "error"),
    [
        ("WAITING", "CANCELLED", None),
        ("RUNNING", "RUNNING", None),
        ("DONE", "DONE", "CONFLICT"),
        ("FAILED", "FAILED", "CONFLICT"),
        ("CANCELLED", "CANCELLED", "CONFLICT"),
    ],
)
async def test_cancelling_in_each_state(root: GraphQL, state: str, after: str, error: str | None) -> None:
    await job_in(state)
    (job,) = await listed(root)
    assert job["state"] == state
    before = await dump()

    if error is not None:
        assert await root.payload_error(CANCEL, job=job["id"]) == (error, "job")
        assert await dump() == before
        return
    for _ in range(2 if after == "RUNNING" else 1):
        # Asking again for what is on its way changes nothing.
        payload = await root.payload(CANCEL, job=job["id"])
        assert payload["job"] == {"id": job["id"], "state": after, "isCancelRequested": True}

    assert await claim("another", ["a"]) is None
    (job,) = await listed(root)
    assert (job["state"], job["finishedAt"] is None) == (after, after == "RUNNING")


@pytest.mark.parametrize("end", ["failure", "last failure", "shutdown", "death"])
async def test_a_job_that_is_to_be_cancelled_is_not_tried_again_however_its_attempt_ends(
    root: GraphQL, end: str
) -> None:
    await job_in("RUNNING")
    (job,) = await listed(root)
    await root.payload(CANCEL, job=job["id"])
    held = ClaimedJob(1, "a", {}, 1, "host:1:2")
    assert await extend(held.holder) == {held.id: True}

    if end == "failure":
        assert not await fail(held, "ValueError: no", attempts=MAXIMUM_ATTEMPTS)
    elif end == "last failure":
        assert not await fail(held, "ValueError: no", attempts=1)
    elif end == "shutdown":
        await give_back(held)
    else:
        await execute("UPDATE job SET lease_until_ms = 1")

    assert await claim("another", ["a"]) is None
    (job,) = await listed(root)
    assert (job["state"], job["attempts"]) == ("CANCELLED", 1)


async def test_others_see_and_cancel_nothing(root: GraphQL, ada: GraphQL, factory: Factory) -> None:
    await job_in("WAITING")
    (job,) = await listed(root)
    narrow = root.with_token(await factory.token("root", EVERY_SCOPE - {Scope.SUPER_USER}))
    before = await dump()

    for client, code in (
        (ada, "FORBIDDEN"),
        (narrow, "FORBIDDEN"),
        (ada.with_token(None), "UNAUTHENTICATED"),
    ):
        assert await client.refusal(LIST) == code
        assert await client.refusal(CANCEL, job=job["id"]) == code
        assert await client.data(NODE, id=job["id"]) == {"node": None}

    assert await dump() == before
