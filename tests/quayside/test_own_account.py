"""Users and their own account: signing up, confirming, recovering, changing, deleting, being disabled."""

import asyncio
import re
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette

from quayside.app import create_app
from quayside.config import Settings
from resolvers import deletion
from resolvers.access.roles import TeamRole
from storage.clock import now_ms
from storage.statements import execute, fetch
from tests.browser import PASSWORD, Browser, browsing
from tests.factories import EVERY_SCOPE, Factory
from tests.state import dump

OTHER_PASSWORD = "another-long-rope"
SIGN_IN_ROWS = {"session", "event", "audit_log"}
AGAIN = {"username": "ada", "email": "new@example.com"}
SIGN_UP = {"username": "eve", "password": PASSWORD, "email": "eve@example.com"}


@pytest.fixture
async def browser(app: Starlette) -> AsyncIterator[Browser]:
    async with browsing(app) as opened:
        await opened.arrive()
        yield opened


async def mails() -> list[dict[str, Any]]:
    return await fetch("SELECT recipient, subject, body FROM mail ORDER BY id")


async def last_code() -> str:
    """The code in the last mail that has one."""
    found = [re.search(r"\?code=(\w+)", mail["body"]) for mail in await mails()]
    return [match[1] for match in found if match][-1]


async def payload(browser: Browser, mutation: str) -> dict[str, Any]:
    """The payload of a mutation, which is given as its one field."""
    (found,) = (await browser.graphql(f"mutation {{ {mutation} }}")).values()
    return dict(found)


async def codes_of(browser: Browser, query: str) -> list[str]:
    """The codes of the errors beside the data."""
    answer = (await browser.post("/graphql", query=query)).json()
    return [error["extensions"]["code"] for error in answer["errors"]]


# Signing up


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
async def test_who_signs_up_keeps_the_rules(browser: Browser, change: dict[str, str], code: str) -> None:
    before = await dump()
    (made,) = (await browser.graphql(sign_up_document(**change))).values()
    rest = await browser.post("/api/v1/user/", **(SIGN_UP | change))

    [field] = change
    assert made == {
        "user": None,
        "isAwaitingVerification": None,
        "errors": [{"code": code, "field": f"input.{field}"}],
    }
    assert (rest.status_code, rest.json()["error_type"]) == (400, "invalid_request")
    assert await dump() == before


async def test_privileged_keys_of_a_sign_up_are_not_read(browser: Browser) -> None:
    more = {"superuser": True, "is_superuser": True, "is_verified": True, "verified": True, "id": 1}

    await browser.post("/api/v1/user/", **SIGN_UP, **more)

    [row] = await fetch("SELECT is_superuser, is_verified FROM account WHERE name = 'eve'")
    assert (bool(row["is_superuser"]), bool(row["is_verified"])) == (False, False)


async def test_of_two_who_want_one_name_one_gets_it(app: Starlette) -> None:
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


# Recovery


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
        # Whoever else was signed in is so no more.
        assert (await ada.http.get("/api/v1/user/")).status_code == 401
        assert (await browser.sign_in("ada", OTHER_PASSWORD)).status_code == 200


async def test_recovery_tells_nobody_who_has_an_account(browser: Browser) -> None:
    known = await browser.post("/api/v1/recovery", email="ada@example.com")
    unknown = await browser.post("/api/v1/recovery", email="nobody@example.com")
    page_known = await browser.http.post("/recovery", data={"email": "ada@example.com"})
    page_unknown = await browser.http.post("/recovery", data={"email": "nobody@example.com"})

    assert (known.status_code, known.json()) == (unknown.status_code, unknown.json())
    assert (page_known.status_code, page_known.text) == (page_unknown.status_code, page_unknown.text)
    # And nobody's mailbox is filled by asking often.
    assert [mail["recipient"] for mail in await mails()] == ["ada@example.com"]


async def test_recovering_lifts_the_wait_after_failures(app: Starlette, browser: Browser) -> None:
    for _ in range(3):
        await browser.sign_in("ada", "not the password")
        await execute("UPDATE sign_in_failure SET last_failed_at_ms = last_failed_at_ms - 60000")
    await browser.sign_in("ada", "not the password")
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


async def test_a_code_for_one_purpose_is_none_for_another(browser: Browser) -> None:
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


# Changing


