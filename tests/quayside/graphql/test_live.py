"""Live events over a real server: order, access, and resumption."""

import asyncio
from dataclasses import replace

import pytest

from quayside.settings.settings import Settings
from quayside.workers.tools import tools_of
from resolvers.access.credentials import bearer_viewer
from resolvers.access.roles import RepositoryRole
from resolvers.access.scopes import Scope
from resolvers.accounts import administration, organization
from resolvers.accounts.grantee import Grantee, GranteeKind
from resolvers.context import Context
from resolvers.job_kinds import Run, collected
from resolvers.oauth import token
from resolvers.record.fanout import Fanout, FanoutLimits
from resolvers.record.groups import Group
from resolvers.record.live import Watch, format_cursor
from resolvers.record.shares import Shares
from resolvers.record.subscription import CredentialEnded, EventsPruned
from resolvers.repositories import permission, repository
from resolvers.repositories.repository import Visibility
from storage import events
from storage.blobs.memory import MemoryBlobStore
from storage.database import Database
from storage.events import EventRow
from storage.statements import execute, fetch, fetch_one
from storage.transactions import transaction
from tests import live
from tests.factories import READ_ONLY_SUPERUSER, Factory

BEGINNING = format_cursor((0, 0))

DETAILS = """subscription($after: Cursor) { events(after: $after, kinds: [create_tag]) {
  kind occurredAt digest metadata performer { name } repository { path viewerRole } } }"""


async def describe(context: Context, path: str, text: str) -> None:
    """Make an event that all readers of the repository see."""
    await repository.update(context, path, description=text)


async def note(*kinds: str, namespace_id: int) -> None:
    """Write events of a namespace in a transaction."""
    async with transaction("test.note"):
        await events.append(*(EventRow(kind=kind, metadata={}, namespace_id=namespace_id) for kind in kinds))


def kinds_of(found: list[live.Json]) -> list[str]:
    return [event["kind"] for event in found]


async def test_events_are_received_in_their_order(factory: Factory) -> None:
    # given a subscription to a namespace
    await factory.user("ada")
    async with (
        live.serving(factory) as door,
        live.listening(door.address, await factory.token("ada"), namespace="ada") as client,
    ):
        # when events occur there
        await factory.repository("ada/app")
        await factory.image("ada/app", b"one", tag="v1")

        # then each is received
        found = await client.events(3)
        assert [(event["kind"], event["repositoryPath"], event["tagName"]) for event in found] == [
            ("create_repo", "ada/app", None),
            ("create_tag", "ada/app", "v1"),
            ("push_repo", "ada/app", "v1"),
        ]
        assert {event["namespace"] for event in found} == {"ada"}


async def test_a_resumed_subscription_misses_nothing_and_repeats_nothing(factory: Factory) -> None:
    await factory.user("ada")
    bearer = await factory.token("ada")
    ada = await factory.as_account("ada")
    await factory.repository("ada/app")
    seen: list[str] = []
    cursor = BEGINNING
    async with live.serving(factory) as door:
        for turn in range(3):
            # when some occur during a subscription, and some after it
            async with live.listening(
                door.address, bearer, repository="ada/app", kinds=["set_repo_description"], after=cursor
            ) as client:
                await describe(ada, "ada/app", f"{turn} heard")
                for event in await client.events(1 if turn == 0 else 2):
                    seen.append(event["cursor"])
                    cursor = event["cursor"]
            await describe(ada, "ada/app", f"{turn} away")
        async with live.listening(
            door.address, bearer, repository="ada/app", kinds=["set_repo_description"], after=cursor
        ) as client:
            seen.append((await client.event())["cursor"])

        # then all were received, each once
        assert len(seen) == len(set(seen)) == 6


async def test_many_old_events_come_before_new_ones(factory: Factory) -> None:
    # given more events than are read at once
    ada = await factory.user("ada")
    await note(*["org_set_team_role"] * 640, namespace_id=ada.id)
    async with (
        live.serving(factory) as door,
        live.listening(
            door.address, await factory.token("ada"), namespace="ada", after=BEGINNING, kinds=None
        ) as client,
    ):
        await note("org_create_team", namespace_id=ada.id)
        found = kinds_of(await client.events(643))

    assert found == ["user_create", *["org_set_team_role"] * 640, "create_oauth_api_token", "org_create_team"]


