"""Images: what their layers become together. Layers above replace and take away what is beneath them."""

import asyncio
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Final, Protocol, TypeVar

from resolvers.advisories.match import compare_packages, is_uncompared
from resolvers.scan import bills
from resolvers.scan.interning import settle_distribution
from resolvers.scan.layer import LayerRecord
from resolvers.scan.listing import EntryKind, entries
from resolvers.scan.package import Distribution
from resolvers.scan.scanner import LayerState, NotScanned, Removals
from resolvers.scan.state import ScanState
from storage.clock import now_ms
from storage.statements import batches, execute, fetch, fetch_one, insert_many, placeholders
from storage.transactions import hold_row, transaction

MOST_FILES: Final = 200_000
"""Package files of all layers of an image together, which are in memory at once."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of the scan of an image; one that is queued is looked at again at `due_at_ms`."""

    state: ScanState
    reason: str | None = None
    due_at_ms: int | None = None


def above(path: str) -> Iterator[str]:
    """The directories above a path, from the nearest."""
    while "/" in path:
        path = path.rpartition("/")[0]
        yield path


async def combine(manifest_id: int, layers: Sequence[LayerRecord], version: int) -> None:
    """Write down that an image is scanned, and which files of its layers it does not have.

    `layers` are those of the image from the bottom up, and scanned. Raises `NotScanned` for too much.
    """
    layers = each_once(layers)
    files = await _files_of(layers)
    hidden = await _hidden(layers, files)
    release = next((found.distribution for found in reversed(layers) if found.distribution), None)
    if release is not None:
        await settle_distribution([file.id for file in files], release)
    await _compare([file.id for file in files])
    async with transaction("scan.combine"):
        if await _note(manifest_id, Outcome(ScanState.SCANNED), version, release):
            await execute("DELETE FROM hidden_file WHERE manifest_id = ?", manifest_id)
            rows = [(manifest_id, file_id) for file_id in sorted(hidden)]
            await insert_many("hidden_file", ("manifest_id", "file_id"), rows)
            await _settle_bills(manifest_id)


async def _compare(file_ids: Sequence[int]) -> None:
    """Find out which advisories concern the packages of files, before the image is said to be scanned."""
    for some in batches(file_ids):
        rows = await fetch(
            f"SELECT DISTINCT fp.package_id FROM found_package fp WHERE fp.file_id IN ({placeholders(some)})"
            f" AND {is_uncompared('fp.package_id')}",
            *some,
        )
        await compare_packages([row["package_id"] for row in rows])


async def note(manifest_id: int, outcome: Outcome, version: int) -> None:
    """Write down that an image is not scanned, and why."""
    async with transaction("scan.note"):
        if await _note(manifest_id, outcome, version, None):
            await _settle_bills(manifest_id)


async def _settle_bills(manifest_id: int) -> None:
    """In the open transaction, which has written the state of the image."""
    row = await fetch_one("SELECT repository_id, digest FROM manifest WHERE id = ?", manifest_id)
    if row is not None:
        await bills.settle(row["repository_id"], row["digest"])


async def _note(manifest_id: int, outcome: Outcome, version: int, release: Distribution | None) -> bool:
    """In the open transaction; False if the manifest is gone."""
    if not await hold_row("manifest", manifest_id):
        return False
    columns = {
        "manifest_id": manifest_id,
        "state": outcome.state.value,
        "reason": outcome.reason,
        "version": version,
        "scanned_at_ms": None if outcome.state is ScanState.QUEUED else now_ms(),
        "due_at_ms": outcome.due_at_ms,
        "distribution_name": release.name if release else None,
        "distribution_version": release.version if release else None,
    }
    changes = ", ".join(f"{name} = excluded.{name}" for name in columns if name != "manifest_id")
    await execute(
        f"INSERT INTO manifest_scan ({', '.join(columns)}) VALUES ({placeholders(list(columns))})"
        f" ON CONFLICT (manifest_id) DO UPDATE SET {changes}",
        *columns.values(),
    )
    return True


class Layer(Protocol):
    """A layer with an id."""

    @property
    def id(self) -> int:
        """Its id."""


L = TypeVar("L", bound=Layer)


def each_once(layers: Sequence[L]) -> list[L]:
    """The layers from the bottom up; one that is there twice counts where it is last."""
    last = {layer.id: place for place, layer in enumerate(layers)}
    return [layer for place, layer in enumerate(layers) if last[layer.id] == place]


@dataclass(frozen=True, slots=True)
class _File:
    """A package file: its id, the place of its layer from the bottom, and its path."""

    id: int
    place: int
    path: str


async def _files_of(layers: Sequence[LayerRecord]) -> list[_File]:
    """The package files of layers. Raises `NotScanned` where there are too many."""
    places = {layer.id: place for place, layer in enumerate(layers)}
    found: list[_File] = []
    for layer in layers:
        rows = await fetch(
            "SELECT id, layer_id, path FROM package_file WHERE layer_id = ? ORDER BY id LIMIT ?",
            *(layer.id, MOST_FILES + 1 - len(found)),
        )
        found += [_File(row["id"], places[row["layer_id"]], row["path"]) for row in rows]
        if len(found) > MOST_FILES:
            raise NotScanned(LayerState.FAILED, f"The image has more than {MOST_FILES} files with packages.")
    return found


async def _hidden(layers: Sequence[LayerRecord], files: Sequence[_File]) -> set[int]:
    """The ids of the package files that a layer above replaces or takes away."""
    hidden: set[int] = set()
    for place, layer in enumerate(layers):
        beneath = [file for file in files if file.place < place and file.id not in hidden]
        if beneath:
            paths = {path for file in beneath for path in (file.path, *above(file.path))}
            kinds = await _kinds_at(layer.id, paths)
            hidden |= await asyncio.to_thread(_hidden_by, layer.removals, kinds, beneath)
    return hidden


def _hidden_by(removals: Removals, kinds: Mapping[str, EntryKind], beneath: Sequence[_File]) -> set[int]:
    removed, emptied = set(removals.paths), set(removals.directories)
    replaced = {path for path, kind in kinds.items() if kind is not EntryKind.DIRECTORY}

    def is_gone(path: str) -> bool:
        if path in kinds or path in removed or "" in emptied:
            return True
        return any(step in removed or step in emptied or step in replaced for step in above(path))

    return {file.id for file in beneath if is_gone(file.path)}


async def _kinds_at(layer_id: int, paths: AbstractSet[str]) -> dict[str, EntryKind]:
    """What a layer has at some paths, from its listing."""
    rows = await fetch(
        "SELECT number, first_path FROM layer_listing WHERE layer_id = ? ORDER BY number", layer_id
    )
    firsts = [row["first_path"] for row in rows]
    wanted = sorted({bisect_right(firsts, path) - 1 for path in paths} - {-1})
    found: dict[str, EntryKind] = {}
    for place in wanted:
        row = await fetch_one(
            "SELECT content FROM layer_listing WHERE layer_id = ? AND number = ?",
            *(layer_id, rows[place]["number"]),
        )
        if row is not None:
            found |= await asyncio.to_thread(_kinds_in, row["content"], paths)
    return found


def _kinds_in(content: bytes, paths: AbstractSet[str]) -> dict[str, EntryKind]:
    return {
        entry.path: entry.kind
        for entry in entries(content)
        if entry.path in paths and entry.kind not in {EntryKind.REMOVED, EntryKind.OPAQUE}
    }
