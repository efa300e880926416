"""Signatures: how the receiver of a webhook knows that a request comes from this registry, and is new.

    X-Quayside-Signature: t=1767225600,v1=5257a869e7…

`v1` is the HMAC-SHA256, in hexadecimal digits, of the digits after `t=`, a full stop, and the body. The key
is the secret of the notification. `t` is the time of the attempt in seconds, so that a receiver can refuse
what somebody recorded and sends again.
"""

import hmac

HEADER = "X-Quayside-Signature"


def signature(secret: str, body: bytes, *, now_s: int) -> str:
    """The value of the header field."""
    signed = f"{now_s}.".encode() + body
    return f"t={now_s},v1={hmac.digest(secret.encode(), signed, 'sha256').hex()}"
