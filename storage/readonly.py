"""Read-only mode: its state, which all processes share, and the check of writes that must not happen then.

What changes content, accounts or settings runs inside `suspended_when_on`. There every transaction, and every
write outside of one, looks at the state once it has begun (`check`), and is refused if the mode is on. A
process looks into the database at most once a second; so `storage.settling` knows that whatever begins more
than a second after the switch is refused, and waits only for what began before. A write costs no statement
more.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import asdict, dataclass
from typing import Final
from weakref import WeakKeyDictionary

import orjson
from tortoise.context import TortoiseContext, _current_context

from storage.backends.measured import statement_count
from storage.clock import now_ms
from storage.site_settings import set_site_setting, site_setting
from storage.statements import execute

SETTING: Final = "read_only"
KNOWN_FOR_S: Final = 1.0
"""How long a process trusts what it last read of the state."""

SENTENCE: Final = (
    "System is currently read-only. Pulls will succeed but all write operations are currently suspended."
)
"""What clients of the REST API compare."""


@dataclass(frozen=True, slots=True)
class ReadOnlyMode:
    """That the mode is on: since when, in milliseconds since the epoch, and why, if somebody said so."""

    since_ms: int
    reason: str | None = None


class ReadOnly(Exception):
    """The registry is in read-only mode, and nothing was changed. The message is for clients."""

    def __init__(self, mode: ReadOnlyMode) -> None:
        super().__init__(SENTENCE)
        self.mode = mode

    @property
    def sentence(self) -> str:
        """The message, and the reason if one was given."""
        return f"{SENTENCE} Reason: {self.mode.reason}" if self.mode.reason else SENTENCE


_is_suspended_when_on: ContextVar[bool] = ContextVar("is_suspended_when_on", default=False)

_known: WeakKeyDictionary[TortoiseContext, tuple[float, ReadOnlyMode | None]] = WeakKeyDictionary()
"""By database: when the state was read last, and what it was."""


@contextmanager
def suspended_when_on() -> Iterator[None]:
    """Mark what the block writes as something that read-only mode suspends."""
    token = _is_suspended_when_on.set(True)
    try:
        yield
    finally:
        _is_suspended_when_on.reset(token)


def is_suspended_when_on() -> bool:
    """Whether read-only mode suspends what the running task writes."""
    return _is_suspended_when_on.get()


async def mode() -> ReadOnlyMode | None:
    """The mode, if it is on, as of at most a second ago."""
    database = _current_context.get()
    assert database is not None  # A database is current.
    known = _known.get(database)
    now = time.monotonic()
    if known is not None and now - known[0] < KNOWN_FOR_S:
        return known[1]
    counting = statement_count.set(None)
    try:
        found = await stored()
    finally:
        statement_count.reset(counting)
    # It counts from before it was asked, since the answer may have been long under way.
    _known[database] = now, found
    return found


async def stored() -> ReadOnlyMode | None:
    """The mode, if it is on, as the database has it now."""
    text = await site_setting(SETTING)
    return None if text is None else ReadOnlyMode(**orjson.loads(text))


async def require_off() -> None:
    """Raise `ReadOnly` if the mode is on."""
    found = await mode()
    if found is not None:
        raise ReadOnly(found)


async def check() -> None:
    """Raise `ReadOnly` if the mode is on and suspends what the running task writes."""
    if _is_suspended_when_on.get():
        await require_off()


async def switch(reason: str | None, *, is_on: bool) -> ReadOnlyMode | None:
    """Switch the mode on or off, in the open transaction; a mode that is on keeps its beginning."""
    if not is_on:
        await execute("DELETE FROM site_setting WHERE name = ?", SETTING)
        return None
    before = await stored()
    made = ReadOnlyMode(before.since_ms if before else now_ms(), reason)
    await set_site_setting(SETTING, orjson.dumps(asdict(made)).decode())
    return made


def forget() -> None:
    """Let this process look at the state anew, after it has switched."""
    database = _current_context.get()
    if database is not None:
        _known.pop(database, None)
