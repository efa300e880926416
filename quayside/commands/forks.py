"""The processes of `serve --workers N`: forks of the supervisor, which share the memory of its modules.

The supervisor imports and builds the application, and never runs it: it opens no database and no blob store
and starts no thread, since a fork takes over neither threads nor connections. What has to be done once before
the workers is done in a process of its own for the same reason.
"""

import contextlib
import multiprocessing
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection
from typing import Final

from uvicorn import Config
from uvicorn.config import STARTUP_FAILURE
from uvicorn.supervisors import multiprocess

from quayside.commands import CommandError
from quayside.settings.settings import Settings, SettingsError

_FORK: Final = multiprocessing.get_context("fork")

FAILED: Final = "The server could not be prepared; the lines above say why."


class Worker(multiprocess.Process):
    """A worker of uvicorn's supervisor, forked from it instead of started anew."""

    def __init__(self, config: Config, sockets: list[socket.socket]) -> None:
        super().__init__(config, sockets)
        self.process = _FORK.Process(target=self._run, args=(sockets,))  # type: ignore[assignment]

    def start(self) -> None:
        """Fork. Signals to the worker wait until it no longer has the handlers of its supervisor."""
        with _signals_held():
            super().start()

    def _run(self, sockets: list[socket.socket]) -> None:
        _forget_handlers()
        with contextlib.suppress(KeyboardInterrupt):
            self.target(sockets)


def supervise(config: Config, sockets: list[socket.socket]) -> bool:
    """Run workers until told to stop, and replace those that end; False if one could not start."""
    multiprocess.Process = Worker  # type: ignore[misc] # The supervisor names no class to take instead.
    supervisor = multiprocess.Multiprocess(config, sockets)
    supervisor.run()
    return all(process.exitcode != STARTUP_FAILURE for process in supervisor.processes)


def in_process_of_its_own(work: Callable[[], Settings]) -> Settings:
    """What the work returns, done in a fork. Raises its `CommandError` and `SettingsError`."""
    outcomes, outcome = _FORK.Pipe(duplex=False)
    life, ours = _FORK.Pipe(duplex=False)
    process = _FORK.Process(target=_work, args=(work, outcome, life, ours))
    process.start()
    outcome.close()
    try:
        done: Settings | CommandError | SettingsError = outcomes.recv()
    except EOFError:
        raise CommandError(FAILED) from None
    finally:
        ours.close()
        process.join()
    if isinstance(done, Settings):
        return done
    raise done


def _work(work: Callable[[], Settings], outcome: Connection, life: Connection, ours: Connection) -> None:
    # Its end of the pipe closes when the parent ends, however it does.
    ours.close()
    threading.Thread(target=_end_with_parent, args=(life,), daemon=True).start()
    try:
        outcome.send(work())
    except SettingsError as error:
        outcome.send(error)
    except CommandError as error:
        # Errors with other arguments than the sentence cannot be sent.
        outcome.send(CommandError(str(error)))
    except KeyboardInterrupt:
        sys.exit(130)


def _end_with_parent(life: Connection) -> None:
    with contextlib.suppress(EOFError, OSError):
        life.recv_bytes()
    os._exit(1)


@contextlib.contextmanager
def _signals_held() -> Iterator[None]:
    before = signal.pthread_sigmask(signal.SIG_BLOCK, multiprocess.SIGNALS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _forget_handlers() -> None:
    for number in multiprocess.SIGNALS:
        signal.signal(number, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, multiprocess.SIGNALS)
