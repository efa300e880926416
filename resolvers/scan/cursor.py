"""Cursors: places in the listings of layers, which read only parts that may hold what is asked.

They do no input: what needs parts is a generator, which yields the numbers of those it wants, and is sent
their content. So the work on them can be done in a thread, and the reading outside of it.
"""

from bisect import bisect_left
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple, TypeAlias, TypeVar

import orjson

from resolvers.scan.listing import EntryKind, TooLarge, lines_of, path_of

HELD_BYTES: Final = 256 * 1024 * 1024
"""Most that the parts of all cursors take at once; those of an ordinary layer take 1 MiB."""
BEHIND: Final = "0"
"""What follows `/`: all paths in the directory `a` are between `a/` and `a0`."""
TAKES_AWAY: Final = (EntryKind.REMOVED, EntryKind.OPAQUE)
"""Entries that are none of the image."""

T = TypeVar("T")
Wanted: TypeAlias = list[tuple[int, int]]
"""Parts of listings, each by the id of its layer and its number."""
Reading: TypeAlias = Generator[Wanted, Sequence[bytes], T]
"""What yields the parts that it wants, is sent their content, and returns a value."""
Line: TypeAlias = list[Any]
"""An entry as it is listed: path, kind, mode, size, and the digest or the target."""


@dataclass(frozen=True, slots=True)
class ListedLayer:
    """A layer that was scanned; `first_paths` are those of the parts of its listing."""

    id: int
    digest: str
    first_paths: Sequence[str]


class Cursor:
    """A place in the listing of one layer.

    `head` is the path of the next entry, None at the end. It is unknown while a part is `wanted`. `line` is
    the line of the head, and `following` the one after it, None if they are in parts that are not there.
    """

    __slots__ = ("_aside", "_at", "_firsts", "_lines", "_number", "_target", "head", "layer", "wanted")

    def __init__(self, layer: ListedLayer) -> None:
        self.layer = layer
        self._firsts = layer.first_paths
        self.head: str | None = self._firsts[0] if self._firsts else None
        self.wanted: int | None = None
        self._number = 0
        self._lines: list[bytes] | None = None
        self._at = 0
        self._target = ""
        self._aside: tuple[int, list[bytes]] | None = None

    def seek(self, path: str) -> None:
        """Go to the first entry that is not before a path, unless it is behind that already."""
        if self.head is None or self.head >= path:
            return
        # Entries of one path may be in two parts.
        number = max(bisect_left(self._firsts, path) - 1, self._number)
        if number > self._number:
            self._number, self._lines, self._at = number, None, 0
        self._want(path)

    def open(self) -> None:
        """Want the part of the head, unless it is there."""
        if self._lines is None and self.head is not None:
            self._want(self.head)

    def _want(self, path: str) -> None:
        self._target = path
        if self._lines is None and self._aside and self._aside[0] == self._number:
            self._lines, self._aside = self._aside[1], None
        if self._lines is None:
            self.wanted = self._number
        else:
            self._find()

    def give(self, lines: list[bytes]) -> None:
        """Take the lines of the part that is wanted."""
        self.wanted = None
        self._lines = lines
        self._find()

    def _find(self) -> None:
        assert self._lines is not None
        self._at = bisect_left(self._lines, self._target, self._at, key=path_of)
        self._look()

    def _look(self) -> None:
        """Set the head, which may be that of the next part."""
        if self._lines is not None and self._at < len(self._lines):
            self.head = path_of(self._lines[self._at])
            return
        self._number += 1
        self._lines, self._at = None, 0
        self.head = self._firsts[self._number] if self._number < len(self._firsts) else None

    def take(self) -> list[Line]:
        """The entries of the head's path that its part has, and go beyond them. The part is there."""
        assert self._lines is not None
        path = self.head
        found: list[Line] = []
        while self._at < len(self._lines):
            line = orjson.loads(self._lines[self._at])
            if line[0] != path:
                self.head = line[0]
                return found
            found.append(line)
            self._at += 1
        self._look()
        return found

    @property
    def line(self) -> bytes | None:
        """The line of the head."""
        return self._lines[self._at] if self._lines is not None and self._at < len(self._lines) else None

    @property
    def following(self) -> bytes | None:
        """The line behind that of the head."""
        lines, at = self._lines, self._at + 1
        return lines[at] if lines is not None and at < len(lines) else None

    def skip(self, head: str) -> None:
        """Go beyond the entry of the head, to that of the line that follows, which is there."""
        self._at += 1
        self.head = head

    def must_look(self, prefix: str) -> bool:
        """Whether the head alone does not tell what `has_ahead` is asked."""
        return self.head is not None and self.head < prefix

    def looking(self, prefix: str) -> Iterator[int]:
        """The number of the part that `has_ahead` needs, if it needs one that is not there."""
        if not self.must_look(prefix):
            return
        number = self._ahead(prefix)
        is_known = number + 1 < len(self._firsts) and self._firsts[number + 1].startswith(prefix)
        if not is_known and self._held(number) is None:
            yield number

    def set_aside(self, number: int, lines: list[bytes]) -> None:
        """Take the lines of the part that `looking` named."""
        if number == self._number:
            self._lines = lines
        else:
            self._aside = (number, lines)

    def has_ahead(self, prefix: str) -> bool:
        """Whether an entry ahead has a path that begins so."""
        if not self.must_look(prefix):
            return self.head is not None and self.head.startswith(prefix)
        number = self._ahead(prefix)
        if number + 1 < len(self._firsts) and self._firsts[number + 1].startswith(prefix):
            return True
        lines = self._held(number)
        assert lines is not None
        at = bisect_left(lines, prefix, self._at if number == self._number else 0, key=path_of)
        return at < len(lines) and path_of(lines[at]).startswith(prefix)

    def _held(self, number: int) -> list[bytes] | None:
        """The lines of a part, if they are there."""
        if number == self._number and self._lines is not None:
            return self._lines
        return self._aside[1] if self._aside and self._aside[0] == number else None

    def _ahead(self, prefix: str) -> int:
        return max(bisect_left(self._firsts, prefix) - 1, self._number)

    @property
    def held_bytes(self) -> int:
        """About how much its parts take in memory."""
        aside = self._aside[1] if self._aside else ()
        return sum(map(len, self._lines or ())) + sum(map(len, aside))


