"""Python: what installers wrote beside a package, `METADATA` of a `.dist-info` and `PKG-INFO` of an egg."""

from collections.abc import Iterator

from quayside.scan.parsers.base import MIB, File, Parser, Unreadable, named
from quayside.scan.parsers.paragraphs import paragraphs
from resolvers.advisories.ecosystems import name_of
from resolvers.scan.package import Ecosystem, Package


def _packages(file: File) -> Iterator[Package]:
    # The description follows after an empty line, and may look like fields.
    fields = next(paragraphs(file.text().replace("\r\n", "\n")), {})
    name, version = fields.get("name"), fields.get("version")
    if not name or not version:
        raise Unreadable("the metadata of the Python package has no name or no version")
    yield Package(Ecosystem.PYPI, name_of("PyPI", name), version)


PARSERS = (
    Parser(
        "python",
        named(
            r"(?:.*/)?[^/]+\.dist-info/METADATA",
            r"(?:.*/)?[^/]+\.egg-info/PKG-INFO",
            r"(?:.*/)?[^/]+\.egg-info",
            r"(?:.*/)?EGG-INFO/PKG-INFO",
        ),
        _packages,
        limit_bytes=4 * MIB,
    ),
)
