"""Live events over a real server: what is seen, in which order, by whom, and how it goes on after a break."""

import asyncio
from dataclasses import replace

import pytest

from quayside.settings.settings import Settings
from quayside.workers.handlers import HANDLERS, Tools
from resolvers.access.credentials import bearer_viewer
from resolvers.access.roles import RepositoryRole
from resolvers.access.scopes import Scope
from resolvers.accounts import user
from resolvers.accounts.grantee import Grantee, GranteeKind
from resolvers.context import Context
from resolvers.oauth import token
from resolvers.record.fanout import CredentialEnded, EventsPruned, Fanout, FanoutLimits
from resolvers.record.live import Watch, format_cursor
from resolvers.repositories import permission, repository
from resolvers.repositories.repository import Visibility
from storage import events
from storage.blobs.memory import MemoryBlobStore
from storage.database import Database
from storage.events import EventRow
from storage.statements import execute, fetch, fetch_one
from storage.transactions import transaction
from tests import live
from tests.factories import Factory

BEGINNING = format_cursor((0, 0))

DETAILS = """subscription($after: Cursor) { events(after: $after, kinds: ["create_tag"]) {
  kind occurredAt digest metadata performer { name } repository { path viewerRole } } }"""


async def describe(context: Context, path: str, text: str) -> None:
    """Make an event that everybody sees who may read the repository."""
    await repository.update(context, path, description=text)


async def note(*kinds: str, namespace_id: int) -> None:
    """Events of a namespace, in a transaction."""
    async with transaction("test.note"):
        await events.append(*(EventRow(kind=kind, metadata={}, namespace_id=namespace_id) for kind in kinds))


def kinds_of(found: list[live.Json]) -> list[str]:
    return [event["kind"] for event in found]


async def test_what_happens_is_seen_in_its_order(factory: Factory) -> None:
    # given somebody who listens to their namespace
    await factory.user("ada")
    async with (
        live.serving(factory) as door,
        live.listening(door.address, await factory.token("ada"), namespace="ada") as client,
    ):
        # when things happen there
        await factory.repository("ada/app")
        await factory.image("ada/app", b"one", tag="v1")

        # then each is seen
        found = await client.events(3)
        assert [(event["kind"], event["repositoryPath"], event["tagName"]) for event in found] == [
            ("create_repo", "ada/app", None),
            ("create_tag", "ada/app", "v1"),
            ("push_repo", "ada/app", "v1"),
        ]
        assert {event["namespace"] for event in found} == {"ada"}


async def test_one_who_comes_back_misses_nothing_and_sees_nothing_twice(factory: Factory) -> None:
    await factory.user("ada")
    bearer = await factory.token("ada")
    ada = await factory.as_account("ada")
    await factory.repository("ada/app")
    seen: list[str] = []
    cursor = BEGINNING
    async with live.serving(factory) as door:
        for turn in range(3):
            # when some happen while somebody listens, and some while they are away
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

        # then all were seen, each once
        assert len(seen) == len(set(seen)) == 6


async def test_a_long_past_is_told_before_what_happens_now(factory: Factory) -> None:
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


async def test_only_what_was_asked_for_is_told(factory: Factory) -> None:
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
        # The name of a deleted repository is still told.
        assert (event["kind"], event["repositoryPath"]) == ("delete_repo", "ada/one")


async def test_readers_see_content_and_administrators_see_who_did_it(factory: Factory) -> None:
    # given a public repository, its owner and a passer-by
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


async def test_others_hear_nothing_of_what_is_not_theirs(factory: Factory) -> None:
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

        # then each hears of what they may read, and the owner of all
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


async def test_rights_are_looked_at_again_as_events_come(factory: Factory) -> None:
    # given somebody who listens to what they may read
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
        # when the right is taken, and given again
        await permission.delete_permission(ada, "ada/app", bob)
        await describe(ada, "ada/app", "may not")
        await describe(ada, "ada/open", "may")
        assert (await client.event())["repositoryPath"] == "ada/open"
        await permission.set_permission(ada, "ada/app", bob, RepositoryRole.READ)
        await describe(ada, "ada/app", "may again")

        # then what happened in between stays unseen
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
            await user.set_enabled(factory.context(root), "ada", is_enabled=False)
        message = await client.next()
        closed = await client.closed()

    assert message["type"] == "error"
    assert message["payload"][0]["extensions"]["code"] == "UNAUTHENTICATED"
    assert closed == (4401, "Unauthorized")


async def test_nothing_is_told_before_the_credential_is_looked_at_again(
    factory: Factory, monkeypatch: pytest.MonkeyPatch
) -> None:
    # given somebody who has just begun to listen, and a server that is busy
    await factory.user("ada")
    viewer = await bearer_viewer(await factory.token("ada"), site=factory.site)
    ada = await factory.as_account("ada")
    row = await fetch_one("SELECT uuid FROM access_token")
    assert row is not None
    check, may_check = Fanout._check_credentials, asyncio.Event()

    async def late(fanout: Fanout) -> None:
        await may_check.wait()
        await check(fanout)

    monkeypatch.setattr(Fanout, "_check_credentials", late)
    async with live.serving(factory) as door:
        subscription = await door.fanout.subscribe(viewer, Watch())
        # when the credential ends, which is an event as well
        await token.revoke_access_token(ada, row["uuid"])
        first = asyncio.ensure_future(anext(subscription.batches()))
        await asyncio.wait({first}, timeout=0.3)
        may_check.set()

        # then that event is not shown for it
        with pytest.raises(CredentialEnded):
            await first


