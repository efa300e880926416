"""Byte ranges: `Range` of a download, `Content-Range` and `Range` of an upload.

Sources: RFC 9110 section 14 for downloads; OCI Distribution 1.1, "Pushing a blob in chunks", for uploads,
whose ranges have no unit and no total.
"""

import re
from dataclasses import dataclass

from quayside.registry.errors import OciCode, RegistryError

# Nineteen digits suffice for every offset below 2^63; longer numbers only cost time to convert.
_DOWNLOAD_RANGE = re.compile(r"bytes[ \t]*=[ \t]*([0-9]{0,19})-([0-9]{0,19})[ \t]*", re.IGNORECASE)
_CHUNK_RANGE = re.compile(r"([0-9]{1,19})-([0-9]{1,19})")


@dataclass(frozen=True, slots=True)
class ByteRange:
    """The bytes ``[start, end)``."""

    start: int
    end: int

    @property
    def size(self) -> int:
        """The number of bytes."""
        return self.end - self.start

    def content_range(self, total: int) -> str:
        """Return the `Content-Range` of a 206 response for content of `total` bytes."""
        return f"bytes {self.start}-{self.end - 1}/{total}"


def parse_range(header: str | None, size: int) -> ByteRange | None:
    """Return the part of content of `size` bytes that a `Range` header asks for; None means all of it.

    A header with another unit, several ranges or a syntax error is ignored, as RFC 9110 allows. Raises
    RegistryError with 416 and ``Content-Range: bytes */size`` for an empty or backward range.
    """
    match = header and _DOWNLOAD_RANGE.fullmatch(header)
    if not match or match.group(1) == match.group(2) == "":
        return None
    first, last = match.groups()
    if not first:
        start, end = max(size - int(last), 0), size
    else:
        start, end = int(first), min(int(last) + 1, size) if last else size
    if start >= end:
        raise RegistryError(
            OciCode.SIZE_INVALID,
            f"the requested range has no bytes of the {size} that there are",
            status=416,
            headers={"Content-Range": f"bytes */{size}"},
        )
    return ByteRange(start, end)


def parse_chunk_range(header: str | None, content_length: int | None) -> ByteRange | None:
    """Return the position of a chunk in its upload, None if it has none (it is then appended).

    Raises RegistryError: 400 for a header that is not ``<first>-<last>``, 416 for a backward one, and 400
    SIZE_INVALID if `content_length`, in bytes, is given and differs.
    """
    if header is None:
        return None
    match = _CHUNK_RANGE.fullmatch(header)
    if match is None:
        raise RegistryError(
            OciCode.BLOB_UPLOAD_INVALID,
            "Content-Range must be <first byte>-<last byte>",
            detail={"field": "Content-Range"},
        )
    start, end = int(match.group(1)), int(match.group(2)) + 1
    if start >= end:
        raise RegistryError(
            OciCode.BLOB_UPLOAD_INVALID,
            "Content-Range must not run backwards",
            status=416,
            detail={"field": "Content-Range"},
        )
    if content_length is not None and content_length != end - start:
        raise RegistryError(
            OciCode.SIZE_INVALID,
            f"Content-Range spans {end - start} bytes, Content-Length is {content_length}",
            detail={"field": "Content-Range"},
        )
    return ByteRange(start, end)


def upload_range(size: int) -> str:
    """Return the `Range` header for an upload of `size` bytes; ``0-0`` for none, as other registries do."""
    return f"0-{max(size - 1, 0)}"
