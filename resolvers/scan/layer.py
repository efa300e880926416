"""Layers: what was found in each of them, written once for all images that have it."""

import asyncio
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import orjson

from resolvers.scan.interning import intern
from resolvers.scan.package import Distribution, Package
from resolvers.scan.scanner import LayerContents, LayerState, NotScanned, PackageFile, Removals
from storage.clock import now_ms
from storage.faults import fault
from storage.statements import (
    INSERT_BATCH,
    Row,
    batches,
    execute,
    fetch,
    fetch_one,
    insert_many,
    placeholders,
)
from storage.transactions import key_share, transaction

REMOVALS_BYTES: Final = 1024 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class LayerRecord:
    """A layer that was read, without its packages and files."""

    id: int
    digest: str
    state: LayerState
    reason: str | None
    version: int
    distribution: Distribution | None
    removals: Removals


def _record(row: Row) -> LayerRecord:
    removed: dict[str, Any] = {}
    if row["removals"]:
        removed = orjson.loads(zlib.decompressobj().decompress(row["removals"], REMOVALS_BYTES))
    return LayerRecord(
        id=row["id"],
        digest=row["digest"],
        state=LayerState(row["state"]),
        reason=row["reason"],
        version=row["version"],
        distribution=(
            Distribution(row["distribution_name"], row["distribution_version"])
            if row["distribution_name"]
            else None
        ),
        removals=Removals(removed.get("paths", ()), removed.get("directories", ())),
    )


async def by_digests(digests: Sequence[str]) -> dict[str, LayerRecord]:
    """Layers that were read, by digest."""
    found: dict[str, LayerRecord] = {}
    for batch in batches(sorted(set(digests))):
        rows = await fetch(
            "SELECT id, digest, state, reason, version, distribution_name, distribution_version, removals"
            f" FROM scanned_layer WHERE digest IN ({placeholders(batch)})",
            *batch,
        )
        found |= {row["digest"]: _record(row) for row in rows}
    return found


async def store(
    digest: str, version: int, found: LayerContents | NotScanned, beneath: Distribution | None
) -> None:
    """Write what a scanner of this version found in a layer, or why it did not read it.

    In place of what an earlier version found. `beneath` is the distribution that layers beneath it name. If
    another process was faster, or the blob is gone, nothing is written.
    """
    contents = found if isinstance(found, LayerContents) else None
    distribution = contents.distribution if contents else None
    packages = [package for file in contents.package_files for package in file.packages] if contents else []
    ids = await intern(packages, distribution or beneath)
    removals = await asyncio.to_thread(_packed, contents.removals) if contents else None
    async with transaction("layer.store"):
        await execute("DELETE FROM scanned_layer WHERE digest = ? AND version < ?", digest, version)
        layer_id = await _insert(digest, version, found, removals, distribution)
        if layer_id is None or contents is None:
            return
        for number, part in enumerate(contents.listing):
            await execute(
                "INSERT INTO layer_listing (layer_id, number, first_path, content) VALUES (?, ?, ?, ?)",
                *(layer_id, number, part.first_path.partition("\0")[0], part.content),
            )
        await _insert_packages(layer_id, contents.package_files, ids)
        fault("scan.before_layer")


def _packed(removals: Removals) -> bytes | None:
    """What a layer takes away, as its row has it."""
    text = orjson.dumps({"paths": removals.paths, "directories": removals.directories})
    return zlib.compress(text) if removals.paths or removals.directories else None


async def _insert(
    digest: str,
    version: int,
    found: LayerContents | NotScanned,
    removals: bytes | None,
    distribution: Distribution | None,
) -> int | None:
    """Insert the row of a layer; its id, None if there is one or the blob is gone."""
    blob = await fetch_one(f"SELECT id FROM blob WHERE digest = ? AND state = 'stored'{key_share()}", digest)
    if blob is None:
        return None
    row: dict[str, Any] = {
        "blob_id": blob["id"],
        "digest": digest,
        "version": version,
        "scanned_at_ms": now_ms(),
        "problems": "[]",
        "size_bytes": 0,
        "entry_count": 0,
    }
    if isinstance(found, NotScanned):
        row |= {"state": found.state.value, "reason": found.reason}
    else:
        row |= {
            "state": LayerState.SCANNED.value,
            "size_bytes": found.size_bytes,
            "entry_count": found.entry_count,
            "problems": orjson.dumps(found.problems).decode(),
            "removals": removals,
        }
    if distribution is not None:
        row |= {"distribution_name": distribution.name, "distribution_version": distribution.version}
    made = await fetch_one(
        f"INSERT INTO scanned_layer ({', '.join(row)}) VALUES ({placeholders(list(row))})"
        " ON CONFLICT (digest) DO NOTHING RETURNING id",
        *row.values(),
    )
    return int(made["id"]) if made else None


async def _insert_packages(layer_id: int, files: Sequence[PackageFile], ids: Mapping[Package, int]) -> None:
    for batch in batches(files, INSERT_BATCH):
        rows = await fetch(
            "INSERT INTO package_file (layer_id, path, parser) VALUES "
            + ", ".join(["(?, ?, ?)"] * len(batch))
            + " RETURNING id, path, parser",
            *(value for file in batch for value in (layer_id, file.path, file.parser)),
        )
        made = {(row["path"], row["parser"]): row["id"] for row in rows}
        found = [
            (made[file.path, file.parser], package_id)
            for file in batch
            for package_id in sorted({ids[package] for package in file.packages})
        ]
        await insert_many("found_package", ("file_id", "package_id"), found)
