"""`quayside admin read-only`: switches read-only mode, and waits until what began before has ended."""

import argparse
import asyncio
import sys

from quayside.commands import CommandError, settings_of, terminal
from quayside.commands.database import open_context
from quayside.settings.parsers import duration
from quayside.settings.settings import Settings
from resolvers import readonly
from resolvers.readonly import ReadOnlyMode, Switched

LONGEST_WAIT_S = 3600


def run(arguments: argparse.Namespace) -> int:
    """Switch or tell. Exit code 1 if writes that began before are still open after the wait."""
    settings = settings_of(arguments)
    if arguments.mode is None:
        print(_line(asyncio.run(_current(settings))))
        return 0
    switched = asyncio.run(_set(settings, arguments, _seconds(arguments.wait)))
    if switched.open_writes:
        raise CommandError(
            f"The registry is read-only, but {switched.open_writes} writes that began before have not ended"
            f" within {arguments.wait}; run the command again to wait for them."
        )
    print(_line(switched.mode), file=sys.stderr)
    return 0


def _line(mode: ReadOnlyMode | None) -> str:
    if mode is None:
        return "off"
    return f"on since {terminal.moment(mode.since_ms)}" + (f": {mode.reason}" if mode.reason else "")


def _seconds(text: str) -> float:
    try:
        seconds = duration(text).total_seconds()
    except ValueError as error:
        raise CommandError(f"--wait must be {error}, not {text!r}.") from error
    if not 0 <= seconds <= LONGEST_WAIT_S:
        raise CommandError("--wait must be at most one hour.")
    return seconds


async def _current(settings: Settings) -> ReadOnlyMode | None:
    async with open_context(settings):
        return await readonly.current()


async def _set(settings: Settings, arguments: argparse.Namespace, timeout_s: float) -> Switched:
    async with open_context(settings) as context:
        return await readonly.set_by_operator(
            context, is_read_only=arguments.mode == "on", reason=arguments.reason, timeout_s=timeout_s
        )
