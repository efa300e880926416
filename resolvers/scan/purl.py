"""Package URLs of strangers, as the packages that scans would find: the way back from `purl_of`."""

from dataclasses import dataclass
from typing import Final
from urllib.parse import unquote

from packageurl import PackageURL

from resolvers.advisories.ecosystems import name_of, rules_of
from resolvers.scan.package import OF_DISTRIBUTIONS, Distribution, Ecosystem, Package

LONGEST: Final = 2_000
NAME_LENGTH: Final = 512
VERSION_LENGTH: Final = 255
SHORT_LENGTH: Final = 64
"""Of architectures, and of names and versions of distributions."""
_ECOSYSTEMS: Final = frozenset(kind.value for kind in Ecosystem)
_WITH_NAMESPACE: Final = {Ecosystem.MAVEN: ":", Ecosystem.NPM: "/", Ecosystem.GO: "/"}
"""What stands between the namespace and the name where both are the name."""

_AS_WRITTEN: Final = {Ecosystem.NPM, Ecosystem.APK}
"""Ecosystems in which names differ by the case of letters, such as `JSONStream` from `jsonstream`."""
_ALIASES: Final = {"redhat": "rhel", "alma": "almalinux"}
"""Names of distributions that are others in their `os-release`."""


@dataclass(frozen=True, slots=True)
class Named:
    """What a package URL names. The version is empty where it has none."""

    package: Package
    distribution: Distribution | None


def parsed(text: str) -> PackageURL | None:
    """A package URL; None if a text is none."""
    if len(text) > LONGEST:
        return None
    try:
        purl = PackageURL.from_string(text)
        if purl.type not in _AS_WRITTEN:
            return purl
        # The library makes small letters of their names, which scans and advisories have as they are.
        raw = PackageURL.from_string(text, normalize_purl=False)
    except ValueError:
        return None
    namespace = _unquoted(raw.namespace or "") or None
    return purl._replace(namespace=namespace, name=_unquoted(raw.name))


def _unquoted(part: str) -> str:
    return unquote(part).strip().strip("/")


def named_by(purl: PackageURL) -> Named | None:
    """The package of a package URL; None if its ecosystem is not known, or if a text is too long."""
    if purl.type not in _ECOSYSTEMS:
        return None
    kind = Ecosystem(purl.type)
    qualifiers = purl.qualifiers if isinstance(purl.qualifiers, dict) else {}
    name, version = purl.name, purl.version or ""
    if purl.namespace and kind in _WITH_NAMESPACE:
        name = f"{purl.namespace}{_WITH_NAMESPACE[kind]}{name}"
    epoch = qualifiers.get("epoch", "0")
    if kind is Ecosystem.RPM and version and epoch != "0":
        version = f"{epoch}:{version}"
    source_name, source_version = _source(kind, qualifiers.get("upstream", ""))
    package = Package(
        kind,
        name_of(rules_of(kind.value), name),
        version,
        source_name if source_name != name else None,
        source_version if source_version != version else None,
        qualifiers.get("arch") or None,
    )
    if not _fits(package):
        return None
    return Named(package, _distribution(kind, purl.namespace or "", qualifiers.get("distro", "")))


def _source(kind: Ecosystem, upstream: str) -> tuple[str | None, str | None]:
    """Name and version of the source package, as the qualifier `upstream` of syft has it."""
    if kind not in OF_DISTRIBUTIONS or not upstream:
        return None, None
    if kind is Ecosystem.RPM:
        parts = upstream.removesuffix(".src.rpm").rsplit("-", 2)
        return (parts[0], f"{parts[1]}-{parts[2]}") if len(parts) == 3 else (None, None)
    name, _, version = upstream.partition("@")
    return name or None, version or None


def _distribution(kind: Ecosystem, namespace: str, distro: str) -> Distribution | None:
    """The distribution, from `debian-12` or the version alone. The name of a release says too little."""
    if kind not in OF_DISTRIBUTIONS:
        return None
    name, _, version = distro.rpartition("-")
    if not version[:1].isdigit():
        return None
    return distribution_of(name or namespace, version)


def distribution_of(name: str, version: str) -> Distribution | None:
    """A distribution by texts of strangers; None if these are none."""
    # Small letters may be more than the capital ones were.
    name = name.lower()
    if not name or not all(len(text) <= SHORT_LENGTH and text.isprintable() for text in (name, version)):
        return None
    return Distribution(_ALIASES.get(name, name), version)


def _fits(package: Package) -> bool:
    lengths = (
        (package.name, NAME_LENGTH),
        (package.version, VERSION_LENGTH),
        (package.source_name or "", NAME_LENGTH),
        (package.source_version or "", VERSION_LENGTH),
        (package.architecture or "", SHORT_LENGTH),
    )
    return all(len(text) <= length and text.isprintable() for text, length in lengths)
