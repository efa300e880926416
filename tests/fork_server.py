"""Fork server: a process that has imported the registry, and forks commands of it for tests.

Imports take two seconds of processor time, nearly all of a start, and a run of the suite starts hundreds of
processes. What a fork does is what `python -m quayside` does, but for what reads the environment when it is
imported: the points of failure of `storage.faults`.

    python -m tests.fork_server DESCRIPTOR

The descriptor is a socket. A message is `{"arguments", "directory", "environ"}` as JSON, with three
descriptors: one to which the process id and, when the process has ended, its status is written, standard
output and standard error.
"""

import atexit
import contextlib
import gc
import json
import os
import random
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

ROOT = Path(__file__).parents[1]
MESSAGE_BYTES = 1 << 17


class Forked:
    """A command that runs in a fork; as far as tests use it, as `subprocess.Popen`.

    What it prints is read from `stdout`, or written to a file if one is given.
    """

    def __init__(
        self, arguments: Sequence[str], directory: Path, environ: Mapping[str, str], errors: IO[str]
    ) -> None:
        self.returncode: int | None = None
        self._status, theirs = os.pipe()
        output, written = os.pipe()
        message = {"arguments": list(arguments), "directory": str(directory), "environ": dict(environ)}
        with _closing(theirs, written):
            socket.send_fds(_server(), [json.dumps(message).encode()], [theirs, written, errors.fileno()])
        self.stdout = os.fdopen(output)
        self.pid = int(self._line())

    def _line(self) -> str:
        read = b""
        while not read.endswith(b"\n"):
            piece = os.read(self._status, 1)
            if not piece:
                raise AssertionError("the fork server has ended")
            read += piece
        return read.decode()

    def poll(self) -> int | None:
        """The status, None while the process runs."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.wait(timeout=0)
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """The status, when the process has ended. Raises `subprocess.TimeoutExpired`."""
        if self.returncode is None:
            if not select.select([self._status], [], [], timeout)[0]:
                raise subprocess.TimeoutExpired("quayside", timeout or 0)
            self.returncode = int(self._line())
            os.close(self._status)
        return self.returncode

    def send_signal(self, number: int) -> None:
        """Send a signal, unless the process has ended."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        """Ask the process to end."""
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """End the process."""
        self.send_signal(signal.SIGKILL)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.wait()
        self.stdout.close()


@contextlib.contextmanager
def _closing(*descriptors: int) -> Any:
    try:
        yield
    finally:
        for descriptor in descriptors:
            os.close(descriptor)


@cache
def _server() -> socket.socket:
    """The socket of this process's fork server, which ends with it."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with theirs:
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.fork_server", str(theirs.fileno())],
            cwd=ROOT,
            env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)},
            pass_fds=[theirs.fileno()],
        )
    atexit.register(process.wait)
    atexit.register(ours.close)
    return ours


def serve(orders: socket.socket) -> None:
    """Fork whatever is ordered, until the other end is closed; what still runs then goes on."""
    from quayside.cli import COMMANDS
    from rest_compat.app import create_api

    import_module("quayside.app")
    for command in COMMANDS:
        import_module(f"quayside.commands.{command.module}")
    # What is compiled is shared by all applications of a process.
    create_api(_no_context, features=frozenset(), base_url="")
    assert threading.active_count() == 1, threading.enumerate()
    # A `spawn` of a process must not import this module as its main one.
    sys.modules["__main__"].__spec__ = find_spec("quayside.__main__")
    gc.collect()
    gc.freeze()
    running: dict[int, int] = {}
    woken, wakes = os.pipe()
    os.set_blocking(wakes, False)
    signal.set_wakeup_fd(wakes)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    while True:
        ready, _, _ = select.select([orders, woken], [], [])
        if woken in ready:
            os.read(woken, 4096)
            _reap(running)
        if orders in ready:
            message, descriptors, _, _ = socket.recv_fds(orders, MESSAGE_BYTES, 3)
            if not message:
                return
            status, output, errors = descriptors
            pid = os.fork()
            if pid == 0:
                signal.set_wakeup_fd(-1)
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                for descriptor in (status, woken, wakes, orders.detach(), *running.values()):
                    os.close(descriptor)
                _become(json.loads(message), output, errors)
            os.close(output)
            os.close(errors)
            running[pid] = status
            os.write(status, b"%d\n" % pid)


async def _no_context(_: object) -> Any:
    raise AssertionError


def _reap(running: dict[int, int]) -> None:
    """Tell of processes that have ended."""
    with contextlib.suppress(ChildProcessError):
        while True:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if pid == 0:
                return
            descriptor = running.pop(pid)
            with contextlib.suppress(BrokenPipeError):
                os.write(descriptor, b"%d\n" % os.waitstatus_to_exitcode(status))
            os.close(descriptor)


def _become(order: dict[str, Any], output: int, errors: int) -> None:
    """Run the command as a process of its own does, and end."""
    code = 1
    try:
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.dup2(output, 1)
        os.dup2(errors, 2)
        os.closerange(3, 1024)
        os.chdir(order["directory"])
        os.environ.clear()
        os.environ.update(order["environ"])
        time.tzset()
        random.seed()
        sys.argv[:] = ["quayside", *order["arguments"]]
        from quayside.cli import main

        code = main(order["arguments"])
    except SystemExit as ending:
        code = ending.code if isinstance(ending.code, int) else 1
    except BaseException:  # noqa: BLE001 (nothing of the server may go on in the fork)
        sys.excepthook(*sys.exc_info())  # type: ignore[arg-type]
    finally:
        threading._shutdown()  # type: ignore[attr-defined]
        atexit._run_exitfuncs()
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


if __name__ == "__main__":
    serve(socket.socket(fileno=int(sys.argv[1])))
