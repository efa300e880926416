"""Operators make superusers on the command line, and take the right back."""

import pytest

from resolvers.access.credentials import bearer_viewer
from resolvers.access.scopes import Scope
from storage.statements import execute, fetch
from tests.factories import Factory
from tests.quayside.commands.test_accounts import Admin, admin, entries

__all__ = ["admin"]


async def epoch(name: str) -> int:
    (row,) = await fetch("SELECT auth_epoch FROM account WHERE name = ?", name)
    return int(row["auth_epoch"])


async def test_the_right_is_given_and_taken_back_at_once(factory: Factory, admin: Admin) -> None:
    for name in ("ada", "bob"):
        await factory.user(name)
    token = await factory.token("ada", frozenset({Scope.SUPER_USER}))

    for _ in range(2):  # Twice is once
        outcome = await admin("grant-superuser", "ada")
        assert outcome == (0, "", "The user ada is a superuser now.\n")
    await admin("grant-superuser", "bob")
    before = await epoch("ada")
    assert (await bearer_viewer(token, site=factory.site)).is_superuser

    outcome = await admin("revoke-superuser", "ada")

    assert outcome == (0, "", "The user ada is no superuser now.\n")
    assert not (await bearer_viewer(token, site=factory.site)).is_superuser
    assert await epoch("ada") == before + 1
    assert await entries("user_grant_superuser") == [
        {"username": name, "superuser": None} for name in ("ada", "bob")
    ]
    assert await entries("user_revoke_superuser") == [{"username": "ada"}]


async def test_the_last_one_stays(factory: Factory, admin: Admin) -> None:
    await factory.user("ada", is_superuser=True)
    await factory.user("bob")
    await factory.user("carl", is_superuser=True)
    await execute("UPDATE account SET is_enabled = ? WHERE name = 'carl'", False)

    outcomes = [
        await admin(*command)
        for command in (
            ("revoke-superuser", "ada"),
            ("revoke-superuser", "bob"),
            ("revoke-superuser", "nobody"),
        )
    ]

    assert [outcome[0] for outcome in outcomes] == [1, 1, 1]
    assert [outcome[2].rstrip("\n") for outcome in outcomes] == [
        "'ada' is the last superuser who can sign in; quayside admin grant-superuser makes another.",
        "The user 'bob' is no superuser.",
        "There is no user 'nobody'.",
    ]
    assert await epoch("ada") == 0


async def test_names_in_the_settings_are_refused(
    factory: Factory, admin: Admin, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("QUAYSIDE_SUPERUSERS", "ada,carl")
    monkeypatch.setenv("QUAYSIDE_GLOBAL_READONLY_SUPER_USERS", "carl")
    for name in ("ada", "bob", "carl"):
        await factory.user(name, is_superuser=True)

    outcomes = {
        (verb, name): await admin(f"{verb}-superuser", name)
        for verb in ("grant", "revoke")
        for name in ("ada", "carl")
    }

    setting = {"ada": "SUPERUSERS", "carl": "GLOBAL_READONLY_SUPER_USERS"}
    for (_, name), (code, _, errors) in outcomes.items():
        says = f"'{name}' is in the setting {setting[name]}, which decides alone; change that instead.\n"
        assert (code, errors) == (1, says)
    assert (await admin("revoke-superuser", "bob"))[0] == 0
