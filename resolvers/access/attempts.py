"""Back-off after failed sign-ins: per account, per name that is none, and per address.

After n failures the next attempt is judged no sooner than 0.5 * (2^n - 1) seconds later. Passwords take
long to check, so many attempts may be under way at once: those during which another one failed are counted
too, but their senders never learn whether the password was right.
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
    """How patient we are with one kind of subject: what is free, the longest wait, when all is forgotten."""

    free_failures: int
    longest_wait_ms: int
    reset_after_ms: int

    def wait_ms(self, failures: int) -> int:
        """How long to wait after so many failures."""
        counted = min(max(failures - self.free_failures, 0), 32)
        return min(500 * ((1 << counted) - 1), self.longest_wait_ms)


ACCOUNT = Backoff(free_failures=0, longest_wait_ms=3_600_000, reset_after_ms=86_400_000)
ADDRESS = Backoff(free_failures=50, longest_wait_ms=60_000, reset_after_ms=3_600_000)
"""Many people can share one address, and a machine with an old password must not lock all of them out."""


@dataclass(frozen=True, slots=True)
class Attempts:
    """The subjects that one attempt to sign in is counted for, with the failures of each so far."""

    backoffs: dict[str, Backoff]
    failures: dict[str, int]

    @classmethod
    async def begin(cls, subject: str, ip: str | None) -> "Attempts":
        """Start an attempt of a subject (an account or a name) from an address.

        Raises `SignInThrottled` while either has to wait.
        """
        backoffs = {_key(f"subject:{subject}"): ACCOUNT}
        if network := _network(ip):
            backoffs[_key(f"address:{network}")] = ADDRESS
        return cls(backoffs, await _failures(backoffs))

    async def failed(self) -> None:
        """Count a failure. Raises `SignInThrottled` if others failed meanwhile, and tells nothing then."""
        now = now_ms()
        counted = {}
        async with transaction("sign_in.failed"):
            # Always in one order, so that two attempts never wait for each other.
            for key in sorted(self.backoffs):
                counted[key] = await _count(key, self.backoffs[key], now)
        for key, failures in counted.items():
            if failures > self.failures[key] + 1 and (wait_ms := self.backoffs[key].wait_ms(failures)):
                raise throttled(wait_ms)

    async def succeeded(self) -> None:
        """Forget the failures of the subject, but not those of the address, which anybody may share.

        Raises `SignInThrottled` if others failed meanwhile.
        """
        subject = next(iter(self.backoffs))
        failures = (await _failures(self.backoffs))[subject]
        if failures > self.failures[subject]:
            raise throttled(ACCOUNT.wait_ms(failures))
        if failures:
            await execute("DELETE FROM sign_in_failure WHERE key = ?", subject)


async def clear(subject: str) -> None:
    """Forget the failures of a subject, who has shown otherwise who they are; in the open transaction."""
    await execute("DELETE FROM sign_in_failure WHERE key = ?", _key(f"subject:{subject}"))


async def forget(*, limit: int = 500) -> int:
    """Delete at most `limit` records that are too old to matter; how many there were."""
    return await execute(
        "DELETE FROM sign_in_failure WHERE key IN"
        " (SELECT key FROM sign_in_failure WHERE last_failed_at_ms < ? LIMIT ?)",
        now_ms() - max(ACCOUNT.reset_after_ms, ADDRESS.reset_after_ms),
        limit,
    )


async def _failures(backoffs: dict[str, Backoff]) -> dict[str, int]:
    """The failures that still count. Raises `SignInThrottled` while any of them asks for a wait."""
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
    """Add one failure; how many there are now."""
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
    """The refusal of an attempt that comes too early by so much; in whole seconds, as HTTP counts them."""
    return SignInThrottled(math.ceil(wait_ms / 1000))


def _key(subject: str) -> str:
    return hashlib.sha256(subject.encode()).hexdigest()


def _network(ip: str | None) -> str | None:
    """What stands for one client: an IPv4 address, or the 64-bit network that an IPv6 subscriber has."""
    try:
        address = ipaddress.ip_address(ip or "")
    except ValueError:
        return None
    prefix = 32 if address.version == 4 else 64
    return str(ipaddress.ip_network((address, prefix), strict=False))
