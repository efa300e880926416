"""Versions of Maven artifacts, in the order of the specification in Maven's reference of the POM.

Tokens are separated by dots, hyphens and underscores, and where digits and letters meet. Those that mean
nothing are cut off at the end of each section. A section begins with a hyphen or a word.
"""

import re
from typing import Any, Final

from resolvers.advisories.versions.errors import NotAVersion

_TOKENS: Final = re.compile(r"([.\-_]?)([0-9]+|[^0-9.\-_]+|(?=[.\-_]|$))")
_EARLY: Final = {"alpha": 0, "beta": 1, "milestone": 2, "rc": 3, "cr": 3, "snapshot": 4}
_SHORT: Final = {"a": "alpha", "b": "beta", "m": "milestone"}
"""What these letters stand for if a number follows at once."""
_NOTHING: Final = ("", "final", "ga", "release")
_BEFORE, _NONE, _SERVICE_PACK, _WORD, _SECTION_NUMBER, _NUMBER = range(6)
"""Ranks of tokens, the least first; a version that has ended goes on with `_NONE`."""


def _word(text: str) -> tuple[Any, ...]:
    if text in _NOTHING:
        return (_NONE,)
    if text in _EARLY:
        return (_BEFORE, _EARLY[text])
    return (_SERVICE_PACK,) if text == "sp" else (_WORD, text)


def _tokens(version: str) -> list[list[tuple[Any, ...]]]:
    """The ranked tokens of a version, by sections."""
    sections: list[list[tuple[Any, ...]]] = [[]]
    found = [match.groups() for match in _TOKENS.finditer(version)]
    for at, (separator, text) in enumerate(found):
        if at and not separator and not text:
            continue
        is_number = text.isdigit() or not text
        if at and (separator != "." or not is_number):
            sections.append([])
        if is_number:
            is_first = len(sections) > 1 and not sections[-1]
            sections[-1].append((_SECTION_NUMBER if is_first else _NUMBER, int(text or 0)))
            continue
        meets = at + 1 < len(found) and not found[at + 1][0] and found[at + 1][1].isdigit()
        sections[-1].append(_word(_SHORT.get(text, text) if meets else text))
    return sections


def key(version: str) -> tuple[Any, ...]:
    """Sorts like the version. Raises `NotAVersion`."""
    text = version.strip().lower()
    if not text or not text.isascii() or any(character.isspace() for character in text):
        raise NotAVersion(version)
    sections = _tokens(text)
    for section in sections:
        while section and section[-1] in {(_NONE,), (_NUMBER, 0), (_SECTION_NUMBER, 0)}:
            section.pop()
    return (*(token for section in sections for token in section), (_NONE,))
