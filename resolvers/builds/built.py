"""What a builder made: the image, what it was made from, and how."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from resolvers.attestations.referrer import Image


@dataclass(frozen=True, slots=True)
class Material:
    """Something that an image was made from: its context, or a base image as the Dockerfile names it.

    `digest` is that of its bytes or its manifest, or `gitCommit:` and a commit. `uri` is None where it has no
    address.
    """

    name: str
    digest: str
    uri: str | None = None


@dataclass(frozen=True, slots=True)
class Built:
    """An image and how it was made. `parameters` are those that the builder chose, not who ordered it.

    `is_by_root`: what ran in the build was root of the machine, and could have been the builder itself.
    """

    image: Image
    materials: Sequence[Material]
    parameters: Mapping[str, Any]
    is_by_root: bool = False

    @property
    def digest(self) -> str:
        """The digest of the image."""
        return self.image.digest
