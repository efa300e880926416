"""Users change their own account; which sessions and tokens that revokes."""

from dataclasses import replace

import pytest
from starlette.applications import Starlette

from quayside.app import create_app
from quayside.settings.settings import Settings
from storage.statements import execute, fetch
from tests.browser import PASSWORD, Browser, browsing
from tests.factories import EVERY_SCOPE, Factory
from tests.quayside.pages.account.asking import (
    OTHER_PASSWORD,
    codes_of,
    last_code,
    mails,
    payload,
    registry_token,
    tags,
)
from tests.quayside.pages.sign_in.waiting import free_ones_are_used_up
from tests.state import dump


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


async def test_a_new_address_takes_effect_when_it_is_confirmed(ada: Browser) -> None:
    changed = await ada.call("PUT", "/api/v1/user/", email="ada@new.example")
    before = (await ada.http.get("/api/v1/user/")).json()["email"]
    await ada.http.post("/confirm", data={"code": await last_code()})
    after = (await ada.http.get("/api/v1/user/")).json()["email"]

    assert (changed.status_code, changed.json()["email"]) == (200, "ada@example.com")
    assert (before, after) == ("ada@example.com", "ada@new.example")
    assert [mail["recipient"] for mail in await mails()] == ["ada@new.example", "ada@example.com"]


async def test_an_address_taken_meanwhile_is_refused(ada: Browser, factory: Factory) -> None:
    await ada.call("PUT", "/api/v1/user/", email="eve@example.com")
    code = await last_code()
    await factory.user("eve")

    made = await payload(ada, f'emailConfirm(code: "{code}") {{ user {{ name }} errors {{ code }} }}')

    assert made == {"user": None, "errors": [{"code": "ALREADY_EXISTS"}]}


async def test_a_user_changes_their_profile(ada: Browser) -> None:
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
async def test_an_invalid_change_changes_nothing(
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
async def test_credentials_can_be_changed_only_in_a_session(
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


@pytest.mark.usefixtures("still_clock")
async def test_an_encrypted_password_stands_for_the_password(ada: Browser) -> None:
    made = await ada.post("/api/v1/user/clientkey", password=PASSWORD)
    key = made.json()["key"]
    docker = await ada.http.get("/v2/auth?service=registry.test", auth=("ada", key))
    wrong = await ada.post("/api/v1/user/clientkey", password="not the password")
    await free_ones_are_used_up()
    late = await ada.post("/api/v1/user/clientkey", password=PASSWORD)

    assert (made.status_code, made.json()) == (200, {"key": key})
    assert PASSWORD not in key
    assert [answer.status_code for answer in (docker, wrong, late)] == [200, 400, 429]
    assert late.headers["retry-after"] == "1"
