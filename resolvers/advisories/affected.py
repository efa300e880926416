"""Which versions of a package an advisory concerns: spans, made of the events that advisories list."""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import Any, Final

from resolvers.advisories.versions import Key, NotAVersion, is_ordered, key_of

Span = tuple[str, str | None, str | None]
"""The first version affected (`0` is the first of all), that which fixes it, and the last one affected."""

FIRST: Final = "0"
_LAST, _FIXED, _INTRODUCED = range(3)


def spans_of(ecosystem: str, events: Sequence[tuple[str, str]]) -> list[Span]:
    """The spans of one range, from its events: their kinds `introduced`, `fixed`, `last_affected`; versions.

    Events that are out of order are put in it, as far as the rules of the ecosystem are known.
    """
    spans: list[Span] = []
    first: str | None = None
    for kind, version in _in_order(ecosystem, events):
        if kind == "introduced":
            first = version if first is None else first
        elif first is not None:
            spans.append((first, version, None) if kind == "fixed" else (first, None, version))
            first = None
    if first is not None:
        spans.append((first, None, None))
    return spans


def _in_order(ecosystem: str, events: Sequence[tuple[str, str]]) -> Sequence[tuple[str, str]]:
    if len(events) < 2 or not is_ordered(ecosystem):
        return sorted(events, key=lambda event: event != ("introduced", FIRST))
    key = key_of(ecosystem)

    def place(event: tuple[str, str]) -> Any:
        kind, version = event
        if event == ("introduced", FIRST):
            return (0,)
        # What fixes a version is no longer affected; the last one affected still is.
        return (
            1,
            key(version),
            _INTRODUCED if kind == "introduced" else _FIXED if kind == "fixed" else _LAST,
        )

    try:
        return sorted(events, key=place)
    except NotAVersion:
        return events


class Concerned:
    """Which versions of a package are affected, by spans in its ecosystem: made once and asked often."""

    def __init__(self, ecosystem: str, spans: Sequence[Sequence[Any]]) -> None:
        self._key = key_of(ecosystem) if is_ordered(ecosystem) else None
        self._spans = [] if self._key is None else list(self._keyed(self._key, spans))

    @staticmethod
    def _keyed(key: Key, spans: Sequence[Sequence[Any]]) -> Iterator[tuple[Any, Any, Any, Sequence[Any]]]:
        for span in spans:
            first, fixed, last = span
            # A bound that is no version bounds nothing that could be named.
            with suppress(NotAVersion):
                yield (
                    None if first == FIRST else key(first),
                    None if fixed is None else key(fixed),
                    None if last is None else key(last),
                    span,
                )

    def span_with(self, version: str) -> Sequence[Any] | None:
        """The span that a version is in, rather one with a fix; None if it is in none, or is no version."""
        if self._key is None or not self._spans:
            return None
        try:
            place = self._key(version)
        except NotAVersion:
            return None
        found = None
        for first, fixed, last, span in self._spans:
            if (
                (first is None or first <= place)
                and (fixed is None or place < fixed)
                and (last is None or place <= last)
            ):
                if span[1] is not None:
                    return span
                found = found or span
        return found


def outside(ecosystem: str, spans: Sequence[Span], versions: Sequence[str]) -> list[str]:
    """The listed versions that are in no span: advisories mostly list again what their ranges say."""
    if not versions:
        return []
    concerned = Concerned(ecosystem, spans)
    return [version for version in versions if concerned.span_with(version) is None]
