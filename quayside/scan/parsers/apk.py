"""apk: the database of installed packages of Alpine and Wolfi."""

from collections.abc import Iterator

from quayside.scan.parsers.base import File, Parser, named
from resolvers.scan.package import Ecosystem, Package


def _packages(file: File) -> Iterator[Package]:
    fields: dict[str, str] = {}
    # Keys are single letters whose case matters; those of files (F, R, Z …) come after those of the package.
    for line in [*file.text().split("\n"), ""]:
        if line:
            key, colon, value = line.partition(":")
            if colon:
                fields.setdefault(key, value.strip())
            continue
        name, version, origin = fields.get("P"), fields.get("V"), fields.get("o")
        if name and version:
            yield Package(
                Ecosystem.APK,
                name,
                version,
                source_name=origin if origin != name else None,
                source_version=version if origin and origin != name else None,
                architecture=fields.get("A"),
            )
        fields = {}


PARSERS = (Parser("apk", named(r"(?:usr/)?lib/apk/db/installed"), _packages),)
