"""Read-only mode: for upgrades and backups, nothing changes content, accounts or settings.

Sign-in, queries, pulls, audit entries and counters go on. The doors mark what the mode suspends
(`suspended_when_on`), and ask before it begins; transactions ask again (`storage.readonly`).
"""

from dataclasses import dataclass

from resolvers import events, job_kinds
from resolvers.context import Context
from resolvers.errors import Invalid
from storage import readonly
from storage.readonly import SENTENCE, ReadOnly, ReadOnlyMode, require_off, suspended_when_on
from storage.settling import settle
from storage.transactions import transaction

REASON_LENGTH = 500
SETTLE_S = 10.0
"""How long a switch waits for writes that began before it."""


@dataclass(frozen=True, slots=True)
class Switched:
    """What came of a switch. `open_writes` began before it and had not ended when the wait was over."""

    mode: ReadOnlyMode | None
    open_writes: int = 0


async def is_read_only() -> bool:
    """Whether the mode is on, as of at most a second ago."""
    return await readonly.mode() is not None


async def current() -> ReadOnlyMode | None:
    """The mode if it is on, as the database has it now. Anybody may know."""
    return await readonly.stored()


async def set_read_only(context: Context, *, is_read_only: bool, reason: str | None = None) -> Switched:
    """Switch the mode, and wait for what began before.

    For superusers with a fresh login. Raises `Invalid`.
    """
    context.viewer.require_superuser()
    context.viewer.require_fresh()
    return await set_by_operator(context, is_read_only=is_read_only, reason=reason)


async def set_by_operator(
    context: Context, *, is_read_only: bool, reason: str | None = None, timeout_s: float = SETTLE_S
) -> Switched:
    """As `set_read_only`, for who is at the machine. Switching to what is so already changes the reason."""
    chosen = _checked_reason(reason) if is_read_only else None
    async with transaction("readonly.switch"):
        before = await readonly.stored()
        mode = await readonly.switch(chosen, is_on=is_read_only)
        if before != mode:
            metadata = {"read_only": is_read_only} | ({"reason": chosen} if chosen else {})
            await events.record(context, "change_read_only", metadata, namespace_id=context.account_id)
    readonly.forget()
    if mode is None:
        return Switched(None)
    return Switched(mode, await settle(suspended_kinds(), timeout_s=timeout_s))


def suspended_kinds() -> list[str]:
    """The names of the kinds of jobs that the mode suspends."""
    return [kind.name for kind in job_kinds.collected().values() if not kind.goes_on_when_read_only]


def _checked_reason(reason: str | None) -> str | None:
    text = (reason or "").strip()
    if len(text) > REASON_LENGTH:
        raise Invalid(f"reason: must have at most {REASON_LENGTH} characters.", field="reason")
    if any(not character.isprintable() for character in text):
        raise Invalid("reason: must be one line of text.", field="reason")
    return text or None


__all__ = [
    "SENTENCE",
    "ReadOnly",
    "ReadOnlyMode",
    "Switched",
    "current",
    "is_read_only",
    "require_off",
    "set_by_operator",
    "set_read_only",
    "suspended_when_on",
]
