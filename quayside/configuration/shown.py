"""Settings as they are shown: values as JSON, without what is secret in them, and their schema."""

import types
from datetime import timedelta
from pathlib import Path
from typing import Any, Literal, get_args, get_origin, get_type_hints
from urllib.parse import parse_qsl, quote, urlsplit

from quayside.settings.features import FEATURES
from quayside.settings.mail_url import MailServer
from quayside.settings.settings import FEATURE_PREFIX, Settings
from quayside.settings.table import SETTINGS, Secrecy, Setting
from resolvers.configuration import SettingRecord, SettingSource

MASK = "**********"
OPEN_OPTIONS = frozenset(
    {"application_name", "dbname", "endpoint", "from", "host", "port", "region", "sslmode", "starttls"}
)
"""Options of URLs whose values are shown; any other may hold a secret, such as `password` for PostgreSQL."""
_UNITS = (("y", 31_536_000), ("w", 604_800), ("d", 86_400), ("h", 3_600), ("m", 60), ("s", 1))


def records(settings: Settings) -> list[SettingRecord]:
    """All settings and features, by name."""
    rows = [
        SettingRecord(
            name=row.name,
            value=shown(row, getattr(settings, row.name.lower())),
            source=settings.sources.get(row.name, SettingSource.DEFAULT),
            is_secret=row.secrecy is not Secrecy.OPEN,
            description=row.sentence,
        )
        for row in SETTINGS
    ]
    flags = [
        SettingRecord(
            name=FEATURE_PREFIX + row.name,
            value=row.name in settings.features,
            source=settings.sources.get(FEATURE_PREFIX + row.name, SettingSource.DEFAULT),
            is_secret=False,
            description=row.sentence,
        )
        for row in FEATURES
    ]
    return sorted(rows + flags, key=lambda record: record.name)


def shown(row: Setting, value: Any) -> Any:
    """The value of a setting as JSON. Of what is secret it says only whether it is set."""
    if value is None:
        return None
    if row.secrecy is Secrecy.WHOLE:
        return MASK if value else None
    plain = _as_json(value)
    return masked_url(plain) if row.secrecy is Secrecy.URL else plain


def _as_json(value: Any) -> Any:
    match value:
        case bool() | int() | str():
            return value
        case timedelta():
            return duration(value)
        case MailServer():
            return value.url
        case frozenset():
            return sorted(str(one) for one in value)
        case tuple():
            return [str(one) for one in value]
    return str(value)


def duration(value: timedelta) -> str:
    """A duration as an operator writes it, in the largest unit that fits."""
    seconds = round(value.total_seconds())
    return next((f"{seconds // size}{unit}" for unit, size in _UNITS if seconds and seconds % size == 0), "0")


def masked_url(url: str) -> str:
    """A URL with masks for its password and for options that may be secret."""
    parts = urlsplit(url)
    user, at, place = parts.netloc.rpartition("@")
    name, colon, _ = user.partition(":")
    netloc = f"{name}{colon}{MASK if colon else ''}{at}{place}"
    options = "&".join(
        f"{quote(name)}={quote(masked_url(value), safe='/:@*') if name in OPEN_OPTIONS else MASK}"
        for name, value in parse_qsl(parts.query, keep_blank_values=True)
    )
    # What stands between is kept as it is: `urlunsplit` would drop the slashes of an empty host.
    rest = url.partition(":")[2] if parts.scheme else url
    slashes = "//" if rest.startswith("//") else ""
    scheme = f"{url.partition(':')[0]}:" if parts.scheme else ""
    return f"{scheme}{slashes}{netloc}{parts.path}{'?' if options else ''}{options}"


_TYPES: dict[type, dict[str, Any]] = {
    bool: {"type": "boolean"},
    int: {"type": "integer"},
    str: {"type": "string"},
    Path: {"type": "string"},
    MailServer: {"type": "string", "format": "uri"},
    timedelta: {"type": "string", "pattern": "^(0|[0-9]+[smhdwy])$"},
    frozenset: {"type": "array", "items": {"type": "string"}},
    tuple: {"type": "array", "items": {"type": "string"}},
}


def json_schema() -> dict[str, Any]:
    """A JSON Schema of the object of all values, from the rows and the types of the fields."""
    hints = get_type_hints(Settings)
    properties = {
        row.name: {"description": row.sentence, **_schema(row, hints[row.name.lower()])} for row in SETTINGS
    } | {
        FEATURE_PREFIX + row.name: {"description": row.sentence, "type": "boolean", "default": row.default}
        for row in FEATURES
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "object",
        "properties": dict(sorted(properties.items())),
        "additionalProperties": False,
    }


def _schema(row: Setting, hint: Any) -> dict[str, Any]:
    if row.secrecy is Secrecy.WHOLE:
        return {"type": ["string", "null"], "writeOnly": True}
    if get_origin(hint) is Literal:
        return {"enum": list(get_args(hint))}
    if isinstance(hint, types.UnionType):
        inner = next(one for one in get_args(hint) if one is not types.NoneType)
        plain = _schema(row, inner)
        return {**plain, "type": [plain["type"], "null"]}
    return dict(_TYPES[get_origin(hint) or hint])
