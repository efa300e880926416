"""Provenance of images: from the order of a build to what anybody reads and verifies."""

import asyncio
import hashlib
import json
import shutil
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from spdx_tools.spdx.parser.jsonlikedict.json_like_dict_parser import JsonLikeDictParser
from spdx_tools.spdx.validation.document_validator import validate_full_spdx_document
from starlette.applications import Starlette

from quayside.builds.bases import Bases
from quayside.builds.builder import SandboxBuilder
from quayside.builds.executor import BuildOrder
from quayside.builds.own_registry import OwnRegistry
from resolvers.builds.builder import BuildLimits, Tell
from resolvers.builds.jobs import run_build
from resolvers.builds.sbom import attach_sbom
from resolvers.errors import Upstream
from resolvers.job_kinds import Run, Tools
from resolvers.outbound.client import Answer
from resolvers.quotas.quota import LimitKind
from resolvers.sizes import stored
from storage.statements import decode_json, execute, fetch
from tests.attested import BUNDLE, verify
from tests.counting import least_statements
from tests.factories import Factory
from tests.quayside.registry import kit
from tests.scanning import layer, scan_pushed, status, work_off

ARCHIVE = b"an archive"
SECRET = "correct-horse"
CONFIG = kit.CONFIG
LAYER = layer({"var/lib/dpkg/status": status(bash="5.2-1")})
IMAGE = kit.encode(kit.image_document(LAYER))
DIGEST = kit.digest_of(IMAGE)


@dataclass
class Maker:
    """An executor that makes the same image of every context, on the base images `names`."""

    names: Sequence[str] = ()
    is_root: bool = False

    async def why_not(self) -> None:
        return None

    def ids(self, own: int) -> int:
        return 0 if self.is_root else own

    async def version(self) -> str:
        return "1.2.3"

    async def prepare(self, order: BuildOrder) -> None:
        order.archive.parent.mkdir(parents=True)
        order.base(0).parent.mkdir(parents=True)

    async def unpack(self, order: BuildOrder, tell: Tell) -> None:
        assert order.archive.read_bytes() == ARCHIVE

    async def bases(self, order: BuildOrder) -> Sequence[str]:
        return self.names

    async def kept(self, order: BuildOrder) -> Collection[str]:
        return ()

    async def build(
        self, order: BuildOrder, bases: Sequence[str], tell: Tell, kept: Mapping[str, str] | None = None
    ) -> None:
        blobs = order.layout / "blobs" / "sha256"
        blobs.mkdir(parents=True)
        for content in (CONFIG, LAYER, IMAGE):
            (blobs / hashlib.sha256(content).hexdigest()).write_bytes(content)
        index = {"manifests": [kit.descriptor(IMAGE, kit.OCI_MANIFEST)]}
        (order.layout / "index.json").write_text(json.dumps(index))

    async def remove(self, order: BuildOrder) -> None:
        shutil.rmtree(order.directory, ignore_errors=True)


class Elsewhere:
    """An outbound client that finds the archive everywhere."""

    @asynccontextmanager
    async def client(self, limits: Any) -> AsyncIterator["Elsewhere"]:
        yield self

    @asynccontextmanager
    async def stream(self, method: str, url: str) -> AsyncIterator[Any]:
        async def pieces() -> AsyncIterator[bytes]:
            yield ARCHIVE

        yield SimpleNamespace(status=200, pieces=pieces())


