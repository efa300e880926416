"""Rust: the crates that cargo-auditable notes in a program, in its section `.dep-v0`."""

import zlib
from collections.abc import Iterator
from typing import Final

import orjson

from quayside.scan.parsers.base import MIB, File, Parser, Unreadable
from quayside.scan.parsers.elf import Elf, is_program
from resolvers.scan.package import Ecosystem, Package

_SECTION: Final = b".dep-v0"
_LONGEST: Final = 8 * MIB


def _packages(file: File) -> Iterator[Package]:
    elf = Elf(file.content)
    section = elf.section(_SECTION)
    if section is None:
        return
    for crate in _crates(elf.at(section.offset, min(section.size, _LONGEST))):
        name, version = crate.get("name"), crate.get("version")
        # What only ran while it was built is not in it.
        if isinstance(name, str) and isinstance(version, str) and crate.get("kind") != "build":
            yield Package(Ecosystem.CARGO, name, version)


def _crates(content: bytes) -> list[dict[str, object]]:
    try:
        unpacker = zlib.decompressobj()
        text = unpacker.decompress(content, _LONGEST)
        if not unpacker.eof:
            raise Unreadable("the list of crates in the program is cut off, or has more than 8 MiB")
        crates = orjson.loads(text)["packages"]
    except (zlib.error, orjson.JSONDecodeError, KeyError, TypeError) as error:
        raise Unreadable("the list of crates in the program is broken") from error
    if not isinstance(crates, list):
        raise Unreadable("the list of crates in the program is broken")
    return [crate for crate in crates if isinstance(crate, dict)]


PARSERS = (Parser("rust", is_program, _packages, limit_bytes=512 * MIB),)
