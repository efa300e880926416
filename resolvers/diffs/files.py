"""Files that differ between two images: both are read in the order of paths, as far as they can differ.

What the lowest layers of both have in common is looked at only where a layer above it has something, or takes
something away.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

import orjson

from resolvers.context import Context
from resolvers.diffs.diff import Change
from resolvers.pages import Page, Slice, Term, check_first, keyset_cursor, keyset_of
from resolvers.scan.cursor import BEHIND, TAKES_AWAY, Cursor, Cursors, ListedLayer, Place, Reading, View
from resolvers.scan.files import FileType, ImageFile, checked_path, file_of, implied
from resolvers.scan.listing import EntryKind, path_of
from resolvers.scan.parts import PartReader

MOST_WORK: Final = 2_000_000
"""What one page may cost, in the time that it takes to skip a line that is the same in both images."""
PATH_COST: Final = 30
"""What it costs to look at a path, and as much more as there are layers."""
PROBE_COST: Final = 20
"""What it costs to look ahead in a layer for what is in a path."""
MOST_PARTS: Final = 1_000
"""Parts of listings after which a page ends."""
_BY_PATH: Final = (Term("path", "path", kind=str),)


@dataclass(frozen=True, slots=True)
class FileChange:
    """A path at which two images differ; None where there is nothing."""

    path: str
    before: ImageFile | None
    after: ImageFile | None

    @property
    def change(self) -> Change:
        """What comes of it."""
        return Change.of(self.before, self.after)


@dataclass(frozen=True, slots=True)
class _Part:
    """A part of what differs, in the order of paths. `resume` is the path that it goes on after."""

    changes: list[FileChange]
    resume: str | None


async def changes(
    context: Context, parts: PartReader, images: tuple[int, int], path: str, page: Page
) -> Slice[FileChange] | None:
    """One page of the files that differ between two authorized images, at a path and in it.

    None unless both are scanned. Raises `Invalid`, and what `PartReader` raises.
    """
    below = checked_path(path, "path")
    first = check_first(page.first, maximum=context.max_first)
    keyset = keyset_of(page, _BY_PATH)
    found = await parts.run(images, partial(_begin, images, below, keyset[0] if keyset else None, first))
    if found is None:
        return None
    return Slice(
        found.changes,
        [keyset_cursor(change.path) for change in found.changes],
        has_next=found.resume is not None,
        has_previous=page.after is not None,
        is_counted=False,
        resume=keyset_cursor(found.resume) if found.resume is not None else None,
    )


def _begin(
    images: tuple[int, int],
    path: str,
    after: str | None,
    first: int,
    layers: Mapping[int, Sequence[ListedLayer]],
) -> Reading[_Part]:
    before, later = (layers[image] for image in images)
    return _Comparison(before, later).changes(path, after, first)


@dataclass(frozen=True, slots=True)
class _Step:
    """A path that was looked at, and of both images the least number of a layer that counts beneath it."""

    path: str
    levels: tuple[int, int]

    def holds(self, path: str) -> bool:
        """Whether a path is beneath it."""
        length = len(self.path)
        # What is quick to see comes first: there may be as many steps as a path has characters.
        return not length or (path[length : length + 1] == "/" and path.startswith(self.path))


class _Comparison:
    """Two images, of which the lowest layers may be the same."""

    def __init__(self, before: Sequence[ListedLayer], later: Sequence[ListedLayer]) -> None:
        layers = {layer.id: layer for layer in (*before, *later)}
        places = {identity: place for place, identity in enumerate(layers)}
        self._cursors = Cursors(layers.values())
        self._views = tuple(
            View(self._cursors, [places[layer.id] for layer in some]) for some in (before, later)
        )
        pairs = zip(before, later, strict=False)
        self._common = next(
            (number for number, (one, other) in enumerate(pairs) if one.id != other.id),
            min(len(before), len(later)),
        )
        self._base = [self._cursors.all[place] for place in self._views[0].places[: self._common]]
        base = set(self._views[0].places[: self._common])
        self._upper_places = [place for place in range(len(layers)) if place not in base]
        self._upper = [self._cursors.all[place] for place in self._upper_places]
        self._work = 0
        self._last = ""
        """The last path that was looked at."""
        self._steps: list[_Step] = []
        """What was looked at, as far as the last path begins so: all that lead to it are among them."""

    def changes(self, path: str, after: str | None, first: int) -> Reading[_Part]:
        """What differs at a path and in it, after another path."""
        found: list[FileChange] = []
        last = after if after is not None else path
        for before in _leading(last):
            yield from self._cursors.seek(before)
            yield from self._look(before)
        if last:
            yield from self._cursors.seek(last)
            change = yield from self._look(last)
            found += [change] if change is not None and after is None else []
        inside = f"{path}/" if path else ""
        if last <= inside:
            yield from self._cursors.seek(inside, self._upper)
        # At least one path is gone beyond, so that pages come to an end.
        most = max(MOST_WORK, self._spent + 1)
        while self._spent < most and self._cursors.read <= MOST_PARTS:
            upcoming = yield from self._next(inside)
            if upcoming is None or not upcoming.startswith(inside):
                return _Part(found, None)
            if self._skip(upcoming):
                continue
            change = yield from self._look(upcoming)
            if change is not None:
                if len(found) == first:
                    return _Part(found, found[-1].path)
                found.append(change)
        return _Part(found, self._last)

    @property
    def _spent(self) -> int:
        """What the page has cost so far."""
        return self._work + PROBE_COST * self._cursors.probes

    def _next(self, inside: str) -> Reading[str | None]:
        """The next path at which the images may differ."""
        upper = yield from self._next_above()
        while (base := _first(self._base)) is not None and (upper is None or base < upper):
            step = next(step for step in reversed(self._steps) if step.holds(base))
            if base >= inside and self._differs(step):
                return base
            # To where the images may differ again: in or behind a directory, or where a layer has something.
            starts = [f"{one.path}/" for one in self._steps if one.path and self._differs(one)]
            targets = [start for start in (*starts, inside) if start > base]
            targets += [upper] if upper is not None else []
            targets += [step.path + BEHIND] if step.path else []
            if not targets:
                return None
            yield from self._cursors.seek(min(targets), self._base)
        return upper

    def _next_above(self) -> Reading[str | None]:
        """The next path at which layers above the common ones have something, or in which they have."""
        path = _first(self._upper)
        if path is None or not self._base:
            return path
        for start in _leading(path):
            # What is a file in the common layers is a directory then.
            if start > self._last and (
                path.startswith(f"{start}/")
                or (yield from self._cursors.has_ahead(f"{start}/", self._upper_places)) is not None
            ):
                return start
        return path

    def _differs(self, step: _Step) -> bool:
        """Whether other layers of those in common count beneath a path in one image than in the other."""
        before, later = step.levels
        return min(before, self._common) != min(later, self._common)

    def _look(self, path: str) -> Reading[FileChange | None]:
        """Whether the images differ at a path, which is behind all that were looked at."""
        levels = self._levels(path)
        self._work += PATH_COST + len(self._cursors.all)
        if self._base:
            yield from self._cursors.seek(path, self._base)
        entries = yield from self._cursors.take(path)
        before, later = (view.at(entries, level) for view, level in zip(self._views, levels, strict=True))
        beneath = (before.beneath, later.beneath)
        if beneath != levels or not path:
            self._steps.append(_Step(path, beneath))
        if not path or (before.line is None and later.line is None):
            return None
        by = (
            (yield from self._views[0].implied(path, before)),
            (yield from self._views[1].implied(path, later)),
        )
        if before.line == later.line and (by[0] is None) is (by[1] is None):
            return None
        files = [
            self._file(path, view, place, implied_by)
            for view, place, implied_by in zip(self._views, (before, later), by, strict=True)
        ]
        # Directories that nobody lists have no permissions, and are told by what is in them.
        is_listed = any(file is not None and file.mode is not None for file in files)
        return FileChange(path, *files) if is_listed and _differ(*files) else None

    def _levels(self, path: str) -> tuple[int, int]:
        """Of both images the least number of a layer that counts at a path, which is looked at now."""
        self._last = path
        while self._steps and not path.startswith(self._steps[-1].path):
            self._steps.pop()
        return next((step.levels for step in reversed(self._steps) if step.holds(path)), (0, 0))

    def _skip(self, path: str) -> bool:
        """Go beyond what one layer of each image has in the same lines, from a path on; whether there is any.

        Nobody else has these paths, or anything in them. Images are mostly the same where they have no layers
        in common, and so it is this that takes the time.
        """
        if self._base:
            return False
        heads = [place for place, cursor in enumerate(self._cursors.all) if cursor.head == path]
        pair = self._pair(heads)
        if pair is None:
            return False
        one, other = (self._cursors.all[place] for place in pair)
        numbers = [view.number(place) for view, place in zip(self._views, pair, strict=True)]
        limit = _first([cursor for cursor in self._cursors.all if cursor is not one and cursor is not other])
        begun = self._work
        while (line := one.line) is not None and line == other.line and (after := one.following) is not None:
            path, kind, *_ = orjson.loads(line)
            upcoming = path_of(after)
            same = other.following
            if limit is not None and (path >= limit or limit.startswith(path)):
                break
            # A path may have several lines.
            if kind in TAKES_AWAY or upcoming == path or same is None:
                break
            following = upcoming if same == after else path_of(same)
            if following == path:
                break
            levels = self._levels(path)
            if (levels[0] <= numbers[0]) is not (levels[1] <= numbers[1]):
                break
            if kind != EntryKind.DIRECTORY and (upcoming.startswith(path) or following.startswith(path)):
                self._steps.append(
                    _Step(path, (max(levels[0], numbers[0] + 1), max(levels[1], numbers[1] + 1)))
                )
            one.skip(upcoming)
            if other is not one:
                other.skip(following)
            self._work += 1
        return self._work > begun

    def _pair(self, places: Sequence[int]) -> tuple[int, int] | None:
        """The places of the layers of both images, if each has one alone of some layers."""
        before, later = ([place for place in places if view.has(place)] for view in self._views)
        return (before[0], later[0]) if len(before) == len(later) == 1 else None

    def _file(self, path: str, view: View, place: Place, implied_by: int | None) -> ImageFile | None:
        if implied_by is not None:
            return implied(path, self._cursors.all[implied_by].layer.digest)
        if place.line is None:
            return None
        return file_of(place.line, self._cursors.all[view.places[place.number]].layer.digest)


def _first(cursors: Sequence[Cursor]) -> str | None:
    """The first path that is ahead of some cursors."""
    return min((cursor.head for cursor in cursors if cursor.head is not None), default=None)


def _leading(path: str) -> Iterator[str]:
    """What a path begins with and may be a path, of which what is beneath comes later or holds the path."""
    yield ""
    yield from (path[:at] for at in range(1, len(path)) if path[at] < BEHIND and path[at - 1] != "/")


def _differ(before: ImageFile | None, later: ImageFile | None) -> bool:
    if before is None or later is None:
        return before is not later
    if before.type is later.type is FileType.DIRECTORY and None in {before.mode, later.mode}:
        # Nobody lists one of them, so that its permissions are those that whoever unpacks it likes.
        return False
    return (before.type, before.mode, before.size_bytes, before.digest, before.target) != (
        later.type,
        later.mode,
        later.size_bytes,
        later.digest,
        later.target,
    )
