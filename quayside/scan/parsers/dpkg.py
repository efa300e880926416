"""dpkg: the status file of Debian and Ubuntu, and the files in `status.d` of images without a shell."""

import re
from collections.abc import Iterator

from quayside.scan.parsers.base import File, Parser, named
from quayside.scan.parsers.paragraphs import paragraphs
from resolvers.scan.package import Ecosystem, Package

_SOURCE = re.compile(r"([^\s()]+)(?:\s+\(([^()]+)\))?")
"""`Source: glibc (2.36-9)`; the version is there only where it is another one."""


def _packages(file: File) -> Iterator[Package]:
    for fields in paragraphs(file.text()):
        name, version = fields.get("package"), fields.get("version")
        # `deinstall ok config-files` is a package that was removed. Files of `status.d` have no status.
        is_installed = fields.get("status", "installed").split()[-1:] == ["installed"]
        if not name or not version or not is_installed:
            continue
        source = _SOURCE.fullmatch(fields.get("source", ""))
        source_name, source_version = source.groups() if source else (None, None)
        yield Package(
            Ecosystem.DEB,
            name,
            version,
            source_name=source_name,
            source_version=source_version or (version if source_name else None),
            architecture=fields.get("architecture"),
        )


PARSERS = (
    Parser("dpkg", named(r"var/lib/dpkg/status", r"var/lib/dpkg/status\.d/[^/]+(?<!\.md5sums)"), _packages),
)
