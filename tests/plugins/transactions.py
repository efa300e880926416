"""Fails the session if transactions were repeatedly idle for more than 100 ms.

Such a transaction does network, disk or hashing work while it holds the database. Time in statements does not
count, since it depends on the load of the machine; nor do one or two pauses, for the same reason.
"""

import gc
import logging
import re
from collections import Counter
from typing import Any

import pytest

LONGEST_IDLE_MS = 100
LONGEST_PAUSE_MS = 1000
PAUSES = 2
WHOLE = {
    "plan.apply": "a plan of up to 10,000 tags is carried out whole or not at all",
    "test.slow": "a test holds it, to see what waits for it",
}
"""Transactions that may be long, with the reason."""

FOUND = pytest.StashKey[list[str]]()


class _Collector(logging.Handler):
    def __init__(self, found: list[str]) -> None:
        super().__init__(logging.WARNING)
        self.found = found

    def emit(self, record: logging.LogRecord) -> None:
        fields = vars(record)
        if fields.get("idle_ms", 0) > LONGEST_IDLE_MS and fields["transaction"] not in WHOLE:
            self.found.append(
                f"{fields['transaction']}: open {fields['open_ms']} ms, "
                f"of which {fields['statement_ms']} ms in statements and {fields['idle_ms']} ms idle"
            )


def pytest_configure(config: pytest.Config) -> None:
    found: list[str] = []
    config.stash[FOUND] = found
    logging.getLogger("quayside.transaction").addHandler(_Collector(found))


def pytest_collection_finish() -> None:
    # Excludes the objects of imports from Python's garbage collection, whose pauses would count as idle time.
    gc.collect()
    gc.freeze()


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Called by xdist in the main process when a worker has ended."""
    node.config.stash[FOUND].extend(getattr(node, "workeroutput", {}).get("transactions", []))


@pytest.hookimpl(tryfirst=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    found = session.config.stash[FOUND]
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput["transactions"] = found
    elif _is_on_purpose(found):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def _is_on_purpose(found: list[str]) -> bool:
    names = Counter(line.partition(":")[0] for line in found)
    idle = [int(re.findall(r"(\d+) ms idle", line)[0]) for line in found]
    return max(names.values(), default=0) > PAUSES or max(idle, default=0) > LONGEST_PAUSE_MS


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    found = config.stash[FOUND]
    if found:
        terminalreporter.write_sep("=", "transactions left open without work", red=True)
        for line in found:
            terminalreporter.write_line(line)
