"""A wall clock that tests put forward and back: that of `storage.clock`. Signed tokens keep the real one."""

import time

import pytest


class Clock:
    """The wall clock of this process, `offset_s` seconds ahead of the real one."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.offset_s = 0
        self._monkeypatch = monkeypatch
        nanoseconds = time.time_ns
        monkeypatch.setattr(time, "time_ns", lambda: nanoseconds() + self.offset_s * 10**9)

    def stop(self) -> None:
        """Let the clock stand, so that a wait of half a second lasts however slow the machine is."""
        moment = time.time_ns()
        self._monkeypatch.setattr(time, "time_ns", lambda: moment)

    def move(self, seconds: int) -> None:
        """Put the clock forward, or back by a negative number of seconds."""
        self.offset_s += seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """The clock of the test, which goes right until it is moved."""
    return Clock(monkeypatch)


@pytest.fixture
def still_clock(clock: Clock) -> None:
    """A clock that stands."""
    clock.stop()
