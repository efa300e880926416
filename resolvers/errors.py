"""The family of errors, and the one code that each carries.

    QuaysideError
    ├── top-level: the caller may not, or the request itself is malformed
    │   ├── Unauthenticated        UNAUTHENTICATED
    │   ├── InvalidCredentials     UNAUTHENTICATED   credentials were given and are wrong
    │   │   └── SignInThrottled    UNAUTHENTICATED   nor are they looked at before a time has passed
    │   ├── Forbidden              FORBIDDEN
    │   ├── FreshLoginRequired     FRESH_LOGIN_REQUIRED
    │   └── BadRequest             BAD_REQUEST
    └── UserError: a person can fix it by changing the input
        ├── Invalid                INVALID
        ├── AlreadyExists          ALREADY_EXISTS
        ├── UnknownReference       UNKNOWN_REFERENCE
        ├── NotFound               NOT_FOUND
        ├── Immutable              IMMUTABLE
        ├── NotWritable            NOT_WRITABLE
        ├── Upstream               UPSTREAM
        ├── TooMany                TOO_MANY
        └── Conflict               CONFLICT

Each door (GraphQL, REST, /v2) translates a code once, in one table. Beside the family stands
`DatabaseUnavailable`, UNAVAILABLE, which comes from below and passes the resolvers as it is.
"""

from enum import StrEnum
from typing import ClassVar

from storage.outage import RETRY_AFTER_S, DatabaseUnavailable

RETRY_LATER = {"Retry-After": str(RETRY_AFTER_S)}
"""The header field that goes with UNAVAILABLE."""


class ErrorCode(StrEnum):
    """What kind of failure it is; stable, for programs to compare."""

    UNAUTHENTICATED = "UNAUTHENTICATED"
    FORBIDDEN = "FORBIDDEN"
    FRESH_LOGIN_REQUIRED = "FRESH_LOGIN_REQUIRED"
    BAD_REQUEST = "BAD_REQUEST"
    TOO_COMPLEX = "TOO_COMPLEX"
    UNAVAILABLE = "UNAVAILABLE"
    INTERNAL = "INTERNAL"
    INVALID = "INVALID"
    ALREADY_EXISTS = "ALREADY_EXISTS"
    UNKNOWN_REFERENCE = "UNKNOWN_REFERENCE"
    NOT_FOUND = "NOT_FOUND"
    IMMUTABLE = "IMMUTABLE"
    LICENSE = "LICENSE"
    UPSTREAM = "UPSTREAM"
    NOT_WRITABLE = "NOT_WRITABLE"
    TOO_MANY = "TOO_MANY"
    CONFLICT = "CONFLICT"


class QuaysideError(Exception):
    """An expected failure. `field` names the input that is at fault, as the caller spelt it."""

    code: ClassVar[ErrorCode]
    default: ClassVar[str] = ""

    def __init__(self, message: str = "", *, field: str | None = None) -> None:
        super().__init__(message or self.default)
        self.message = message or self.default
        self.field = field


class Unauthenticated(QuaysideError):
    """Nobody is signed in, and somebody has to be."""

    code = ErrorCode.UNAUTHENTICATED
    default = "Requires authentication"


class InvalidCredentials(Unauthenticated):
    """Credentials were presented and are unknown, wrong, expired or disabled; never which of these."""

    default = "Invalid credentials"


class SignInThrottled(InvalidCredentials):
    """Signing in failed too often of late, so that the password was not judged."""

    default = "Too many login attempts."

    def __init__(self, retry_after_s: int) -> None:
        super().__init__(f"{self.default} Please try again in {retry_after_s} seconds.")
        self.retry_after_s = retry_after_s


class FreshLoginRequired(QuaysideError):
    """The session is the caller's, but the password was given too long ago for this."""

    code = ErrorCode.FRESH_LOGIN_REQUIRED
    default = "Requires fresh login"


class Forbidden(QuaysideError):
    """The caller is known and may not."""

    code = ErrorCode.FORBIDDEN
    default = "Unauthorized"


class BadRequest(QuaysideError):
    """The request makes no sense, whatever it is about."""

    code = ErrorCode.BAD_REQUEST


class UserError(QuaysideError):
    """A failure that a person can fix by changing the input."""


class Invalid(UserError):
    """A value breaks a rule."""

    code = ErrorCode.INVALID


class AlreadyExists(UserError):
    """The name is taken."""

    code = ErrorCode.ALREADY_EXISTS


class UnknownReference(UserError):
    """The input names something that does not exist."""

    code = ErrorCode.UNKNOWN_REFERENCE


class NotFound(UserError):
    """The object to act on does not exist, for a caller who would be allowed to see it."""

    code = ErrorCode.NOT_FOUND
    default = "Not Found"


class Immutable(UserError):
    """The tag is locked."""

    code = ErrorCode.IMMUTABLE


class NotWritable(UserError):
    """The repository is in a state that refuses writes."""

    code = ErrorCode.NOT_WRITABLE


class Upstream(UserError):
    """Another server that was asked did not answer as it should."""

    code = ErrorCode.UPSTREAM


class TooMany(UserError):
    """Too often or too many; later or fewer will do."""

    code = ErrorCode.TOO_MANY


class Conflict(UserError):
    """What the caller assumed is no longer so."""

    code = ErrorCode.CONFLICT


__all__ = [
    "RETRY_LATER",
    "AlreadyExists",
    "BadRequest",
    "Conflict",
    "DatabaseUnavailable",
    "ErrorCode",
    "Forbidden",
    "FreshLoginRequired",
    "Immutable",
    "Invalid",
    "InvalidCredentials",
    "NotFound",
    "NotWritable",
    "QuaysideError",
    "SignInThrottled",
    "TooMany",
    "Unauthenticated",
    "UnknownReference",
    "Upstream",
    "UserError",
]
