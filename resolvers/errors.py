"""Errors of resolvers, each class with one code.

    QuaysideError
    ├── top-level: the caller may not, or the request itself is malformed
    │   ├── Unauthenticated        UNAUTHENTICATED
    │   ├── InvalidCredentials     UNAUTHENTICATED   credentials were presented and are wrong
    │   │   └── SignInThrottled    UNAUTHENTICATED   rate limit: not checked before a time has passed
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
        ├── QuotaExceeded          QUOTA_EXCEEDED
        ├── Upstream               UPSTREAM
        ├── TooMany                TOO_MANY
        └── Conflict               CONFLICT

Each door (GraphQL, REST, /v2) translates a code once, in one table. Beside the family stand
`DatabaseUnavailable`, UNAVAILABLE, and `ReadOnly`, READ_ONLY, which come from below and pass the resolvers
as they are.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar

from storage.outage import RETRY_AFTER_S, DatabaseUnavailable
from storage.readonly import ReadOnly

RETRY_LATER = {"Retry-After": str(RETRY_AFTER_S)}
"""The header field that goes with UNAVAILABLE."""


class ErrorCode(StrEnum):
    """The kind of a failure; stable, so that programs can compare it."""

    UNAUTHENTICATED = "UNAUTHENTICATED"
    FORBIDDEN = "FORBIDDEN"
    FRESH_LOGIN_REQUIRED = "FRESH_LOGIN_REQUIRED"
    BAD_REQUEST = "BAD_REQUEST"
    TOO_COMPLEX = "TOO_COMPLEX"
    UNAVAILABLE = "UNAVAILABLE"
    READ_ONLY = "READ_ONLY"
    INTERNAL = "INTERNAL"
    INVALID = "INVALID"
    ALREADY_EXISTS = "ALREADY_EXISTS"
    UNKNOWN_REFERENCE = "UNKNOWN_REFERENCE"
    NOT_FOUND = "NOT_FOUND"
    IMMUTABLE = "IMMUTABLE"
    LICENSE = "LICENSE"
    UPSTREAM = "UPSTREAM"
    NOT_WRITABLE = "NOT_WRITABLE"
    QUOTA_EXCEEDED = "QUOTA_EXCEEDED"
    TOO_MANY = "TOO_MANY"
    CONFLICT = "CONFLICT"


class Reason(StrEnum):
    """Why a caller is refused; stable, so that programs can compare it."""

    NOT_SIGNED_IN = "NOT_SIGNED_IN"
    INVALID_CREDENTIALS = "INVALID_CREDENTIALS"
    SCOPE = "SCOPE"
    ROLE = "ROLE"
    SUPERUSER = "SUPERUSER"
    IN_PERSON = "IN_PERSON"
    RULE = "RULE"


@dataclass(frozen=True, slots=True)
class Refusal:
    """What a refused caller lacks. Any one of `required_scopes` would do."""

    reason: Reason
    sentence: str
    required_scopes: tuple[str, ...] = ()
    granted_scopes: tuple[str, ...] = ()
    required_role: str | None = None


class QuaysideError(Exception):
    """An expected failure. `field` is the input at fault, as the caller spelt it."""

    code: ClassVar[ErrorCode]
    default: ClassVar[str] = ""

    def __init__(self, message: str = "", *, field: str | None = None) -> None:
        super().__init__(message or self.default)
        self.message = message or self.default
        self.field = field


class Refused(QuaysideError):
    """The caller may not. `refusal` says what is missing; `message` is the short text of the other doors."""

    reason: ClassVar[Reason]

    def __init__(
        self, message: str = "", *, field: str | None = None, refusal: Refusal | None = None
    ) -> None:
        super().__init__(message, field=field)
        self.refusal = refusal or Refusal(self.reason, self.message)


class Unauthenticated(Refused):
    """The caller must sign in."""

    code = ErrorCode.UNAUTHENTICATED
    default = "Requires authentication"
    reason = Reason.NOT_SIGNED_IN


class InvalidCredentials(Unauthenticated):
    """The credentials are unknown, wrong, expired or disabled; the error does not tell which."""

    default = "Invalid credentials"
    reason = Reason.INVALID_CREDENTIALS


class SignInThrottled(InvalidCredentials):
    """Rate limit: sign-ins failed too often, so the password was not checked."""

    default = "Too many login attempts."

    def __init__(self, retry_after_s: int) -> None:
        super().__init__(f"{self.default} Please try again in {retry_after_s} seconds.")
        self.retry_after_s = retry_after_s

    def as_too_many(self, field: str) -> "TooMany":
        """The same for a caller who is signed in, and gave the secret in a field."""
        return TooMany(self.message, field=field, retry_after_s=self.retry_after_s)


class FreshLoginRequired(QuaysideError):
    """The session is valid, but the password must be given again."""

    code = ErrorCode.FRESH_LOGIN_REQUIRED
    default = "Requires fresh login"


class Forbidden(Refused):
    """The caller is signed in and lacks permission; with a text alone, a rule forbids it to everybody."""

    code = ErrorCode.FORBIDDEN
    default = "Unauthorized"
    reason = Reason.RULE


class BadRequest(QuaysideError):
    """The request is malformed."""

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
    """The input refers to an object that does not exist."""

    code = ErrorCode.UNKNOWN_REFERENCE


class NotFound(UserError):
    """The object to act on does not exist; only for callers who would be allowed to see it."""

    code = ErrorCode.NOT_FOUND
    default = "Not Found"


class Immutable(UserError):
    """The tag is immutable."""

    code = ErrorCode.IMMUTABLE


class NotWritable(UserError):
    """The repository is in a state that refuses writes."""

    code = ErrorCode.NOT_WRITABLE


class QuotaExceeded(UserError):
    """The namespace would store more than a Reject limit, `percent` of its quota of `limit_bytes`, allows.

    `usage_bytes` is what it stores.
    """

    code = ErrorCode.QUOTA_EXCEEDED

    def __init__(
        self,
        message: str,
        *,
        field: str | None = None,
        namespace_id: int,
        namespace: str,
        percent: int,
        usage_bytes: int,
        limit_bytes: int,
    ) -> None:
        super().__init__(message, field=field)
        self.namespace_id = namespace_id
        self.namespace = namespace
        self.percent = percent
        self.usage_bytes = usage_bytes
        self.limit_bytes = limit_bytes


class Upstream(UserError):
    """A request to another server failed."""

    code = ErrorCode.UPSTREAM


class TooMany(UserError):
    """A rate limit or a maximum is exceeded.

    `retry_after_s` says when a rate limit is over; None if waiting is no help.
    """

    code = ErrorCode.TOO_MANY

    def __init__(
        self, message: str = "", *, field: str | None = None, retry_after_s: int | None = None
    ) -> None:
        super().__init__(message, field=field)
        self.retry_after_s = retry_after_s

    @property
    def retry_headers(self) -> dict[str, str]:
        """The header field of HTTP that says when to come back; none if waiting is no help."""
        return {} if self.retry_after_s is None else {"Retry-After": str(self.retry_after_s)}


class Conflict(UserError):
    """The state that the caller assumed has changed."""

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
    "QuotaExceeded",
    "ReadOnly",
    "Reason",
    "Refusal",
    "Refused",
    "SignInThrottled",
    "TooMany",
    "Unauthenticated",
    "UnknownReference",
    "Upstream",
    "UserError",
]