async def test_only_events_of_the_filter_are_received(factory: Factory) -> None:
    await factory.user("ada")
    bearer = await factory.token("ada")
    for name in ("one", "two"):
        await factory.repository(f"ada/{name}")
    ada = await factory.as_account("ada")
    async with (
        live.serving(factory) as door,
        live.listening(door.address, bearer, repository="ada/two") as of_repository,
        live.listening(door.address, bearer, kinds=["delete_repo"]) as of_kind,
    ):
        await describe(ada, "ada/one", "1")
        await describe(ada, "ada/two", "2")
        await repository.delete(ada, "ada/one")

        assert (await of_repository.event())["repositoryPath"] == "ada/two"
        event = await of_kind.event()
        # The event has the name of the deleted repository.
        assert (event["kind"], event["repositoryPath"]) == ("delete_repo", "ada/one")


async def test_readers_see_events_of_content_and_administrators_also_the_performer(factory: Factory) -> None:
    # given a public repository, its owner and another user
    await factory.user("ada")
    await factory.repository("ada/app", visibility=Visibility.PUBLIC)
    async with (
        live.serving(factory) as door,
        live.connected(door.address) as owner,
        live.connected(door.address) as stranger,
    ):
        await owner.init({"Authorization": f"Bearer {await factory.token('ada')}"})
        await stranger.init()
        await owner.subscribe(query=DETAILS)
        await stranger.subscribe(query=DETAILS)
        digest = await factory.image("ada/app", b"one", tag="v1")

        shown, hidden = await owner.event(), await stranger.event()
        assert shown["performer"] == {"name": "ada"}
        assert shown["metadata"]["tag"] == "v1"
        assert shown["repository"] == {"path": "ada/app", "viewerRole": "ADMIN"}
        assert (hidden["digest"], hidden["performer"], hidden["metadata"]) == (digest, None, None)
        assert hidden["repository"] == {"path": "ada/app", "viewerRole": "READ"}


async def test_events_are_received_only_with_access(factory: Factory) -> None:
    # given a stranger, a reader of one private repository, and an owner of a namespace
    for name in ("ada", "bob", "eve"):
        await factory.user(name)
    await factory.organization("acme", owner="ada")
    await factory.repository("acme/app", by="ada")
    await factory.repository("acme/open", by="ada", visibility=Visibility.PUBLIC)
    await factory.grant("acme/app", "bob", RepositoryRole.READ, by="ada")
    ada = await factory.as_account("ada")
    narrow = await factory.token("ada", frozenset({Scope.REPO_READ}))
    async with (
        live.serving(factory) as door,
        live.listening(door.address, await factory.token("bob"), namespace="acme") as bob,
        live.listening(door.address, await factory.token("eve"), namespace="acme") as eve,
        live.listening(door.address, narrow, namespace="acme") as capped,
        live.listening(door.address, await factory.token("ada"), namespace="acme") as owner,
    ):
        # when members, permissions and content change
        await factory.robot("acme+ci", by="ada")
        await permission.set_permission(
            ada, "acme/app", Grantee(GranteeKind.USER, "eve"), RepositoryRole.READ
        )
        await permission.delete_permission(ada, "acme/app", Grantee(GranteeKind.USER, "eve"))
        await describe(ada, "acme/app", "private")
        await describe(ada, "acme/open", "public")

        # then each receives what they may read, and the owner all
        assert kinds_of(await owner.events(5)) == [
            "create_robot",
            "change_repo_permission",
            "delete_repo_permission",
            "set_repo_description",
            "set_repo_description",
        ]
        assert [event["repositoryPath"] for event in await bob.events(2)] == ["acme/app", "acme/open"]
        assert [event["repositoryPath"] for event in await capped.events(2)] == ["acme/app", "acme/open"]
        assert (await eve.event())["repositoryPath"] == "acme/open"


