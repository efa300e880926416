"""Repositories that do not exist yet: who may learn it, and first pushes that look before they push."""

from collections.abc import Mapping

import httpx
import pytest

from quayside.settings.settings import Settings
from resolvers.access.roles import RepositoryRole, TeamRole
from resolvers.access.scopes import Scope
from resolvers.accounts import organization, robot, team
from resolvers.accounts.account import require_user
from resolvers.oauth.token import create_access_token
from resolvers.repositories import repository
from resolvers.repositories.repository import Visibility
from storage.statements import execute, fetch
from tests.quayside.registry import kit, people
from tests.quayside.registry.people import OWNER, PASSWORD, STRANGER

DIGEST = kit.digest_of(b"anything")
ASKED = ("manifests/v1", f"manifests/{DIGEST}", f"blobs/{DIGEST}", "tags/list")
SCOPED: Mapping[str, frozenset[Scope]] = {
    "token to create and read": frozenset({Scope.REPO_CREATE, Scope.REPO_READ}),
    "token to create alone": frozenset({Scope.REPO_CREATE}),
    "token to read alone": frozenset({Scope.REPO_READ}),
}
Login = tuple[str, str]


@pytest.fixture
async def logins(application: object, settings: Settings) -> dict[str, Login | None]:
    """Who asks for repositories of the organization `acme`, where the user `owner` is an administrator."""
    await people.create_users(settings, "maker")
    async with people.acting(settings) as context:
        await organization.create(context, name="acme")
        machine = await robot.create(context, owner="acme", short_name="ci")
        idle = await robot.create(context, owner="acme", short_name="idle")
        own = await robot.create(context, owner=OWNER, short_name="own")
        for name, role, member in (
            ("makers", TeamRole.CREATOR, "maker"),
            ("makers", TeamRole.CREATOR, machine.name),
            ("members", TeamRole.MEMBER, STRANGER),
        ):
            await team.put(context, "acme", name, role=role)
            await execute(
                "INSERT INTO team_member (team_id, account_id) SELECT t.id, a.id FROM team t, account a"
                " WHERE t.name = ? AND a.name = ?",
                name,
                member,
            )
        account = await require_user("maker")
        tokens = {
            title: await create_access_token(context, account, scopes, title=title)
            for title, scopes in SCOPED.items()
        }
    return {
        "administrator": (OWNER, PASSWORD),
        "creator": ("maker", PASSWORD),
        "creating robot": (machine.name, machine.token),
        "member": (STRANGER, PASSWORD),
        "robot without a team": (idle.name, idle.token),
        "robot of a user": (own.name, own.token),
        "nobody": None,
    } | {title: ("$oauthtoken", text) for title, text in tokens.items()}


async def pull_token(client: httpx.AsyncClient, path: str, login: Login | None) -> dict[str, str]:
    scope = {"scope": f"repository:{path}:pull"}
    answer = await client.get("/v2/auth", params=scope, auth=login)
    assert answer.status_code == 200, answer.text
    return {"Authorization": f"Bearer {answer.json()['token']}"}


MAY_KNOW = {"administrator", "creator", "creating robot", "token to create and read"}


async def test_whoever_could_see_it_having_created_it_learns_that_it_is_absent(
    logins: dict[str, Login | None], unauthenticated: httpx.AsyncClient, settings: Settings
) -> None:
    for name, login in logins.items():
        headers = await pull_token(unauthenticated, "acme/new", login)
        answers = [
            await unauthenticated.request(method, f"/v2/acme/new/{rest}", headers=headers)
            for rest in ASKED
            for method in ("GET", "HEAD")
        ]
        due = 404 if name in MAY_KNOW else 401
        assert [answer.status_code for answer in answers] == [due] * len(answers), name
        codes = {code for answer in answers[::2] for code in kit.error_codes(answer)}
        assert codes == {"NAME_UNKNOWN" if due == 404 else "UNAUTHORIZED"}, name
    async with people.acting(settings):
        assert await fetch("SELECT id FROM repository") == []


