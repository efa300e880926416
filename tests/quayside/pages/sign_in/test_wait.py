"""The wait after failures to sign in."""

import asyncio
import hashlib

import pytest
from starlette.applications import Starlette

from quayside.settings.settings import Settings
from quayside.workers.tools import tools_of
from resolvers.job_kinds import Run, collected
from storage.blobs.memory import MemoryBlobStore
from storage.clock import now_ms
from storage.secrets import Secrets
from storage.statements import execute, fetch
from tests.browser import PASSWORD, Browser, browsing
from tests.factories import Factory
from tests.quayside.pages.sign_in.waiting import free_ones_are_used_up, wait_is_over
from tests.state import dump

pytestmark = pytest.mark.usefixtures("still_clock")


@pytest.mark.parametrize("username", ["ada", "nobody", "ada@example.com"])
async def test_five_mistakes_are_free_then_the_right_password_waits_too(
    browser: Browser, username: str
) -> None:
    free = [(await browser.sign_in(username, f"guess {number}")).status_code for number in range(5)]
    waits = []
    for number in range(4):
        await browser.sign_in(username, f"another {number}")
        refused = await browser.sign_in(username)
        assert (refused.status_code, refused.headers["content-type"]) == (429, "text/plain; charset=utf-8")
        waits.append(int(refused.headers["retry-after"]))
        await execute("UPDATE sign_in_failure SET last_failed_at_ms = last_failed_at_ms - 60000")

    assert free == [403] * 5
    # 0.5, 1.5, 3.5 and 7.5 seconds, of which some part of the first may have passed
    expected = zip(waits, (1, 2, 4, 8), strict=True)
    assert [0 < wait <= longest for wait, longest in expected] == [True] * 4
    assert waits[3] > waits[2] > waits[0]
    assert (await browser.sign_in(username)).status_code == (403 if username == "nobody" else 200)


async def test_a_success_forgets_the_failures_here(browser: Browser) -> None:
    for number in range(3):
        await browser.sign_in("ada", f"guess {number}")
    await browser.sign_in("ada")

    await browser.sign_in("ada", "not the password")

    # Of the login here; of the login as a whole, and of the address, all stay counted.
    assert sorted(row["failures"] for row in await fetch("SELECT failures FROM sign_in_failure")) == [1, 4, 4]


@pytest.mark.parametrize("username", ["ada", "nobody"])
async def test_the_same_wrong_password_again_is_one_mistake(browser: Browser, username: str) -> None:
    again = [(await browser.sign_in(username, "an old password")).status_code for _ in range(20)]
    counted = [row["failures"] for row in await fetch("SELECT failures FROM sign_in_failure")]
    await free_ones_are_used_up(waits=10)

    # It is known to be wrong, so that it is said also while others have to wait.
    waiting = [
        (await browser.sign_in(username, password)).status_code
        for password in ("an old password", "another", "an old password")
    ]

    assert (again, counted) == ([403] * 20, [1, 1, 1])
    assert waiting == [403, 429, 403]


async def test_the_same_wrong_password_at_once_is_one_mistake(browser: Browser) -> None:
    await browser.arrive()

    answers = await asyncio.gather(
        *(browser.post("/api/v1/signin", username="ada", password="an old password") for _ in range(12))
    )

    assert {answer.status_code for answer in answers} == {403}
    assert [row["failures"] for row in await fetch("SELECT failures FROM sign_in_failure")] == [1, 1, 1]
    assert len(await fetch("SELECT id FROM event WHERE kind = 'login_failure'")) == 1


async def test_only_a_keyed_hash_of_the_mistake_is_kept(browser: Browser) -> None:
    await browser.sign_in("ada", "not the password")

    (kept,) = await fetch("SELECT key, fingerprint FROM sign_in_failure WHERE fingerprint IS NOT NULL")
    other = Secrets(["another key of thirty-two characters"])
    assert kept["fingerprint"] not in {
        hashlib.sha256(f"{kept['key']}\0not the password".encode()).hexdigest(),
        other.digest(f"{kept['key']}\0not the password"),
    }
    assert "not the password" not in str(await dump())


