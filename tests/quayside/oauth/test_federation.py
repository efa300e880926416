"""The identity federation of robots: an external token for a password, and what revokes it."""

import base64
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from typing import Any

import httpx
import pytest

from quayside.app import create_app
from quayside.settings.settings import Settings
from resolvers.access.roles import RepositoryRole
from resolvers.accounts import federation, robot
from resolvers.accounts.federation import Identity
from storage.statements import decode_json, execute, fetch, fetch_one
from tests.factories import Factory
from tests.issuer import Issuer
from tests.state import dump
from tests.waiting import until

ROBOT = "acme+build"
SUBJECT = "repo:acme/app:ref:refs/heads/main"
PATH = "/oauth2/federation/robot/token"
SCOPE = "repository:acme/app:pull"


@dataclass(frozen=True)
class Registry:
    """A whole application with the robot `acme+build`, which may pull acme/app, and an issuer beside it."""

    http: httpx.AsyncClient
    factory: Factory
    issuer: Issuer

    def token(self, **more: Any) -> str:
        """An external token of the build."""
        now = int(time.time())
        audience = self.factory.site.registry_host
        whole = {"iss": self.issuer.url, "aud": audience, "sub": SUBJECT, "exp": now + 300, **more}
        return self.issuer.sign(whole)

    async def ask(self, token: str, *, name: str = ROBOT) -> httpx.Response:
        return await self.http.get(PATH, auth=(name, token))

    async def password(self) -> str:
        """A password for a good token."""
        answer = await self.ask(self.token())
        assert answer.status_code == 200, answer.text
        password: str = answer.json()["token"]
        return password

    async def signs_in(self, password: str, *, name: str = ROBOT) -> str | None:
        """The registry token that a password gets; None if it is refused."""
        answer = await self.http.get("/v2/auth", params={"scope": SCOPE}, auth=(name, password))
        assert answer.status_code in {200, 401}
        return answer.json()["token"] if answer.status_code == 200 else None

    async def pulls(self, token: str) -> int:
        """The status of a pull by a registry token."""
        headers = {"Authorization": f"Bearer {token}"}
        return (await self.http.get("/v2/acme/app/manifests/v1", headers=headers)).status_code


@pytest.fixture
async def registry(
    issuer: Issuer, factory: Factory, settings_with_files: Settings
) -> AsyncIterator[Registry]:
    await factory.user("ada")
    await factory.organization("acme", owner="ada")
    await factory.robot(ROBOT, by="ada")
    await factory.repository("acme/app", by="ada")
    await factory.image("acme/app", b"layer", tag="v1")
    await factory.grant("acme/app", ROBOT, RepositoryRole.READ, by="ada")
    await trust(factory, Identity(issuer.url, SUBJECT))
    settings = replace(settings_with_files, ssrf_allowed_hosts=frozenset({"127.0.0.1"}))
    app = create_app(settings, jobs=False)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=settings.public_url) as http,
    ):
        yield Registry(http, factory, issuer)


async def trust(factory: Factory, *identities: Identity) -> None:
    ada = await factory.as_account("ada")
    await federation.replace(ada, owner="acme", short_name="build", identities=identities)


async def test_an_external_token_becomes_a_password(registry: Registry) -> None:
    answer = await registry.ask(registry.token())

    assert (answer.status_code, set(answer.json()), answer.headers["cache-control"]) == (
        200,
        {"token"},
        "no-store",
    )
    token = await registry.signs_in(answer.json()["token"])
    assert token is not None
    assert await registry.pulls(token) == 200
    told = await fetch("SELECT * FROM event WHERE kind = 'federated_robot_token_exchange'")
    accounts = {row["name"]: row["id"] for row in await fetch("SELECT id, name FROM account")}
    assert [(decode_json(row["metadata"]), row["namespace_id"], row["performer_id"]) for row in told] == [
        (
            {"subject": SUBJECT, "issuer": registry.issuer.url, "robot": ROBOT},
            accounts["acme"],
            accounts[ROBOT],
        )
    ]


async def test_the_address_of_the_registry_is_an_audience_as_well(registry: Registry) -> None:
    answer = await registry.ask(registry.token(aud=["other", registry.factory.site.public_url]))

    assert answer.status_code == 200


async def end_by_new_token(factory: Factory) -> None:
    await robot.regenerate_token(await factory.as_account("ada"), owner="acme", short_name="build")


async def end_by_distrust(factory: Factory) -> None:
    await federation.clear(await factory.as_account("ada"), owner="acme", short_name="build")


async def end_by_other_trust(factory: Factory) -> None:
    await trust(factory, Identity("https://issuer.example", "somebody"))