@dataclass
class Registry:
    """The registry as builders and clients reach it.

    A builder dies before a request to `dies_at`, and gets no answer to one to `loses_answer_of`.
    """

    http: httpx.AsyncClient
    factory: Factory
    directory: Path
    maker: Maker = field(default_factory=Maker)
    dies_at: str = ""
    loses_answer_of: str = ""

    async def request(self, method: str, url: str, *, headers: dict[str, str], content: Any = None) -> Answer:
        if self.dies_at and self.dies_at in url:
            self.dies_at = ""
            raise asyncio.CancelledError
        answer = await self.http.request(method, url, headers=headers, content=content)
        if self.loses_answer_of and self.loses_answer_of in url:
            raise Upstream(f"{url} did not answer.")
        return Answer(answer.status_code, answer.headers, answer.content, url)

    @asynccontextmanager
    async def stream(self, method: str, url: str, *, headers: dict[str, str], limits: Any) -> Any:
        answer = await self.http.request(method, url, headers=headers)

        async def pieces() -> AsyncIterator[bytes]:
            yield answer.content

        yield SimpleNamespace(status=answer.status_code, pieces=pieces())

    async def ask(self, query: str, name: str = "ada") -> Any:
        headers = {"Authorization": f"Bearer {await self.factory.token(name)}"}
        answer = (await self.http.post("/graphql", json={"query": query}, headers=headers)).json()
        assert "errors" not in answer, answer
        return answer["data"]

    async def order(self, tag: str = "latest") -> int:
        """Order a build; its row id."""
        asked = (
            f'archiveUrl: "https://9.9.9.9/x.tgz?token={SECRET}", tags: ["{tag}"],'
            f' arguments: [{{ name: "B", value: "{SECRET}" }}, {{ name: "A", value: "1" }}]'
        )
        (payload,) = (
            await self.ask(
                f'mutation {{ buildRequest(repository: "ada/app", input: {{ {asked} }})'
                " { errors { message } build { uuid } } }"
            )
        ).values()
        assert payload["errors"] == []
        (row,) = await fetch("SELECT id FROM build WHERE uuid = ?", payload["build"]["uuid"])
        return int(row["id"])

    def tools(self) -> Tools:
        """What jobs of builds work with."""
        limits = BuildLimits(timeout_s=60, memory_bytes=1 << 30, disk_bytes=1 << 30)
        own = frozenset({self.factory.site.registry_host})
        outbound: Any = Elsewhere()
        builder = SandboxBuilder(
            directory=self.directory,
            executor=self.maker,
            bases=Bases(outbound, own, "http://registry.test", limits.disk_bytes),
            blobs=self.factory.blobs,
            outbound=outbound,
            limits=limits,
            own_url="http://registry.test",
            has_network=False,
        )
        return Tools(self.factory.context(), builder=builder)

    async def build(self, build_id: int) -> None:
        """Run the job of a build, as a worker does."""
        await run_build(Run({"build_id": build_id}, self.tools()))
        # The next build of the repository waits for the end of the job.
        await execute("DELETE FROM job WHERE kind = 'build.run'")

    async def referrers(self) -> list[dict[str, Any]]:
        asked = {"scope": "repository:ada/app:pull"}
        password = ("$oauthtoken", await self.factory.token("ada"))
        token = (await self.http.get("/v2/auth", params=asked, auth=password)).json()["token"]
        answer = await self.http.get(
            f"/v2/ada/app/referrers/{DIGEST}", headers={"Authorization": f"Bearer {token}"}
        )
        return list(answer.json()["manifests"])


@pytest.fixture
async def registry(
    app: Starlette, factory: Factory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Registry]:
    await factory.repository("ada/app")
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://registry.test") as http:
        made = Registry(http, factory, tmp_path / "builds")
        made.directory.mkdir()

        @asynccontextmanager
        async def opened(url: str, path: str, token: Any) -> AsyncIterator[OwnRegistry]:
            yield OwnRegistry(made, url, path, token)  # type: ignore[arg-type]

        for module in ("builder", "bases"):
            monkeypatch.setattr(f"quayside.builds.{module}.open_own", opened)
        yield made


PROVENANCE = (
    "provenance { statement envelope keyId publicKey isVerified manifestDigest }"
    " uuid phase error digest startedAt endedAt"
)
BUILDS = f'{{ repository(path: "ada/app") {{ builds {{ nodes {{ {PROVENANCE} }} }} }} }}'


IMAGE_BUILDS = "manifest { builtBy { provenance { isVerified } } }"
IMAGES = f'{{ repository(path: "ada/app") {{ tags {{ nodes {{ {IMAGE_BUILDS} }} }} }} }}'


