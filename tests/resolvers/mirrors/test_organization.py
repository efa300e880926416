"""Mirrors of organizations against a scripted upstream: what is found, made, brought, cancelled, let go."""

import asyncio
import json
from dataclasses import dataclass, replace
from types import NoneType
from typing import Any

import pytest

from resolvers.access.roles import RepositoryRole
from resolvers.accounts import robot
from resolvers.context import Context
from resolvers.errors import AlreadyExists, Conflict, Invalid
from resolvers.job_kinds import JobStopped, Run, Tools
from resolvers.mirrors import discovery, jobs, mirror, organization, release, verification
from resolvers.mirrors.mirror import MirrorChanges
from resolvers.mirrors.organization import OrganizationMirrorChanges, OrganizationMirrorRecord
from resolvers.mirrors.schedule import MirrorStatus
from resolvers.outbound.client import Outbound
from resolvers.repositories import repository
from resolvers.repositories.repository import RepositoryState, Visibility
from resolvers.upstreams.catalog import Catalog
from storage.clock import now_ms
from storage.statements import decode_json, execute, fetch, fetch_one
from tests.factories import Factory
from tests.upstreams.upstream import FakeUpstream
from tests.waiting import until


@dataclass
class Following:
    """An organization that is to follow the namespace `team` of an upstream."""

    factory: Factory
    owner: Context
    host: str
    scripted: FakeUpstream | None = None

    @property
    def upstream(self) -> FakeUpstream:
        """The scripted registry that it follows."""
        assert self.scripted is not None
        return self.scripted

    async def begin(self, **more: Any) -> None:
        changes = OrganizationMirrorChanges(
            catalog=Catalog.CATALOG,
            registry_url=f"http://{self.host}",
            namespace="team",
            robot="acme+bot",
            visibility=Visibility.PUBLIC,
            sync_starts_at_ms=now_ms() - 1000,
            sync_interval_s=3600,
            verifies_tls=False,
        )
        await organization.create(self.owner, "acme", replace(changes, **more))

    async def record(self) -> OrganizationMirrorRecord:
        [row] = await fetch("SELECT id FROM organization_mirror")
        found = await organization.stored(self.factory.context(), row["id"])
        assert found is not None
        return found

    def run(self, payload: dict[str, Any]) -> Run:
        return Run(payload, Tools(self.factory.context()))

    async def discover(self) -> OrganizationMirrorRecord:
        """Look for repositories as the job does."""
        await discovery.discover(self.run({"organization_mirror_id": (await self.record()).id}))
        return await self.record()

    async def sync(self) -> None:
        """Let the mirrors of repositories run that were ordered."""
        rows = await fetch("SELECT payload FROM job WHERE kind = 'mirror.sync' ORDER BY id")
        await execute("DELETE FROM job WHERE kind = 'mirror.sync'")
        for row in rows:
            await jobs.run_mirror(self.run(decode_json(row["payload"])))

    async def repositories(self) -> dict[str, tuple[str, str, str]]:
        """Names, state, visibility, and status of the mirror."""
        rows = await fetch(
            "SELECT r.name, r.state, r.visibility, m.status FROM repository r"
            " LEFT JOIN repository_mirror m ON m.repository_id = r.id ORDER BY r.name"
        )
        return {row["name"]: (row["state"], row["visibility"], row["status"]) for row in rows}

    async def tags(self) -> dict[str, str]:
        rows = await fetch(
            "SELECT r.path, t.name, m.digest FROM tag t JOIN manifest m ON m.id = t.manifest_id"
            " JOIN repository r ON r.id = t.repository_id WHERE NOT t.has_ended ORDER BY r.path, t.name"
        )
        return {f"{row['path']}:{row['name']}": row["digest"] for row in rows}

    async def owner_id(self) -> int:
        [row] = await fetch("SELECT id FROM account WHERE name = 'acme'")
        return int(row["id"])

    async def told(self) -> list[str]:
        rows = await fetch("SELECT kind FROM event WHERE kind LIKE 'org_mirror_sync%' ORDER BY id")
        return [row["kind"] for row in rows]


