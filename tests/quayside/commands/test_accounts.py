"""What operators do to users and their tokens on the command line, beside a server."""

import asyncio
import io
import json
import re
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette

from quayside.settings.settings import Settings
from resolvers.access.scopes import Scope
from resolvers.oauth import token
from storage.clock import now_ms
from storage.statements import execute, fetch
from tests.browser import PASSWORD, Browser
from tests.factories import READ_ONLY_SUPERUSER, Factory
from tests.quayside.commands.conftest import Call

NEW = "a-new-password"
Admin = Callable[..., Awaitable[tuple[int, str, str]]]


@pytest.fixture
def admin(call: Call, settings_with_files: Settings) -> Admin:
    """Runs `quayside admin …` on the database of the test."""
    environ = {
        "QUAYSIDE_DATABASE_URL": settings_with_files.database_url,
        "QUAYSIDE_BLOB_URL": settings_with_files.blob_url,
        "QUAYSIDE_SECRET_KEY": "k" * 32,
    }

    async def run_here(*arguments: str) -> tuple[int, str, str]:
        return await asyncio.to_thread(call, "admin", *arguments, **environ)

    return run_here


def visitor(app: Starlette) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://127.0.0.1:8080")


async def registry_status(app: Starlette, registry_token: str) -> int:
    """The status of a request to `/v2/` with a registry token."""
    async with visitor(app) as client:
        headers = {"Authorization": f"Bearer {registry_token}"}
        return (await client.get("/v2/ada/app/tags/list", headers=headers)).status_code


async def new_token(app: Starlette, password: str) -> str:
    """A registry token for ada's repository; empty if the password is refused."""
    async with visitor(app) as client:
        scope = {"scope": "repository:ada/app:pull"}
        answer = await client.get("/v2/auth", params=scope, auth=("ada", password))
        return str(answer.json().get("token", ""))


async def is_signed_in(browser: Browser) -> bool:
    return "signed in as" in (await browser.http.get("/signin")).text


async def entries(kind: str) -> list[dict[str, Any]]:
    """The metadata of the audit entries of a kind."""
    rows = await fetch("SELECT metadata FROM audit_log WHERE kind = ?", kind)
    return [json.loads(row["metadata"]) for row in rows]


async def test_a_password_is_set_and_ends_what_the_old_one_began(
    app: Starlette, ada: Browser, factory: Factory, admin: Admin, monkeypatch: pytest.MonkeyPatch
) -> None:
    await factory.repository("ada/app")
    await factory.token("ada", frozenset({Scope("repo:read")}))
    old = await new_token(app, PASSWORD)
    assert (await registry_status(app, old), await is_signed_in(ada)) == (200, True)
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{NEW}\n"))

    outcome = await admin("set-password", "ada", "--password-stdin")

    says = (
        "The password of ada was set; all sessions ended.\n"
        "Tokens that stay: 1; quayside admin revoke-token ada --all ends them.\n"
    )
    assert outcome == (0, "", says)
    assert (await registry_status(app, old), await is_signed_in(ada)) == (401, False)
    assert await new_token(app, PASSWORD) == ""
    assert await new_token(app, NEW) != ""
    assert [entry["username"] for entry in await entries("user_change_password")] == ["ada"]


async def test_a_password_that_is_made_is_printed_alone(app: Starlette, admin: Admin) -> None:
    code, output, _ = await admin("set-password", "ada")

    assert code == 0
    assert await new_token(app, output.removesuffix("\n")) != ""


async def test_a_user_is_disabled_and_enabled(
    app: Starlette, ada: Browser, factory: Factory, admin: Admin
) -> None:
    await factory.repository("ada/app")
    old = await new_token(app, PASSWORD)

    # Superusers too: there is nobody above the operator
    await execute("UPDATE account SET is_superuser = ? WHERE name = 'ada'", True)
    assert await admin("disable-user", "ada") == (0, "", "The user ada is disabled.\n")

    assert (await registry_status(app, old), await is_signed_in(ada)) == (401, False)
    assert await new_token(app, PASSWORD) == ""
    assert [entry["username"] for entry in await entries("user_disable")] == ["ada"]

    # Twice is once
    assert (await admin("disable-user", "ada"))[0] == 0
    assert len(await entries("user_disable")) == 1

    assert await admin("enable-user", "ada") == (0, "", "The user ada is enabled.\n")
    assert await new_token(app, PASSWORD) != ""
    assert (await registry_status(app, old), await is_signed_in(ada)) == (401, False)
    assert [entry["username"] for entry in await entries("user_enable")] == ["ada"]


