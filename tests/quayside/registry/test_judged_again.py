"""Tokens after a change of rights: what was taken away ends at once, what is still allowed goes on."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace

import httpx
import pytest

from quayside.settings.settings import Settings
from resolvers.access.roles import RepositoryRole, TeamRole
from resolvers.accounts import federation, organization, robot, team, user
from resolvers.accounts.account import by_name
from resolvers.accounts.federation import Identity
from resolvers.accounts.grantee import Grantee, GranteeKind
from resolvers.accounts.organization import OrganizationChanges
from resolvers.context import Context
from resolvers.repositories import membership, permission, repository
from resolvers.repositories.repository import Visibility, change_visibility
from storage.backends.measured import observers
from storage.statements import execute, fetch
from tests.quayside.registry import kit, people
from tests.quayside.registry.people import OWNER, PASSWORD, STRANGER

APP = "acme/app"
WRITER, HELPER, ROBOT, OTHER = STRANGER, "helper", "acme+ci", "acme+other"
PULL, PUSH = 200, 202
"""What reading a manifest and beginning an upload answer."""

Change = Callable[[Context], Awaitable[object]]


def user_of(name: str) -> Grantee:
    return Grantee(GranteeKind.USER, name)


def set_role(name: str, role: RepositoryRole) -> Change:
    return lambda context: permission.set_permission(context, APP, user_of(name), role)


def set_team(role: RepositoryRole) -> Change:
    return lambda context: permission.set_permission(context, APP, Grantee(GranteeKind.TEAM, "crew"), role)


async def rename(context: Context, name: str) -> None:
    own = replace(context, site=replace(context.site, features=context.site.features | {"USER_RENAME"}))
    await user.update(await people.signed_in(own, WRITER), user.UserChanges(name=name))


async def recreate_repository(context: Context) -> None:
    await repository.delete(context, APP)
    await repository.create(context, namespace="acme", name="app", visibility=Visibility.PUBLIC)


async def recreate_namespace(context: Context) -> None:
    """Delete the organization, and make another whose name and repository are the same."""
    await organization.delete(context, "acme")
    await execute("UPDATE account SET name = 'gone' WHERE name = 'acme'")
    await execute("UPDATE account SET name = 'gone+ci' WHERE name = 'acme+ci'")
    await organization.create(context, name="acme")
    await repository.create(context, namespace="acme", name="app", visibility=Visibility.PUBLIC)


async def rename_namespace(context: Context) -> None:
    await execute("UPDATE account SET is_superuser = ? WHERE name = ?", True, OWNER)
    superuser = await people.signed_in(context, OWNER)
    await organization.update(superuser, "acme", OrganizationChanges(name="acme-two"), as_superuser=True)


async def replace_namespace(context: Context) -> None:
    """Rename the organization, and let somebody else make one of its name with the same repository."""
    await rename_namespace(context)
    other = await people.signed_in(context, HELPER)
    await organization.create(other, name="acme")
    await repository.create(other, namespace="acme", name="app", visibility=Visibility.PUBLIC)


async def make_robot_token(context: Context) -> None:
    await robot.regenerate_token(context, owner="acme", short_name="ci")


async def trust(context: Context, *subjects: str) -> None:
    identities = [Identity("https://ci.example", subject) for subject in subjects]
    await federation.replace(context, owner="acme", short_name="ci", identities=identities)


async def demote_crew(context: Context) -> None:
    """Let the team have less, where a direct permission still gives what it gave."""
    await set_role(HELPER, RepositoryRole.WRITE)(context)
    await set_team(RepositoryRole.READ)(context)


Hold = Callable[[str], Awaitable[str]]


@pytest.fixture
async def hold(application: object, unauthenticated: httpx.AsyncClient, settings: Settings) -> Hold:
    """Get the token of somebody to pull from and push to a public repository.

    `WRITER` has a permission, `HELPER` one by a team, `ROBOT` is one of the namespace; nobody is empty.
    """
    await people.create_users(settings, HELPER)
    async with people.acting(settings) as context:
        await organization.create(context, name="acme")
        await repository.create(context, namespace="acme", name="app", visibility=Visibility.PUBLIC)
        for name, role in (("crew", TeamRole.MEMBER), ("idle", TeamRole.CREATOR)):
            await team.create(context, "acme", name=name, role=role)
            await execute(
                "INSERT INTO team_member (team_id, account_id) SELECT t.id, a.id FROM team t, account a"
                " WHERE t.name = ? AND a.name = ?",
                name,
                HELPER,
            )
        await robot.create(context, owner="acme", short_name="other")
        made = await robot.create(context, owner="acme", short_name="ci")
        await set_role(WRITER, RepositoryRole.WRITE)(context)
        await set_role(ROBOT, RepositoryRole.WRITE)(context)
        await set_team(RepositoryRole.WRITE)(context)
    passwords = dict.fromkeys((OWNER, WRITER, HELPER), PASSWORD) | {ROBOT: made.token}

    async def token(name: str) -> str:
        scope = {"scope": f"repository:{APP}:pull,push"}
        login = (name, passwords[name]) if name else None
        answer = await unauthenticated.get("/v2/auth", params=scope, auth=login)
        assert answer.status_code == 200, answer.text
        return str(answer.json()["token"])

    unauthenticated.headers["Authorization"] = f"Bearer {await token(ROBOT)}"
    await kit.Repository(unauthenticated, APP).push_image(b"layer", tag="v1")
    del unauthenticated.headers["Authorization"]
    return token


async def uses(client: httpx.AsyncClient, text: str) -> tuple[int, int]:
    """What pulling and pushing answer."""
    headers = {"Authorization": f"Bearer {text}"}
    pulled = await client.get(f"/v2/{APP}/manifests/v1", headers=headers)
    pushed = await client.post(f"/v2/{APP}/blobs/uploads/", headers=headers)
    return pulled.status_code, pushed.status_code


GOES_ON: dict[str, tuple[str, Change]] = {
    "the same role": (WRITER, set_role(WRITER, RepositoryRole.WRITE)),
    "a higher role": (WRITER, set_role(WRITER, RepositoryRole.ADMIN)),
    "a grant to somebody else": (WRITER, set_role(OTHER, RepositoryRole.WRITE)),
    "a grant taken from somebody else": (
        WRITER,
        lambda context: permission.delete_permission(context, APP, user_of(ROBOT)),
    ),
    "the same visibility": (WRITER, lambda context: change_visibility(context, APP, Visibility.PUBLIC)),
    "made private": (WRITER, lambda context: change_visibility(context, APP, Visibility.PRIVATE)),
    "a robot, made private": (ROBOT, lambda context: change_visibility(context, APP, Visibility.PRIVATE)),
    "another team lowered": (
        HELPER,
        lambda context: team.update(context, "acme", "idle", role=TeamRole.MEMBER),
    ),
    "another team deleted": (HELPER, lambda context: team.delete(context, "acme", "idle")),
    "left another team": (HELPER, lambda context: membership.remove(context, "acme", "idle", HELPER)),
    "somebody else expelled": (
        WRITER,
        lambda context: membership.remove_from_organization(context, "acme", HELPER),
    ),
    "a direct permission in place of the team's": (HELPER, demote_crew),
    "the team deleted, and somebody else's right": (
        WRITER,
        lambda context: team.delete(context, "acme", "crew"),
    ),
    "another identity of the robot": (ROBOT, lambda context: trust(context, "job")),
    "the owner's password": (
        WRITER,
        lambda context: user.update(context, user.UserChanges(password="another-password")),
    ),
}
"""Who pushes, and what changes meanwhile."""


@pytest.mark.parametrize("change", GOES_ON)
async def test_what_is_still_allowed_goes_on(
    change: str, hold: Hold, unauthenticated: httpx.AsyncClient, settings: Settings
) -> None:
    who, make = GOES_ON[change]
    text = await hold(who)

    async with people.acting(settings) as context:
        await make(context)

    assert await uses(unauthenticated, text) == (PULL, PUSH)


ENDS: dict[str, tuple[str, Change, tuple[int, int]]] = {
    "lowered": (WRITER, set_role(WRITER, RepositoryRole.READ), (PULL, 401)),
    "taken": (
        WRITER,
        lambda context: permission.delete_permission(context, APP, user_of(WRITER)),
        (PULL, 401),
    ),
    "the team's lowered": (HELPER, set_team(RepositoryRole.READ), (PULL, 401)),
    "the team deleted": (HELPER, lambda context: team.delete(context, "acme", "crew"), (PULL, 401)),
    "left the team": (
        HELPER,
        lambda context: membership.remove(context, "acme", "crew", HELPER),
        (PULL, 401),
    ),
    "expelled": (
        WRITER,
        lambda context: membership.remove_from_organization(context, "acme", WRITER),
        (PULL, 401),
    ),
    "made private": ("", lambda context: change_visibility(context, APP, Visibility.PRIVATE), (401, 401)),
    "disabled": (
        WRITER,
        lambda context: execute("UPDATE account SET is_enabled = ? WHERE name = ?", False, WRITER),
        (401, 401),
    ),
    "the namespace disabled": (
        WRITER,
        lambda context: execute("UPDATE account SET is_enabled = ? WHERE name = 'acme'", False),
        (401, 401),
    ),
    "renamed": (WRITER, lambda context: rename(context, "renamed"), (401, 401)),
    "the password changed": (
        OWNER,
        lambda context: user.update(context, user.UserChanges(password="another-password")),
        (401, 401),
    ),
    "the robot's token replaced": (ROBOT, make_robot_token, (401, 401)),
    "the robot deleted": (
        ROBOT,
        lambda context: robot.delete(context, owner="acme", short_name="ci"),
        (401, 401),
    ),
    "the repository deleted": (OWNER, lambda context: repository.delete(context, APP), (401, 401)),
    "the repository made again": (OWNER, recreate_repository, (401, 401)),
    "the namespace deleted": (OWNER, lambda context: organization.delete(context, "acme"), (401, 401)),
    **{
        f"the namespace renamed, by {who or 'nobody'}": (who, rename_namespace, (401, 401))
        for who in (OWNER, WRITER, HELPER, ROBOT, "")
    },
    **{
        f"the name given to another, by {who or 'nobody'}": (who, replace_namespace, (401, 401))
        for who in (OWNER, WRITER, HELPER, ROBOT, "")
    },
    "the namespace made again": (OWNER, recreate_namespace, (401, 401)),
}
"""Who pushes, what changes meanwhile, and what their token can still do."""


@pytest.mark.parametrize("change", ENDS)
async def test_what_was_taken_away_ends_at_once(
    change: str, hold: Hold, unauthenticated: httpx.AsyncClient, settings: Settings
) -> None:
    who, make, left = ENDS[change]
    text = await hold(who)
    # Rights that were judged before are kept for their epochs alone.
    async with people.acting(settings) as context:
        await execute("UPDATE repository SET auth_epoch = auth_epoch + 1")
        assert await uses(unauthenticated, text) == ((PULL, PUSH) if who else (PULL, 401))
        await make(context)

    assert await uses(unauthenticated, text) == left


async def test_an_identity_that_may_no_longer_act_as_a_robot_ends_its_tokens(
    hold: Hold, unauthenticated: httpx.AsyncClient, settings: Settings
) -> None:
    text = await hold(ROBOT)
    async with people.acting(settings) as context:
        await trust(context, "job", "deploy")
        assert await uses(unauthenticated, text) == (PULL, PUSH)
        await trust(context, "deploy")

    assert await uses(unauthenticated, text) == (401, 401)


async def test_a_token_gains_nothing_by_being_judged_again(
    hold: Hold, unauthenticated: httpx.AsyncClient, settings: Settings
) -> None:
    scope = {"scope": f"repository:{APP}:pull"}
    answer = await unauthenticated.get("/v2/auth", params=scope, auth=(WRITER, PASSWORD))
    async with people.acting(settings) as context:
        await permission.delete_permission(context, APP, user_of(ROBOT))

    assert await uses(unauthenticated, answer.json()["token"]) == (PULL, 401)


async def test_a_right_that_is_given_back_is_there_again(
    hold: Hold, unauthenticated: httpx.AsyncClient, settings: Settings
) -> None:
    text, found = await hold(WRITER), []
    for role in (RepositoryRole.READ, RepositoryRole.WRITE):
        async with people.acting(settings) as context:
            await set_role(WRITER, role)(context)
        found.append(await uses(unauthenticated, text))

    assert found == [(PULL, 401), (PULL, PUSH)]


async def test_a_push_ends_between_two_chunks_when_its_right_is_taken(
    hold: Hold, unauthenticated: httpx.AsyncClient, settings: Settings
) -> None:
    unauthenticated.headers["Authorization"] = f"Bearer {await hold(WRITER)}"
    pushed = kit.Repository(unauthenticated, APP)
    location = await pushed.start_upload()
    first = await pushed.put_chunk(location, b"first", 0)
    async with people.acting(settings) as context:
        await set_role(OTHER, RepositoryRole.WRITE)(context)
        second = await pushed.put_chunk(location, b"second", 5)
        await set_role(WRITER, RepositoryRole.READ)(context)

        third = await pushed.put_chunk(location, b"third", 11)
        last = await pushed.finish_upload(location, kit.digest_of(b"firstsecond"))
        manifest = await pushed.put_manifest("v2", kit.encode(kit.image_document(b"layer")))
        kept = await fetch("SELECT name FROM tag")

    refused = [third, last, manifest]
    assert [first.status_code, second.status_code] == [202, 202]
    assert [answer.status_code for answer in refused] == [401] * 3
    assert {kit.challenge_of(answer)["scope"] for answer in refused} == {f"repository:{APP}:pull,push"}
    assert {kit.challenge_of(answer)["error"] for answer in refused} == {"invalid_token"}
    assert [row["name"] for row in kept] == ["v1"]


async def test_a_push_goes_on_under_the_new_name_of_its_namespace_with_what_has_arrived(
    hold: Hold, unauthenticated: httpx.AsyncClient, settings: Settings
) -> None:
    unauthenticated.headers["Authorization"] = f"Bearer {await hold(WRITER)}"
    pushed = kit.Repository(unauthenticated, APP)
    location = await pushed.start_upload()
    first = await pushed.put_chunk(location, b"first", 0)
    reading, renamed = asyncio.Event(), asyncio.Event()

    async def body() -> AsyncIterator[bytes]:
        yield b"sec"
        reading.set()
        await renamed.wait()
        yield b"ond"

    headers = {"Content-Range": "5-10", "Content-Length": "6", "Content-Type": "application/octet-stream"}
    async with asyncio.TaskGroup() as tasks:
        second = tasks.create_task(unauthenticated.patch(location, content=body(), headers=headers))
        await reading.wait()
        async with people.acting(settings) as context:
            await rename_namespace(context)
        renamed.set()
    digest = kit.digest_of(b"firstsecond")
    old = await pushed.finish_upload(location, digest)

    scope = {"scope": "repository:acme-two/app:pull,push"}
    answer = await unauthenticated.get("/v2/auth", params=scope, auth=(WRITER, PASSWORD))
    unauthenticated.headers["Authorization"] = f"Bearer {answer.json()['token']}"
    moved = kit.Repository(unauthenticated, "acme-two/app")
    new = await moved.finish_upload(location.replace("/acme/", "/acme-two/"), digest)
    blob = await unauthenticated.get(f"/v2/acme-two/app/blobs/{digest}")

    assert (first.status_code, second.result().status_code) == (202, 202)
    assert (old.status_code, kit.challenge_of(old)["error"]) == (401, "invalid_token")
    assert (new.status_code, blob.content) == (201, b"firstsecond")


async def test_a_robot_signs_in_by_its_new_name_alone(
    hold: Hold, unauthenticated: httpx.AsyncClient, settings: Settings
) -> None:
    await hold(ROBOT)
    async with people.acting(settings) as context:
        owner = await by_name("acme")
        assert owner is not None
        made = await robot.require_robot(context, owner, "ci")
        await rename_namespace(context)
    scope = {"scope": "repository:acme-two/app:pull,push"}

    answers = [
        await unauthenticated.get("/v2/auth", params=scope, auth=(name, made.token))
        for name in ("acme+ci", "acme-two+ci")
    ]
    unauthenticated.headers["Authorization"] = f"Bearer {answers[1].json()['token']}"
    pulled = await unauthenticated.get("/v2/acme-two/app/manifests/v1")

    assert [answer.status_code for answer in answers] == [401, 200]
    assert pulled.status_code == 200


@asynccontextmanager
async def counted() -> AsyncIterator[list[float]]:
    """All statements of the process, those of pulls included."""
    times: list[float] = []
    observers.append(times.append)
    try:
        yield times
    finally:
        observers.remove(times.append)


async def test_a_change_costs_a_token_one_judgement(
    hold: Hold, unauthenticated: httpx.AsyncClient, settings: Settings
) -> None:
    headers = {"Authorization": f"Bearer {await hold(WRITER)}"}

    async def cost() -> int:
        async with counted() as times:
            answer = await unauthenticated.head(f"/v2/{APP}/manifests/v1", headers=headers)
        assert answer.status_code == 200
        return len(times)

    before = [await cost() for _ in range(3)]
    async with people.acting(settings) as context:
        await permission.delete_permission(context, APP, user_of(ROBOT))
    after = [await cost() for _ in range(3)]

    assert before == [2, 2, 2]
    # The account, and its role.
    assert after == [4, 2, 2]
