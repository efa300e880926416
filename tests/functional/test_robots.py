"""Robot accounts in CI: real skopeo, a live server, and an OIDC issuer for federation."""

import asyncio
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from quayside.settings.settings import load_settings
from resolvers.access.scopes import SCOPES
from resolvers.accounts.account import require_user
from resolvers.oauth.token import create_access_token
from tests.functional.skopeo import skopeo
from tests.issuer import Issuer, issuing
from tests.process import serving
from tests.quayside.registry import kit, people
from tests.quayside.registry.people import OWNER

pytestmark = pytest.mark.needs("skopeo")

ROBOT = "/api/v1/user/robots/ci"
NAME = f"{OWNER}+ci"
SUBJECT = "pipeline:main"


@dataclass(frozen=True)
class LiveRegistry:
    """A running server with the user `owner`, a REST client of that user, and a working directory."""

    rest: httpx.Client
    host: str
    directory: Path

    def skopeo(self, *arguments: str) -> bool:
        """Run skopeo. Returns whether it succeeded; any failure but a refused login fails the test."""
        completed = skopeo(self.directory, *arguments)
        assert completed.returncode == 0 or "unauthorized" in completed.stderr.lower(), completed.stderr
        return completed.returncode == 0

    def push(self, password: str) -> bool:
        """Push the image as the robot."""
        source = f"oci:{self.directory}/layout:v1"
        creds = f"--dest-creds={NAME}:{password}"
        return self.skopeo("copy", "--dest-tls-verify=false", creds, source, self.image)

    def can_inspect(self, password: str) -> bool:
        """Whether the robot can inspect the image."""
        return self.skopeo("inspect", "--tls-verify=false", f"--creds={NAME}:{password}", self.image)

    @property
    def image(self) -> str:
        return f"docker://{self.host}/{OWNER}/app:v1"

    def call(self, method: str, path: str, body: Any = None) -> Any:
        """Call `/api/v1` as the owner. Returns the JSON of the response."""
        answer = self.rest.request(method, path, json=body)
        assert answer.status_code < 300, answer.text
        return answer.json() if answer.content else None

    def registry_token(self, password: str) -> str:
        """A registry token that lets the robot pull."""
        scope = f"repository:{OWNER}/app:pull"
        answer = httpx.get(f"http://{self.host}/v2/auth", params={"scope": scope}, auth=(NAME, password))
        token: str = answer.raise_for_status().json()["token"]
        return token

    def pulls(self, token: str) -> int:
        """The status of a pull by a registry token."""
        url = f"http://{self.host}/v2/{OWNER}/app/manifests/v1"
        return httpx.get(url, headers={"Authorization": f"Bearer {token}"}).status_code


@pytest.fixture
def live(tmp_path: Path, database_url: str) -> Iterator[LiveRegistry]:
    environ = {
        "QUAYSIDE_DATA_DIR": str(tmp_path / "data"),
        "QUAYSIDE_DATABASE_URL": database_url,
        "QUAYSIDE_SECRET_KEY": "k" * 32,
        "QUAYSIDE_SSRF_ALLOWED_HOSTS": "127.0.0.1",
    }
    settings = load_settings({key.removeprefix("QUAYSIDE_"): value for key, value in environ.items()}, {})

    async def token() -> str:
        scopes = frozenset(row.scope for row in SCOPES.values() if row.is_grantable)
        async with people.acting(settings) as context:
            return await create_access_token(context, await require_user(OWNER), scopes, title="test")

    asyncio.run(people.create_users(settings, OWNER))
    layer, diff_id = kit.layer_of(b"content")
    config = kit.config_of("amd64", diff_id)
    manifest = kit.encode(kit.image_document(layer, config=config))
    kit.write_layout(tmp_path / "layout", "v1", manifest, config, layer)
    with serving(tmp_path, environ=environ) as (client, _):
        client.headers["Authorization"] = f"Bearer {asyncio.run(token())}"
        live = LiveRegistry(client, client.base_url.netloc.decode(), tmp_path)
        live.call(
            "POST", "/api/v1/repository", {"repository": "app", "visibility": "private", "description": ""}
        )
        live.call("PUT", ROBOT, {"description": "Builds."})
        live.call("PUT", f"/api/v1/repository/{OWNER}/app/permissions/user/{NAME}", {"role": "write"})
        yield live


def test_regenerating_a_robot_token_ends_old_registry_tokens(live: LiveRegistry) -> None:
    old = live.call("GET", ROBOT)["token"]
    assert live.push(old)
    held = live.registry_token(old)
    assert live.pulls(held) == 200

    new = live.call("POST", f"{ROBOT}/regenerate")["token"]

    assert live.pulls(held) == 401
    assert not live.can_inspect(old)
    assert not live.push(old)
    assert live.can_inspect(new)
    assert live.push(new)


def test_deleting_a_robot_ends_its_registry_tokens(live: LiveRegistry) -> None:
    token = live.call("GET", ROBOT)["token"]
    assert live.push(token)
    held = live.registry_token(token)

    live.call("DELETE", ROBOT)

    assert live.pulls(held) == 401
    assert not live.can_inspect(token)


def federated(live: LiveRegistry, issuer: Issuer) -> str:
    """An identity token of the issuer for a build, used as a password."""
    now = int(time.time())
    claims = {"iss": issuer.url, "aud": live.host, "sub": SUBJECT, "exp": now + 300}
    answer = httpx.get(f"http://{live.host}/oauth2/federation/robot/token", auth=(NAME, issuer.sign(claims)))
    password: str = answer.raise_for_status().json()["token"]
    return password


def test_a_build_signs_in_with_its_own_identity(live: LiveRegistry) -> None:
    with issuing() as issuer:
        live.call("POST", f"{ROBOT}/federation", [{"issuer": issuer.url, "subject": SUBJECT}])
        password = federated(live, issuer)

        assert live.push(password)
        assert live.can_inspect(password)

        live.call("DELETE", f"{ROBOT}/federation")

        assert not live.can_inspect(password)
        assert live.call("GET", f"{ROBOT}/federation") == []
