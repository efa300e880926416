"""Severities: the words of the registry, from the scores of vectors and from the words of others."""

from enum import StrEnum
from functools import lru_cache
from typing import Any, Final


class Severity(StrEnum):
    """How bad a vulnerability is, the worst first."""

    CRITICAL = "Critical"
    HIGH = "High"
    MEDIUM = "Medium"
    LOW = "Low"
    NEGLIGIBLE = "Negligible"
    UNKNOWN = "Unknown"

    @property
    def number(self) -> int:
        """The number in rows and in notifications; 0 is the worst."""
        return SEVERITIES.index(self)


SEVERITIES: Final = tuple(Severity)
"""The severities by their number."""

_LEAST_SCORES: Final = (
    (9.0, Severity.CRITICAL),
    (7.0, Severity.HIGH),
    (4.0, Severity.MEDIUM),
    (0.1, Severity.LOW),
    (0.0, Severity.NEGLIGIBLE),
)
"""The qualitative scale of CVSS 3 and 4, whose `None` is negligible."""

_WORDS: Final = {
    "critical": Severity.CRITICAL,
    "high": Severity.HIGH,
    "important": Severity.HIGH,
    "moderate": Severity.MEDIUM,
    "medium": Severity.MEDIUM,
    "low": Severity.LOW,
    "minor": Severity.LOW,
    "unimportant": Severity.NEGLIGIBLE,
    "negligible": Severity.NEGLIGIBLE,
    "none": Severity.NEGLIGIBLE,
}

_VERSIONS: Final = {"CVSS_V3": "CVSS3", "CVSS_V4": "CVSS4", "CVSS_V2": "CVSS2"}
"""Versions of CVSS with the names of their classes, that first which is taken of an advisory's vectors."""


def of_score(score: float) -> Severity:
    """The word for a score of CVSS."""
    return next(word for least, word in _LEAST_SCORES if score >= least)


def of_word(word: Any) -> Severity | None:
    """The severity that a source means by its word, such as `MODERATE`; None if that says nothing."""
    return _WORDS.get(word.strip().lower()) if isinstance(word, str) else None


def of_vectors(vectors: list[tuple[str, str]]) -> tuple[str, float] | None:
    """Of vectors, given with their types, that which counts and its base score; None if there is none."""
    for kind, version in _VERSIONS.items():
        for given, vector in vectors:
            if given != kind:
                continue
            score = _base_score(version, vector)
            if score is not None:
                return vector, score
    return None


@lru_cache(4096)
def _base_score(version: str, vector: str) -> float | None:
    # Only imports of advisories compute scores.
    import cvss

    try:
        return float(getattr(cvss, version)(vector).base_score)
    except (cvss.CVSSError, ArithmeticError):
        return None