async def test_of_many_guesses_at_once_all_are_counted_and_few_are_answered(browser: Browser) -> None:
    await browser.arrive()

    answers = await asyncio.gather(
        *(browser.post("/api/v1/signin", username="ada", password=f"guess {n}") for n in range(12))
    )

    judged = [answer for answer in answers if answer.status_code == 403]
    late = [answer for answer in answers if answer.status_code == 429]
    failures = [row["failures"] for row in await fetch("SELECT failures FROM sign_in_failure")]
    assert len(judged) + len(late) == 12
    assert 5 <= len(judged) <= 6
    # Those that came when the wait had begun are refused unseen; all others count, for each of the three.
    assert len(set(failures)) == 1
    assert 6 <= failures[0] <= 12


async def test_an_address_has_to_wait_after_many_failures_for_any_names(app: Starlette) -> None:
    async with browsing(app, ip="198.51.100.7") as guesser, browsing(app, ip="198.51.100.8") as other:
        for number in range(2):
            await guesser.sign_in(f"user{number}", "guess")
        await execute("UPDATE sign_in_failure SET failures = 60 WHERE failures = 2")

        assert (await guesser.sign_in("ada")).status_code == 429
        assert (await other.sign_in("ada")).status_code == 200


async def test_others_cannot_keep_somebody_out(app: Starlette) -> None:
    async with (
        browsing(app, ip="198.51.100.7") as own,
        browsing(app, ip="198.51.100.8") as stranger,
        browsing(app, ip="198.51.100.9") as elsewhere,
    ):
        await own.sign_in("ada")
        for number in range(8):
            await stranger.sign_in("ada", f"guess {number}")
        by_few = [(await one.sign_in("ada")).status_code for one in (stranger, elsewhere, own)]
        # Guesses from so many addresses that the login waits as a whole, and the owner's address as well.
        await execute(
            "UPDATE sign_in_failure SET failures = 120, last_failed_at_ms = ? WHERE succeeded_at_ms IS NULL",
            now_ms(),
        )
        by_many = [(await one.sign_in("ada")).status_code for one in (stranger, elsewhere, own)]
        # What the owner mistypes counts at the owner's address all the same.
        for number in range(8):
            await own.sign_in("ada", f"guess {number}")
        mistyped = (await own.sign_in("ada")).status_code

    assert by_few == [429, 200, 200]
    assert by_many == [429, 200, 200]
    assert mistyped == 429


async def test_a_new_address_waits_while_a_login_is_guessed_from_many(app: Starlette) -> None:
    async with browsing(app, ip="198.51.100.8") as stranger, browsing(app, ip="198.51.100.9") as elsewhere:
        await stranger.sign_in("ada", "guess")
        await execute("UPDATE sign_in_failure SET failures = 120 WHERE fingerprint IS NULL")

        refused = await elsewhere.sign_in("ada")

    assert refused.status_code == 429
    assert 290 <= int(refused.headers["retry-after"]) <= 300


async def test_a_known_address_is_forgotten_after_a_month(app: Starlette) -> None:
    month = 30 * 86_400_000
    async with browsing(app, ip="198.51.100.7") as own, browsing(app, ip="198.51.100.8") as stranger:
        await own.sign_in("ada")
        await stranger.sign_in("ada", "guess")
        await execute("UPDATE sign_in_failure SET failures = 120 WHERE succeeded_at_ms IS NULL")
        await execute("UPDATE sign_in_failure SET succeeded_at_ms = ?", now_ms() - month + 60_000)
        within = (await own.sign_in("ada")).status_code
        await execute("UPDATE sign_in_failure SET succeeded_at_ms = ?", now_ms() - month)
        after = (await own.sign_in("ada")).status_code

    assert (within, after) == (200, 429)