async def followed(factory: Factory, host: str, upstream: FakeUpstream | None = None) -> Following:
    """An empty organization with a robot, which is to follow the registry at a host."""
    factory = replace(factory, site=replace(factory.site, outbound=Outbound(["127.0.0.1"])))
    await factory.user("ada")
    await factory.organization("acme", owner="ada")
    await factory.robot("acme+bot", by="ada")
    return Following(factory, await factory.as_account("ada"), host, upstream)


@pytest.fixture
async def following(factory: Factory, upstream: FakeUpstream) -> Following:
    return await followed(factory, upstream.host, upstream)


async def test_repositories_that_fit_are_made_and_brought(following: Following) -> None:
    upstream, factory = following.upstream, following.factory
    images = {
        f"acme/{name}:v1": upstream.image(f"team/{name}", "v1", name.encode()) for name in ("app", "deep/er")
    }
    upstream.image("team/other", "v1", b"not wanted")
    upstream.image("elsewhere/app", "v1", b"of another namespace")
    await following.begin(patterns=["app", "deep*"])

    found = await following.discover()

    ordered = ("ORG_MIRROR", "public", "SYNC_NOW")
    assert await following.repositories() == {"app": ordered, "deep/er": ordered}
    assert (found.status, found.timing.retries_remaining) == (MirrorStatus.SUCCESS, 3)
    assert found.message == f"{upstream.host}/team has 2 repositories that fit."
    assert found.timing.starts_at_ms is not None
    assert found.timing.starts_at_ms > now_ms()
    roles = await fetch("SELECT role FROM repository_permission")
    assert [row["role"] for row in roles] == [RepositoryRole.WRITE.value] * 2

    await following.sync()
    assert await following.tags() == images
    done = ("ORG_MIRROR", "public", "SUCCESS")
    assert await following.repositories() == {"app": done, "deep/er": done}
    assert await following.told() == ["org_mirror_sync_started", "org_mirror_sync_success"]
    # Nothing more is due: neither the organization, nor any of its mirrors by itself.
    assert await discovery.order_due(factory.context()) + await jobs.order_due() == 0

    # What is new comes with the next run, what is gone stays and rests, and nothing is fetched again.
    upstream.reset()
    upstream.image("team/app", "v1", b"app")
    images["acme/deep-new:v2"] = upstream.image("team/deep-new", "v2", b"new")
    await organization.sync_now(following.owner, "acme")
    await following.discover()
    await following.sync()
    assert await following.tags() == images
    assert not upstream.asked("team/deep/er")
    assert not upstream.asked("GET .*/blobs/.*") or len(upstream.asked("GET .*/blobs/.*")) == 2


async def test_what_is_there_already_follows_unless_it_is_closed(following: Following) -> None:
    upstream, factory = following.upstream, following.factory
    for name in ("app", "closed"):
        await factory.repository(f"acme/{name}", by="ada")
        upstream.image(f"team/{name}", "v1", name.encode())
    await repository.change_state(following.owner, "acme/closed", RepositoryState.READ_ONLY)
    await following.begin(patterns=[])

    found = await following.discover()
    await following.sync()

    assert (
        found.message == f"{upstream.host}/team has 2 repositories that fit, 1 of which cannot be mirrored."
    )
    states = await following.repositories()
    assert states == {"app": ("ORG_MIRROR", "private", "SUCCESS"), "closed": ("READ_ONLY", "private", None)}
    row = await fetch_one("SELECT mirror_id, problem FROM discovered_repository WHERE name = 'closed'")
    problem = "There is a repository of this name, in the state READ_ONLY."
    assert row == {"mirror_id": None, "problem": problem}

    # Nobody does by hand what the organization does.
    for refused in (
        factory.repository("acme/new", by="ada"),
        repository.change_state(following.owner, "acme/app", RepositoryState.NORMAL),
        mirror.delete(following.owner, "acme/app"),
        mirror.update(following.owner, "acme/app", MirrorChanges(is_enabled=False)),
    ):
        with pytest.raises(Invalid, match="organization-level mirroring"):
            await refused
    with pytest.raises(Invalid, match="organization-level mirroring"):
        await factory.proxy_cache("acme", owner="ada")
    # One of its mirrors may be told to run.
    await mirror.sync_now(following.owner, "acme/app")

    await organization.delete(following.owner, "acme")
    assert await following.repositories() == {
        "app": ("NORMAL", "private", None),
        "closed": ("READ_ONLY", "private", None),
    }
    assert list(await following.tags()) == ["acme/app:v1"]
    assert await fetch("SELECT id FROM discovered_repository") == []
    await factory.proxy_cache("acme", owner="ada")
    with pytest.raises(Invalid, match="pull-through cache"):
        await following.begin()


