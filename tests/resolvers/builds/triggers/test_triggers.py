"""Triggers: which builds they order, as whom, and when they are disabled."""

from dataclasses import dataclass, replace
from typing import Any

import pytest

from resolvers.access.roles import TeamRole
from resolvers.access.viewer import ANONYMOUS
from resolvers.accounts import robot
from resolvers.builds import build, log
from resolvers.builds.build import BuildRecord
from resolvers.builds.phases import Phase
from resolvers.builds.triggers import fire, outcome, remote, trigger
from resolvers.builds.triggers.fire import RefKind, Wanted
from resolvers.builds.triggers.push import Ignored, Push
from resolvers.builds.triggers.services import TriggerService
from resolvers.builds.triggers.trigger import DisabledReason, TriggerRecord
from resolvers.context import Context
from resolvers.errors import Forbidden, Invalid, NotFound, NotWritable, TooMany
from resolvers.inbox import notice
from resolvers.inbox.notice import NoticeKind
from resolvers.pages import Page
from resolvers.repositories import purge, repository
from resolvers.repositories.repository import RepositoryState
from storage.statements import decode_json, fetch, insert_many
from storage.transactions import transaction
from tests.factories import Factory
from tests.fake_git import FIRST, SECOND, FakeGit

PATH = "acme/app"
SOURCE = "git@git.example.com:acme/app.git"
PUSH = Push(
    FIRST,
    "refs/heads/main",
    "main",
    {"commit": FIRST, "ref": "refs/heads/main", "default_branch": "main", "commit_info": {"message": "Go"}},
    "Go",
)


@dataclass
class Place:
    """A repository of an organization of `ada`, and a Git repository that nobody serves."""

    factory: Factory
    ada: Context
    git: FakeGit

    @property
    def webhook(self) -> Context:
        """The context of a call by a service that tells of a push."""
        return replace(self.ada, viewer=ANONYMOUS)

    async def made(
        self, service: TriggerService = TriggerService.CUSTOM_GIT, source: str = SOURCE, **config: Any
    ) -> TriggerRecord:
        """An active trigger."""
        found, _ = await trigger.create(self.ada, PATH, service)
        found, _ = await trigger.activate(self.ada, PATH, found.uuid, {"build_source": source, **config})
        return found

    async def again(self, found: TriggerRecord) -> TriggerRecord:
        """A trigger as it is now."""
        return (await trigger.by_ids([found.id]))[found.id]


@pytest.fixture
async def place(factory: Factory) -> Place:
    await factory.user("ada")
    await factory.organization("acme", owner="ada")
    await factory.repository(PATH, by="ada")
    git = FakeGit()
    ada = await factory.as_account("ada")
    return Place(factory, replace(ada, site=replace(ada.site, git=git, builds_queued=0)), git)


async def told(*kinds: str) -> list[tuple[str, dict[str, Any], int | None]]:
    rows = await fetch("SELECT kind, metadata, performer_id FROM event ORDER BY id")
    return [
        (row["kind"], decode_json(row["metadata"]), row["performer_id"])
        for row in rows
        if row["kind"] in kinds
    ]


async def fired(context: Context, found: TriggerRecord, push: Push) -> BuildRecord:
    """The build that a trigger orders for a push to the repository as it is now."""
    record = await repository.find(PATH)
    assert record is not None
    return await fire.fire(context, record, found, push)


async def ended(place: Place, found: BuildRecord, phase: Phase, times: int = 1) -> None:
    """Tell the trigger of a build that it ended so, as often as builds would."""
    record = await repository.find(PATH)
    assert record is not None
    for _ in range(times):
        async with transaction("test.end"):
            await outcome.note_end(place.webhook, record, found, phase)