async def test_an_absent_repository_has_an_empty_list_of_referrers(
    logins: dict[str, Login | None], unauthenticated: httpx.AsyncClient
) -> None:
    url = f"/v2/acme/new/referrers/{DIGEST}"
    for name, login in logins.items():
        headers = await pull_token(unauthenticated, "acme/new", login)
        answer = await unauthenticated.get(url, headers=headers)
        assert answer.status_code == (200 if name in MAY_KNOW else 401), name
        if name in MAY_KNOW:
            assert answer.headers["Content-Type"] == kit.OCI_INDEX
            assert answer.json() == {"schemaVersion": 2, "mediaType": kit.OCI_INDEX, "manifests": []}

    headers = await pull_token(unauthenticated, "acme/new", logins["creating robot"])
    filtered = await unauthenticated.get(f"{url}?artifactType=a/b", headers=headers)
    wrong = await unauthenticated.get("/v2/acme/new/referrers/sha256:1", headers=headers)
    assert (filtered.json()["manifests"], filtered.headers["OCI-Filters-Applied"]) == ([], "artifactType")
    assert (wrong.status_code, kit.error_codes(wrong)) == (400, ["DIGEST_INVALID"])


async def test_a_private_repository_of_others_is_not_told_from_one_that_may_not_be_seen(
    logins: dict[str, Login | None], unauthenticated: httpx.AsyncClient, settings: Settings
) -> None:
    async with people.acting(settings) as context:
        await repository.create(context, namespace="acme", name="hidden", visibility=Visibility.PRIVATE)
    headers = await pull_token(unauthenticated, "acme/hidden", logins["creating robot"])

    answer = await unauthenticated.head("/v2/acme/hidden/manifests/v1", headers=headers)

    assert answer.status_code == 401


async def test_who_may_no_longer_create_may_no_longer_know(
    logins: dict[str, Login | None], unauthenticated: httpx.AsyncClient, settings: Settings
) -> None:
    headers = await pull_token(unauthenticated, "acme/new", logins["creating robot"])
    async with people.acting(settings) as context:
        await team.update(context, "acme", "makers", role=TeamRole.MEMBER)

    answer = await unauthenticated.head("/v2/acme/new/manifests/v1", headers=headers)

    assert answer.status_code == 401


@pytest.mark.parametrize("who", ["creating robot", "creator", "administrator"])
async def test_a_first_push_may_look_before_it_pushes(
    logins: dict[str, Login | None], unauthenticated: httpx.AsyncClient, settings: Settings, who: str
) -> None:
    """As helm and oras do: they ask by a token to pull, push by another, and ask again by the first."""
    login = logins[who]
    assert login is not None
    looking = await pull_token(unauthenticated, "acme/charts", login)
    config = f"/v2/acme/charts/blobs/{kit.digest_of(kit.CONFIG)}"
    before = [
        await unauthenticated.head("/v2/acme/charts/manifests/0.1.0", headers=looking),
        await unauthenticated.head(config, headers=looking),
    ]
    refused = await unauthenticated.post("/v2/acme/charts/blobs/uploads/", headers=looking)

    unauthenticated.auth = kit.TokenFlow(*login)
    body = await kit.Repository(unauthenticated, "acme/charts").push_image(b"chart", tag="0.1.0")

    unauthenticated.auth = None
    after = await unauthenticated.get("/v2/acme/charts/manifests/0.1.0", headers=looking)
    assert [answer.status_code for answer in before] == [404, 404]
    assert refused.status_code == 401
    assert kit.challenge_of(refused)["scope"] == "repository:acme/charts:pull,push"
    assert (after.status_code, after.content) == (200, body)


async def test_a_token_for_an_absent_repository_is_judged_when_somebody_else_made_it(
    logins: dict[str, Login | None], unauthenticated: httpx.AsyncClient, settings: Settings
) -> None:
    headers = await pull_token(unauthenticated, "acme/new", logins["creating robot"])
    found = []
    async with people.acting(settings) as context:
        await repository.create(context, namespace="acme", name="new", visibility=Visibility.PRIVATE)
        found.append(await unauthenticated.get("/v2/acme/new/tags/list", headers=headers))
        await people.permit(context, "acme/new", "acme+ci", RepositoryRole.READ)
        found.append(await unauthenticated.get("/v2/acme/new/tags/list", headers=headers))

    assert [answer.status_code for answer in found] == [401, 200]
