"""Who may look at advisories or change them at the same time, on PostgreSQL; SQLite has one writer anyway."""

from typing import Final

from storage.statements import fetch, is_postgres

_LOCK: Final = 0x71756164
"""The advisory lock of PostgreSQL, held until the open transaction ends."""


async def writing() -> None:
    """Let nobody else change advisories, or compare packages with them, before the open transaction ends."""
    if is_postgres():
        await fetch("SELECT pg_advisory_xact_lock(?)", _LOCK)


async def comparing() -> None:
    """Let nobody change advisories before the open transaction ends; others may compare as well."""
    if is_postgres():
        await fetch("SELECT pg_advisory_xact_lock_shared(?)", _LOCK)