async def test_a_run_that_is_killed_goes_on_and_one_that_is_cancelled_does_not(
    following: Following, monkeypatch: pytest.MonkeyPatch
) -> None:
    upstream = following.upstream
    for name in ("a", "b", "c"):
        upstream.image(f"team/{name}", "v1", name.encode())
    await following.begin()
    record = await following.record()
    run = following.run({"organization_mirror_id": record.id})
    run.stop()

    with pytest.raises(JobStopped):
        await discovery.discover(run)
    assert (await following.record()).status is MirrorStatus.SYNCING
    assert list(await following.repositories()) == ["a"]
    with pytest.raises(Conflict, match="already"):
        await organization.sync_now(following.owner, "acme")
    assert (await following.discover()).status is MirrorStatus.SUCCESS
    assert list(await following.repositories()) == ["a", "b", "c"]
    assert await fetch_one("SELECT count(*) AS n FROM job WHERE kind = 'mirror.sync'") == {"n": 3}

    await organization.sync_cancel(following.owner, "acme")
    assert {status for _, _, status in (await following.repositories()).values()} == {"CANCEL"}
    # Its own run was through: it keeps its schedule.
    record = await following.record()
    assert (record.status, record.timing.retries_remaining) == (MirrorStatus.SUCCESS, 3)
    await following.sync()
    assert await following.tags() == {}
    with pytest.raises(Conflict, match="runs"):
        await organization.sync_cancel(following.owner, "acme")

    # Cancelled while it looks: it ends before the next repository.
    await organization.sync_now(following.owner, "acme")
    follow = discovery._follow

    async def cancel(actor: Context, *about: Any) -> bool:
        await organization.sync_cancel(following.owner, "acme")
        return await follow(actor, *about)

    monkeypatch.setattr(discovery, "_follow", cancel)
    record = await following.discover()
    assert (record.status, record.message) == (MirrorStatus.CANCEL, "The run was cancelled.")
    assert record.timing.starts_at_ms is None
    assert (await following.told())[-2:] == ["org_mirror_sync_started", "org_mirror_sync_failed"]

    # A process that died for good leaves a run that the schedule ends.
    await execute("UPDATE organization_mirror SET status = 'SYNCING', job_id = 99, retries_remaining = 1")
    await discovery.order_due(following.factory.context())
    assert (await following.record()).status is MirrorStatus.FAIL


async def test_a_run_begins_once_and_in_its_time(following: Following) -> None:
    following.upstream.image("team/app", "v1", b"x")
    await following.begin()
    await following.discover()

    # Cancelled, told to run, and begun by another job: the first one does not go on beside it.
    context, runs = following.factory.context(), list[OrganizationMirrorRecord]()
    for job in (7, 8):
        await organization.sync_now(following.owner, "acme")
        claimed = await discovery.claim(context, (await following.record()).id, job)
        assert claimed is not None
        runs.append(claimed)
        if job == 7:
            await organization.sync_cancel(following.owner, "acme")
    with pytest.raises(discovery._Ended):
        await discovery._follow_all(context, runs[0], following.run({}))
    assert (await following.record()).status is MirrorStatus.SYNCING

    # The clock ran ahead by a year: what it set is brought forward.
    year = 365 * 24 * 3_600_000
    await execute("UPDATE organization_mirror SET sync_starts_at_ms = ?", now_ms() + year)
    await jobs.bring_forward()
    assert ((await following.record()).timing.starts_at_ms or 0) > now_ms() + year - 60_000
    await execute("UPDATE discovered_repository SET seen_at_ms = seen_at_ms + ?", year)
    await jobs.bring_forward()
    assert 0 < ((await following.record()).timing.starts_at_ms or 0) - now_ms() <= 3_600_000