async def test_a_new_password_ends_other_sessions_and_registry_tokens(
    app: Starlette, ada: Browser, factory: Factory
) -> None:
    await factory.repository("ada/app")
    token = await registry_token(ada.http, "ada", PASSWORD)
    async with browsing(app) as other:
        await other.sign_in("ada")

        changed = await ada.call("PUT", "/api/v1/user/", password=OTHER_PASSWORD)

        assert (changed.status_code, changed.json()["username"]) == (200, "ada")
        assert await ada.viewer() == "ada"
        assert (await other.http.get("/api/v1/user/")).status_code == 401
        assert (await tags(ada.http, token)).status_code == 401
        assert (await other.sign_in("ada")).status_code == 403


async def registry_token(http: httpx.AsyncClient, username: str, password: str) -> str:
    answer = await http.get(
        "/v2/auth", params={"scope": "repository:ada/app:pull"}, auth=(username, password)
    )
    return str(answer.json()["token"])


async def tags(http: httpx.AsyncClient, token: str) -> httpx.Response:
    return await http.get("/v2/ada/app/tags/list", headers={"Authorization": f"Bearer {token}"})


async def test_a_new_address_takes_effect_when_it_is_confirmed(ada: Browser) -> None:
    changed = await ada.call("PUT", "/api/v1/user/", email="ada@new.example")
    before = (await ada.http.get("/api/v1/user/")).json()["email"]
    await ada.http.post("/confirm", data={"code": await last_code()})
    after = (await ada.http.get("/api/v1/user/")).json()["email"]

    assert (changed.status_code, changed.json()["email"]) == (200, "ada@example.com")
    assert (before, after) == ("ada@example.com", "ada@new.example")
    assert [mail["recipient"] for mail in await mails()] == ["ada@new.example", "ada@example.com"]


async def test_an_address_that_somebody_took_meanwhile_stays_theirs(ada: Browser, factory: Factory) -> None:
    await ada.call("PUT", "/api/v1/user/", email="eve@example.com")
    code = await last_code()
    await factory.user("eve")

    made = await payload(ada, f'emailConfirm(code: "{code}") {{ user {{ name }} errors {{ code }} }}')

    assert made == {"user": None, "errors": [{"code": "ALREADY_EXISTS"}]}


async def test_a_user_changes_what_is_known_of_them(ada: Browser) -> None:
    given = {
        "given_name": "Ada",
        "family_name": "King",
        "company": None,
        "invoice_email": True,
        "tag_expiration_s": 86_400,
    }

    changed = await ada.call("PUT", "/api/v1/user/", **given, super_user=True, is_superuser=True)

    assert changed.status_code == 200
    assert {key: changed.json()[key] for key in given} == given
    assert "super_user" not in changed.json()
    kinds = await fetch("SELECT kind FROM event WHERE kind LIKE 'user_change%' ORDER BY id")
    assert [row["kind"] for row in kinds] == [
        "user_change_invoicing",
        "user_change_metadata",
        "user_change_tag_expiration",
    ]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ('email: "nowhere"', "email"),
        ('email: "eve@example.com"', "email"),
        ('password: "short"', "password"),
        ("tagExpirationS: 5", "tagExpirationS"),
        ('name: "augusta"', "name"),
        ('invoiceEmailAddress: "nowhere"', "invoiceEmailAddress"),
        ('company: "' + "x" * 256 + '"', "company"),
    ],
)
async def test_a_change_against_the_rules_changes_nothing(
    ada: Browser, factory: Factory, change: str, field: str
) -> None:
    await factory.user("eve")
    before = await dump()

    made = await payload(
        ada, f'userUpdate(input: {{givenName: "Ada", {change}}}) {{ user {{ name }} errors {{ field }} }}'
    )

    assert made == {"user": None, "errors": [{"field": f"input.{field}"}]}
    assert await dump() == before


