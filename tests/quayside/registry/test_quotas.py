"""Quotas at `/v2`: a namespace stores up to its Reject limit, and not a byte more."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import replace
from functools import partial
from typing import Any

import httpx
import pytest

from quayside import app as app_module
from quayside.app import create_app
from quayside.http.bodies import BodyStalled
from quayside.registry.asgi import ClientGone
from quayside.settings.settings import Settings
from quayside.settings.site import site_of
from resolvers.content import upload
from resolvers.content.upload import expire
from resolvers.quotas import notices
from resolvers.repositories import repository as repositories
from resolvers.repositories.purge import purge_repository
from storage import blob_rows
from storage.blobs import BlobStore
from storage.database import Database
from storage.statements import count_statements, execute, fetch
from storage.transactions import transaction
from tests import quotas, state
from tests.plugins.clock import Clock
from tests.quayside.registry import kit
from tests.quayside.registry.people import OWNER, PASSWORD, STRANGER, acting, create_users
from tests.quotas import reserved, set_quota, stored, told

DAY_S = 86_400


@pytest.fixture
def settings(settings_with_files: Settings) -> Settings:
    """Settings with blobs in files, which several servers and the test see."""
    return settings_with_files


@pytest.fixture
def other(registry: httpx.AsyncClient) -> kit.Repository:
    """Another repository of the namespace `owner`."""
    return kit.Repository(registry, f"{OWNER}/other")


async def pieces(*content: bytes) -> AsyncIterator[bytes]:
    """A body of unknown length."""
    for piece in content:
        yield piece
        await asyncio.sleep(0)


async def bytes_held(blobs: BlobStore) -> int:
    """The bytes of all blobs in the store."""
    return sum([size async for _, size in blobs.digests()])


async def post_whole(target: kit.Repository, content: bytes) -> httpx.Response:
    """Push a blob with one request."""
    return await target.client.post(
        target.url("blobs/uploads/"), params={"digest": kit.digest_of(content)}, content=content
    )


async def put_whole(target: kit.Repository, content: bytes) -> httpx.Response:
    """Push a blob with two requests, the way of docker's first chunk."""
    begun = await target.client.post(target.url("blobs/uploads/"))
    if begun.status_code != 202:
        return begun
    return await target.finish_upload(begun.headers["Location"], kit.digest_of(content), content)


async def in_chunks(target: kit.Repository, content: bytes) -> httpx.Response:
    """Push a blob with a stream of unknown length, and an empty last request."""
    begun = await target.client.post(target.url("blobs/uploads/"))
    if begun.status_code != 202:
        return begun
    location = begun.headers["Location"]
    bearer = {"Authorization": begun.request.headers["Authorization"]}
    transport = target.client._transport
    async with httpx.AsyncClient(transport=transport, base_url=target.client.base_url) as plain:
        half = len(content) // 2
        grown = await plain.patch(location, content=pieces(content[:half], content[half:]), headers=bearer)
    if grown.status_code != 202:
        return grown
    return await target.finish_upload(location, kit.digest_of(content))


WAYS = (post_whole, put_whole, in_chunks)


def sentence(limit: int, use: int, needed: int, *, reserved: int = 0, whole: str = "") -> str:
    """The sentence of a refusal."""
    held = f", has reserved {reserved} for open uploads" if reserved else ""
    needs = f", and this needs {needed} more" if needed else ""
    blocked = reserved and use + needed <= limit
    advice = " Cancel uploads, or wait: they end two days after their last use." if blocked else ""
    return (
        f"Quota has been exceeded on namespace {OWNER}: it may store {limit} bytes{whole}, stores {use}"
        f"{held}{needs}.{advice} Deleting tags makes room once their content is collected; a superuser of the"
        " registry can raise the quota."
    )


def refused(answer: httpx.Response, *figures: int, **more: Any) -> bool:
    """Whether an answer is a refusal with these figures."""
    assert (answer.status_code, kit.error_codes(answer)) == (403, ["DENIED"]), answer.text
    assert answer.json()["errors"][0]["message"] == sentence(*figures, **more)
    return True


@asynccontextmanager
async def servers_of(settings: Settings, number: int) -> AsyncIterator[list[httpx.AsyncClient]]:
    """Several servers with one database and one blob store; clients signed in as the owner, one for each."""
    async with AsyncExitStack() as stack:
        clients = []
        for app in [create_app(settings, jobs=False) for _ in range(number)]:
            await stack.enter_async_context(app.router.lifespan_context(app))
            client = httpx.AsyncClient(
                transport=httpx.ASGITransport(app=app),
                base_url=settings.public_url,
                auth=kit.TokenFlow(OWNER, PASSWORD),
            )
            clients.append(await stack.enter_async_context(client))
        yield clients