class Cursors:
    """Cursors of some layers, which go forward together.

    `read` is how many parts they have read, and `probes` how often one of them has looked ahead.
    """

    def __init__(self, layers: Iterable[ListedLayer]) -> None:
        self.all = [Cursor(layer) for layer in layers]
        self.read = self.probes = 0
        self._held: dict[int, int] = {}

    def seek(self, path: str, some: Sequence[Cursor] | None = None) -> Reading[None]:
        """Take some of them, or all, to a path."""
        moved = self.all if some is None else some
        for cursor in moved:
            cursor.seek(path)
        yield from self._fill(moved)

    def take(self, path: str) -> Reading[dict[int, list[Line]]]:
        """The entries of a path, by the places of the cursors that have some."""
        found: dict[int, list[Line]] = {}
        while some := [place for place, cursor in enumerate(self.all) if cursor.head == path]:
            opened = [self.all[place] for place in some]
            for cursor in opened:
                cursor.open()
            yield from self._fill(opened)
            for place in some:
                found.setdefault(place, []).extend(self.all[place].take())
        return found

    def has_ahead(self, prefix: str, places: Iterable[int]) -> Reading[int | None]:
        """The first of some places whose cursor has an entry ahead with a path that begins so."""
        for place in places:
            cursor = self.all[place]
            self.probes += cursor.must_look(prefix)
            for number in cursor.looking(prefix):
                (content,) = yield [(cursor.layer.id, number)]
                self.read += 1
                cursor.set_aside(number, lines_of(content))
                self._count([cursor])
            if cursor.has_ahead(prefix):
                return place
        return None

    def _fill(self, some: Sequence[Cursor]) -> Reading[None]:
        waiting = [cursor for cursor in some if cursor.wanted is not None]
        if waiting:
            contents = yield [(cursor.layer.id, cursor.wanted or 0) for cursor in waiting]
            self.read += len(waiting)
            for cursor, content in zip(waiting, contents, strict=True):
                cursor.give(lines_of(content))
            self._count(waiting)

    def _count(self, changed: Sequence[Cursor]) -> None:
        self._held |= {cursor.layer.id: cursor.held_bytes for cursor in changed}
        if sum(self._held.values()) > HELD_BYTES:
            raise TooLarge


class Place(NamedTuple):
    """What an image has at a path.

    line        the entry that it shows, None if there is none: the path may be a directory all the same
    number      of the layer that has the entry
    level       the least number of a layer that may have made the path a directory
    beneath     the least number of a layer whose entries beneath the path count
    opaque      the number of a layer in which it is an opaque directory, -1 if in none that counts
    """

    line: Line | None
    number: int
    level: int
    beneath: int
    opaque: int


class View:
    """What some layers become together: `places` are those of their cursors, from the bottom up.

    Layers have numbers from the bottom up as well.
    """

    def __init__(self, cursors: Cursors, places: Sequence[int]) -> None:
        self._cursors = cursors
        self.places = places
        self._numbers = {place: number for number, place in enumerate(places)}

    def has(self, place: int) -> bool:
        """Whether a layer is one of them."""
        return place in self._numbers

    def number(self, place: int) -> int:
        """The number of one of them."""
        return self._numbers[place]

    def at(self, found: Mapping[int, list[Line]], level: int) -> Place:
        """What there is at a path. `found` are its entries; of layers beneath `level` they do not count."""
        shown: Line | None = None
        owner = opaque = -1
        is_removed = False
        exists = beneath = level
        numbers = [self._numbers[place] for place in found if place in self._numbers]
        for number in sorted(numbers, reverse=True):
            if number < level:
                break
            for line in found[self.places[number]]:
                kind = line[1]
                if kind == EntryKind.OPAQUE:
                    beneath = max(beneath, number)
                    opaque = opaque if is_removed else max(opaque, number)
                elif kind == EntryKind.REMOVED:
                    beneath, exists = max(beneath, number), max(exists, number)
                    is_removed = True
                else:
                    if shown is None and not is_removed:
                        shown, owner = line, number
                    if kind != EntryKind.DIRECTORY:
                        beneath, exists = max(beneath, number + 1), max(exists, number + 1)
        return Place(shown, owner, exists, beneath, opaque if opaque >= exists else -1)

    def implied(self, path: str, place: Place) -> Reading[int | None]:
        """The place of the topmost layer that has something in a path, which is no directory by its entry.

        None if it is no directory at all.
        """
        if place.line is not None and place.line[1] == EntryKind.DIRECTORY:
            return None
        above = self.places[place.level :][::-1]
        found = yield from self._cursors.has_ahead(f"{path}/", above)
        return self.places[place.opaque] if found is None and place.opaque >= 0 else found