async def test_read_only_superusers_receive_what_the_owner_receives(factory: Factory) -> None:
    # given an organization of somebody else, a token of the least scopes, and a plain superuser
    await factory.user("ada")
    await factory.user("root", is_superuser=True)
    await factory.read_only_superuser()
    await factory.organization("acme", owner="ada")
    await factory.repository("acme/app", by="ada")
    ada = await factory.as_account("ada")
    least = await factory.token(READ_ONLY_SUPERUSER, frozenset({Scope.USER_READ}))
    document = """subscription { events(namespace: "acme") {
      kind metadata performer { name } repository { path } } }"""
    async with (
        live.serving(factory) as door,
        live.connected(door.address) as owner,
        live.connected(door.address) as inspector,
        live.listening(door.address, await factory.token("root"), namespace="acme") as root,
    ):
        await owner.init({"Authorization": f"Bearer {await factory.token('ada')}"})
        await inspector.init({"Authorization": f"Bearer {least}"})
        for client in (owner, inspector):
            await client.subscribe(query=document)

        # when its robots and its private content change
        await factory.robot("acme+ci", by="ada")
        await describe(ada, "acme/app", "private")
        await repository.change_visibility(ada, "acme/app", Visibility.PUBLIC)
        await describe(ada, "acme/app", "public")

        # then they receive all of it, and a superuser without full access no event of the robot
        shown, seen = await owner.events(4), await inspector.events(4)
        assert seen == shown
        assert [(event["metadata"]["robot"], event["performer"]) for event in seen[:1]] == [
            ("ci", {"name": "ada"})
        ]
        assert [event["repository"] for event in seen] == [None, *[{"path": "acme/app"}] * 3]
        assert (await root.event())["kind"] != "create_robot"


async def test_access_is_checked_again_for_new_events(factory: Factory) -> None:
    # given a subscription to a readable repository
    for name in ("ada", "bob"):
        await factory.user(name)
    await factory.repository("ada/app")
    await factory.repository("ada/open", visibility=Visibility.PUBLIC)
    await factory.grant("ada/app", "bob", RepositoryRole.READ, by="ada")
    ada, bob = await factory.as_account("ada"), Grantee(GranteeKind.USER, "bob")
    async with (
        live.serving(factory) as door,
        live.listening(
            door.address, await factory.token("bob"), kinds=["set_repo_description", "change_repo_visibility"]
        ) as client,
    ):
        await describe(ada, "ada/app", "may read")
        assert (await client.event())["repositoryPath"] == "ada/app"
        # when the permission is removed, and given again
        await permission.delete_permission(ada, "ada/app", bob)
        await describe(ada, "ada/app", "may not")
        await describe(ada, "ada/open", "may")
        assert (await client.event())["repositoryPath"] == "ada/open"
        await permission.set_permission(ada, "ada/app", bob, RepositoryRole.READ)
        await describe(ada, "ada/app", "may again")

        # then events in between are not received
        assert (await client.event())["repositoryPath"] == "ada/app"


@pytest.mark.parametrize("end", ["revoked", "expired", "disabled"])
async def test_a_credential_that_ends_ends_the_subscription(factory: Factory, end: str) -> None:
    await factory.user("ada")
    await factory.user("root", is_superuser=True)
    bearer = await factory.token("ada")
    ada = await factory.as_account("ada")
    row = await fetch_one("SELECT id, uuid FROM access_token")
    assert row is not None
    async with (
        live.serving(factory) as door,
        live.listening(door.address, bearer, namespace="ada") as client,
    ):
        if end == "revoked":
            await token.revoke_access_token(ada, row["uuid"])
        elif end == "expired":
            await execute("UPDATE access_token SET expires_at_ms = ? WHERE id = ?", 1, row["id"])
        else:
            root = replace(await factory.viewer("root"), is_superuser=True)
            await administration.set_enabled(factory.context(root), "ada", is_enabled=False)
        message = await client.next()
        closed = await client.closed()

    assert message["type"] == "error"
    assert message["payload"][0]["extensions"]["code"] == "UNAUTHENTICATED"
    assert closed == (4401, "Unauthorized")


