"""Partial changes: dataclasses whose fields are `UNSET` unless given, since None is a value of its own."""

from dataclasses import fields
from enum import Enum
from typing import Any, Final


class Unset(Enum):
    """The type of `UNSET`."""

    UNSET = "unset"


UNSET: Final = Unset.UNSET
"""The value of a field that is not to be changed."""


def given(changes: Any) -> dict[str, Any]:
    """The fields of a dataclass that are set, by name."""
    values = {field.name: getattr(changes, field.name) for field in fields(changes)}
    return {name: value for name, value in values.items() if value is not UNSET}
