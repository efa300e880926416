"""Codes sent by e-mail: to verify the address of a sign-up, to change an address, to recover an account.

A code is random, stored as a hash, valid once and until it expires. Wrong ones count like wrong passwords.
"""

from dataclasses import dataclass
from enum import StrEnum

from resolvers import mail
from resolvers.access.attempts import refuse_code
from resolvers.access.credentials import hash_secret, random_text
from resolvers.accounts.account import AccountRecord
from resolvers.context import Context
from resolvers.errors import Invalid
from storage.clock import HOUR_MS, is_recent, now_ms
from storage.models.session import EmailCode
from storage.statements import execute, fetch, fetch_one

CODE_LENGTH = 40


class Purpose(StrEnum):
    """What a code is for."""

    VERIFY = "verify"
    CHANGE = "change"
    RECOVER = "recover"


LIFETIMES_MS = {Purpose.VERIFY: 72 * HOUR_MS, Purpose.CHANGE: 24 * HOUR_MS, Purpose.RECOVER: HOUR_MS}


@dataclass(frozen=True, slots=True)
class CodeRecord:
    """A valid code, and the address that it was sent to."""

    id: int
    account_id: int
    purpose: Purpose
    email: str


PAGES = {Purpose.VERIFY: "confirm", Purpose.CHANGE: "confirm", Purpose.RECOVER: "recovery"}
"""The path of the page that accepts a code."""


async def send(
    context: Context,
    account: AccountRecord,
    purpose: Purpose,
    email: str,
    *,
    subject: str,
    asks: str,
    otherwise: str,
) -> None:
    """Mail a new code for an account to an address, in the open transaction.

    The text of the mail is `asks` (to open the page), the link, and `otherwise` (what to do if unexpected).
    """
    code = random_text(CODE_LENGTH, mixed_case=True)
    await EmailCode.create(
        code_hash=hash_secret(code),
        account_id=account.id,
        purpose=purpose.value,
        email=email,
        expires_at_ms=now_ms() + LIFETIMES_MS[purpose],
    )
    page = f"{context.site.public_url}/{PAGES[purpose]}?code={code}"
    await mail.send(email, subject, f"{asks}\n\n{page}\n\n{otherwise}\n")


async def was_created_within(account: AccountRecord, purpose: Purpose, within_ms: int) -> bool:
    """Whether a code for this purpose was created less than `within_ms` ago; used codes do not count."""
    rows = await fetch(
        "SELECT expires_at_ms FROM email_code WHERE account_id = ? AND purpose = ?", account.id, purpose.value
    )
    now = now_ms()
    return any(is_recent(row["expires_at_ms"] - LIFETIMES_MS[purpose], now, within_ms) for row in rows)


async def find(context: Context, code: str, *purposes: Purpose) -> CodeRecord:
    """The valid code with this text and one of these purposes.

    Raises `Invalid`, or `TooMany` after several wrong codes.
    """
    row = await fetch_one(
        "SELECT id, account_id, purpose, email FROM email_code WHERE code_hash = ? AND expires_at_ms > ?",
        hash_secret(code),
        now_ms(),
    )
    if row is None or row["purpose"] not in purposes:
        await refuse_code(code, ip=context.ip, secrets=context.secrets)
        raise not_valid()
    return CodeRecord(row["id"], row["account_id"], Purpose(row["purpose"]), row["email"])


async def use(record: CodeRecord) -> None:
    """Use up a code, in the open transaction. Raises `Invalid` if it was used concurrently."""
    if not await execute("DELETE FROM email_code WHERE id = ?", record.id):
        raise not_valid()


async def revoke(account_id: int, *purposes: Purpose) -> None:
    """Revoke the codes of an account for these purposes, in the open transaction."""
    for purpose in purposes:
        await execute(
            "DELETE FROM email_code WHERE account_id = ? AND purpose = ?", account_id, purpose.value
        )


async def forget_expired(*, limit: int = 500) -> int:
    """Delete at most `limit` expired codes; returns how many were deleted."""
    return await execute(
        "DELETE FROM email_code WHERE id IN (SELECT id FROM email_code WHERE expires_at_ms < ? LIMIT ?)",
        now_ms(),
        limit,
    )


def not_valid() -> Invalid:
    """The error for a code that cannot be used; it does not tell why, so that nobody can probe codes."""
    return Invalid("code: unknown, expired or already used; ask for a new one.", field="code")
