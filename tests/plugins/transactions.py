"""The session fails if a transaction stood open, doing nothing, for more than 100 ms.

Such a transaction did network, disk or hashing work while it held the database. Time spent in statements does
not count, since a busy machine stretches it.
"""

import gc
import logging
from typing import Any

import pytest

LONGEST_IDLE_MS = 100
FOUND = pytest.StashKey[list[str]]()


class _Collector(logging.Handler):
    def __init__(self, found: list[str]) -> None:
        super().__init__(logging.WARNING)
        self.found = found

    def emit(self, record: logging.LogRecord) -> None:
        fields = vars(record)
        if fields.get("idle_ms", 0) > LONGEST_IDLE_MS:
            self.found.append(
                f"{fields['transaction']}: open {fields['open_ms']} ms, "
                f"of which {fields['statement_ms']} ms in statements and {fields['idle_ms']} ms idle"
            )


def pytest_configure(config: pytest.Config) -> None:
    found: list[str] = []
    config.stash[FOUND] = found
    logging.getLogger("quayside.transaction").addHandler(_Collector(found))


def pytest_collection_finish() -> None:
    # What imports made lives as long as the session. Left out of collections, it cannot make one pause a
    # transaction for longer than is allowed.
    gc.collect()
    gc.freeze()


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Called by xdist, in the process that runs the session, when a worker is done."""
    node.config.stash[FOUND].extend(getattr(node, "workeroutput", {}).get("transactions", []))


@pytest.hookimpl(tryfirst=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    found = session.config.stash[FOUND]
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput["transactions"] = found
    elif found:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    found = config.stash[FOUND]
    if found:
        terminalreporter.write_sep("=", "transactions left open without work", red=True)
        for line in found:
            terminalreporter.write_line(line)
