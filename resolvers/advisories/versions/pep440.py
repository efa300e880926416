"""Versions of Python packages, as the version specifiers of Python order them."""

from packaging.version import InvalidVersion, Version

from resolvers.advisories.versions.errors import NotAVersion


def key(version: str) -> Version:
    """Sorts like the version. Raises `NotAVersion`."""
    try:
        return Version(version)
    except InvalidVersion as error:
        raise NotAVersion(version) from error
