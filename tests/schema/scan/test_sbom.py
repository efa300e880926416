"""Bills of materials of images through GraphQL, judged by the libraries of their formats."""

import json
from typing import Any

import pytest
from cyclonedx.model.bom import Bom
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from spdx_tools.spdx.model.relationship import RelationshipType
from spdx_tools.spdx.parser.jsonlikedict.json_like_dict_parser import JsonLikeDictParser
from spdx_tools.spdx.validation.document_validator import validate_full_spdx_document

from resolvers.sbom import sbom
from storage.statements import execute
from tests.factories import Factory
from tests.quayside.registry import kit
from tests.scanning import RELEASE, STATUS, layer, python_package, scan_pushed, status
from tests.schema.client import GraphQL

SBOM = """
query ($digest: Digest!, $format: SbomFormat!) {
  repository(path: "ada/app") { manifest(digest: $digest) { sbom(format: $format) } } }
"""
BASE = {**RELEASE, STATUS: status(bash="5.2+1-1")}
LAYERS = (
    layer(BASE),
    layer({
        **python_package("Flask", "3.0.0"),
        "srv/node_modules/@ex/lib/package.json": b'{"name": "@ex/lib", "version": "1.0.0"}',
        "app/node_modules/@ex/lib/package.json": b'{"name": "@ex/lib", "version": "1.0.0"}',
    }),
)  # fmt: skip
FLASK = "usr/lib/python3/site-packages/Flask-3.0.0.dist-info/METADATA"
PURLS = ["pkg:deb/debian/bash@5.2%2B1-1?arch=amd64&distro=debian-12", "pkg:npm/%40ex/lib@1.0.0",
         "pkg:pypi/flask@3.0.0"]  # fmt: skip


@pytest.fixture
async def image(factory: Factory) -> str:
    """The digest of an image that is not scanned yet."""
    await factory.repository("ada/app")
    return await factory.image("ada/app", *LAYERS, tag="v1")


async def text(client: GraphQL, digest: str, format_: str) -> str | None:
    found = (await client.data(SBOM, digest=digest, format=format_))["repository"]["manifest"]["sbom"]
    assert found is None or isinstance(found, str)
    return found


async def document(client: GraphQL, digest: str, format_: str) -> dict[str, Any]:
    found = await text(client, digest, format_)
    assert found is not None
    assert await text(client, digest, format_) == found
    loaded: dict[str, Any] = json.loads(found)
    return loaded


async def test_spdx_describes_the_image_and_what_it_contains(
    factory: Factory, ada: GraphQL, image: str
) -> None:
    assert await text(ada, image, "SPDX") is None
    await scan_pushed(factory)

    loaded = await document(ada, image, "SPDX")

    parsed = JsonLikeDictParser().parse(loaded)
    assert validate_full_spdx_document(parsed, "SPDX-2.3") == []
    assert [
        (one.spdx_element_id, one.relationship_type, one.related_spdx_element_id)
        for one in parsed.relationships
    ] == [
        ("SPDXRef-DOCUMENT", RelationshipType.DESCRIBES, "SPDXRef-Image"),
        *(("SPDXRef-Image", RelationshipType.CONTAINS, one.spdx_id) for one in parsed.packages[1:]),
    ]
    host = factory.context().site.registry_host
    top, system, *packages = loaded["packages"]
    hexadecimal = image.removeprefix("sha256:")
    assert (top["name"], top["versionInfo"]) == (f"{host}/ada/app", image)
    assert top["checksums"] == [{"algorithm": "SHA256", "checksumValue": hexadecimal}]
    assert top["sourceInfo"] == f"Layers from the bottom up: {', '.join(map(kit.digest_of, LAYERS))}"
    assert (system["name"], system["versionInfo"]) == ("debian", "12")
    assert [one["externalRefs"][0]["referenceLocator"] for one in packages] == PURLS
    assert packages[2]["sourceInfo"] == f"Noted in {FLASK} of the layer {kit.digest_of(LAYERS[1])}."
    assert {one["licenseConcluded"] for one in loaded["packages"]} == {"NOASSERTION"}
    # Another scan of it is another document.
    await execute("UPDATE manifest_scan SET scanned_at_ms = scanned_at_ms + 5000")
    assert (await document(ada, image, "SPDX"))["documentNamespace"] != loaded["documentNamespace"]


async def test_cyclonedx_names_the_layers_in_which_packages_occur(
    factory: Factory, ada: GraphQL, image: str
) -> None:
    assert await text(ada, image, "CYCLONEDX") is None
    await scan_pushed(factory)

    loaded = await document(ada, image, "CYCLONEDX")

    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(json.dumps(loaded)) is None
    bom: Bom = Bom.from_json(loaded)  # type: ignore[attr-defined]
    bom.validate()
    root, *_ = loaded["dependencies"]
    host = factory.context().site.registry_host
    assert (
        loaded["metadata"]["component"]["purl"]
        == f"pkg:oci/app@{image}?arch=amd64&repository_url={host}/ada/app"
    )
    assert root == {
        "ref": loaded["metadata"]["component"]["bom-ref"],
        "dependsOn": ["operating-system:debian", *PURLS],
    }
    digest = kit.digest_of(LAYERS[1])
    assert loaded["components"][2] == {
        "bom-ref": PURLS[1],
        "type": "library",
        "group": "@ex",
        "name": "lib",
        "version": "1.0.0",
        "purl": PURLS[1],
        "evidence": {
            "occurrences": [
                {"location": f"{where}/node_modules/@ex/lib/package.json", "additionalContext": digest}
                for where in ("app", "srv")
            ]
        },
    }


async def test_one_request_writes_so_many_packages(
    factory: Factory, ada: GraphQL, image: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    await scan_pushed(factory)
    both = """query ($digest: Digest!) { repository(path: "ada/app") { manifest(digest: $digest) {
      digest one: sbom(format: SPDX) other: sbom(format: CYCLONEDX) } } }"""
    monkeypatch.setattr(sbom, "REQUEST_PACKAGES", 8)
    found = (await ada.data(both, digest=image))["repository"]["manifest"]
    assert None not in found.values()

    monkeypatch.setattr(sbom, "REQUEST_PACKAGES", 7)
    answer = await ada.answer(both, digest=image)

    found = answer["data"]["repository"]["manifest"]
    assert (found["digest"], found["other"]) == (image, None)
    assert found["one"] is not None
    assert [error["path"][-1] for error in answer["errors"]] == ["other"]
    assert "at most 7 packages" in answer["errors"][0]["message"]


async def test_an_index_has_no_bill(factory: Factory, ada: GraphQL, image: str) -> None:
    document = kit.index_document(manifests=[await factory.descriptor(image)])
    index = await factory.manifest("ada/app", document, tag="all")
    await scan_pushed(factory)

    assert await text(ada, index, "SPDX") is None