async def test_sixteen_clients_store_what_fits_and_no_byte_more(
    settings: Settings, database: Database, blobs: BlobStore
) -> None:
    await create_users(settings, OWNER)
    size, fitting = 1_000, 25
    async with servers_of(settings, 2) as clients:
        targets = [kit.Repository(clients[n % 2], f"{OWNER}/app{n % 5}") for n in range(16)]
        for target in targets[:5]:
            await target.push_blob(b"")
        await set_quota(OWNER, fitting * size + size - 1)

        async def push(number: int) -> list[httpx.Response]:
            contents = [f"{number} {n}".encode().ljust(size) for n in range(3)]
            return [await WAYS[(number + n) % 3](targets[number], one) for n, one in enumerate(contents)]

        answers = [one for some in await asyncio.gather(*map(push, range(16))) for one in some]

    assert sorted(one.status_code for one in answers) == [201] * fitting + [403] * (48 - fitting)
    assert {code for one in answers if one.status_code == 403 for code in kit.error_codes(one)} == {"DENIED"}
    assert (await stored(OWNER), await reserved(OWNER)) == (fitting * size, 0)
    assert await bytes_held(blobs) == fitting * size
    assert (await fetch("SELECT id FROM upload"), [one async for one in blobs.uploads()]) == ([], [])
    assert [kind for kind, *_ in await told()] == ["quota_error"]


async def test_a_reservation_holds_in_another_server_and_outlives_its_own(
    settings: Settings, database: Database, blobs: BlobStore
) -> None:
    await create_users(settings, OWNER)
    async with servers_of(settings, 1) as (there,):
        async with servers_of(settings, 1) as (here,):
            location = await kit.Repository(here, f"{OWNER}/app").start_upload()
            await set_quota(OWNER, 100)
            # A quota that was made meanwhile counts; several requests of one upload keep one reservation.
            for first in (0, 30):
                assert (
                    await kit.Repository(here, "").put_chunk(location, b"x" * 30, first)
                ).status_code == 202
        assert await reserved(OWNER) == 60

        target = kit.Repository(there, f"{OWNER}/app")
        assert refused(await post_whole(target, b"y" * 41), 100, 0, 41, reserved=60)
        assert (await post_whole(target, b"y" * 40)).status_code == 201
        assert refused(await there.post(target.url("blobs/uploads/")), 100, 40, 0, reserved=60)
        assert (await target.finish_upload(location, kit.digest_of(b"x" * 60))).status_code == 201
    assert (await stored(OWNER), await reserved(OWNER), await bytes_held(blobs)) == (100, 0, 100)


async def test_each_door_is_refused_and_opened_at_the_byte(
    repository: kit.Repository,
    other: kit.Repository,
    stranger: httpx.AsyncClient,
    database: Database,
    blobs: BlobStore,
) -> None:
    await repository.push_blobs(kit.CONFIG, b"layer")
    theirs = kit.Repository(stranger, f"{STRANGER}/app")
    mounted = await theirs.push_blob(b"m" * 50)
    await execute("UPDATE repository SET visibility = 'public', auth_epoch = auth_epoch + 1")
    await other.push_blob(b"layer")
    document = kit.encode(kit.image_document(b"layer"))

    async def mount() -> httpx.Response:
        return await other.client.post(
            other.url("blobs/uploads/"), params={"mount": mounted, "from": theirs.name}
        )

    async def put_manifest() -> httpx.Response:
        return await repository.put_manifest("v1", document)

    doors: list[tuple[int, Callable[[], Awaitable[httpx.Response]]]] = [
        *((one, partial(way, repository, str(one).encode().ljust(one))) for one, way in enumerate(WAYS, 20)),
        (50, mount),
        (len(document), put_manifest),
    ]
    for size, push in doors:
        use, held, before = await stored(OWNER), await bytes_held(blobs), await state.dump()
        await set_quota(OWNER, use + size - 1)
        before |= {table: (await state.dump())[table] for table in ("quota", "quota_limit")}
        assert refused(await push(), use + size - 1, use, size)
        after = await state.dump()
        changed = {table for table in after if after[table] != before[table]}
        assert changed <= {"event", "inbox_notice", "quota_notice"}
        assert (await bytes_held(blobs), [one async for one in blobs.uploads()]) == (held, [])
        await set_quota(OWNER, use + size)
        assert (await push()).status_code == 201
        assert await stored(OWNER) == use + size

        # At the limit nothing more begins, and what the namespace holds costs nothing.
        assert refused(
            await repository.client.post(repository.url("blobs/uploads/")), use + size, use + size, 0
        )
        assert (await push()).status_code == (403 if push in [way for _, way in doors[1:3]] else 201)
    assert (await repository.put_manifest("v2", document)).status_code == 201
    assert (await post_whole(repository, b"m" * 50)).status_code == 201
    within = {"mount": kit.digest_of(kit.CONFIG), "from": repository.name}
    assert (await other.client.post(other.url("blobs/uploads/"), params=within)).status_code == 201
    assert await stored(OWNER) == use + size


