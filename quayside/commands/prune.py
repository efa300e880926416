"""`quayside prune`: auto-prune policies, as the jobs `prune.run` run them; a server may be running."""

import argparse
import asyncio
import sys
from collections import Counter

from quayside.commands import CommandError, settings_of, terminal
from quayside.commands.database import open_context
from quayside.settings.settings import Settings
from resolvers.pruning import clock
from resolvers.pruning.run import Pruned, namespaces, prune

_DOUBTS = (
    "Auto-prune does not believe the clock, which says {}: it was suddenly more than a day ahead of the run"
    " before. Ages are judged as at {}, until a run begins at least a day after that, and at most eight days"
    " after the last one. Put the clock right if it is wrong."
)


def run(arguments: argparse.Namespace) -> int:
    """Print a line for each deleted tag, and a total; on a terminal a table of repositories."""
    asyncio.run(_prune(settings_of(arguments), is_dry_run=arguments.dry_run))
    return 0


async def _prune(settings: Settings, *, is_dry_run: bool) -> None:
    if "AUTO_PRUNE" not in settings.features:
        raise CommandError("Auto-prune is off. Switch it on with QUAYSIDE_FEATURE_AUTO_PRUNE=true.")
    is_table = terminal.console() is not None
    counts: Counter[str] = Counter()
    try:
        async with open_context(settings) as context:
            made = await (clock.current() if is_dry_run else clock.note())
            if made.is_doubted:
                print(
                    _DOUBTS.format(terminal.moment(made.noted_at_ms), terminal.moment(made.judged_ms)),
                    file=sys.stderr,
                )
            with terminal.progress("Looking for tags that policies delete") as tell:
                async for namespace_id in namespaces():
                    async for done in prune(context, namespace_id, is_dry_run=is_dry_run):
                        counts[done.repository.path] += len(done.tags)
                        if not is_table:
                            _print(done)
                        tell(f"Looking for tags that policies delete; last found in {done.repository.path}")
        if not is_table:
            print(f"total\ttags={counts.total()}\trepositories={len(counts)}", flush=True)
    finally:
        # An interrupted run has deleted what the table says.
        _show(counts)


def _print(done: Pruned) -> None:
    for one in done.tags:
        print(f"{done.repository.path}\t{one.tag.name}\tpolicy={one.policy.uuid}", flush=True)


def _show(counts: Counter[str]) -> None:
    console = terminal.console()
    if console is None:
        return
    table = terminal.table("Repository", "Tags", numbers=("Tags",))
    for path, number in counts.items():
        table.add_row(terminal.text(path), str(number))
    if counts:
        table.add_section()
    table.add_row("total", str(counts.total()), style="bold")
    console.print(table)