async def test_no_event_is_sent_before_the_credential_is_checked_again(
    factory: Factory, monkeypatch: pytest.MonkeyPatch
) -> None:
    # given a new subscription, and a busy server
    await factory.user("ada")
    viewer = await bearer_viewer(await factory.token("ada"), site=factory.site)
    ada = await factory.as_account("ada")
    row = await fetch_one("SELECT uuid FROM access_token")
    assert row is not None
    check, may_check = Fanout._check_credentials, asyncio.Event()

    async def late(fanout: Fanout, groups: set[Group]) -> bool:
        await may_check.wait()
        return await check(fanout, groups)

    monkeypatch.setattr(Fanout, "_check_credentials", late)
    async with live.serving(factory) as door:
        subscription = await door.fanout.subscribe(viewer, Watch())
        # when the credential ends, which is also an event
        await token.revoke_access_token(ada, row["uuid"])
        first = asyncio.ensure_future(anext(subscription.batches()))
        await asyncio.wait({first}, timeout=0.3)
        may_check.set()

        # then that event is not shown for it
        with pytest.raises(CredentialEnded):
            await first


async def test_an_open_transaction_makes_no_event_missing_or_repeated(
    factory: Factory, database: Database
) -> None:
    """On PostgreSQL other transactions commit meanwhile, and their events wait; on SQLite they wait
    themselves.
    """
    ada = await factory.user("ada")
    bearer = await factory.token("ada")
    appended, may_commit = asyncio.Event(), asyncio.Event()

    async def slow() -> None:
        async with transaction("test.slow"):
            await events.append(EventRow(kind="org_create_team", metadata={}, namespace_id=ada.id))
            appended.set()
            if database.dialect == "postgres":
                await may_commit.wait()

    async with (
        live.serving(factory) as door,
        live.listening(door.address, bearer, namespace="ada") as client,
    ):
        holding = asyncio.create_task(slow())
        await appended.wait()
        await note("org_delete_team", namespace_id=ada.id)
        # A subscription that starts now must receive both too.
        async with live.listening(
            door.address,
            bearer,
            namespace="ada",
            kinds=["org_create_team", "org_delete_team"],
            after=BEGINNING,
        ) as late:
            may_commit.set()
            await holding
            await note("org_set_team_role", namespace_id=ada.id)
            both = kinds_of(await late.events(2))
        found = kinds_of(await client.events(3))

    assert both == ["org_create_team", "org_delete_team"]
    assert found == ["org_create_team", "org_delete_team", "org_set_team_role"]


async def test_a_slow_client_gets_a_cursor_to_resume(factory: Factory) -> None:
    # given a server that lets few events wait, and a client that begins far behind
    ada = await factory.user("ada")
    bearer = await factory.token("ada")
    seen: list[str] = []
    async with live.serving(factory, fanout=FanoutLimits(backlog=5)) as door:
        async with live.listening(door.address, bearer, namespace="ada", after=BEGINNING) as client:
            await client.events(2)
            # when more arrive at once than may wait
            await note(*["org_create_team"] * 400, namespace_id=ada.id)
            while (message := await client.next())["type"] == "next":
                seen.append(message["payload"]["data"]["events"]["cursor"])
            (error,) = message["payload"]
            assert error["extensions"]["code"] == "TOO_MANY"
            assert (await client.closed())[0] == 1013
        # then the rest follows after the cursor of the error
        async with live.listening(
            door.address, bearer, namespace="ada", after=error["extensions"]["cursor"]
        ) as client:
            seen += [event["cursor"] for event in await client.events(400 - len(seen))]
            assert len(seen) == len(set(seen)) == 400


async def prune(settings: Settings, *kinds: str) -> None:
    """Make events of some kinds older than the retention time, and run the job that removes them."""
    for kind in kinds:
        await execute("UPDATE event SET created_at_ms = 1 WHERE kind = ?", kind)
    await collected()["audit.prune"].handler(Run({}, tools_of(settings, MemoryBlobStore())))


