"""Passwords: Argon2id hashes, computed in two threads.

So a burst of sign-ins blocks no event loop, and its memory is bounded (19 MiB per thread).
"""

import asyncio
from concurrent.futures import ThreadPoolExecutor

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from resolvers.errors import Invalid

MINIMUM_LENGTH = 8

_hasher = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
_threads = ThreadPoolExecutor(max_workers=2, thread_name_prefix="argon2")

# The hash to verify for an unknown account, so that it takes as long as a wrong password (timing attack).
_NOBODY = _hasher.hash("nobody has this password")


def check_password(password: str) -> None:
    """Raise `Invalid` unless the password has at least 8 characters and no white space."""
    if len(password) < MINIMUM_LENGTH or any(character.isspace() for character in password):
        raise Invalid(
            f"Invalid password, password must be at least {MINIMUM_LENGTH} characters and contain no"
            " whitespace.",
            field="password",
        )


async def hash_password(password: str) -> str:
    """The Argon2id hash (19 MiB, two passes, one lane) in PHC string format."""
    return await asyncio.get_running_loop().run_in_executor(_threads, _hasher.hash, password)


async def verify_password(password_hash: str | None, password: str) -> bool:
    """Whether the password matches the hash; without a hash False, after the same amount of work."""

    def verify() -> bool:
        try:
            return _hasher.verify(password_hash or _NOBODY, password) and password_hash is not None
        except (VerificationError, InvalidHashError):
            return False

    return await asyncio.get_running_loop().run_in_executor(_threads, verify)
