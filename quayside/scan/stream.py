"""The archive in a layer: decompressed as it is read, counted, and only a piece of it in memory."""

import re
import zlib
from tarfile import BLOCKSIZE
from typing import BinaryIO, Final

from quayside.scan.limits import Limits
from resolvers.scan.scanner import LayerState, NotScanned

PIECE: Final = 256 * 1024
HEADER_BYTES: Final = 1024 * 1024
"""Most that a header of the archive may have, such as a long path; it is read at once."""
WINDOW_BYTES: Final = 128 * 1024 * 1024
_DIGITS: Final = re.compile(rb"\d{200}")
"""More than a number has. `tarfile` looks for numbers in headers, in a time by the square of their length."""
_GZIP: Final = b"\x1f\x8b"
_ZSTANDARD: Final = b"\x28\xb5\x2f\xfd"
_SKIPPABLE: Final = b"\x2a\x4d\x18"
"""Frames of zstandard without content begin so, after a byte from 0x50 to 0x5f."""
_FOREIGN: Final = {b"BZh": "bzip2", b"\xfd7zXZ": "xz", b"\x04\x22\x4d\x18": "lz4", b"PK\x03\x04": "zip"}


def refused(reason: str) -> NotScanned:
    """The error of a layer that cannot be read."""
    return NotScanned(LayerState.FAILED, reason)


class Archive:
    """A tar archive as a file that is read once, from its beginning to its end.

    `tarfile` reads headers by `read`, and skips by `seek`; content is read by `piece`.
    """

    def __init__(self, source: BinaryIO, limits: Limits) -> None:
        self._limits = limits
        self._source = _Counted(source)
        self._raw = _decompressed(self._source)
        self._piece = memoryview(b"")
        self.position = 0
        self.last = b""
        """The last header that was read."""

    def tell(self) -> int:
        """How much has been read."""
        return self.position

    def seek(self, position: int, whence: int = 0) -> int:
        """Skip to a position that was not passed."""
        if whence or position < self.position:
            raise refused("The archive in the layer has an entry that begins before the one in front of it.")
        while self.position < position:
            if not self.piece(position - self.position):
                raise refused("The archive in the layer ends in the middle of an entry.")
        return position

    def read(self, size: int) -> bytes:
        """A header: so many bytes, fewer only at the end."""
        if size > HEADER_BYTES:
            raise refused(f"The archive in the layer has a header of {size} bytes.")
        found = bytearray()
        while len(found) < size and (piece := self.piece(size - len(found))):
            found += piece
        self.last = bytes(found)
        if size > BLOCKSIZE and _DIGITS.search(self.last):
            raise refused("The archive in the layer has a header that is damaged.")
        return self.last

    def piece(self, size: int) -> memoryview:
        """At most so many bytes; nothing only at the end."""
        if not self._piece:
            self._piece = memoryview(self._next())
        found, self._piece = self._piece[:size], self._piece[size:]
        self.position += len(found)
        return found

    def _next(self) -> bytes:
        try:
            piece = self._raw.read(PIECE)
        except (zlib.error, Damaged) as error:
            raise refused("The compressed content of the layer is damaged.") from error
        reached, limits = self.position + len(piece), self._limits
        if reached > limits.bytes:
            raise refused(f"The archive in the layer has more than {limits.bytes} bytes.")
        if reached > limits.free_bytes and reached > limits.ratio * self._source.count:
            raise refused(f"The layer decompresses to more than {limits.ratio} times its size.")
        return piece


class Damaged(Exception):
    """The compressed content is not what it begins like."""


class _Counted:
    """What is read of the compressed layer, counted."""

    def __init__(self, source: BinaryIO) -> None:
        self._source = source
        self.count = 0

    def read(self, size: int = -1) -> bytes:
        found = self._source.read(size)
        self.count += len(found)
        return found


class _Pushed:
    """A file whose beginning was read to see what it is."""

    def __init__(self, beginning: bytes, source: _Counted) -> None:
        self._beginning = beginning
        self._source = source

    def read(self, size: int = -1) -> bytes:
        if self._beginning:
            found, self._beginning = self._beginning[:size], self._beginning[size:]
            return found
        return self._source.read(size)


class _Gzip:
    """The content of gzip members one after another, as layers for lazy pulling have them."""

    def __init__(self, source: _Pushed) -> None:
        self._source = source
        self._member: zlib._Decompress | None = None
        self._input = b""

    def read(self, size: int) -> bytes:
        while True:
            self._input = self._input or self._source.read(PIECE)
            is_end = not self._input
            if self._member is None:
                # Some writers fill up the end with zeros.
                self._input = self._input.lstrip(b"\0")
                if not self._input and not is_end:
                    continue
                if is_end:
                    return b""
                self._member = zlib.decompressobj(wbits=31)
            # At the end of the input there may be output that was too much for the last time.
            found = self._member.decompress(self._input, size)
            self._input = self._member.unconsumed_tail
            if self._member.eof:
                self._input, self._member = self._member.unused_data, None
            elif is_end and not found:
                raise refused("The compressed content of the layer ends too early.")
            if found:
                return found


class _Zstandard:
    """The content of frames of zstandard one after another."""

    def __init__(self, source: _Pushed) -> None:
        # It is large, and only the child that reads a layer needs it.
        import zstandard

        self._error = zstandard.ZstdError
        self._reader = zstandard.ZstdDecompressor(max_window_size=WINDOW_BYTES).stream_reader(
            source,  # type: ignore[arg-type]  # It only reads.
            read_size=PIECE,
            read_across_frames=True,
        )

    def read(self, size: int) -> bytes:
        try:
            return self._reader.read(size)
        except self._error as error:
            if "too much memory" in str(error):
                raise refused(
                    f"The layer takes more than {WINDOW_BYTES} bytes of memory to be decompressed."
                ) from error
            raise Damaged from error


def _decompressed(source: _Counted) -> _Pushed | _Gzip | _Zstandard:
    beginning = b""
    while len(beginning) < 8 and (piece := source.read(8 - len(beginning))):
        beginning += piece
    pushed = _Pushed(beginning, source)
    if beginning.startswith(_GZIP):
        return _Gzip(pushed)
    if beginning.startswith(_ZSTANDARD) or (beginning[1:4] == _SKIPPABLE and beginning[0] & 0xF0 == 0x50):
        return _Zstandard(pushed)
    for magic, name in _FOREIGN.items():
        if beginning.startswith(magic):
            raise NotScanned(LayerState.UNSUPPORTED, f"The layer is compressed by {name}.")
    return pushed
