"""The mail outbox: written with its cause, delivered at least once, retried with back-off, then abandoned."""

import pytest

from resolvers import mail
from resolvers.access.scopes import Scope
from resolvers.errors import Forbidden, Unauthenticated
from resolvers.mail import RETRY_AFTER_S, MailRecord, MailRefused, MailUndelivered
from resolvers.pages import Page
from storage.clock import now_ms
from storage.database import Database
from storage.statements import decode_json, execute, fetch
from storage.transactions import transaction
from tests.factories import EVERY_SCOPE, Factory


async def write(recipient: str = "ada@example.com", subject: str = "Hello", body: str = "A code.") -> None:
    async with transaction("test"):
        await mail.send(recipient, subject, body)


async def jobs() -> list[tuple[dict[str, int], int]]:
    """Payload and delay in seconds of each job to send mail."""
    rows = await fetch(
        "SELECT payload, run_at_ms - created_at_ms AS delay FROM job WHERE kind = 'mail.send' ORDER BY id"
    )
    return [(decode_json(row["payload"]), row["delay"] // 1000) for row in rows]


async def mails() -> list[MailRecord]:
    return (await mail.outbox(Page(100), maximum=100)).items


async def test_mail_needs_a_transaction(database: Database) -> None:
    with pytest.raises(RuntimeError):
        await mail.send("ada@example.com", "Hello", "A code.")

    assert await mails() == []


async def test_mail_is_rolled_back_with_its_cause(database: Database) -> None:
    async def fail() -> None:
        async with transaction("test"):
            await mail.send("ada@example.com", "Hello", "A code.")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail()

    assert (await mails(), await jobs()) == ([], [])


async def test_a_subject_cannot_inject_a_header(database: Database) -> None:
    await write(subject="Hello\r\nBcc: eve@example.com " + "x" * 300)

    (written,) = await mails()
    assert written.subject == ("Hello Bcc: eve@example.com " + "x" * 300)[:255]


async def test_a_sent_mail_keeps_no_body_and_is_not_sent_again(database: Database) -> None:
    await write()
    (written,) = await mails()
    taken: list[MailRecord] = []

    async def take(record: MailRecord) -> None:
        taken.append(record)

    for attempt in (1, 1, 2):
        await mail.deliver(written.id, attempt, take)

    assert taken == [written]
    (sent,) = await mails()
    assert (sent.body, sent.error) == (None, None)
    assert sent.sent_at_ms is not None
    assert await jobs() == [({"mail_id": written.id, "attempt": 1}, 0)]


async def test_a_temporary_failure_is_retried_a_bounded_number_of_times(database: Database) -> None:
    await write()
    (written,) = await mails()

    async def later(record: MailRecord) -> None:
        raise MailUndelivered("450 come again")

    for attempt in range(1, len(RETRY_AFTER_S) + 2):
        await mail.deliver(written.id, attempt, later)

    assert await jobs() == [
        ({"mail_id": written.id, "attempt": attempt}, delay)
        for attempt, delay in enumerate((0, *RETRY_AFTER_S), start=1)
    ]
    (waiting,) = await mails()
    assert (waiting.body, waiting.error, waiting.sent_at_ms) == ("A code.", "450 come again", None)


async def test_a_permanent_failure_is_not_retried(database: Database) -> None:
    await write()
    (written,) = await mails()

    async def refuse(record: MailRecord) -> None:
        raise MailRefused("550 no such user" + "x" * 1000)

    await mail.deliver(written.id, 1, refuse)

    assert len(await jobs()) == 1
    (waiting,) = await mails()
    assert waiting.error == ("550 no such user" + "x" * 1000)[:500]


async def test_old_mail_is_deleted_with_its_unclaimed_jobs(database: Database) -> None:
    await write()
    await execute("UPDATE mail SET created_at_ms = 5")
    await execute("UPDATE job SET created_at_ms = 5")
    await write("bob@example.com")

    assert await mail.forget(now_ms() - 60_000) == 1

    assert [record.recipient for record in await mails()] == ["bob@example.com"]
    assert len(await jobs()) == 1


async def test_only_superusers_see_the_outbox(factory: Factory) -> None:
    await factory.user("ada", is_superuser=True)
    await factory.user("bob")
    await write()

    with pytest.raises(Unauthenticated):
        await mail.mails(factory.context(), Page())
    with pytest.raises(Forbidden):
        await mail.mails(await factory.as_account("bob", EVERY_SCOPE), Page())
    with pytest.raises(Forbidden):
        await mail.mails(await factory.as_account("ada", EVERY_SCOPE - {Scope.SUPER_USER}), Page())