async def test_a_push_is_built_as_the_account_that_connected_the_trigger(place: Place) -> None:
    found = await place.made(context="/server", dockerfile_path="server/Dockerfile")

    ordered = await fired(place.webhook, found, PUSH)

    assert (ordered.account_id, ordered.is_manual) == (place.ada.account_id, False)
    assert (ordered.git_url, ordered.git_commit, ordered.git_ref) == (SOURCE, FIRST, "refs/heads/main")
    assert (ordered.tags, ordered.display_name) == (("main", "latest"), FIRST[:7])
    assert (ordered.dockerfile_path, ordered.context_path) == ("/server/Dockerfile", "/server")
    metadata = {**PUSH.metadata, "git_url": SOURCE}
    about = {
        "build_id": ordered.uuid,
        "docker_tags": ["main", "latest"],
        "is_manual": False,
        "trigger_id": found.uuid,
        "trigger_kind": "custom-git",
        "trigger_metadata": metadata,
    }
    assert ordered.trigger_metadata == metadata
    assert await told("build_dockerfile", "build_queued") == [
        ("build_dockerfile", about | {"repo": "app", "namespace": "acme", "manual_user": None}, None),
        ("build_queued", about, None),
    ]


@pytest.mark.parametrize(
    ("config", "push", "reason"),
    [
        ({"branchtag_regex": "tags/.*"}, PUSH, "'heads/main' does not"),
        ({}, replace(PUSH, message="Typo [skip build]"), "asks to skip"),
    ],
    ids=["reference", "message"],
)
async def test_a_push_that_is_not_wanted_is_built_by_hand_alone(
    place: Place, config: dict[str, Any], push: Push, reason: str
) -> None:
    found = await place.made(**config)

    with pytest.raises(Ignored, match=reason):
        await fired(place.webhook, found, push)
    await fire.start(place.ada, PATH, found.uuid, Wanted(commit=FIRST))

    assert len(await fetch("SELECT id FROM build")) == 1


async def test_what_orders_no_builds_takes_no_push(place: Place) -> None:
    inactive, _ = await trigger.create(place.ada, PATH, TriggerService.GITHUB)
    found = await place.made()
    before = found
    await trigger.set_enabled(place.ada, PATH, found.uuid, False)

    for one, reason in ((inactive, "not active"), (await place.again(found), "not enabled"), (before, "not")):
        with pytest.raises(Ignored, match=reason):
            await fired(place.webhook, one, PUSH)
    await repository.change_state(place.ada, PATH, RepositoryState.READ_ONLY)
    with pytest.raises(NotWritable):
        await fired(place.webhook, found, PUSH)

    assert await fetch("SELECT id FROM build") == []


async def test_a_full_queue_refuses_pushes(place: Place) -> None:
    found = await place.made()
    context = replace(place.webhook, site=replace(place.webhook.site, builds_queued=1))
    await fired(context, found, PUSH)

    with pytest.raises(TooMany, match="Maximum queued build rate exceeded"):
        await fired(context, found, PUSH)


@pytest.mark.parametrize(
    ("wanted", "commit", "ref", "tags"),
    [
        (Wanted(), FIRST, "refs/heads/main", ("main", "latest")),
        (Wanted(branch="next"), SECOND, "refs/heads/next", ("next",)),
        (Wanted(ref=(RefKind.TAG, "v1")), SECOND, "refs/tags/v1", ("v1",)),
        (Wanted(commit="ABCDEF1"), "abcdef1", None, ("abcdef1",)),
    ],
    ids=["default", "branch", "tag", "commit"],
)
async def test_a_start_by_hand_builds_what_is_named(
    place: Place, wanted: Wanted, commit: str, ref: str | None, tags: tuple[str, ...]
) -> None:
    found = await place.made(TriggerService.GITHUB, "acme/app")

    ordered, _ = await fire.start(place.ada, PATH, found.uuid, wanted)

    assert (ordered.git_commit, ordered.git_ref, ordered.tags) == (commit, ref, tags)
    assert (ordered.is_manual, ordered.account_id) == (True, place.ada.account_id)
    assert ordered.git_url == "https://github.com/acme/app.git"
    assert [facts["manual_user"] for _, facts, _ in await told("build_dockerfile")] == ["ada"]