async def test_resuming_after_removed_events_fails_with_a_cursor(
    factory: Factory, settings_with_files: Settings
) -> None:
    # given a subscription that ended
    ada = await factory.user("ada")
    bearer = await factory.token("ada")
    await execute("DELETE FROM event")
    async with live.serving(factory) as door:
        async with live.listening(door.address, bearer, namespace="ada") as client:
            await note("org_create_team", namespace_id=ada.id)
            last = (await client.event())["cursor"]
        # when events after its cursor are removed
        await note("org_delete_team", "org_set_team_role", namespace_id=ada.id)
        await note("org_add_team_member", namespace_id=ada.id)
        await prune(settings_with_files, "org_create_team", "org_delete_team", "org_set_team_role")
        # then resuming fails
        async with live.listening(door.address, bearer, namespace="ada", after=last) as client:
            message = await client.next()
            (error,) = message["payload"]
            assert (message["type"], error["extensions"]["code"]) == ("error", "CONFLICT")
            # and can go on with what is kept, on the same connection
            await client.subscribe("2", namespace="ada", after=error["extensions"]["cursor"])
            await note("org_remove_team_member", namespace_id=ada.id)
            kept = kinds_of(await client.events(2))

    assert kept == ["org_add_team_member", "org_remove_team_member"]


async def test_resuming_after_removed_events_that_were_received_succeeds(
    factory: Factory, settings_with_files: Settings
) -> None:
    ada = await factory.user("ada")
    bearer = await factory.token("ada")
    async with live.serving(factory) as door:
        async with live.listening(door.address, bearer, namespace="ada") as client:
            await note("org_create_team", namespace_id=ada.id)
            last = (await client.event())["cursor"]
        await prune(settings_with_files, "user_create", "create_oauth_api_token", "org_create_team")
        assert await fetch("SELECT id FROM event") == []
        await note("org_delete_team", namespace_id=ada.id)
        async with live.listening(door.address, bearer, namespace="ada", after=last) as client:
            assert (await client.event())["kind"] == "org_delete_team"


async def test_pruning_that_overtakes_a_reader_ends_its_subscription(
    factory: Factory, settings_with_files: Settings
) -> None:
    # given a subscription that has started to read old events
    ada = await factory.user("ada")
    await note(*["org_create_team"] * 300, namespace_id=ada.id)
    async with live.serving(factory) as door:
        watch = Watch(namespace_id=ada.id, kinds=frozenset({"org_create_team"}), after=(0, 0))
        viewer = await bearer_viewer(await factory.token("ada"), site=factory.site)
        subscription = await door.fanout.subscribe(viewer, watch)
        batches = subscription.batches()
        first = await anext(batches)
        # when all of it is removed
        await prune(settings_with_files, *{row["kind"] for row in await fetch("SELECT kind FROM event")})

        # then the missing rest is an error
        with pytest.raises(EventsPruned) as caught:
            await anext(batches)

    assert 0 < len(first.events) < 300
    assert caught.value.cursor == format_cursor(await events.pruned_up_to())


async def test_the_reader_runs_only_while_there_are_subscriptions(factory: Factory) -> None:
    await factory.user("ada")
    async with live.serving(factory) as door:
        async with live.listening(door.address, await factory.token("ada")) as client:
            await factory.repository("ada/app")
            await client.event()
            assert len(door.fanout.subscriptions) == 1
            reader = [task for task in asyncio.all_tasks() if "Fanout._read" in repr(task)]
            assert len(reader) == 1
            await client.send(id="1", type="complete")
            await client.send(type="ping")
            while (await client.next())["type"] != "pong":
                pass
        assert len(door.fanout.subscriptions) == 0
        # A reader can be awaited only after it was stopped.
        await asyncio.gather(*reader, return_exceptions=True)


async def test_a_process_has_a_limit_of_subscriptions(factory: Factory) -> None:
    await factory.user("ada")
    bearer = await factory.token("ada")
    async with (
        live.serving(factory, fanout=FanoutLimits(Shares(total=1))) as door,
        live.listening(door.address, bearer),
        live.listening(door.address, bearer) as second,
    ):
        (error,) = (await second.next())["payload"]
        assert error["extensions"]["code"] == "TOO_MANY"


