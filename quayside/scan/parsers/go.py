"""Go: the modules that the linker notes in each program, as `go version -m` shows them."""

from collections.abc import Iterator
from typing import Final

from quayside.scan.parsers.base import MIB, File, Parser, Unreadable
from quayside.scan.parsers.elf import Elf, is_program
from resolvers.scan.package import Ecosystem, Package

_SECTION: Final = b".go.buildinfo"
_MAGIC: Final = b"\xff Go buildinf:"
_HEADER: Final = 32
_LONGEST: Final = 8 * MIB
_SENTINEL: Final = 16
"""Bytes before and after the list of modules."""
STANDARD_LIBRARY: Final = "stdlib"
_INLINE, _BIG_ENDIAN = 2, 1
"""Flags: texts follow the header, since Go 1.18; before that there are pointers to them."""


def _packages(file: File) -> Iterator[Package]:
    elf = Elf(file.content)
    section = elf.section(_SECTION)
    if section is None:
        return
    header = elf.at(section.offset, _HEADER)
    if not header.startswith(_MAGIC) or len(header) < _HEADER:
        raise Unreadable("the build information of the Go program is broken")
    if header[15] & _INLINE:
        length = min(max(section.size - _HEADER, 0), _LONGEST)
        texts = _inline(elf.at(section.offset + _HEADER, length))
    else:
        texts = _pointed(elf, header)
    version, modules = (text.decode("utf-8", "replace") for text in texts)
    if version.startswith("go"):
        yield Package(Ecosystem.GO, STANDARD_LIBRARY, version.removeprefix("go").partition(" ")[0])
    yield from _modules(modules[_SENTINEL:-_SENTINEL])


def _inline(content: bytes) -> tuple[bytes, bytes]:
    version, rest = _text(content)
    modules, _ = _text(rest)
    return version, modules


def _text(content: bytes) -> tuple[bytes, bytes]:
    """A text after its length, seven bits in a byte, and what follows."""
    length = 0
    for at, byte in enumerate(content[:10]):
        length |= (byte & 0x7F) << (7 * at)
        if byte < 0x80:
            end = at + 1 + length
            if end > len(content):
                break
            return content[at + 1 : end], content[end:]
    raise Unreadable("the build information of the Go program is cut off")


def _pointed(elf: Elf, header: bytes) -> tuple[bytes, bytes]:
    size = header[14]
    if size not in (4, 8):
        raise Unreadable("the build information of the Go program is broken")
    is_big = bool(header[15] & _BIG_ENDIAN)

    def number(content: bytes) -> int:
        return int.from_bytes(content, "big" if is_big else "little")

    def text(start: int) -> bytes:
        pair = elf.loaded_at(number(header[start : start + size]), 2 * size)
        return elf.loaded_at(number(pair[:size]), min(number(pair[size:]), _LONGEST))

    return text(16), text(16 + size)


def _modules(text: str) -> Iterator[Package]:
    last: tuple[str, str] | None = None
    for line in (*text.split("\n"), ""):
        kind, *fields = line.split("\t")
        if kind == "=>" and len(fields) >= 2:
            # What was built instead of the module of the line before.
            last = (fields[0], fields[1])
            continue
        if last is not None and all(last) and last[1] != "(devel)":
            yield Package(Ecosystem.GO, *last)
        last = (fields[0], fields[1]) if kind in {"mod", "dep"} and len(fields) >= 2 else None


PARSERS = (Parser("go", is_program, _packages, limit_bytes=512 * MIB),)
