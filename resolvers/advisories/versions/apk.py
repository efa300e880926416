"""Versions of Alpine packages, as apk-package(5) describes them.

number{.number}[letter]{_suffix[number]}[~hash][-rnumber]
"""

import re
from typing import Any, Final

from resolvers.advisories.versions.errors import NotAVersion

_BEFORE: Final = ("alpha", "beta", "pre", "rc")
"""Suffixes of what comes before a release, the earliest first."""
_AFTER: Final = ("cvs", "svn", "git", "hg", "p")
_SUFFIX: Final = re.compile(rf"_({'|'.join((*_BEFORE, *_AFTER))})([0-9]*)", re.ASCII)
_VERSION: Final = re.compile(
    r"(?P<numbers>[0-9]+(?:\.[0-9]+)*)(?P<letter>[a-z]?)(?P<suffixes>(?:_[a-z]+[0-9]*)*)"
    r"(?:~(?P<hash>[0-9a-f]+))?(?:-r(?P<revision>[0-9]+))?",
    re.ASCII,
)
_SUFFIX_BEFORE, _END, _REVISION, _HASH, _SUFFIX_NUMBER, _SUFFIX_AFTER, _LETTER, _NUMBER = range(8)
"""Where two versions go on differently, that with the greater of these is newer."""


def _number(text: str) -> tuple[Any, ...]:
    """A number after a dot: one with a leading zero sorts as a fraction does, before all others."""
    return (0, text) if text.startswith("0") else (1, int(text))


def key(version: str) -> tuple[Any, ...]:
    """Sorts like the version. Raises `NotAVersion`."""
    found = _VERSION.fullmatch(version.strip())
    if found is None:
        raise NotAVersion(version)
    first, *further = found["numbers"].split(".")
    tokens: list[Any] = [(_NUMBER, int(first)), *((_NUMBER, *_number(one)) for one in further)]
    if found["letter"]:
        tokens.append((_LETTER, found["letter"]))
    suffixes = _SUFFIX.findall(found["suffixes"])
    if "".join(f"_{name}{number}" for name, number in suffixes) != found["suffixes"]:
        raise NotAVersion(version)
    for name, number in suffixes:
        tokens.append(
            (_SUFFIX_BEFORE, _BEFORE.index(name)) if name in _BEFORE else (_SUFFIX_AFTER, _AFTER.index(name))
        )
        if number:
            tokens.append((_SUFFIX_NUMBER, int(number)))
    if found["hash"]:
        tokens.append((_HASH, found["hash"]))
    if found["revision"]:
        tokens.append((_REVISION, int(found["revision"])))
    return (*tokens, (_END,))
