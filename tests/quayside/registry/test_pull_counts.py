"""Pull statistics: counts, audit entries and events of pulls, and losses on failure."""

import asyncio
from collections.abc import Sequence
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette

from quayside.app import create_app
from quayside.registry import pulls as recording
from quayside.registry.pulls import PullRecorder
from quayside.settings.settings import Settings
from resolvers.access.registry_tokens import RegistryGrant
from resolvers.access.roles import RepositoryRole
from resolvers.repositories import activity
from resolvers.repositories.activity import DAY_MS, Pull
from storage.clock import now_ms
from storage.database import Database
from storage.statements import count_statements, decode_json, execute, fetch
from tests.quayside.registry import kit
from tests.quayside.registry.people import OWNER, PASSWORD, create_robot, create_users, publish


async def rows(settings: Settings, sql: str) -> list[dict[str, Any]]:
    """The rows of a query, in the database of the running server."""
    database = await Database.connect(settings.database_url)
    try:
        with database.current():
            return await fetch(sql)
    finally:
        await database.close()


DAILY = "SELECT actor_kind, pulls, checks, pushes FROM daily_activity ORDER BY actor_kind"


async def daily(settings: Settings) -> dict[str, tuple[int, int, int]]:
    """Pulls, checks and pushes by the kind of actor."""
    found = await rows(settings, DAILY)
    return {row["actor_kind"]: (row["pulls"], row["checks"], row["pushes"]) for row in found}


def client(app: Starlette, settings: Settings, *login: str) -> httpx.AsyncClient:
    return httpx.AsyncClient(
        transport=httpx.ASGITransport(app=app, client=("192.0.2.7", 40000)),
        base_url=settings.public_url,
        auth=kit.TokenFlow(*login),
        headers={"User-Agent": "podman/5"},
    )


async def test_pulls_checks_and_pushes_are_counted_by_the_kind_of_actor(settings: Settings) -> None:
    # given an image that everybody may pull
    await create_users(settings, OWNER)
    app = create_app(settings)
    async with app.router.lifespan_context(app):
        async with client(app, settings, OWNER, PASSWORD) as owner:
            repository = kit.Repository(owner, f"{OWNER}/app")
            body = await repository.push_image(b"layer", tag="latest")
            await publish(settings, f"{OWNER}/app")
            robot = await create_robot(settings, "deploy", f"{OWNER}/app", RepositoryRole.READ)
            digest = kit.digest_of(body)
            # when its owner pulls by tag and by digest, and checks twice for changes
            await repository.get_manifest("latest")
            await repository.get_manifest(digest)
            await owner.head(repository.url("manifests/latest"))
            unchanged = await owner.get(
                repository.url("manifests/latest"), headers={"If-None-Match": f'"{digest}"'}
            )
            assert unchanged.status_code == 304
            # and requests a missing tag, which is not counted
            assert (await repository.get_manifest("absent")).status_code == 404
        # and a robot and an anonymous client pull
        for login in (robot, ()):
            async with client(app, settings, *login) as other:
                pulled = await kit.Repository(other, f"{OWNER}/app").get_manifest("latest")
                assert pulled.content == body

    # then the end of the application writes the buffer
    assert await daily(settings) == {"anonymous": (1, 0, 0), "robot": (1, 0, 0), "user": (2, 2, 1)}
    assert await rows(settings, "SELECT pulls FROM manifest_pulls") == [{"pulls": 4}]
    assert await rows(settings, "SELECT name, pulls FROM tag_pulls") == [{"name": "latest", "pulls": 3}]
    # and the audit log and the events have the pulls only
    for table in ("audit_log", "event"):
        told = await rows(
            settings,
            f"SELECT a.name AS performer, l.metadata, l.ip FROM {table} l"
            " LEFT JOIN account a ON a.id = l.performer_id WHERE l.kind = 'pull_repo' ORDER BY l.id",
        )
        common = {
            "repo": "app",
            "namespace": OWNER,
            "user-agent": "podman/5",
            "mediaType": kit.OCI_MANIFEST,
            "manifest_digest": digest,
        }
        assert [(row["performer"], decode_json(row["metadata"]), row["ip"]) for row in told] == [
            (OWNER, common | {"tag": "latest", "username": OWNER}, "192.0.2.7"),
            (OWNER, common | {"username": OWNER}, "192.0.2.7"),
            ("owner+deploy", common | {"tag": "latest", "robot": "owner+deploy"}, "192.0.2.7"),
            (None, common | {"tag": "latest"}, "192.0.2.7"),
        ]


async def test_a_refused_push_is_not_counted(repository: kit.Repository, settings: Settings) -> None:
    await repository.push_image(b"layer", tag="latest")
    refused = await repository.put_manifest("v2", kit.encode(kit.image_document(b"never pushed")))

    assert refused.status_code == 404
    assert await daily(settings) == {"user": (0, 0, 1)}


