"""Custom scalars."""

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NewType, TypeAlias

import strawberry
from graphql import GraphQLError

from resolvers import byte_size
from resolvers.byte_size import display as display_bytes

_DIGEST = re.compile(r"sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128}")


def to_datetime(milliseconds: int) -> datetime:
    """Milliseconds since 1970 as an aware date-time in UTC."""
    return datetime.fromtimestamp(milliseconds / 1000, UTC)


def optional_datetime(milliseconds: int | None) -> datetime | None:
    """`to_datetime`, or None for None."""
    return None if milliseconds is None else to_datetime(milliseconds)


def to_milliseconds(value: datetime) -> int:
    """A date-time as milliseconds since 1970."""
    return round(value.timestamp() * 1000)


def _serialize_datetime(value: datetime) -> str:
    text = value.astimezone(UTC).isoformat(timespec="milliseconds" if value.microsecond else "seconds")
    return text.replace("+00:00", "Z")


def _parse_datetime(value: Any) -> datetime:
    try:
        parsed = datetime.fromisoformat(value)
    except (TypeError, ValueError) as error:
        raise GraphQLError(f"{value!r} is not a date and time such as 2026-01-31T12:00:00Z.") from error
    return parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)


def _parse_big_int(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or abs(value) > 2**53 - 1:
        raise GraphQLError(f"{value!r} is not an integer between -(2^53-1) and 2^53-1.")
    return value


def _parse_byte_size(value: Any) -> int:
    try:
        if isinstance(value, str):
            return byte_size.parse(value)
        if isinstance(value, int) and not isinstance(value, bool):
            return byte_size.check(value)
    except ValueError as error:
        raise GraphQLError(str(error)) from error
    raise GraphQLError(f"{value!r:.80} is not a size: a whole number of bytes, or a text such as 10 GiB.")


def _parse_digest(value: Any) -> str:
    if not isinstance(value, str) or not _DIGEST.fullmatch(value):
        raise GraphQLError(f"{value!r} is not a digest such as sha256:<64 hexadecimal digits>.")
    return value


def _parse_path(value: Any) -> str:
    if not isinstance(value, str) or "/" not in value.strip("/"):
        raise GraphQLError(f"{value!r} is not a repository path such as acme/app.")
    return value.strip("/")


def _parse_object(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise GraphQLError(f"{value!r:.200} is not an object.")
    return value


def _parse_prune_value(value: Any) -> int | str:
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise GraphQLError(f'{value!r:.200} is neither a whole number nor a text such as "30d".')
    return value


def _parse_text(value: Any) -> str:
    if not isinstance(value, str):
        raise GraphQLError(f"{value!r} is not a text.")
    return value


BigInt = NewType("BigInt", int)
ByteSize = NewType("ByteSize", int)
Cursor = NewType("Cursor", str)
Digest = NewType("Digest", str)
JSONObject = NewType("JSONObject", dict[str, Any])
RepositoryPath = NewType("RepositoryPath", str)
if TYPE_CHECKING:
    PruneValue: TypeAlias = int | str
else:
    PruneValue = NewType("PruneValue", object)

SCALARS: dict[object, Any] = {
    BigInt: strawberry.scalar(
        name="BigInt",
        description="An integer of up to 53 bits, which every JSON reader keeps exactly. Sizes are in bytes.",
        serialize=int,
        parse_value=_parse_big_int,
    ),
    ByteSize: strawberry.scalar(
        name="ByteSize",
        description="A number of bytes, from 0 to 2^63-1. Requests may also write it as a text with a unit,"
        " such as `10 GiB` or `200 MB`: KiB, MiB, GiB (or Ki, Mi, Gi) … are powers of 1024, and KB, MB, GB"
        " (or K, M, G) … powers of 1000.",
        serialize=int,
        parse_value=_parse_byte_size,
    ),
    Cursor: strawberry.scalar(
        name="Cursor",
        description="A place in a list. Opaque: pass back what the server gave.",
        serialize=str,
        parse_value=_parse_text,
    ),
    datetime: strawberry.scalar(
        name="DateTime",
        description="A date and time, ISO 8601 in UTC, such as `2026-01-31T12:00:00Z`.",
        serialize=_serialize_datetime,
        parse_value=_parse_datetime,
    ),
    Digest: strawberry.scalar(
        name="Digest",
        description="A content digest: `sha256:` or `sha512:` and lower-case hexadecimal digits.",
        serialize=str,
        parse_value=_parse_digest,
    ),
    JSONObject: strawberry.scalar(
        name="JSONObject",
        description="Any JSON object, kept as it is.",
        serialize=dict,
        parse_value=_parse_object,
    ),
    PruneValue: strawberry.scalar(
        name="PruneValue",
        description='The value of an auto-prune policy: a number of tags, or an age such as `"30d"`.',
        serialize=_parse_prune_value,
        parse_value=_parse_prune_value,
    ),
    RepositoryPath: strawberry.scalar(
        name="RepositoryPath",
        description="Namespace and repository name, such as `acme/app` or `acme/tools/app`.",
        serialize=str,
        parse_value=_parse_path,
    ),
}

__all__ = [
    "SCALARS",
    "BigInt",
    "ByteSize",
    "Cursor",
    "Digest",
    "JSONObject",
    "RepositoryPath",
    "display_bytes",
    "optional_datetime",
    "to_datetime",
    "to_milliseconds",
]
