"""The settings of a running server, as it tells of them, and its quick checks."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from quayside.configuration import shown
from quayside.configuration.checks import CHECKS, Failed, Warned
from quayside.settings.settings import Settings
from resolvers.configuration import Finding, SettingRecord

CHECK_TIMEOUT_S = 5.0
_PACKAGE: Final = Path(__file__).parents[1]


def _read_changelog() -> str:
    """The changes, from the package, or from beside it where quayside runs from its sources."""
    name = "CHANGELOG.md"
    path = next(one for one in (_PACKAGE / name, _PACKAGE.parent / name) if one.is_file())
    return path.read_text(encoding="utf-8")


# It is read while the application is imported: no request waits for it on the event loop.
_CHANGELOG: Final = _read_changelog()


@dataclass(frozen=True, slots=True)
class ServerConfiguration:
    """What the server tells of its settings. They are those of its start, without a key that it made."""

    given: Settings

    def settings(self) -> list[SettingRecord]:
        """All settings and features, by name."""
        return shown.records(self.given)

    def json_schema(self) -> dict[str, Any]:
        """A JSON Schema of their values."""
        return shown.json_schema()

    async def findings(self) -> list[Finding]:
        """What the quick checks of `quayside doctor` find now."""
        found = []
        for check in CHECKS:
            try:
                async with asyncio.timeout(CHECK_TIMEOUT_S):
                    await check.run_check(self.given, _at_hand)
            except (Warned, Failed, OSError) as error:
                found.append(Finding(check.name, str(error) or type(error).__name__, check.settings))
        return found

    def changelog(self) -> str:
        """What changed from version to version, as Markdown."""
        return _CHANGELOG


@asynccontextmanager
async def _at_hand(_: Settings) -> AsyncIterator[bool]:
    """The database, which is open and current."""
    yield True