async def builds(registry: Registry) -> list[dict[str, Any]]:
    return list((await registry.ask(BUILDS))["repository"]["builds"]["nodes"])


async def test_an_image_says_how_it_was_built_and_by_which_build(registry: Registry) -> None:
    # Given a build on an image of the registry
    await registry.factory.repository("ada/base")
    on = await registry.factory.image("ada/base", b"base", tag="1")
    host, url = registry.factory.site.registry_host, registry.factory.site.public_url
    registry.maker.names = [f"{host}/ada/base:1"]
    await registry.build(await registry.order())

    # Then it has one referrer, which tells all that it was made from, and no secrets
    (build,) = await builds(registry)
    (attached,) = await registry.referrers()
    said = build["provenance"]
    assert (build["phase"], build["error"], build["digest"]) == ("COMPLETE", None, DIGEST)
    assert (attached["digest"], attached["artifactType"]) == (said["manifestDigest"], BUNDLE)
    assert (
        attached["annotations"].items()
        >= {
            "dev.sigstore.bundle.content": "dsse-envelope",
            "dev.sigstore.bundle.predicateType": "https://slsa.dev/provenance/v1",
        }.items()
    )
    run = said["statement"]["predicate"]["runDetails"]
    assert said["statement"] == {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"name": f"{host}/ada/app", "digest": {"sha256": DIGEST[7:]}}],
        "predicateType": "https://slsa.dev/provenance/v1",
        "predicate": {
            "buildDefinition": {
                "buildType": "urn:quayside:build:dockerfile:1",
                "externalParameters": {
                    "repository": "ada/app",
                    "tags": ["latest"],
                    "dockerfile": "/Dockerfile",
                    "context": "/",
                    "arguments": ["A", "B"],
                    "archiveUrl": "https://9.9.9.9/x.tgz",
                },
                "internalParameters": {
                    "buildah": "1.2.3",
                    "network": "none",
                    "timeoutSeconds": 60,
                    "memoryBytes": 1 << 30,
                    "diskBytes": 1 << 30,
                },
                "resolvedDependencies": [
                    {
                        "name": "context",
                        "uri": "https://9.9.9.9/x.tgz",
                        "digest": {"sha256": hashlib.sha256(ARCHIVE).hexdigest()},
                    },
                    {
                        "name": f"{host}/ada/base:1",
                        "uri": f"pkg:oci/base@sha256%3A{on[7:]}?repository_url={host}/ada/base&tag=1".replace(
                            host, host.replace(":", "%3A")
                        ),
                        "digest": {"sha256": on[7:]},
                    },
                ],
            },
            "runDetails": {
                "builder": {
                    "id": f"{url}/builds",
                    "version": {"quayside": registry.factory.site.version},
                },
                "metadata": {
                    "invocationId": build["uuid"],
                    "startedOn": run["metadata"]["startedOn"],
                    "finishedOn": run["metadata"]["finishedOn"],
                },
            },
        },
    }
    assert run["metadata"]["startedOn"] <= run["metadata"]["finishedOn"]

    # And whoever reads it verifies it, and comes from the image to its build
    key = (await registry.http.get(f"/keys/services/builds/keys/{said['keyId']}")).json()
    assert verify(said["envelope"], key) == said["statement"]
    assert said["isVerified"] is True
    assert said["publicKey"].startswith("-----BEGIN PUBLIC KEY-----")
    image = '{ repository(path: "ada/app") { tag(name: "latest") { manifest { builtBy { uuid phase } } } } }'
    found = (await registry.ask(image))["repository"]["tag"]["manifest"]
    assert found == {"builtBy": {"uuid": build["uuid"], "phase": "COMPLETE"}}
    await registry.factory.image("ada/app", b"by hand", tag="latest")
    assert (await registry.ask(image))["repository"]["tag"]["manifest"] == {"builtBy": None}

    # And nothing is verified any more once the key is deleted, or there once the referrer is
    await execute("DELETE FROM service_key WHERE kid = ?", said["keyId"])
    (build,) = await builds(registry)
    assert (build["provenance"]["isVerified"], build["provenance"]["publicKey"]) == (False, None)
    await execute("DELETE FROM manifest WHERE digest = ?", said["manifestDigest"])
    assert [build["provenance"] for build in await builds(registry)] == [None]


