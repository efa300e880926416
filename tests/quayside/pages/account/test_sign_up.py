"""Sign-up: confirmation of the address, rules, and concurrent use of a name."""

import asyncio
from dataclasses import replace

import pytest
from starlette.applications import Starlette

from quayside.app import create_app
from quayside.settings.settings import Settings
from storage.clock import now_ms
from storage.statements import execute, fetch
from tests.browser import PASSWORD, Browser, browsing
from tests.factories import Factory
from tests.quayside.pages.account.asking import SIGN_UP, codes_of, last_code, mails, payload
from tests.state import dump_without_counters


async def test_who_signs_up_confirms_the_address_before_signing_in(browser: Browser) -> None:
    made = await browser.post("/api/v1/user/", **SIGN_UP)
    too_early = await browser.sign_in("eve")
    docker = await browser.http.get("/v2/auth?service=registry.test", auth=("eve", PASSWORD))
    [mail] = await mails()
    page = await browser.http.get("/confirm", params={"code": await last_code()})
    still_too_early = await browser.sign_in("eve")
    confirmed = await browser.http.post("/confirm", data={"code": await last_code()})
    again = await browser.http.post("/confirm", data={"code": await last_code()})
    in_time = await browser.sign_in("eve")

    assert (made.status_code, made.json()["awaiting_verification"], made.json()["username"]) == (
        200,
        True,
        "eve",
    )
    assert (too_early.status_code, too_early.json()["needsEmailVerification"]) == (403, True)
    assert docker.status_code == 401
    assert mail["recipient"] == "eve@example.com"
    assert (page.status_code, still_too_early.status_code) == (200, 403)
    assert (confirmed.status_code, "eve@example.com is now" in confirmed.text) == (200, True)
    assert again.status_code == 400
    assert in_time.json() == {"success": True}


async def test_without_mail_who_signs_up_can_sign_in_at_once(settings_with_files: Settings) -> None:
    settings = replace(settings_with_files, features=settings_with_files.features - {"MAILING"})
    app = create_app(settings, jobs=False)
    async with app.router.lifespan_context(app), browsing(app) as browser:
        made = await browser.post("/api/v1/user/", **SIGN_UP)
        signed_in = await browser.sign_in("eve")
        recovery = await browser.post("/api/v1/recovery", email="eve@example.com")

    assert (made.status_code, "awaiting_verification" in made.json()) == (200, False)
    assert signed_in.status_code == 200
    assert recovery.status_code == 404


async def test_signing_up_can_be_switched_off(settings_with_files: Settings, factory: Factory) -> None:
    settings = replace(settings_with_files, features=settings_with_files.features - {"USER_CREATION"})
    app = create_app(settings, jobs=False)
    async with app.router.lifespan_context(app), browsing(app) as browser:
        rest = await browser.post("/api/v1/user/", **SIGN_UP)
        graphql = await codes_of(browser, sign_up_document())

    # The path has other methods, which stay.
    assert rest.status_code == 405
    assert graphql == ["FORBIDDEN"]
    assert await fetch("SELECT name FROM account") == []


def sign_up_document(**values: str) -> str:
    given = SIGN_UP | values
    arguments = ", ".join(f'{name}: "{value}"' for name, value in given.items())
    return (
        f"mutation {{ userSignUp(input: {{{arguments}}})"
        " { user { name } isAwaitingVerification errors { code field } } }"
    )


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"username": "Not A Name"}, "INVALID"),
        ({"username": "ada"}, "ALREADY_EXISTS"),
        ({"email": "nowhere"}, "INVALID"),
        ({"email": "ada@example.com"}, "ALREADY_EXISTS"),
        ({"password": "short"}, "INVALID"),
        ({"password": "with white space"}, "INVALID"),
    ],
)
async def test_an_invalid_sign_up_is_refused(browser: Browser, change: dict[str, str], code: str) -> None:
    before = await dump_without_counters()
    (made,) = (await browser.graphql(sign_up_document(**change))).values()
    rest = await browser.post("/api/v1/user/", **(SIGN_UP | change))

    [field] = change
    assert made == {
        "user": None,
        "isAwaitingVerification": None,
        "errors": [{"code": code, "field": f"input.{field}"}],
    }
    assert (rest.status_code, rest.json()["error_type"]) == (400, "invalid_request")
    assert await dump_without_counters() == before


async def test_privileged_keys_of_a_sign_up_are_not_read(browser: Browser) -> None:
    more = {"superuser": True, "is_superuser": True, "is_verified": True, "verified": True, "id": 1}

    await browser.post("/api/v1/user/", **SIGN_UP, **more)

    [row] = await fetch("SELECT is_superuser, is_verified FROM account WHERE name = 'eve'")
    assert (bool(row["is_superuser"]), bool(row["is_verified"])) == (False, False)


async def test_of_two_concurrent_sign_ups_with_one_name_one_succeeds(app: Starlette) -> None:
    async with browsing(app) as one, browsing(app) as two:
        answers = await asyncio.gather(
            one.post("/api/v1/user/", **SIGN_UP),
            two.post("/api/v1/user/", **(SIGN_UP | {"email": "other@example.com"})),
        )

    assert sorted(answer.status_code for answer in answers) == [200, 400]


async def test_a_code_is_stored_as_a_hash_and_ends(browser: Browser) -> None:
    await browser.post("/api/v1/user/", **SIGN_UP)
    code = await last_code()
    assert code not in str(await fetch("SELECT * FROM email_code"))

    await execute("UPDATE email_code SET expires_at_ms = ?", now_ms() - 1)

    assert await payload(
        browser, f'emailConfirm(code: "{code}") {{ user {{ name }} errors {{ code field }} }}'
    ) == {
        "user": None,
        "errors": [{"code": "INVALID", "field": "code"}],
    }
