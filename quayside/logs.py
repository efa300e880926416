"""Logs: one JSON object a line, on stderr, each with the id of the request that it belongs to.

    {"time":"2026-01-02T03:04:05.678901Z","level":"INFO","logger":"quayside.access","message":"request", …}

Secrets stay out: fields that are named like one are blotted out, and so is what looks like one in a text.
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
"""The id of the request that the running task serves, if it serves one."""

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
    """The text without what looks like a credential in it."""
    return _SECRET_TEXT.sub(_blot, text)


def _blot(match: re.Match[str]) -> str:
    kept = match["url"] or match["name"]
    return f"{kept}{REDACTED}" if kept else f"{match['scheme']} {REDACTED}"


@lru_cache(maxsize=1024)
def _is_secret(field: str) -> bool:
    return _SECRET_FIELDS.search(field) is not None


class JSONFormatter(logging.Formatter):
    """Writes a record as one line of JSON. Fields given by `extra=` stand beside the standard ones."""

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
    # A text without arguments is one of few, so each is looked through once.
    return redact(record.getMessage()) if record.args else _redact_constant(str(record.msg))


_redact_constant = lru_cache(maxsize=256)(redact)


def _dumps(line: dict[str, Any]) -> str:
    try:
        return orjson.dumps(line, default=str, option=orjson.OPT_UTC_Z | orjson.OPT_NON_STR_KEYS).decode()
    except TypeError:
        # Undecodable bytes of a file name and integers beyond 64 bits are logged in the slower way.
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
        # One line per outgoing request would drown our own.
        "httpx": {"level": "WARNING"},
    },
}
"""For `logging.config.dictConfig`, and for the server's worker processes, which configure themselves."""


def configure() -> None:
    """Send the logs of this process to stderr as JSON."""
    logging.config.dictConfig(LOGGING)
    # No line shows them, and finding them out is a fifth of what a line costs.
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
