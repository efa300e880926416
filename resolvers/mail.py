"""Mail: written to an outbox in the transaction of its cause, delivered by a job afterwards.

So a mail goes out if and only if the change that it tells of was made, however the process ends. Where no
mail server is set, nobody takes the jobs, and the mails wait.
"""

from storage.clock import now_ms
from storage.jobs import enqueue
from storage.models import Mail
from storage.transactions import open_transaction

JOB = "mail.send"
SUBJECT_LENGTH = 255


async def send(recipient: str, subject: str, body: str) -> None:
    """Put a plain text mail into the outbox, in the open transaction.

    White space in the subject becomes single blanks, since a line break would begin another header. Raises
    `RuntimeError` outside a transaction: a mail belongs to its cause.
    """
    if open_transaction.get() is None:
        raise RuntimeError(f"mail to {recipient} outside a transaction")
    mail = await Mail.create(
        recipient=recipient,
        subject=" ".join(subject.split())[:SUBJECT_LENGTH],
        body=body,
        created_at_ms=now_ms(),
    )
    await enqueue(JOB, {"mail_id": mail.id})
