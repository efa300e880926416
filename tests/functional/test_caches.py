"""Pull-through caches by skopeo, before real registries, and by many clients at once."""

import asyncio
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from quayside.settings.settings import Settings, load_settings
from resolvers.accounts import organization
from resolvers.caches import configuration
from resolvers.caches.configuration import ProxyCacheSettings
from tests.functional.skopeo import skopeo
from tests.functional.test_skopeo import contents, multi_arch
from tests.plugins.scale import SCALE
from tests.process import make_user, serving
from tests.quayside.registry import kit, people
from tests.quayside.registry.people import OWNER, PASSWORD
from tests.upstreams.upstream import FakeUpstream, LiveUpstream, serving_docker_registry

NAME = "upstream/app"
MIB = 1 << 20
PULLS = 20
LAYERS, SIZE = 4, MIB * min(2 * SCALE, 50)


@dataclass(frozen=True)
class LiveCache:
    """A running quayside, and the settings by which resolvers reach its database."""

    host: str
    settings: Settings
    pid: int

    def follow(self, name: str, upstream: str, login: tuple[str, str] | None = None) -> None:
        """Make an organization that is a cache of an upstream."""

        async def make() -> None:
            username, password = login or (None, None)
            chosen = ProxyCacheSettings(
                upstream_registry=upstream, username=username, password=password, is_insecure=True
            )
            async with people.acting(self.settings) as context:
                await organization.create(context, name=name, email=None)
                await configuration.create(context, name, chosen)

        asyncio.run(make())

    def pull(self, name: str, layout: Path) -> dict[str, bytes]:
        """Everything of an image as skopeo pulls it from a cache."""
        copied = skopeo(
            layout.parent,
            *("copy", "--all", "--preserve-digests", "--src-tls-verify=false"),
            f"--src-creds={OWNER}:{PASSWORD}",
            *(f"docker://{self.host}/{name}:v1", f"oci:{layout}:v1"),
        )
        assert copied.returncode == 0, copied.stderr
        return contents(layout)


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveCache]:
    """A quayside for the whole module, which asks its upstream at each pull of a tag."""
    directory = tmp_path_factory.mktemp("cache")
    make_user(directory, OWNER, PASSWORD)
    hosts = {"SSRF_ALLOWED_HOSTS": "127.0.0.1"}
    settings = load_settings({"DATA_DIR": str(directory / "data")} | hosts, {})
    environ = {"QUAYSIDE_SSRF_ALLOWED_HOSTS": "127.0.0.1", "QUAYSIDE_PROXY_CACHE_CHECK": "0"}
    with serving(directory, "--no-jobs", environ=environ) as (client, process):
        yield LiveCache(client.base_url.netloc.decode(), settings, process.pid)


def push(directory: Path, upstream: LiveUpstream) -> dict[str, bytes]:
    """Push an index of two images to an upstream; everything of it."""
    multi_arch(directory / "layout")
    account = [f"--dest-creds={':'.join(upstream.account)}"] if upstream.account else []
    copied = skopeo(
        directory,
        *("copy", "--all", "--preserve-digests", "--dest-tls-verify=false", *account),
        *(f"oci:{directory}/layout:v1", f"docker://{upstream.host}/{NAME}:v1"),
    )
    assert copied.returncode == 0, copied.stderr
    return contents(directory / "layout")


@pytest.mark.needs("skopeo", "docker-registry")
def test_an_image_is_pulled_through_and_then_without_the_upstream(live: LiveCache, tmp_path: Path) -> None:
    (tmp_path / "upstream").mkdir()
    with serving_docker_registry(tmp_path / "upstream") as upstream:
        pushed = push(tmp_path, upstream)
        live.follow("whole", upstream.host)
        first = live.pull(f"whole/{NAME}", tmp_path / "first")

    assert first == pushed
    assert live.pull(f"whole/{NAME}", tmp_path / "second") == pushed


@pytest.mark.needs("skopeo")
def test_another_quayside_is_an_upstream_with_a_login(
    live: LiveCache, tmp_path: Path, second_quayside: LiveUpstream
) -> None:
    pushed = push(tmp_path, second_quayside)
    live.follow("part", f"{second_quayside.host}/upstream", second_quayside.account)

    assert live.pull("part/app", tmp_path / "pulled") == pushed


def memory(pid: int, line: str) -> int:
    """A figure of the memory of a process, in bytes."""
    status = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(one.split()[1]) for one in status if one.startswith(f"{line}:")) * 1024


def idle_memory(pid: int) -> int:
    """What a process uses now; its peak is counted from now on."""
    Path(f"/proc/{pid}/clear_refs").write_text("5")
    return memory(pid, "VmRSS")


async def pull(client: httpx.AsyncClient, tag: str) -> list[str]:
    """Pull an image of `parallel/app`, its layers at once; the digests of what came."""
    found = (await client.get(f"/v2/parallel/app/manifests/{tag}")).raise_for_status()

    async def layer(digest: str) -> str:
        hashed = hashlib.sha256()
        async with client.stream("GET", f"/v2/parallel/app/blobs/{digest}") as answer:
            async for piece in answer.aiter_raw():
                hashed.update(piece)
        return f"sha256:{hashed.hexdigest()}"

    layers = [entry["digest"] for entry in found.json()["layers"]]
    return [found.headers["Docker-Content-Digest"], *await asyncio.gather(*map(layer, layers))]


@pytest.mark.long
async def test_parallel_pulls_of_a_cold_image_fetch_each_blob_once_in_little_memory(
    live: LiveCache, upstream: FakeUpstream
) -> None:
    """One pull takes little memory, and many a few pieces for each stream, however large the image is."""
    due = {}
    for tag, size in (("small", 1), ("alone", SIZE), ("together", SIZE)):
        layers = [tag.encode()[:1] * size + bytes([number]) for number in range(LAYERS)]
        due[tag] = [upstream.image("app", tag, *layers), *map(kit.digest_of, layers)]
    await asyncio.to_thread(live.follow, "parallel", upstream.host)

    limits = httpx.Limits(max_connections=PULLS * LAYERS)
    async with httpx.AsyncClient(
        base_url=f"http://{live.host}", trust_env=False, timeout=600, limits=limits
    ) as client:
        scope = {"scope": "repository:parallel/app:pull"}
        token = (await client.get("/v2/auth", params=scope, auth=(OWNER, PASSWORD))).json()["token"]
        client.headers["Authorization"] = f"Bearer {token}"
        # Afterwards the modules that it takes are loaded.
        assert await pull(client, "small") == due["small"]
        before = idle_memory(live.pid)
        alone = await pull(client, "alone")
        took = memory(live.pid, "VmHWM") - before
        pulled = await asyncio.gather(*[pull(client, "together") for _ in range(PULLS)])
        took_together = memory(live.pid, "VmHWM") - before

    assert alone == due["alone"]
    assert pulled == [due["together"]] * PULLS
    assert took <= 64 * MIB
    assert took_together <= (64 + 4 * PULLS * LAYERS) * MIB
    asked = upstream.asked("^(HEAD|GET) /v2/app/")
    assert [asked.count(f"GET /v2/app/blobs/{one}") for one in due["together"][1:]] == [1] * LAYERS
    assert asked.count(f"GET /v2/app/manifests/{due['together'][0]}") == 1