def pull(**changes: Any) -> Pull:
    values: dict[str, Any] = {
        "repository_id": 1,
        "namespace_id": 2,
        "path": "ada/app",
        "manifest_id": 3,
        "digest": "sha256:" + "0" * 64,
        "media_type": kit.OCI_MANIFEST,
        "tag": "latest",
        "is_check": False,
        "grant": RegistryGrant("ada", 2, 0, None, 0, {}),
        "ip": None,
        "user_agent": None,
        "request_id": None,
        "at_ms": now_ms(),
    }
    return Pull(**(values | changes))


async def test_pulls_that_are_alike_share_an_event_and_have_an_entry_each(database: Database) -> None:
    # given three pulls that differ in time only, one with another user agent, and a check
    at = now_ms()
    batch = [
        pull(at_ms=at + 2),
        pull(at_ms=at),
        pull(user_agent="podman/5", at_ms=at + 1),
        pull(at_ms=at + 3),
    ]

    await activity.record_pulls([*batch, pull(is_check=True)])

    told = await fetch("SELECT metadata, created_at_ms - ? AS later FROM audit_log ORDER BY id", at)
    assert [(decode_json(row["metadata"])["user-agent"], row["later"]) for row in told] == [
        (None, 0),
        ("podman/5", 1),
        (None, 2),
        (None, 3),
    ]
    shared = [decode_json(row["metadata"]) for row in await fetch("SELECT metadata FROM event ORDER BY id")]
    assert [(item["user-agent"], item.get("count")) for item in shared] == [(None, 3), ("podman/5", None)]
    (pulls,) = await fetch("SELECT pulls, last_pulled_at_ms - ? AS later FROM tag_pulls", at)
    assert (pulls["pulls"], pulls["later"]) == (4, 3)


async def test_five_hundred_pulls_take_few_statements(database: Database) -> None:
    with count_statements() as one:
        await activity.record_pulls([pull()])
    with count_statements() as many:
        await activity.record_pulls(
            [pull(repository_id=n, manifest_id=n, tag=f"t{n % 7}") for n in range(500)]
        )

    # Entries and events are inserted a hundred a statement, the counters all at once.
    assert len(one.statements) == 5
    assert len(many.statements) == 5 + 2 * 4


async def test_two_processes_count_concurrently(database: Database) -> None:
    batch = [pull(repository_id=n % 5, manifest_id=n % 9, at_ms=1_000 + n) for n in range(100)]

    await asyncio.gather(*(activity.record_pulls(batch) for _ in range(4)))

    (total,) = await fetch("SELECT SUM(pulls) AS pulls FROM daily_activity")
    (latest,) = await fetch("SELECT SUM(pulls) AS pulls, MAX(last_pulled_at_ms) AS at FROM manifest_pulls")
    assert (total["pulls"], latest["pulls"], latest["at"]) == (400, 400, 1_099)


async def test_a_batch_that_cannot_be_written_is_tried_again(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recording, "FLUSH_S", 0.001)
    attempts: list[int] = []
    written = asyncio.Event()

    async def write(batch: Sequence[Pull]) -> None:
        attempts.append(len(batch))
        if len(attempts) < 3:
            raise ConnectionError("the database is away")
        written.set()

    recorder = PullRecorder(database, write=write)
    async with recorder.running():
        recorder.record(pull())
        await written.wait()

    assert attempts == [1, 1, 1]


async def test_recording_a_pull_never_blocks(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    # given a database that blocks, and a buffer of three pulls
    monkeypatch.setattr(recording, "MAX_WAITING", 3)
    monkeypatch.setattr(recording, "BATCH", 2)
    may_write, batches = asyncio.Event(), []

    async def write(batch: Sequence[Pull]) -> None:
        await may_write.wait()
        batches.append([item.manifest_id for item in batch])

    recorder = PullRecorder(database, write=write)
    async with recorder.running():
        # when five pulls arrive
        for number in range(5):
            recorder.record(pull(manifest_id=number))
            await asyncio.sleep(0)
        may_write.set()

    # then those beyond the buffer are dropped, and the others are counted
    assert batches == [[0, 1], [2]]


async def test_counts_of_deleted_content_are_pruned(database: Database) -> None:
    await activity.record_pulls([pull(), pull(at_ms=now_ms() - 401 * DAY_MS)])

    await activity.prune()

    assert await fetch("SELECT pulls FROM daily_activity") == [{"pulls": 1}]
    assert await fetch("SELECT 1 AS n FROM manifest_pulls") == []
    assert await fetch("SELECT 1 AS n FROM tag_pulls") == []
    assert await execute("DELETE FROM daily_activity") == 1


async def test_a_tag_that_is_deleted_and_pushed_again_counts_from_0(settings: Settings) -> None:
    await create_users(settings, OWNER)
    for pulls in (3, 1):
        # The end of the application writes the buffer.
        app = create_app(settings, jobs=False)
        async with app.router.lifespan_context(app), client(app, settings, OWNER, PASSWORD) as owner:
            repository = kit.Repository(owner, f"{OWNER}/app")
            await owner.delete(repository.url("manifests/latest"))
            await repository.push_image(b"layer", tag="latest")
            for _ in range(pulls):
                assert (await repository.get_manifest("latest")).status_code == 200
        assert await rows(settings, "SELECT name, pulls FROM tag_pulls") == [
            {"name": "latest", "pulls": pulls}
        ]
