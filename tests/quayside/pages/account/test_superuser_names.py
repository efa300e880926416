"""Names that the settings make superusers, while nobody has them: who can take one, and who is told."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from starlette.applications import Starlette

from quayside.app import create_app
from quayside.settings.settings import Settings
from resolvers import site
from resolvers.access.scopes import Scope
from resolvers.access.viewer import AccountKind
from resolvers.accounts import account, deletion
from resolvers.repositories import purge
from storage.statements import execute, fetch
from storage.transactions import transaction
from tests.browser import PASSWORD, Browser, browsing
from tests.factories import Factory
from tests.process import log_of, outcome, run, serving, token_of
from tests.quayside.pages.account.asking import codes_of
from tests.state import dump

NAME = "root"
NOT_AVAILABLE = "Username is not available"
SIGN_UP = {"password": PASSWORD, "email": "new@example.com"}


@dataclass(frozen=True)
class Door:
    """A way to take a name: a mutation with its input, and the same over REST. `kind` is what then has it."""

    mutation: str
    field: str
    method: str
    path: str
    key: str
    kind: str = "user"
    others: tuple[tuple[str, str], ...] = ()

    def document(self, name: str) -> str:
        """The mutation that takes the name."""
        given = ", ".join(f'{key}: "{text}"' for key, text in ((self.field, name), *self.others))
        return f"mutation {{ {self.mutation}(input: {{{given}}}) {{ errors {{ code field message }} }} }}"

    async def by_graphql(self, browser: Browser, name: str) -> list[dict[str, Any]]:
        """Take the name; the errors of the payload."""
        (found,) = (await browser.graphql(self.document(name))).values()
        return list(found["errors"])

    async def by_rest(self, browser: Browser, name: str) -> tuple[int, Any]:
        """Take the name; the status, and the body of the answer."""
        answer = await browser.call(self.method, self.path, **{self.key: name}, **dict(self.others))
        return answer.status_code, answer.json()


DOORS = (
    Door("userSignUp", "username", "POST", "/api/v1/user/", "username", others=tuple(SIGN_UP.items())),
    Door("userUpdate", "name", "PUT", "/api/v1/user/", "username"),
    Door("organizationCreate", "name", "POST", "/api/v1/organization/", "name", kind="organization"),
)

each_door = pytest.mark.parametrize("door", DOORS, ids=lambda door: door.mutation)


@asynccontextmanager
async def open_app(
    settings: Settings, *names: str, without: frozenset[str] = frozenset(), listed: str = "superusers"
) -> AsyncIterator[Starlette]:
    """The application where the list has these names, and where users may be renamed."""
    features = (settings.features | {"USER_RENAME"}) - without - {"MAILING"}
    chosen: dict[str, Any] = {listed: frozenset(names)}
    app = create_app(replace(settings, features=features, **chosen), jobs=False)
    async with app.router.lifespan_context(app):
        yield app


@asynccontextmanager
async def signed_in(app: Starlette, name: str) -> AsyncIterator[Browser]:
    async with browsing(app) as browser:
        assert (await browser.sign_in(name)).status_code == 200
        yield browser


async def owners(name: str) -> list[str]:
    """The kinds of the accounts that have the name."""
    return [row["kind"] for row in await fetch("SELECT kind FROM account WHERE name = ?", name)]


@each_door
@pytest.mark.parametrize(
    ("listed", "without"),
    [
        ("superusers", frozenset[str]()),
        ("superusers", frozenset({"SUPER_USERS"})),
        ("global_readonly_super_users", frozenset[str]()),
        ("global_readonly_super_users", frozenset({"SUPER_USERS"})),
    ],
    ids=["on", "off", "read-only, on", "read-only, off"],
)
async def test_a_stranger_cannot_take_a_superusers_name(
    settings_with_files: Settings, factory: Factory, door: Door, listed: str, without: frozenset[str]
) -> None:
    await factory.user("eve", password=PASSWORD)
    # A superuser who is none while the feature is off is as much a stranger.
    async with (
        open_app(settings_with_files, NAME, without=without, listed=listed) as app,
        signed_in(app, "eve") as eve,
    ):
        before = await dump()
        refused = {name: await door.by_graphql(eve, name) for name in ("root", "Root", "ROOT", "rooT")}
        rest = {name: await door.by_rest(eve, name) for name in refused}
        after = await dump()
        # Any other name can be had by the same request, so that it is the name that was refused.
        free = await door.by_graphql(eve, "roots")

    field = f"input.{door.field}"
    assert refused.pop("root") == [{"code": "ALREADY_EXISTS", "field": field, "message": NOT_AVAILABLE}]
    assert [(error["code"], error["field"]) for errors in refused.values() for error in errors] == [
        ("INVALID", field)
    ] * 3
    assert {status for status, _ in rest.values()} == {400}
    assert NOT_AVAILABLE in rest["root"][1].values()
    assert after == before
    assert free == []
    assert await owners("roots") == [door.kind]


@each_door
async def test_a_superuser_can_take_the_name_of_another(
    settings_with_files: Settings, factory: Factory, door: Door
) -> None:
    await factory.user("boss", password=PASSWORD, is_superuser=True)
    async with open_app(settings_with_files, NAME) as app, signed_in(app, "boss") as boss:
        await execute("UPDATE session SET authenticated_at_ms = 0")
        stale = await codes_of(boss, door.document(NAME))
        nobody = await owners(NAME)
        await boss.post("/api/v1/signin/verify", password=PASSWORD)
        errors = await door.by_graphql(boss, NAME)

    assert (stale, nobody) == (["FRESH_LOGIN_REQUIRED"], [])
    assert errors == []
    assert await owners(NAME) == [door.kind]


async def test_a_token_that_may_not_administer_is_a_stranger(
    settings_with_files: Settings, factory: Factory
) -> None:
    door = DOORS[2]
    await factory.user("boss", password=PASSWORD, is_superuser=True)
    plain = frozenset({Scope.USER_ADMIN})
    answers = []
    async with open_app(settings_with_files, NAME) as app, browsing(app) as browser:
        for granted in (plain, plain | {Scope.SUPER_USER}):
            token = await factory.token("boss", granted)
            answer = await browser.http.post(
                door.path, json={door.key: NAME}, headers={"Authorization": f"Bearer {token}"}
            )
            answers.append(answer.status_code)

    assert answers == [400, 201]


async def leave(browser: Browser) -> None:
    assert (await browser.call("DELETE", "/api/v1/user/")).status_code == 204
    [row] = await fetch("SELECT id FROM account WHERE name = ?", NAME)
    await purge.purge_namespace(row["id"])


async def take_another_name(browser: Browser) -> None:
    assert (await browser.call("PUT", "/api/v1/user/", username="former")).status_code == 200


@pytest.mark.parametrize("go", [leave, take_another_name])
async def test_a_name_that_a_superuser_gave_up_is_kept(
    settings_with_files: Settings, factory: Factory, go: Callable[[Browser], Any]
) -> None:
    await factory.user("eve", password=PASSWORD)
    await factory.user(NAME, password=PASSWORD)
    async with open_app(settings_with_files, NAME) as app:
        async with signed_in(app, NAME) as root:
            await go(root)
        assert await owners(NAME) == []
        async with signed_in(app, "eve") as eve:
            refused = [(await door.by_graphql(eve, NAME))[0]["message"] for door in DOORS]

    assert refused == [NOT_AVAILABLE] * len(DOORS)
    assert await owners(NAME) == []


async def test_who_becomes_the_first_user_can_take_it(
    settings_with_files: Settings, factory: Factory
) -> None:
    given = {"username": NAME, "password": PASSWORD, "email": "root@example.com"}
    async with open_app(settings_with_files, NAME) as app, browsing(app) as browser:
        code = await site.first_start_code()
        without = await browser.http.post("/api/v1/user/initialize", json=given)
        nobody = await owners(NAME)
        made = await browser.http.post("/api/v1/user/initialize", json={**given, "code": code})

    assert (without.status_code, nobody) == (403, [])
    assert (made.status_code, await owners(NAME)) == (200, ["user"])


async def test_who_has_the_name_is_superuser_and_keeps_it(
    settings_with_files: Settings, factory: Factory
) -> None:
    await factory.user(NAME, password=PASSWORD)
    await factory.user("eve", password=PASSWORD)
    async with open_app(settings_with_files, NAME) as app:
        async with signed_in(app, NAME) as root:
            shown = (await root.http.get("/api/v1/user/")).json()
            changed = await root.graphql(
                'mutation { userUpdate(input: {name: "root", company: "Quay"}) { errors { code } } }'
            )
        async with signed_in(app, "eve") as eve:
            taken = [(await door.by_graphql(eve, NAME))[0]["message"] for door in DOORS]

    assert shown["super_user"] is True
    assert changed == {"userUpdate": {"errors": []}}
    assert taken == ["A user or organization with this name already exists"] * len(DOORS)


def test_the_command_line_takes_it_and_the_start_and_doctor_name_those_left(tmp_path: Path) -> None:
    named = {"QUAYSIDE_SUPERUSERS": "Root,acme", "QUAYSIDE_GLOBAL_READONLY_SUPER_USERS": "ADA"}

    def doctor() -> str:
        [line] = [
            line
            for line in run(tmp_path, "doctor", **named).stdout.splitlines()
            if line[8:].startswith("superusers: ")
        ]
        return line

    def left() -> list[object]:
        """What the start logs of names that no user has."""
        with serving(tmp_path, environ=named) as (client, _):
            sign_up = {"username": "ada", "password": PASSWORD, "email": "ada@example.com"}
            refused = client.post("/api/v1/user/", json=sign_up)
        assert (refused.status_code, refused.json()["detail"]) == (400, NOT_AVAILABLE)
        return [line["names"] for line in log_of(tmp_path) if "names in SUPERUSERS" in str(line["message"])]

    # Before there is a database, which the look does not make
    missing = "ok      superusers: no user has these names yet: {}; `quayside admin create-user` makes one"
    assert doctor() == missing.format("acme, ada, root")
    assert list(tmp_path.iterdir()) == []

    # With some of the users, and an organization that has the name of one
    assert (
        outcome(
            run(
                tmp_path,
                "admin",
                "create-user",
                "root",
                "--email",
                "r@example.com",
                "--data",
                "data",
                **named,
            )
        )[0]
        == 0
    )
    create_organization(tmp_path, "acme", owner="root")
    assert doctor() == missing.format("acme, ada")
    assert left() == [["acme", "ada"]]

    # With all of them
    named = {"QUAYSIDE_SUPERUSERS": "root,ada", "QUAYSIDE_GLOBAL_READONLY_SUPER_USERS": "Ada"}
    assert left() == [["ada"]]
    assert (
        outcome(
            run(
                tmp_path, "admin", "create-user", "ada", "--email", "a@example.com", "--data", "data", **named
            )
        )[0]
        == 0
    )
    assert doctor() == "ok      superusers: 2 named in SUPERUSERS, 1 named in GLOBAL_READONLY_SUPER_USERS"


def create_organization(directory: Path, name: str, *, owner: str) -> None:
    """Create an organization through a server that knows of no superuser names."""
    token = token_of(directory, owner, "user:admin")
    with serving(directory) as (client, _):
        headers = {"Authorization": f"Bearer {token}"}
        made = client.post("/api/v1/organization/", json={"name": name}, headers=headers)
    assert made.status_code == 201


async def test_a_name_whose_user_is_being_deleted_is_named_as_missing(factory: Factory) -> None:
    installation = replace(factory.site, superusers=frozenset({NAME}), read_only_superusers=frozenset())
    user = await factory.user(NAME)
    before = await account.superusers_without_user(installation)

    async with transaction("test"):
        await deletion.begin(user.id, AccountKind.USER)

    assert (before, await account.superusers_without_user(installation)) == ([], [NAME])
