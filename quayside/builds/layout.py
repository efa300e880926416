"""OCI image layout that a build has written, read as what a stranger sent.

Source: OCI image specification 1.1, "Image Layout".
"""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import orjson

from quayside.builds.beneath import open_beneath
from resolvers.builds.builder import BuildFailed
from resolvers.errors import Invalid
from resolvers.manifests.document import IMAGE_MEDIA_TYPES, MAX_BYTES, parse_manifest

PIECE_BYTES = 1024 * 1024
_BROKEN = "The build left no image that can be read."


class Layout:
    """The one image of a layout. The registry checks all digests when it is pushed."""

    def __init__(self, directory: Path, digest: str, media_type: str, body: bytes) -> None:
        self._directory = directory
        self.digest = digest
        self.media_type = media_type
        self.body = body
        document = parse_manifest(body, media_type)
        self._blobs = [
            {"digest": each.digest, "size": each.size_bytes}
            for each in (*([document.config] if document.config else ()), *document.layers)
        ]

    @classmethod
    def open(cls, directory: Path) -> "Layout":
        """The image of a directory. Raises `BuildFailed`."""
        try:
            index = orjson.loads(_read(directory, "index.json"))
            (entry,) = index["manifests"]
            digest, media_type = str(entry["digest"]), str(entry["mediaType"])
            if media_type not in IMAGE_MEDIA_TYPES:
                raise BuildFailed(_BROKEN)
            return cls(directory, digest, media_type, _read(directory, _blob(digest)))
        except (OSError, ValueError, KeyError, TypeError, Invalid) as error:
            raise BuildFailed(_BROKEN) from error

    def blobs(self) -> list[dict[str, Any]]:
        """Digest and size of the configuration and the layers."""
        return self._blobs

    async def read(self, digest: str) -> AsyncIterator[bytes]:
        """The bytes of a blob, in pieces."""
        try:
            file = await asyncio.to_thread(open_beneath, self._directory, _blob(digest))
        except (OSError, ValueError) as error:
            raise BuildFailed(_BROKEN) from error
        with file:
            while piece := await asyncio.to_thread(file.read, PIECE_BYTES):
                yield piece


def _blob(digest: str) -> str:
    algorithm, _, value = digest.partition(":")
    return f"blobs/{algorithm}/{value}"


def _read(directory: Path, name: str) -> bytes:
    with open_beneath(directory, name) as file:
        content = file.read(MAX_BYTES + 1)
    if len(content) > MAX_BYTES:
        raise BuildFailed(_BROKEN)
    return content
