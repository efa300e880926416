"""The key of registry tokens rotates, is deleted and is killed in the middle, under a load of pulls."""

import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from subprocess import PIPE, Popen

import httpx
import pytest
from jose import jwt

from tests.plugins.scale import SCALE
from tests.process import ROOT, environment, make_user, run, serving, token_of
from tests.quayside.registry import kit

PASSWORD = "correct-horse-battery"
PULLERS = min(2 * SCALE, 8)
ROTATIONS = min(3 * SCALE, 12)
KILLS = min(SCALE, 4)

ROTATE = "mutation { serviceKeyRotate { serviceKey { kid } errors { message } } }"
DELETE = "mutation ($kid: String!) { serviceKeyDelete(kid: $kid) { kid errors { message } } }"
KEYS = "{ serviceKeys(first: 100) { nodes { kid state expiresAt successorKid } } }"

ROTATING = """
import asyncio
import os
from quayside.commands.database import open_context
from quayside.settings.settings import load_settings
from resolvers.keys.service_key import rotate_by_operator

async def main():
    async with open_context(load_settings({}, os.environ)) as context:
        while True:
            print((await rotate_by_operator(context)).kid, flush=True)

asyncio.run(main())
"""


@dataclass
class Load:
    """Pulls by several clients, each with a token that it keeps for some pulls; what they were answered."""

    address: httpx.URL
    ended: threading.Event = field(default_factory=threading.Event)
    statuses: list[int] = field(default_factory=list)
    kids: set[str] = field(default_factory=set)

    def token(self, client: httpx.Client) -> str:
        answer = client.get("/v2/auth", params={"scope": "repository:ada/app:pull"}, auth=("ada", PASSWORD))
        self.statuses.append(answer.status_code)
        token: str = answer.json()["token"]
        self.kids.add(jwt.get_unverified_header(token)["kid"])
        return token

    def pull(self) -> None:
        # Each pull has a connection of its own, so that both processes of the server get some.
        with httpx.Client(base_url=self.address, timeout=30) as client:
            first = self.token(client)
        while not self.ended.is_set():
            with httpx.Client(base_url=self.address, timeout=30) as client:
                newest = self.token(client)
            for token in (newest, first, newest):
                answer = httpx.get(
                    self.address.join("/v2/ada/app/manifests/v1"),
                    headers={"Authorization": f"Bearer {token}"},
                    timeout=30,
                )
                self.statuses.append(answer.status_code)


@contextmanager
def pulling(address: httpx.URL) -> Iterator[Load]:
    """A load while the block runs."""
    load = Load(address)
    with ThreadPoolExecutor(PULLERS) as threads:
        running = [threads.submit(load.pull) for _ in range(PULLERS)]
        try:
            yield load
        finally:
            load.ended.set()
        for each in running:
            each.result()


@pytest.mark.long
def test_the_key_rotates_under_a_pulling_load(tmp_path: Path, database_url: str) -> None:
    environ = {
        "QUAYSIDE_DATABASE_URL": database_url,
        "QUAYSIDE_DATA_DIR": str(tmp_path),
        "QUAYSIDE_SECRET_KEY": "k" * 32,
    }
    make_user(tmp_path, "ada", PASSWORD, is_superuser=True, **environ)
    access = token_of(tmp_path, "ada", "super:user", **environ)
    with serving(tmp_path, "--workers", "2", environ=environ) as (client, _):
        client.timeout = httpx.Timeout(30)
        push(client)

        def ask(query: str, **variables: str) -> dict[str, object]:
            answer = client.post(
                "/graphql",
                json={"query": query, "variables": variables},
                headers={"Authorization": f"Bearer {access}"},
            ).json()
            assert "errors" not in answer, answer
            return dict(answer["data"])

        with pulling(client.base_url) as load:
            # Rotated through the server, and by a command beside it
            for _ in range(ROTATIONS):
                ask(ROTATE)
                time.sleep(0.2)
            by_command = run(tmp_path, "admin", "rotate-key", **environ)
            # and by a process that is killed in the middle
            for number in range(KILLS):
                rotating = Popen(
                    [sys.executable, "-c", ROTATING], cwd=ROOT, env=environment(**environ), stdout=PIPE
                )
                assert rotating.stdout is not None
                assert rotating.stdout.readline()
                time.sleep(0.1 * number)
                rotating.kill()
                rotating.communicate()
            time.sleep(0.3)

        assert by_command.returncode == 0, by_command.stderr
        assert by_command.stdout.strip() in load.kids
        assert len(load.kids) >= ROTATIONS
        assert len(load.statuses) > 40
        assert set(load.statuses) == {200}
        nodes = ask(KEYS)["serviceKeys"]["nodes"]  # type: ignore[index]
        assert {node["state"] for node in nodes} == {"APPROVED"}
        (signing,) = [node for node in nodes if node["successorKid"] is None]
        assert signing["expiresAt"] is None
        assert all(node["expiresAt"] for node in nodes if node is not signing)

        # Deleted while it signs: what it signed ends, and the next token is by another
        with httpx.Client(base_url=client.base_url) as other:
            ask(DELETE, kid=signing["kid"])
            token = load.token(other)
            assert jwt.get_unverified_header(token)["kid"] != signing["kid"]
            for _ in range(5):
                answer = httpx.get(
                    client.base_url.join("/v2/ada/app/manifests/v1"),
                    headers={"Authorization": f"Bearer {token}"},
                )
                assert answer.status_code == 200


def push(client: httpx.Client) -> None:
    """Push an image to ada/app:v1."""
    answer = client.get(
        "/v2/auth", params={"scope": "repository:ada/app:pull,push"}, auth=("ada", PASSWORD)
    ).raise_for_status()
    headers = {"Authorization": f"Bearer {answer.json()['token']}"}
    body = kit.encode(kit.image_document(b"layer"))
    for blob in (b"layer", kit.CONFIG):
        client.post(
            "/v2/ada/app/blobs/uploads/",
            params={"digest": kit.digest_of(blob)},
            content=blob,
            headers=headers,
        ).raise_for_status()
    media_type = {"Content-Type": "application/vnd.oci.image.manifest.v1+json"}
    client.put("/v2/ada/app/manifests/v1", content=body, headers={**headers, **media_type}).raise_for_status()