async def end_by_deletion(factory: Factory) -> None:
    await robot.delete(await factory.as_account("ada"), owner="acme", short_name="build")


async def end_by_blocked_owner(factory: Factory) -> None:
    await execute("UPDATE account SET is_enabled = ? WHERE name = 'acme'", False)


@pytest.mark.parametrize(
    "end", [end_by_new_token, end_by_distrust, end_by_other_trust, end_by_deletion, end_by_blocked_owner]
)
async def test_the_password_and_its_tokens_are_revoked_at_once(registry: Registry, end: Any) -> None:
    password = await registry.password()
    token = await registry.signs_in(password)
    assert token is not None

    await end(registry.factory)

    assert await registry.signs_in(password) is None
    assert await registry.pulls(token) == 401


async def test_the_password_is_valid_for_one_robot_only(registry: Registry) -> None:
    other = await registry.factory.robot("acme+other", by="ada")
    password = await registry.password()
    token = await registry.signs_in(password)
    assert token is not None

    assert await registry.signs_in(password, name="acme+other") is None
    assert await registry.signs_in(password, name="ada") is None
    assert await registry.signs_in(password, name="$oauthtoken") is None
    assert await registry.signs_in(token) is None
    assert await registry.pulls(password) == 401
    assert await registry.signs_in(other.token, name="acme+other") is not None
    for path in ("/graphql?query={viewer{name}}", "/api/v1/user/"):
        headers = {"Authorization": f"Bearer {password}"}
        assert (await registry.http.get(path, headers=headers)).status_code == 401


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"sub": "repo:acme/other"}, "Token does not match robot"),
        ({"aud": "another.example"}, "Invalid token: it was made for another audience."),
        ({"exp": 1}, "Invalid token: it has expired."),
        (
            {"iss": "https://issuer.example"},
            "Robot does not have federated login configured for the issuer of the token",
        ),
        ({"iss": None}, "Invalid token: it is not a signed JWT."),
    ],
)
async def test_an_invalid_external_token_is_refused(
    registry: Registry, change: dict[str, Any], message: str
) -> None:
    before = await dump()

    answer = await registry.ask(registry.token(**change))

    assert (answer.status_code, answer.json()) == (400, {"message": message})
    assert await dump() == before


async def test_a_subject_counts_for_its_own_issuer_alone(registry: Registry) -> None:
    here = Identity(registry.issuer.url, "somebody else")
    await trust(registry.factory, here, Identity("https://issuer.example", SUBJECT))

    answer = await registry.ask(registry.token())

    assert (answer.status_code, answer.json()["message"]) == (400, "Token does not match robot")


async def test_the_existence_of_robots_is_not_revealed(registry: Registry) -> None:
    await registry.factory.robot("acme+plain", by="ada")
    asked = registry.issuer.asked()

    answers = [
        await registry.ask(registry.token(), name=name) for name in ("acme+plain", "acme+none", "none+none")
    ]

    assert {(answer.status_code, answer.text) for answer in answers} == {(400, answers[0].text)}
    assert registry.issuer.asked() == asked


async def test_an_issuer_that_fails_is_not_the_callers_mistake(registry: Registry) -> None:
    token = registry.token()
    registry.issuer.behave(broken=True)

    answer = await registry.ask(token)

    assert answer.status_code == 520
    assert answer.json()["message"].startswith("The keys of the issuer cannot be fetched: ")


@pytest.mark.parametrize(
    ("header", "message"),
    [
        (None, "No auth header"),
        ("Bearer x", "Invalid basic auth header"),
        ("Basic", "Invalid robot"),
        ("Basic %%%", "Could not parse basic auth header"),
        ("Basic /w==", "Could not parse basic auth header"),
        (b"ada:x", "Invalid robot"),
        (b"acme+build", "Invalid robot"),
        (b"acme+build:", "Invalid robot"),
        (b"acme+bu\0ild:x", "Invalid robot"),
    ],
)
async def test_a_request_without_a_robot_and_a_token_is_challenged(
    registry: Registry, header: str | bytes | None, message: str
) -> None:
    text = f"Basic {base64.b64encode(header).decode()}" if isinstance(header, bytes) else header

    answer = await registry.http.get(PATH, headers={"Authorization": text} if text is not None else {})

    assert (answer.status_code, answer.json()) == (401, {"error": message})
    assert answer.headers["www-authenticate"].startswith("Basic realm=")


async def test_a_sign_in_by_a_password_is_recorded(registry: Registry) -> None:
    await registry.signs_in(await registry.password())

    async def used() -> bool:
        return (
            await fetch_one("SELECT 1 FROM account WHERE name = ? AND last_accessed_at_ms > 0", ROBOT)
            is not None
        )

    await until(used)
