"""Advisories that were imported, as viewers see them."""

from dataclasses import dataclass

from resolvers.advisories.imports import IMPORTED_AT
from resolvers.context import Context
from storage.site_settings import site_setting
from storage.statements import fetch_one


@dataclass(frozen=True, slots=True)
class Imported:
    """How many advisories there are that hold, and when some were last imported; None if never."""

    count: int
    imported_at_ms: int | None


async def imported(context: Context) -> Imported:
    """What was imported. For those who see the site."""
    context.viewer.require_site_view()
    row = await fetch_one("SELECT COUNT(*) AS number FROM advisory WHERE withdrawn_at_ms IS NULL")
    moment = await site_setting(IMPORTED_AT)
    return Imported(int(row["number"]) if row else 0, None if moment is None else int(moment))
