"""Forms: pure functions that convert one value, with the GraphQL types that each applies to.

`WRITE_FORMS` convert a value of the schema for the answer. `READ_FORMS` convert a text or a JSON value of the
request for the schema; they raise `FormError` with a sentence for people, or any other `ValueError`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from types import MappingProxyType
from typing import Any, NamedTuple

from graphql import GraphQLNamedType, is_enum_type, is_input_object_type

from schema.scalars import display_bytes

SCALARS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "ID": ("string",),
        "String": ("string",),
        "Int": ("integer",),
        "Float": ("number",),
        "Boolean": ("boolean",),
        "BigInt": ("integer",),
        "ByteSize": ("integer", "string"),
        "Cursor": ("string",),
        "Date": ("string",),
        "DateTime": ("string",),
        "Digest": ("string",),
        "JSON": ("any",),
        "JSONObject": ("object",),
        "PruneValue": ("integer", "string"),
        "RepositoryPath": ("string",),
        "URL": ("string",),
    }
)
"""The JSON types of each scalar of the schema, in requests and answers."""


def json_kinds(type_: GraphQLNamedType) -> tuple[str, ...]:
    """The JSON types of a scalar, enum or input object.

    Raises ValueError for a scalar that `SCALARS` does not know.
    """
    if is_enum_type(type_):
        return ("string",)
    if is_input_object_type(type_):
        return ("object",)
    if (kinds := SCALARS.get(type_.name)) is None:
        raise ValueError(f"The scalar {type_.name} has no entry in rest_compat.forms.SCALARS.")
    return kinds


class FormError(ValueError):
    """A form cannot read a value. The message is a sentence for people."""


class WriteForm(NamedTuple):
    """`takes`: names of scalars, or `enum`. `kind`: JSON type of the result."""

    takes: frozenset[str]
    kind: str
    render: Callable[[Any], Any]


class ReadForm(NamedTuple):
    """`takes`: names of scalars, or `input`. `kind`: JSON type in a request body and in discovery.
    `read` takes the text of the path or query, or the JSON value."""

    takes: frozenset[str]
    kind: str
    read: Callable[[Any], Any]


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


def _rfc2822(text: str) -> str:
    # A naive time prints the zone as -0000, as the reference does for UTC.
    return format_datetime(_moment(text).replace(tzinfo=None))


def _http_date(text: str) -> str:
    return format_datetime(_moment(text), usegmt=True)


def _epoch(text: str) -> int:
    return int(_moment(text).timestamp() // 1)


def _epoch_ms(text: str) -> int:
    return (_moment(text) - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)


def _iso_seconds(text: str) -> str:
    return _moment(text).strftime("%Y-%m-%dT%H:%M:%SZ")


def _scan_status(name: str) -> str:
    return "manifest_layer_too_large" if name == "LAYER_TOO_LARGE" else name.lower()


SPELLINGS: Mapping[str, Callable[[str], str]] = MappingProxyType(
    {
        "LOWER": str.lower,
        "KEBAB": lambda name: name.lower().replace("_", "-"),
        "TITLE": str.capitalize,
        "UPPER": str.upper,
        "ANY_CASE": str.capitalize,
    }
)
"""How REST spells enum values, in requests and answers."""

AS_INTEGER, AS_TEXT = "AS_INTEGER", "AS_TEXT"
"""The forms that take one of the JSON types of a scalar that has several; the scalar reads the value."""

ANY_CASE = "ANY_CASE"
"""The form that reads enum values in any mixture of small and capital letters."""

_DATES = frozenset({"DateTime"})

WRITE_FORMS: Mapping[str, WriteForm] = MappingProxyType(
    {
        "RFC2822": WriteForm(_DATES, "string", _rfc2822),
        "HTTP_DATE": WriteForm(_DATES, "string", _http_date),
        "ISO_SECONDS": WriteForm(_DATES, "string", _iso_seconds),
        "DAY": WriteForm(_DATES | {"Date"}, "string", lambda text: text[:10]),
        "EPOCH": WriteForm(_DATES, "integer", _epoch),
        "EPOCH_MS": WriteForm(_DATES, "integer", _epoch_ms),
        "IEC_BYTES": WriteForm(frozenset({"BigInt", "ByteSize"}), "string", display_bytes),
        "SCAN_STATUS": WriteForm(frozenset({"enum"}), "string", _scan_status),
        "APPROVAL_TYPE": WriteForm(frozenset({"enum"}), "string", "ServiceKeyApprovalType.{}".format),
        **{form: WriteForm(frozenset({"enum"}), "string", spell) for form, spell in SPELLINGS.items()},
    }
)


def _us_day(text: str) -> datetime:
    return datetime.strptime(text, "%m/%d/%Y").replace(tzinfo=UTC)


def _utc(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")


def _us_day_after(text: str) -> str:
    day = _us_day(text)
    try:
        return _utc(day + timedelta(days=1))
    except OverflowError:
        raise ValueError from None


def _read_epoch(seconds: Any) -> str:
    try:
        return _utc(datetime.fromtimestamp(float(seconds), tz=UTC))
    except (OverflowError, OSError) as error:
        raise FormError(f"{seconds!r} is not a date in seconds since 1970") from error


def _read_iso_seconds(text: str) -> str:
    if re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", text) is None:
        raise FormError(f"{text!r} does not have the form YYYY-MM-DDTHH:MM:SSZ")
    return _utc(datetime.fromisoformat(text))


def _name_filter(text: str) -> dict[str, str]:
    operation, colon, name = text.partition(":")
    if not colon:
        raise FormError("The filter must read like:<part of a name> or eq:<name>.")
    # Other operations are ignored, as in the reference: an empty filter matches every name.
    return {"like": {"contains": name}, "eq": {"equals": name}}.get(operation, {})


def _page(text: Any) -> int:
    return max(1, whole_number(text))


def whole_number(text: Any) -> int:
    """Parses a decimal integer, stricter than Python (no `1_000`, no Arabic digits). Raises ValueError."""
    if re.fullmatch(r"[+-]?[0-9]{1,19}", str(text)) is None:
        raise ValueError
    return int(text)


def _as_it_is(value: Any) -> Any:
    return value


READ_FORMS: Mapping[str, ReadForm] = MappingProxyType(
    {
        "US_DAY": ReadForm(_DATES, "string", lambda text: _utc(_us_day(text))),
        "US_DAY_AFTER": ReadForm(_DATES, "string", _us_day_after),
        "EPOCH": ReadForm(_DATES, "number", _read_epoch),
        "EPOCH_WHOLE": ReadForm(_DATES, "integer", _read_epoch),
        "ISO_SECONDS": ReadForm(_DATES, "string", _read_iso_seconds),
        "NAME_FILTER": ReadForm(frozenset({"input"}), "string", _name_filter),
        "PAGE": ReadForm(frozenset({"Cursor"}), "integer", _page),
        AS_INTEGER: ReadForm(frozenset({"ByteSize"}), "integer", _as_it_is),
        AS_TEXT: ReadForm(frozenset({"ByteSize"}), "string", _as_it_is),
        "CURSOR": ReadForm(frozenset({"Cursor"}), "string", str),
    }
)
"""Forms that read a value. Enum values are read with `SPELLINGS`."""


def applies(takes: frozenset[str], type_: GraphQLNamedType) -> bool:
    """Whether a form takes values of a GraphQL type."""
    if is_enum_type(type_):
        return "enum" in takes
    if is_input_object_type(type_):
        return "input" in takes
    return type_.name in takes