@pytest.mark.parametrize(("ahead_s", "status"), [(30, 429), (3_600, 200), (30 * 86_400, 200)])
async def test_nobody_waits_for_a_clock_that_was_put_back(
    browser: Browser, ahead_s: int, status: int
) -> None:
    await browser.sign_in("ada", "not the password")
    await free_ones_are_used_up()
    await execute(f"UPDATE sign_in_failure SET last_failed_at_ms = last_failed_at_ms + {ahead_s * 1000}")

    # Clocks of hosts may differ by a minute.
    answer = await browser.sign_in("ada")
    assert (answer.status_code, answer.headers.get("retry-after")) == (status, "1" if status == 429 else None)


async def test_a_name_does_not_wait_for_what_its_address_mistyped(browser: Browser) -> None:
    # Or a wait would tell whose name belongs to an e-mail address.
    for number in range(8):
        await browser.sign_in("ada", f"guess {number}")

    assert (await browser.sign_in("ada")).status_code == 429
    assert (await browser.sign_in("ada@example.com", "guess")).status_code == 403


async def test_docker_passwords_wait_as_well_and_tokens_never_do(
    app: Starlette, browser: Browser, factory: Factory
) -> None:
    token = await factory.token("ada")
    path = "/v2/auth?service=registry.test"
    wrong = await browser.http.get(path, auth=("ada", "not the password"))
    await free_ones_are_used_up()
    late = await browser.http.get(path, auth=("ada", PASSWORD))
    by_token = await browser.http.get(path, auth=("$oauthtoken", token))
    as_password = await browser.http.get(path, auth=("ada", token))

    assert wrong.status_code == 401
    assert (late.status_code, late.headers["retry-after"]) == (429, "1")
    assert late.json()["errors"][0]["code"] == "TOOMANYREQUESTS"
    assert (by_token.status_code, as_password.status_code) == (200, 200)


@pytest.mark.parametrize("name", ["ada", "ada+build", "ada+none", "nobody"])
async def test_a_client_that_asks_twice_is_told_that_the_password_is_wrong(
    browser: Browser, factory: Factory, name: str
) -> None:
    # containerd asks by POST, and by GET if that is refused.
    await factory.robot("ada+build", by="ada")
    path = "/v2/auth?service=registry.test"
    statuses = []
    for number in range(8):
        password = f"wrong {number}"
        form = {"grant_type": "password", "username": name, "password": password}
        statuses.append((await browser.http.post("/v2/auth", data=form)).status_code)
        statuses.append((await browser.http.get(path, auth=(name, password))).status_code)

    assert statuses == [401] * 12 + [429] * 4


@pytest.mark.parametrize("door", ["confirm", "recover", "page", "invitation", "invitation page"])
async def test_codes_sent_by_mail_share_the_rule(ada: Browser, door: str) -> None:
    documents = {
        "confirm": 'mutation { result: emailConfirm(code: "%s") { errors { code field retryAfterS } } }',
        "recover": 'mutation { result: passwordReset(code: "%s", password: "another-one")'
        " { errors { code field retryAfterS } } }",
        "invitation": 'mutation { result: teamInviteAccept(invite: { code: "%s" })'
        " { errors { code field retryAfterS } } }",
    }

    async def answer(number: int) -> object:
        if door in documents:
            data = await ada.graphql(documents[door] % f"wrong {number}")
            (error,) = data["result"]["errors"]
            return error["code"], error["retryAfterS"]
        if door == "page":
            page = await ada.http.post("/confirm", data={"code": f"wrong {number}"})
        else:
            page = await ada.http.get("/confirminvite", params={"code": f"wrong {number}"})
        return page.status_code, page.headers.get("retry-after")

    answers = [await answer(number) for number in range(8)]

    if door in documents:
        refused = "NOT_FOUND" if door == "invitation" else "INVALID"
        assert answers == [(refused, None)] * 6 + [("TOO_MANY", 1)] * 2
    else:
        assert answers == [(400, None)] * 6 + [(429, "1")] * 2


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
    await execute("UPDATE sign_in_failure SET last_failed_at_ms = 1, succeeded_at_ms = NULL")
    await collected()["sign_in.forget"].handler(Run({}, tools))

    assert before == [1, 1, 4]
    assert await kept() == [0, 0, 0]
