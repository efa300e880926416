"""Parts of listings: what of them a request reads, and the work on them, which is done in a thread."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Final, TypeVar
from weakref import WeakKeyDictionary

from resolvers.errors import BadRequest, Conflict
from resolvers.scan.cursor import ListedLayer, Reading, Wanted
from resolvers.scan.image import each_once
from resolvers.scan.listing import TooLarge
from storage.statements import batches, fetch, placeholders

REQUEST_PARTS: Final = 4_000
"""Parts of listings that one request reads; one has at most 4,000 files."""
AT_ONCE: Final = 50
"""Parts that one statement reads."""
ATTEMPTS: Final = 2
REQUESTS_AT_ONCE: Final = 2
"""Requests of a process that work on listings at once; what they hold in memory is bounded so."""
_SLOTS: "Final[WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Semaphore]]" = WeakKeyDictionary()

T = TypeVar("T")


class _Gone(Exception):
    """A part is not there any more, since its layer is scanned anew."""


async def layers_of(manifest_ids: Sequence[int]) -> dict[int, list[ListedLayer]]:
    """The layers of scanned images from the bottom up; those of which one is not scanned have no entry."""
    rows = await fetch(
        "SELECT b.manifest_id, b.digest, l.id FROM manifest_blob b"
        " LEFT JOIN scanned_layer l ON l.digest = b.digest AND l.state = 'scanned'"
        f" WHERE b.role = 'layer' AND b.manifest_id IN ({placeholders(manifest_ids)})"
        " ORDER BY b.manifest_id, b.position",
        *manifest_ids,
    )
    missing = {row["manifest_id"] for row in rows if row["id"] is None}
    firsts = await _first_paths(sorted({row["id"] for row in rows if row["id"] is not None}))
    found: dict[int, list[ListedLayer]] = {one: [] for one in manifest_ids if one not in missing}
    for row in rows:
        if row["manifest_id"] in found:
            layer = ListedLayer(row["id"], row["digest"], firsts.get(row["id"], ()))
            found[row["manifest_id"]].append(layer)
    return {one: each_once(layers) for one, layers in found.items()}


async def _first_paths(layer_ids: Sequence[int]) -> Mapping[int, Sequence[str]]:
    found: dict[int, list[str]] = {}
    for some in batches(layer_ids):
        rows = await fetch(
            f"SELECT layer_id, first_path FROM layer_listing WHERE layer_id IN ({placeholders(some)})"
            " ORDER BY layer_id, number",
            *some,
        )
        for row in rows:
            found.setdefault(row["layer_id"], []).append(row["first_path"])
    return found


class PartReader:
    """Does the work of one request on listings, one after the other, and reads the parts that it wants."""

    def __init__(self) -> None:
        self._left = REQUEST_PARTS
        self._lock = asyncio.Lock()

    async def run(
        self,
        manifest_ids: Sequence[int],
        start: Callable[[Mapping[int, Sequence[ListedLayer]]], Reading[T]],
    ) -> T | None:
        """What the work returns that `start` begins with the layers of images; None if one is not scanned.

        Raises `BadRequest` for more than a request may read, and `Conflict` if a layer is scanned anew
        meanwhile.
        """
        slots = _SLOTS.setdefault(asyncio.get_running_loop(), asyncio.Semaphore(REQUESTS_AT_ONCE))
        async with self._lock, slots:
            for _ in range(ATTEMPTS):
                layers = await layers_of(manifest_ids)
                if len(layers) < len(set(manifest_ids)):
                    return None
                try:
                    return await self._run(start(layers))
                except _Gone:
                    continue
                except TooLarge as error:
                    raise BadRequest(
                        "The files of the image take too much memory to be looked at."
                    ) from error
        raise Conflict("The image is being scanned anew; ask again.")

    async def _run(self, work: Reading[T]) -> T:
        contents: list[bytes] | None = None
        while True:
            wanted, result = await asyncio.to_thread(_step, work, contents)
            if wanted is None:
                # What ends has a result.
                return result  # type: ignore[return-value]
            self._left -= len(wanted)
            if self._left < 0:
                raise BadRequest(
                    f"A request reads at most {REQUEST_PARTS:,} parts of listings of layers; ask for fewer."
                )
            contents = await _contents(wanted)


def _step(work: Reading[T], contents: list[bytes] | None) -> tuple[Wanted | None, T | None]:
    """Go on with work until it wants parts, or ends with its result."""
    try:
        return (next(work) if contents is None else work.send(contents)), None
    except StopIteration as end:
        return None, end.value


async def _contents(wanted: Wanted) -> list[bytes]:
    found: dict[tuple[int, int], bytes] = {}
    for some in batches(wanted, AT_ONCE):
        rows = await fetch(
            "SELECT layer_id, number, content FROM layer_listing WHERE "
            + " OR ".join(["(layer_id = ? AND number = ?)"] * len(some)),
            *(value for part in some for value in part),
        )
        found |= {(row["layer_id"], row["number"]): bytes(row["content"]) for row in rows}
    if len(found) < len(set(wanted)):
        raise _Gone
    return [found[part] for part in wanted]