async def test_growth_is_refused_where_it_is_announced_and_by_steps_where_it_is_not(
    repository: kit.Repository,
    unauthenticated: httpx.AsyncClient,
    database: Database,
    blobs: BlobStore,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(upload, "NOTED_EVERY_BYTES", 4)
    location = await repository.start_upload()
    await set_quota(OWNER, 20, reject=50)
    whole = " (50% of its quota of 20)"
    announced = await repository.client.patch(location, content=b"x" * 11)
    assert refused(announced, 10, 0, 11, whole=whole)
    assert (await repository.client.get(location)).status_code == 404

    location = await repository.start_upload()
    bearer = {"Authorization": announced.request.headers["Authorization"]}
    grown = await unauthenticated.patch(location, content=pieces(b"x" * 4, b"x" * 6), headers=bearer)
    assert (grown.status_code, await reserved(OWNER)) == (202, 10)
    grown = await unauthenticated.patch(location, content=pieces(b"x" * 4), headers=bearer)
    assert refused(grown, 10, 0, 14, whole=whole)
    assert (await reserved(OWNER), [one async for one in blobs.uploads()]) == (0, [])

    # A held blob may be sent again, whatever the room, by a request that names it.
    await post_whole(repository, b"x" * 10)
    await set_quota(OWNER, 1_000)
    location = await repository.start_upload()
    await set_quota(OWNER, 10)
    again = await repository.finish_upload(location, kit.digest_of(b"x" * 10), b"x" * 10)
    assert (again.status_code, await stored(OWNER)) == (201, 10)


async def test_a_push_that_ends_above_the_limit_is_repeated_after_it_was_raised(
    repository: kit.Repository, database: Database
) -> None:
    layers = [b"a" * 100, b"b" * 100]
    document = kit.encode(kit.image_document(*layers))
    await repository.push_blobs(kit.CONFIG, layers[0])
    use = len(kit.CONFIG) + 100
    await set_quota(OWNER, use + 99)
    assert refused(await put_whole(repository, layers[1]), use + 99, use, 100)
    # The layers that were taken stay and count.
    assert await stored(OWNER) == use
    await set_quota(OWNER, use + 100)
    for content in (kit.CONFIG, layers[0]):
        found = await repository.client.head(repository.url(f"blobs/{kit.digest_of(content)}"))
        assert found.status_code == 200
    await repository.push_blob(layers[1])
    missing = await repository.put_manifest("v1", document)
    assert refused(missing, use + 100, use + 100, len(document))
    assert (await repository.get_manifest("v1")).status_code == 404

    await set_quota(OWNER, use + 100 + len(document))
    assert (await repository.put_manifest("v1", document)).status_code == 201

    # Below what is stored already: pulls and deletions go on, and what adds nothing.
    await set_quota(OWNER, 10)
    assert (await repository.get_blob(kit.digest_of(layers[0]))).content == layers[0]
    assert (await repository.put_manifest("v2", document)).status_code == 201
    assert refused(await put_whole(repository, b"c"), 10, use + 100 + len(document), 0)
    digest = kit.digest_of(document)
    assert (await repository.client.delete(repository.url(f"manifests/{digest}"))).status_code == 202


async def test_reservations_end_with_their_upload(
    settings: Settings, repository: kit.Repository, database: Database, blobs: BlobStore, clock: Clock
) -> None:
    await set_quota(OWNER, 100)

    async def reserving(target: kit.Repository = repository) -> str:
        location = await target.start_upload()
        assert (await target.client.patch(location, content=b"x" * 60)).status_code == 202
        assert await reserved(OWNER) == 60
        return location

    await repository.client.delete(await reserving())
    assert await reserved(OWNER) == 0
    wrong = await repository.finish_upload(await reserving(), kit.digest_of(b"other"))
    assert (wrong.status_code, await reserved(OWNER)) == (400, 0)
    await reserving()
    clock.move(3 * DAY_S)
    await expire(blobs)
    assert await reserved(OWNER) == 0
    clock.move(-3 * DAY_S)
    await reserving()
    async with acting(settings) as context:
        record = await repositories.find(f"{OWNER}/app")
        assert record is not None
        await repositories.delete(context, record.path)
        await purge_repository(record.id)
    assert await reserved(OWNER) == 0


async def broken(content: bytes, error: Exception) -> AsyncIterator[bytes]:
    """A body that ends before its announced length."""
    yield content
    raise error


@pytest.mark.parametrize("error", [ClientGone(), BodyStalled("silent")])
async def test_what_was_announced_and_did_not_come_is_not_reserved(
    repository: kit.Repository, unauthenticated: httpx.AsyncClient, database: Database, error: Exception
) -> None:
    location = await repository.start_upload()
    await set_quota(OWNER, 1_000)
    bearer = {"Authorization": (await repository.client.get(location)).request.headers["Authorization"]}
    digest = kit.digest_of(b"x" * 20)
    # A request that names the digest announces as well.
    for method, query, size in (("PATCH", {}, 10), ("PUT", {"digest": digest}, 20)):
        # Who left gets no answer, which the client of the tests asserts.
        with suppress(AssertionError):
            await unauthenticated.request(
                method,
                location,
                params=query,
                content=broken(b"x" * 10, error),
                headers={**bearer, "Content-Length": "1000" if size == 10 else "990"},
            )
        assert await reserved(OWNER) == size
    beside = await post_whole(repository, b"y" * 980)
    assert (beside.status_code, await stored(OWNER)) == (201, 980)

    # Resuming announces again: here more than there is room for.
    assert refused(await repository.put_chunk(location, b"x" * 5, 20), 1_000, 980, 25)
    assert await reserved(OWNER) == 0


async def test_what_the_namespace_gave_up_meanwhile_is_counted_again(
    repository: kit.Repository, other: kit.Repository, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    await other.push_blob(b"x" * 10)
    await repository.push_blob(b"")
    await set_quota(OWNER, 20)
    location = await repository.start_upload()
    commit = blob_rows.commit

    async def late(*arguments: Any) -> int:
        size = await commit(*arguments)
        await execute(
            "DELETE FROM repository_blob WHERE blob_id IN (SELECT id FROM blob WHERE size_bytes = 10)"
        )
        await set_quota(OWNER, 9)
        return size

    monkeypatch.setattr(blob_rows, "commit", late)

    answer = await repository.finish_upload(location, kit.digest_of(b"x" * 10), b"x" * 10)

    assert refused(answer, 9, 0, 10)
    assert (await stored(OWNER), await reserved(OWNER)) == (0, 0)


async def test_thresholds_are_told_of_once_a_day(
    settings: Settings, repository: kit.Repository, database: Database, clock: Clock
) -> None:
    clock.stop()
    await set_quota(OWNER, 100, warnings=(50, 80))
    await repository.push_blob(b"a" * 49)
    assert await told() == []
    await repository.push_blob(b"b")
    await repository.push_blob(b"c" * 29)
    half = ("quota_warning", 50, 50, 100, 50)
    assert await told() == [half]
    # Of several thresholds the highest decides; of several refusals at once one is told.
    await asyncio.gather(*(post_whole(repository, f"{n}".encode() * 30) for n in range(6)))
    full = ("quota_error", 100, 79, 100, 79)
    assert await told() == [half, full]
    await repository.push_blob(b"d" * 20)
    most = ("quota_warning", 80, 99, 100, 99)
    assert await told() == [half, full, most]
    (entry,) = await fetch("SELECT * FROM event WHERE kind = 'quota_warning' ORDER BY id LIMIT 1")
    assert (entry["namespace_id"], entry["performer_id"]) == (await quotas.account_id(OWNER),) * 2
    assert await fetch("SELECT id FROM audit_log WHERE kind LIKE 'quota%'") == []


@pytest.mark.parametrize("moved_s", [DAY_S, -2 * DAY_S])
async def test_a_threshold_is_told_of_again_a_day_later(
    settings: Settings, repository: kit.Repository, database: Database, moved_s: int
) -> None:
    await set_quota(OWNER, 100, reject=0, warnings=(1,))
    await repository.push_blob(b"a" * 200)
    await repository.push_blob(b"b")
    assert len(await told()) == 1
    await execute("UPDATE quota_notice SET noted_at_ms = noted_at_ms - ?", moved_s * 1_000)
    await repository.push_blob(b"c")
    await repository.push_blob(b"d")
    assert await told() == [("quota_warning", 1, 200, 100, 200), ("quota_warning", 1, 202, 100, 202)]


async def test_a_quota_that_is_set_below_what_is_stored_is_told_of_at_once(
    settings: Settings, repository: kit.Repository, database: Database
) -> None:
    await repository.push_blob(b"a" * 90)
    await set_quota(OWNER, 100, warnings=(80,))
    for limit, kinds in ((100, ["quota_warning"]), (50, ["quota_warning", "quota_error"])):
        await set_quota(OWNER, limit, warnings=(80,))
        async with acting(settings) as context, transaction("test"):
            await notices.review(context, await quotas.account_id(OWNER))
        assert [kind for kind, *_ in await told()] == kinds


@pytest.mark.parametrize("has_flag", [True, False])
async def test_the_flags_turn_enforcement_and_events_off(
    settings: Settings, database: Database, has_flag: bool
) -> None:
    off = {"QUOTA_NOTIFICATIONS"} if has_flag else {"QUOTA_MANAGEMENT"}
    await create_users(settings, OWNER)
    async with servers_of(replace(settings, features=settings.features - off), 1) as (client,):
        target = kit.Repository(client, f"{OWNER}/app")
        await target.push_blob(b"")
        await set_quota(OWNER, 1)
        assert (await put_whole(target, b"ab")).status_code == (403 if has_flag else 201)
    assert await told() == []


async def test_a_namespace_without_a_quota_has_that_of_the_registry(
    settings: Settings, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    limited = replace(site_of(settings), default_reject_quota_bytes=100)
    monkeypatch.setattr(app_module, "site_of", lambda _: limited)
    await create_users(settings, OWNER)
    async with servers_of(settings, 1) as (client,):
        target = kit.Repository(client, f"{OWNER}/app")
        await target.push_blobs(kit.EMPTY, b"x" * 98)
        assert refused(await put_whole(target, b"y"), 100, 100, 0)
        document = kit.encode(kit.artifact_document("text/plain"))
        assert refused(await target.put_manifest("v1", document), 100, 100, len(document))
        assert await told() == [("quota_error", 100, 98 + 2, 100, 100)]
        # A quota of its own takes the place of the default, also one that only warns.
        await set_quota(OWNER, 10, reject=0, warnings=(90,))
        assert (await target.put_manifest("v1", document)).status_code == 201
        assert (await post_whole(target, b"y")).status_code == 201


async def test_statements_of_pushes_into_a_namespace_without_a_quota(
    settings: Settings, database: Database
) -> None:
    await create_users(settings, OWNER)
    counts = []
    for name, off in (("with", set()), ("without", {"QUOTA_MANAGEMENT"})):
        async with servers_of(replace(settings, features=settings.features - off), 1) as (client,):
            counts.append(await statements_of_a_push(client, name))

    # One for each of two uploads, one for a mount, none for a manifest.
    assert [more - less for more, less in zip(*counts, strict=True)] == [1, 1, 1, 0]


@pytest.mark.parametrize("push", WAYS)
async def test_a_push_costs_the_same_if_another_namespace_holds_the_blob(
    repository: kit.Repository, stranger: httpx.AsyncClient, database: Database, push: Callable[..., Any]
) -> None:
    await set_quota(OWNER, 10_000)
    await push(repository, b"first")
    theirs = kit.Repository(stranger, f"{STRANGER}/app")
    for content in (b"old", b"fresh"):
        await theirs.push_blob(content)
    await execute("UPDATE blob SET committed_at_ms = 1 WHERE size_bytes = 3")
    runs = []
    for content in (b"new", b"old", b"fresh"):
        with count_statements() as count:
            assert (await push(repository, content)).status_code == 201
        runs.append(count.statements)
    assert runs[1:] == [runs[0]] * 2


async def statements_of_a_push(client: httpx.AsyncClient, name: str) -> list[int]:
    """The numbers of statements of two uploads, a mount and a manifest."""
    target, elsewhere = (kit.Repository(client, f"{OWNER}/{name}{n}") for n in "12")
    await target.push_blob(b"")
    mounted = await elsewhere.push_blob(kit.CONFIG)
    content = name.encode().ljust(100)
    source = {"mount": mounted, "from": elsewhere.name}
    counts = []
    for push in (
        partial(in_chunks, target, content),
        partial(post_whole, target, content + b"1"),
        partial(client.post, target.url("blobs/uploads/"), params=source),
        partial(target.put_manifest, "v1", kit.encode(kit.image_document(content))),
    ):
        with count_statements() as count:
            assert (await push()).status_code == 201
        counts.append(len(count.statements))
    return counts
