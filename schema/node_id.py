"""Opaque ids of objects: type and row id, in base64. The interface `Node`."""

import base64
import binascii

import strawberry


def encode_id(type_name: str, row_id: int) -> strawberry.ID:
    """The opaque id of a row."""
    return strawberry.ID(base64.urlsafe_b64encode(f"{type_name}:{row_id}".encode()).decode().rstrip("="))


def decode_id(identity: str) -> tuple[str, int] | None:
    """The type and the row id; None if the id is invalid."""
    try:
        type_name, _, number = (
            base64.urlsafe_b64decode(identity + "=" * (-len(identity) % 4)).decode().partition(":")
        )
        row_id = int(number)
    except (binascii.Error, ValueError):
        return None
    return (type_name, row_id) if 0 < row_id < 2**63 else None


@strawberry.interface(description="An object with an id of its own.")
class Node:
    id: strawberry.ID = strawberry.field(description="An opaque id, unique among all objects.")
