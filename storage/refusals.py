"""Why a database cannot be used, as a sentence for the operator that says what to correct.

The errors of the drivers name neither the address nor the setting; and a wrong password, a missing database
and a certificate that is not trusted have little in common but that they are found when a command starts.
"""

import sqlite3
import ssl
import urllib.parse
from collections.abc import Iterator
from contextlib import contextmanager

import asyncpg
from tortoise.exceptions import BaseORMException

from storage.outage import DatabaseUnavailable, reason_of, sqlite_code, wrapped_error

ERRORS = (
    OSError,
    BaseORMException,
    sqlite3.Error,
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    DatabaseUnavailable,
)
"""What drivers, the mapper and the system raise."""


class DatabaseError(Exception):
    """The database cannot be used; the message is a sentence for the operator."""


@contextmanager
def explained(url: str, *, is_connected: bool = False) -> Iterator[None]:
    """Raise `DatabaseError` instead of what the database at `url` raises in the block.

    With `is_connected`, only for outages and missing rights: anything else is a fault of ours by then.
    """
    try:
        yield
    except ERRORS as error:
        cause = _driver_error(error)
        if is_connected and not isinstance(error, DatabaseUnavailable) and not _is_forbidden(cause):
            raise
        raise DatabaseError(sentence(cause, url)) from error


def _is_forbidden(error: BaseException) -> bool:
    return isinstance(error, asyncpg.InsufficientPrivilegeError) or (
        isinstance(error, sqlite3.Error) and sqlite_code(error) == sqlite3.SQLITE_READONLY
    )


def sentence(error: BaseException, url: str) -> str:
    """Why the database at `url` did not let us in, without its password."""
    reason = reason_of(error).rstrip(".")
    if url.startswith("sqlite:"):
        return (
            f"The database does not answer: {urllib.parse.unquote(url.removeprefix('sqlite://'))}: {reason}"
        )
    parts = urllib.parse.urlsplit(url)
    query = dict(urllib.parse.parse_qsl(parts.query))
    host = query.get("host", parts.hostname)
    place = f"PostgreSQL at {host}:{parts.port or 5432}"
    role = urllib.parse.unquote(parts.username or query.get("user", "")) or "of this system's user"
    match error:
        case asyncpg.InvalidPasswordError():
            return (
                f"{place} refuses the password of the role {role}, or has no such role; correct DATABASE_URL."
            )
        case asyncpg.InvalidAuthorizationSpecificationError():
            return f"{place} does not let in the role {role} ({reason}); correct DATABASE_URL or pg_hba.conf."
        case asyncpg.InvalidCatalogNameError():
            name = parts.path.lstrip("/")
            return f"{place} has no database {name}; create it, or correct DATABASE_URL."
        case asyncpg.InsufficientPrivilegeError():
            return (
                f"{place} does not allow the role {role} what it needs ({reason}); make it the owner of the "
                "database, or name the role that migrated it in DATABASE_URL."
            )
        case FileNotFoundError() | PermissionError() if not str(host).startswith("/"):
            return f"DATABASE_URL cannot be used: look at sslrootcert, sslcert and sslkey there ({reason})."
        case asyncpg.exceptions.ClientConfigurationError():
            return f"DATABASE_URL cannot be used: {reason}."
    return _tls_sentence(error, place, reason) or f"The database does not answer: {place}: {reason}"


def _tls_sentence(error: BaseException, place: str, reason: str) -> str | None:
    match error:
        case ssl.SSLCertVerificationError():
            return (
                f"The certificate of {place} is not trusted ({error.verify_message}); name its authority "
                "with sslrootcert in DATABASE_URL, and the host as the certificate does."
            )
        case ssl.SSLError():
            return f"TLS with {place} fails ({reason}); look at sslmode, sslcert and sslkey in DATABASE_URL."
        case ConnectionError() if "SSL" in reason:
            return f"{place} does not offer the TLS that sslmode in DATABASE_URL demands ({reason})."
    return None


def _driver_error(error: BaseException) -> BaseException:
    """The error of the driver, which others wrap."""
    while isinstance(error, BaseORMException | DatabaseUnavailable):
        inner: BaseException | None = wrapped_error(error)
        if inner is error:
            inner = error.__cause__
        if inner is None:
            return error
        error = inner
    return error
