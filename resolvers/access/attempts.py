"""Rate limit for sign-ins: exponential back-off for a login at one address, a login, and an address.

A few mistakes are free; after n more the next attempt has to wait for 0.5 * (2^n - 1) seconds.

    login and address   what a person mistypes, or somebody guesses: few are free
    login alone         guesses from many addresses: many are free; an address from which the login succeeded
                        of late is exempt, so that others cannot lock its owner out
    address alone       guesses for many logins: many are free; exempt likewise

The same wrong password twice in a row is one mistake, since programs ask again without a person. Checking a
password is slow, so attempts run concurrently: one during which another failed is counted too, but is refused
without telling whether its password was right, once there is a wait.

A login counts as it was typed, whatever its case, so that no wait tells which address belongs to which name.
The hash of the password is part of what it counts for: a new password starts afresh, with no address known.
"""

import hashlib
import ipaddress
import math
from contextlib import suppress
from dataclasses import dataclass

from resolvers.errors import DatabaseUnavailable, InvalidCredentials, SignInThrottled
from storage.clock import DAY_MS, SKEW_MS, now_ms
from storage.secrets import Secrets
from storage.statements import Row, execute, fetch, placeholders
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


PAIR = Backoff(free_failures=5, longest_wait_ms=3_600_000, reset_after_ms=DAY_MS)
LOGIN = Backoff(free_failures=100, longest_wait_ms=300_000, reset_after_ms=DAY_MS)
"""Lenient, and its wait short: whoever has many addresses could else keep the right person out for long."""
ADDRESS = Backoff(free_failures=50, longest_wait_ms=60_000, reset_after_ms=3_600_000)
"""Lenient: many users can share an address, and one client with an old password must not lock them out."""
ENTRY = Backoff(free_failures=0, longest_wait_ms=3_600_000, reset_after_ms=DAY_MS)
"""How often a failure of one robot is recorded."""
KNOWN_FOR_MS = 30 * DAY_MS
"""How long an address from which a login succeeded is not held back by the failures of others."""
NOTE_EVERY_MS = DAY_MS
"""How often a success at a known address is noted, so that `docker pull` with a password writes nothing."""


class RepeatedMistake(InvalidCredentials):
    """The wrong secret that was given last, once more: it is neither counted nor recorded again."""


@dataclass(frozen=True, slots=True)
class Attempts:
    """One attempt to sign in: the back-off of each key that it counts for, and what was known of them.

    The first key is that of login and address. `fingerprint` is a keyed hash of the secret.
    """

    backoffs: dict[str, Backoff]
    failures: dict[str, int]
    fingerprint: str
    is_known: bool
    noted_at_ms: int

    @classmethod
    async def begin(
        cls,
        login: str,
        secret: str,
        *,
        ip: str | None,
        secrets: Secrets,
        password_hash: str | None = None,
        counts_login: bool = True,
    ) -> "Attempts":
        """Start an attempt from an IP address with a login as it was typed.

        `password_hash` is that of the account, None for a login that is nobody's. Without `counts_login`, the
        login is not held back as a whole: for secrets that nobody can guess. Raises `RepeatedMistake` for the
        last mistake once more, else `SignInThrottled` while there is a wait.
        """
        network, whom = network_of(ip), f"{login.lower()}\0{password_hash or ''}"
        pair = _key(f"pair:{whom}\0{network or ''}")
        backoffs = {pair: PAIR}
        if counts_login:
            backoffs[_key(f"login:{whom}")] = LOGIN
        if network:
            backoffs[_key(f"address:{network}")] = ADDRESS
        now = now_ms()
        rows = await _rows(backoffs)
        fingerprint = secrets.digest(f"{pair}\0{secret}")
        row = rows.get(pair)
        if row and row["fingerprint"] == fingerprint and _counts(row, PAIR, now):
            raise RepeatedMistake
        noted_at_ms = (row and row["succeeded_at_ms"]) or 0
        begun = cls(
            backoffs,
            {key: _failures(rows.get(key), backoff, now) for key, backoff in backoffs.items()},
            fingerprint,
            is_known=now - noted_at_ms < KNOWN_FOR_MS,
            noted_at_ms=noted_at_ms,
        )
        waits = (_wait_ms(rows.get(key), backoffs[key], now) for key in begun._binding)
        if (longest := max(waits)) > 0:
            raise throttled(longest)
        return begun

    async def failed(self) -> None:
        """Count a failure, unless the last one was the same.

        Raises `SignInThrottled` if a concurrent attempt failed and there is a wait now, to tell nothing then.
        """
        pair, *others = self.backoffs
        now = now_ms()
        counted = {}
        async with transaction("sign_in.failed"):
            # The pair first, the others sorted, so that two attempts never deadlock.
            counted[pair] = await _count(pair, PAIR, now, self.fingerprint)
            if counted[pair]:
                for key in sorted(others):
                    counted[key] = await _count(key, self.backoffs[key], now)
        if not counted[pair]:
            raise RepeatedMistake
        for key in self._binding:
            wait_ms = self.backoffs[key].wait_ms(counted[key])
            if wait_ms and counted[key] > self.failures[key] + 1:
                raise throttled(wait_ms)

    async def succeeded(self) -> None:
        """Forget the failures of the login at this address, and note that it is one of its addresses.

        Raises `SignInThrottled` if concurrent attempts failed so that there is a wait.
        """
        pair, now = next(iter(self.backoffs)), now_ms()
        rows = await _rows(self.backoffs)
        for key in self._binding:
            failures = _failures(rows.get(key), self.backoffs[key], now)
            wait_ms = self.backoffs[key].wait_ms(failures)
            if wait_ms and failures > self.failures[key]:
                raise throttled(wait_ms)
        row = rows.get(pair)
        if (row and row["failures"]) or not 0 <= now - self.noted_at_ms < NOTE_EVERY_MS:
            # A right password is right, also where nothing can be written.
            with suppress(DatabaseUnavailable):
                await execute(
                    "INSERT INTO sign_in_failure (key, failures, last_failed_at_ms, succeeded_at_ms)"
                    " VALUES (?, 0, 0, ?) ON CONFLICT (key) DO UPDATE SET failures = 0, fingerprint = NULL,"
                    " succeeded_at_ms = excluded.succeeded_at_ms",
                    pair,
                    now,
                )

    @property
    def _binding(self) -> list[str]:
        """The keys whose waits hold this attempt back."""
        return list(self.backoffs)[:1] if self.is_known else list(self.backoffs)