async def test_builds_of_one_image_say_each_what_it_did(registry: Registry) -> None:
    for tag in ("one", "two"):
        await registry.build(await registry.order(tag))
        await registry.factory.image("ada/app", tag.encode(), tag=f"{tag}-by-hand")
        registry.maker.is_root = True
        if tag == "one":
            few = [await least_statements(partial(registry.ask, query)) for query in (BUILDS, IMAGES)]

    # A list asks as often for two as for one
    assert few == [await least_statements(partial(registry.ask, query)) for query in (BUILDS, IMAGES)]
    found, built_by = await builds(registry), list[str]()
    assert {build["digest"] for build in found} == {DIGEST}
    for build in found:
        run = build["provenance"]["statement"]["predicate"]["runDetails"]
        assert (run["metadata"]["invocationId"], build["provenance"]["isVerified"]) == (build["uuid"], True)
        built_by.append(run["builder"]["id"])
    url = f"{registry.factory.site.public_url}/builds"
    assert built_by == [f"{url}/unsafe-root", url]
    attached = {each["digest"] for each in await registry.referrers()}
    assert attached == {build["provenance"]["manifestDigest"] for build in found}
    newest = '{ repository(path: "ada/app") { tag(name: "one") { manifest { builtBy { uuid } } } } }'
    manifest = (await registry.ask(newest))["repository"]["tag"]["manifest"]
    assert manifest == {"builtBy": {"uuid": found[0]["uuid"]}}


async def test_a_builder_that_dies_before_the_tags_leaves_none_and_the_next_attaches_once(
    registry: Registry,
) -> None:
    build_id = await registry.order()
    registry.dies_at = f"/manifests/{DIGEST}?tag="
    with pytest.raises(asyncio.CancelledError):
        await registry.build(build_id)
    assert await fetch("SELECT id FROM tag") == []
    (first,) = await registry.referrers()

    await registry.build(build_id)

    (build,) = await builds(registry)
    assert (build["phase"], build["provenance"]["manifestDigest"]) == ("COMPLETE", first["digest"])
    assert (await registry.referrers(), build["provenance"]["isVerified"]) == ([first], True)


async def test_an_image_that_may_be_there_keeps_its_referrer(registry: Registry) -> None:
    registry.loses_answer_of = f"/manifests/{DIGEST}?tag="

    await registry.build(await registry.order())

    (build,) = await builds(registry)
    assert (build["phase"], len(await registry.referrers())) == ("ERROR", 1)
    assert [row["name"] for row in await fetch("SELECT name FROM tag")] == ["latest"]


async def test_an_image_that_is_refused_leaves_no_referrer_and_no_referrer_no_image(
    registry: Registry,
) -> None:
    # Given a tag that is locked
    await registry.factory.image("ada/app", b"before", tag="latest")
    await execute("UPDATE tag SET is_immutable = ?", True)

    await registry.build(await registry.order())

    (build,) = await builds(registry)
    assert (build["phase"], build["provenance"], await registry.referrers()) == ("ERROR", None, [])
    assert "immutable" in build["error"].lower()

    # And a quota for which only the referrer is too much, since the layers are there
    await execute("UPDATE tag SET is_immutable = ?", False)
    (namespace,) = await fetch("SELECT id FROM account WHERE name = 'ada'")
    (used,) = (await stored.of_namespaces([namespace["id"]])).values()
    await registry.factory.quota("ada", used + 10, (LimitKind.REJECT, 100))
    await registry.build(await registry.order("other"))

    build, _ = await builds(registry)
    assert (build["phase"], build["provenance"], await registry.referrers()) == ("ERROR", None, [])
    assert "quota" in build["error"].lower()
    assert await fetch("SELECT id FROM tag WHERE name = 'other'") == []