@pytest.mark.parametrize(
    ("wanted", "sentence"),
    [
        (Wanted(branch="gone"), "Could not find branch in repository"),
        (Wanted(ref=(RefKind.TAG, "gone")), "Could not find tag in repository"),
        (Wanted(commit="abc"), "7 to 64 hexadecimal digits"),
    ],
)
async def test_a_start_by_hand_of_what_is_not_there(place: Place, wanted: Wanted, sentence: str) -> None:
    found = await place.made(TriggerService.GITLAB, "acme/app")

    with pytest.raises(Invalid, match=sentence):
        await fire.start(place.ada, PATH, found.uuid, wanted)


async def test_keys_of_servers_are_noted_and_shown_with_the_own_key(place: Place) -> None:
    found = await place.made(TriggerService.GITHUB)
    await fire.start(place.ada, PATH, found.uuid, Wanted())
    ordered, _ = await fire.start(place.ada, PATH, found.uuid, Wanted())

    (first, second) = place.git.asked
    assert (first.known_hosts, second.known_hosts) == ("", "git.example.com ssh-ed25519 AAAA\n")
    assert "OPENSSH PRIVATE KEY" in str(second.private_key)
    assert str(found.public_key).startswith("ssh-ed25519 ")
    source = await remote.source_of(place.webhook, ordered)
    assert source is not None
    assert (source[0].remote, source[0].commit) == (second, FIRST)


async def test_a_source_by_https_has_no_key(place: Place) -> None:
    found = await place.made(source="https://git.example.com/acme/app.git")

    assert (found.public_key, found.private_key_encrypted) == (None, None)


@pytest.mark.parametrize(
    ("config", "field"),
    [
        ({}, "config.build_source"),
        ({"build_source": 5}, "config.build_source"),
        ({"build_source": "file:///etc"}, "config.build_source"),
        ({"build_source": SOURCE, "dockerfile_path": "../Dockerfile"}, "config.dockerfile_path"),
        ({"build_source": SOURCE, "context": "/a/../.."}, "config.context"),
        ({"build_source": SOURCE, "branchtag_regex": "("}, "config.branchtag_regex"),
        ({"build_source": SOURCE, "tag_templates": ["${nothing}"]}, "config.tag_templates[0]"),
        ({"build_source": SOURCE, "more": "x" * 20_000}, "config"),
        ({"build_source": SOURCE, "more": "\0"}, "config"),
        ({"build_source": SOURCE, "more": "\ud800"}, "config"),
    ],
)
async def test_a_configuration_that_makes_no_sense_names_its_key(
    place: Place, config: dict[str, Any], field: str
) -> None:
    made, _ = await trigger.create(place.ada, PATH, TriggerService.CUSTOM_GIT)

    with pytest.raises(Invalid) as refused:
        await trigger.activate(place.ada, PATH, made.uuid, config)

    assert refused.value.field == field
    assert not (await place.again(made)).is_active


async def test_another_administrator_does_not_say_what_is_built_as_the_first(place: Place) -> None:
    await place.factory.user("eve")
    await place.factory.team("acme", "more owners", TeamRole.ADMIN, ["eve"])
    eve = replace(await place.factory.as_account("eve"), site=place.ada.site)
    made, _ = await trigger.create(place.ada, PATH, TriggerService.CUSTOM_GIT)

    with pytest.raises(Forbidden):
        await trigger.activate(eve, PATH, made.uuid, {"build_source": SOURCE})


