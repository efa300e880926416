"""Package: a piece of software as its ecosystem names it. Plain data, which scanners and matchers share."""

from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import quote


class Ecosystem(StrEnum):
    """Who names and numbers packages; the values are the types of package URLs."""

    DEB = "deb"
    APK = "apk"
    RPM = "rpm"
    PYPI = "pypi"
    NPM = "npm"
    GO = "golang"
    MAVEN = "maven"
    GEM = "gem"
    CARGO = "cargo"


OF_DISTRIBUTIONS = frozenset({Ecosystem.DEB, Ecosystem.APK, Ecosystem.RPM})
"""Ecosystems whose versions mean something only together with a distribution, such as `debian` `12`."""


@dataclass(frozen=True, slots=True)
class Package:
    """An installed package.

    `name` and `version` are as advisories write them: `@scope/name` of npm, `group:artifact` of Maven, the
    path of a Go module; an rpm's version is `epoch:version-release`, without the epoch where it is 0. Names
    of PyPI are normalized. `source_name` and `source_version` are of the source package that it was built
    from, None where that has the same name and version.
    """

    ecosystem: Ecosystem
    name: str
    version: str
    source_name: str | None = None
    source_version: str | None = None
    architecture: str | None = None


@dataclass(frozen=True, slots=True)
class Distribution:
    """What `os-release` says: `debian` and `12`. The version is empty where there is none, as on Arch."""

    name: str
    version: str


def purl_of(package: Package, distribution: Distribution | None) -> str:
    """The package URL: `pkg:deb/debian/openssl@3.0.15-1?arch=amd64&distro=debian-12`.

    A distribution counts where versions mean something only together with it.
    """
    kind, name, version = package.ecosystem, package.name, package.version
    where = distribution if kind in OF_DISTRIBUTIONS else None
    qualifiers = {"arch": package.architecture or ""}
    steps: list[str] = []
    if where is not None:
        steps, qualifiers["distro"] = [where.name], "-".join(filter(None, (where.name, where.version)))
    if kind is Ecosystem.RPM and ":" in version:
        qualifiers["epoch"], _, version = version.partition(":")
    if kind is Ecosystem.MAVEN:
        group, _, name = name.rpartition(":")
        steps = [group] if group else []
    elif kind in {Ecosystem.GO, Ecosystem.NPM}:
        *steps, name = name.split("/")
    path = "/".join(quote(step, safe=_UNQUOTED) for step in [*steps, name])
    given = "&".join(
        f"{key}={quote(qualifiers[key], safe=_UNQUOTED)}" for key in sorted(qualifiers) if qualifiers[key]
    )
    return f"pkg:{kind.value}/{path}@{quote(version, safe=_UNQUOTED)}" + (f"?{given}" if given else "")


_UNQUOTED = ":"
"""What a part of a package URL has as it is, beside letters, digits and `.-_~`."""
