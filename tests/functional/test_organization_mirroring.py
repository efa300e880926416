"""Organizations that follow a namespace of registries that people run; and one whose server is killed."""

from pathlib import Path
from typing import Any

import httpx
import pytest

from resolvers.mirrors import organization, verification
from resolvers.mirrors.organization import OrganizationMirrorChanges
from resolvers.mirrors.schedule import MirrorStatus
from resolvers.upstreams.catalog import Catalog
from tests.factories import Factory
from tests.functional.skopeo import skopeo
from tests.functional.test_skopeo import multi_arch
from tests.process import make_user, serving, token_of
from tests.quayside.registry.kit import digest_of
from tests.resolvers.mirrors.test_organization import followed
from tests.upstreams.upstream import FakeUpstream, LiveUpstream
from tests.waiting import wait_for

NAMES = ("fleet-tug", "fleet-barge", "fleet-ferry")


@pytest.mark.needs("skopeo", "docker-registry")
@pytest.mark.parametrize("upstream", ["docker_registry", "second_quayside"])
async def test_repositories_of_a_live_registry_are_found_and_brought(
    request: pytest.FixtureRequest, upstream: str, factory: Factory, tmp_path: Path
) -> None:
    # Given a registry with an image for two architectures in several repositories, and others
    live: LiveUpstream = request.getfixturevalue(upstream)
    index = multi_arch(tmp_path / "layout")
    account = [f"--dest-creds={':'.join(live.account)}"] if live.account else []
    for name in (*NAMES, "pier"):
        copied = skopeo(
            tmp_path,
            *("copy", "--all", "--preserve-digests", "--dest-tls-verify=false", *account),
            *(f"oci:{tmp_path}/layout:v1", f"docker://{live.host}/upstream/{name}:1.0"),
        )
        assert copied.returncode == 0, copied.stderr
    username, password = live.account or (None, None)
    following = await followed(factory, live.host)
    wanted: dict[str, Any] = {"namespace": "upstream", "patterns": ["fleet-*"]}

    # When an organization follows those that fit
    await following.begin(**wanted, username=username, password=password)
    record = await following.discover()
    await following.sync()

    # Then these are here, with the same digests
    assert record.message == f"{live.host}/upstream has 3 repositories that fit."
    done = ("ORG_MIRROR", "public", MirrorStatus.SUCCESS.value)
    assert await following.repositories() == dict.fromkeys(sorted(NAMES), done)
    assert await following.tags() == {f"acme/{name}:1.0": digest_of(index) for name in sorted(NAMES)}

    # And quayside lists by its own API what is public, as Quay does
    if live.account:
        publish(live, "fleet-tug")
        await organization.update(
            following.owner, "acme", OrganizationMirrorChanges(username=None, catalog=Catalog.QUAY)
        )
        said = await verification.verify(following.owner, "acme", OrganizationMirrorChanges())
        assert (said.is_good, said.message) == (True, f"{live.host}/upstream lists 1 repositories that fit.")


def publish(live: LiveUpstream, name: str) -> None:
    """Let anybody pull from a repository of the other quayside."""
    assert live.account is not None
    with httpx.Client(base_url=f"http://{live.host}", trust_env=False) as client:

        def ask(method: str, path: str, body: Any) -> None:
            token = client.get("/csrf_token").json()["csrf_token"]
            headers = {"X-CSRF-Token": token}
            client.request(method, f"/api/v1/{path}", json=body, headers=headers).raise_for_status()

        ask("POST", "signin", {"username": live.account[0], "password": live.account[1]})
        ask("POST", f"repository/upstream/{name}/changevisibility", {"visibility": "public"})


def test_a_server_that_is_killed_while_it_looks_makes_each_repository_once(
    tmp_path: Path, upstream: FakeUpstream
) -> None:
    # Given a server that has the first page of a list, and waits for the second
    for name in ("a", "b", "c"):
        upstream.image(f"team/{name}", "v1", name.encode() * 1000)
    upstream.rule("last=team", pause_at=0, times=1)
    upstream.rule("_catalog", per_page=2)
    make_user(tmp_path, "ada", "correct-horse-battery")
    token = token_of(tmp_path, "ada", "org:admin repo:admin repo:create user:admin")
    environ = {"QUAYSIDE_SSRF_ALLOWED_HOSTS": "127.0.0.1"}
    path = "/api/v1/organization/acme/mirror"

    def ask(client: httpx.Client, method: str, path: str, body: Any = None) -> Any:
        answer = client.request(method, path, json=body, headers={"Authorization": f"Bearer {token}"})
        return answer.raise_for_status().json() if answer.content else None

    with serving(tmp_path, environ=environ) as (client, process):
        ask(client, "POST", "/api/v1/organization/", {"name": "acme", "email": "acme@example.com"})
        ask(client, "PUT", "/api/v1/organization/acme/robots/mirror", {})
        settings = {
            "external_registry_type": "catalog",
            "external_registry_url": f"http://{upstream.host}",
            "external_namespace": "team",
            "external_registry_config": {"verify_tls": False},
            "robot_username": "acme+mirror",
            "sync_interval": 86_400,
            "sync_start_date": "2126-01-01T00:00:00Z",
        }
        ask(client, "POST", path, settings)
        ask(client, "POST", f"{path}/sync-now", {})
        wait_for(lambda: upstream.waiting() > 0)

        # When its process is killed, and another one starts
        process.kill()
        process.wait()
    upstream.go()
    upstream.rule("_catalog", per_page=2)
    with serving(tmp_path, environ=environ) as (client, _):
        wait_for(lambda: ask(client, "GET", path)["repo_sync_status_counts"] == {"SUCCESS": 3})
        found = ask(client, "GET", f"{path}/repositories?limit=2")
        shown = ask(client, "GET", path)

    # Then all came, and the repositories say so
    assert (shown["sync_status"], found["total"], found["has_next"]) == ("SUCCESS", 3, True)
    first = found["repositories"][0]
    assert (first["name"], first["sync_status"], first["quay_repository"]) == ("a", "SUCCESS", "acme/a")
    assert first["last_sync_date"] is not None
