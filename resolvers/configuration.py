"""What is told of the settings of the server; who reads the settings provides it."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol


class SettingSource(StrEnum):
    """Where a setting was found."""

    FLAG = "flag"
    VARIABLE = "variable"
    FILE = "file"
    DEFAULT = "default"


@dataclass(frozen=True, slots=True)
class SettingRecord:
    """A setting as it holds. `value` is JSON, with a mask in the place of what is secret."""

    name: str
    value: Any
    source: SettingSource
    is_secret: bool
    description: str


@dataclass(frozen=True, slots=True)
class Finding:
    """What a check found fault with: a sentence on what would mend it, and the settings that it is about."""

    check: str
    reason: str
    settings: tuple[str, ...]


class Configuration(Protocol):
    """The settings of the server, what is wrong with them, and what it is."""

    def settings(self) -> Sequence[SettingRecord]:
        """All settings and features, by name."""

    def json_schema(self) -> dict[str, Any]:
        """A JSON Schema of the object that has the values of all settings by their names."""

    async def findings(self) -> Sequence[Finding]:
        """What the checks find that are quick and change nothing. The database is current."""

    def changelog(self) -> str:
        """What changed from version to version, as Markdown."""