async def test_a_run_that_fails_is_tried_again_and_says_why(
    following: Following, monkeypatch: pytest.MonkeyPatch
) -> None:
    upstream = following.upstream
    upstream.image("team/app", "v1", b"x")
    upstream.ask_for("basic", username="keeper", password="beam")
    await following.begin(username="keeper", password="wrong")

    record = await following.discover()
    assert (record.status, record.timing.retries_remaining) == (MirrorStatus.FAIL, 2)
    assert "401" in (record.message or "")
    assert await fetch_one("SELECT count(*) AS n FROM job WHERE kind = 'mirror.discover'") == {"n": 1}
    assert await following.repositories() == {}

    await organization.update(
        following.owner, "acme", OrganizationMirrorChanges(username="keeper", password="beam")
    )
    monkeypatch.setattr(discovery, "MAX_REPOSITORIES", 0)
    record = await following.discover()
    assert (record.message or "").startswith("More than 0 repositories fit")
    monkeypatch.undo()
    await robot.delete(following.owner, owner="acme", short_name="bot")
    record = await following.discover()
    assert record.message == "The robot of the mirror is gone or disabled; name another one."
    # It waits for its next time.
    assert (record.status, record.timing.retries_remaining) == (MirrorStatus.FAIL, 3)

    # Its repositories are asked by what holds for the organization.
    await following.factory.robot("acme+other", by="ada")
    await organization.update(following.owner, "acme", OrganizationMirrorChanges(robot="acme+other"))
    await organization.sync_now(following.owner, "acme")
    await following.discover()
    await following.sync()
    assert list(await following.tags()) == ["acme/app:v1"]
    changed = OrganizationMirrorChanges(username="another", password="beam", namespace="crew")
    await organization.update(following.owner, "acme", changed)
    [row] = await fetch("SELECT id FROM repository_mirror")
    child = await mirror.stored(following.owner, row["id"])
    assert child is not None
    assert (child.source, child.connection.username) == (f"{upstream.host}/crew/app", "another")


@pytest.mark.parametrize(
    ("catalog", "username", "shown"),
    [
        (Catalog.CATALOG, "keeper", "Basic "),
        (Catalog.HARBOR, "keeper", "Basic "),
        (Catalog.HARBOR, None, None),
        (Catalog.QUAY, "$oauthtoken", "Bearer beam"),
        (Catalog.QUAY, None, None),
        (Catalog.QUAY, "team+robot", "Basic "),
    ],
)
async def test_each_api_lists_repositories_by_pages(
    following: Following, catalog: Catalog, username: str | None, shown: str | None
) -> None:
    upstream = following.upstream
    for number in range(5):
        upstream.image(f"team/app{number}", "v1", b"x")
    upstream.image("crew/app9", "v1", b"x")
    if catalog is Catalog.CATALOG or username == "team+robot":
        upstream.ask_for("basic", username=username, password="beam")
    upstream.rule("repositor|_catalog", per_page=2)
    wanted = OrganizationMirrorChanges(
        catalog=catalog,
        registry_url=f"http://{upstream.host}/",
        namespace="team",
        username=username,
        password=username and "beam",
        patterns=["app[0-3]"],
        verifies_tls=False,
    )

    said = await verification.verify(following.owner, "acme", wanted)

    assert (said.is_good, said.message) == (True, f"{upstream.host}/team lists 4 repositories that fit.")
    path = {
        Catalog.CATALOG: "/v2/_catalog",
        Catalog.HARBOR: "/api/v2.0/projects/team/repositories",
        Catalog.QUAY: "/api/v1/repository",
    }[Catalog.CATALOG if username == "team+robot" else catalog]
    asked = upstream.requests(f"GET {path}")
    assert len({one["path"] for one in asked}) == 3
    header = asked[-1]["headers"].get("authorization")
    assert header is None if shown is None else header.startswith(shown)


