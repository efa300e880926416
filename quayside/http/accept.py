"""Media types: `Content-Type` and the ranges of `Accept` (RFC 9110 §8.3, §12.5.1)."""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class MediaType:
    """A media type or range with its parameters: `text/*`, `application/json;charset=utf-8`."""

    name: str
    parameters: dict[str, str]

    @classmethod
    def parse(cls, text: str) -> "MediaType":
        """Read one media type; parameters without a value are dropped."""
        name, *rest = text.split(";")
        pairs = (part.partition("=") for part in rest if "=" in part)
        parameters = {key.strip().lower(): value.strip().strip('"') for key, _, value in pairs}
        return cls(name.strip().lower(), parameters)

    @property
    def is_utf8(self) -> bool:
        """Whether the charset is UTF-8, which is the default."""
        return self.parameters.get("charset", "utf-8").lower() in {"utf-8", "utf8"}

    @property
    def quality(self) -> float:
        """The weight `q` of a range, 0 to 1; an invalid one counts as 0."""
        try:
            return min(max(float(self.parameters.get("q", "1")), 0.0), 1.0)
        except ValueError:
            return 0.0


@dataclass(frozen=True, order=True)
class Preference:
    """How much a client prefers a media type: the weight, then how exactly a range names it.

    `exactness` is 2 by name, 1 by `type/*`, 0 by `*/*`.
    """

    quality: float = 0.0
    exactness: int = 0


class Accept:
    """The `Accept` headers of one request; a request without any accepts everything."""

    def __init__(self, headers: Iterable[str]) -> None:
        ranges = [MediaType.parse(part) for header in headers for part in header.split(",") if part.strip()]
        self.ranges = ranges or [MediaType("*/*", {})]

    def preference(self, name: str) -> Preference:
        """The preference for a UTF-8 media type, from the most exact range that matches it."""
        patterns = ("*/*", name.partition("/")[0] + "/*", name)
        matching = (
            (patterns.index(wanted.name), wanted.quality)
            for wanted in self.ranges
            if wanted.name in patterns and wanted.is_utf8
        )
        exactness, quality = max(matching, default=(0, 0.0))
        return Preference(quality, exactness)
