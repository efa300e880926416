"""The wait after failures to sign in."""

import asyncio

import pytest
from starlette.applications import Starlette

from quayside.settings.settings import Settings
from quayside.workers.tools import tools_of
from resolvers.job_kinds import Run, collected
from storage.blobs.memory import MemoryBlobStore
from storage.statements import execute, fetch
from tests.browser import PASSWORD, Browser, browsing
from tests.factories import Factory
from tests.quayside.pages.sign_in.waiting import wait_is_over


@pytest.mark.parametrize("username", ["ada", "nobody"])
async def test_after_failures_the_right_password_has_to_wait_too(browser: Browser, username: str) -> None:
    waits = []
    for _ in range(4):
        await browser.sign_in(username, "not the password")
        refused = await browser.sign_in(username)
        assert (refused.status_code, refused.headers["content-type"]) == (429, "text/plain; charset=utf-8")
        waits.append(int(refused.headers["retry-after"]))
        await execute("UPDATE sign_in_failure SET last_failed_at_ms = last_failed_at_ms - 60000")

    # 0.5, 1.5, 3.5 and 7.5 seconds, of which some part of the first may have passed
    expected = zip(waits, (1, 2, 4, 8), strict=True)
    assert [0 < wait <= longest for wait, longest in expected] == [True] * 4
    assert waits[3] > waits[2] > waits[0]
    assert (await browser.sign_in(username)).status_code == (200 if username == "ada" else 403)


async def test_a_success_forgets_the_failures(browser: Browser) -> None:
    for _ in range(3):
        await browser.sign_in("ada", "not the password")
        await wait_is_over()
    await browser.sign_in("ada")

    await browser.sign_in("ada", "not the password")

    assert sorted(row["failures"] for row in await fetch("SELECT failures FROM sign_in_failure")) == [1, 4]


async def test_of_many_guesses_at_once_all_are_counted_and_one_is_answered(
    app: Starlette, browser: Browser
) -> None:
    await browser.arrive()

    answers = await asyncio.gather(
        *(browser.post("/api/v1/signin", username="ada", password=f"guess {n}") for n in range(12))
    )

    judged = [answer for answer in answers if answer.status_code == 403]
    late = [answer for answer in answers if answer.status_code == 429]
    failures = [row["failures"] for row in await fetch("SELECT failures FROM sign_in_failure")]
    assert (len(judged), len(late)) == (1, 11)
    # Those that came when the wait had begun are refused unseen; all others count, for account and address.
    assert len(set(failures)) == 1
    assert 1 <= failures[0] <= 12


async def test_an_address_has_to_wait_after_many_failures_for_any_names(app: Starlette) -> None:
    async with browsing(app, ip="198.51.100.7") as guesser, browsing(app, ip="198.51.100.8") as other:
        for number in range(2):
            await guesser.sign_in(f"user{number}", "guess")
        await execute("UPDATE sign_in_failure SET failures = 60 WHERE failures = 2")

        assert (await guesser.sign_in("ada")).status_code == 429
        assert (await other.sign_in("ada")).status_code == 200


async def test_docker_passwords_wait_as_well_and_tokens_never_do(
    app: Starlette, browser: Browser, factory: Factory
) -> None:
    token = await factory.token("ada")
    path = "/v2/auth?service=registry.test"
    wrong = await browser.http.get(path, auth=("ada", "not the password"))
    late = await browser.http.get(path, auth=("ada", PASSWORD))
    by_token = await browser.http.get(path, auth=("$oauthtoken", token))
    as_password = await browser.http.get(path, auth=("ada", token))

    assert wrong.status_code == 401
    assert (late.status_code, late.headers["retry-after"]) == (429, "1")
    assert late.json()["errors"][0]["code"] == "TOOMANYREQUESTS"
    assert (by_token.status_code, as_password.status_code) == (200, 200)


async def test_attempts_are_recorded_without_what_was_typed(browser: Browser) -> None:
    await browser.sign_in("my-secret-passw0rd", "x")
    await browser.sign_in("ada", "not the password")
    await wait_is_over()
    await browser.sign_in("ada")
    await browser.post("/api/v1/signout")

    events = await fetch("SELECT kind, metadata FROM event WHERE kind LIKE 'log%' ORDER BY id")
    assert [row["kind"] for row in events] == [
        "login_failure",
        "login_failure",
        "login_success",
        "logout_success",
    ]
    assert "my-secret" not in str(events)
    assert ["ada" in str(row["metadata"]) for row in events] == [False, True, False, False]


async def test_what_is_over_is_forgotten(browser: Browser, settings_with_files: Settings) -> None:
    tables = ("session", "email_code", "sign_in_failure")
    await browser.sign_in("ada")
    await browser.post("/api/v1/recovery", email="ada@example.com")
    await browser.sign_in("nobody")
    tools = tools_of(settings=settings_with_files, blobs=MemoryBlobStore())

    async def kept() -> list[int]:
        return [len(await fetch(f"SELECT * FROM {table}")) for table in tables]

    await collected()["sign_in.forget"].handler(Run({}, tools))
    before = await kept()
    await execute("UPDATE session SET expires_at_ms = 1")
    await execute("UPDATE email_code SET expires_at_ms = 1")
    await execute("UPDATE sign_in_failure SET last_failed_at_ms = 1")
    await collected()["sign_in.forget"].handler(Run({}, tools))

    assert before == [1, 1, 2]
    assert await kept() == [0, 0, 0]
