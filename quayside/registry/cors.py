"""Answers to scripts of pages of other origins, where CORS_ORIGINS names them (the Fetch standard).

A page that browses a registry reads digests, links and challenges in header fields, which browsers show to
scripts only if an answer lists them.
"""

from typing import Final

from starlette.types import Message, Scope, Send

from quayside.registry.asgi import header

METHODS: Final = "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"
SENT: Final = "Accept, Authorization, Content-Range, Content-Type, If-None-Match, If-Range, Range"
"""Fields that scripts may send."""

EXPOSED: Final = (
    "Accept-Ranges, Content-Range, Docker-Content-Digest, Docker-Distribution-API-Version,"
    " Docker-Upload-UUID, ETag, Link, Location, OCI-Filters-Applied, OCI-Subject, OCI-Tag, Range,"
    " Retry-After, WWW-Authenticate, X-Request-Id"
)
"""Fields that scripts may read beside those that every answer shows."""

MAX_AGE_S: Final = 21_600


def cors_fields(origins: tuple[str, ...], scope: Scope) -> list[tuple[bytes, bytes]]:
    """The fields of an answer to this request, where the operator has named origins."""
    is_for_all = origins == ("*",)
    fields = {} if is_for_all else {"Vary": "Origin"}
    origin = header(scope, b"origin")
    if origin is not None and (is_for_all or origin in origins):
        fields["Access-Control-Allow-Origin"] = "*" if is_for_all else origin
        fields["Access-Control-Expose-Headers"] = EXPOSED
        if not is_for_all:
            fields["Access-Control-Allow-Credentials"] = "true"
        if is_preflight(scope):
            fields["Access-Control-Allow-Methods"] = METHODS
            fields["Access-Control-Allow-Headers"] = SENT
            fields["Access-Control-Max-Age"] = str(MAX_AGE_S)
    return [(name.lower().encode("ascii"), value.encode("latin-1")) for name, value in fields.items()]


def is_preflight(scope: Scope) -> bool:
    """Whether a browser asks if a script may send a request."""
    return bool(scope["method"] == "OPTIONS") and header(scope, b"access-control-request-method") is not None


def adding(fields: list[tuple[bytes, bytes]], send: Send) -> Send:
    """`send` that adds fields to the answer."""

    async def answer(message: Message) -> None:
        if message["type"] == "http.response.start":
            message["headers"] = [*message.get("headers", ()), *fields]
        await send(message)

    return answer
