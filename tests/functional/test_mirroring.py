"""Mirrors of registries that people run, and of one that is killed in the middle of a run."""

from pathlib import Path
from typing import Any

import httpx
import pytest

from resolvers.mirrors.schedule import MirrorStatus
from tests.factories import Factory
from tests.functional.skopeo import skopeo
from tests.functional.test_skopeo import contents, multi_arch
from tests.process import make_user, serving, token_of
from tests.quayside.registry import kit
from tests.quayside.registry.kit import digest_of
from tests.resolvers.mirrors.mirroring import mirrored
from tests.upstreams.upstream import FakeUpstream, LiveUpstream
from tests.waiting import wait_for

NAME = "upstream/app"
SETTINGS = {
    "robot_username": "ada+mirror",
    "sync_interval": 86_400,
    "sync_start_date": "2126-01-01T00:00:00Z",
    "external_registry_config": {"verify_tls": False},
    "skopeo_timeout_interval": 300,
}


@pytest.mark.needs("skopeo", "docker-registry")
@pytest.mark.parametrize("upstream", ["docker_registry", "second_quayside"])
async def test_images_and_signatures_come_from_a_live_registry(
    request: pytest.FixtureRequest, upstream: str, factory: Factory, tmp_path: Path
) -> None:
    # Given a registry with an image for two architectures under two tags, and a signature of it
    live: LiveUpstream = request.getfixturevalue(upstream)
    index = multi_arch(tmp_path / "layout")
    kit.write_layout(tmp_path / "signature", "v1", *signature())
    account = [f"--dest-creds={':'.join(live.account)}"] if live.account else []
    about = f"{digest_of(index).replace(':', '-')}.sig"
    for layout, tag in (("layout", "1.0"), ("layout", "edge"), ("signature", about)):
        copied = skopeo(
            tmp_path,
            *("copy", "--all", "--preserve-digests", "--dest-tls-verify=false", *account),
            *(f"oci:{tmp_path}/{layout}:v1", f"docker://{live.host}/{NAME}:{tag}"),
        )
        assert copied.returncode == 0, copied.stderr
    username, password = live.account or (None, None)
    mirroring = await mirrored(factory, f"{live.host}/{NAME}")
    await mirroring.begin("1.*", username=username, password=password)

    # When it is mirrored by a pattern
    run = await mirroring.run()

    # Then image, children and signature are here with the same digests
    assert (run.status, run.failures) == (MirrorStatus.SUCCESS, ())
    assert await mirroring.tags() == {"1.0": digest_of(index), about: digest_of(signature()[0])}
    held = {digest.partition(":")[2] for digest in await mirroring.manifests()}
    blobs = contents(tmp_path / "layout") | contents(tmp_path / "signature")
    assert held <= blobs.keys()
    assert len(held) == 4
    # And a second run brings nothing
    again = await mirroring.again()
    assert (again.status, again.changed_count, again.fetched_bytes) == (MirrorStatus.SUCCESS, 0, 0)


def signature() -> tuple[bytes, ...]:
    """A manifest as cosign writes it, with its configuration and its layer."""
    layer, config = b'{"critical": {}}', kit.CONFIG
    return kit.encode(kit.image_document(layer, config=config)), layer, config


def test_a_killed_run_is_gone_on_with_and_fetches_nothing_twice(
    tmp_path: Path, upstream: FakeUpstream
) -> None:
    # Given a server whose mirror has one blob, and waits in the middle of another
    small, large = b"small" * 1000, bytes(range(256)) * 40_000
    upstream.image("team/app", "v1", small, large)
    upstream.rule(f"GET .*/blobs/{digest_of(large)}", pause_at=len(large) // 2, times=1)
    make_user(tmp_path, "ada", "correct-horse-battery")
    token = token_of(tmp_path, "ada", "repo:admin repo:create user:admin")
    environ = {"QUAYSIDE_SSRF_ALLOWED_HOSTS": "127.0.0.1"}
    path = "/api/v1/repository/ada/app/mirror"

    def ask(client: httpx.Client, method: str, path: str, body: Any = None) -> Any:
        answer = client.request(method, path, json=body, headers={"Authorization": f"Bearer {token}"})
        return answer.raise_for_status().json() if answer.content else None

    with serving(tmp_path, environ=environ) as (client, process):
        ask(client, "PUT", "/api/v1/user/robots/mirror", {})
        made = {"repository": "app", "namespace": "ada", "visibility": "private", "description": ""}
        ask(client, "POST", "/api/v1/repository", made)
        rule = {"rule_kind": "tag_glob_csv", "rule_value": ["v*"]}
        source = f"{upstream.host}/team/app"
        ask(client, "POST", path, SETTINGS | {"external_reference": source, "root_rule": rule})
        ask(client, "POST", f"{path}/sync-now", {})
        # A blob is finished when the repository has the right to it, which comes after its bytes.
        pull, small_url = pulling(client, token), f"/v2/ada/app/blobs/{digest_of(small)}"
        wait_for(lambda: client.head(small_url, headers=pull).status_code == 200)
        wait_for(lambda: upstream.waiting() > 0)
        # What has come is written once a second.
        wait_for(lambda: stored_bytes(tmp_path) >= len(small) + len(large) // 4)

        # When its process is killed, and another one starts
        process.kill()
        process.wait()
    upstream.go()
    with serving(tmp_path, environ=environ) as (client, _):
        wait_for(lambda: ask(client, "GET", path)["sync_status"] == MirrorStatus.SUCCESS.value)
        tags = ask(client, "GET", "/api/v1/repository/ada/app/tag/")["tags"]

    # Then the run is through, the finished blob came once, and of the other one only the rest came again
    assert [tag["name"] for tag in tags] == ["v1"]
    assert len(upstream.asked(f"GET .*/blobs/{digest_of(small)}")) == 1
    fields = [one["headers"] for one in upstream.requests(f"GET .*/blobs/{digest_of(large)}")]
    assert len(fields) == 2
    assert {key.lower(): text for key, text in fields[1].items()}["range"].startswith("bytes=")


def pulling(client: httpx.Client, token: str) -> dict[str, str]:
    """The headers of somebody who may pull."""
    scope = {"scope": "repository:ada/app:pull"}
    answer = client.get("/v2/auth", params=scope, auth=("$oauthtoken", token)).raise_for_status()
    return {"Authorization": f"Bearer {answer.json()['token']}"}


def stored_bytes(directory: Path) -> int:
    """How much is in the blob store, uploads included."""
    return sum(path.stat().st_size for path in (directory / "data" / "blobs").rglob("*") if path.is_file())