async def refuse(login: str, secret: str, *, ip: str | None, secrets: Secrets) -> InvalidCredentials:
    """Count a random secret that was found to be wrong; returns the error to raise.

    A right one never waits, since nobody guesses it; whoever guesses all the same is slowed down per address.
    Raises `SignInThrottled`.
    """
    try:
        attempt = await Attempts.begin(login, secret, ip=ip, secrets=secrets, counts_login=False)
        await attempt.failed()
    except RepeatedMistake as error:
        return error
    return InvalidCredentials()


async def refuse_code(code: str, *, ip: str | None, secrets: Secrets) -> None:
    """As `refuse`, for a code sent by mail, which stands for no login. Raises `TooMany`."""
    try:
        await refuse("(code)", code, ip=ip, secrets=secrets)
    except SignInThrottled as error:
        raise error.as_too_many("code") from error


async def may_record(robot_id: int) -> bool:
    """Whether a failure of a robot is recorded: at growing intervals, since many addresses can cause some."""
    key, now = _key(f"entry:{robot_id}"), now_ms()
    if _wait_ms((await _rows({key: ENTRY})).get(key), ENTRY, now) > 0:
        return False
    await _count(key, ENTRY, now)
    return True


async def forget(*, limit: int = 500) -> int:
    """Delete at most `limit` expired rows; returns how many were deleted."""
    now = now_ms()
    return await execute(
        "DELETE FROM sign_in_failure WHERE key IN"
        " (SELECT key FROM sign_in_failure WHERE last_failed_at_ms < ?"
        " AND COALESCE(succeeded_at_ms, 0) < ? LIMIT ?)",
        now - DAY_MS,
        now - KNOWN_FOR_MS,
        limit,
    )


async def _rows(keys: dict[str, Backoff]) -> dict[str, Row]:
    rows = await fetch(
        "SELECT key, failures, last_failed_at_ms, succeeded_at_ms, fingerprint FROM sign_in_failure"
        f" WHERE key IN ({placeholders(list(keys))})",
        *keys,
    )
    return {row["key"]: row for row in rows}


def _counts(row: Row, backoff: Backoff, now: int) -> bool:
    """Whether failures still count. Those from before the clock was put back must not be waited for."""
    return bool(-SKEW_MS <= now - row["last_failed_at_ms"] < backoff.reset_after_ms)


def _failures(row: Row | None, backoff: Backoff, now: int) -> int:
    """The failures of a key since its last reset."""
    return int(row["failures"]) if row and _counts(row, backoff, now) else 0


def _wait_ms(row: Row | None, backoff: Backoff, now: int) -> int:
    """For how long a key has to wait yet; never for longer than its back-off, should the clock go back."""
    if row is None:
        return 0
    wait_ms = backoff.wait_ms(_failures(row, backoff, now))
    return min(int(row["last_failed_at_ms"]) + wait_ms - now, wait_ms)


async def _count(key: str, backoff: Backoff, now: int, fingerprint: str | None = None) -> int:
    """Add one failure; returns the new count, 0 if the last one had the same fingerprint."""
    since = now - backoff.reset_after_ms
    rows = await fetch(
        "INSERT INTO sign_in_failure (key, failures, last_failed_at_ms, fingerprint) VALUES (?, 1, ?, ?)"
        " ON CONFLICT (key) DO UPDATE SET last_failed_at_ms = excluded.last_failed_at_ms,"
        " fingerprint = excluded.fingerprint, failures ="
        " CASE WHEN sign_in_failure.last_failed_at_ms <= ? THEN 1 ELSE sign_in_failure.failures + 1 END"
        " WHERE sign_in_failure.last_failed_at_ms <= ? OR excluded.fingerprint IS NULL"
        " OR COALESCE(sign_in_failure.fingerprint, '') <> excluded.fingerprint"
        " RETURNING failures",
        key,
        now,
        fingerprint,
        since,
        since,
    )
    return int(rows[0]["failures"]) if rows else 0


def throttled(wait_ms: int) -> SignInThrottled:
    """The error for an attempt that is too early by `wait_ms`; whole seconds, as in HTTP's Retry-After."""
    return SignInThrottled(math.ceil(wait_ms / 1000))


def _key(subject: str) -> str:
    return hashlib.sha256(subject.encode()).hexdigest()


def network_of(ip: str | None) -> str | None:
    """The network of one client: an IPv4 address, or the /64 that an IPv6 subscriber has."""
    try:
        address = ipaddress.ip_address(ip or "")
    except ValueError:
        return None
    prefix = 32 if address.version == 4 else 64
    return str(ipaddress.ip_network((address, prefix), strict=False))
