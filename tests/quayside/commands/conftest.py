"""Commands in the process of a test, which takes milliseconds where a process of its own takes seconds."""

from collections.abc import Callable
from pathlib import Path

import pytest

from quayside.cli import main
from tests.process import without_load

Call = Callable[..., tuple[int, str, str]]


@pytest.fixture
def call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Call:
    """Runs a command in the test's directory and process, with variables; its exit code and outputs.

    A test with an event loop calls it in another thread.
    """
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("quayside.commands.worker.configure", lambda: None)

    def run_here(*arguments: str, **environ: str) -> tuple[int, str, str]:
        capsys.readouterr()
        with monkeypatch.context() as patched:
            for name, value in environ.items():
                patched.setenv(name, value)
            code = main(arguments)
        output, errors = capsys.readouterr()
        return code, output, without_load(errors)

    return run_here
