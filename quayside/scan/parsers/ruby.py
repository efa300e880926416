"""Ruby: the specification that is written for each installed gem."""

import re
from collections.abc import Iterator
from typing import Final

from quayside.scan.parsers.base import MIB, File, Parser, Unreadable, named
from resolvers.scan.package import Ecosystem, Package

# White space is matched by `*+`, which gives nothing back, so that no text takes time by the square.
_TEXT: Final = r"""(?:Gem::Version\.new\s*+\(?\s*+)?%?[q]?["'({](?P<text>[^"'(){}]+)["')}]"""
_NAME: Final = re.compile(rf"^[ \t]*+\w+\.name\s*+=\s*+{_TEXT}", re.MULTILINE)
_VERSION: Final = re.compile(rf"^[ \t]*+\w+\.version\s*+=\s*+{_TEXT}", re.MULTILINE)


def _packages(file: File) -> Iterator[Package]:
    text = file.text()
    name, version = _NAME.search(text), _VERSION.search(text)
    if name is None or version is None:
        raise Unreadable("the specification of the gem has no name or no version")
    yield Package(Ecosystem.GEM, name["text"], version["text"])


PARSERS = (
    Parser(
        "ruby", named(r"(?:.*/)?specifications/(?:default/)?[^/]+\.gemspec"), _packages, limit_bytes=4 * MIB
    ),
)
