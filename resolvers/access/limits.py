"""Rate limits for what strangers have to bear: accounts made from one address, mails to one mailbox.

Counted in the database, so that all processes share them, in windows that begin with the first of a kind.

    limit               counts for          bounded by
    SIGN_UPS            client address      SIGN_UPS_PER_ADDRESS
    MAILS_TO            mailbox             MAILS_PER_RECIPIENT
    MAILS_BY            account             MAILS_PER_ACCOUNT
    ANONYMOUS_MAILS     client address      MAILS_PER_ACCOUNT
    RECOVERIES          mailbox             as often as below

Mails to recover an account have a limit of their own, whose window is as long as their codes are valid:
whoever uses it up for somebody else leaves codes in that mailbox that work.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

from resolvers.access.attempts import network_of
from resolvers.access.credentials import hash_secret
from resolvers.context import Context, Site
from resolvers.errors import TooMany
from storage.clock import DAY_MS, HOUR_MS, now_ms
from storage.statements import execute, fetch

RECOVERIES_PER_HOUR = 10


@dataclass(frozen=True, slots=True)
class Limit:
    """How often something may happen within a window; `most` is 0 where a setting lifts the limit."""

    name: str
    window_ms: int
    most: Callable[[Site], int]
    sentence: str


SIGN_UPS = Limit(
    "sign_up",
    HOUR_MS,
    lambda site: site.sign_ups_per_address,
    "Too many accounts were made from this address.",
)
MAILS_TO = Limit(
    "mail_to",
    DAY_MS,
    lambda site: site.mails_per_recipient,
    "Too many mails were sent to this address.",
)
MAILS_BY = Limit(
    "mail_by",
    DAY_MS,
    lambda site: site.mails_per_account,
    "This account has caused too many mails.",
)
ANONYMOUS_MAILS = Limit(
    "mail_from",
    DAY_MS,
    lambda site: site.mails_per_account,
    "Too many mails were asked for from this address.",
)
RECOVERIES = Limit(
    "recovery",
    HOUR_MS,
    lambda _: RECOVERIES_PER_HOUR,
    "Mails to this address were asked for too often; use the code in one of them.",
)


async def count_sign_up(context: Context) -> None:
    """Count a sign-up from the caller's address. Raises `TooMany`."""
    if network := network_of(context.ip):
        await _count(context, SIGN_UPS, network)


async def count_mail(
    context: Context, recipient: str, *, field: str = "email", limit: Limit = MAILS_TO
) -> None:
    """Count a mail that the caller causes to an address, before it is written. Raises `TooMany`."""
    if context.account_id is not None:
        await _count(context, MAILS_BY, str(context.account_id), field)
    elif network := network_of(context.ip):
        await _count(context, ANONYMOUS_MAILS, network, field)
    await _count(context, limit, _mailbox(recipient), field)


async def forget(*, limit: int = 500) -> int:
    """Delete at most `limit` windows that are over; returns how many were deleted."""
    return await execute(
        "DELETE FROM rate_count WHERE key IN (SELECT key FROM rate_count WHERE began_at_ms < ? LIMIT ?)",
        now_ms() - DAY_MS,
        limit,
    )


async def _count(context: Context, limit: Limit, of: str, field: str | None = None) -> None:
    most = limit.most(context.site)
    if not most:
        return
    now = now_ms()
    # A window that began later than now is of a clock that went back.
    is_over = "(rate_count.began_at_ms <= ? OR rate_count.began_at_ms > ?)"
    window = (now - limit.window_ms, now)
    (row,) = await fetch(
        "INSERT INTO rate_count (key, count, began_at_ms) VALUES (?, 1, ?) ON CONFLICT (key) DO UPDATE SET"
        f" count = CASE WHEN {is_over} THEN 1 ELSE rate_count.count + 1 END,"
        f" began_at_ms = CASE WHEN {is_over} THEN excluded.began_at_ms ELSE rate_count.began_at_ms END"
        " RETURNING count, began_at_ms",
        hash_secret(f"{limit.name}:{of}"),
        now,
        *window,
        *window,
    )
    if row["count"] > most:
        wait_s = math.ceil((row["began_at_ms"] + limit.window_ms - now) / 1000)
        raise TooMany(
            f"{limit.sentence} Please try again in {_duration(wait_s)}.", field=field, retry_after_s=wait_s
        )


def _duration(seconds: int) -> str:
    minutes = math.ceil(seconds / 60)
    return f"{math.ceil(minutes / 60)} hours" if minutes > 90 else f"{minutes} minutes"


def _mailbox(address: str) -> str:
    """The mailbox of an address: providers ignore the case, and what follows a plus sign."""
    local, _, domain = address.strip().lower().rpartition("@")
    return f"{local.partition('+')[0]}@{domain}"
