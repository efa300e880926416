"""Notifications as administrators see them, and nobody else."""

import pytest

from resolvers.access.roles import RepositoryRole, TeamRole
from storage.statements import count_statements, fetch
from tests.factories import Factory
from tests.feeding import feed_all
from tests.quayside.registry import kit
from tests.schema.client import GraphQL
from tests.state import dump

CREATE = """mutation ($owner: OwnerInput, $input: NotificationCreateInput!) {
  notificationCreate(owner: $owner, input: $input) { notification {
    uuid event method title config eventConfig hasSecret numberOfFailures }
    errors { code field message } } }"""
LISTED = """{
  repository(path: "acme/app") { notifications { nodes { uuid config } totalCount } }
  namespace(name: "acme") { notifications { nodes { uuid config } } } }"""
LOG = """query ($first: Int!, $after: Cursor) { repository(path: "acme/app") {
  notifications(first: $first) { nodes { deliveries(first: 3, after: $after) {
    nodes { payload status } pageInfo { nextCursor } totalCount } } } } }"""
HOOK = {"url": "https://[2606:4700::1111]/hook?key=of-the-hook", "extra": {"kept": [1, None, "as given"]}}
APP = {"repository": "acme/app"}


@pytest.fixture
async def owner(factory: Factory, ada: GraphQL) -> GraphQL:
    """`ada`, who administers `acme` with a repository in it."""
    await factory.organization("acme", owner="ada")
    await factory.repository("acme/app", by="ada")
    return ada


async def test_a_notification_shows_what_was_given_but_its_secret(owner: GraphQL) -> None:
    values = {
        "event": "REPO_PUSH",
        "method": "WEBHOOK",
        "config": HOOK,
        "title": "Deploy",
        "secret": "s3cr3t-key",
    }

    made = (await owner.payload(CREATE, owner=APP, input=values))["notification"]

    assert made == {
        "uuid": made["uuid"],
        "event": "REPO_PUSH",
        "method": "WEBHOOK",
        "title": "Deploy",
        "config": HOOK,
        "eventConfig": {},
        "hasSecret": True,
        "numberOfFailures": 0,
    }
    # Neither the secret nor the configuration is in what others read, such as the audit log and events.
    tables = await dump()
    assert "s3cr3t-key" not in str(tables)
    assert "of-the-hook" not in str({name: rows for name, rows in tables.items() if name != "notification"})


async def test_only_administrators_of_the_place_see_them(
    owner: GraphQL, graphql: GraphQL, factory: Factory
) -> None:
    for place, event in ((APP, "REPO_PUSH"), ({"namespace": "acme"}, "QUOTA_ERROR")):
        await owner.payload(CREATE, owner=place, input={"event": event, "method": "WEBHOOK", "config": HOOK})
    for name in ("writer", "keeper", "member", "root"):
        await factory.user(name, is_superuser=name == "root")
    await factory.grant("acme/app", "writer", RepositoryRole.WRITE, by="ada")
    await factory.grant("acme/app", "keeper", RepositoryRole.ADMIN, by="ada")
    await factory.team("acme", "members", TeamRole.MEMBER, ["member"])

    seen = {}
    for name in ("ada", "writer", "keeper", "member", "root", None):
        client = graphql.with_token(await factory.token(name) if name else None)
        data = (await client.answer(LISTED))["data"] or {}
        seen[name] = [
            len(found["nodes"]) if (found := (data.get(place) or {}).get("notifications")) else None
            for place in ("repository", "namespace")
        ]

    assert seen == {
        "ada": [1, 1],
        "writer": [None, None],
        "keeper": [1, None],
        "member": [None, None],
        "root": [None, None],
        None: [None, None],
    }


async def test_deliveries_are_read_in_pages_at_a_fixed_cost(owner: GraphQL, factory: Factory) -> None:
    async def notify(number: int) -> None:
        for _ in range(number):
            await owner.payload(
                CREATE, owner=APP, input={"event": "REPO_PUSH", "method": "WEBHOOK", "config": HOOK}
            )

    await notify(2)
    for content in (kit.CONFIG, b"layer"):
        await factory.blob("acme/app", content)
    for tag in "abcde":
        await factory.manifest("acme/app", kit.image_document(b"layer"), tag=tag)
    await feed_all(factory.context())

    (one, other) = (await owner.data(LOG, first=2))["repository"]["notifications"]["nodes"]
    assert one["deliveries"] == other["deliveries"] | {"pageInfo": one["deliveries"]["pageInfo"]}
    assert [entry["payload"]["tags"] for entry in one["deliveries"]["nodes"]] == [["e"], ["d"], ["c"]]
    assert {entry["status"] for entry in one["deliveries"]["nodes"]} == {"WAITING"}
    assert one["deliveries"]["totalCount"] == 5
    after = one["deliveries"]["pageInfo"]["nextCursor"]
    (rest,) = (await owner.data(LOG, first=1, after=after))["repository"]["notifications"]["nodes"]
    assert [entry["payload"]["tags"] for entry in rest["deliveries"]["nodes"]] == [["b"], ["a"]]
    assert rest["deliveries"]["pageInfo"]["nextCursor"] is None
    listed = LOG.replace(" totalCount", "")
    with count_statements() as few:
        await owner.data(listed, first=2)
    await notify(5)
    with count_statements() as many:
        await owner.data(listed, first=7)
    assert len(many.statements) == len(few.statements)
    assert len(await fetch("SELECT id FROM notification_delivery")) == 10
