"""Commands on a terminal: tables on standard output, progress on standard error, each if that is one."""

import os
import pty
import subprocess
import sys
from pathlib import Path

from tests.process import environment, outcome, provide_registry, run

PLAIN = {"TERM": "dumb"}
"""A terminal of 80 columns without colours and cursor movements, so that tests compare texts."""


def on_terminal(
    directory: Path, *arguments: str, errors_only: bool = False, **environ: str
) -> tuple[str, str]:
    """What a command shows on a terminal, and what it writes into a pipe at its standard output.

    With `errors_only` standard error alone is the terminal.
    """
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "quayside", *arguments],
        cwd=directory,
        env=environment(**environ),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE if errors_only else theirs,
        stderr=theirs,
    )
    os.close(theirs)
    shown = bytearray()
    try:
        while chunk := os.read(ours, 4096):
            shown += chunk
    except OSError:
        # Linux answers EIO when the last process has closed the terminal.
        pass
    finally:
        os.close(ours)
    piped = process.communicate()[0] or b""
    return shown.decode().replace("\r\n", "\n"), piped.decode()


def rows(text: str) -> list[list[str]]:
    """The lines of a table, as cells that are at least two blanks apart."""
    return [[cell.strip() for cell in line.split("  ") if cell.strip()] for line in text.splitlines()]


def test_doctor_shows_a_table(tmp_path: Path) -> None:
    shown, _ = on_terminal(tmp_path, "doctor", QUAYSIDE_HOST="0.0.0.0", QUAYSIDE_BLOB_URL="memory:", **PLAIN)

    cells = rows(shown)
    assert ["Result", "Check", "Finding"] in cells
    assert ["ok", "blob store", "memory"] in cells
    assert any(row[:2] == ["failed", "public address"] for row in cells)
    assert "\x1b" not in shown


def test_progress_is_shown_on_a_terminal_and_leaves_the_output_of_a_pipe_alone(tmp_path: Path) -> None:
    plain = run(tmp_path, "doctor", QUAYSIDE_BLOB_URL="memory:")
    terminal = {"TERM": "xterm", "FORCE_COLOR": "1"}

    shown, piped = on_terminal(tmp_path, "doctor", errors_only=True, QUAYSIDE_BLOB_URL="memory:", **terminal)

    assert (_but_space(piped), plain.stderr) == (_but_space(plain.stdout), "")
    assert "Checking" in shown
    assert "blob store: memory" not in shown


def _but_space(text: str) -> list[str]:
    """The lines of doctor, but for the free space, which changes meanwhile."""
    lines = text.splitlines()
    kept = [line for line in lines if " space: " not in line]
    assert len(kept) == len(lines) - 1
    return kept


def test_colours_that_are_forced_change_nothing_for_scripts(tmp_path: Path) -> None:
    provide_registry(tmp_path)
    plain = outcome(run(tmp_path, "gc"))

    assert plain == (0, "total\tmanifests=0\tblobs=0\tbytes=0\n", "")
    assert outcome(run(tmp_path, "gc", FORCE_COLOR="1", TTY_COMPATIBLE="1")) == plain


def test_gc_shows_a_table_with_the_total(tmp_path: Path) -> None:
    provide_registry(tmp_path)

    shown, _ = on_terminal(tmp_path, "gc", **PLAIN)

    cells = rows(shown)
    assert ["Repository", "Manifests", "Blobs", "Size"] in cells
    assert ["total", "0", "0", "0 bytes"] in cells


def test_mails_are_shown_with_their_text_unbroken_and_without_control_characters(tmp_path: Path) -> None:
    provide_registry(tmp_path)
    long_line = "https://registry.example/confirm?code=" + "x" * 200
    script = (
        "import asyncio, os\n"
        "from quayside.commands.database import open_context\n"
        "from quayside.settings.settings import load_settings\n"
        "from resolvers import mail\n"
        "from storage.transactions import transaction\n"
        "async def main():\n"
        "    async with open_context(load_settings({}, os.environ)):\n"
        "        async with transaction('test'):\n"
        f"            await mail.send('ada@example.com', 'Hello\\x1b]0;[bold]', 'Click:\\n{long_line}\\n')\n"
        "asyncio.run(main())\n"
    )
    subprocess.run([sys.executable, "-c", script], cwd=tmp_path, env=environment(), check=True)

    shown, _ = on_terminal(tmp_path, "mail", "list", **PLAIN)

    cells = rows(shown)
    assert ["Mail", "1"] in cells
    assert ["To", "ada@example.com"] in cells
    assert ["Subject", "Hello\ufffd]0;[bold]"] in cells
    assert ["Sent", "not yet"] in cells
    assert long_line in shown.splitlines()
    assert "\x1b" not in shown
