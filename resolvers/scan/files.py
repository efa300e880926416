"""Files of images: what is in a directory, as layers combine to it."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from typing import Final

from resolvers.context import Context
from resolvers.errors import BadRequest, Conflict, Invalid
from resolvers.pages import Page, Slice, Term, check_first, keyset_cursor, keyset_of
from resolvers.scan.cursor import BEHIND, Cursors, Line, ListedLayer, Place, Reading, View
from resolvers.scan.parts import PartReader

PATH_BYTES: Final = 4_096
MOST_NAMES: Final = 100_000
"""Names that one page looks at, those that are taken away included."""
MOST_PROBES: Final = 20_000
"""How often one page looks ahead in a layer, which a name may need for each `!` or `.` that it has."""
_PERMISSIONS: Final = 0o7777
_BY_NAME: Final = (Term("name", "name", kind=str),)


class FileType(StrEnum):
    """What a file is; the values are those of listings."""

    FILE = "f"
    DIRECTORY = "d"
    SYMLINK = "l"
    HARD_LINK = "h"
    DEVICE = "c"
    FIFO = "p"


@dataclass(frozen=True, slots=True)
class ImageFile:
    """A file of an image. `mode` is None for a directory that no layer lists, but what is in it.

    `layer_digest` is that of the layer which lists it, or else of the topmost one that lists what is in it.
    """

    path: str
    type: FileType
    mode: int | None
    size_bytes: int | None
    digest: str | None
    target: str | None
    layer_digest: str


@dataclass(frozen=True, slots=True)
class Children:
    """A part of what is in a directory, in the order of names. `resume` is the name that it goes on after."""

    files: list[ImageFile]
    resume: str | None


def file_of(line: Line, layer_digest: str) -> ImageFile:
    """The file of an entry."""
    path, kind, mode, size, more = line
    is_file = kind == FileType.FILE
    return ImageFile(
        path,
        FileType(kind),
        mode & _PERMISSIONS,
        size if is_file else None,
        f"sha256:{more}" if is_file and more else None,
        None if is_file else more,
        layer_digest,
    )


def implied(path: str, layer_digest: str) -> ImageFile:
    """A directory that no layer lists."""
    return ImageFile(path, FileType.DIRECTORY, None, None, None, None, layer_digest)


def checked_path(text: str, field: str) -> str:
    """A path as listings have it: `/usr/lib/` is `usr/lib`. Raises `Invalid`."""
    path = text.removeprefix("/").removesuffix("/")
    if any(step in {"", ".", ".."} for step in path.split("/")) and path:
        raise Invalid(f"{field}: must be a path without empty steps, `.` and `..`.", field=field)
    if len(path.encode("utf-8", "surrogatepass")) > PATH_BYTES:
        raise Invalid(f"{field}: must be at most {PATH_BYTES:,} bytes long.", field=field)
    return path


class FileReader:
    """Reads the directories that one request asks for. Beyond its limit it answers with an error."""

    def __init__(self, context: Context, parts: PartReader) -> None:
        self._maximum = context.max_first
        self._parts = parts

    async def pages(
        self, keys: Sequence[tuple[int, str, Page]]
    ) -> list[Slice[ImageFile] | BadRequest | Conflict | Invalid | None]:
        """A page of a directory of each of some authorized images; None for those that are not scanned."""
        return [await self._page(*key) for key in keys]

    async def _page(
        self, manifest_id: int, path: str, page: Page
    ) -> Slice[ImageFile] | BadRequest | Conflict | Invalid | None:
        try:
            directory = checked_path(path, "path")
            first = check_first(page.first, maximum=self._maximum)
            after = keyset_of(page, _BY_NAME)
            begin = partial(_begin, manifest_id, directory, after[0] if after else "", first)
            found = await self._parts.run([manifest_id], begin)
        except (BadRequest, Conflict, Invalid) as error:
            return error
        if found is None:
            return None
        return Slice(
            found.files,
            [keyset_cursor(file.path.rpartition("/")[2]) for file in found.files],
            has_next=found.resume is not None,
            has_previous=page.after is not None,
            is_counted=False,
            resume=keyset_cursor(found.resume) if found.resume is not None else None,
        )


def _begin(
    manifest_id: int, directory: str, after: str, first: int, layers: dict[int, Sequence[ListedLayer]]
) -> Reading[Children]:
    return _Directory(layers[manifest_id], directory).children(after, first)


class _Directory:
    """A directory of an image."""

    def __init__(self, layers: Sequence[ListedLayer], path: str) -> None:
        self._path = path
        self._base = f"{path}/" if path else ""
        self._cursors = Cursors(layers)
        self._view = View(self._cursors, range(len(layers)))
        self._seen = ""
        """The last name that was looked at."""

    def children(self, after: str, first: int) -> Reading[Children]:
        """What is in it after a name. Raises `Invalid` if it is no directory of the image."""
        level = yield from self._enter()
        self._seen = after
        yield from self._cursors.seek(self._base + after)
        found: list[ImageFile] = []
        # What it took to come here does not count, so that pages come to an end.
        most = self._cursors.probes + MOST_PROBES
        for _ in range(MOST_NAMES):
            name = yield from self._next(most)
            if name is None:
                return Children(found, None)
            if not name:
                break
            file = yield from self._file(name, level)
            if file is not None and len(found) == first:
                return Children(found, found[-1].path.rpartition("/")[2])
            self._seen = name
            found += [file] if file is not None else []
            if self._cursors.probes >= most:
                break
        return Children(found, self._seen)

    def _enter(self) -> Reading[int]:
        """Go to the directory; the level of what is in it."""
        level = 0
        steps = self._path.split("/") if self._path else []
        for number in range(len(steps) + 1):
            path = "/".join(steps[:number])
            yield from self._cursors.seek(path)
            entries = yield from self._cursors.take(path)
            place = self._view.at(entries, level)
            level = place.beneath
            if path and (place.line is None or place.line[1] != FileType.DIRECTORY):
                yield from self._require(path, place)
        return level

    def _require(self, path: str, place: Place) -> Reading[None]:
        """Raise `Invalid` unless there is a directory at a path for which the image lists something else."""
        if (yield from self._view.implied(path, place)) is not None:
            return
        line = place.line
        if line is None:
            raise Invalid(f"path: the image has no {path!r}.", field="path")
        if line[1] == FileType.SYMLINK:
            raise Invalid(f"path: {path!r} is a symbolic link to {line[4]!r}, no directory.", field="path")
        raise Invalid(f"path: {path!r} is no directory.", field="path")

    def _next(self, most_probes: int) -> Reading[str | None]:
        """The next name that a layer has, or that is implied by what is in it; None if there is none.

        Empty if it takes more probes to tell: there is nothing up to the name that was seen last.
        """
        base = self._base
        while True:
            path = min((one.head for one in self._cursors.all if one.head is not None), default=None)
            if path is None or not path.startswith(base):
                return None
            name = path[len(base) :].partition("/")[0]
            if name > self._seen:
                break
            # What is in a directory that was looked at.
            past = [
                one
                for one in self._cursors.all
                if one.head is not None and one.head < f"{base}{name}{BEHIND}"
            ]
            yield from self._cursors.seek(
                f"{base}{name}{BEHIND}" if path != base + name else path + "\0", past
            )
        # `lib.d` is before `lib/x`, which may be all that tells of `lib`.
        for length in range(max(1, len(_common(name, self._seen))), len(name)):
            if name[length] < "/" and name[:length] > self._seen:
                prefix = f"{base}{name[:length]}/"
                if (yield from self._cursors.has_ahead(prefix, self._view.places)) is not None:
                    return name[:length]
                if self._cursors.probes >= most_probes:
                    self._seen = name[:length]
                    return ""
        return name

    def _file(self, name: str, level: int) -> Reading[ImageFile | None]:
        """What the image has by a name; None if nothing."""
        path = self._base + name
        entries = yield from self._cursors.take(path)
        place = self._view.at(entries, level)
        implied_by = yield from self._view.implied(path, place)
        if implied_by is not None:
            return implied(path, self._cursors.all[implied_by].layer.digest)
        if place.line is None:
            return None
        return file_of(place.line, self._cursors.all[place.number].layer.digest)


def _common(one: str, other: str) -> str:
    """What both begin with."""
    length = next((at for at, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), None)
    return one[:length] if length is not None else min(one, other, key=len)
