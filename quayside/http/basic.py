"""Basic credentials in the `Authorization` header field (RFC 7617)."""

import base64
import binascii

from starlette.requests import Request

from resolvers.errors import InvalidCredentials


def basic_login(request: Request) -> tuple[str, str] | None:
    """User name and password; None without a header field. Raises `InvalidCredentials` for any other."""
    header = request.headers.get("authorization")
    if header is None:
        return None
    name, password = parsed(header)
    if "\0" in name + password:
        raise InvalidCredentials
    return name, password


def parsed(text: str) -> tuple[str, str]:
    """User name and password in the value of a header field. Raises `InvalidCredentials` for any other."""
    scheme, _, encoded = text.partition(" ")
    try:
        name, colon, password = base64.b64decode(encoded.strip(), validate=True).decode().partition(":")
    except (binascii.Error, ValueError) as error:
        raise InvalidCredentials from error
    if scheme.lower() != "basic" or not colon:
        raise InvalidCredentials
    return name, password
