"""Limits for what strangers bear: accounts made from one address, mails to one mailbox."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest

from quayside.app import create_app
from quayside.settings.settings import Settings
from storage.statements import execute, fetch
from tests.browser import PASSWORD, Browser, browsing
from tests.factories import Factory
from tests.quayside.pages.account.asking import mails, payload


@asynccontextmanager
async def limited(settings: Settings, **limits: Any) -> AsyncIterator[Any]:
    app = create_app(replace(settings, **limits), jobs=False)
    async with app.router.lifespan_context(app):
        yield app


async def sign_up(browser: Browser, name: str, email: str | None = None) -> tuple[int, int]:
    """The status, and the seconds of Retry-After."""
    answer = await browser.post(
        "/api/v1/user/", username=name, password=PASSWORD, email=email or f"{name}@example.com"
    )
    return answer.status_code, int(answer.headers.get("retry-after", 0))


async def test_accounts_from_one_address_are_limited(settings_with_files: Settings, factory: Factory) -> None:
    async with (
        limited(settings_with_files, sign_ups_per_address=2) as app,
        browsing(app, ip="198.51.100.7") as one,
        browsing(app, ip="198.51.100.8") as other,
        browsing(app, ip="2001:db8::1") as six,
        browsing(app, ip="2001:db8::2") as neighbour,
    ):
        for browser in (one, other, six, neighbour):
            await browser.arrive()
        statuses = [await sign_up(one, f"user{number}") for number in range(4)]
        elsewhere = await sign_up(other, "elsewhere")
        network = [(await sign_up(browser, f"six{n}"))[0] for n, browser in enumerate((six, neighbour, six))]
        refused = await payload(
            one,
            f'userSignUp(input: {{ username: "late", email: "l@example.com", password: "{PASSWORD}" }})'
            " { errors { code message field retryAfterS } }",
        )
        await execute("UPDATE rate_count SET began_at_ms = began_at_ms - 3600000")
        later = await sign_up(one, "later")

    assert [status for status, _ in statuses] == [200, 200, 429, 429]
    assert [0 < wait <= 3600 for _, wait in statuses] == [False, False, True, True]
    assert elsewhere == (200, 0)
    assert network == [200, 200, 429]
    (error,) = refused["errors"]
    assert (error["code"], error["field"]) == ("TOO_MANY", None)
    assert error["message"].startswith("Too many accounts were made from this address. Please try again in ")
    assert 0 < error["retryAfterS"] <= 3600
    assert later == (200, 0)
    names = {row["name"] for row in await fetch("SELECT name FROM account")}
    assert names == {"user0", "user1", "elsewhere", "six0", "six1", "later"}


async def test_a_limit_can_be_lifted(settings_with_files: Settings, factory: Factory) -> None:
    async with limited(settings_with_files, sign_ups_per_address=0) as app, browsing(app) as browser:
        await browser.arrive()
        statuses = {(await sign_up(browser, f"user{number}"))[0] for number in range(3)}

    assert statuses == {200}
    assert await fetch("SELECT key FROM rate_count WHERE count > 3") == []


async def test_mails_to_one_mailbox_are_limited_whoever_causes_them(
    settings_with_files: Settings, factory: Factory
) -> None:
    for name in ("ada", "grace"):
        await factory.user(name, password=PASSWORD)
        await factory.organization(f"{name}-org", owner=name)
    victim = "victim@elsewhere.example"
    async with (
        limited(settings_with_files, mails_per_recipient=3) as app,
        browsing(app) as ada,
        browsing(app) as grace,
        browsing(app) as anonymous,
    ):
        await ada.sign_in("ada")
        await grace.sign_in("grace")
        await anonymous.arrive()
        invited = await ada.call("PUT", f"/api/v1/organization/ada-org/team/owners/invite/{victim}")
        exported = await grace.post(
            "/api/v1/user/exportlogs", callback_email="VICTIM+x@elsewhere.example", starttime="11/01/2026"
        )
        changed = await grace.call("PUT", "/api/v1/user/", email=victim)
        full = [
            await grace.call("PUT", f"/api/v1/organization/grace-org/team/owners/invite/{victim}"),
            await ada.call("PUT", "/api/v1/user/", email=victim),
            await ada.post("/api/v1/user/exportlogs", callback_email=victim),
        ]
        signed_up = await sign_up(anonymous, "eve", victim)

    assert [answer.status_code for answer in (invited, exported, changed)] == [200, 201, 200]
    for answer in full:
        assert answer.status_code == 429
        assert answer.json()["message"].startswith("Too many mails were sent to this address.")
        assert 86_000 < int(answer.headers["retry-after"]) <= 86_400
    assert signed_up[0] == 429
    assert [mail["recipient"] for mail in await mails()] == [victim, victim]
    assert await fetch("SELECT id FROM team_invite WHERE email = ?", victim) != []
    assert await fetch("SELECT id FROM account WHERE name = 'eve'") == []


@pytest.mark.parametrize("door", ["invite", "member", "email", "export"])
async def test_mails_by_one_account_are_limited(
    settings_with_files: Settings, factory: Factory, door: str
) -> None:
    await factory.user("ada", password=PASSWORD)
    await factory.organization("acme", owner="ada")
    for number in range(4):
        await factory.user(f"user{number}")

    async def ask(browser: Browser, number: int) -> int:
        address = f"user{number}@elsewhere.example"
        team = "/api/v1/organization/acme/team/owners"
        answer = {
            "invite": lambda: browser.call("PUT", f"{team}/invite/{address}"),
            "member": lambda: browser.call("PUT", f"{team}/members/user{number}"),
            "email": lambda: browser.call("PUT", "/api/v1/user/", email=address),
            "export": lambda: browser.post("/api/v1/user/exportlogs", callback_email=address),
        }[door]
        return (await answer()).status_code

    async with limited(settings_with_files, mails_per_account=2) as app, browsing(app) as ada:
        await ada.sign_in("ada")
        statuses = [await ask(ada, number) for number in range(4)]

    ok = 201 if door == "export" else 200
    assert statuses == [ok, ok, 429, 429]


async def test_anonymous_mails_from_one_address_are_limited(
    settings_with_files: Settings, factory: Factory
) -> None:
    for number in range(4):
        await factory.user(f"user{number}")
    async with limited(settings_with_files, mails_per_account=2) as app, browsing(app) as browser:
        await browser.arrive()
        known = [
            (await browser.post("/api/v1/recovery", email=f"user{number}@example.com")).status_code
            for number in range(4)
        ]
        page = await browser.http.post("/recovery", data={"email": "user3@example.com"})

    assert known == [200, 200, 429, 429]
    assert page.status_code == 429
    assert "Too many mails were asked for from this address." in page.text
    assert len(await mails()) == 2


async def test_recoveries_of_one_mailbox_are_limited_for_as_long_as_a_code_is_valid(
    settings_with_files: Settings, factory: Factory
) -> None:
    await factory.user("ada", password=PASSWORD)
    async with limited(settings_with_files) as app, browsing(app) as browser:
        await browser.arrive()

        async def recover(email: str) -> list[int]:
            return [(await browser.post("/api/v1/recovery", email=email)).status_code for number in range(12)]

        known, unknown = await recover("ada@example.com"), await recover("nobody@example.com")

    # Whose address it is cannot be told, and the code that was sent still works.
    assert known == unknown == [200] * 10 + [429] * 2
    assert len(await mails()) == 1
