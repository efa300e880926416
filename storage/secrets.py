"""Encryption at rest of secrets that the API must show again.

Fernet (AES-128-CBC with HMAC-SHA256) of the `cryptography` package. The setting is a list of keys: the first
encrypts, all decrypt, so that keys can be rotated.

It is noted for each request whether a secret was read, since an answer with one must not be compressed.
"""

import base64
import hashlib
import hmac
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TypeVar

from cryptography.fernet import Fernet, InvalidToken, MultiFernet


class SecretUnreadable(Exception):
    """A text was not encrypted with any of the configured keys."""


T = TypeVar("T")

_read: ContextVar[list[bool] | None] = ContextVar("secrets_read", default=None)
"""Not empty once a secret was read; None where it is not noted. Tasks of a request share its list."""


@contextmanager
def noting_secrets() -> Iterator[None]:
    """Note within whether a secret is read."""
    token = _read.set([])
    try:
        yield
    finally:
        _read.reset(token)


def revealed(secret: T) -> T:
    """A secret that is stored as it is, noted as read unless it is None; `decrypt` does so for others."""
    if secret is not None and (read := _read.get()) is not None and not read:
        read.append(True)
    return secret


def may_be_revealed() -> bool:
    """Whether the answer to this request may hold a secret: one was read, or it was not noted."""
    return _read.get() != []


class Secrets:
    """Encrypts and decrypts with keys derived from texts of any length."""

    def __init__(self, keys: Sequence[str]) -> None:
        if not keys:
            raise ValueError("at least one secret key is needed")
        self._fernet = MultiFernet([Fernet(_derive(key)) for key in keys])
        self._digest_key = hashlib.sha256(b"quayside.digest:" + keys[0].encode()).digest()

    def encrypt(self, text: str) -> str:
        """Encrypt with the first key."""
        return self._fernet.encrypt(text.encode()).decode()

    def decrypt(self, encrypted: str) -> str:
        """Decrypt with any of the keys, to show it. Raises `SecretUnreadable`."""
        return revealed(self.decrypt_unseen(encrypted))

    def decrypt_unseen(self, encrypted: str) -> str:
        """`decrypt` for what no answer shows, such as a password that is compared."""
        try:
            return self._fernet.decrypt(encrypted.encode()).decode()
        except InvalidToken as error:
            raise SecretUnreadable(
                "a stored secret cannot be read with the configured secret keys"
            ) from error

    def digest(self, text: str) -> str:
        """A keyed hash (HMAC-SHA256, 64 hexadecimal digits) with the first key.

        Without the key nobody can try what was hashed, even if it is short as passwords are. Another first
        key changes all digests.
        """
        return hmac.digest(self._digest_key, text.encode(), "sha256").hex()

    def matches(self, encrypted: str, text: str) -> bool:
        """Whether a text is the encrypted one, in constant time; no text is one that no key can decrypt."""
        try:
            return hmac.compare_digest(self.decrypt_unseen(encrypted).encode(), text.encode())
        except SecretUnreadable:
            return False


def _derive(key: str) -> bytes:
    # A configured key may be any text; hashing it gives the 32 bytes that Fernet needs.
    return base64.urlsafe_b64encode(hashlib.sha256(b"quayside.secrets:" + key.encode()).digest())
