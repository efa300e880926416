"""npm: the `package.json` of each installed package, which is in a folder below `node_modules`."""

from collections.abc import Iterator
from typing import Any

import orjson

from quayside.scan.parsers.base import MIB, File, Parser, Unreadable, named
from resolvers.scan.package import Ecosystem, Package


def _packages(file: File) -> Iterator[Package]:
    try:
        content: Any = orjson.loads(file.bytes().removeprefix(b"\xef\xbb\xbf"))
    except orjson.JSONDecodeError as error:
        raise Unreadable("package.json is not JSON") from error
    if not isinstance(content, dict):
        raise Unreadable("package.json is not an object")
    name, version = content.get("name"), content.get("version")
    # Folders may have one that only says how to load them, without a name or a version.
    if isinstance(name, str) and isinstance(version, str) and name and version:
        yield Package(Ecosystem.NPM, name, version)


PARSERS = (
    Parser(
        "npm",
        named(r"(?:.*/)?node_modules/(?:@[^/]+/)?[^/@][^/]*/package\.json"),
        _packages,
        limit_bytes=4 * MIB,
    ),
)
