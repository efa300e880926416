"""Audit entries about logins: door and credential, never what was typed."""

from typing import Any

import pytest
from starlette.applications import Starlette

from storage.statements import decode_json, execute, fetch
from tests.browser import PASSWORD, Browser, browsing
from tests.factories import Factory
from tests.quayside.pages.sign_in.waiting import wait_is_over
from tests.quayside.registry import kit

pytestmark = pytest.mark.usefixtures("still_clock")

REGISTRY = "/v2/auth?service=registry.test"
SCOPE = "&scope=repository:ada/app:pull"


async def told() -> list[tuple[str, str | None, dict[str, Any]]]:
    """The entries about logins: the kind, in whose log it is, and what it says."""
    rows = await fetch(
        "SELECT l.kind, l.metadata, n.name FROM audit_log l LEFT JOIN account n ON n.id = l.namespace_id"
        " WHERE l.kind LIKE 'login%' ORDER BY l.id"
    )
    return [(row["kind"], row["name"], decode_json(row["metadata"])) for row in rows]


async def login(browser: Browser, name: str, secret: str, scope: str = "") -> int:
    """The token request of docker login, or with a scope of a pull; the status."""
    headers = {"User-Agent": "docker"}
    return (await browser.http.get(REGISTRY + scope, auth=(name, secret), headers=headers)).status_code


async def test_a_docker_login_is_recorded_with_its_credential(browser: Browser, factory: Factory) -> None:
    await factory.organization("acme", owner="ada")
    robot = await factory.robot("acme+build", by="ada")
    token = await factory.token("ada")

    statuses = [
        await login(browser, "ada", PASSWORD),
        await login(browser, "acme+build", robot.token),
        await login(browser, "$oauthtoken", token),
        # Neither the token request of a pull nor an anonymous one is a login.
        await login(browser, "ada", PASSWORD, SCOPE),
        (await browser.http.get(REGISTRY + SCOPE)).status_code,
    ]

    assert statuses == [200] * 5
    entries = await told()
    facts = entries[2][2]
    assert facts["oauth_token_id"]
    entries[2] = (*entries[2][:2], {key: facts[key] for key in ("type", "kind", "useragent")})
    assert entries == [
        ("login_success", owner, {"type": "v2auth", "kind": kind, "useragent": "docker"})
        for owner, kind in (("ada", "user"), ("acme", "robot"), ("ada", "oauth"))
    ]


@pytest.mark.parametrize("scope", ["", SCOPE])
async def test_wrong_credentials_are_recorded_for_their_owner(
    browser: Browser, factory: Factory, scope: str
) -> None:
    await factory.organization("acme", owner="ada")
    await factory.robot("acme+build", by="ada")

    names = ("ada", "ada@example.com", "acme+build", "nobody", "acme+none", "$oauthtoken", "$app")
    statuses = []
    for name in names:
        statuses.append(await login(browser, name, "my-secret-passw0rd", scope))
        await wait_is_over()

    assert statuses == [401] * 7
    common = {"type": "v2auth", "useragent": "docker", "message": "Invalid credentials"}
    assert await told() == [
        ("login_failure", "ada", common | {"kind": "user", "username": "ada"}),
        ("login_failure", "ada", common | {"kind": "user", "username": "ada"}),
        ("login_failure", "acme", common | {"kind": "robot", "username": "acme+build"}),
        ("login_failure", None, common | {"kind": "user"}),
    ]


async def test_attempts_that_have_to_wait_are_not_recorded(browser: Browser) -> None:
    statuses = [await login(browser, "ada", f"wrong {number}") for number in range(8)]

    assert statuses == [401] * 6 + [429] * 2
    assert len(await told()) == 6


async def test_the_same_mistake_is_recorded_once(browser: Browser) -> None:
    statuses = [await login(browser, "ada", "wrong") for _ in range(3)]

    assert statuses == [401] * 3
    assert len(await told()) == 1


async def test_a_robot_cannot_fill_the_log_of_its_owner(browser: Browser, factory: Factory) -> None:
    await factory.organization("acme", owner="ada")
    robot = await factory.robot("acme+build", by="ada")

    statuses = [await login(browser, "acme+build", "old", SCOPE) for _ in range(20)]
    statuses.append(await login(browser, "acme+build", robot.token, SCOPE))
    at_once = len(await told())
    await execute("UPDATE sign_in_failure SET last_failed_at_ms = last_failed_at_ms - 60000")
    others = [await login(browser, "acme+build", f"guess {number}", SCOPE) for number in range(12)]
    others.append(await login(browser, "acme+build", robot.token, SCOPE))

    # The robot itself never has to wait.
    assert statuses == [401] * 20 + [200]
    assert others == [401] * 5 + [429] * 7 + [200]
    assert (at_once, len(await told())) == (1, 2)


async def test_every_door_records_wrong_passwords(app: Starlette, ada: Browser) -> None:
    await execute("DELETE FROM audit_log")

    await ada.post("/api/v1/signin/verify", password="wrong")
    await ada.post("/api/v1/user/clientkey", password="wrong again")
    await ada.http.get(
        "/oauth/authorize?client_id=x&redirect_uri=https://app.example&scope=repo:read", auth=("ada", "wrong")
    )
    await ada.sign_in("ada", "wrong again")

    entries = await told()
    assert [(kind, owner, entry["type"], entry["username"]) for kind, owner, entry in entries] == [
        ("login_failure", "ada", "quayauth", "ada")
    ] * 4


async def test_a_login_at_the_pages_is_recorded(ada: Browser) -> None:
    ((kind, owner, entry),) = await told()

    assert (kind, owner, entry["type"]) == ("login_success", "ada", "quayauth")


async def test_what_strangers_write_into_a_log_is_cut(app: Starlette, ada: Browser, factory: Factory) -> None:
    agent, cut = "x" * 50_000, "x" * 1023 + "…"
    await execute("DELETE FROM audit_log")
    await execute("DELETE FROM event")
    async with browsing(app) as stranger:
        stranger.http.headers["User-Agent"] = agent
        await stranger.sign_in("ada", "wrong")
        await stranger.http.get(REGISTRY, auth=("ada", "wrong at the registry"))
        await stranger.http.get(REGISTRY, auth=("ada", PASSWORD))
        token = (
            await stranger.http.get(REGISTRY + "&scope=repository:ada/app:push,pull", auth=("ada", PASSWORD))
        ).json()["token"]
        stranger.http.headers["Authorization"] = f"Bearer {token}"
        for content in (kit.CONFIG, b"layer"):
            uploads = f"/v2/ada/app/blobs/uploads/?digest={kit.digest_of(content)}"
            await stranger.http.post(uploads, content=content)
        pushed = await stranger.http.put(
            "/v2/ada/app/manifests/v1",
            content=kit.encode(kit.image_document(b"layer")),
            headers={"Content-Type": kit.OCI_MANIFEST},
        )

    assert pushed.status_code == 201
    for table in ("audit_log", "event"):
        rows = await fetch(f"SELECT kind, metadata FROM {table}")
        agents = {
            row["kind"]: decode_json(row["metadata"]).get(key)
            for row in rows
            for key in ("useragent", "user-agent")
            if key in decode_json(row["metadata"])
        }
        assert agents == dict.fromkeys(("login_failure", "login_success", "push_repo"), cut)
        assert max(len(str(row["metadata"])) for row in rows) < 2_000
