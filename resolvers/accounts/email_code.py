"""Codes sent by e-mail: to prove the address of a sign-up or a new one, and to recover an account.

A code is random, stored as a hash, good for one use and for a limited time.
"""

from dataclasses import dataclass
from enum import StrEnum

from resolvers import mail
from resolvers.access.credentials import hash_secret, random_text
from resolvers.accounts.account import AccountRecord
from resolvers.context import Context
from resolvers.errors import Invalid
from storage.clock import now_ms
from storage.models.session import EmailCode
from storage.statements import execute, fetch_one

CODE_LENGTH = 40
HOUR_MS = 3_600_000


class Purpose(StrEnum):
    """What a code is good for."""

    VERIFY = "verify"
    CHANGE = "change"
    RECOVER = "recover"


LIFETIMES_MS = {Purpose.VERIFY: 72 * HOUR_MS, Purpose.CHANGE: 24 * HOUR_MS, Purpose.RECOVER: HOUR_MS}


@dataclass(frozen=True, slots=True)
class CodeRecord:
    """A code that is still good, and the address that it was sent to."""

    id: int
    account_id: int
    purpose: Purpose
    email: str


PAGES = {Purpose.VERIFY: "confirm", Purpose.CHANGE: "confirm", Purpose.RECOVER: "recovery"}
"""The page that takes a code back."""


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

    The mail `asks` to open the page that takes the code back, and says what happens `otherwise`.
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


async def was_created_since(account: AccountRecord, purpose: Purpose, since_ms: int) -> bool:
    """Whether the account got such a code at or after that time."""
    row = await fetch_one(
        "SELECT id FROM email_code WHERE account_id = ? AND purpose = ? AND expires_at_ms >= ? LIMIT 1",
        account.id,
        purpose.value,
        since_ms + LIFETIMES_MS[purpose],
    )
    return row is not None


async def find(code: str, *purposes: Purpose) -> CodeRecord:
    """The code with this text, if it is for one of these purposes. Raises `Invalid`."""
    row = await fetch_one(
        "SELECT id, account_id, purpose, email FROM email_code WHERE code_hash = ? AND expires_at_ms > ?",
        hash_secret(code),
        now_ms(),
    )
    if row is None or row["purpose"] not in purposes:
        raise _not_valid()
    return CodeRecord(row["id"], row["account_id"], Purpose(row["purpose"]), row["email"])


async def use(record: CodeRecord) -> None:
    """Use a code up, in the open transaction. Raises `Invalid` if another caller was first."""
    if not await execute("DELETE FROM email_code WHERE id = ?", record.id):
        raise _not_valid()


async def revoke(account_id: int, *purposes: Purpose) -> None:
    """Make worthless what an account still has of these, in the open transaction."""
    for purpose in purposes:
        await execute(
            "DELETE FROM email_code WHERE account_id = ? AND purpose = ?", account_id, purpose.value
        )


async def forget_expired(*, limit: int = 500) -> int:
    """Delete at most `limit` codes that are good no more; how many there were."""
    return await execute(
        "DELETE FROM email_code WHERE id IN (SELECT id FROM email_code WHERE expires_at_ms < ? LIMIT ?)",
        now_ms(),
        limit,
    )


def _not_valid() -> Invalid:
    return Invalid("The code is not valid, or not any more.", field="code")
