"""Ecosystems of advisories, as keys by which packages find what concerns them.

A key is `PyPI`, or has the release of a distribution, such as `Debian:12` and `Alpine:v3.19`.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

_UBUNTU: Final = re.compile(r"(Ubuntu:[0-9]{2}\.[0-9]{2}):LTS", re.ASCII)
_RED_HAT: Final = re.compile(r"Red Hat:enterprise_linux:([0-9]+)(?:\.[0-9]+)?(?:::.*)?", re.ASCII)


def key_of(ecosystem: str) -> str:
    """The key of an ecosystem as an advisory names it."""
    if found := _UBUNTU.fullmatch(ecosystem):
        return found[1]
    if found := _RED_HAT.fullmatch(ecosystem):
        return f"Red Hat:{found[1]}"
    return ecosystem


def name_of(key: str, name: str) -> str:
    """The name of a package as its ecosystem normalizes it."""
    return re.sub(r"[-_.]+", "-", name).lower() if key == "PyPI" else name


@dataclass(frozen=True, slots=True)
class Installed:
    """A row of a package. Columns are empty where it has nothing there; the ecosystem is a type of purls."""

    id: int
    ecosystem: str
    distribution_name: str
    distribution_version: str
    name: str
    version: str
    source_name: str
    source_version: str


_LANGUAGES: Final = {
    "pypi": "PyPI",
    "npm": "npm",
    "golang": "Go",
    "maven": "Maven",
    "gem": "RubyGems",
    "cargo": "crates.io",
}
_DISTRIBUTIONS: Final = {
    ("deb", "debian"): "Debian:{major}",
    ("deb", "ubuntu"): "Ubuntu:{version}",
    ("apk", "alpine"): "Alpine:v{major}.{minor}",
    ("apk", "wolfi"): "Wolfi",
    ("apk", "chainguard"): "Chainguard",
    ("apk", "minimos"): "MinimOS",
    ("rpm", "almalinux"): "AlmaLinux:{major}",
    ("rpm", "azurelinux"): "Azure Linux:{major}",
    ("rpm", "centos"): "Red Hat:{major}",
    ("rpm", "mageia"): "Mageia:{major}",
    ("rpm", "opensuse-leap"): "openSUSE:Leap {major}.{minor}",
    ("rpm", "photon"): "Photon OS:{version}",
    ("rpm", "rhel"): "Red Hat:{major}",
    ("rpm", "rocky"): "Rocky Linux:{major}",
    ("rpm", "sles"): "SUSE:Linux Enterprise Server {major} SP{minor}",
}
"""Keys by ecosystem and name of a distribution, with the version of its `os-release`."""


def places_of(package: Installed) -> Iterator[tuple[str, str, str]]:
    """Where advisories would name a package: keys of ecosystems, names and versions.

    Distributions name source packages; those with rpm name what was built of them, or both.
    """
    if key := _LANGUAGES.get(package.ecosystem):
        yield key, name_of(key, package.name), package.version
        return
    form = _DISTRIBUTIONS.get((package.ecosystem, package.distribution_name))
    if form is None or (not package.distribution_version and "{" in form):
        return
    major, _, rest = package.distribution_version.partition(".")
    minor = rest.partition(".")[0] or "0"
    key = form.format(version=package.distribution_version, major=major, minor=minor)
    source = (key, package.source_name or package.name, package.source_version or package.version)
    yield source
    if package.ecosystem == "rpm" and package.name != source[1]:
        yield key, package.name, package.version


def rules_of(kind: str) -> str:
    """An ecosystem by whose rules packages of a type of purls are named and their versions compared."""
    return _LANGUAGES.get(kind) or {"deb": "Debian", "apk": "Alpine", "rpm": "Red Hat"}[kind]
