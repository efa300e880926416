"""Content codings: `Accept-Encoding` (RFC 9110 §12.5.3), zstd (RFC 8878) and gzip."""

import gzip
from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import Final

import zstandard

from quayside.http.accept import MediaType

CODINGS: Final[Mapping[str, Callable[[bytes], bytes]]] = MappingProxyType(
    {
        "zstd": lambda content: zstandard.compress(content, 1),
        "gzip": lambda content: gzip.compress(content, 1, mtime=0),
    }
)
"""The codings, the best one first. They are fast rather than tight: what is compressed is read once."""

_ALIASES: Final = {"x-gzip": "gzip"}


class AcceptEncoding:
    """The `Accept-Encoding` headers of one request; without any, only the content as it is is accepted."""

    def __init__(self, headers: Iterable[str]) -> None:
        ranges = [MediaType.parse(part) for header in headers for part in header.split(",") if part.strip()]
        self._qualities = {_ALIASES.get(one.name, one.name): one.quality for one in ranges}

    @property
    def refuses_identity(self) -> bool:
        """Whether the content as it is is not accepted."""
        return self._qualities.get("identity", self._qualities.get("*", 1.0)) == 0

    @property
    def best(self) -> str | None:
        """The coding that the client prefers, of equal ones our first; None for the content as it is."""
        others = self._qualities.get("*", 0.0)
        quality, best = max(
            ((self._qualities.get(name, others), name) for name in CODINGS), key=lambda pair: pair[0]
        )
        return best if quality > 0 and quality >= self._qualities.get("identity", 0.0) else None
