"""Logs: one JSON object a line, on stderr, each with the id of the request that it belongs to.

    {"time":"2026-01-02T03:04:05.678901Z","level":"INFO","logger":"quayside.access","message":"request", …}

Secrets are redacted: fields with names such as `password`, and parts of texts that look like credentials.
"""

import json
import logging
import logging.config
import re
from contextvars import ContextVar
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, Final

import orjson

request_id: ContextVar[str | None] = ContextVar("request_id", default=None)
"""The id of the request that the current task serves."""

REDACTED: Final = "[redacted]"

_SECRET_FIELDS: Final = re.compile(r"authorization|cookie|password|secret|token|credential", re.IGNORECASE)
_SECRET_TEXT: Final = re.compile(
    r"""
    \b(?P<scheme>bearer|basic)\s+[A-Za-z0-9._~+/=-]{6,}     # the value of an Authorization header
    | (?P<url>://[^/\s:@]*:)[^/\s@]+(?=@)                   # the password in a URL
    | (?P<name>\b[\w-]*(?:cookie|password|secret|token)["']?\s*[=:]\s*["']?)[^\s"'&,;]+
    """,
    re.IGNORECASE | re.VERBOSE,
)
_STANDARD: Final = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "color_message"}


def redact(text: str) -> str:
    """The text with parts that look like credentials redacted."""
    return _SECRET_TEXT.sub(_redact_match, text)


def _redact_match(match: re.Match[str]) -> str:
    kept = match["url"] or match["name"]
    return f"{kept}{REDACTED}" if kept else f"{match['scheme']} {REDACTED}"


@lru_cache(maxsize=1024)
def _is_secret(field: str) -> bool:
    return _SECRET_FIELDS.search(field) is not None


class JSONFormatter(logging.Formatter):
    """Formats a record as one line of JSON. Fields of `extra=` follow the standard fields."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC),
            "level": record.levelname,
            "logger": record.name,
            "message": _message(record),
        }
        request = request_id.get()
        if request is not None:
            line["request_id"] = request
        for name, value in vars(record).items():
            if name not in _STANDARD:
                line[name] = REDACTED if _is_secret(name) else value
        if record.exc_info:
            line["exception"] = redact(self.formatException(record.exc_info))
        return _dumps(line)


def _message(record: logging.LogRecord) -> str:
    # Texts without arguments are few, so their redacted form is cached.
    return redact(record.getMessage()) if record.args else _redact_constant(str(record.msg))


_redact_constant = lru_cache(maxsize=256)(redact)


def _dumps(line: dict[str, Any]) -> str:
    try:
        return orjson.dumps(line, default=str, option=orjson.OPT_UTC_Z | orjson.OPT_NON_STR_KEYS).decode()
    except TypeError:
        # orjson cannot write surrogates (undecodable file names) and integers beyond 64 bits.
        return json.dumps(line, default=str)


LOGGING: Final[dict[str, Any]] = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"json": {"()": "quayside.logs.JSONFormatter"}},
    "handlers": {
        "stderr": {"class": "logging.StreamHandler", "formatter": "json", "stream": "ext://sys.stderr"}
    },
    "root": {"level": "INFO", "handlers": ["stderr"]},
    "loggers": {
        # httpx logs a line for each outgoing request.
        "httpx": {"level": "WARNING"},
    },
}
"""For `logging.config.dictConfig`, and for the server's worker processes, which configure themselves."""


def configure() -> None:
    """Send the logs of this process to stderr as JSON."""
    logging.config.dictConfig(LOGGING)
    # Not logged, and a fifth of the cost of a record.
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
