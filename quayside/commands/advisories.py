"""`quayside advisories import`: advisories from files of OSV JSON; servers may be running."""

import argparse
import asyncio
import sys
from collections.abc import Iterable, Iterator

from quayside.commands import advisory_files, settings_of, terminal
from quayside.commands.advisory_files import Tell
from quayside.commands.database import open_context
from quayside.settings.settings import Settings
from resolvers.advisories import imports, osv
from resolvers.advisories.imports import Written
from resolvers.advisories.osv import Outline, Record

_AT_ONCE = 1_000
"""Records that are compared at once with those that are known; each has some kilobytes."""


class _Reader:
    """The records of all paths; those that are bad are named on standard error, and counted."""

    def __init__(self, paths: list[str], tell: Tell) -> None:
        self._paths, self._tell = paths, tell
        self.read = self.bad = 0

    def outlines(self) -> Iterator[list[tuple[str, Outline]]]:
        """The records in batches, with their places."""
        batch: list[tuple[str, Outline]] = []
        for path in self._paths:
            for found in advisory_files.records(path, self._tell):
                self.read += 1
                try:
                    batch.append((found.place, found.outline()))
                except osv.BadRecord as error:
                    self._name(found.place, error)
                if len(batch) == _AT_ONCE:
                    yield batch
                    batch = []
        yield batch

    def records(self, places: Iterable[tuple[str, Outline]]) -> Iterator[Record]:
        """The outlined records as wholes."""
        for place, one in places:
            try:
                yield osv.parse(one)
            except osv.BadRecord as error:
                self._name(place, error)

    def _name(self, place: str, error: osv.BadRecord) -> None:
        self.bad += 1
        print(f"{place}: {error}".translate(terminal.CONTROLS), file=sys.stderr)


def run(arguments: argparse.Namespace) -> int:
    """Print a line with the numbers of records; 1 if some were bad."""
    advisory_files.check(arguments.paths)
    return asyncio.run(_import(settings_of(arguments), arguments.paths))


async def _import(settings: Settings, paths: list[str]) -> int:
    written = Written()
    async with open_context(settings):
        with terminal.bar() as tell:
            reader = _Reader(paths, tell)
            for outlines in reader.outlines():
                fresh = {id(one) for one in await imports.fresh([one for _, one in outlines])}
                places = [(place, one) for place, one in outlines if id(one) in fresh]
                written += Written(unchanged=len(outlines) - len(places))
                for batch in imports.in_batches(reader.records(places)):
                    written += await imports.write(batch)
        await imports.note()
    print(
        f"total\tread={reader.read}\tadded={written.added}\tchanged={written.changed}"
        f"\twithdrawn={written.withdrawn}\tunchanged={written.unchanged}\tbad={reader.bad}"
    )
    return 1 if reader.bad else 0
