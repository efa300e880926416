"""The bell: who reads a notice, each reader's own dismissal, and what ends notices."""

import re

import pytest

from resolvers.access.roles import TeamRole
from resolvers.inbox import notice
from resolvers.inbox.notice import NoticeKind, Target
from resolvers.job_kinds import KINDS, Run, Tools
from resolvers.quotas.quota import LimitKind
from storage.statements import execute, fetch, fetch_one
from tests.counting import least_statements
from tests.factories import Factory
from tests.plugins.clock import Clock
from tests.schema.client import GraphQL, Json

INBOX = """query ($first: Int = 50, $after: Cursor, $is: Boolean) {
  viewer { unreadNoticeCount inbox(first: $first, after: $after, isDismissed: $is) {
    totalCount pageInfo { hasNextPage nextCursor }
    nodes { id kind metadata createdAt isDismissed organization { name } } } } }"""
UPDATE = """mutation ($notice: ID!, $input: InboxNoticeUpdateInput!) {
  inboxNoticeUpdate(notice: $notice, input: $input) {
  notice { id isDismissed } errors { code field message } } }"""
CLEAR = "mutation { inboxClear { dismissedCount errors { code } } }"
INVITE = """mutation { teamMemberAdd(organization: "acme", team: "crew", account: "carl") {
  isInvited errors { code } } }"""
ACCEPT = """mutation ($c: String!) { teamInviteAccept(invite: { code: $c }) { team { name }
  errors { code field message } } }"""


@pytest.fixture
async def people(graphql: GraphQL, factory: Factory) -> dict[str, GraphQL]:
    """ada administers acme, bob and cora are in its team crew, carl is a stranger."""
    for name in ("ada", "bob", "cora", "carl"):
        await factory.user(name)
    await factory.organization("acme", owner="ada")
    await factory.team("acme", "crew", TeamRole.MEMBER, ["bob", "cora"])
    return {name: graphql.with_token(await factory.token(name)) for name in ("ada", "bob", "cora", "carl")}


async def identity(name: str) -> int:
    row = await fetch_one("SELECT id FROM account WHERE name = ?", name)
    assert row is not None
    return int(row["id"])


async def crew() -> Target:
    row = await fetch_one("SELECT id FROM team WHERE name = 'crew'")
    assert row is not None
    return Target(team_id=row["id"])


async def told(client: GraphQL, **variables: object) -> list[tuple[str, Json, bool]]:
    """Kind, metadata and dismissal of the notices of a reader."""
    inbox = (await client.data(INBOX, **variables))["viewer"]["inbox"]
    return [(node["kind"], node["metadata"], node["isDismissed"]) for node in inbox["nodes"]]