@pytest.mark.parametrize(
    ("phase", "times", "reason"),
    [
        (Phase.ERROR, 100, DisabledReason.SUCCESSIVE_BUILD_FAILURES),
        (Phase.INTERNALERROR, 5, DisabledReason.SUCCESSIVE_BUILD_INTERNAL_ERRORS),
    ],
)
async def test_failures_in_a_row_disable_a_trigger(
    place: Place, phase: Phase, times: int, reason: DisabledReason
) -> None:
    found = await place.made()
    ordered = await fired(place.webhook, found, PUSH)

    await ended(place, ordered, phase, times - 1)
    await ended(place, ordered, Phase.COMPLETE)
    await ended(place, ordered, phase, times - 1)
    still = await place.again(found)
    await ended(place, ordered, phase)
    disabled = await place.again(found)

    assert (still.is_enabled, still.disabled_reason) == (True, None)
    assert (disabled.is_enabled, disabled.disabled_reason) == (False, reason)
    facts = {"repo": "app", "namespace": "acme", "trigger_id": found.uuid, "service": "custom-git"}
    assert await told("toggle_repo_trigger") == [
        ("toggle_repo_trigger", facts | {"enabled": False, "disabled_reason": reason.value}, None)
    ]
    (rung,) = (await notice.of_viewer(place.ada, Page(first=9))).items
    assert (rung.kind, rung.metadata) == (
        NoticeKind.BUILD_TRIGGER_DISABLED,
        {
            "repository": "acme/app",
            "namespace": "acme",
            "trigger_id": found.uuid,
            "service": "custom-git",
            "disabled_reason": reason.value,
        },
    )
    await trigger.set_enabled(place.ada, PATH, found.uuid, True)
    await ended(place, ordered, phase)
    assert (await place.again(found)).is_enabled


async def test_a_deleted_trigger_takes_its_builds_with_it(place: Place) -> None:
    found, other = await place.made(), await place.made()
    mine = [await fired(place.webhook, found, PUSH) for _ in range(2)]
    kept = await fired(place.webhook, other, PUSH)

    await trigger.delete(place.ada, PATH, found.uuid)

    assert [await build.find(one.uuid) for one in mine] == [None, None]
    with pytest.raises(NotFound):
        await trigger.delete(place.ada, PATH, found.uuid)
    with pytest.raises(NotFound):
        await fired(place.webhook, found, PUSH)
    rows = await fetch("SELECT payload FROM job WHERE kind = ?", trigger.PURGE)
    await trigger.purge_trigger(decode_json(rows[0]["payload"])["trigger_id"])
    await trigger.purge_trigger(other.id)
    assert [row["uuid"] for row in await fetch("SELECT uuid FROM build")] == [kept.uuid]
    assert [row["uuid"] for row in await fetch("SELECT uuid FROM build_trigger")] == [other.uuid]
    assert [kind for kind, _, _ in await told("setup_repo_trigger", "delete_repo_trigger")] == [
        *("setup_repo_trigger", "setup_repo_trigger", "delete_repo_trigger")
    ]


async def test_a_deleted_repository_leaves_no_trigger_and_no_build(place: Place) -> None:
    found = await place.made()
    ordered = await fired(place.webhook, found, PUSH)
    await (await log.LogWriter.open(ordered.id)).write(["STEP 1/1: FROM scratch"])

    record = await repository.find(PATH)
    assert record is not None
    await repository.delete(place.ada, PATH)
    with pytest.raises(NotFound):
        await fire.fire(place.webhook, record, found, PUSH)
    await purge.purge_repository(found.repository_id)

    left = [await fetch(f"SELECT id FROM {table}") for table in ("build_log_line", "build", "build_trigger")]
    assert left == [[], [], []]


async def test_a_repository_has_so_many_triggers(place: Place) -> None:
    record = await repository.find(PATH)
    assert record is not None
    await insert_many(
        "build_trigger",
        ("uuid", "repository_id", "service", "config", "known_hosts", "created_at_ms"),
        [(f"u{number}", record.id, "github", "{}", "", 1) for number in range(trigger.MAXIMUM_TRIGGERS)],
    )

    with pytest.raises(TooMany):
        await trigger.create(place.ada, PATH, TriggerService.GITHUB)


async def test_builds_of_a_trigger_remember_its_robot_when_that_is_gone(place: Place) -> None:
    await place.factory.robot("acme+puller", by="ada")
    made, _ = await trigger.create(place.ada, PATH, TriggerService.CUSTOM_GIT)
    config = {"build_source": SOURCE}
    found, _ = await trigger.activate(place.ada, PATH, made.uuid, config, "acme+puller")
    await robot.delete(place.ada, owner="acme", short_name="puller")

    ordered = await fired(place.webhook, await place.again(found), PUSH)

    assert (found.robot_id is None, ordered.robot_id, ordered.has_robot) == (False, None, True)
