"""`quayside storage fsck`: whether database and blob store agree; a server may be running.

Exit codes: 0 nothing is wrong, 1 something is, 2 it could not be found out.
"""

import argparse
import asyncio
import json
import sys
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from rich.filesize import decimal

from quayside.commands import CommandError, settings_of, terminal
from quayside.commands.database import open_context
from quayside.settings.parsers import duration
from quayside.settings.settings import Settings
from resolvers.content.findings import Finding, Kind, Tally
from resolvers.content.storage_check import Plan, check
from resolvers.manifests.liveness import GRACE_MS
from storage.blob_repair import Outcome
from storage.blobs import BlobError, BlobStore
from storage.readonly import ReadOnly

PRINTED = 1_000
"""How many findings of a kind are printed; all are counted, and `--json` prints all."""

_REPAIRS = {
    Kind.MISSING: "awaits-push",
    Kind.DAMAGED: "quarantined",
    Kind.RETURNED: "available",
    Kind.SIZE: "corrected",
    Kind.STRAY: "removed",
    Kind.MANIFEST: "quarantined",
    Kind.FIGURE: "corrected",
}
_IS_HELD = "A backup is running, so that no blob was moved or removed; repair again when it is through."
_YOUNG = "{} blobs that the database does not know are too young to be judged, and stay."


def run(arguments: argparse.Namespace) -> int:
    """Print what is wrong, a line for each finding and each image that it is part of, and at last totals."""
    try:
        return asyncio.run(_check(settings_of(arguments), _plan(arguments), as_json=arguments.json))
    except CommandError as error:
        reason: object = error
    except BlobError as error:
        reason = f"The blob store does not work: {error}."
    except ReadOnly as error:
        reason = error.sentence
    print(reason, file=sys.stderr)
    return 2


def _plan(arguments: argparse.Namespace) -> Plan:
    if arguments.digest and arguments.repository:
        raise CommandError("Name either --digest or --repository.")
    age_ms = GRACE_MS
    if arguments.stray_age is not None:
        try:
            age_ms = int(duration(arguments.stray_age).total_seconds() * 1000)
        except ValueError as error:
            raise CommandError(f"--stray-age must be {error}, not {arguments.stray_age!r}.") from error
    return Plan(arguments.repair, arguments.rehash, arguments.digest, arguments.repository, age_ms)


async def _check(settings: Settings, plan: Plan, *, as_json: bool) -> int:
    if settings.blob_url == "memory:":
        raise CommandError("The blob store is the memory of a server, which no other process can check.")
    report = _Report(as_json)
    async with open_context(settings) as context:
        with terminal.progress("Checking") as tell:
            telling = asyncio.create_task(_tell(report.tally, tell))
            try:
                async for finding in check(context.blobs, plan, report.tally):
                    report.show(finding)
            finally:
                telling.cancel()
        await report.end(context.blobs)
    return 1 if report.tally.found else 0


async def _tell(tally: Tally, tell: Any) -> None:
    """Keep the line of progress up to date."""
    while True:
        share = f" of {tally.total:,}" if tally.total else ""
        text = f"Checking {tally.stage}: {tally.done:,}{share}, {tally.found.total():,} findings"
        tell(f"{text}, {decimal(tally.read_bytes)} read" if tally.read_bytes else text)
        await asyncio.sleep(0.2)


@dataclass(slots=True)
class _Report:
    """What is printed."""

    as_json: bool
    tally: Tally = field(default_factory=Tally)
    repaired: Counter[str] = field(default_factory=Counter)

    def show(self, finding: Finding) -> None:
        """Print a finding, unless there were many of its kind."""
        repair = _repair(finding)
        if repair is not None:
            self.repaired[repair] += 1
        if self.as_json:
            print(json.dumps(_object(finding, repair)), flush=True)
            return
        if self.tally.found[finding.kind] > PRINTED:
            return
        values = {
            "bytes": finding.size_bytes,
            "repository": finding.repository if finding.digest else None,
            "images": finding.images.number or None,
            "repair": repair,
        }
        name = finding.digest or finding.repository or ""
        _print(finding.kind, name, *(f"{key}={value}" for key, value in values.items() if value is not None))
        for image in finding.images.named:
            _print("image", image.name, f"digest={image.digest}", f"needs={finding.digest}")
        if finding.images.number > len(finding.images.named):
            _print("image", f"and {finding.images.number - len(finding.images.named)} more")

    async def end(self, blobs: BlobStore) -> None:
        """Print the totals, and what else there is to say."""
        aside = [size async for _, size in blobs.quarantined()]
        tally = self.tally
        counts = {"blobs": tally.blobs, "manifests": tally.manifests, "read_bytes": tally.read_bytes}
        counts |= {kind.value: tally.found[kind] for kind in Kind}
        counts |= {"young": tally.young, "quarantined": len(aside), "quarantined_bytes": sum(aside)}
        if self.as_json:
            print(json.dumps({"kind": "total", **counts}), flush=True)
        else:
            shown = {"blobs", "manifests"} | {key for key, number in counts.items() if number}
            _print("total", *(f"{key}={number}" for key, number in counts.items() if key in shown))
        if self.repaired[Outcome.HELD]:
            print(_IS_HELD, file=sys.stderr)
        if tally.young:
            print(_YOUNG.format(tally.young), file=sys.stderr)


def _repair(finding: Finding) -> str | None:
    if finding.repair is Outcome.DONE:
        return _REPAIRS[finding.kind]
    return finding.repair


def _object(finding: Finding, repair: str | None) -> dict[str, Any]:
    return {
        "kind": finding.kind,
        "digest": finding.digest,
        "size_bytes": finding.size_bytes,
        "repository": finding.repository,
        "images": finding.images.number,
        "named_images": [
            {"repository": image.repository, "tag": image.tag, "digest": image.digest}
            for image in finding.images.named
        ],
        "repair": repair,
    }


def _print(*fields: str) -> None:
    print("\t".join(text.translate(terminal.CONTROLS) for text in fields), flush=True)