async def test_each_target_has_its_readers_and_each_reader_their_own_dismissals(
    people: dict[str, GraphQL],
) -> None:
    acme = Target(account_id=await identity("acme"))
    pushed = {"name": "app", "updated_tags": ["v1"]}
    for target, metadata in ((acme, {"to": "acme"}), (await crew(), pushed)):
        assert await notice.put(NoticeKind.REPO_PUSH, metadata, target)
    assert await notice.put(NoticeKind.QUOTA_ERROR, {}, Target(account_id=await identity("bob")))
    # What comes twice is told once.
    for _ in range(2):
        assert await notice.put(
            NoticeKind.REPO_PUSH, {"to": "carl"}, Target(await identity("carl")), source="1"
        )

    assert await told(people["ada"]) == [("REPO_PUSH", {"to": "acme"}, False)]
    assert await told(people["bob"]) == [("QUOTA_ERROR", {}, False), ("REPO_PUSH", pushed, False)]
    assert await told(people["cora"]) == [("REPO_PUSH", pushed, False)]
    assert await told(people["carl"]) == [("REPO_PUSH", {"to": "carl"}, False)]
    shown = (await people["bob"].data(INBOX))["viewer"]["inbox"]["nodes"]
    assert [node["organization"] for node in shown] == [None, {"name": "acme"}]

    of_crew = shown[1]["id"]
    for is_dismissed in (True, True, False, True):
        changed = await people["bob"].payload(UPDATE, notice=of_crew, input={"isDismissed": is_dismissed})
        assert changed["notice"] == {"id": of_crew, "isDismissed": is_dismissed}
    assert (await people["bob"].payload(UPDATE, notice=of_crew, input={}))["notice"]["isDismissed"]
    assert await told(people["bob"], **{"is": True}) == [("REPO_PUSH", pushed, True)]
    assert await told(people["bob"], **{"is": False}) == [("QUOTA_ERROR", {}, False)]
    assert await told(people["cora"]) == [("REPO_PUSH", pushed, False)]
    # Others' notices are as none.
    for client in (people["carl"], people["ada"]):
        assert await client.payload_error(UPDATE, notice=of_crew, input={"isDismissed": True}) == (
            "NOT_FOUND",
            "notice",
        )
    assert (await people["bob"].payload(CLEAR))["dismissedCount"] == 1
    assert (await people["bob"].payload(CLEAR))["dismissedCount"] == 0
    assert (await people["bob"].data(INBOX))["viewer"]["unreadNoticeCount"] == 0
    assert (await people["cora"].data(INBOX))["viewer"]["unreadNoticeCount"] == 1


async def test_who_leaves_sees_no_more_who_joins_sees_it_and_targets_end_with_their_notices(
    people: dict[str, GraphQL], factory: Factory
) -> None:
    await notice.put(NoticeKind.REPO_PUSH, {"n": 1}, await crew())
    await notice.put(NoticeKind.QUOTA_WARNING, {"n": 2}, Target(account_id=await identity("acme")))
    await factory.team("acme", "chiefs", TeamRole.ADMIN, ["cora"])
    assert [kind for kind, *_ in await told(people["cora"])] == ["QUOTA_WARNING", "REPO_PUSH"]
    assert (await people["cora"].payload(CLEAR))["dismissedCount"] == 2

    ada = people["ada"]
    for team in ("chiefs", "crew"):
        await ada.payload(
            """mutation ($t: String!) { teamMemberRemove(organization: "acme", team: $t, account: "cora") {
              errors { code } } }""",
            t=team,
        )
    assert await told(people["cora"]) == []
    await execute(
        "INSERT INTO team_member (team_id, account_id) SELECT t.id, a.id FROM team t, account a"
        " WHERE t.name = 'crew' AND a.name = 'carl'"
    )
    assert await told(people["carl"]) == [("REPO_PUSH", {"n": 1}, False)]

    gone = await crew()
    await ada.payload('mutation { teamDelete(organization: "acme", team: "crew") { errors { code } } }')
    assert await told(people["carl"]) == await told(people["bob"]) == []
    assert not await notice.put(NoticeKind.REPO_PUSH, {}, gone)
    acme = Target(account_id=await identity("acme"))
    await ada.payload('mutation { organizationDelete(organization: "acme") { errors { code } } }')
    # Before the job that purges it has run.
    assert await told(ada) == []
    assert not await notice.put(NoticeKind.REPO_PUSH, {}, acme)


async def test_an_invitation_rings_the_bell_until_it_is_answered(
    people: dict[str, GraphQL], clock: Clock
) -> None:
    assert (await people["ada"].payload(INVITE))["isInvited"]
    ((kind, metadata, _),) = await told(people["carl"])
    (mail,) = await fetch("SELECT body FROM mail WHERE recipient LIKE 'carl@%'")
    found = re.search(r"confirminvite\?code=(\w+)", mail["body"])
    assert found is not None
    assert (kind, metadata) == (
        "ORG_TEAM_INVITE",
        {"org": "acme", "team": "crew", "inviter": "ada", "code": found[1]},
    )
    # Repeated, it takes the place of the first, whose code is no longer any good.
    clock.move(120)
    await people["ada"].payload(INVITE)
    ((_, again, _),) = await told(people["carl"])
    assert again == {**metadata, "code": again["code"]}
    assert again["code"] != metadata["code"]
    assert await people["carl"].payload_error(ACCEPT, c=metadata["code"]) == ("NOT_FOUND", "invite")

    assert (await people["carl"].payload(ACCEPT, c=again["code"]))["team"] == {"name": "crew"}
    assert await told(people["carl"]) == []


