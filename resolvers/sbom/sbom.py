"""Bills of materials as texts, within the limits of one request."""

import asyncio
from collections.abc import Sequence
from enum import StrEnum
from typing import Final

import orjson

from resolvers.context import Context, Site
from resolvers.errors import BadRequest
from resolvers.sbom import cyclonedx, spdx
from resolvers.sbom.contents import Found, contents, found_in

REQUEST_PACKAGES: Final = 30_000
"""Packages that one request writes into bills, each as often as files note it."""


class SbomFormat(StrEnum):
    """A format of bills of materials."""

    SPDX = "spdx"
    CYCLONEDX = "cyclonedx"


class SbomWriter:
    """Writes the bills that one request asks for. Beyond the limit it answers with a `BadRequest`."""

    def __init__(self, context: Context) -> None:
        self._site = context.site
        self._left = REQUEST_PACKAGES
        self._lock = asyncio.Lock()

    async def texts(self, keys: Sequence[tuple[int, SbomFormat]]) -> list[str | BadRequest | None]:
        """The bills of authorized images, by their ids; None for those that are not scanned."""
        # One after the other: what is in memory at once is bounded as well.
        async with self._lock:
            return [await self._text(*key) for key in keys]

    async def _text(self, manifest_id: int, format_: SbomFormat) -> str | BadRequest | None:
        found = await found_in(manifest_id, self._left + 1)
        if found is None:
            return None
        if len(found.packages) > self._left:
            return BadRequest(
                f"A request writes at most {REQUEST_PACKAGES:,} packages into bills of materials; ask for"
                " fewer, and for larger images page through `packages`."
            )
        self._left -= len(found.packages)
        return (await asyncio.to_thread(written, self._site, found, format_)).decode()


def written(site: Site, found: Found, format_: SbomFormat) -> bytes:
    """The bill of an image: the same bytes for the same scan."""
    said = contents(site, found)
    if format_ is SbomFormat.SPDX:
        return orjson.dumps(spdx.document(said, site.public_url))
    return orjson.dumps(cyclonedx.document(said))