@pytest.mark.parametrize(
    ("variables", "code"),
    [
        ({"namespace": "nobody"}, "BAD_REQUEST"),
        ({"repository": "ada/secret"}, "UNAUTHENTICATED"),
        ({"repository": "ada/none"}, "UNAUTHENTICATED"),
        ({"kinds": ["push_rep"]}, "BAD_REQUEST"),
        ({"after": "x"}, "BAD_REQUEST"),
        ({"after": format_cursor((2**62, 2**62))}, "BAD_REQUEST"),
    ],
)
async def test_invalid_subscriptions_are_refused(factory: Factory, variables: live.Json, code: str) -> None:
    await factory.user("ada")
    await factory.repository("ada/secret")
    async with live.serving(factory) as door, live.listening(door.address, None, **variables) as client:
        (error,) = (await client.next())["payload"]

    assert error["extensions"]["code"] == code


async def test_anonymous_callers_receive_nothing_without_access(factory: Factory) -> None:
    closed = factory.without_features("ANONYMOUS_ACCESS")
    async with live.serving(closed) as door, live.listening(door.address) as client:
        (error,) = (await client.next())["payload"]

    assert error["extensions"]["code"] == "UNAUTHENTICATED"


GONE = {
    "message": "What this subscription was about is no longer there; subscribe again when there is something"
    " of its name.",
    "extensions": {"code": "NOT_FOUND"},
}


async def test_a_subscription_to_a_repository_ends_when_it_is_deleted(factory: Factory) -> None:
    # given subscriptions to a repository, one of them of somebody who may no longer read it, and to all
    for name in ("ada", "bob"):
        await factory.user(name)
    await factory.repository("ada/app")
    await factory.grant("ada/app", "bob", RepositoryRole.READ, by="ada")
    ada, bearer = await factory.as_account("ada"), await factory.token("ada")
    async with (
        live.serving(factory) as door,
        live.listening(door.address, bearer, repository="ada/app") as client,
        live.listening(door.address, await factory.token("bob"), repository="ada/app") as other,
    ):
        await client.subscribe("2", kinds=["create_repo", "delete_repo"])
        await permission.delete_permission(ada, "ada/app", Grantee(GranteeKind.USER, "bob"))
        assert (await client.event())["kind"] == "delete_repo_permission"
        # when it is deleted, and made again
        await repository.delete(ada, "ada/app")
        await factory.repository("ada/app")

        # then its subscriptions end after that event, and the connection serves the other on
        messages = [await client.next() for _ in range(4)]
        own = [one for one in messages if one["id"] == "1"]
        assert [one["type"] for one in own] == ["next", "error"]
        assert own[0]["payload"]["data"]["events"]["kind"] == "delete_repo"
        (error,) = own[1]["payload"]
        assert {key: error[key] for key in GONE} == GONE
        assert [one["payload"]["data"]["events"]["kind"] for one in messages if one["id"] == "2"] == [
            "delete_repo",
            "create_repo",
        ]
        message = await other.next()
        assert (message["type"], message["payload"][0]["message"]) == ("error", GONE["message"])
        # and one that subscribes again hears of the new one
        await client.subscribe("1", repository="ada/app")
        await describe(ada, "ada/app", "new")
        assert (await client.event())["kind"] == "set_repo_description"


async def test_a_subscription_to_an_organization_ends_when_it_is_deleted(factory: Factory) -> None:
    await factory.user("ada")
    await factory.organization("acme", owner="ada")
    await factory.repository("acme/app", by="ada")
    ada, bearer = await factory.as_account("ada"), await factory.token("ada")
    async with (
        live.serving(factory) as door,
        live.listening(door.address, bearer, namespace="acme", kinds=["org_delete"]) as client,
        live.listening(door.address, bearer, repository="acme/app", kinds=["push_repo"]) as app,
    ):
        await organization.delete(ada, "acme")
        messages = [await client.next()]
        while messages[-1]["type"] == "next":
            messages.append(await client.next())
        assert messages[-1]["payload"][0]["extensions"]["code"] == "NOT_FOUND"
        message = await app.next()
        assert message["payload"][0]["extensions"]["code"] == "NOT_FOUND"
