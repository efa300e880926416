"""Users as superusers see and change them by REST: what no recorded exchange holds."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from quayside.settings.settings import Settings
from resolvers.accounts import administration
from resolvers.accounts.account import AccountRecord
from resolvers.accounts.administration import UserFilter
from resolvers.context import Context
from resolvers.pages import Page, Slice
from resolvers.quotas.quota import LimitKind
from rest_compat import engine
from storage.statements import fetch
from tests.contract.world import Caller, World, callers, observed
from tests.factories import READ_ONLY_SUPERUSER, Factory

KARI = {"username": "kari", "email": "kari@harbour.example"}
USER = {
    "kind": "user",
    "name": "kari",
    "username": "kari",
    "email": "kari@harbour.example",
    "verified": True,
    "super_user": False,
    "global_readonly_super_user": False,
    "enabled": True,
    "quotas": [],
    "quota_report": {
        "quota_bytes": 0,
        "configured_quota": None,
        "running_backfill": "complete",
        "backfill_status": "complete",
    },
}


async def populated(factory: Factory) -> World:
    world = World(factory)
    await world.people()
    await factory.read_only_superuser()
    world.tokens[READ_ONLY_SUPERUSER] = await factory.token(READ_ONLY_SUPERUSER)
    return world


def without_avatar(user: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in user.items() if key != "avatar"}


async def statuses(caller: Caller, *requests: tuple[str, str, str, Any]) -> list[int]:
    return [(await caller.ask(*request)).status_code for request in requests]


async def test_a_user_is_made_shown_changed_and_gone(factory: Factory, settings_with_files: Settings) -> None:
    """With both spellings of a final slash, as clients send them."""
    async with callers(await populated(factory), settings_with_files) as caller:
        made = await caller.ask("ingrid", "POST", "/superuser/users", KARI)
        shown = await caller.ask("ingrid", "GET", "/superuser/users/kari")
        quota = await factory.quota("kari", 5_000_000, (LimitKind.WARNING, 50))
        changed = await caller.ask("ingrid", "PUT", "/superuser/users/kari/", {"password": "fair-winds-22"})
        promoted = await caller.ask("ingrid", "PUT", "/superuser/users/kari", {"superuser": True})
        kept = await caller.ask("ingrid", "PUT", "/superuser/users/kari", {"superuser": False})
        deleted = await caller.ask("ingrid", "DELETE", "/superuser/users/maren")
        gone = await caller.ask("ingrid", "GET", "/superuser/users/maren")

    assert (made.status_code, made.json().keys()) == (
        201,
        {"username", "email", "password", "encrypted_password"},
    )
    assert len(made.json()["password"]) == 32
    assert (shown.status_code, without_avatar(shown.json())) == (200, USER)
    assert without_avatar(changed.json()) == USER | {
        "quotas": [
            {
                "id": quota.id,
                "limit_bytes": 5_000_000,
                "limits": [{"id": quota.limits[0].id, "type": "Warning", "limit_percent": 50}],
            }
        ],
        "quota_report": USER["quota_report"] | {"configured_quota": 5_000_000},  # type: ignore[operator]
        "encrypted_password": changed.json()["encrypted_password"],
    }
    assert promoted.json()["super_user"] is True
    assert (kept.status_code, kept.json()["detail"]) == (
        400,
        "superuser: the right is taken back by quayside admin revoke-superuser kari alone.",
    )
    assert (deleted.status_code, deleted.json()) == (201, "")
    assert gone.status_code == 404


async def test_a_long_list_is_put_together_from_parts(
    factory: Factory, settings_with_files: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So that other requests are answered in between, and the answer is the same."""
    sizes: list[int] = []
    users = administration.users

    async def noted(context: Context, chosen: UserFilter, page: Page) -> Slice[AccountRecord]:
        found = await users(context, chosen, page)
        sizes.append(len(found.items))
        return found

    monkeypatch.setattr(administration, "users", noted)
    monkeypatch.setattr(engine, "PART", 2)
    async with callers(await populated(factory), settings_with_files) as caller:
        rows = await fetch("SELECT name FROM account WHERE kind = 'user' ORDER BY name")
        whole = (await caller.ask("ingrid", "GET", "/superuser/users/")).json()
        first = (await caller.ask("ingrid", "GET", "/superuser/users/?limit=3")).json()
        then = f"/superuser/users/?limit=100&next_page={first['next_page']}"
        rest = (await caller.ask("ingrid", "GET", then)).json()

    names = [row["name"] for row in rows]
    assert len(names) == 5
    assert [user["name"] for user in whole["users"]] == names
    assert [[user["name"] for user in part["users"]] for part in (first, rest)] == [names[:3], names[3:]]
    assert (whole.keys(), rest.keys()) == ({"users"}, {"users"})
    assert sizes == [2, 2, 1, 2, 1, 2]


async def test_who_is_no_superuser_sees_nobody_here(factory: Factory, settings_with_files: Settings) -> None:
    """Though some of it can be seen elsewhere, and by the user; read-only superusers change nothing."""
    one, mail = "/superuser/users/maren", "/superusers/users/maren/sendrecovery"
    async with callers(await populated(factory), settings_with_files) as caller:
        reads = [
            await statuses(caller, *((who, "GET", path, None) for who in ("", "maren", READ_ONLY_SUPERUSER)))
            for path in (one, "/superuser/users/nobody", "/superuser/users/", "/superuser/apptokens")
        ]
        writes = await statuses(
            caller,
            (READ_ONLY_SUPERUSER, "POST", "/superuser/users/", KARI),
            (READ_ONLY_SUPERUSER, "PUT", one, {"enabled": False}),
            (READ_ONLY_SUPERUSER, "DELETE", one, None),
            (READ_ONLY_SUPERUSER, "POST", mail, {}),
            ("maren", "POST", mail, {}),
        )
        refused = await caller.ask("ingrid", "GET", "/superuser/users/?limit=101")

    assert reads == [[401, 403, 200], [401, 403, 404], [401, 403, 200], [401, 403, 200]]
    assert writes == [403] * 5
    assert (refused.status_code, refused.json()["detail"]) == (400, "Page limit cannot be above 100")


async def test_a_way_back_is_mailed_and_tokens_of_all_are_listed(
    factory: Factory, settings_with_files: Settings
) -> None:
    path = "/superusers/users/maren/sendrecovery"
    async with callers(await populated(factory), observed(settings_with_files)) as caller:
        await caller.ask("maren", "POST", "/user/apptoken", {"title": "toolbox"})
        sent = await caller.ask("ingrid", "POST", path)
        listed = (await caller.ask("ingrid", "GET", "/superuser/apptokens?expiring=false")).json()
    without = replace(settings_with_files, features=settings_with_files.features - {"MAILING"})
    async with callers(caller.world, without) as other:
        absent = await other.ask("ingrid", "POST", path)

    assert (sent.status_code, sent.json()) == (200, {"email": "maren@example.com"})
    assert [row["recipient"] for row in await fetch("SELECT recipient FROM mail")] == ["maren@example.com"]
    (token,) = listed["tokens"]
    assert (token["title"], "token_code" in token, listed["only_expiring"]) == ("toolbox", False, False)
    assert absent.status_code == 404
