"""The plugins of the test suite themselves, tried on small suites that run in a process of their own."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.plugins.sockets import ConnectionOutside

ROOT = Path(__file__).parents[2]


def run_suite(directory: Path, source: str, *plugins: str, **environ: str) -> tuple[int, str]:
    """Run a suite of one file with some of our plugins; the exit code and what it printed."""
    (directory / "pytest.ini").write_text("[pytest]\n")
    (directory / "test_small.py").write_text(source)
    arguments = [argument for plugin in plugins for argument in ("-p", f"tests.plugins.{plugin}")]
    completed = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-p", "no:asyncio", *arguments],
        cwd=directory,
        env={"PYTHONPATH": str(ROOT), "PATH": os.environ["PATH"], **environ},
        capture_output=True,
        text=True,
        check=False,
    )
    return completed.returncode, completed.stdout


NEEDY = """
import pytest

@pytest.mark.needs("sh")
def test_with_a_shell():
    pass

@pytest.mark.needs("no-such-program")
def test_with_a_missing_program():
    pass
"""


def test_a_missing_program_skips_the_test_and_is_named_at_the_end(tmp_path: Path) -> None:
    code, output = run_suite(tmp_path, NEEDY, "requirements")

    assert code == 0
    summary = output.splitlines()
    heading = next(index for index, line in enumerate(summary) if "programs not installed" in line)
    assert summary[heading + 1] == "no-such-program"
    assert "1 passed, 1 skipped" in summary[-1]


def test_a_missing_program_fails_the_test_when_all_are_required(tmp_path: Path) -> None:
    code, output = run_suite(tmp_path, NEEDY, "requirements", TEST_REQUIRE="all")

    assert code == 1
    assert "no-such-program is not installed" in output
    assert "1 passed, 1 error" in output.splitlines()[-1]


def test_a_pattern_of_a_path_stands_for_a_file(tmp_path: Path) -> None:
    (tmp_path / "flaw-1.2.jar").touch()
    needy = NEEDY.replace("sh", f"{tmp_path}/flaw-*.jar", 1).replace("no-such", f"{tmp_path}/none-*")

    code, output = run_suite(tmp_path, needy, "requirements", TEST_REQUIRE="all")

    assert code == 1
    assert f"{tmp_path}/none-*-program is not installed" in output
    assert "1 passed, 1 error" in output.splitlines()[-1]


def transaction(*, idle_ms: int, statement_ms: int, times: int = 3) -> str:
    fields = {
        "transaction": "tag.move",
        "open_ms": idle_ms + statement_ms,
        "idle_ms": idle_ms,
        "statement_ms": statement_ms,
    }
    return f"""
import logging

def test_that_passes():
    for _ in range({times}):
        logging.getLogger("quayside.transaction").warning("open for long", extra={fields})
"""


def test_a_transaction_that_idles_fails_the_session(tmp_path: Path) -> None:
    code, output = run_suite(tmp_path, transaction(idle_ms=101, statement_ms=9), "transactions")

    assert code == 1
    assert "tag.move: open 110 ms, of which 9 ms in statements and 101 ms idle" in output.splitlines()


def test_a_transaction_that_idles_in_a_worker_fails_the_session(tmp_path: Path) -> None:
    code, output = run_suite(
        tmp_path, transaction(idle_ms=101, statement_ms=9), "transactions", PYTEST_ADDOPTS="-n 1"
    )

    assert code == 1
    assert "tag.move: open 110 ms, of which 9 ms in statements and 101 ms idle" in output.splitlines()


@pytest.mark.parametrize(("idle_ms", "times", "code"), [(101, 2, 0), (1001, 1, 1)])
def test_a_short_pause_now_and_then_is_the_machines(
    tmp_path: Path, idle_ms: int, times: int, code: int
) -> None:
    suite = transaction(idle_ms=idle_ms, statement_ms=9, times=times)

    assert run_suite(tmp_path, suite, "transactions")[0] == code


def test_a_transaction_that_works_for_long_does_not(tmp_path: Path) -> None:
    code, _ = run_suite(tmp_path, transaction(idle_ms=100, statement_ms=900), "transactions")

    assert code == 0


def test_a_connection_to_elsewhere_is_refused() -> None:
    with pytest.raises(ConnectionOutside, match=r"^a test may not connect to 192\.0\.2\.1$"):
        socket.create_connection(("192.0.2.1", 80), timeout=1)


def test_a_connection_to_this_machine_is_not() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname()):
        accepted, _ = server.accept()
        accepted.close()


async def test_each_test_has_a_migrated_database_of_its_own(database_url: str) -> None:
    from storage.database import Database, applied_revisions, revisions

    database = await Database.connect(database_url)
    try:
        with database.current():
            applied = await applied_revisions(database)
    finally:
        await database.close()

    assert applied == revisions()
