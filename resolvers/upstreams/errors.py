"""What went wrong at another registry, by kind: whoever asked does something else for each.

errors.Upstream
└── UpstreamFailure
    ├── UpstreamRefused       401, 403: the credentials do not do
    ├── UpstreamUnknown       404: it does not exist there, or is hidden
    ├── UpstreamLimited       429: too much was asked; `retry_after_s` says when to come back
    ├── UpstreamUnavailable   5xx, or it cannot be reached: later it may work
    └── UpstreamInvalid       it answered what must not be believed: digest, size, nonsense
"""

import re
from typing import ClassVar

import orjson

from resolvers.errors import Upstream

_MAX_SAYING = 200
_UNPRINTABLE = re.compile(r"[^\x20-\x7e]+")


class UpstreamFailure(Upstream):
    """Another registry did not give what was asked.

    `status` is its answer, None if there was none; `retry_after_s` is when it wants to be asked again.
    """

    kind: ClassVar[str]

    def __init__(
        self, message: str, *, status: int | None = None, retry_after_s: float | None = None
    ) -> None:
        super().__init__(message)
        self.status = status
        self.retry_after_s = retry_after_s


class UpstreamRefused(UpstreamFailure):
    """The credentials, or their absence, are not accepted.

    `is_of_login` says that the login itself is refused, whatever is asked for.
    """

    kind = "refused"
    is_of_login = False


class UpstreamUnknown(UpstreamFailure):
    """The registry does not have it."""

    kind = "unknown"


class UpstreamLimited(UpstreamFailure):
    """The registry wants fewer requests."""

    kind = "limited"


class UpstreamUnavailable(UpstreamFailure):
    """The registry, or the way to it, is out of order."""

    kind = "unavailable"


class UpstreamInvalid(UpstreamFailure):
    """The registry answered what cannot be right, or leads where nothing may be asked."""

    kind = "invalid"


def saying(body: bytes) -> str:
    """What a registry says of a failure, after a colon; empty unless it has the form of the specification.

    It is cut and stripped of what is not printable, since it ends in logs and on pages.
    """
    try:
        first = orjson.loads(body)["errors"][0]
        words = [str(first[key]) for key in ("code", "message") if first.get(key)]
    except (ValueError, LookupError, TypeError, AttributeError):
        return ""
    text = _UNPRINTABLE.sub(" ", " ".join(words)).strip()
    return f": {text[:_MAX_SAYING]}" if text else ""
