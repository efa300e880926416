"""Podman and containerd pull through a cache, as `docs/cache.md` shows, and while its upstream is away."""

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from tests.functional.containerd import containerd
from tests.functional.podman import podman
from tests.functional.skopeo import skopeo
from tests.functional.test_skopeo import multi_arch
from tests.process import make_user, serving, token_of
from tests.quayside.registry.people import OWNER, PASSWORD
from tests.upstreams.upstream import serving_docker_registry

pytestmark = pytest.mark.needs("docker-registry", "skopeo")

UPSTREAM = "upstream.example"
IMAGE = f"{UPSTREAM}/team/app:v1"


@dataclass
class Cache:
    """The organization `hub` of a running server, a cache of a registry that runs until it is stopped."""

    rest: httpx.Client
    upstream: ExitStack

    @property
    def host(self) -> str:
        """Host and port of the server."""
        return self.rest.base_url.netloc.decode()

    def has_the_image(self) -> bool:
        """Whether the image is a repository of the cache like any other: private, with its tag."""
        answer = self.rest.get("/api/v1/repository/hub/team/app", params={"includeTags": "true"})
        shown = answer.raise_for_status().json()
        return (list(shown["tags"]), shown["is_public"]) == (["v1"], False)


@pytest.fixture
def cache(tmp_path: Path) -> Iterator[Cache]:
    """A cache that asks its upstream, which has one image, whenever a tag is pulled."""
    multi_arch(tmp_path / "layout")
    (tmp_path / "upstream").mkdir()
    make_user(tmp_path, OWNER, PASSWORD)
    token = token_of(tmp_path, OWNER, "user:admin org:admin repo:create repo:read")
    environ = {"QUAYSIDE_SSRF_ALLOWED_HOSTS": "127.0.0.1", "QUAYSIDE_PROXY_CACHE_CHECK": "0"}
    with serving(tmp_path, environ=environ) as (rest, _), ExitStack() as stack:
        upstream = stack.enter_context(serving_docker_registry(tmp_path / "upstream"))
        pushed = skopeo(
            tmp_path,
            *("copy", "--all", "--dest-tls-verify=false"),
            *(f"oci:{tmp_path}/layout:v1", f"docker://{upstream.host}/team/app:v1"),
        )
        assert pushed.returncode == 0, pushed.stderr
        rest.headers["Authorization"] = f"Bearer {token}"
        rest.post("/api/v1/organization/", json={"name": "hub"}).raise_for_status()
        settings = {"upstream_registry": upstream.host, "insecure": True}
        rest.post("/api/v1/organization/hub/proxycache", json=settings).raise_for_status()
        yield Cache(rest, stack)


@pytest.mark.needs("podman")
def test_podman_pulls_through_a_cache(cache: Cache, tmp_path: Path) -> None:
    with podman(tmp_path / "podman", upstream=UPSTREAM, mirror=f"{cache.host}/hub") as client:
        # Credentials on the command line are for the upstream, and are not shown to a mirror.
        login = ("login", "--tls-verify=false", f"--username={OWNER}", f"--password={PASSWORD}", cache.host)
        assert client.run(*login).returncode == 0

        first = client.run("pull", IMAGE)
        assert first.returncode == 0, first.stderr
        assert cache.has_the_image()
        assert client.run("rmi", IMAGE).returncode == 0

        cache.upstream.close()
        second = client.run("pull", IMAGE)
        assert (second.returncode, second.stdout) == (0, first.stdout), second.stderr


@pytest.mark.needs("containerd")
def test_containerd_pulls_through_a_cache(cache: Cache, tmp_path: Path) -> None:
    mirror = f"http://{cache.host}/v2/hub"
    with containerd(tmp_path / "containerd", upstream=UPSTREAM, mirror=mirror) as running:
        first = running.pull(IMAGE, "--user", f"{OWNER}:{PASSWORD}")
        assert first.returncode == 0, first.stderr
        assert cache.has_the_image()
        assert running.ctr("images", "rm", "--sync", IMAGE).returncode == 0
        assert running.ctr("content", "ls", "--quiet").stdout == ""

        cache.upstream.close()
        second = running.pull(IMAGE, "--user", f"{OWNER}:{PASSWORD}")
        assert second.returncode == 0, second.stderr
        assert running.ctr("images", "ls", "--quiet").stdout == f"{IMAGE}\n"
