"""Columns of records: the select list of a statement and the conversion of its rows, from one dataclass."""

from collections.abc import Callable, Mapping
from dataclasses import fields
from enum import Enum
from types import MappingProxyType, NoneType
from typing import Any, Generic, TypeVar, cast, get_args, get_origin, get_type_hints

from storage.statements import Row, decode_json

R = TypeVar("R")

_NONE: Mapping[str, Callable[[Any], Any]] = MappingProxyType({})


class Columns(Generic[R]):
    """The columns of a record: one for each field, of the same name.

    `alias` is the table's alias in the statement; `expressions` are the SQL of fields that are no column of
    it. Values become what the field's type says: enums from their value, flags from 0 and 1, dictionaries
    from JSON. All other types stay as they are, times in milliseconds among them; `convert` has functions for
    the exceptions.

    Raises `TypeError` for an expression or a conversion of a field that the record does not have.
    """

    def __init__(
        self,
        record: type[R],
        alias: str = "",
        *,
        convert: Mapping[str, Callable[[Any], Any]] = _NONE,
        **expressions: str,
    ) -> None:
        names = [field.name for field in fields(cast(Any, record))]
        if unknown := (expressions.keys() | convert.keys()) - set(names):
            raise TypeError(f"{record.__name__} has no fields {sorted(unknown)}")
        prefix = f"{alias}." if alias else ""
        self._make = record
        self._conversions = {
            name: made
            for name, hint in get_type_hints(record).items()
            if name in names and (made := convert.get(name) or _conversion(hint))
        }
        self._names = names
        self.sql = ", ".join(
            f"{expressions[name]} AS {name}" if name in expressions else f"{prefix}{name}" for name in names
        )
        """The select list."""

    def __str__(self) -> str:
        return self.sql

    def record(self, row: Row) -> R:
        """The record of a row, whose other columns are ignored."""
        values = {name: row[name] for name in self._names}
        for name, convert in self._conversions.items():
            values[name] = convert(values[name])
        return self._make(**values)


def _conversion(hint: Any) -> Callable[[Any], Any] | None:
    """The function from a value of the databases to one of a type; None if they are the same."""
    options = [option for option in get_args(hint) if option is not NoneType]
    if NoneType in get_args(hint):
        inner = _conversion(options[0]) if len(options) == 1 else None
        return inner and (lambda value: None if value is None else inner(value))
    if hint is bool:
        return bool
    if isinstance(hint, type) and issubclass(hint, Enum):
        return hint
    return decode_json if get_origin(hint) is dict else None
