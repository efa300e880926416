"""`quayside mail list`: the outbox, for operators whose mail server is not set or refuses mail."""

import argparse
import asyncio
from datetime import UTC, datetime

from quayside.commands import settings_of
from quayside.commands.database import open_context
from quayside.settings.settings import Settings
from resolvers import mail
from resolvers.mail import MailRecord
from resolvers.pages import Page

BATCH = 500


def run(arguments: argparse.Namespace) -> int:
    """Print the mails, newest first, each as a block of headers and its text."""
    asyncio.run(_list(settings_of(arguments), include_sent=arguments.all))
    return 0


async def _list(settings: Settings, *, include_sent: bool) -> None:
    async with open_context(settings):
        page: Page | None = Page(BATCH)
        while page is not None:
            found = await mail.outbox(page, maximum=BATCH, is_sent=None if include_sent else False)
            for record in found.items:
                print(_block(record))
            page = Page(BATCH, found.cursors[-1]) if found.has_next else None


def _block(record: MailRecord) -> str:
    lines = [
        f"Mail: {record.id}",
        f"Written: {_time(record.created_at_ms)}",
        f"To: {record.recipient}",
        f"Subject: {record.subject}",
        f"Sent: {_time(record.sent_at_ms)}" if record.sent_at_ms else "Sent: not yet",
        *([f"Error: {record.error}"] if record.error else []),
        *(["", record.body.rstrip()] if record.body else []),
    ]
    return "\n".join(lines) + "\n"


def _time(milliseconds: int) -> str:
    return datetime.fromtimestamp(milliseconds // 1000, UTC).isoformat().replace("+00:00", "Z")
