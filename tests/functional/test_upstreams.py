"""The client of other registries against those that people run: docker-registry, and another quayside."""

import json
from pathlib import Path

import pytest

from resolvers.upstreams.authorization import Credentials
from resolvers.upstreams.errors import UpstreamRefused, UpstreamUnknown
from resolvers.upstreams.location import parse_location
from resolvers.upstreams.registry import Access, Registry, open_registry
from tests.functional.skopeo import skopeo
from tests.functional.test_skopeo import contents, multi_arch
from tests.resolvers.upstreams.asking import OUTBOUND
from tests.upstreams.upstream import LiveUpstream

pytestmark = pytest.mark.needs("skopeo", "docker-registry")

NAME = "upstream/read"


@pytest.fixture(params=["docker_registry", "second_quayside"])
def live(request: pytest.FixtureRequest, tmp_path: Path) -> LiveUpstream:
    """A registry that has an image for two architectures under three tags."""
    found: LiveUpstream = request.getfixturevalue(request.param)
    multi_arch(tmp_path / "layout")
    account = [f"--dest-creds={':'.join(found.account)}"] if found.account else []
    for tag in ("a", "b", "c"):
        copied = skopeo(
            tmp_path,
            *("copy", "--all", "--preserve-digests", "--dest-tls-verify=false", *account),
            *(f"oci:{tmp_path}/layout:v1", f"docker://{found.host}/{NAME}:{tag}"),
        )
        assert copied.returncode == 0, copied.stderr
    return found


async def image(registry: Registry, reference: str) -> dict[str, bytes]:
    """Every manifest and blob of an image, by the hexadecimal digest."""
    found = await registry.manifest(NAME, reference)
    assert (await registry.head_manifest(NAME, reference)).digest == found.digest
    whole = {found.digest.partition(":")[2]: found.body}
    document = json.loads(found.body)
    for child in document.get("manifests", []):
        whole |= await image(registry, child["digest"])
    for blob in [document["config"], *document["layers"]] if "config" in document else []:
        half = blob["size"] // 2
        pieces = [piece async for piece in registry.blob(NAME, blob["digest"], size=blob["size"])]
        rest = [piece async for piece in registry.blob(NAME, blob["digest"], start=half)]
        content = b"".join(pieces)
        assert b"".join(rest) == content[half:]
        whole[blob["digest"].partition(":")[2]] = content
    return whole


async def test_what_was_pushed_is_read_as_it_is(live: LiveUpstream, tmp_path: Path) -> None:
    location = parse_location(f"{live.host}/{NAME}", insecure=True)
    account = None if live.account is None else Credentials(*live.account)

    async with open_registry(OUTBOUND, location, credentials=account) as registry:
        assert await registry.ping() is Access.OPEN
        tags = [tag async for page in registry.tags(location.name()) for tag in page]
        assert sorted(tags) == ["a", "b", "c"]
        assert await image(registry, "b") == contents(tmp_path / "layout")
        digest = (await registry.head_manifest(NAME, "a")).digest
        assert await registry.referrers(NAME, digest) == []
        with pytest.raises(UpstreamUnknown):
            await registry.head_manifest(NAME, "d")


async def test_a_private_repository_needs_the_account(second_quayside: LiveUpstream) -> None:
    assert second_quayside.account is not None
    location = parse_location(f"{second_quayside.host}/upstream/none", insecure=True)

    async with open_registry(OUTBOUND, location) as registry:
        assert await registry.ping() is Access.CHALLENGED
        with pytest.raises(UpstreamRefused):
            await registry.manifest("upstream/none", "a")
    wrong = Credentials(second_quayside.account[0], "wrong")
    async with open_registry(OUTBOUND, location, credentials=wrong) as registry:
        with pytest.raises(UpstreamRefused):
            await registry.ping()
