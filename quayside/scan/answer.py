"""What the child that reads a layer answers: frames of a kind, a length and JSON or bytes, then the end.

P  a file with packages          L  a part of the listing, with its first path
E  the end: what came of it, with all that is small
"""

from collections.abc import Callable
from typing import Any, BinaryIO, Final

import orjson

from quayside.scan.soundness import is_sound, is_text
from quayside.scan.walk import Found
from resolvers.scan.listing import parts
from resolvers.scan.package import Distribution, Ecosystem, Package
from resolvers.scan.scanner import (
    LayerContents,
    LayerState,
    ListingPart,
    NotScanned,
    PackageFile,
    Removals,
)

HEADER: Final = 5
FRAME_BYTES: Final = 64 * 1024 * 1024
NO_FAULT_OF_THE_LAYER: Final = 75
"""What the child ends with, without an answer, where the disk is full or the like."""


def frame(kind: bytes, content: bytes) -> bytes:
    """A frame."""
    return kind + len(content).to_bytes(4, "big") + content


def write_found(output: BinaryIO, found: Found, size_bytes: int) -> None:
    """Write what was found."""
    for files in found.package_files.values():
        for file in files:
            packages = [
                [
                    package.ecosystem,
                    package.name,
                    package.version,
                    package.source_name,
                    package.source_version,
                    package.architecture,
                ]
                for package in file.packages
            ]
            output.write(frame(b"P", orjson.dumps([file.path, file.parser, packages])))
    for part in parts(sorted(found.lines.items())):
        path = part.first_path.encode()
        output.write(frame(b"L", len(path).to_bytes(4, "big") + path + part.content))
    distribution = found.distribution
    end = {
        "state": LayerState.SCANNED,
        "size_bytes": size_bytes,
        "entry_count": len(found.lines),
        "removed": found.removed,
        "opaque": found.opaque,
        "problems": found.problems,
        "distribution": [distribution.name, distribution.version] if distribution else None,
    }
    output.write(frame(b"E", orjson.dumps(end)))


def write_refusal(output: BinaryIO, error: NotScanned) -> None:
    """Write why nothing was found."""
    output.write(frame(b"E", orjson.dumps({"state": error.state, "reason": error.reason})))


def _require(is_so: bool) -> None:
    """Raise `ValueError` for what the child would never say: it may be in the hands of the layer."""
    if not is_so:
        raise ValueError("the answer is not sound")


class Answer:
    """An answer as it is read."""

    def __init__(self) -> None:
        self._files: list[PackageFile] = []
        self._parts: list[ListingPart] = []
        self._end: dict[str, Any] | None = None
        self._takers: dict[bytes, Callable[[bytes], None]] = {
            b"P": self._take_file,
            b"L": self._take_part,
            b"E": self._take_end,
        }

    def take(self, kind: bytes, content: bytes) -> None:
        """Take a frame. Raises `ValueError` for what is none."""
        taker = self._takers.get(kind)
        if taker is None or self._end is not None:
            raise ValueError("the answer is not one")
        taker(content)

    def _take_file(self, content: bytes) -> None:
        path, parser, packages = orjson.loads(content)
        found = [Package(Ecosystem(kind), *rest) for kind, *rest in packages]
        _require(is_text(path) and is_text(parser) and len(parser) <= 32 and all(map(is_sound, found)))
        self._files.append(PackageFile(path, parser, found))

    def _take_part(self, content: bytes) -> None:
        length = int.from_bytes(content[:4], "big")
        path = content[4 : 4 + length].decode()
        self._parts.append(ListingPart(path, content[4 + length :]))

    def _take_end(self, content: bytes) -> None:
        end = orjson.loads(content)
        if end["state"] == LayerState.SCANNED:
            _require(
                all(
                    isinstance(end[name], int) and end[name] < 2**63 for name in ("size_bytes", "entry_count")
                )
            )
            texts = [*end["removed"], *end["opaque"], *(end["distribution"] or ())]
            texts += [text for path, sentence in end["problems"] for text in (path, sentence)]
            _require(all(map(is_text, texts)))
        else:
            _require(is_text(end["reason"]) and LayerState(end["state"]) is not LayerState.SCANNED)
        self._end = end

    @property
    def is_whole(self) -> bool:
        """Whether its end was read."""
        return self._end is not None

    def contents(self) -> LayerContents:
        """What the layer has. Raises `NotScanned` if it could not be read."""
        assert self._end is not None
        end = self._end
        if end["state"] != LayerState.SCANNED:
            raise NotScanned(LayerState(end["state"]), end["reason"])
        return LayerContents(
            size_bytes=end["size_bytes"],
            entry_count=end["entry_count"],
            package_files=self._files,
            removals=Removals(end["removed"], end["opaque"]),
            distribution=Distribution(*end["distribution"]) if end["distribution"] else None,
            problems=[(path, sentence) for path, sentence in end["problems"]],
            listing=self._parts,
        )
