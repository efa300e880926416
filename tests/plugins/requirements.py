"""The marker for programs that a test needs.

    @pytest.mark.needs("skopeo")

skips the test without skopeo; the session ends with a list of missing programs. With TEST_REQUIRE=all a
missing program fails the test, so that a full run cannot pass by skipping. A pattern of a path, which begins
with `/`, stands for a file: `@pytest.mark.needs("/usr/share/java/*.jar")`.
"""

import os
import shutil
from pathlib import Path

import pytest

MISSING = "missing program"


def require(item: pytest.Item, program: str, *, present: bool) -> None:
    """Skip or fail the test unless the program is present."""
    if present:
        return
    item.user_properties.append((MISSING, program))
    sentence = f"{program} is not installed"
    if os.environ.get("TEST_REQUIRE") == "all":
        pytest.fail(sentence, pytrace=False)
    pytest.skip(sentence)


def _is_there(program: str) -> bool:
    """Whether a program is in the search path. A pattern of a path stands for a file."""
    if program.startswith("/"):
        return any(Path("/").glob(program.removeprefix("/")))
    return shutil.which(program) is not None


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "needs(*programs): skip or fail the test when one is not installed")


def pytest_runtest_setup(item: pytest.Item) -> None:
    for mark in item.iter_markers("needs"):
        for program in mark.args:
            require(item, program, present=_is_there(program))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    reports = [
        report
        for outcome in ("skipped", "failed", "error")
        for report in terminalreporter.stats.get(outcome, [])
        if isinstance(report, pytest.TestReport)
    ]
    programs = {str(value) for report in reports for name, value in report.user_properties if name == MISSING}
    if programs:
        terminalreporter.write_sep("=", "programs not installed")
        for program in sorted(programs):
            terminalreporter.write_line(program)