async def test_nothing_is_skipped_or_doubled_while_a_transaction_is_held_open(
    factory: Factory, database: Database
) -> None:
    """Others commit while it is open on PostgreSQL, and wait for its events to be seen; on SQLite they
    wait themselves.
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
        # One who comes now must see both as well.
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


async def test_a_slow_consumer_is_told_where_to_go_on(factory: Factory) -> None:
    # given a server that lets few events wait, and a client that begins far behind
    ada = await factory.user("ada")
    bearer = await factory.token("ada")
    seen: list[str] = []
    async with live.serving(factory, fanout=FanoutLimits(backlog=5)) as door:
        async with live.listening(door.address, bearer, namespace="ada", after=BEGINNING) as client:
            await client.events(2)
            # when more come at once than may wait
            await note(*["org_create_team"] * 400, namespace_id=ada.id)
            while (message := await client.next())["type"] == "next":
                seen.append(message["payload"]["data"]["events"]["cursor"])
            (error,) = message["payload"]
            assert error["extensions"]["code"] == "TOO_MANY"
            assert (await client.closed())[0] == 1013
        # then the rest is there behind the cursor that it was told
        async with live.listening(
            door.address, bearer, namespace="ada", after=error["extensions"]["cursor"]
        ) as client:
            seen += [event["cursor"] for event in await client.events(400 - len(seen))]
            assert len(seen) == len(set(seen)) == 400


async def prune(settings: Settings, *kinds: str) -> None:
    """Let events of some kinds become older than the log is kept, and run the job that removes those."""
    for kind in kinds:
        await execute("UPDATE event SET created_at_ms = 1 WHERE kind = ?", kind)
    await HANDLERS["audit.prune"]({}, Tools(settings, MemoryBlobStore()))


async def test_one_who_comes_back_too_late_is_told_so_and_where_to_go_on(
    factory: Factory, settings_with_files: Settings
) -> None:
    # given somebody who stopped listening
    ada = await factory.user("ada")
    bearer = await factory.token("ada")
    await execute("DELETE FROM event")
    async with live.serving(factory) as door:
        async with live.listening(door.address, bearer, namespace="ada") as client:
            await note("org_create_team", namespace_id=ada.id)
            last = (await client.event())["cursor"]
        # when more happens than is kept until they come back
        await note("org_delete_team", "org_set_team_role", namespace_id=ada.id)
        await note("org_add_team_member", namespace_id=ada.id)
        await prune(settings_with_files, "org_create_team", "org_delete_team", "org_set_team_role")
        # then they are not left to think that nothing is missing
        async with live.listening(door.address, bearer, namespace="ada", after=last) as client:
            message = await client.next()
            (error,) = message["payload"]
            assert (message["type"], error["extensions"]["code"]) == ("error", "CONFLICT")
            # and can go on with what is kept, on the same connection
            await client.subscribe("2", namespace="ada", after=error["extensions"]["cursor"])
            await note("org_remove_team_member", namespace_id=ada.id)
            kept = kinds_of(await client.events(2))

    assert kept == ["org_add_team_member", "org_remove_team_member"]


async def test_one_who_had_seen_all_that_is_gone_goes_on_as_if_nothing_were(
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
    # given somebody who has begun to read what happened
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

        # then the rest is not silently left out
        with pytest.raises(EventsPruned) as caught:
            await anext(batches)

    assert 0 < len(first.events) < 300
    assert caught.value.cursor == format_cursor(await events.pruned_up_to())


async def test_the_reader_runs_only_while_somebody_listens(factory: Factory) -> None:
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
        # Only a reader that has been told to end can be waited for.
        await asyncio.gather(*reader, return_exceptions=True)


async def test_as_many_subscriptions_as_the_process_takes(factory: Factory) -> None:
    await factory.user("ada")
    bearer = await factory.token("ada")
    async with (
        live.serving(factory, fanout=FanoutLimits(subscriptions=1)) as door,
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
async def test_what_cannot_be_listened_to_is_refused(
    factory: Factory, variables: live.Json, code: str
) -> None:
    await factory.user("ada")
    await factory.repository("ada/secret")
    async with live.serving(factory) as door, live.listening(door.address, None, **variables) as client:
        (error,) = (await client.next())["payload"]

    assert error["extensions"]["code"] == code


async def test_callers_without_credentials_hear_nothing_where_they_may_see_nothing(factory: Factory) -> None:
    closed = factory.without_features("ANONYMOUS_ACCESS")
    async with live.serving(closed) as door, live.listening(door.address) as client:
        (error,) = (await client.next())["payload"]

    assert error["extensions"]["code"] == "UNAUTHENTICATED"
