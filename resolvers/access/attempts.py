"""Rate limit for sign-ins: exponential back-off per account, per unknown name and per address.

After n failures the next attempt is checked no sooner than 0.5 * (2^n - 1) seconds later. Checking a password
is slow, so attempts run concurrently: one during which another failed is counted too, but is refused without
telling whether its password was right.
"""

import hashlib
import ipaddress
import math
from dataclasses import dataclass

from resolvers.errors import SignInThrottled
from storage.clock import now_ms
from storage.statements import execute, fetch, placeholders
from storage.transactions import transaction


@dataclass(frozen=True, slots=True)
class Backoff:
    """Exponential back-off: free failures, longest wait, reset after."""

    free_failures: int
    longest_wait_ms: int
    reset_after_ms: int

    def wait_ms(self, failures: int) -> int:
        """The wait after that many failures, in milliseconds."""
        counted = min(max(failures - self.free_failures, 0), 32)
        return min(500 * ((1 << counted) - 1), self.longest_wait_ms)


ACCOUNT = Backoff(free_failures=0, longest_wait_ms=3_600_000, reset_after_ms=86_400_000)
ADDRESS = Backoff(free_failures=50, longest_wait_ms=60_000, reset_after_ms=3_600_000)
"""Lenient: many users can share an address, and one client with an old password must not lock them out."""


@dataclass(frozen=True, slots=True)
class Attempts:
    """One attempt to sign in: the back-off and the failures so far of each key that it counts for."""

    backoffs: dict[str, Backoff]
    failures: dict[str, int]

    @classmethod
    async def begin(cls, subject: str, ip: str | None) -> "Attempts":
        """Start an attempt of a subject (an account id or a name) from an IP address.

        Raises `SignInThrottled` while the subject or the address has to wait.
        """
        backoffs = {_key(f"subject:{subject}"): ACCOUNT}
        if network := _network(ip):
            backoffs[_key(f"address:{network}")] = ADDRESS
        return cls(backoffs, await _failures(backoffs))

    async def failed(self) -> None:
        """Count a failure. Raises `SignInThrottled` if a concurrent attempt failed, to tell nothing then."""
        now = now_ms()
        counted = {}
        async with transaction("sign_in.failed"):
            # Sorted, so that two attempts never deadlock.
            for key in sorted(self.backoffs):
                counted[key] = await _count(key, self.backoffs[key], now)
        for key, failures in counted.items():
            if failures > self.failures[key] + 1 and (wait_ms := self.backoffs[key].wait_ms(failures)):
                raise throttled(wait_ms)

    async def succeeded(self) -> None:
        """Reset the failures of the subject, but not those of the address, which others may share.

        Raises `SignInThrottled` if a concurrent attempt failed.
        """
        subject = next(iter(self.backoffs))
        failures = (await _failures(self.backoffs))[subject]
        if failures > self.failures[subject]:
            raise throttled(ACCOUNT.wait_ms(failures))
        if failures:
            await execute("DELETE FROM sign_in_failure WHERE key = ?", subject)


async def clear(subject: str) -> None:
    """Reset the failures of a subject that proved its identity otherwise, in the open transaction."""
    await execute("DELETE FROM sign_in_failure WHERE key = ?", _key(f"subject:{subject}"))


async def forget(*, limit: int = 500) -> int:
    """Delete at most `limit` expired rows; returns how many were deleted."""
    return await execute(
        "DELETE FROM sign_in_failure WHERE key IN"
        " (SELECT key FROM sign_in_failure WHERE last_failed_at_ms < ? LIMIT ?)",
        now_ms() - max(ACCOUNT.reset_after_ms, ADDRESS.reset_after_ms),
        limit,
    )


async def _failures(backoffs: dict[str, Backoff]) -> dict[str, int]:
    """The failures of each key since its last reset. Raises `SignInThrottled` while a key has to wait."""
    rows = await fetch(
        "SELECT key, failures, last_failed_at_ms AS last FROM sign_in_failure"
        f" WHERE key IN ({placeholders(list(backoffs))})",
        *backoffs,
    )
    now = now_ms()
    found = dict.fromkeys(backoffs, 0)
    longest = 0
    for row in rows:
        backoff = backoffs[row["key"]]
        if now - row["last"] < backoff.reset_after_ms:
            found[row["key"]] = row["failures"]
            longest = max(longest, row["last"] + backoff.wait_ms(row["failures"]) - now)
    if longest > 0:
        raise throttled(longest)
    return found


async def _count(key: str, backoff: Backoff, now: int) -> int:
    """Add one failure; returns the new count."""
    rows = await fetch(
        "INSERT INTO sign_in_failure (key, failures, last_failed_at_ms) VALUES (?, 1, ?)"
        " ON CONFLICT (key) DO UPDATE SET last_failed_at_ms = excluded.last_failed_at_ms, failures ="
        " CASE WHEN sign_in_failure.last_failed_at_ms <= ? THEN 1 ELSE sign_in_failure.failures + 1 END"
        " RETURNING failures",
        key,
        now,
        now - backoff.reset_after_ms,
    )
    return int(rows[0]["failures"])


def throttled(wait_ms: int) -> SignInThrottled:
    """The error for an attempt that is too early by `wait_ms`; whole seconds, as in HTTP's Retry-After."""
    return SignInThrottled(math.ceil(wait_ms / 1000))


def _key(subject: str) -> str:
    return hashlib.sha256(subject.encode()).hexdigest()


def _network(ip: str | None) -> str | None:
    """The network of one client: an IPv4 address, or the /64 that an IPv6 subscriber has."""
    try:
        address = ipaddress.ip_address(ip or "")
    except ValueError:
        return None
    prefix = 32 if address.version == 4 else 64
    return str(ipaddress.ip_network((address, prefix), strict=False))
