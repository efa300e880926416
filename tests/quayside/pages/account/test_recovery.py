"""Recovering an account by mail."""

import asyncio

import pytest
from starlette.applications import Starlette

from tests.browser import PASSWORD, Browser, browsing
from tests.quayside.pages.account.asking import OTHER_PASSWORD, SIGN_UP, last_code, mails, payload
from tests.quayside.pages.sign_in.waiting import free_ones_are_used_up


async def test_a_forgotten_password_is_replaced_by_mail(app: Starlette, ada: Browser) -> None:
    async with browsing(app) as browser:
        await browser.arrive()
        asked = await browser.post("/api/v1/recovery", email="ada@example.com")
        code = await last_code()
        page = await browser.http.get("/recovery", params={"code": code})
        weak = await browser.http.post("/recovery", data={"code": code, "password": "short"})
        done = await browser.http.post("/recovery", data={"code": code, "password": OTHER_PASSWORD})
        again = await browser.http.post("/recovery", data={"code": code, "password": PASSWORD})

        assert (asked.status_code, asked.json()) == (200, {"status": "sent"})
        assert "New password" in page.text
        assert [answer.status_code for answer in (weak, done, again)] == [400, 200, 400]
        # Other sessions end.
        assert (await ada.http.get("/api/v1/user/")).status_code == 401
        assert (await browser.sign_in("ada", OTHER_PASSWORD)).status_code == 200


async def test_recovery_does_not_reveal_who_has_an_account(browser: Browser) -> None:
    known = await browser.post("/api/v1/recovery", email="ada@example.com")
    unknown = await browser.post("/api/v1/recovery", email="nobody@example.com")
    page_known = await browser.http.post("/recovery", data={"email": "ada@example.com"})
    page_unknown = await browser.http.post("/recovery", data={"email": "nobody@example.com"})

    assert (known.status_code, known.json()) == (unknown.status_code, unknown.json())
    assert (page_known.status_code, page_known.text) == (page_unknown.status_code, page_unknown.text)
    # Repeated requests do not send more mails.
    assert [mail["recipient"] for mail in await mails()] == ["ada@example.com"]


@pytest.mark.usefixtures("still_clock")
async def test_recovering_lifts_the_wait_after_failures(app: Starlette, browser: Browser) -> None:
    await browser.sign_in("ada", "not the password")
    await free_ones_are_used_up()
    assert (await browser.sign_in("ada")).status_code == 429
    await browser.post("/api/v1/recovery", email="ada@example.com")

    reset = f'passwordReset(code: "{await last_code()}", password: "{OTHER_PASSWORD}")'
    made = await payload(browser, f"{reset} {{ user {{ name }} errors {{ code }} }}")

    assert made == {"user": {"name": "ada"}, "errors": []}
    assert (await browser.sign_in("ada", OTHER_PASSWORD)).status_code == 200


async def test_of_two_uses_of_one_code_one_works(app: Starlette, browser: Browser) -> None:
    await browser.post("/api/v1/recovery", email="ada@example.com")
    code = await last_code()

    answers = await asyncio.gather(
        *(
            browser.http.post("/recovery", data={"code": code, "password": f"{OTHER_PASSWORD}-{number}"})
            for number in range(3)
        )
    )

    assert sorted(answer.status_code for answer in answers) == [200, 400, 400]


async def test_a_code_is_valid_for_one_purpose_only(browser: Browser) -> None:
    await browser.post("/api/v1/user/", **SIGN_UP)
    verify = await last_code()
    await browser.post("/api/v1/recovery", email="ada@example.com")
    recover = await last_code()

    wrong = [
        await browser.http.post("/recovery", data={"code": verify, "password": OTHER_PASSWORD}),
        await browser.http.post("/confirm", data={"code": recover}),
        await browser.http.post("/confirm", data={}),
    ]

    assert [answer.status_code for answer in wrong] == [400, 400, 400]