async def test_a_quota_that_fills_up_rings_the_bell_of_the_administrators(
    people: dict[str, GraphQL], factory: Factory
) -> None:
    await factory.repository("acme/app", by="ada")
    await factory.image("acme/app", b"layer", tag="v1")
    query = '{ namespace(name: "acme") { storage { storedBytes } } }'
    stored = (await people["ada"].data(query))["namespace"]["storage"]["storedBytes"]
    await factory.quota("acme", stored * 2, (LimitKind.WARNING, 50))

    expected = {
        "namespace": "acme",
        "threshold_percent": 50,
        "usage_bytes": stored,
        "limit_bytes": stored * 2,
        "usage_percent": 50,
    }
    assert await told(people["ada"]) == [("QUOTA_WARNING", expected, False)]
    assert await told(people["bob"]) == []


async def test_pages_of_the_bell_and_their_statements(people: dict[str, GraphQL]) -> None:
    target = Target(account_id=await identity("acme"))
    for number in range(3):
        await notice.put(NoticeKind.REPO_PUSH, {"n": number}, target)
    seen, after = [], None
    while True:
        inbox = (await people["ada"].data(INBOX, first=2, after=after))["viewer"]["inbox"]
        assert inbox["totalCount"] == 3
        seen += [node["metadata"]["n"] for node in inbox["nodes"]]
        if not inbox["pageInfo"]["hasNextPage"]:
            break
        after = inbox["pageInfo"]["nextCursor"]
    assert seen == [2, 1, 0]

    async def ask() -> None:
        await people["ada"].data(INBOX)

    few = await least_statements(ask)
    for number in range(20):
        await notice.put(NoticeKind.REPO_PUSH, {"n": number}, target if number % 2 else await crew())
    await execute(
        "INSERT INTO team_member (team_id, account_id) SELECT t.id, a.id FROM team t, account a"
        " WHERE t.name = 'crew' AND a.name = 'ada'"
    )
    assert len((await people["ada"].data(INBOX))["viewer"]["inbox"]["nodes"]) == 23
    assert await least_statements(ask) == few


async def test_old_and_surplus_notices_are_forgotten(
    people: dict[str, GraphQL], factory: Factory, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(notice, "MAXIMUM_NOTICES", 3)
    monkeypatch.setattr(notice, "BATCH", 2)
    bob = Target(account_id=await identity("bob"))
    await notice.put(NoticeKind.REPO_PUSH, {"n": "old"}, bob)
    clock.move(80 * 86_400)
    for number in range(8):
        await notice.put(NoticeKind.REPO_PUSH, {"n": number}, await crew())
        assert await notice.put(NoticeKind.QUOTA_ERROR, {"x" * 9: "y" * 5000}, bob) is True
    assert (await people["bob"].payload(CLEAR))["dismissedCount"] == 17
    run = Run({}, Tools(factory.context()))

    await KINDS["inbox.forget"].handler(run)
    assert [metadata["n"] for kind, metadata, _ in await told(people["cora"])] == [7, 6, 5]
    texts = [metadata["x" * 9] for kind, metadata, _ in await told(people["bob"]) if kind == "QUOTA_ERROR"]
    assert [len(text) for text in texts] == [1024] * 3
    clock.move(91 * 86_400)
    await KINDS["inbox.forget"].handler(run)
    assert await told(people["bob"]) == await told(people["cora"]) == []
    (left,) = await fetch("SELECT COUNT(*) AS n FROM inbox_dismissal")
    assert left["n"] == 0
