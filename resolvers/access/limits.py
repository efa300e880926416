"""Rate limits for what strangers cause: accounts or keys from one address, mails to one mailbox, webhooks.

Counted in the database, so that all processes share them, in windows that begin with the first of a kind.

    limit               counts for          bounded by
    SIGN_UPS            client address      SIGN_UPS_PER_ADDRESS
    MAILS_TO            mailbox             MAILS_PER_RECIPIENT
    MAILS_BY            account             MAILS_PER_ACCOUNT
    ANONYMOUS_MAILS     client address      MAILS_PER_ACCOUNT
    RECOVERIES          mailbox             as often as below
    KEYS                client address      as often as below
    WEBHOOKS            build trigger       as often as below

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
from storage.statements import Row, execute, fetch

RECOVERIES_PER_HOUR = 10
KEYS_PER_DAY = 10
WEBHOOKS_PER_MINUTE = 60


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
KEYS = Limit(
    "key",
    DAY_MS,
    lambda _: KEYS_PER_DAY,
    "Too many new keys were sent from this address; have those that wait approved.",
)
WEBHOOKS = Limit(
    "webhook",
    60_000,
    lambda _: WEBHOOKS_PER_MINUTE,
    "This trigger is told of pushes too often.",
)


async def count_webhook(context: Context, trigger_id: int) -> None:
    """Count a webhook that a build trigger was sent. Raises `TooMany`."""
    await _count(context, WEBHOOKS, str(trigger_id))


async def note_delivery(trigger_id: int, delivery: str) -> bool:
    """Note that a build trigger was sent a webhook of that name; whether it is the first within a day.

    In the open transaction another process that is sent it waits for the end of this one.
    """
    return bool((await _counted("delivery", f"{trigger_id}:{delivery}", DAY_MS))["count"] == 1)


async def count_key(context: Context) -> None:
    """Count a new key that a service sent from the caller's address. Raises `TooMany`."""
    if network := network_of(context.ip):
        await _count(context, KEYS, network)


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
    row = await _counted(limit.name, of, limit.window_ms)
    if row["count"] > most:
        wait_s = max(1, math.ceil((row["began_at_ms"] + limit.window_ms - now_ms()) / 1000))
        raise TooMany(
            f"{limit.sentence} Please try again in {_duration(wait_s)}.", field=field, retry_after_s=wait_s
        )


async def _counted(name: str, of: str, window_ms: int) -> Row:
    """Count once more for a key; how often that makes, and when its window began."""
    now = now_ms()
    # A window that began later than now is of a clock that went back.
    is_over = "(rate_count.began_at_ms <= ? OR rate_count.began_at_ms > ?)"
    window = (now - window_ms, now)
    (row,) = await fetch(
        "INSERT INTO rate_count (key, count, began_at_ms) VALUES (?, 1, ?) ON CONFLICT (key) DO UPDATE SET"
        f" count = CASE WHEN {is_over} THEN 1 ELSE rate_count.count + 1 END,"
        f" began_at_ms = CASE WHEN {is_over} THEN excluded.began_at_ms ELSE rate_count.began_at_ms END"
        " RETURNING count, began_at_ms",
        hash_secret(f"{name}:{of}"),
        now,
        *window,
        *window,
    )
    return row


def _duration(seconds: int) -> str:
    minutes = math.ceil(seconds / 60)
    if minutes > 90:
        return f"{math.ceil(minutes / 60)} hours"
    return "1 minute" if minutes == 1 else f"{minutes} minutes"


def _mailbox(address: str) -> str:
    """The mailbox of an address: providers ignore the case, and what follows a plus sign."""
    local, _, domain = address.strip().lower().rpartition("@")
    return f"{local.partition('+')[0]}@{domain}"
