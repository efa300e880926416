"""Robots as build systems use them: real skopeo, a live server, and an issuer of identities beside it."""

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
class Yard:
    """A running server with the user `owner`, whom `rest` asks for, and a directory to work in."""

    rest: httpx.Client
    host: str
    directory: Path

    def skopeo(self, *arguments: str) -> bool:
        """Run skopeo; whether it did what it was told. Anything but a refusal to sign in fails the test."""
        completed = skopeo(self.directory, *arguments)
        assert completed.returncode == 0 or "unauthorized" in completed.stderr.lower(), completed.stderr
        return completed.returncode == 0

    def push(self, password: str) -> bool:
        """Push the image, as the robot with this password."""
        source = f"oci:{self.directory}/layout:v1"
        creds = f"--dest-creds={NAME}:{password}"
        return self.skopeo("copy", "--dest-tls-verify=false", creds, source, self.image)

    def looks(self, password: str) -> bool:
        """Whether the robot with this password may look at the image."""
        return self.skopeo("inspect", "--tls-verify=false", f"--creds={NAME}:{password}", self.image)

    @property
    def image(self) -> str:
        return f"docker://{self.host}/{OWNER}/app:v1"

    def call(self, method: str, path: str, body: Any = None) -> Any:
        """Ask `/api/v1` as the owner; the answer."""
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
def yard(tmp_path: Path, database_url: str) -> Iterator[Yard]:
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
        yard = Yard(client, client.base_url.netloc.decode(), tmp_path)
        yard.call(
            "POST", "/api/v1/repository", {"repository": "app", "visibility": "private", "description": ""}
        )
        yard.call("PUT", ROBOT, {"description": "Builds."})
        yard.call("PUT", f"/api/v1/repository/{OWNER}/app/permissions/user/{NAME}", {"role": "write"})
        yield yard


def test_another_token_ends_what_the_old_one_opened(yard: Yard) -> None:
    old = yard.call("GET", ROBOT)["token"]
    assert yard.push(old)
    held = yard.registry_token(old)
    assert yard.pulls(held) == 200

    new = yard.call("POST", f"{ROBOT}/regenerate")["token"]

    assert yard.pulls(held) == 401
    assert not yard.looks(old)
    assert not yard.push(old)
    assert yard.looks(new)
    assert yard.push(new)


def test_a_deleted_robot_is_out_at_once(yard: Yard) -> None:
    token = yard.call("GET", ROBOT)["token"]
    assert yard.push(token)
    held = yard.registry_token(token)

    yard.call("DELETE", ROBOT)

    assert yard.pulls(held) == 401
    assert not yard.looks(token)


def federated(yard: Yard, issuer: Issuer) -> str:
    """A password for what the issuer says of a build."""
    now = int(time.time())
    claims = {"iss": issuer.url, "aud": yard.host, "sub": SUBJECT, "exp": now + 300}
    answer = httpx.get(f"http://{yard.host}/oauth2/federation/robot/token", auth=(NAME, issuer.sign(claims)))
    password: str = answer.raise_for_status().json()["token"]
    return password


def test_a_build_signs_in_with_its_own_identity(yard: Yard) -> None:
    with issuing() as issuer:
        yard.call("POST", f"{ROBOT}/federation", [{"issuer": issuer.url, "subject": SUBJECT}])
        password = federated(yard, issuer)

        assert yard.push(password)
        assert yard.looks(password)

        yard.call("DELETE", f"{ROBOT}/federation")

        assert not yard.looks(password)
        assert yard.call("GET", f"{ROBOT}/federation") == []
