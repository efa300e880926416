"""Opaque ids of objects, and the interface `Node`.

An id is one block of AES that holds the type and the row: stable, but nobody can count through them. The key
is a fact of the installation (`resolvers.site.node_key`), so that all processes give the same ids and another
`SECRET_KEY` changes none. A process reads it once, at its start.
"""

import base64
import binascii
import hashlib
from collections.abc import Iterable
from functools import cache

import strawberry
from cryptography.hazmat.primitives.ciphers import Cipher, CipherContext, algorithms, modes

BLOCK = 16


class _Block:
    """The cipher of single blocks. ECB is right for one: each block is a different permutation of a row."""

    encrypt: CipherContext
    decrypt: CipherContext


def use_key(key: bytes) -> None:
    """Let this process give and read ids with a key of 16 bytes."""
    cipher = Cipher(algorithms.AES(key), modes.ECB())  # noqa: S305 - One block, see above.
    _Block.encrypt, _Block.decrypt = cipher.encryptor(), cipher.decryptor()


@cache
def _mark(type_name: str) -> bytes:
    """Eight bytes for a type; of 2^64 invented ids one has those of a given type."""
    return hashlib.sha256(type_name.encode()).digest()[:8]


def encode_id(type_name: str, row_id: int) -> strawberry.ID:
    """The opaque id of a row."""
    block = _Block.encrypt.update(_mark(type_name) + row_id.to_bytes(8, "big"))
    return strawberry.ID(base64.urlsafe_b64encode(block)[:22].decode())


def decode_id(identity: str, type_name: str) -> int | None:
    """The row id; None if the id is invalid, or of another type."""
    found = decode_any(identity, (type_name,))
    return found[1] if found else None


def decode_any(identity: str, type_names: Iterable[str]) -> tuple[str, int] | None:
    """Which of the types an id is of, and the row id; None if it is invalid, or of none of them."""
    block = _block(identity)
    if block is None:
        return None
    kind = next((name for name in type_names if block[:8] == _mark(name)), None)
    return (kind, int.from_bytes(block[8:], "big")) if kind else None


def _block(identity: str) -> bytes | None:
    try:
        block = base64.b64decode(f"{identity}==", altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        return None
    return _Block.decrypt.update(block) if len(block) == BLOCK and len(identity) == 22 else None


@strawberry.interface(description="An object with an id of its own.")
class Node:
    id: strawberry.ID = strawberry.field(
        description="An opaque id, unique among all objects of all types; it stays the same."
    )
