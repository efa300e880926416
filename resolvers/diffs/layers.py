"""Layers that two images share, and those that only one has."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

from resolvers.manifests.content import Layer

Layers: TypeAlias = Sequence[Layer]


@dataclass(frozen=True, slots=True)
class LayerDiff:
    """The layers of two images, from the bottom up.

    `common` are those with which both begin. Above them `shared` are in both, as the second has them,
    `removed` only in the first, and `added` only in the second.
    """

    common: Layers
    shared: Layers
    removed: Layers
    added: Layers


def compare(before: Layers, after: Layers) -> LayerDiff:
    """Compare the layers of two images by their digests."""
    pairs = enumerate(zip(before, after, strict=False))
    common = next(
        (place for place, (one, other) in pairs if one.descriptor.digest != other.descriptor.digest),
        min(len(before), len(after)),
    )
    old = {layer.descriptor.digest for layer in before[common:]}
    new = {layer.descriptor.digest for layer in after[common:]}
    return LayerDiff(
        after[:common],
        [layer for layer in after[common:] if layer.descriptor.digest in old],
        [layer for layer in before[common:] if layer.descriptor.digest not in new],
        [layer for layer in after[common:] if layer.descriptor.digest not in old],
    )
