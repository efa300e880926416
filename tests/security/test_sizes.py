"""Huge sizes that manifests claim for content stored elsewhere do not break sums."""

import pytest

from resolvers.manifests.document import ManifestInvalid
from storage.statements import execute
from tests.factories import Factory
from tests.quayside.registry import kit
from tests.schema.client import GraphQL

LARGEST = 2**53 - 1
SIZES = (
    '{ repository(path: "ada/app") { tags { nodes { name manifest { layersSizeBytes totalSizeBytes } } } } }'
)


def claims(name: str, *sizes: int) -> kit.Json:
    """An image with remote layers of these claimed sizes."""
    layers = [
        {
            "mediaType": "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip",
            "digest": kit.digest_of(f"{name} {number}".encode()),
            "size": size,
        }
        for number, size in enumerate(sizes)
    ]
    return {**kit.image_document(), "layers": layers}


async def test_layers_with_too_large_a_total_size_are_refused(factory: Factory, ada: GraphQL) -> None:
    await factory.repository("ada/app")
    await factory.blob("ada/app", kit.CONFIG)

    with pytest.raises(ManifestInvalid) as refused:
        await factory.manifest("ada/app", claims("one", *([LARGEST] * 1100)), tag="v1")

    assert refused.value.field == "layers"
    assert (await ada.data(SIZES))["repository"]["tags"]["nodes"] == []


async def test_the_size_of_an_index_is_capped(factory: Factory, ada: GraphQL) -> None:
    await factory.repository("ada/app")
    await factory.blob("ada/app", kit.CONFIG)
    images = [claims(f"image {number}", LARGEST) for number in range(2)]
    for image in images:
        await factory.manifest("ada/app", image)
    # Instead of a thousand such images, which take long to push.
    await execute("UPDATE manifest_blob SET size_bytes = ? WHERE role = 'layer'", 2**63 - 1)

    await factory.manifest("ada/app", kit.index_document(*map(kit.encode, images)), tag="v1")

    assert (await ada.data(SIZES))["repository"]["tags"]["nodes"] == [
        {"name": "v1", "manifest": {"layersSizeBytes": 0, "totalSizeBytes": LARGEST}}
    ]


async def test_sizes_beyond_32_bits_are_added_exactly(factory: Factory, ada: GraphQL) -> None:
    await factory.repository("ada/app")
    await factory.blob("ada/app", kit.CONFIG)
    sizes = (2**40 + 5, 2**24 - 1, 7)

    await factory.manifest("ada/app", claims("one", *sizes), tag="v1")

    assert (await ada.data(SIZES))["repository"]["tags"]["nodes"] == [
        {
            "name": "v1",
            "manifest": {"layersSizeBytes": sum(sizes), "totalSizeBytes": sum(sizes) + len(kit.CONFIG)},
        }
    ]
