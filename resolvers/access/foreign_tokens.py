"""What is common to JWTs that others have made: how they can be malformed, and whom they name."""

from collections.abc import Collection, Mapping
from typing import Any, Final

from jose.exceptions import JOSEError

MALFORMED: Final = (
    JOSEError,
    ArithmeticError,
    AttributeError,
    LookupError,
    RecursionError,
    TypeError,
    ValueError,
)
"""What reading a malformed token can raise: any JSON can be where a number or a text should be."""


def names_audience(claims: Mapping[str, Any], audiences: Collection[str]) -> bool:
    """Whether claims name one of the audiences; the library compares only one, and takes none for any."""
    named = claims.get("aud")
    return any(
        one in audiences for one in (named if isinstance(named, list) else [named]) if isinstance(one, str)
    )
