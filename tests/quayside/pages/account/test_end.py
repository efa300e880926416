"""Users who delete their account, and users who are disabled."""

import asyncio

from starlette.applications import Starlette

from resolvers.access.roles import TeamRole
from resolvers.repositories import purge
from storage.statements import execute, fetch
from tests.browser import PASSWORD, Browser, browsing
from tests.factories import Factory
from tests.quayside.pages.account.asking import SIGN_UP, codes_of, mails, payload, registry_token, tags
from tests.state import dump

SIGN_IN_ROWS = {"session", "event", "audit_log", "sign_in_failure"}
AGAIN = {"username": "ada", "email": "new@example.com"}


async def test_a_deleted_user_disappears_at_once_and_the_name_after_the_purge(
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
        await purge.purge_namespace(identity)
        await purge.purge_namespace(identity)
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


async def test_of_the_last_two_administrators_who_leave_concurrently_one_stays(
    app: Starlette, ada: Browser, factory: Factory
) -> None:
    await factory.user("eve", password=PASSWORD)
    await factory.organization("acme", owner="ada")
    await factory.team("acme", "seconds", TeamRole.ADMIN, ["eve"])
    async with browsing(app) as eve:
        await eve.sign_in("eve")
        answers = await asyncio.gather(*(one.call("DELETE", "/api/v1/user/") for one in (ada, eve)))

    assert sorted(answer.status_code for answer in answers) == [204, 400]


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
        # and access comes back, except sessions and issued tokens
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
        refused = [
            await payload(root, f'userDisable(username: "{name}") {{ errors {{ message }} }}')
            for name in ("admin", "root")
        ]
        missing = await payload(root, 'userDisable(username: "nobody") { errors { code field } }')

    assert refused == [{"errors": [{"message": "Cannot update a superuser"}]}] * 2
    assert missing == {"errors": [{"code": "NOT_FOUND", "field": "username"}]}
    after = {name: rows for name, rows in (await dump()).items() if name not in SIGN_IN_ROWS}
    assert after == before
