"""Notifications to the bell and by e-mail: who can be named, who is told, and what arrives."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from typing import Any

import pytest

from quayside.settings.mail_url import MailServer
from quayside.settings.settings import Settings
from quayside.workers.runner import Runner
from resolvers.access.roles import RepositoryRole, TeamRole
from resolvers.accounts.namespace import Owner
from resolvers.inbox import notice
from resolvers.inbox.notice import NoticeKind
from resolvers.job_kinds import KINDS, Run, Tools
from resolvers.notifications import delivery
from resolvers.notifications.kinds import NotificationEvent
from resolvers.quotas.quota import LimitKind
from resolvers.repositories import authorized_email
from storage.blobs import BlobStore
from storage.database import Database
from storage.statements import execute, fetch
from tests.factories import Factory
from tests.feeding import settle
from tests.plugins.clock import Clock
from tests.quayside.pages.account.asking import last_code
from tests.quayside.registry import kit
from tests.quayside.workers.notifications.place import push_image
from tests.schema.client import GraphQL, Json, endpoint
from tests.smtp import SmtpServer, smtp_server

CREATE = """mutation ($owner: OwnerInput!, $input: NotificationCreateInput!) {
  notificationCreate(owner: $owner, input: $input) {
    notification { uuid } errors { code field message } } }"""
APP: Json = {"repository": "acme/app"}
ADDRESS = "crew@example.com"


@dataclass(frozen=True)
class Place:
    """A registry whose jobs run when a test says so, `ada` who owns acme, and a mail server."""

    factory: Factory
    runner: Runner
    graphql: GraphQL
    smtp: SmtpServer

    async def as_user(self, name: str) -> GraphQL:
        return self.graphql.with_token(await self.factory.token(name))

    async def create(self, method: str, config: Json, owner: Json = APP, **more: Any) -> Json:
        """The payload of a new notification by `ada`."""
        given = {"event": "REPO_PUSH", "method": method, "config": config} | more
        ada = await self.as_user("ada")
        return dict((await ada.data(CREATE, owner=owner, input=given))["notificationCreate"])

    async def ring(self, kind: str, name: str, owner: Json = APP, **more: Any) -> str | None:
        """Have a target told of pushes; the message of the refusal, if any."""
        made = await self.create("QUAY_NOTIFICATION", {"target": {"kind": kind, "name": name}}, owner, **more)
        return made["errors"][0]["message"] if made["errors"] else None

    async def push(self, tag: str, path: str = "acme/app") -> str:
        digest = await push_image(self.factory, path, tag)
        await self.settle()
        return digest

    async def settle(self) -> None:
        """Let the runner work until nothing is due."""
        await settle(self.runner)

    async def told(self, name: str) -> list[tuple[str, Json]]:
        """The bell of a user."""
        client = await self.as_user(name)
        found = await client.data("{ viewer { inbox { nodes { kind metadata } } } }")
        return [(node["kind"], node["metadata"]) for node in found["viewer"]["inbox"]["nodes"]]

    async def unread(self, name: str) -> int:
        """How much of their bell a user has not put away."""
        client = await self.as_user(name)
        found = await client.data("{ viewer { unreadNoticeCount } }")
        return int(found["viewer"]["unreadNoticeCount"])

    async def deliveries(self) -> list[tuple[str, str | None]]:
        rows = await fetch("SELECT status, error FROM notification_delivery ORDER BY id")
        return [(row["status"], row["error"]) for row in rows]


@pytest.fixture(scope="module")
def smtp(tmp_path_factory: pytest.TempPathFactory) -> Any:
    with smtp_server(tmp_path_factory.mktemp("smtp")) as running:
        yield running


@pytest.fixture
async def place(
    database: Database, settings_with_files: Settings, blobs: BlobStore, smtp: SmtpServer
) -> AsyncIterator[Place]:
    smtp.mails.write_text("")
    settings = replace(settings_with_files, mail_url=MailServer("127.0.0.1", smtp.port))
    factory = Factory.of(settings, database, blobs)
    for name in ("ada", "bob", "cora", "eve"):
        await factory.user(name)
    await factory.organization("acme", owner="ada")
    await factory.organization("other", owner="eve")
    await factory.team("acme", "crew", TeamRole.MEMBER, ["cora"])
    await factory.team("other", "pirates", TeamRole.MEMBER, ["eve"])
    await factory.repository("acme/app", by="ada")
    for content in (kit.CONFIG, b"layer"):
        await factory.blob("acme/app", content)
    async with endpoint(factory) as graphql:
        yield Place(factory, Runner(database, settings, blobs), graphql, smtp)


def test_the_bell_knows_every_event() -> None:
    assert {event.value for event in NotificationEvent} <= {kind.value for kind in NoticeKind}


async def test_the_bell_rings_for_those_who_are_named_and_may_know(place: Place) -> None:
    await place.factory.grant("acme/app", "bob", RepositoryRole.READ, by="ada")
    for kind, name in (("user", "bob"), ("user", "eve"), ("team", "crew"), ("org", "acme")):
        assert await place.ring(kind, name) is None

    digest = await place.push("v1")
    ((kind, metadata),) = await place.told("bob")
    assert (kind, metadata["repository"], metadata["updated_tags"], metadata["digest"]) == (
        "REPO_PUSH",
        "acme/app",
        ["v1"],
        digest,
    )
    assert await place.told("ada") == [(kind, metadata)]
    # `eve` may not see the repository, and learns nothing of it.
    assert await place.told("eve") == []
    assert sorted(await place.deliveries()) == [
        *[("delivered", None)] * 3,
        ("failed", "eve may not see what happens here, and was told nothing."),
    ]

    # A team is told, and of its members those who may read the repository when they look.
    ada = await place.as_user("ada")
    assert (await place.told("cora"), await place.unread("cora")) == ([], 0)
    await place.factory.grant("acme/app", "cora", RepositoryRole.READ, by="ada")
    assert (await place.told("cora"), await place.unread("cora")) == ([(kind, metadata)], 1)
    await ada.payload(
        """mutation { repositoryPermissionDelete(repository: "acme/app",
          grantee: { kind: USER, name: "cora" }) { errors { code } } }"""
    )
    assert (await place.told("cora"), await place.unread("cora")) == ([], 0)

    # Whoever loses the role, or the team, is told no more.
    await ada.payload(
        """mutation { repositoryPermissionDelete(repository: "acme/app",
          grantee: { kind: USER, name: "bob" }) { errors { code } } }"""
    )
    await ada.payload('mutation { teamDelete(organization: "acme", team: "crew") { errors { code } } }')
    await place.push("v2")
    assert [len(await place.told(name)) for name in ("bob", "cora", "ada", "eve")] == [0, 0, 2, 0]
    assert (await place.deliveries())[4:] == [
        ("failed", "bob may not see what happens here, and was told nothing."),
        ("failed", "eve may not see what happens here, and was told nothing."),
        ("failed", "The target of the notification is no longer there."),
        ("delivered", None),
    ]
    # With the repository its notices end, also before a job has purged it.
    await ada.payload('mutation { repositoryDelete(repository: "acme/app") { errors { code } } }')
    assert (await place.told("ada"), await place.unread("ada")) == ([], 0)


async def test_targets_that_are_none(place: Place) -> None:
    assert await place.ring("user", "nobody") == "Unknown user nobody"
    assert await place.ring("user", "acme") == "Unknown user acme"
    assert await place.ring("team", "pirates") == "Unknown team pirates"
    assert await place.ring("org", "nowhere") == "Unknown organization nowhere"
    other = "config: only the organization that owns the repository can be told, which is not other."
    assert await place.ring("org", "other") == other
    assert await place.ring("robot", "acme+bot") == "Missing target"
    for config in ({}, {"target": "bob"}, {"target": {"kind": "user"}}, {"target": {"kind": [], "name": 1}}):
        made = await place.create("QUAY_NOTIFICATION", config)
        assert made["errors"] == [{"code": "INVALID", "field": "input.config", "message": "Missing target"}]
    assert await fetch("SELECT id FROM notification") == []


async def test_the_bell_of_a_namespace_is_for_those_who_administer_it(place: Place) -> None:
    for name in ("ada", "bob"):
        assert await place.ring("user", name, {"namespace": "acme"}, event="QUOTA_WARNING") is None
    await place.push("v1")
    await place.factory.quota("acme", 1000, (LimitKind.WARNING, 1))
    await place.settle()
    # Beside the notice that administrators get in any case.
    assert [kind for kind, _ in await place.told("ada")] == ["QUOTA_WARNING"] * 2
    assert await place.told("bob") == []
    assert [status for status, _ in await place.deliveries()] == ["delivered", "failed"]


async def test_a_mail_goes_to_an_address_that_agreed_and_only_while_it_does(place: Place) -> None:
    unconfirmed = {
        "code": "INVALID",
        "field": "input.config",
        "message": (
            "The specified e-mail address is not authorized to receive notifications for this repository"
        ),
    }
    assert (await place.create("EMAIL", {"email": ADDRESS}))["errors"] == [unconfirmed]
    for config in ({}, {"email": ""}, {"email": 7}):
        assert (await place.create("EMAIL", config))["errors"][0]["message"] == "Missing e-mail address"
    context = await place.factory.as_account("ada")
    await authorized_email.request(context, Owner(repository="acme/app"), ADDRESS)
    assert (await place.create("EMAIL", {"email": ADDRESS}))["errors"] == [unconfirmed]
    await authorized_email.confirm(context, await last_code())
    # It agreed to one repository, not to another or to all.
    await place.factory.repository("acme/second", by="ada")
    assert (await place.create("EMAIL", {"email": ADDRESS}, {"repository": "acme/second"}))["errors"]
    elsewhere = await place.create("EMAIL", {"email": ADDRESS}, {"namespace": "acme"}, event="QUOTA_ERROR")
    assert elsewhere["errors"][0]["message"].endswith("notifications for this namespace")
    assert (await place.create("EMAIL", {"email": "Crew@example.com"}, title="releases"))["errors"] == []

    await place.settle()
    digest = await place.push("v1")
    asked, message = place.smtp.messages()
    assert asked["Subject"] == "Notifications of the repository acme/app"
    assert (message["To"], message["Subject"]) == (
        ADDRESS,
        "acme/app was pushed to: v1",
    )
    text = message.get_content().replace("\r\n", "\n")
    assert text.split("\n") == [
        "acme/app was pushed to: v1.",
        "",
        "  actor: ada",
        f"  digest: {digest}",
        "  event: repo_push",
        f"  media type: {kit.image_document(b'layer')['mediaType']}",
        *[line for line in text.split("\n") if line.startswith("  occurred at: ")],
        "  repository: acme/app",
        "  tags: v1",
        "  updated tags: v1",
        "",
        f"{place.factory.site.public_url}/repository/acme/app",
        "",
        "This address agreed to notifications “releases” of the repository acme/app",
        f"on {place.factory.site.registry_host}. To get no more of them, open this page:",
        "",
        text.split("\n")[-2],
        "",
    ]
    link = f"{place.factory.site.public_url}/stopmail?code="
    assert text.split("\n")[-2].startswith(link)
    assert await place.deliveries() == [("delivered", None)]

    await authorized_email.stop(context, text.split("\n")[-2].removeprefix(link))
    await place.push("v2")
    assert len(place.smtp.messages()) == 2
    assert (await place.deliveries())[1:] == [
        ("failed", "Crew@example.com is no longer authorized to get notifications from here.")
    ]


async def test_without_mailing_the_method_is_not_there(place: Place) -> None:
    async with endpoint(place.factory.without_features("MAILING")) as graphql:
        ada = graphql.with_token(await place.factory.token("ada"))
        given = {"event": "REPO_PUSH", "method": "EMAIL", "config": {"email": ADDRESS}}
        assert await ada.payload_error(CREATE, owner=APP, input=given) == ("INVALID", "input.method")
        asked = 'mutation { authorizedEmailRequest(owner: { repository: "acme/app" }, email: "a@b.cd") {'
        refused = await ada.payload_error(
            f"{asked} authorizedEmail {{ email }} errors {{ code field message }} }} }}"
        )
        assert refused == ("INVALID", "email")


async def test_a_removed_user_name_that_somebody_else_took_is_told_nothing(place: Place) -> None:
    await place.factory.grant("acme/app", "bob", RepositoryRole.READ, by="ada")
    assert await place.ring("user", "bob") is None
    await execute(
        "UPDATE account SET name = 'robert', email = 'r@example.com', email_key = 'r@example.com'"
        " WHERE name = 'bob'"
    )
    await place.factory.user("bob")

    await place.push("v1")

    assert await place.told("bob") == await place.told("robert") == []


async def test_what_cannot_be_written_is_tried_again_and_holds_up_nothing_for_ever(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delivery, "RETRY_AFTER_S", (0, 0))
    assert await place.ring("org", "acme") is None
    with monkeypatch.context() as broken:

        async def fail(*_: object) -> bool:
            await execute("INSERT INTO inbox_dismissal (notice_id, account_id) VALUES (-1, -1)")
            return True

        broken.setattr(notice, "put", fail)
        await place.push("v1")
    await place.push("v2")

    told = [metadata["updated_tags"] for _, metadata in await place.told("ada")]
    assert told == [["v2"]]
    assert await place.deliveries() == [
        ("failed", "The event could not be written; the log of the server says why."),
        ("delivered", None),
    ]


async def test_a_clock_that_jumps_ahead_forgets_nothing_that_waits(
    place: Place, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert await place.ring("org", "acme") is None
    with monkeypatch.context() as stopped:

        async def settle(_: Place) -> None:
            await place.runner.feed_due()

        stopped.setattr(Place, "settle", settle)
        await place.push("v1")
    assert await place.deliveries() == [("waiting", None)]
    clock.move(30 * 86_400)
    run = Run({}, Tools(place.factory.context()))
    await KINDS["notification.forget"].handler(run)
    clock.move(-30 * 86_400)
    await place.settle()

    assert [metadata["updated_tags"] for _, metadata in await place.told("ada")] == [["v1"]]
