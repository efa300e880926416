"""Facts that the installation remembers about itself, by name."""

from storage.statements import fetch_one


async def site_setting(name: str) -> str | None:
    """The value of a setting, None if it was never set."""
    row = await fetch_one("SELECT value FROM site_setting WHERE name = ?", name)
    return row["value"] if row else None
