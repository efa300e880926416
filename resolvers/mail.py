"""Mail outbox: a mail is written in the transaction of its cause, and a job delivers it afterwards.

So a mail is sent if and only if its cause was committed, even if the process is killed. Without a mail
server, no process claims the jobs, and the mails wait.
"""

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace

from resolvers.columns import Columns
from resolvers.context import Context
from resolvers.job_kinds import DAY, Lane, Run, job
from resolvers.pages import Page, Query, Slice, Term, paginate
from storage.clock import now_ms
from storage.jobs import enqueue
from storage.models.mail import Mail
from storage.statements import execute, fetch_one
from storage.transactions import open_transaction, transaction

JOB = "mail.send"
KEEP_MS = 30 * 86_400_000
SUBJECT_LENGTH = 255
ERROR_LENGTH = 500
RETRY_AFTER_S = (60, 300, 1800, 7200, 28_800)
"""Back-off: the wait after the first, second … failed attempt; one more failure and the mail is abandoned."""


class MailUndelivered(Exception):
    """The mail server did not accept a mail, but may later. The message is its answer or the reason."""


class MailRefused(MailUndelivered):
    """The mail server will never accept this mail (permanent failure)."""


TEMPORARY_PASSWORD = "Temporary password: "  # noqa: S105 (no secret)
_CODE = re.compile(rf"(?:[?&]code=|/exportedlogs/|{TEMPORARY_PASSWORD})([\w=-]{{20,}})")
"""What opens something: a code in an address of ours, the token of an exported log, a first password."""
HIDDEN = "(hidden)"


@dataclass(frozen=True, slots=True)
class MailRecord:
    """A mail. `body` is None once sent, since it may contain a code. `error` is that of the last attempt."""

    id: int
    recipient: str
    subject: str
    body: str | None
    created_at_ms: int
    sent_at_ms: int | None
    error: str | None


def without_codes(body: str) -> str:
    """The text of a mail without the codes in its links and without passwords, wherever they stand in it."""
    for code in set(_CODE.findall(body)):
        body = body.replace(code, HIDDEN)
    return body


_COLUMNS = Columns(MailRecord, "m", body="NULLIF(m.body, '')")

HandOver = Callable[[MailRecord], Awaitable[None]]
"""Sends a mail to a mail server. Raises `MailUndelivered`."""


async def send(recipient: str, subject: str, body: str) -> None:
    """Put a plain text mail into the outbox, in the open transaction.

    White space in the subject becomes single spaces, since a line break would inject a header. Raises
    `RuntimeError` outside a transaction: the mail must commit with its cause.
    """
    if open_transaction.get() is None:
        raise RuntimeError(f"mail to {recipient} outside a transaction")
    mail = await Mail.create(
        recipient=recipient,
        subject=" ".join(subject.split())[:SUBJECT_LENGTH],
        body=body,
        created_at_ms=now_ms(),
    )
    await enqueue(JOB, {"mail_id": mail.id, "attempt": 1})


async def outbox(page: Page, *, maximum: int, is_sent: bool | None = None) -> Slice[MailRecord]:
    """The mails, newest first; `is_sent` selects sent or waiting ones. The caller has checked permissions."""
    conditions = {None: (), True: ("m.sent_at_ms IS NOT NULL",), False: ("m.sent_at_ms IS NULL",)}[is_sent]
    query = Query(_COLUMNS.sql, "mail m", (Term("m.id", "id", descending=True),), conditions)
    return (await paginate(query, page, maximum=maximum)).of(_COLUMNS.record)


async def mails(context: Context, page: Page, *, is_sent: bool | None = None) -> Slice[MailRecord]:
    """As `outbox`, for superusers, without the codes: they are for the recipients alone."""
    context.viewer.require_site_view()
    found = await outbox(page, maximum=context.max_first, is_sent=is_sent)
    return found.of(lambda record: replace(record, body=record.body and without_codes(record.body)))


@job(
    JOB,
    "Hands a mail to the mail server.",
    lane=Lane.NETWORK,
    at_once=8,
    needs=lambda site: site.has_mail_server,
    goes_on_when_read_only=True,
)
async def send_mail(run: Run) -> None:
    """Make the attempt that the job is for."""
    if run.tools.hand_over is not None:
        await deliver(run.payload["mail_id"], run.payload["attempt"], run.tools.hand_over)


@job(
    "mail.forget",
    "Removes mails that were written a month ago.",
    every_s=DAY,
    goes_on_when_read_only=False,
)
async def forget_mail(run: Run) -> None:
    """Forget in batches."""
    while await forget(now_ms() - KEEP_MS):
        run.check()


async def deliver(mail_id: int, attempt: int, hand_over: HandOver) -> None:
    """Try once to send a mail, and enqueue the next attempt if it fails (back-off). Idempotent.

    If the process dies after the server accepted the mail and before that is committed, the mail is sent
    twice with one message id (at least once).
    """
    row = await fetch_one(f"SELECT {_COLUMNS} FROM mail m WHERE m.id = ? AND m.sent_at_ms IS NULL", mail_id)
    if row is None:
        return
    try:
        await hand_over(_COLUMNS.record(row))
    except MailUndelivered as error:
        async with transaction("mail.failed"):
            await execute("UPDATE mail SET error = ? WHERE id = ?", str(error)[:ERROR_LENGTH], mail_id)
            if attempt <= len(RETRY_AFTER_S) and not isinstance(error, MailRefused):
                payload = {"mail_id": mail_id, "attempt": attempt + 1}
                await enqueue(JOB, payload, delay_ms=RETRY_AFTER_S[attempt - 1] * 1000)
        return
    await execute("UPDATE mail SET sent_at_ms = ?, error = NULL, body = '' WHERE id = ?", now_ms(), mail_id)


async def forget(before_ms: int, *, limit: int = 500) -> int:
    """Delete at most `limit` mails written before a time, sent or not; returns how many were deleted.

    Also deletes their jobs, which stay unclaimed without a mail server.
    """
    await execute(
        "DELETE FROM job WHERE id IN (SELECT id FROM job WHERE kind = ? AND created_at_ms < ? LIMIT ?)",
        JOB,
        before_ms,
        limit,
    )
    return await execute(
        "DELETE FROM mail WHERE id IN (SELECT id FROM mail WHERE created_at_ms < ? LIMIT ?)", before_ms, limit
    )
