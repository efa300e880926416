"""Signatures: whether a webhook comes from the service that was given the secret of a trigger.

    GitHub, Bitbucket   the HMAC-SHA256 of the body, in hexadecimal digits after `sha256=`
    GitLab              the secret itself, or its signature of identity, time and body (standardwebhooks.com)

A secret for GitLab begins with `whsec_` and goes on in base64, which its signing tokens have to; it can be
pasted as a secret token as well. All is compared in constant time.
"""

import base64
import binascii
import hmac
import secrets
from collections.abc import Mapping
from typing import Final

SIGNED_FOR_S: Final = 300
"""How far the time in a signature may be from ours, so that what was recorded cannot be sent again later."""

_GITLAB_PREFIX: Final = "whsec_"


def new_secret() -> str:
    """A secret that each of the services takes."""
    return _GITLAB_PREFIX + base64.b64encode(secrets.token_bytes(32)).decode()


def is_hub_signed(header: str, secret: str, headers: Mapping[str, str], body: bytes) -> bool:
    """Whether a header field has `sha256=` and the HMAC of the body."""
    expected = "sha256=" + hmac.digest(secret.encode(), body, "sha256").hex()
    return _is_same(headers.get(header, ""), expected)


def is_gitlab_signed(secret: str, headers: Mapping[str, str], body: bytes, *, now_s: int) -> bool:
    """Whether GitLab's header fields have the secret, or a signature made by it of late."""
    has_token = _is_same(headers.get("x-gitlab-token", ""), secret)
    return _is_standard_signed(secret, headers, body, now_s) or has_token


def _is_standard_signed(secret: str, headers: Mapping[str, str], body: bytes, now_s: int) -> bool:
    identity, sent_at = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
    if not (sent_at.isascii() and sent_at.isdecimal() and len(sent_at) <= 12):
        return False
    signed = f"{identity}.{sent_at}.".encode() + body
    digest = hmac.digest(_gitlab_key(secret), signed, "sha256")
    expected = "v1," + base64.b64encode(digest).decode()
    # Several are there while a secret is being replaced.
    given = headers.get("webhook-signature", "").split(" ")[:10]
    is_right = any(_is_same(one, expected) for one in given)
    return is_right and abs(now_s - int(sent_at)) <= SIGNED_FOR_S


def _gitlab_key(secret: str) -> bytes:
    if secret.startswith(_GITLAB_PREFIX):
        try:
            return base64.b64decode(secret.removeprefix(_GITLAB_PREFIX), validate=True)
        except binascii.Error:
            pass
    return secret.encode()


def _is_same(given: str, expected: str) -> bool:
    # Header fields may hold what is not ASCII, which the comparison of texts refuses.
    return hmac.compare_digest(given.encode(), expected.encode())
