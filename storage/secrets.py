"""Encryption of the secrets that the API must be able to show again.

Fernet (AES-128-CBC with HMAC-SHA256) of the `cryptography` package. The site's secret key is a list: the
first entry encrypts, all of them decrypt, so that keys can be rotated.
"""

import base64
import hashlib
from collections.abc import Sequence

from cryptography.fernet import Fernet, InvalidToken, MultiFernet


class SecretUnreadable(Exception):
    """A stored secret was encrypted with a key that is not in the list any more."""


class Secrets:
    """Encrypts and decrypts with keys derived from texts of any length."""

    def __init__(self, keys: Sequence[str]) -> None:
        if not keys:
            raise ValueError("at least one secret key is needed")
        self._fernet = MultiFernet([Fernet(_derive(key)) for key in keys])

    def encrypt(self, text: str) -> str:
        """The text under the first key."""
        return self._fernet.encrypt(text.encode()).decode()

    def decrypt(self, encrypted: str) -> str:
        """The text again. Raises `SecretUnreadable`."""
        try:
            return self._fernet.decrypt(encrypted.encode()).decode()
        except InvalidToken as error:
            raise SecretUnreadable(
                "a stored secret cannot be read with the configured secret keys"
            ) from error


def _derive(key: str) -> bytes:
    # The configured key may have any form; hashing it gives Fernet the 32 bytes it wants.
    return base64.urlsafe_b64encode(hashlib.sha256(b"quayside.secrets:" + key.encode()).digest())
