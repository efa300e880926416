"""Versions of packages in the order of their ecosystem.

    key = key_of("Debian:12")
    key("1.0~rc1") < key("1.0")        # True

Each module has `key(version)`, which returns what sorts like versions do, or raises `NotAVersion`. Keys of
one ecosystem compare with each other, and are equal exactly where the versions are.
"""

from collections.abc import Callable
from functools import lru_cache
from typing import Any, Final

from resolvers.advisories.versions import apk, dpkg, gem, go, maven, pep440, rpm, semver
from resolvers.advisories.versions.errors import NotAVersion

__all__ = ["Key", "NotAVersion", "is_ordered", "key_of"]

Key = Callable[[str], Any]
"""Makes of a version what sorts like it."""

MAXIMUM_LENGTH: Final = 256
"""Characters of the longest version that is compared; real ones have a third of that at most."""


def _bounded(key: Key) -> Key:
    """A key that refuses what is too long, and remembers the keys of the last versions."""

    @lru_cache(8192)
    def bounded(version: str) -> Any:
        if len(version) > MAXIMUM_LENGTH:
            raise NotAVersion(version)
        return key(version)

    return bounded


_DPKG, _RPM, _APK, _SEMVER = (_bounded(module.key) for module in (dpkg, rpm, apk, semver))

_KEYS: Final[dict[str, Key]] = {
    "Debian": _DPKG,
    "Ubuntu": _DPKG,
    "Alpine": _APK,
    "Wolfi": _APK,
    "Chainguard": _APK,
    "MinimOS": _APK,
    "AlmaLinux": _RPM,
    "Azure Linux": _RPM,
    "Mageia": _RPM,
    "Photon OS": _RPM,
    "Red Hat": _RPM,
    "Rocky Linux": _RPM,
    "SUSE": _RPM,
    "openSUSE": _RPM,
    "openEuler": _RPM,
    "PyPI": _bounded(pep440.key),
    "npm": _SEMVER,
    "crates.io": _SEMVER,
    "Go": _bounded(go.key),
    "Maven": _bounded(maven.key),
    "RubyGems": _bounded(gem.key),
}
"""By the part of an ecosystem before its first colon, which is followed by a release of a distribution."""


def is_ordered(ecosystem: str) -> bool:
    """Whether the rules of an ecosystem are known."""
    return ecosystem.partition(":")[0] in _KEYS


def key_of(ecosystem: str) -> Key:
    """The key of an ecosystem such as `PyPI` or `Debian:12`. Raises `KeyError` if its rules are not known."""
    return _KEYS[ecosystem.partition(":")[0]]