async def test_users_are_listed(factory: Factory, admin: Admin, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QUAYSIDE_GLOBAL_READONLY_SUPER_USERS", READ_ONLY_SUPERUSER)
    for name in ("bea", "ada"):
        await factory.user(name)
    await factory.read_only_superuser()
    await factory.organization("acme", owner="ada")
    await factory.robot("ada+ci")
    await execute("UPDATE account SET is_enabled = ?, is_superuser = ? WHERE name = 'bea'", False, True)

    code, output, errors = await admin("list-users")
    objects = [json.loads(line) for line in (await admin("list-users", "--json"))[1].splitlines()]

    assert (code, errors) == (0, "")
    rest = r"verified=yes\tcreated=20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ\tlast_used=\S*\n"
    assert re.fullmatch(
        rf"ada\temail=\S+\tenabled=yes\tsuperuser=no\tread_only_superuser=no\t{rest}"
        rf"bea\temail=\S+\tenabled=no\tsuperuser=yes\tread_only_superuser=no\t{rest}"
        rf"{READ_ONLY_SUPERUSER}\temail=\S+\tenabled=yes\tsuperuser=no\tread_only_superuser=yes\t{rest}",
        output,
    )
    assert [(one["name"], one["enabled"], one["superuser"]) for one in objects] == [
        ("ada", True, False),
        ("bea", False, True),
        (READ_ONLY_SUPERUSER, True, False),
    ]


async def test_tokens_are_listed_and_revoked(factory: Factory, admin: Admin) -> None:
    await factory.user("ada")
    await factory.user("bea")
    wanted = ("create-token", "ada", "--scopes", "repo:read user:read", "--expires", "12h")
    code, secret, _ = await admin(*wanted)
    assert code == 0
    made = await token.create_app_token(await factory.as_account("ada"), title="laptop\x1b[2J")
    await admin("create-token", "bea", "--scopes", "repo:read")

    listed = (await admin("list-tokens", "ada", "--json"))[1]
    first, second = [json.loads(line) for line in listed.splitlines()]
    plain = (await admin("list-tokens", "ada"))[1]

    assert (first["kind"], first["scopes"]) == ("access", ["repo:read", "user:read"])
    assert (second["id"], second["kind"], second["scopes"]) == (made.uuid, "application", [])
    (row,) = await fetch("SELECT expires_at_ms FROM access_token WHERE uuid = ?", first["id"])
    assert 0 <= 12 * 3_600_000 - (row["expires_at_ms"] - now_ms()) < 600_000
    assert secret.strip() not in plain
    assert f"{made.uuid}\tkind=application\ttitle=laptop\ufffd[2J\tscopes=\t" in plain

    # A token of another user is none of this one
    (other,) = await fetch("SELECT uuid FROM access_token WHERE uuid <> ?", first["id"])
    refused = await admin("revoke-token", "ada", other["uuid"])
    assert refused == (1, "", f"The user 'ada' has no token {other['uuid']}.\n")

    assert await admin("revoke-token", "ada", first["id"]) == (0, "", "1 token revoked.\n")
    assert await admin("revoke-token", "ada", "--all") == (0, "", "1 token revoked.\n")
    assert await admin("revoke-token", "ada", "--all") == (0, "", "0 tokens revoked.\n")
    assert [row["uuid"] for row in await fetch("SELECT uuid FROM access_token")] == [other["uuid"]]
    assert await fetch("SELECT id FROM app_token") == []
    assert [entry["token"] for entry in await entries("oauth_token_revoked")] == [first["id"]]
    assert len(await entries("revoke_app_specific_token")) == 1


NAME_ONE = "Name a token, as quayside admin list-tokens shows it, or give --all."
UNITS = "--expires must be a whole number with one of the units s, m, h, d, w, y, such as 30d, not 'soon'."
CREATE = ("create-token", "ada", "--scopes", "repo:read", "--expires")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("set-password", "eve"), "There is no user 'eve'."),
        (("disable-user", "eve"), "There is no user 'eve'."),
        (("enable-user", "acme"), "There is no user 'acme'."),
        (("list-tokens", "eve"), "There is no user 'eve'."),
        (("revoke-token", "eve", "--all"), "There is no user 'eve'."),
        (("revoke-token", "ada"), NAME_ONE),
        (("revoke-token", "ada", "x", "--all"), NAME_ONE),
        (("revoke-token", "ada", "x"), "The user 'ada' has no token x."),
        (
            (*CREATE, "soon"),
            UNITS,
        ),
        ((*CREATE, "0"), "--expires must be at least 1s and at most ten years."),
        ((*CREATE, "20y"), "--expires must be at least 1s and at most ten years."),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
async def test_what_is_not_there_or_not_meant_is_one_sentence(
    factory: Factory, admin: Admin, arguments: tuple[str, ...], sentence: str
) -> None:
    await factory.user("ada")
    await factory.organization("acme", owner="ada")

    assert await admin(*arguments) == (1, "", f"{sentence}\n")