async def bills(registry: Registry) -> list[str | None]:
    """Do the jobs that builds left for their bills; what came of them."""
    rows = await fetch("SELECT id, payload FROM job WHERE kind = 'build.sbom' ORDER BY id")
    await execute("DELETE FROM job WHERE kind = 'build.sbom'")
    return [await attach_sbom(Run(decode_json(row["payload"]), registry.tools())) for row in rows]


SBOMS = '{ repository(path: "ada/app") { builds { nodes { sbomDigest } } } }'


async def sboms(registry: Registry) -> list[str | None]:
    nodes = (await registry.ask(SBOMS))["repository"]["builds"]["nodes"]
    return [node["sbomDigest"] for node in nodes]


async def test_an_image_gets_its_bill_once_it_is_scanned(registry: Registry) -> None:
    # Given a build whose image is not scanned yet: the job comes again
    await registry.build(await registry.order())
    assert await bills(registry) == [None]
    assert await sboms(registry) == [None]

    # When a worker dies as it pushes the bill, and another does it again
    await scan_pushed(registry.factory)
    registry.dies_at = f"/v2/ada/app/manifests/{(await builds(registry))[0]['digest'][:7]}"
    (left,) = await fetch("SELECT payload FROM job WHERE kind = 'build.sbom'")
    payload = decode_json(left["payload"])
    with pytest.raises(asyncio.CancelledError):
        await attach_sbom(Run(payload, registry.tools()))
    (said,) = await bills(registry)

    # Then the image has one bill, signed with the key of builds
    (digest,) = await sboms(registry)
    assert said == f"Attached {digest}."
    _, attached = await registry.referrers()
    assert attached["digest"] == digest
    assert attached["annotations"]["dev.sigstore.bundle.predicateType"] == "https://spdx.dev/Document"
    (row,) = await fetch(
        "SELECT l.digest FROM manifest m JOIN manifest_blob l ON l.manifest_id = m.id AND l.role = 'layer'"
        " WHERE m.digest = ?",
        digest,
    )
    bundle = json.loads(await registry.factory.blobs.read_all(row["digest"], limit=1 << 20))
    kid = bundle["verificationMaterial"]["publicKey"]["hint"]
    key = (await registry.http.get(f"/keys/services/builds/keys/{kid}")).json()
    statement = verify(bundle["dsseEnvelope"], key)
    assert (statement["predicateType"], statement["subject"][0]["digest"]) == (
        "https://spdx.dev/Document",
        {"sha256": DIGEST[7:]},
    )
    bill = JsonLikeDictParser().parse(statement["predicate"])
    assert validate_full_spdx_document(bill, "SPDX-2.3") == []
    assert [package.name for package in bill.packages][1:] == ["bash"]
    # It is what was found, and not read back as what somebody else says.
    assert await work_off(registry.factory, "sbom.read") == ["It is a bill of the registry itself."]

    # And a build that makes the same image adds none, nor does the job if it is done again
    await registry.build(await registry.order("again"))
    assert await bills(registry) == [None]
    assert await attach_sbom(Run(payload, registry.tools())) is None
    assert await sboms(registry) == [None, digest]
    # Beside its own provenance
    assert len(await registry.referrers()) == 3


async def test_a_bill_is_pushed_by_the_rights_and_quota_of_its_account(registry: Registry) -> None:
    await registry.build(await registry.order())
    await scan_pushed(registry.factory)
    (row,) = await fetch("SELECT id FROM build")
    run = Run({"build_id": row["id"]}, registry.tools())
    (namespace,) = await fetch("SELECT id FROM account WHERE name = 'ada'")
    (used,) = (await stored.of_namespaces([namespace["id"]])).values()
    await registry.factory.quota("ada", used + 10, (LimitKind.REJECT, 100))

    refused = await attach_sbom(run)

    assert refused is not None
    assert "quota" in refused.lower()
    await execute("DELETE FROM quota")
    await execute("UPDATE build SET account_id = NULL")
    gone = await attach_sbom(run)
    assert gone == "The bill was not attached: The account that ordered the build is gone or disabled."
    assert await sboms(registry) == [None]
    assert len(await registry.referrers()) == 1