@pytest.mark.parametrize(
    "change",
    [
        'userUpdate(input: {password: "another-long-rope"}) { errors { code } }',
        'userUpdate(input: {email: "ada@new.example"}) { errors { code } }',
        "userDelete { errors { code } }",
    ],
)
async def test_what_signing_in_depends_on_takes_the_user_in_person(
    ada: Browser, browser: Browser, factory: Factory, change: str
) -> None:
    headers = {"Authorization": f"Bearer {await factory.token('ada', EVERY_SCOPE)}"}
    query = f"mutation {{ {change} }}"
    before = await dump()

    by_token = await ada.http.post("/graphql", json={"query": query}, headers=headers)
    await execute("UPDATE session SET authenticated_at_ms = 0")
    stale = await codes_of(ada, query)
    anonymous = await codes_of(browser, query)
    after = await dump()

    assert [error["extensions"]["code"] for error in by_token.json()["errors"]] == ["FORBIDDEN"]
    assert stale == ["FRESH_LOGIN_REQUIRED"]
    assert anonymous == ["UNAUTHENTICATED"]
    assert {name: rows for name, rows in after.items() if name != "session"} == {
        name: rows for name, rows in before.items() if name != "session"
    }


async def test_a_user_may_take_another_name_where_that_is_allowed(
    settings_with_files: Settings, factory: Factory
) -> None:
    settings = replace(settings_with_files, features=settings_with_files.features | {"USER_RENAME"})
    await factory.user("ada", password=PASSWORD)
    await factory.robot("ada+builder")
    await factory.repository("ada/app")
    app = create_app(settings, jobs=False)
    async with app.router.lifespan_context(app), browsing(app) as browser:
        await browser.sign_in("ada")
        token = await registry_token(browser.http, "ada", PASSWORD)
        renamed = await browser.call("PUT", "/api/v1/user/", username="augusta")
        repository = await browser.http.get("/api/v1/repository/augusta/app")
        old = await tags(browser.http, token)

    names = [row["name"] for row in await fetch("SELECT name FROM account ORDER BY name")]
    assert (renamed.status_code, renamed.json()["username"]) == (200, "augusta")
    assert names == ["augusta", "augusta+builder"]
    assert repository.status_code == 200
    assert old.status_code == 401


async def test_an_encrypted_password_stands_for_the_password(ada: Browser) -> None:
    made = await ada.post("/api/v1/user/clientkey", password=PASSWORD)
    key = made.json()["key"]
    docker = await ada.http.get("/v2/auth?service=registry.test", auth=("ada", key))
    wrong = await ada.post("/api/v1/user/clientkey", password="not the password")
    late = await ada.post("/api/v1/user/clientkey", password=PASSWORD)

    assert (made.status_code, made.json()) == (200, {"key": key})
    assert PASSWORD not in key
    assert [answer.status_code for answer in (docker, wrong, late)] == [200, 400, 429]


# Deleting


async def test_a_deleted_user_is_gone_at_once_and_the_name_when_all_is_removed(
    app: Starlette, ada: Browser, factory: Factory
) -> None:
    await factory.user("eve")
    await factory.organization("acme", owner="eve")
    await factory.repository("ada/app")
    await factory.robot("ada+builder")
    token = await factory.token("ada")
    identity = (await fetch("SELECT id FROM account WHERE name = 'ada'"))[0]["id"]

    deleted = await ada.call("DELETE", "/api/v1/user/")
    async with browsing(app) as browser:
        await browser.arrive()
        seen = await browser.http.get("/api/v1/users/ada")
        signed_in = await browser.sign_in("ada")
        by_token = await browser.http.get("/api/v1/user/", headers={"Authorization": f"Bearer {token}"})
        taken = await browser.post("/api/v1/user/", **(SIGN_UP | AGAIN))
        session = await ada.http.get("/api/v1/user/")
        await deletion.purge(identity)
        await deletion.purge(identity)
        free = await browser.post("/api/v1/user/", **(SIGN_UP | AGAIN))

    assert deleted.status_code == 204
    assert [answer.status_code for answer in (seen, signed_in, by_token, session)] == [404, 403, 401, 401]
    assert (taken.status_code, taken.json()["detail"]) == (400, "Username is not available")
    assert free.status_code == 200
    assert await fetch("SELECT id FROM repository") == []
    assert await fetch("SELECT id FROM robot") == []
    assert await fetch("SELECT id FROM access_token") == []


async def test_the_only_administrator_of_an_organization_stays(ada: Browser, factory: Factory) -> None:
    await factory.organization("acme", owner="ada")
    before = await dump()

    rest = await ada.call("DELETE", "/api/v1/user/")
    graphql = await payload(ada, "userDelete { name errors { code field } }")

    assert (rest.status_code, rest.json()) == (
        400,
        {"message": "Nobody would be left to administer 'acme'."},
    )
    assert graphql == {"name": None, "errors": [{"code": "INVALID", "field": None}]}
    assert await dump() == before