async def test_verifying_says_what_is_wrong_and_changes_nothing(
    following: Following, other_upstream: FakeUpstream
) -> None:
    upstream = following.upstream
    upstream.image("team/app", "v1", b"x")
    upstream.ask_for("basic", username="keeper", password="beam")
    await following.begin(username="keeper", password="beam")
    before = await following.record()

    async def said(**wanted: Any) -> tuple[bool, str]:
        found = await verification.verify(following.owner, "acme", OrganizationMirrorChanges(**wanted))
        return found.is_good, found.message

    assert await said() == (True, f"{upstream.host}/team lists 1 repositories that fit.")
    assert await said(patterns=["b*"]) == (
        *(False, f"{upstream.host}/team lists no repository that the account may see and that fits."),
    )
    is_good, message = await said(password="wrong")
    assert (is_good, "401" in message) == (False, True)
    upstream.rule("_catalog", status=404, body="{}", times=1)
    assert (await said())[0] is False
    upstream.rule("_catalog", status=200, body='{"repositories": [1]}', times=1)
    assert (await said())[1].endswith("answered no list of repositories.")
    # The stored login is not shown to another registry.
    other_upstream.image("team/app", "v1", b"x")
    other_upstream.ask_for("basic", username="keeper", password="beam")
    assert (await said(registry_url=f"http://{other_upstream.host}"))[0] is False
    assert not [one for one in other_upstream.requests() if "authorization" in one["headers"]]
    for url in ("10.0.0.1", "http://[::1]:5000", "localhost"):
        with pytest.raises(Invalid, match="not allowed"):
            await said(registry_url=url)
    assert await following.record() == before
    # Nor once that is the one that the organization follows.
    changed = OrganizationMirrorChanges(registry_url=f"http://{other_upstream.host}")
    login = (await organization.update(following.owner, "acme", changed)).connection
    assert (login.username, login.password) == (None, None)
    await execute("UPDATE organization_mirror SET password_encrypted = 'written with a key that is gone'")
    await organization.update(following.owner, "acme", OrganizationMirrorChanges(accepts_unsigned=True))
    assert await said() == (
        *(False, "The credentials of the mirror cannot be read with the secret keys; enter them again."),
    )


async def test_many_repositories_are_made_and_ordered_once_each(
    following: Following, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = [f"app{number:03}" for number in range(550)]
    body = json.dumps({"repositories": [f"team/{name}" for name in names]})
    following.upstream.rule("_catalog", status=200, body=body)
    await following.begin()

    for _ in range(2):
        assert (await following.discover()).message == f"{following.host}/team has 550 repositories that fit."
        await organization.sync_now(following.owner, "acme")

    jobs_waiting = "SELECT count(*) AS n FROM job WHERE kind = 'mirror.sync'"
    assert await jobs.order_due() == 550
    assert await fetch_one(jobs_waiting) == {"n": 550}
    await organization.sync_cancel(following.owner, "acme")
    assert {status for _, _, status in (await following.repositories()).values()} == {"CANCEL"}
    await organization.delete(following.owner, "acme")
    await release.release(following.owner, (await following.owner_id()))
    assert set((await following.repositories()).values()) == {("NORMAL", "public", None)}


async def test_orders_that_meet_a_run_wait_for_each_other(following: Following) -> None:
    for number in range(12):
        following.upstream.image(f"team/app{number}", "v1", b"x")
    await following.begin()

    async def has_begun() -> bool:
        return (await following.record()).status is not MirrorStatus.NEVER_RUN

    async def disturb() -> None:
        await until(has_begun)
        for number in range(6):
            changes = OrganizationMirrorChanges(tag_timeout_s=400 + number)
            await organization.update(following.owner, "acme", changes)
            await asyncio.sleep(0)
        await organization.sync_cancel(following.owner, "acme")

    made, *others = await asyncio.gather(following.discover(), disturb(), disturb(), return_exceptions=True)

    assert isinstance(made, OrganizationMirrorRecord)
    assert {type(one) for one in others} <= {NoneType, Conflict}
    # Whoever came first, nothing is left that runs, and the settings are the last ones.
    record = await following.record()
    assert record.status is MirrorStatus.CANCEL
    assert record.tag_timeout_s in range(400, 406)
    await following.sync()
    assert await following.tags() == {}
    tries = await asyncio.gather(following.begin(), following.begin(), return_exceptions=True)
    assert [type(one) for one in tries] == [AlreadyExists] * 2
