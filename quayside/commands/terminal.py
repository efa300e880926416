"""Tables and progress for people: tables on standard output, progress on standard error.

Each only if that is a terminal. Elsewhere commands print the plain lines that scripts read.
"""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.live import Live
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

CONTROLS = dict.fromkeys((*range(9), *range(11, 32), *range(127, 160)), "\ufffd")
"""All control characters but tab and newline: a terminal would obey what others have written."""


def console() -> Console | None:
    """Standard output as a terminal; None if it is a file or a pipe.

    The library would take `FORCE_COLOR` for a terminal too, and a script would read its tables.
    """
    return Console(highlight=False) if sys.stdout.isatty() else None


def table(*columns: str, numbers: tuple[str, ...] = ()) -> Table:
    """An empty table; the columns named in `numbers` are aligned to the right."""
    made = Table(box=SIMPLE_HEAD)
    for column in columns:
        made.add_column(column, justify="right" if column in numbers else "left", overflow="fold")
    return made


def text(content: str, style: str = "") -> Text:
    """A text as it is, without markup and without control characters."""
    return Text(content.translate(CONTROLS), style)


@contextmanager
def progress(sentence: str) -> Iterator[Callable[[str], None]]:
    """A line with what is being done; yields a function that changes it. It vanishes at the end."""
    if not sys.stderr.isatty():
        yield lambda _: None
        return
    spinner = Spinner("dots", text(sentence))
    # What a command prints meanwhile goes where it belongs, not through this line.
    errors = Console(stderr=True, highlight=False)
    with Live(spinner, console=errors, transient=True, redirect_stdout=False, redirect_stderr=False):
        yield lambda changed: spinner.update(text=text(changed))


@contextmanager
def bar() -> Iterator[Callable[[str, int, int], None]]:
    """A progress bar in bytes; yields a function of what is done, how much of it, and of how much.

    0 of 0 is a bar that only moves. It vanishes at the end.
    """
    if not sys.stderr.isatty():
        yield lambda sentence, done, total: None
        return
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    errors = Console(stderr=True, highlight=False)
    with Progress(
        *columns, console=errors, transient=True, redirect_stdout=False, redirect_stderr=False
    ) as made:
        task = made.add_task("", total=None)
        yield lambda sentence, done, total: made.update(
            task, description=sentence, completed=done, total=total or None
        )


def moment(milliseconds: int) -> str:
    """A time in UTC, to the second."""
    return datetime.fromtimestamp(milliseconds // 1000, UTC).isoformat().replace("+00:00", "Z")