async def test_of_the_last_two_administrators_who_leave_at_once_one_stays(
    app: Starlette, ada: Browser, factory: Factory
) -> None:
    await factory.user("eve", password=PASSWORD)
    await factory.organization("acme", owner="ada")
    await factory.team("acme", "seconds", TeamRole.ADMIN, ["eve"])
    async with browsing(app) as eve:
        await eve.sign_in("eve")
        answers = await asyncio.gather(*(one.call("DELETE", "/api/v1/user/") for one in (ada, eve)))

    assert sorted(answer.status_code for answer in answers) == [204, 400]


# Being disabled


async def test_a_disabled_user_loses_every_kind_of_access_at_once(
    app: Starlette, ada: Browser, factory: Factory
) -> None:
    await factory.user("root", password=PASSWORD, is_superuser=True)
    await factory.repository("ada/app")
    robot = await factory.robot("ada+builder")
    access_token = await factory.token("ada")
    made = await payload(ada, 'appTokenCreate(input: {title: "docker"}) { appToken { secret } }')
    app_token = made["appToken"]["secret"]
    logins = {
        "ada": PASSWORD,
        "$oauthtoken": access_token,
        "$app": app_token,
        "ada+builder": robot.token,
    }
    issued = {name: await registry_token(ada.http, name, secret) for name, secret in logins.items()}
    assert [(await tags(ada.http, token)).status_code for token in issued.values()] == [200, 200, 200, 401]

    async with browsing(app) as root:
        await root.sign_in("root")
        await payload(root, 'userDisable(username: "ada") { user { name } errors { code } }')

        by_session = await ada.http.get("/api/v1/user/")
        by_token = await ada.http.get("/api/v1/user/", headers={"Authorization": f"Bearer {access_token}"})
        graphql = await ada.http.post(
            "/graphql",
            json={"query": "{ viewer { name } }"},
            headers={"Authorization": f"Bearer {access_token}"},
        )
        signed_in = await ada.sign_in("ada")
        await execute("DELETE FROM sign_in_failure")
        docker = [
            (await ada.http.get("/v2/auth?service=registry.test", auth=login)).status_code
            for login in logins.items()
        ]
        pulls = [(await tags(ada.http, token)).status_code for token in issued.values()]
        recovery = await ada.post("/api/v1/recovery", email="ada@example.com")
        # and it all comes back, but for sessions and what was issued
        await payload(root, 'userEnable(username: "ada") { user { name } errors { code } }')
        await execute("DELETE FROM sign_in_failure")
        again = [
            (await ada.http.get("/v2/auth?service=registry.test", auth=login)).status_code
            for login in logins.items()
        ]
        old_pulls = (await tags(ada.http, issued["ada"])).status_code

    assert [by_session.status_code, by_token.status_code, graphql.status_code] == [401, 401, 401]
    assert signed_in.status_code == 403
    assert docker == [401, 401, 401, 401]
    assert pulls == [401, 401, 401, 401]
    assert (recovery.status_code, await mails()) == (200, [])
    assert again == [200, 200, 200, 200]
    assert old_pulls == 401
    assert (await ada.http.get("/api/v1/user/")).status_code == 401


async def test_superusers_alone_disable_users_and_never_each_other(
    app: Starlette, ada: Browser, factory: Factory
) -> None:
    await factory.user("eve")
    await factory.user("root", password=PASSWORD, is_superuser=True)
    await factory.user("admin", is_superuser=True)
    before = {name: rows for name, rows in (await dump()).items() if name not in SIGN_IN_ROWS}
    async with browsing(app) as root, browsing(app) as nobody:
        await root.sign_in("root")

        def disable(name: str) -> str:
            return f'mutation {{ userDisable(username: "{name}") {{ errors {{ code }} }} }}'

        assert await codes_of(nobody, disable("eve")) == ["UNAUTHENTICATED"]
        assert await codes_of(ada, disable("eve")) == ["FORBIDDEN"]
        assert await codes_of(root, disable("admin")) == ["FORBIDDEN"]
        assert await codes_of(root, disable("root")) == ["FORBIDDEN"]
        missing = await payload(root, 'userDisable(username: "nobody") { errors { code field } }')

    assert missing == {"errors": [{"code": "NOT_FOUND", "field": "username"}]}
    after = {name: rows for name, rows in (await dump()).items() if name not in SIGN_IN_ROWS}
    assert after == before
