"""One user for a mailbox: addresses that differ in case alone are one."""

import asyncio

from starlette.applications import Starlette

from resolvers.accounts.account import sharing_mailboxes
from storage.statements import execute, fetch
from tests.browser import PASSWORD, Browser, browsing
from tests.factories import Factory
from tests.quayside.pages.account.asking import last_code, mails, payload


async def test_an_address_in_another_case_is_taken(app: Starlette, ada: Browser, factory: Factory) -> None:
    await factory.user("eve", password=PASSWORD)
    async with browsing(app) as browser, browsing(app) as eve:
        await browser.arrive()
        signed_up = await browser.post(
            "/api/v1/user/", username="bob", password=PASSWORD, email="ADA@Example.com"
        )
        await eve.sign_in("Eve@EXAMPLE.com")
        taken = await eve.call("PUT", "/api/v1/user/", email="aDa@example.com")
        organization = await eve.post("/api/v1/organization/", name="acme", email="Ada@Example.Com")
        own = await eve.call("PUT", "/api/v1/user/", email="Eve@example.com")
        confirmed = await eve.http.post("/confirm", data={"code": await last_code()})
        who = await eve.viewer()

    answers = (signed_up, taken, organization)
    assert [answer.status_code for answer in answers] == [400] * 3
    assert all("The email address has already been used" in answer.text for answer in answers)
    assert (who, own.status_code, confirmed.status_code) == ("eve", 200, 200)
    rows = await fetch("SELECT name, email, email_key FROM account WHERE kind = 'user' ORDER BY name")
    assert [tuple(row.values()) for row in rows] == [
        ("ada", "ada@example.com", "ada@example.com"),
        ("eve", "Eve@example.com", "eve@example.com"),
    ]


async def test_of_two_sign_ups_at_once_one_has_the_mailbox(app: Starlette, factory: Factory) -> None:
    async with browsing(app) as browser:
        await browser.arrive()
        answers = await asyncio.gather(
            *(
                browser.post("/api/v1/user/", username=name, password=PASSWORD, email=email)
                for name, email in (("one", "x@example.com"), ("two", "X@example.com"))
            )
        )

    assert sorted(answer.status_code for answer in answers) == [200, 400]
    assert len(await fetch("SELECT id FROM account WHERE name IN ('one', 'two')")) == 1


async def test_a_recovery_goes_to_the_address_of_the_account(app: Starlette, ada: Browser) -> None:
    async with browsing(app) as browser:
        await browser.arrive()
        # The last letter is the sign for Kelvin, whose small letter is the same k.
        await execute("UPDATE account SET email = 'ada@kiosk.example', email_key = 'ada@kiosk.example'")
        await browser.post("/api/v1/recovery", email="ADA@\u212aiosk.example")

    assert [mail["recipient"] for mail in await mails()] == ["ada@kiosk.example"]


async def test_users_that_share_a_mailbox_from_earlier_keep_their_accounts(
    app: Starlette, factory: Factory
) -> None:
    for name in ("first", "second"):
        await factory.user(name, password=PASSWORD)
    await execute("UPDATE account SET email_key = NULL, email = 'First@Example.com' WHERE name = 'second'")
    async with browsing(app) as browser:
        signed_in = []
        for login in ("first@example.com", "First@Example.com", "FIRST@EXAMPLE.COM"):
            await browser.sign_in(login)
            signed_in.append(await browser.viewer())
        assert await sharing_mailboxes() == [("second", "First@Example.com")]
        await browser.sign_in("First@Example.com")
        await browser.call("PUT", "/api/v1/user/", email="second@example.com")
        await browser.http.post("/confirm", data={"code": await last_code()})

    assert signed_in == ["first", "second", "first"]
    assert await sharing_mailboxes() == []


async def test_what_is_deleted_holds_neither_its_address_nor_its_administrator(ada: Browser) -> None:
    made = await ada.post("/api/v1/organization/", name="acme", email="team@example.com")
    deleted = await ada.call("DELETE", "/api/v1/organization/acme")
    again = await ada.post("/api/v1/organization/", name="other", email="Team@example.com")
    gone = await ada.call("DELETE", "/api/v1/organization/other")
    # Nothing is purged yet.
    own = await payload(ada, "userDelete { errors { message } }")

    assert [answer.status_code for answer in (made, deleted, again, gone)] == [201, 204, 201, 204]
    assert own["errors"] == []
    rows = await fetch("SELECT name, email, email_key FROM account ORDER BY name")
    assert [tuple(row.values()) for row in rows] == [(name, None, None) for name in ("acme", "ada", "other")]
