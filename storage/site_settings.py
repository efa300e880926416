"""Facts that the installation remembers about itself, by name."""

from storage.statements import execute, fetch_one


async def site_setting(name: str) -> str | None:
    """The value of a setting, None if it was never set."""
    row = await fetch_one("SELECT value FROM site_setting WHERE name = ?", name)
    return row["value"] if row else None


async def set_site_setting(name: str, value: str) -> None:
    """Set a setting, in place of the value that it has."""
    await execute(
        "INSERT INTO site_setting (name, value) VALUES (?, ?)"
        " ON CONFLICT (name) DO UPDATE SET value = excluded.value",
        name,
        value,
    )
