"""Digests: the names of blobs (OCI image specification, descriptor, section "Digests")."""

import hashlib
import re

from storage.blobs.base import DigestInvalid

ALGORITHMS: dict[str, int] = {"sha256": 64, "sha512": 128}
"""The registered algorithms, with the length of their lower-case hexadecimal form."""

_DIGEST = re.compile("|".join(f"{name}:[0-9a-f]{{{length}}}" for name, length in ALGORITHMS.items()))


def parse_digest(text: str) -> tuple[str, str]:
    """Return ``(algorithm, hexadecimal)``. Raises DigestInvalid."""
    if _DIGEST.fullmatch(text) is None:
        raise DigestInvalid
    algorithm, _, hexadecimal = text.partition(":")
    return algorithm, hexadecimal


class Hasher:
    """A digest in the making, and the number of bytes that went into it."""

    def __init__(self, algorithm: str = "sha256") -> None:
        self.algorithm = algorithm
        self.size = 0
        self._state = hashlib.new(algorithm)

    def update(self, piece: bytes | memoryview) -> None:
        """Add bytes. Pieces of 2 KiB and more release the interpreter lock while they are hashed."""
        self._state.update(piece)
        self.size += len(piece)

    @property
    def digest(self) -> str:
        """The digest of all bytes so far, as ``algorithm:hexadecimal``."""
        return f"{self.algorithm}:{self._state.hexdigest()}"
